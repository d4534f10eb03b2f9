//! The connection to the Docker daemon, shared by everything that uses it.

use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;

use super::error::{self, Error};
use super::labels::Labels;
use super::last_use;
use super::settings::Settings;

/// Above the longest answer of the daemon: a commit of a large layer, a stop with its grace.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(900);

/// How long a living daemon takes to say so, at most.
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the end of a process waits for the removal of its last containers.
const SETTLE_PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the Docker daemon. Cloning is cheap and shares it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    docker: Docker,
    settings: Settings,
    volumes: OnceCell<()>,
    names_once: OnceCell<bool>,
    removals: TaskTracker,
    owner: Labels,
}

/// What the daemon says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its version.
    pub version: String,
    /// The API version that both sides speak.
    pub api_version: String,
    /// CPUs it may use.
    pub cpus: i64,
    /// Memory of its host in bytes.
    pub memory_bytes: i64,
    /// The release of the kernel it runs on.
    pub kernel: String,
    /// How layers are stored (`overlay2`).
    pub storage_driver: String,
    /// Where its data lies on its host.
    pub root_dir: String,
    /// Running containers, everybody's.
    pub running: i64,
    /// Images, everybody's.
    pub images: i64,
    /// Things the daemon warns of (limits that the kernel does not support).
    pub warnings: Vec<String>,
}

impl Engine {
    /// Connects to the daemon that the settings name and agrees on an API version.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when nothing answers.
    pub async fn connect(settings: Settings) -> Result<Self, Error> {
        let host = settings.host.clone().unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
        let unreachable = |error: bollard::errors::Error| Error::Unreachable {
            host: host.clone(),
            reason: root_cause(&error),
        };
        let mut docker = match &settings.host {
            Some(host) => Docker::connect_with_host(host),
            None => Docker::connect_with_local_defaults(),
        }
        .map_err(&unreachable)?;
        docker.set_timeout(CLIENT_TIMEOUT);
        let docker = tokio::time::timeout(Duration::from_secs(20), docker.negotiate_version())
            .await
            .map_err(|_| Error::Unreachable { host: host.clone(), reason: "no answer in 20 s".to_owned() })?
            .map_err(&unreachable)?;
        Ok(Self {
            inner: Arc::new(Inner {
                docker,
                settings,
                volumes: OnceCell::new(),
                names_once: OnceCell::new(),
                removals: removals(),
                owner: Labels::default(),
            }),
        })
    }

    /// The same connection for an owner: what it makes of itself (builders, locks) carries these labels,
    /// so that a reaper can tell whose they are.
    #[must_use]
    pub fn owned_by(&self, owner: Labels) -> Self {
        let (docker, settings) = (self.inner.docker.clone(), self.inner.settings.clone());
        Self {
            inner: Arc::new(Inner {
                docker,
                settings,
                volumes: OnceCell::new(),
                names_once: OnceCell::new(),
                removals: removals(),
                owner,
            }),
        }
    }

    /// Whose the connection is.
    #[must_use]
    pub fn owner(&self) -> &Labels {
        &self.inner.owner
    }

    /// The settings it was connected with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Whether the daemon answers now.
    pub async fn answers(&self) -> bool {
        matches!(tokio::time::timeout(PING_TIMEOUT, self.docker().ping()).await, Ok(Ok(_)))
    }

    /// What the daemon says of itself.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn info(&self) -> Result<EngineInfo, Error> {
        let info =
            self.docker().info().await.map_err(|error| Error::docker("ask Docker for its state", error))?;
        Ok(EngineInfo {
            version: info.server_version.unwrap_or_default(),
            api_version: self.docker().client_version().to_string(),
            cpus: info.ncpu.unwrap_or_default(),
            memory_bytes: info.mem_total.unwrap_or_default(),
            kernel: info.kernel_version.unwrap_or_default(),
            storage_driver: info.driver.unwrap_or_default(),
            root_dir: info.docker_root_dir.unwrap_or_default(),
            running: info.containers_running.unwrap_or_default(),
            images: info.images.unwrap_or_default(),
            warnings: info.warnings.unwrap_or_default(),
        })
    }

    /// The client itself, for this module's files.
    pub(crate) fn docker(&self) -> &Docker {
        &self.inner.docker
    }

    /// Waits until every container that was given up is removed; one that is not after 30 s is left to the
    /// reaper.
    pub async fn settled(&self) {
        if tokio::time::timeout(SETTLE_PATIENCE, self.inner.removals.wait()).await.is_err() {
            tracing::warn!("containers that are being removed are left to the reaper");
        }
    }

    /// Removals that go on in the background.
    pub(crate) fn removals(&self) -> &TaskTracker {
        &self.inner.removals
    }

    /// Set once the shared volumes were prepared by this process.
    pub(crate) fn volumes(&self) -> &OnceCell<()> {
        &self.inner.volumes
    }

    /// The id of an image, none when it is not on this host. It counts as used now.
    pub(crate) async fn image_id(&self, name: &str) -> Result<Option<String>, Error> {
        let found =
            error::optional(self.docker().inspect_image(name).await, format!("look up image {name}"))?;
        let Some(image) = found else { return Ok(None) };
        Ok(if last_use::note(self, name, &image).await { image.id } else { None })
    }

    /// Whether the daemon keeps images where a name that is given again is not noted (containerd's store).
    pub(crate) async fn names_images_once(&self) -> Result<bool, Error> {
        let ask = async {
            let info = self.docker().info().await;
            let info = info.map_err(|error| Error::docker("ask Docker for its state", error))?;
            let status = info.driver_status.unwrap_or_default();
            Ok(status.iter().flatten().any(|word| word.starts_with("io.containerd.snapshotter")))
        };
        self.inner.names_once.get_or_try_init(|| ask).await.copied()
    }

    /// Removes a container with its anonymous volumes; one that is gone is fine.
    pub(crate) async fn remove_container(&self, container: &str) -> Result<(), Error> {
        let options =
            bollard::query_parameters::RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        error::removed(
            self.docker().remove_container(container, Some(options)).await,
            format!("remove container {container}"),
        )
    }
}

/// A tracker that counts as closed from the start, so that waiting for it ends when nothing is left.
fn removals() -> TaskTracker {
    let removals = TaskTracker::new();
    removals.close();
    removals
}

/// The innermost error: the outer ones only say that a request failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
