//! Which lines are wanted, and lines as records.

use codegod_protocol::client::{Client, Error, LogLine};
use codegod_protocol::id::{AgentId, GoalId, TaskId};

use super::scope::LogScope;
use crate::console::logs::Record;

/// What is written so long after a task's end still belongs to it.
const AFTER_MS: u64 = 10_000;
/// With so many agents or fewer, all are asked for lines of a task: an earlier attempt was perhaps another's.
const FEW: usize = 16;

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) of: Of,
    /// From when to when they were written, Unix time in milliseconds.
    pub(super) span: (u64, u64),
}

/// What lines must belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    /// Anything.
    Anything,
    /// A goal.
    Goal(GoalId),
    /// A task.
    Task(TaskId),
}

impl Wanted {
    /// Whether a line is.
    pub(super) fn includes(&self, line: &LogLine) -> bool {
        let (from, to) = self.span;
        let ms = time(line).0;
        if ms < from || ms > to {
            return false;
        }
        match &self.of {
            Of::Anything => true,
            Of::Goal(goal) => line.task.strip_prefix(goal.as_str()).is_some_and(|rest| rest.starts_with('.')),
            Of::Task(task) => line.task.parse().as_ref() == Ok(task),
        }
    }
}

/// When a line was written: milliseconds, and its place among those of one millisecond.
pub(super) fn time(line: &LogLine) -> (u64, u64) {
    let (ms, sequence) = line.position.split_once('-').unwrap_or((&line.position, "0"));
    (ms.parse().unwrap_or(0), sequence.parse().unwrap_or(0))
}

/// A line as the log view takes it.
pub(super) fn record(agent: AgentId, line: LogLine) -> Record {
    Record { agent, task: line.task.parse().ok(), level: line.level, ms: time(&line).0, text: line.line }
}

/// Which lines a scope wants, and whose logs hold them; `listed` are the agents on the list.
///
/// # Errors
/// [`Error::Redis`].
pub(super) async fn sources(
    client: &Client,
    scope: &LogScope,
    listed: &[AgentId],
) -> Result<(Wanted, Vec<AgentId>), Error> {
    let everything = |of| Wanted { of, span: (0, u64::MAX) };
    let (goal, number) = match scope {
        LogScope::All => return Ok((everything(Of::Anything), listed.to_vec())),
        LogScope::Role(role) => {
            let agents = listed.iter().filter(|agent| agent.role() == *role).cloned().collect();
            return Ok((everything(Of::Anything), agents));
        }
        LogScope::Agent(agent) => return Ok((everything(Of::Anything), vec![agent.clone()])),
        LogScope::Goal(goal) => (goal, None),
        LogScope::Task(task) => (task.goal(), Some(task.number())),
    };
    let head = client.goal_heads(std::slice::from_ref(goal)).await?.into_iter().next();
    let from = head.as_ref().map_or(0, |head| head.goal.submitted_ms.saturating_sub(AFTER_MS));
    let to = head.and_then(|head| head.ended_ms).map_or(u64::MAX, |ended| ended.saturating_add(AFTER_MS));
    let numbers = match number {
        Some(number) => vec![number],
        None => client.task_numbers(goal).await?,
    };
    let mut agents = client.holders(goal, &numbers).await?;
    if number.is_none() || listed.len() <= FEW {
        agents.extend(listed.iter().cloned());
    }
    let of = match scope {
        LogScope::Task(task) => Of::Task(task.clone()),
        _ => Of::Goal(goal.clone()),
    };
    Ok((Wanted { of, span: (from, to) }, agents.into_iter().collect()))
}
