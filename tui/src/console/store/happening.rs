//! An event as the console keeps it: a sentence for people, and what it changes.

use codegod_protocol::agent::Phase;
use codegod_protocol::event::Event;
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{GoalId, TaskId};
use codegod_protocol::task::TaskState;
use serde_json::Value;

use super::clean_line;
use crate::text::duration;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Happening {
    /// When, Unix time in milliseconds.
    pub(crate) ms: u64,
    /// The kind of event, its word.
    pub(crate) kind: Box<str>,
    /// Who did it.
    pub(crate) who: Box<str>,
    /// The goal.
    pub(crate) goal: Option<GoalId>,
    /// The task.
    pub(crate) task: Option<TaskId>,
    /// The attempt.
    pub(crate) attempt: Option<u32>,
    /// What happened, in words.
    pub(crate) sentence: Box<str>,
    /// What it changes.
    pub(crate) change: Change,
}

/// What an event changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// Nothing that is kept.
    Nothing,
    /// A goal's state.
    Goal {
        /// The new one.
        state: GoalState,
        /// Why.
        error: Option<Box<str>>,
    },
    /// A goal is paused; before it has a plan, it keeps its state.
    GoalPaused,
    /// It goes on.
    GoalResumed,
    /// A goal's plan is another: read it again.
    Plan,
    /// An attempt began.
    Claimed,
    /// An attempt is in another phase.
    Phase(Phase),
    /// An action began: what is expected of it.
    Doing(Box<str>),
    /// An action ended.
    Done,
    /// A task stands in its queue.
    Ready,
    /// A task is done.
    Succeeded {
        /// How long it took.
        seconds: Option<f64>,
    },
    /// A task ended otherwise, or an attempt did and the task is tried again.
    Ended {
        /// The task's state now.
        state: TaskState,
        /// Why.
        error: Option<Box<str>>,
    },
    /// The agent that held it died.
    LeaseExpired,
}

impl Happening {
    /// What an event says; `ms` is when it was written.
    pub(crate) fn new(event: &Event, ms: u64) -> Self {
        Self {
            ms,
            kind: clean_line(&event.kind),
            who: clean_line(&event.who),
            goal: event.goal.clone().or_else(|| event.task.as_ref().map(|task| task.goal().clone())),
            task: event.task.clone(),
            attempt: event.attempt,
            sentence: clean_line(&sentence(event)),
            change: change(event),
        }
    }
}

fn text<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.data.get(name).and_then(Value::as_str)
}

fn line(event: &Event, name: &str) -> Option<Box<str>> {
    text(event, name).map(clean_line)
}

fn word<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

fn change(event: &Event) -> Change {
    if event.task.is_none() {
        return change_of_goal(event);
    }
    let ended = |state, reason| Change::Ended { state, error: line(event, reason) };
    match event.kind.as_str() {
        "task_claimed" => Change::Claimed,
        "phase" => text(event, "phase").and_then(word).map_or(Change::Nothing, Change::Phase),
        "action_started" => {
            line(event, "expect").or_else(|| line(event, "action")).map_or(Change::Nothing, Change::Doing)
        }
        "action_finished" => Change::Done,
        "task_ready" => Change::Ready,
        "task_succeeded" => Change::Succeeded { seconds: event.data.get("seconds").and_then(Value::as_f64) },
        "task_failed" => ended(TaskState::Failed, "error"),
        "task_blocked" => ended(TaskState::Blocked, "error"),
        "task_cancelled" => ended(TaskState::Cancelled, "error"),
        "attempt_failed" => ended(TaskState::Ready, "error"),
        "attempt_released" => ended(TaskState::Ready, "reason"),
        "task_needs_follow_up" => ended(TaskState::Waiting, "error"),
        "lease_expired" => Change::LeaseExpired,
        "plan_grown" | "task_retried" => Change::Plan,
        _ => Change::Nothing,
    }
}

fn change_of_goal(event: &Event) -> Change {
    match event.kind.as_str() {
        "goal_paused" => Change::GoalPaused,
        "goal_resumed" => Change::GoalResumed,
        "plan_grown" => Change::Plan,
        kind => match kind.strip_prefix("goal_").and_then(word::<GoalState>) {
            Some(state) => Change::Goal { state, error: line(event, "error") },
            None => Change::Nothing,
        },
    }
}

fn sentence(event: &Event) -> String {
    let said = |name: &str| text(event, name).unwrap_or("no reason was given");
    match event.kind.as_str() {
        "task_claimed" => match event.attempt {
            Some(attempt) if attempt > 1 => format!("claimed for attempt {attempt}"),
            _ => "claimed".to_owned(),
        },
        "phase" => said("phase").to_owned(),
        "observed" => format!("observed: {}", said("fact")),
        "reasoned" => format!("concluded: {}", said("conclusion")),
        "planned" => planned(event),
        "action_started" => format!("{}: {}", said("action"), said("expect")),
        "action_finished" => action_finished(event),
        "validated" => {
            let passed = event.data.get("passed").and_then(Value::as_bool).unwrap_or(false);
            format!("validation {}: {}", if passed { "passed" } else { "failed" }, said("summary"))
        }
        "task_ready" => "is ready".to_owned(),
        "task_succeeded" => match event.data.get("seconds").and_then(Value::as_f64) {
            Some(seconds) => format!("succeeded in {}", duration(seconds)),
            None => "succeeded".to_owned(),
        },
        "task_failed" | "goal_failed" => with_reason("failed", event),
        "task_blocked" | "goal_blocked" => with_reason("needs a person", event),
        "task_cancelled" | "goal_cancelled" => with_reason("cancelled", event),
        "attempt_failed" => format!("the attempt failed and is tried again: {}", said("error")),
        "attempt_released" => format!("handed back: {}", said("reason")),
        "task_needs_follow_up" => format!("waits for something that must come first: {}", said("error")),
        "task_retried" => "is tried again: a person asked for it".to_owned(),
        "lease_expired" => format!("its agent {} died; another takes it over", said("agent")),
        "publish_refused" => format!("a late result of {} was refused", said("agent")),
        "plan_grown" => "the plan grew".to_owned(),
        "goal_queued" => "was handed over".to_owned(),
        "goal_planning" => "is being planned".to_owned(),
        "goal_running" => match event.data.get("tasks").and_then(Value::as_u64) {
            Some(tasks) => format!("is planned: {tasks} tasks"),
            None => "is planned".to_owned(),
        },
        "goal_paused" => "is paused".to_owned(),
        "goal_resumed" => "goes on".to_owned(),
        "goal_succeeded" => "succeeded".to_owned(),
        "goal_archived" => "was archived".to_owned(),
        other => unknown(other, event),
    }
}

fn planned(event: &Event) -> String {
    let steps = event.data.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let actions: Vec<&str> = steps.iter().filter_map(|step| step.get("action")?.as_str()).collect();
    if actions.is_empty() {
        "planned: nothing is to be done".to_owned()
    } else {
        format!("planned: {}", actions.join(", "))
    }
}

fn action_finished(event: &Event) -> String {
    let command = text(event, "command").or_else(|| text(event, "action")).unwrap_or("an action");
    let seconds = event
        .data
        .get("seconds")
        .and_then(Value::as_f64)
        .map_or_else(String::new, |seconds| format!(" after {}", duration(seconds)));
    match event.data.get("exit_code").and_then(Value::as_i64) {
        Some(0) => format!("done{seconds}: {command}"),
        Some(code) => format!("exit code {code}{seconds}: {command}"),
        None => format!("ended{seconds}: {command}"),
    }
}

fn with_reason(what: &str, event: &Event) -> String {
    match text(event, "error") {
        Some(error) => format!("{what}: {error}"),
        None => what.to_owned(),
    }
}

/// An event of a kind that this version does not know.
fn unknown(kind: &str, event: &Event) -> String {
    let kind = kind.replace('_', " ");
    if event.data.is_null() { kind } else { format!("{kind}: {}", event.data) }
}
