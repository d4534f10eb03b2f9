//! The report of a goal: every claim with the command, exit code and output that show it.

mod human;
mod project;
mod project_lines;
#[cfg(test)]
mod project_tests;
#[cfg(test)]
mod tests;

use codegod_protocol::client::{GoalView, TaskView};
use codegod_protocol::evidence::{Evidence, TestCounts};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{GoalId, Role, TaskId};
use codegod_protocol::task::{TaskKind, TaskState};
use serde::Serialize;

use crate::origin::Origin;
use crate::text::seconds_between;

pub(crate) use human::lines;

/// A goal's outcome, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    goal: GoalId,
    status: GoalState,
    result: Outcome,
    tasks: Vec<TaskReport>,
    tests: Tests,
    not_covered: Vec<String>,
    seconds: f64,
    model: ModelUse,
    /// When it should have been done; absent when nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<DeadlineReport>,
    /// Of an existing project: how each part stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<project::Project>,
    /// Why it ended as it did; absent on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Where the result is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Outcome {
    commit: Option<String>,
    branch: Option<String>,
    path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct TaskReport {
    id: TaskId,
    role: Role,
    title: String,
    status: TaskState,
    attempts: u32,
    seconds: f64,
    needs: Vec<TaskId>,
    evidence: Vec<Shown>,
}

/// One piece of evidence; its output was capped when it was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Shown {
    command: String,
    exit_code: i64,
    output: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Tests {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// When a goal should be done, and whether it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct DeadlineReport {
    /// Unix time in milliseconds.
    at_ms: u64,
    /// Whether it succeeded in time; none while both can still be.
    met: Option<bool>,
    /// From the goal's end, or from now, to the deadline; negative when that lies behind.
    seconds_left: f64,
}

/// What models were asked. Tasks note it in their metadata (`model_calls`, `model_tokens`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct ModelUse {
    calls: u64,
    tokens: u64,
}

/// Makes the report; `now_ms` is the end of a goal that has not ended.
pub(crate) fn report(view: &GoalView, origin: Option<&Origin>, now_ms: u64) -> Report {
    let counts = tests(&view.tasks);
    let path = origin.and_then(|origin| match &origin.branch {
        Some(_) => origin.folder.as_ref(),
        None => origin.path.as_ref(),
    });
    Report {
        goal: view.goal.id.clone(),
        status: view.state,
        result: Outcome {
            commit: crate::workspace::result_commit(view).map(str::to_owned),
            branch: origin.and_then(|origin| origin.branch.clone()),
            path: path.map(|path| path.display().to_string()),
        },
        tasks: view.tasks.iter().map(task).collect(),
        tests: Tests { passed: counts.passed, failed: counts.failed, skipped: counts.skipped },
        not_covered: view.intent.as_ref().map(|intent| intent.not_covered.clone()).unwrap_or_default(),
        seconds: seconds_between(view.goal.submitted_ms, view.ended_ms.unwrap_or(now_ms)),
        model: model_use(&view.tasks),
        deadline: view.goal.deadline_ms.map(|at_ms| deadline(view, at_ms, now_ms)),
        project: project::project(view),
        error: reason(view),
    }
}

fn deadline(view: &GoalView, at_ms: u64, now_ms: u64) -> DeadlineReport {
    let end_ms = view.ended_ms.unwrap_or(now_ms);
    let met = match view.state.is_final() {
        true => Some(view.state == GoalState::Succeeded && end_ms <= at_ms),
        false => (end_ms > at_ms).then_some(false),
    };
    let seconds_left = seconds_between(end_ms, at_ms) - seconds_between(at_ms, end_ms);
    DeadlineReport { at_ms, met, seconds_left }
}

/// Why the goal did not succeed: its own reason, else that of the first task that failed.
pub(crate) fn reason(view: &GoalView) -> Option<String> {
    if view.state == GoalState::Succeeded {
        return None;
    }
    let of_task = || {
        let ended_badly = |task: &&TaskView| matches!(task.state, TaskState::Failed | TaskState::Blocked);
        let task = view.tasks.iter().find(ended_badly)?;
        let said = task.error.as_deref().or_else(|| task.result.as_ref()?.error.as_deref())?;
        Some(format!("{} ({}): {said}", task.task.id, task.task.title))
    };
    view.error.clone().or_else(of_task)
}

/// Tests of the closing verification, which repeats all others; of every task where there is none.
fn tests(tasks: &[TaskView]) -> TestCounts {
    let sum = |tasks: &mut dyn Iterator<Item = &TaskView>| {
        let counted = tasks.filter_map(|task| task.result.as_ref()?.tests);
        let mut found = None;
        for counts in counted {
            *found.get_or_insert_with(TestCounts::default) += counts;
        }
        found
    };
    sum(&mut tasks.iter().filter(|task| task.task.kind == TaskKind::Verification))
        .or_else(|| sum(&mut tasks.iter()))
        .unwrap_or_default()
}

fn model_use(tasks: &[TaskView]) -> ModelUse {
    let noted = |name: &str| -> u64 {
        tasks.iter().filter_map(|task| task.task.metadata.get(name)?.parse::<u64>().ok()).sum()
    };
    ModelUse { calls: noted("model_calls"), tokens: noted("model_tokens") }
}

fn task(view: &TaskView) -> TaskReport {
    TaskReport {
        id: view.task.id.clone(),
        role: view.task.role,
        title: view.task.title.clone(),
        status: view.state,
        attempts: view.attempts,
        seconds: view.result.as_ref().map_or(0.0, |result| result.seconds),
        needs: view.needs.clone(),
        evidence: evidence(view)
            .into_iter()
            .map(|evidence| Shown {
                command: evidence.command.clone(),
                exit_code: evidence.exit_code,
                output: evidence.output.clone(),
            })
            .collect(),
    }
}

/// All evidence of a task: what it did, then what its checks showed, each once.
fn evidence(view: &TaskView) -> Vec<&Evidence> {
    let Some(result) = &view.result else { return Vec::new() };
    let mut all: Vec<&Evidence> = result.evidence.iter().collect();
    for check in result.verdict.iter().flat_map(|verdict| &verdict.checks) {
        if !all.contains(&&check.evidence) {
            all.push(&check.evidence);
        }
    }
    all
}
