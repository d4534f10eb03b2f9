//! Hosts: what each machine that runs agents has, and what its models do, in the hash `…:hosts:status`.

use serde::{Deserialize, Serialize};

/// How often a host is told of.
pub const HOST_SECONDS: u64 = 3;
/// After how long without a word a host counts as silent.
pub const HOST_SILENT_SECONDS: u64 = 20;

/// What a machine has, as the master that looks after it says. What it does not know is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostStatus {
    /// Its name.
    pub host: String,
    /// How many processors it has.
    #[serde(default)]
    pub cpus: Option<u32>,
    /// Its load over the last minute.
    #[serde(default)]
    pub load: Option<f64>,
    /// Its memory.
    #[serde(default)]
    pub memory: Option<Room>,
    /// The disk that Docker keeps its data on.
    #[serde(default)]
    pub disk: Option<Room>,
    /// Its Docker daemon; none when that does not answer.
    #[serde(default)]
    pub docker: Option<DockerStatus>,
    /// Its graphics cards, when it tells of any.
    #[serde(default)]
    pub gpus: Vec<GpuStatus>,
    /// The model server that its agents ask, when one is set.
    #[serde(default)]
    pub model: Option<ModelStatus>,
    /// When this was told, Unix time in milliseconds.
    pub heartbeat_ms: u64,
}

impl HostStatus {
    /// Whether it was heard of lately enough at `now_ms`.
    #[must_use]
    pub fn is_heard(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.heartbeat_ms) < HOST_SILENT_SECONDS * 1000
    }
}

/// How much there is of something, and how much of it is free, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// All of it.
    pub total: u64,
    /// What is free.
    pub free: u64,
}

/// A Docker daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerStatus {
    /// Its version.
    pub version: String,
    /// How many containers run.
    pub running: u64,
    /// How many images it holds.
    pub images: u64,
}

/// A graphics card.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuStatus {
    /// Its name.
    pub name: String,
    /// How busy it is, in percent.
    #[serde(default)]
    pub busy_percent: Option<f64>,
    /// Its memory.
    #[serde(default)]
    pub memory: Option<Room>,
}

/// A model server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelStatus {
    /// Where it is, without secrets.
    pub url: String,
    /// Why it can't be asked, when it can't.
    #[serde(default)]
    pub trouble: Option<String>,
    /// The model.
    #[serde(default)]
    pub name: Option<String>,
    /// Requests that it works on.
    #[serde(default)]
    pub running: Option<u64>,
    /// Requests that wait.
    #[serde(default)]
    pub waiting: Option<u64>,
    /// Tokens that it made a second, since it was last asked.
    #[serde(default)]
    pub tokens_per_second: Option<f64>,
    /// How full its cache of keys and values is, in percent.
    #[serde(default)]
    pub cache_percent: Option<f64>,
}
