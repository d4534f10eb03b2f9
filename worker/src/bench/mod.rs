//! A bench: one environment with the workspace laid over it, where an attempt's actions run.
//!
//! Files that are written before the first command runs are kept aside and go into the sandbox in one
//! archive, and setup steps only need manifests: so a task that writes files, installs and then runs
//! something starts one sandbox, on its final environment.

mod environment;
pub mod files;
mod parts;
mod workspace;

use std::time::Duration;

use bytes::Bytes;
use codegod_protocol::environment::Recipe;
use codegod_protocol::result::ResourceUsage;

pub use self::parts::Proposal;

use self::files::{AGENT_UID, Overlay, Written, quote};
use crate::context::Context;
use crate::error::Error;
use codegod_docker::{self as docker, CommandOutput, CommandSpec, Network, Sandbox, Siblings, images};

/// How long the workspace may take to be read back.
const COLLECT_DEADLINE: Duration = Duration::from_secs(120);
/// How often an environment is made whose image goes before it is used.
const IMAGE_TRIES: u32 = 3;
/// The largest file that an action reads, in bytes.
const MAX_READ_BYTES: usize = 8 * 1024 * 1024;

/// One environment with the workspace laid over it.
pub struct Bench<'a> {
    /// The attempt.
    pub context: &'a Context,
    /// The commit that is laid over the environment.
    commit: String,
    recipe: Recipe,
    image: Option<String>,
    overlay: Overlay,
    private: Overlay,
    sandbox: Option<Sandbox>,
    siblings: Option<Siblings>,
    usage: ResourceUsage,
    parts: parts::Parts,
}

impl<'a> Bench<'a> {
    /// A bench on `commit` with an environment; nothing is started yet.
    #[must_use]
    pub fn new(context: &'a Context, commit: &str, recipe: Option<Recipe>) -> Self {
        Self {
            context,
            commit: commit.to_owned(),
            recipe: recipe.unwrap_or_else(|| Recipe::from_base(images::WORKBENCH)),
            image: None,
            overlay: Overlay::new(),
            private: Overlay::new(),
            sandbox: None,
            siblings: None,
            usage: ResourceUsage::default(),
            parts: parts::Parts::of(&context.setups),
        }
    }

    /// The environment's recipe.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The environment's image, once it was looked up or built.
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// The commit that the bench started from.
    #[must_use]
    pub fn start_commit(&self) -> &str {
        &self.commit
    }

    /// Lays another commit under the bench; only before its sandbox started.
    ///
    /// # Errors
    /// [`Error::Invalid`] when something was already done on the bench.
    pub fn rebase(&mut self, commit: String) -> Result<(), Error> {
        if self.sandbox.is_some() || !self.overlay.is_empty() {
            return Err(Error::Invalid("the bench is already in use".to_owned()));
        }
        self.commit = commit;
        Ok(())
    }

    /// A file of the workspace; none when there is no such file.
    ///
    /// # Errors
    /// [`Error`] when the path leaves the workspace, or Docker or git fail.
    pub async fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = files::clean_path(path)?;
        if let Some(sandbox) = &self.sandbox {
            let file = quote(&path);
            let spec = CommandSpec::new(format!("test -f {file} || exit 44; cat {file}"), COLLECT_DEADLINE);
            let raw = sandbox.run_raw(&spec, self.context.stop.token(), MAX_READ_BYTES).await?;
            return match raw.exit_code {
                0 => Ok(Some(raw.stdout.to_vec())),
                44 => Ok(None),
                code => Err(Error::Invalid(format!("read {path}: cat ended with exit code {code}"))),
            };
        }
        if let Some(written) = self.private.get(&path).or_else(|| self.overlay.get(&path)) {
            return Ok(Some(written.content.clone()));
        }
        Ok(self.context.repository.read_file(&self.commit, &path, MAX_READ_BYTES as u64).await?)
    }

    /// Whether a path is a file, or a folder that holds one.
    ///
    /// # Errors
    /// As [`Bench::read`].
    pub async fn has(&mut self, path: &str) -> Result<bool, Error> {
        let path = files::clean_path(path)?;
        if let Some(sandbox) = &self.sandbox {
            let spec = CommandSpec::new(format!("test -e {}", quote(&path)), COLLECT_DEADLINE);
            return Ok(sandbox.run_raw(&spec, self.context.stop.token(), 0).await?.exit_code == 0);
        }
        let below = format!("{path}/");
        let is_it = |known: &str| known == path || known.starts_with(&below);
        if self.overlay.keys().any(|known| is_it(known)) {
            return Ok(true);
        }
        let entries = self.context.repository.list(&self.commit).await?;
        Ok(entries.iter().any(|entry| is_it(&entry.path.to_string_lossy())))
    }

    /// Writes files of the workspace and reads them back: what came of it, for each.
    ///
    /// # Errors
    /// [`Error`] when a path leaves the workspace, or Docker fails.
    pub async fn write(&mut self, written: Overlay) -> Result<Vec<(String, bool)>, Error> {
        let mut clean = Overlay::new();
        for (path, file) in written {
            clean.insert(files::clean_path(&path)?, file);
        }
        let paths: Vec<(String, Vec<u8>)> =
            clean.iter().map(|(path, file)| (path.clone(), file.content.clone())).collect();
        if let Some(sandbox) = &self.sandbox {
            sandbox.upload(files::pack(&clean, AGENT_UID)?, "/workspace").await?;
        } else {
            self.overlay.extend(clean);
        }
        let mut read_back = Vec::with_capacity(paths.len());
        for (path, content) in paths {
            let same = self.read(&path).await? == Some(content);
            read_back.push((path, same));
        }
        Ok(read_back)
    }

    /// Writes a file that belongs to this attempt alone: in every sandbox of it, never in the commit.
    ///
    /// # Errors
    /// [`Error`] when the path leaves the workspace, or Docker fails.
    pub async fn write_private(&mut self, path: &str, content: &[u8]) -> Result<(), Error> {
        let path = files::clean_path(path)?;
        self.private.insert(path, Written { content: content.to_vec(), executable: false });
        match &self.sandbox {
            Some(sandbox) => Ok(sandbox.upload(files::pack(&self.private, AGENT_UID)?, "/workspace").await?),
            None => Ok(()),
        }
    }

    /// Runs a command on the bench; its output goes to the log as it comes.
    ///
    /// # Errors
    /// [`Error`] when the environment can't be had or Docker fails. That the command fails is no error.
    pub async fn run(&mut self, spec: &CommandSpec) -> Result<CommandOutput, Error> {
        let context = self.context;
        context.check_stop()?;
        let sandbox = self.sandbox().await?;
        context.journal.say(&format!("$ {}", spec.run));
        let output = sandbox.run(spec, context.stop.token(), |bytes| context.journal.output(bytes)).await?;
        context.check_stop()?;
        Ok(output)
    }

    /// As [`Bench::run`], with the command's standard output whole and not in the log.
    ///
    /// # Errors
    /// As [`Bench::run`].
    pub async fn run_raw(
        &mut self,
        spec: &CommandSpec,
        limit: usize,
    ) -> Result<codegod_docker::RawOutput, Error> {
        let context = self.context;
        let sandbox = self.sandbox().await?;
        Ok(sandbox.run_raw(spec, context.stop.token(), limit).await?)
    }

    /// Puts files where only this sandbox sees them (`/tmp`).
    ///
    /// # Errors
    /// [`Error`] when Docker fails.
    pub async fn upload_aside(&mut self, name: &str, content: &[u8]) -> Result<(), Error> {
        Ok(self.sandbox().await?.upload(aside(name, content)?, "/tmp").await?)
    }

    async fn sandbox(&mut self) -> Result<&Sandbox, Error> {
        if self.sandbox.is_none() {
            let workspace = self.workspace().await?;
            self.sandbox = Some(self.start_sandbox(workspace).await?);
            self.overlay.clear();
        }
        self.sandbox.as_ref().ok_or_else(|| Error::Invalid("the sandbox did not start".to_owned()))
    }

    /// Starts a sandbox on the environment, which is made when there is none yet, and again when its image
    /// went to make room on the host in the moment before it was used.
    async fn start_sandbox(&mut self, workspace: Bytes) -> Result<Sandbox, Error> {
        let context = self.context;
        let mut tries = 0;
        let sandbox = loop {
            let image = match &self.image {
                Some(image) => image.clone(),
                None => self.make_environment().await?.0,
            };
            self.image = Some(image.clone());
            tries += 1;
            match Sandbox::start(&context.engine, &image, &context.labels(), Network::Bridge).await {
                Err(docker::Error::ImageGone { .. }) if tries < IMAGE_TRIES => self.image = None,
                started => break started?,
            }
        };
        sandbox.upload(workspace, "/workspace").await?;
        if !self.private.is_empty() {
            sandbox.upload(files::pack(&self.private, AGENT_UID)?, "/workspace").await?;
        }
        Ok(sandbox)
    }

    async fn move_to_new_sandbox(&mut self) -> Result<(), Error> {
        if self.sandbox.is_none() {
            return Ok(());
        }
        let workspace = self.workspace().await?;
        // The old one stays until then: manifests are read from it, should the image be made once more.
        let sandbox = self.start_sandbox(workspace).await?;
        self.stop_sandbox().await;
        self.sandbox = Some(sandbox);
        Ok(())
    }

    async fn stop_sandbox(&mut self) {
        let Some(sandbox) = self.sandbox.take() else { return };
        // They live in its network.
        self.siblings = None;
        match sandbox.usage().await {
            Ok(used) => {
                self.usage.cpu_seconds += used.cpu_seconds;
                self.usage.peak_memory_bytes = self.usage.peak_memory_bytes.max(used.peak_memory_bytes);
                self.usage.output_bytes += used.output_bytes;
            }
            Err(error) => tracing::debug!(%error, "a sandbox's usage could not be read"),
        }
        sandbox.discard();
    }

    /// Gives the sandbox up; it is removed while the work goes on. Returns what was used.
    pub async fn close(&mut self) -> ResourceUsage {
        self.stop_sandbox().await;
        self.usage
    }
}

/// An archive of one file that does not belong to the workspace.
fn aside(name: &str, content: &[u8]) -> Result<Bytes, Error> {
    let file = Written { content: content.to_vec(), executable: false };
    files::pack(&Overlay::from([(name.to_owned(), file)]), AGENT_UID)
}
