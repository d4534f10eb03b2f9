//! What was read as the store keeps it: clean and light.

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::client::{DeadLetter, GoalView, Quarantined, ResultOutline, TaskOutline};
use codegod_protocol::goal::GoalKind;
use codegod_protocol::host::HostStatus;
use codegod_protocol::task::TaskState;

use crate::console::store::clean::clean_line;
use crate::console::store::details::{Dead, PutAside};
use crate::console::store::goals::GoalRow;
use crate::console::store::plan::TaskRow;
use crate::sanitize;

/// How many lines of a goal's text are kept.
const TEXT_LINES: usize = 500;

/// An agent's status with printable texts.
pub(super) fn agent(mut status: AgentStatus) -> AgentStatus {
    for text in [&mut status.host, &mut status.version] {
        tidy(text);
    }
    status.capabilities.iter_mut().for_each(tidy);
    status.title.iter_mut().for_each(tidy);
    status.note.iter_mut().for_each(tidy);
    status
}

/// A host's status with printable texts.
pub(super) fn host(mut status: HostStatus) -> HostStatus {
    tidy(&mut status.host);
    status.docker.iter_mut().for_each(|docker| tidy(&mut docker.version));
    status.gpus.iter_mut().for_each(|gpu| tidy(&mut gpu.name));
    if let Some(model) = &mut status.model {
        tidy(&mut model.url);
        model.name.iter_mut().for_each(tidy);
        model.trouble.iter_mut().for_each(tidy);
    }
    status
}

fn tidy(text: &mut String) {
    // Nearly all of them are: a thousand agents a second are not copied for nothing.
    if text.len() > 400 || text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
        *text = clean_line(text).into();
    }
}

/// A goal as a row.
pub(super) fn goal(view: &GoalView) -> GoalRow {
    GoalRow {
        id: view.goal.id.clone(),
        text: clean_line(&view.goal.text),
        verifies: match &view.goal.kind {
            GoalKind::Build => None,
            GoalKind::Verify { of } => Some(of.clone()),
        },
        state: view.state,
        priority: view.goal.priority,
        total: view.total,
        succeeded: view.succeeded,
        failed: view.failed,
        blocked: view.blocked,
        cancelled: view.cancelled,
        running: 0,
        submitted_ms: view.goal.submitted_ms,
        planned_ms: view.planned_ms,
        ended_ms: view.ended_ms,
        paused_ms: view.paused_ms,
        deadline_ms: view.goal.deadline_ms,
        error: view.error.as_deref().map(clean_line),
    }
}

/// A goal's text, line by line.
pub(super) fn text(view: &GoalView) -> Vec<String> {
    sanitize::lines(&view.goal.text).take(TEXT_LINES).collect()
}

/// A task as a row; what it published tells how long it took, as long as that is of its last attempt.
pub(super) fn task(outline: TaskOutline, result: Option<&ResultOutline>) -> TaskRow {
    let result = result.filter(|result| result.attempt == outline.attempts);
    let spent = outline.started_ms.zip(outline.ended_ms);
    let seconds = result
        .map(|result| result.seconds)
        .or_else(|| spent.map(|(started, ended)| crate::text::seconds_between(started, ended)));
    TaskRow {
        role: outline.role,
        kind: outline.kind,
        title: clean_line(&outline.title),
        state: outline.state,
        needs: outline.needs.iter().map(codegod_protocol::id::TaskId::number).collect(),
        attempts: outline.attempts,
        max_attempts: outline.max_attempts,
        agent: outline.agent,
        phase: None,
        doing: None,
        started_ms: outline.started_ms,
        ended_ms: outline.ended_ms,
        seconds: seconds.filter(|_| ran_and_ended(outline.state)),
        error: outline.error.as_deref().map(clean_line),
        tests: result.and_then(|result| result.tests),
        id: outline.id,
    }
}

fn ran_and_ended(state: TaskState) -> bool {
    match state {
        TaskState::Succeeded | TaskState::Failed | TaskState::Blocked => true,
        TaskState::Waiting | TaskState::Ready | TaskState::Running | TaskState::Cancelled => false,
    }
}

/// A task that was given up.
pub(super) fn dead(letter: DeadLetter) -> Dead {
    Dead {
        task: letter.task,
        title: letter.title.as_deref().map(clean_line),
        reason: clean_line(&letter.reason),
        at_ms: letter.at_ms,
    }
}

/// An entry that was put aside.
pub(super) fn put_aside(entry: Quarantined) -> PutAside {
    PutAside {
        from: clean_line(&entry.from),
        entry: clean_line(&entry.entry),
        reason: clean_line(&entry.reason),
        at_ms: entry.at_ms,
    }
}
