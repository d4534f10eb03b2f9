//! Results: what an attempt publishes.

use serde::{Deserialize, Serialize};

use crate::environment::Environments;
use crate::evidence::{Evidence, TestCounts, Verdict};
use crate::id::{AgentId, TaskId};
use crate::setup::Setups;
use crate::task::Task;

/// What an attempt publishes about its task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The task.
    pub task: TaskId,
    /// Which attempt.
    pub attempt: u32,
    /// By whom.
    pub agent: AgentId,
    /// How it ended.
    pub status: ResultStatus,
    /// What it made; present when it succeeded.
    #[serde(default)]
    pub outputs: Option<Outputs>,
    /// What shows it.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// The outcome of validation.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// When it started, Unix time in milliseconds.
    pub started_ms: u64,
    /// How long it took.
    pub seconds: f64,
    /// What it used.
    #[serde(default)]
    pub usage: ResourceUsage,
    /// Tests that its validation ran.
    #[serde(default)]
    pub tests: Option<TestCounts>,
    /// What went wrong, a sentence for people.
    #[serde(default)]
    pub error: Option<String>,
    /// Tasks that must be done before this one can be tried again.
    #[serde(default)]
    pub next_steps: Vec<Task>,
    /// What was believed of the failures that it met, in order, and what was done about each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnoses: Vec<Diagnosed>,
}

/// A failure that was understood: what a rule saw in it, what it believes, and what was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosed {
    /// The part of the project that it is about.
    pub part: String,
    /// The rule's name.
    pub rule: String,
    /// The line or lines that it saw.
    pub saw: String,
    /// What it believes, one sentence.
    pub believes: String,
    /// How sure it is: 0 to 1.
    pub confidence: f64,
    /// What would prove it wrong.
    pub disproved_by: String,
    /// What was done about it, a sentence; empty when a person has to.
    #[serde(default)]
    pub done: String,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultStatus {
    /// Validated.
    Succeeded,
    /// May succeed at another try (a registry did not answer, Docker restarted).
    Failed,
    /// Would fail the same way again.
    FailedForGood,
    /// Needs `next_steps` done first.
    NeedsFollowUp,
    /// Needs a person; `error` is the question.
    Blocked,
}

/// The two values that a task makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// The commit that holds the source after the task; equal to its input when nothing changed.
    pub commit: String,
    /// The environments, by name.
    #[serde(default)]
    pub environments: Environments,
    /// The images the environments were looked up or built as, by name.
    #[serde(default)]
    pub images: std::collections::BTreeMap<String, String>,
    /// The setups of the project's parts, as they are now, by part.
    #[serde(default, skip_serializing_if = "Setups::is_empty")]
    pub setups: Setups,
}

/// What an attempt used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceUsage {
    /// CPU time of its containers.
    pub cpu_seconds: f64,
    /// The most memory its containers held, in bytes.
    pub peak_memory_bytes: u64,
    /// Bytes of output its commands printed.
    pub output_bytes: u64,
}
