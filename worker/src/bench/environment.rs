//! The bench's environment: steps are added to its recipe, and the image is looked up or built.

use std::collections::{BTreeMap, BTreeSet};

use codegod_docker::{environment, images};
use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::evidence::Evidence;

use super::Bench;
use crate::error::Error;

impl Bench<'_> {
    /// Adds a step to the environment's recipe; it is made together with the next that is installed.
    pub fn add_step(&mut self, step: SetupStep) {
        let _known = self.recipe.add(step);
    }

    /// Adds a step to the environment's recipe and makes the environment. A running sandbox is replaced
    /// by one on the new environment, with the workspace as it stands.
    ///
    /// # Errors
    /// [`codegod_docker::Error::StepFailed`] with the evidence when the step fails; [`Error`] otherwise.
    pub async fn install(&mut self, step: SetupStep) -> Result<Vec<Evidence>, Error> {
        // A step that is there already changes nothing: its image is found.
        self.add_step(step);
        let (image, evidence) = self.make_environment().await?;
        if self.image.as_deref() != Some(image.as_str()) {
            self.image = Some(image);
            self.move_to_new_sandbox().await?;
        }
        Ok(evidence)
    }

    /// Gives the environment's image the name that the recipe has after its last step is replaced:
    /// the same content, told another way (`npm ci` with the lock file that `npm install` made).
    ///
    /// # Errors
    /// [`Error`] when Docker fails.
    pub async fn rename_last_step(&mut self, step: SetupStep) -> Result<(), Error> {
        let mut recipe = self.recipe.clone();
        recipe.steps.pop();
        recipe.steps.push(step);
        let Some(image) = self.image.clone() else {
            return Err(Error::Invalid("no environment was made yet".to_owned()));
        };
        let manifests = self.manifests(&recipe).await?;
        let context = self.context;
        let base =
            images::ensure(&context.engine, &recipe.base, &mut |line| context.journal.say(line)).await?;
        let hash = recipe.hash(&base.to_string(), |path| manifests.get(path).cloned().flatten());
        self.image = Some(environment::alias(&context.engine, &image, &hash).await?);
        self.recipe = recipe;
        Ok(())
    }

    async fn manifests(&mut self, recipe: &Recipe) -> Result<BTreeMap<String, Option<Vec<u8>>>, Error> {
        let wanted: BTreeSet<String> =
            recipe.steps.iter().flat_map(|step| step.reads.iter().cloned()).collect();
        let mut manifests = BTreeMap::new();
        for path in wanted {
            let content = self.read(&path).await?;
            manifests.insert(path, content);
        }
        Ok(manifests)
    }

    pub(super) async fn make_environment(&mut self) -> Result<(String, Vec<Evidence>), Error> {
        let recipe = self.recipe.clone();
        let manifests = self.manifests(&recipe).await?;
        let context = self.context;
        let environment = environment::ensure(
            &context.engine,
            &recipe,
            &context.labels(),
            |path: &str| manifests.get(path).cloned().flatten(),
            context.stop.token(),
            |bytes: &[u8]| context.journal.output(bytes),
        )
        .await;
        context.check_stop()?;
        let environment = environment?;
        let how = if environment.built { "built" } else { "found" };
        context.journal.say(&format!("environment {} {how}", environment.image));
        Ok((environment.image, environment.evidence))
    }
}
