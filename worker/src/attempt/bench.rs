//! A bench: one environment with the workspace laid over it, where an attempt's actions run.
//!
//! Files that are written before the first command runs are kept aside and go into the sandbox in one
//! archive, and setup steps only need manifests: so a task that writes files, installs and then runs
//! something starts one sandbox, on its final environment.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use bytes::Bytes;
use codegod_protocol::client::now_ms;
use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::evidence::Evidence;
use codegod_protocol::result::ResourceUsage;
use codegod_protocol::task::TaskKind;
use codegod_source::Message;

use super::context::Context;
use super::files::{self, AGENT_UID, Overlay, Written, quote};
use crate::error::Error;
use codegod_docker::environment;
use codegod_docker::{CommandOutput, CommandSpec, Network, Sandbox, images};

/// Files that are made by installing and running, and never belong into a commit, whatever the
/// project's own `.gitignore` says.
const NEVER_COMMITTED: [&str; 8] =
    ["node_modules/", ".venv/", "venv/", "__pycache__/", "*.pyc", ".pytest_cache/", ".vite/", ".coverage"];

/// How long the workspace may take to be read back.
const COLLECT_DEADLINE: Duration = Duration::from_secs(120);
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
    usage: ResourceUsage,
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
            usage: ResourceUsage::default(),
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
        context.stop.check()?;
        let sandbox = self.sandbox().await?;
        context.journal.say(&format!("$ {}", spec.run));
        let output = sandbox.run(spec, context.stop.token(), |bytes| context.journal.output(bytes)).await?;
        context.stop.check()?;
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

    async fn make_environment(&mut self) -> Result<(String, Vec<Evidence>), Error> {
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
        context.stop.check()?;
        let environment = environment?;
        let how = if environment.built { "built" } else { "found" };
        context.journal.say(&format!("environment {} {how}", environment.image));
        Ok((environment.image, environment.evidence))
    }

    async fn sandbox(&mut self) -> Result<&Sandbox, Error> {
        if self.sandbox.is_none() {
            let image = match &self.image {
                Some(image) => image.clone(),
                None => {
                    let (image, _) = self.make_environment().await?;
                    self.image = Some(image.clone());
                    image
                }
            };
            let workspace = self.workspace().await?;
            self.start_sandbox(&image, workspace).await?;
            self.overlay.clear();
        }
        self.sandbox.as_ref().ok_or_else(|| Error::Invalid("the sandbox did not start".to_owned()))
    }

    async fn start_sandbox(&mut self, image: &str, workspace: Bytes) -> Result<(), Error> {
        let context = self.context;
        let sandbox = Sandbox::start(&context.engine, image, &context.labels(), Network::Bridge).await?;
        sandbox.upload(workspace, "/workspace").await?;
        if !self.private.is_empty() {
            sandbox.upload(files::pack(&self.private, AGENT_UID)?, "/workspace").await?;
        }
        self.sandbox = Some(sandbox);
        Ok(())
    }

    async fn move_to_new_sandbox(&mut self) -> Result<(), Error> {
        if self.sandbox.is_none() {
            return Ok(());
        }
        let workspace = self.workspace().await?;
        self.stop_sandbox().await;
        let Some(image) = self.image.clone() else { return Ok(()) };
        self.start_sandbox(&image, workspace).await
    }

    /// The tracked files of the workspace as they stand, as an archive.
    ///
    /// # Errors
    /// [`Error`] when Docker or git fail, or the workspace is too large.
    async fn workspace(&self) -> Result<Bytes, Error> {
        if let Some(sandbox) = &self.sandbox {
            return self.collect(sandbox).await;
        }
        let limit = self.context.engine.settings().max_tar_bytes as u64;
        let commit = self.context.repository.to_tar(&self.commit, AGENT_UID, AGENT_UID, limit).await?;
        if self.overlay.is_empty() {
            return Ok(commit.into());
        }
        files::lay_over(&commit, &self.overlay, AGENT_UID)
    }

    /// The files that an image is built from, owned by root: always those of a commit. A container's
    /// files differ from it in owner and order, which would cost the daemon's builder its cache; and
    /// a task that changes nothing builds from what was published, whatever its checks left behind.
    ///
    /// # Errors
    /// As [`Bench::commit`].
    pub async fn build_context(&mut self, message: &Message) -> Result<Bytes, Error> {
        let commit = match self.context.task.kind {
            TaskKind::Work | TaskKind::Merge => self.commit(message).await?,
            TaskKind::Check | TaskKind::Verification => self.commit.clone(),
        };
        let limit = self.context.engine.settings().max_tar_bytes as u64;
        Ok(self.context.repository.to_tar(&commit, 0, 0, limit).await?.into())
    }

    /// Reads the workspace back out of the sandbox: what the commit had, and what is new and not
    /// ignored by the project.
    async fn collect(&self, sandbox: &Sandbox) -> Result<Bytes, Error> {
        let tracked = self.context.repository.list(&self.commit).await?;
        let mut list = Vec::new();
        for entry in &tracked {
            list.extend_from_slice(entry.path.as_os_str().as_bytes());
            list.push(0);
        }
        let excluded: String = NEVER_COMMITTED
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .chain(self.private.keys().map(|path| format!("/{path}")))
            .fold(String::new(), |all, pattern| format!("{all} -x {}", quote(&pattern)));
        sandbox.upload(aside("codegod-tracked", &list)?, "/tmp").await?;
        let script = format!(
            "set -e; export GIT_DIR=/tmp/codegod-git GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1; \
             rm -rf $GIT_DIR; git init -q; \
             {{ git --work-tree=/workspace ls-files -z -o --exclude-standard{excluded}; cat /tmp/codegod-tracked; }} \
             | sort -zu | tar --null --no-recursion --ignore-failed-read --warning=no-failed-read \
             --owner={AGENT_UID} --group={AGENT_UID} --mtime=@0 -cf - -T -"
        );
        let limit = self.context.engine.settings().max_tar_bytes;
        let spec = CommandSpec::new(script, COLLECT_DEADLINE);
        let raw = sandbox.run_raw(&spec, self.context.stop.token(), limit).await?;
        if raw.exit_code != 0 {
            let why = String::from_utf8_lossy(&raw.stderr).trim().to_owned();
            return Err(Error::Invalid(format!("read the workspace back: {why}")));
        }
        Ok(raw.stdout)
    }

    /// Commits the workspace as it stands; the commit itself when nothing changed.
    ///
    /// # Errors
    /// [`Error`] when Docker or git fail.
    pub async fn commit(&mut self, message: &Message) -> Result<String, Error> {
        if self.sandbox.is_none() && self.overlay.is_empty() {
            return Ok(self.commit.clone());
        }
        let workspace = self.workspace().await?;
        let repository = &self.context.repository;
        let date = i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX);
        let limit = self.context.engine.settings().max_tar_bytes as u64;
        Ok(repository.commit_tar(&[&self.commit], &workspace, message, date, limit).await?)
    }

    async fn stop_sandbox(&mut self) {
        let Some(sandbox) = self.sandbox.take() else { return };
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
