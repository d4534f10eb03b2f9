//! Goals: what the user asked for, with its workspace and its constraints.

use serde::{Deserialize, Serialize};

use crate::id::GoalId;

/// The version of [`Goal`] written by this crate.
pub const GOAL_VERSION: u32 = 1;

/// The longest goal text that is taken, in bytes.
pub const MAX_GOAL_BYTES: usize = 64 * 1024;

/// What the user asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// [`GOAL_VERSION`].
    pub version: u32,
    /// Its id.
    pub id: GoalId,
    /// The sentence.
    pub text: String,
    /// The commit to start from; its bundle lies with the goal. None starts from nothing.
    #[serde(default)]
    pub workspace: Option<String>,
    /// What the nearest tag before that commit is, as `git describe --tags --long` says it (`v1.2.3-4-g0123abc`):
    /// some projects take their version from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described: Option<String>,
    /// 1 (last) to 10 (first).
    pub priority: u8,
    /// What to do with phrases that are not covered.
    #[serde(default)]
    pub uncovered: Uncovered,
    /// What to do with the app at the end.
    #[serde(default)]
    pub deployment: Deployment,
    /// What kind of goal it is.
    #[serde(default)]
    pub kind: GoalKind,
    /// When it was submitted, Unix time in milliseconds.
    pub submitted_ms: u64,
    /// When it should be done, Unix time in milliseconds: near it, its tasks come first.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
}

/// What a goal is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalKind {
    /// To build or mend something.
    #[default]
    Build,
    /// To run all validations of another goal again, in fresh containers.
    Verify {
        /// The goal that is verified.
        of: GoalId,
    },
}

/// What to do with phrases of a goal that no playbook covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncovered {
    /// End the goal `blocked`, before any work.
    #[default]
    Block,
    /// Go on without them; the report lists them.
    GoOnWithout,
}

/// What to do with the built app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// Start it, check that it answers, stop it.
    #[default]
    CheckOnly,
    /// Leave it running on a local port.
    LeaveRunning,
}

/// What a goal goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalState {
    /// Accepted, no master has it yet.
    Queued,
    /// A master understands and plans it.
    Planning,
    /// Its tasks are under way.
    Running,
    /// Nothing of it is handed out until it is resumed.
    Paused,
    /// Its closing verification passed.
    Succeeded,
    /// A task failed for good.
    Failed,
    /// A person ended it.
    Cancelled,
    /// Needs a person.
    Blocked,
}

impl GoalState {
    /// Whether nothing more will happen to it by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            GoalState::Queued | GoalState::Planning | GoalState::Running | GoalState::Paused => false,
            GoalState::Succeeded | GoalState::Failed | GoalState::Cancelled | GoalState::Blocked => true,
        }
    }

    /// The state's word, as in its JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            GoalState::Queued => "queued",
            GoalState::Planning => "planning",
            GoalState::Running => "running",
            GoalState::Paused => "paused",
            GoalState::Succeeded => "succeeded",
            GoalState::Failed => "failed",
            GoalState::Cancelled => "cancelled",
            GoalState::Blocked => "blocked",
        }
    }
}
