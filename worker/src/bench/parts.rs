//! The parts of an existing project on a bench: their setups, what is believed of what failed, and what is
//! proposed to mend it.

use codegod_docker::Siblings;
use codegod_protocol::action::Service;
use codegod_protocol::environment::Recipe;
use codegod_protocol::evidence::Evidence;
use codegod_protocol::result::Diagnosed;
use codegod_protocol::setup::{Setup, Setups};
use codegod_reasoner::diagnosis::Diagnosis;

use super::Bench;
use super::files::Overlay;
use crate::error::Error;

/// What an attempt knows of the project's parts.
#[derive(Debug, Default)]
pub(super) struct Parts {
    setups: Setups,
    diagnosed: Vec<Diagnosed>,
    proposal: Option<Proposal>,
}

/// A diagnosis that another task acts on, after which the attempt's own is tried again.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What is believed.
    pub diagnosis: Diagnosis,
    /// The part's setup with what follows from it.
    pub next: Setup,
}

impl Parts {
    pub(super) fn of(setups: &Setups) -> Self {
        Self { setups: setups.clone(), ..Self::default() }
    }
}

impl Bench<'_> {
    /// The setup of a part as it is now.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such part.
    pub fn setup(&self, part: &str) -> Result<Setup, Error> {
        let known = self.parts.setups.get(part);
        known.cloned().ok_or_else(|| Error::Invalid(format!("the project has no part {part:?}")))
    }

    /// All setups as they are now.
    #[must_use]
    pub fn setups(&self) -> &Setups {
        &self.parts.setups
    }

    /// Replaces the setup of a part.
    pub fn keep_setup(&mut self, setup: Setup) {
        self.parts.setups.insert(setup.part.clone(), setup);
    }

    /// Notes what is believed of a failure, and what was done about it (nothing: a person has to).
    pub fn diagnosed(&mut self, part: &str, diagnosis: &Diagnosis, done: &str) {
        let said = if done.is_empty() { "a person has to see to it" } else { done };
        self.context.journal.say(&format!(
            "diagnosis {} ({:.0} %): {} — {said}",
            diagnosis.rule,
            diagnosis.confidence * 100.0,
            diagnosis.believes
        ));
        self.parts.diagnosed.push(Diagnosed {
            part: part.to_owned(),
            rule: diagnosis.rule.clone(),
            saw: diagnosis.saw.clone(),
            believes: diagnosis.believes.clone(),
            confidence: diagnosis.confidence,
            disproved_by: diagnosis.disproved_by.clone(),
            done: done.to_owned(),
        });
    }

    /// All that was believed so far.
    #[must_use]
    pub fn all_diagnosed(&self) -> Vec<Diagnosed> {
        self.parts.diagnosed.clone()
    }

    /// Proposes what another task is to do before this one is tried again.
    pub fn propose(&mut self, proposal: Proposal) {
        self.parts.proposal = Some(proposal);
    }

    /// The proposal, once.
    pub fn take_proposal(&mut self) -> Option<Proposal> {
        self.parts.proposal.take()
    }

    /// Whether a sandbox runs, so that its workspace may hold what is nowhere else.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.sandbox.is_some()
    }

    /// Replaces the environment's recipe and makes the environment. A running sandbox is replaced by one on
    /// it, with the workspace as it stands.
    ///
    /// # Errors
    /// As [`Bench::install`].
    pub async fn use_recipe(&mut self, recipe: Recipe) -> Result<Vec<Evidence>, Error> {
        if recipe == self.recipe && self.image.is_some() {
            return Ok(Vec::new());
        }
        self.recipe = recipe;
        let (image, evidence) = self.make_environment().await?;
        if self.image.as_deref() != Some(image.as_str()) {
            self.image = Some(image);
            self.move_to_new_sandbox().await?;
        }
        Ok(evidence)
    }

    /// Starts services beside the sandbox, unless they run there already. Gives what shows that they answer.
    ///
    /// # Errors
    /// [`Error`] when an image can't be had or Docker fails.
    pub async fn start_services(&mut self, services: &[Service]) -> Result<Vec<Evidence>, Error> {
        if services.is_empty() || self.siblings.is_some() {
            return Ok(Vec::new());
        }
        let context = self.context;
        let sandbox = self.sandbox().await?;
        let mut progress = |line: &str| context.journal.say(line);
        let started = Siblings::start(sandbox, services, &context.labels(), &mut progress).await;
        let (siblings, evidence) = started?;
        self.siblings = Some(siblings);
        Ok(evidence)
    }

    /// What was written and is in no sandbox yet.
    #[must_use]
    pub fn pending(&self) -> Overlay {
        self.overlay.clone()
    }

    /// Gives up the running sandbox with everything that was done in it, but for `kept` files.
    ///
    /// # Errors
    /// As [`Bench::write`].
    pub async fn start_over(&mut self, kept: Overlay) -> Result<(), Error> {
        self.stop_sandbox().await;
        self.write(kept).await.map(|_read_back| ())
    }
}
