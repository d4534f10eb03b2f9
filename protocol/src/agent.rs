//! Agents: what each running worker says of itself, in the hash `…:agents:status`.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, Role, TaskId};
use crate::result::ResourceUsage;

/// How often an agent says that it lives.
pub const HEARTBEAT_SECONDS: u64 = 1;
/// After how long without a heartbeat an agent counts as dead.
pub const AGENT_DEAD_SECONDS: u64 = 15;

/// What a running worker says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Its id.
    pub id: AgentId,
    /// Its role.
    pub role: Role,
    /// What it can do beside its role's everyday work.
    pub capabilities: Vec<String>,
    /// The host it runs on.
    pub host: String,
    /// Its process id on that host.
    pub pid: u32,
    /// What it is doing.
    pub phase: Phase,
    /// The task it is on.
    pub current_task: Option<TaskId>,
    /// That task's title.
    #[serde(default)]
    pub title: Option<String>,
    /// Which attempt at it.
    #[serde(default)]
    pub attempt: Option<u32>,
    /// When its phase began, Unix time in milliseconds; 0 when it does not say.
    #[serde(default)]
    pub phase_since_ms: u64,
    /// What its container uses at present, while one runs.
    #[serde(default)]
    pub container: Option<ContainerUse>,
    /// Why it claims nothing, when it does not.
    #[serde(default)]
    pub note: Option<String>,
    /// What its containers used so far.
    pub usage: ResourceUsage,
    /// Tasks published as succeeded.
    pub succeeded: u64,
    /// Attempts that ended otherwise.
    pub failed: u64,
    /// When it started, Unix time in milliseconds.
    pub started_ms: u64,
    /// Its last heartbeat, Unix time in milliseconds.
    pub heartbeat_ms: u64,
    /// Its version.
    pub version: String,
}

impl AgentStatus {
    /// Whether it was heard of lately enough to count as living at `now_ms`.
    #[must_use]
    pub fn is_alive(&self, now_ms: u64) -> bool {
        self.phase != Phase::Stopped && now_ms.saturating_sub(self.heartbeat_ms) < AGENT_DEAD_SECONDS * 1000
    }

    /// Succeeded tasks among all its attempts, 0 to 1; none before the first.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        let all = self.succeeded + self.failed;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        (all > 0).then(|| self.succeeded as f64 / all as f64)
    }
}

/// What a running container uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerUse {
    /// CPU time a second, in percent of one processor.
    pub cpu_percent: f64,
    /// Memory, in bytes.
    pub memory_bytes: u64,
}

/// What an agent is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Preparing its host (images).
    Starting,
    /// Waiting for a task.
    Idle,
    /// Bringing source and environment into a sandbox.
    Preparing,
    /// Looking.
    Observing,
    /// Deciding what the findings mean.
    Reasoning,
    /// Deciding what to do.
    Planning,
    /// Doing it.
    Acting,
    /// Checking it.
    Validating,
    /// Storing commit and result.
    Publishing,
    /// Taking no more tasks.
    Draining,
    /// Ended.
    Stopped,
}

impl Phase {
    /// The phase's word, as in its JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Idle => "idle",
            Phase::Preparing => "preparing",
            Phase::Observing => "observing",
            Phase::Reasoning => "reasoning",
            Phase::Planning => "planning",
            Phase::Acting => "acting",
            Phase::Validating => "validating",
            Phase::Publishing => "publishing",
            Phase::Draining => "draining",
            Phase::Stopped => "stopped",
        }
    }
}
