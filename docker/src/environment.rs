//! Environments: what is installed, as an image named by its recipe, so that each is built once.

use std::time::Duration;

use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::evidence::Evidence;
use tokio_util::sync::CancellationToken;

use super::archive::{self, AGENT_ID, Archive};
use super::builder::{self, Claim};
use super::container::Volumes;
use super::engine::Engine;
use super::error::Error;
use super::images::{self, LAYOUT_LABEL};
use super::labels::{Labels, Purpose};
use super::sandbox::{CommandSpec, Sandbox, User};
use super::volumes;

/// The repository of environment images; the tag is the recipe's hash.
const REPOSITORY: &str = "codegod/env";
/// The label that holds the recipe, as JSON.
const RECIPE_LABEL: &str = "codegod.recipe";
/// The longest that one setup step may take.
const STEP_DEADLINE: Duration = Duration::from_secs(1800);

/// An environment that is on this host.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Its image, by name.
    pub image: String,
    /// The recipe's hash, which is the image's tag.
    pub hash: String,
    /// Whether this call built it; else it was there.
    pub built: bool,
    /// The steps that were run, in order; empty when it was there.
    pub evidence: Vec<Evidence>,
}

/// Gives the environment of a recipe: looked up, else built. `manifest` gives the content of a file
/// that a step reads, `None` when the source has no such file. `on_output` is given the steps'
/// output as it comes.
///
/// # Errors
/// [`Error::StepFailed`] with the step's evidence; [`Error::Cancelled`]; what
/// [`images::ensure`] gives for the base image; or when the daemon fails.
pub async fn ensure(
    engine: &Engine,
    recipe: &Recipe,
    labels: &Labels,
    manifest: impl Fn(&str) -> Option<Vec<u8>> + Sync,
    cancel: &CancellationToken,
    mut on_output: impl FnMut(&[u8]) + Send,
) -> Result<Environment, Error> {
    let base = {
        let mut progress = |line: &str| on_output(format!("{line}\n").as_bytes());
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Error::Cancelled),
            base = images::ensure(engine, &recipe.base, &mut progress) => base?.to_string(),
        }
    };
    check_paths(recipe)?;
    let hash = recipe.hash(&base, &manifest);
    let image = format!("{REPOSITORY}:{hash}");
    loop {
        if engine.image_id(&image).await?.is_some() {
            return Ok(Environment { image, hash, built: false, evidence: Vec::new() });
        }
        volumes::prepare(engine, &base).await?;
        let (start, done) = longest_prefix(engine, recipe, &base, &manifest).await?;
        let claim = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Error::Cancelled),
            claim = builder::claim(engine, &image, &start, labels, Volumes::Shared, volumes::CA_FILE) => claim,
        };
        let sandbox = match claim {
            Ok(Claim::Mine(sandbox)) => sandbox,
            Ok(Claim::Waited) => continue,
            // It was removed between the look and the claim: what is there now is looked for again.
            Err(Error::ImageGone { image }) if image != base => continue,
            Err(error) => return Err(error),
        };
        let built = async {
            fill(engine, &sandbox, recipe, &manifest).await?;
            let evidence = run_steps(&sandbox, &recipe.steps[done..], &start, cancel, &mut on_output).await?;
            commit(engine, &sandbox, recipe, &image).await?;
            Ok(evidence)
        }
        .await;
        match &built {
            // The image is there: nobody waits for the builder's name any more.
            Ok(_) => sandbox.discard(),
            Err(_) => sandbox.remove().await?,
        }
        return built.map(|evidence| Environment { image, hash, built: true, evidence });
    }
}

/// Names an environment's image also after another recipe: one that is known to give the same.
///
/// # Errors
/// When the image is absent or the daemon refuses.
pub async fn alias(engine: &Engine, image: &str, hash: &str) -> Result<String, Error> {
    let options =
        bollard::query_parameters::TagImageOptionsBuilder::default().repo(REPOSITORY).tag(hash).build();
    let tagged = engine.docker().tag_image(image, Some(options)).await;
    tagged.map_err(|error| Error::docker(format!("name {image} also {hash}"), error))?;
    Ok(format!("{REPOSITORY}:{hash}"))
}

/// Recipes come from plans, so from models and users: a path must stay in the workspace.
fn check_paths(recipe: &Recipe) -> Result<(), Error> {
    let inside = |path: &str| !path.starts_with('/') && path.split('/').all(|part| part != "..");
    let paths = recipe.steps.iter().flat_map(|step| step.reads.iter().chain([&step.workdir]));
    match paths.into_iter().find(|path| !inside(path)) {
        Some(path) => Err(Error::Invalid(format!("the recipe's path {path:?} lies outside the workspace"))),
        None => Ok(()),
    }
}

/// The image of the longest beginning of the recipe that exists, and how many steps it holds.
async fn longest_prefix(
    engine: &Engine,
    recipe: &Recipe,
    base: &str,
    manifest: &(impl Fn(&str) -> Option<Vec<u8>> + Sync),
) -> Result<(String, usize), Error> {
    for length in (1..recipe.steps.len()).rev() {
        let prefix = Recipe { base: recipe.base.clone(), steps: recipe.steps[..length].to_vec() };
        let image = format!("{REPOSITORY}:{}", prefix.hash(base, manifest));
        if engine.image_id(&image).await?.is_some() {
            return Ok((image, length));
        }
    }
    Ok((base.to_owned(), 0))
}

/// Puts the folders, the host's apt configuration and the manifests into the builder.
async fn fill(
    engine: &Engine,
    sandbox: &Sandbox,
    recipe: &Recipe,
    manifest: &(impl Fn(&str) -> Option<Vec<u8>> + Sync),
) -> Result<(), Error> {
    sandbox.upload(archive::layout()?, "/").await?;
    if let Some(files) = images::host_files(engine.settings())? {
        sandbox.upload(files, "/").await?;
    }
    let mut archive = Archive::new();
    for path in recipe.steps.iter().flat_map(|step| &step.reads) {
        let Some(content) = manifest(path) else { continue };
        folders(&mut archive, path.rsplit_once('/').map_or("", |(folder, _)| folder))?;
        archive.file(path, AGENT_ID, 0o644, &content)?;
    }
    for step in &recipe.steps {
        folders(&mut archive, &step.workdir)?;
    }
    sandbox.upload(archive.finish()?, "/workspace").await
}

/// Adds a folder and those above it, so that all belong to the agent's user.
fn folders(archive: &mut Archive, path: &str) -> Result<(), Error> {
    let mut folder = String::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        folder.push_str(part);
        archive.folder(&folder, AGENT_ID, 0o755)?;
        folder.push('/');
    }
    Ok(())
}

async fn run_steps(
    sandbox: &Sandbox,
    steps: &[SetupStep],
    image: &str,
    cancel: &CancellationToken,
    on_output: &mut (impl FnMut(&[u8]) + Send),
) -> Result<Vec<Evidence>, Error> {
    let mut all = Vec::new();
    for step in steps {
        let spec = CommandSpec {
            workdir: step.workdir.clone(),
            user: if step.root { User::Root } else { User::Agent },
            ..CommandSpec::new(step.run.clone(), STEP_DEADLINE)
        };
        let output = sandbox.run(&spec, cancel, &mut *on_output).await?;
        let evidence = output.evidence(step.run.clone(), Some(image));
        if !evidence.succeeded() {
            return Err(Error::StepFailed { evidence: Box::new(evidence) });
        }
        all.push(evidence);
    }
    Ok(all)
}

async fn commit(engine: &Engine, sandbox: &Sandbox, recipe: &Recipe, image: &str) -> Result<(), Error> {
    let mut labels = Labels::default().to_map(Purpose::Env);
    labels.insert(LAYOUT_LABEL.to_owned(), "1".to_owned());
    let json =
        serde_json::to_string(recipe).map_err(|error| Error::Invalid(format!("write a recipe: {error}")))?;
    labels.insert(RECIPE_LABEL.to_owned(), json);
    let changes = ["USER 10001:10001".to_owned(), "WORKDIR /workspace".to_owned()];
    builder::commit(engine, sandbox, image, &changes, labels).await.map(|_| ())
}
