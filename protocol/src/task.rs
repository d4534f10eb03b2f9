//! Tasks: one role's unit of work, from inputs to validated outputs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::environment::{Environments, Recipe};
use crate::id::{GoalId, Role, TaskId};
use crate::setup::Setups;

/// The version of [`Task`] written by this crate. A reader accepts this version only: tasks live
/// as long as their goal, and a fleet is upgraded between goals.
pub const TASK_VERSION: u32 = 1;

/// One role's unit of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// [`TASK_VERSION`].
    pub version: u32,
    /// Its id.
    pub id: TaskId,
    /// Its goal.
    pub goal: GoalId,
    /// The task from which it followed, when it was added to a running plan.
    #[serde(default)]
    pub parent: Option<TaskId>,
    /// Who does it.
    pub role: Role,
    /// What the agent must be able to do (`react`).
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// A few words for people.
    pub title: String,
    /// A sentence or two.
    #[serde(default)]
    pub description: String,
    /// What kind of task it is.
    pub kind: TaskKind,
    /// The tasks whose outputs it starts from.
    pub needs: Vec<TaskId>,
    /// 1 (last) to 10 (first).
    pub priority: u8,
    /// The longest it may take, over all its actions.
    pub deadline_seconds: u64,
    /// How many times it may be tried.
    pub max_attempts: u32,
    /// The environment its commands run in, by name; none for a task that runs no commands.
    #[serde(default)]
    pub environment: Option<String>,
    /// Recipes for environments that no dependency publishes.
    #[serde(default)]
    pub environments: Environments,
    /// Setups that no dependency publishes, or that replace a published one by their higher revision.
    #[serde(default, skip_serializing_if = "Setups::is_empty")]
    pub setups: Setups,
    /// How to do it.
    pub procedure: Procedure,
    /// Anything else worth knowing (the playbook's name).
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// What kind of task it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Writes or changes something.
    Work,
    /// Checks something and changes nothing.
    Check,
    /// Joins two commits that touched the same lines.
    Merge,
    /// The goal's last task: every validation again, in fresh containers.
    Verification,
}

/// What a task goes through.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Some of its needs are not published yet.
    Waiting,
    /// In its role's queue.
    Ready,
    /// An agent holds its lease.
    Running,
    /// Published, validated.
    Succeeded,
    /// Tried `max_attempts` times, or failed for good.
    Failed,
    /// Its goal was cancelled, or something it needs failed.
    Cancelled,
    /// Needs a person.
    Blocked,
}

impl TaskState {
    /// Whether nothing more will happen to it by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            TaskState::Waiting | TaskState::Ready | TaskState::Running => false,
            TaskState::Succeeded | TaskState::Failed | TaskState::Cancelled | TaskState::Blocked => true,
        }
    }

    /// The state's word, as in its JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TaskState::Waiting => "waiting",
            TaskState::Ready => "ready",
            TaskState::Running => "running",
            TaskState::Succeeded => "succeeded",
            TaskState::Failed => "failed",
            TaskState::Cancelled => "cancelled",
            TaskState::Blocked => "blocked",
        }
    }
}

/// How to do a task: what to look at, what the findings may mean and what then to do, what proves
/// success. Made from a playbook by the planner, so that an agent needs nothing but the task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Procedure {
    /// The problem in one sentence.
    pub problem: String,
    /// What to look at first.
    #[serde(default)]
    pub observe: Vec<Observation>,
    /// What the findings may mean, most likely first. All whose `when` holds are acted on in order.
    pub hypotheses: Vec<Hypothesis>,
    /// What proves success; never empty.
    pub validate: Vec<Check>,
    /// What may go wrong.
    #[serde(default)]
    pub risks: Vec<String>,
    /// What must hold at the end, in words.
    #[serde(default)]
    pub success_criteria: Vec<String>,
}

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The finding's name, for `when`.
    pub id: String,
    /// What is asked.
    pub question: String,
    /// How it is looked at; must change nothing.
    pub look: Action,
}

/// One thing the findings may mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hypothesis {
    /// The believed cause or the approach, in one sentence.
    pub cause: String,
    /// An expression over the findings (`venv.exit_code != 0`, `"flask" in reqs.output`); absent
    /// holds always.
    #[serde(default)]
    pub when: Option<String>,
    /// 0 to 1.
    #[serde(default = "default_confidence")]
    pub confidence: f64,
    /// What would prove it wrong.
    #[serde(default)]
    pub disproved_by: Option<String>,
    /// What follows from it.
    pub steps: Vec<Step>,
}

/// One step of an agent's plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// What is expected to come of it.
    pub expect: String,
    /// 0 to 1.
    #[serde(default = "default_confidence")]
    pub confidence: f64,
}

/// One thing that must hold for a task to be done; one that could fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What it shows when it passes.
    pub title: String,
    /// What is done to see it.
    pub action: Action,
    /// The environment it runs in, when not the task's own.
    #[serde(default)]
    pub environment: Option<String>,
    /// Whether the goal's closing verification repeats it.
    #[serde(default = "default_repeat")]
    pub repeat: bool,
}

fn default_confidence() -> f64 {
    0.9
}
fn default_repeat() -> bool {
    true
}

impl Task {
    /// The recipe of the task's own environment, when it names one that it brings itself.
    #[must_use]
    pub fn own_recipe(&self) -> Option<&Recipe> {
        self.environments.get(self.environment.as_ref()?)
    }
}
