//! A sandbox: a container with limits in which actions run, one command after another.
//!
//! Process 1 runs as root without capabilities, commands run as another user: so one signal to all
//! processes of that user ends whatever a timed-out command started, and the sandbox stays usable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::query_parameters::{KillContainerOptions, StartContainerOptions};
use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::archive;
use super::capture::{Capture, CommandOutput, TIMED_OUT};
use super::container::{self, Created, Idle, Network, Privileges, Volumes};
use super::engine::Engine;
use super::error::Error;
use super::exec::{self, Ending, Pipe, Running};
use super::labels::{Labels, Purpose};
use super::volumes;

/// How long the killing of a command's processes may take before the container is restarted.
const KILL_DEADLINE: Duration = Duration::from_secs(10);
/// How often the kernel killed a process for want of memory, on cgroup v1 and v2.
const OOM_COUNT: &str = "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2>/dev/null | grep '^oom_kill '";

/// As whom a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum User {
    /// The agent's user, 10001.
    #[default]
    Agent,
    /// Root: without capabilities in a sandbox, with those for installing in a builder.
    Root,
}

/// A command to run.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandSpec {
    /// The command, run with `sh -c`.
    pub run: String,
    /// Its folder; a relative one is below `/workspace`.
    pub workdir: String,
    /// Environment variables beside those that every command has.
    pub env: BTreeMap<String, String>,
    /// The longest it may take.
    pub deadline: Duration,
    /// As whom it runs.
    pub user: User,
}

impl CommandSpec {
    /// A command in the workspace as the agent's user.
    #[must_use]
    pub fn new(run: impl Into<String>, deadline: Duration) -> Self {
        Self { run: run.into(), workdir: String::new(), env: BTreeMap::new(), deadline, user: User::Agent }
    }
}

/// What a command gave whose output is data.
#[derive(Debug, Clone, PartialEq)]
pub struct RawOutput {
    /// Its exit code; 124 when it ran into its deadline.
    pub exit_code: i64,
    /// Its standard output, whole.
    pub stdout: Bytes,
    /// Its standard error, at most 1 MiB: head and tail.
    pub stderr: Vec<u8>,
}

/// A running sandbox. Dropped without [`Sandbox::remove`], it is removed in the background.
pub struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) id: String,
    image: String,
    path: String,
    ca_file: &'static str,
    ooms: AtomicU64,
    pub(crate) printed: AtomicU64,
    removed: bool,
}

impl Sandbox {
    /// Starts a sandbox of an image that is on the host (see [`super::images::ensure`]).
    ///
    /// # Errors
    /// When the image is absent or the daemon refuses.
    pub async fn start(
        engine: &Engine,
        image: &str,
        labels: &Labels,
        network: Network,
    ) -> Result<Self, Error> {
        volumes::prepare(engine, image).await?;
        let path = container::image_path(engine, image).await?;
        let idle = Idle {
            name: None,
            image,
            labels: labels.to_map(Purpose::Sandbox),
            privileges: Privileges::Dropped,
            volumes: Volumes::Shared,
            network,
        };
        let Created::New(id) = container::start(engine, idle).await? else {
            return Err(Error::Invalid("a container without a name has a taken name".to_owned()));
        };
        let sandbox = Self::attach(engine, id, image, path, volumes::CA_FILE);
        if !sandbox.has_layout().await? {
            sandbox.upload(archive::layout()?, "/").await?;
        }
        Ok(sandbox)
    }

    /// Takes charge of a container that stands idle.
    pub(crate) fn attach(
        engine: &Engine,
        id: String,
        image: &str,
        path: String,
        ca_file: &'static str,
    ) -> Self {
        Self {
            engine: engine.clone(),
            id,
            image: image.to_owned(),
            path,
            ca_file,
            ooms: AtomicU64::new(0),
            printed: AtomicU64::new(0),
            removed: false,
        }
    }

    /// Images that codegod made have the folders; a pulled one has not.
    async fn has_layout(&self) -> Result<bool, Error> {
        let inspected = self.engine.docker().inspect_image(&self.image).await;
        let inspected =
            inspected.map_err(|error| Error::docker(format!("look up image {}", self.image), error))?;
        let labels = inspected.config.and_then(|config| config.labels).unwrap_or_default();
        Ok(labels.contains_key(super::images::LAYOUT_LABEL))
    }

    /// The container's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The image it was started from, as it was named.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.image
    }

    /// Runs a command to its end, its deadline (exit code 124) or cancellation; in the latter two
    /// everything that it started is dead afterwards. What a command leaves running in the
    /// background after it ended by itself goes on until then, or until the sandbox is removed.
    /// `on_output` is given the output as it comes.
    ///
    /// # Errors
    /// [`Error::Cancelled`]; or when the daemon fails.
    pub async fn run(
        &self,
        spec: &CommandSpec,
        cancel: &CancellationToken,
        mut on_output: impl FnMut(&[u8]) + Send,
    ) -> Result<CommandOutput, Error> {
        let started = Instant::now();
        let mut capture = Capture::default();
        let ending = {
            let mut sink = |_: Pipe, bytes: Bytes| {
                on_output(&bytes);
                capture.push(&bytes);
                true
            };
            // Two pipes would lose the order in which a command wrote to them.
            let joined = CommandSpec { run: format!("exec 2>&1\n{}", spec.run), ..spec.clone() };
            self.execute(&joined, cancel, &mut sink).await?
        };
        let seconds = started.elapsed().as_secs_f64();
        self.printed.fetch_add(capture.total(), Ordering::Relaxed);
        let (exit_code, timed_out) = match ending {
            Ending::Exited(code) => (code, false),
            Ending::TimedOut => (TIMED_OUT, true),
            Ending::Cancelled | Ending::Refused => return Err(Error::Cancelled),
        };
        let out_of_memory = exit_code != 0 && self.new_ooms().await;
        let total_bytes = capture.total();
        Ok(CommandOutput {
            exit_code,
            output: capture.into_bytes(),
            total_bytes,
            seconds,
            timed_out,
            out_of_memory,
        })
    }

    /// Runs a command whose standard output is data (a tar): whole, up to `limit` bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it prints more; else as [`Sandbox::run`].
    pub async fn run_raw(
        &self,
        spec: &CommandSpec,
        cancel: &CancellationToken,
        limit: usize,
    ) -> Result<RawOutput, Error> {
        let mut stdout = Vec::new();
        let mut stderr = Capture::default();
        let mut sink = |pipe: Pipe, bytes: Bytes| match pipe {
            Pipe::Out if stdout.len() + bytes.len() > limit => false,
            Pipe::Out => {
                stdout.extend_from_slice(&bytes);
                true
            }
            Pipe::Err => {
                stderr.push(&bytes);
                true
            }
        };
        let ending = self.execute(spec, cancel, &mut sink).await?;
        let exit_code = match ending {
            Ending::Exited(code) => code,
            Ending::TimedOut => TIMED_OUT,
            Ending::Cancelled => return Err(Error::Cancelled),
            Ending::Refused => {
                return Err(Error::TooLarge { what: format!("output of {:?}", spec.run), limit });
            }
        };
        Ok(RawOutput { exit_code, stdout: Bytes::from(stdout), stderr: stderr.into_bytes() })
    }

    /// Unpacks a tar into a folder; owners are those that the tar names.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above the settings' limit; or when the daemon refuses.
    pub async fn upload(&self, tar: Bytes, path: &str) -> Result<(), Error> {
        let limit = self.engine.settings().max_tar_bytes;
        if tar.len() > limit {
            return Err(Error::TooLarge { what: format!("upload to {path}"), limit });
        }
        container::upload(&self.engine, &self.id, path, tar).await
    }

    /// Removes the container and all that is in it.
    ///
    /// # Errors
    /// When the daemon refuses; the reaper tries again.
    pub async fn remove(mut self) -> Result<(), Error> {
        self.removed = true;
        self.engine.remove_container(&self.id).await
    }

    /// Removes the container in the background; [`Engine::settled`] waits for it.
    pub fn discard(self) {
        drop(self);
    }

    async fn execute(
        &self,
        spec: &CommandSpec,
        cancel: &CancellationToken,
        sink: &mut (dyn FnMut(Pipe, Bytes) -> bool + Send),
    ) -> Result<Ending, Error> {
        let deadline = Instant::now() + spec.deadline;
        let mut running = self.exec(spec).await?;
        let ending = running.wait(deadline, cancel, sink).await?;
        if !matches!(ending, Ending::Exited(_)) {
            self.kill_all(spec.user).await?;
            if ending != Ending::Refused {
                running.drain(sink).await;
            }
        }
        Ok(ending)
    }

    async fn exec(&self, spec: &CommandSpec) -> Result<Running, Error> {
        let settings = self.engine.settings();
        let (user, mut env) = match spec.user {
            User::Agent => ("10001:10001", container::agent_env(settings, &self.path)),
            User::Root => ("0:0", container::root_env(settings, &self.path, self.ca_file)),
        };
        env.extend(spec.env.iter().map(|(name, value)| format!("{name}={value}")));
        let command = vec!["sh".to_owned(), "-c".to_owned(), spec.run.clone()];
        exec::start(&self.engine, &self.id, command, user, &workdir(&spec.workdir), env).await
    }

    /// Kills every process of a user; restarts the container where that can't be done.
    async fn kill_all(&self, user: User) -> Result<(), Error> {
        if user == User::Agent {
            let mut spec = CommandSpec::new("kill -KILL -1", KILL_DEADLINE);
            spec.workdir = "/".to_owned();
            let done = async {
                let deadline = Instant::now() + spec.deadline;
                self.exec(&spec).await?.wait(deadline, &CancellationToken::new(), &mut |_, _| true).await
            };
            // 1: there was nothing left to kill.
            if let Ok(Ok(Ending::Exited(0 | 1))) = tokio::time::timeout(KILL_DEADLINE, done).await {
                return Ok(());
            }
        }
        self.restart().await
    }

    async fn restart(&self) -> Result<(), Error> {
        let docker = self.engine.docker();
        // A container that is down already needs no kill; whether it is up counts below.
        let _ = docker.kill_container(&self.id, None::<KillContainerOptions>).await;
        for _ in 0..50 {
            let state = docker.inspect_container(&self.id, None).await;
            let state = state.map_err(|error| Error::docker("look at a killed sandbox", error))?;
            if state.state.and_then(|state| state.running) != Some(true) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let started = docker.start_container(&self.id, None::<StartContainerOptions>).await;
        started.map_err(|error| Error::docker("restart a sandbox", error))
    }

    /// Whether the kernel killed a process for want of memory since this was last asked.
    async fn new_ooms(&self) -> bool {
        let count = self.number(&format!("{OOM_COUNT} | cut -d' ' -f2")).await.unwrap_or_default();
        count > self.ooms.swap(count, Ordering::Relaxed)
    }

    /// The number that a short command prints.
    async fn number(&self, run: &str) -> Option<u64> {
        self.short(run).await?.trim().parse().ok()
    }

    /// What a short command prints, when it is a little.
    pub(crate) async fn short(&self, run: &str) -> Option<String> {
        let mut spec = CommandSpec::new(run, KILL_DEADLINE);
        spec.workdir = "/".to_owned();
        let mut text = Vec::new();
        let mut sink = |pipe: Pipe, bytes: Bytes| {
            if pipe == Pipe::Out {
                text.extend_from_slice(&bytes);
            }
            text.len() < 4096
        };
        let deadline = Instant::now() + spec.deadline;
        let mut running = self.exec(&spec).await.ok()?;
        running.wait(deadline, &CancellationToken::new(), &mut sink).await.ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.removed {
            return;
        }
        let (engine, id) = (self.engine.clone(), std::mem::take(&mut self.id));
        // Best effort, without anyone waiting: the reaper is the guarantee.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let removals = engine.removals().clone();
            let removal = async move {
                if let Err(error) = engine.remove_container(&id).await {
                    tracing::warn!(container = id, %error, "a dropped sandbox could not be removed");
                }
            };
            removals.spawn_on(removal, &runtime);
        }
    }
}

/// The absolute folder of a command.
fn workdir(folder: &str) -> String {
    match folder {
        "" => "/workspace".to_owned(),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => format!("/workspace/{relative}"),
    }
}
