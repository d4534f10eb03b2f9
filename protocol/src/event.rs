//! Events: one append-only stream of who did what; everything shown or counted can be derived from it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{GoalId, TaskId};

/// One entry of the events stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened: `goal_queued`, `task_claimed`, `phase`, `action_started` …
    pub kind: String,
    /// Who: an agent's id, `master`, `console`.
    pub who: String,
    /// The goal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<GoalId>,
    /// The task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The particulars.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}
