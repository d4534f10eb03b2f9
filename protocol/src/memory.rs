//! Memory: what an agent knows, as the fields of its hash `…:memory:<agent>`.

use serde::{Deserialize, Serialize};

use crate::evidence::{Evidence, Finding, Verdict};
use crate::id::TaskId;
use crate::task::Step;

/// How many entries each list of a memory keeps; older ones are dropped.
pub const MEMORY_ENTRIES: usize = 50;

/// What an agent knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// What its role always knows.
    pub core_knowledge: Vec<String>,
    /// What it saw, oldest first.
    pub observations: Vec<Finding>,
    /// How it reasoned, oldest first.
    pub reasoning_history: Vec<Reasoning>,
    /// What it is doing.
    pub current_task: Option<CurrentTask>,
    /// What it has done, oldest first.
    pub completed_tasks: Vec<CompletedTask>,
}

/// One pass of reasoning: from findings to a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reasoning {
    /// The task.
    pub task: TaskId,
    /// The problem as understood.
    pub problem_analysis: String,
    /// Believed causes, most likely first.
    pub root_causes: Vec<RootCause>,
    /// What will be done and why.
    pub approach: String,
    /// What may go wrong.
    pub risks: Vec<String>,
    /// What must hold at the end.
    pub success_criteria: Vec<String>,
    /// The conclusion, one sentence.
    pub conclusion: String,
    /// The steps that follow.
    pub plan: Vec<Step>,
}

/// One believed cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RootCause {
    /// The cause.
    pub cause: String,
    /// 0 to 1.
    pub confidence: f64,
    /// What would prove it wrong.
    pub disproved_by: Option<String>,
}

/// What an agent is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurrentTask {
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// Its title.
    pub title: String,
    /// Actions in order, each recorded before it starts and again when it ends.
    pub actions: Vec<ActionRecord>,
}

/// One action of an attempt: recorded as intended, then as finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// The step's number in the attempt, from 1.
    pub number: u32,
    /// The action's word.
    pub action: String,
    /// What is expected of it.
    pub expect: String,
    /// When it was intended, Unix time in milliseconds.
    pub intended_ms: u64,
    /// What came of it; none while it runs, or when the agent died in it.
    pub outcome: Option<Evidence>,
}

/// What an agent has done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompletedTask {
    /// The task.
    pub task: TaskId,
    /// Its title.
    pub title: String,
    /// Its verdict.
    pub verdict: Option<Verdict>,
    /// How long it took.
    pub seconds: f64,
}
