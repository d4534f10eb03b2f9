//! Everything that is known of a task, as one text: how far it is and why, what its agent saw, thought and did,
//! what was checked, what was wanted. What helps a person most stands first.

use std::hash::{DefaultHasher, Hash, Hasher};

use codegod_protocol::evidence::{Evidence, TestCounts};
use codegod_protocol::id::TaskId;
use codegod_protocol::task::TaskState;

use super::reasons;
use super::tree::took;
use crate::console::store::details::{Action, OpenTask};
use crate::console::store::{Change, Happening, OpenGoal, TaskRow};
use crate::console::views::show;
use crate::console::widgets::Passage;
use crate::output::Meaning;

/// How many needs are listed.
const NEEDS: usize = 12;

/// How much of what commands printed is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// The last lines.
    Tail,
    /// All that was kept.
    All,
}

impl Output {
    /// How many lines that are.
    fn lines(self, succeeded: bool) -> usize {
        match (self, succeeded) {
            (Self::All, _) => usize::MAX,
            (Self::Tail, true) => 4,
            (Self::Tail, false) => 20,
        }
    }
}

/// A number that is another when the text would be.
pub(super) fn fingerprint(row: &TaskRow, task: Option<&OpenTask>, goal: &OpenGoal) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.id.hash(&mut hasher);
    (row.state.name(), row.attempts, row.started_ms, &row.error, row.phase.map(|phase| phase.name()))
        .hash(&mut hasher);
    if let Some(task) = task {
        let ended = task.actions.iter().filter(|action| action.outcome.is_some()).count();
        let last = task.story.back().map(|one| (one.ms, &one.sentence));
        (task.state.name(), task.attempts, task.story.len(), last).hash(&mut hasher);
        (task.actions.len(), ended, task.reasoning.len(), &task.error).hash(&mut hasher);
        task.result.as_ref().map(|result| (result.attempt, result.started_ms)).hash(&mut hasher);
        for need in task.needs.iter().take(NEEDS) {
            (need, goal.row(need.number()).map(|row| row.state.name())).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// The text, of what the plan's row tells alone while nothing else was read.
pub(super) fn passages(
    row: &TaskRow,
    task: Option<&OpenTask>,
    goal: &OpenGoal,
    output: Output,
) -> Vec<Passage> {
    let mut page = vec![state(row)];
    page.extend(row.error.iter().flat_map(|error| trouble(row, task, error)));
    let Some(task) = task else {
        page.push(Passage::new(Meaning::Faint, "the rest is being read"));
        return page;
    };
    page.extend(now(task));
    page.extend(texts(Meaning::Plain, &task.task.description));
    page.extend(actions(task, output));
    page.extend(reasons::checks(task, output));
    page.extend(phases(task));
    page.extend(needs(&task.needs, goal));
    page.extend(reasons::findings(task));
    page.extend(reasons::reasoning(task));
    page.extend(reasons::outcome(task));
    page.extend(reasons::wanted(&task.task));
    page.extend(happened(task));
    page
}

/// A text's lines.
pub(super) fn texts(meaning: Meaning, text: &str) -> impl Iterator<Item = Passage> {
    let lines: Vec<Passage> = text.lines().map(|line| Passage::new(meaning, line)).collect();
    lines.into_iter()
}

/// A heading with what stands below it; nothing when nothing does.
pub(super) fn section(title: &str, passages: Vec<Passage>) -> Vec<Passage> {
    if passages.is_empty() {
        return passages;
    }
    let head = [Passage::blank(), Passage::heading(title)];
    head.into_iter().chain(passages).collect()
}

/// `▶ running  attempt 2 of 3  backend-7k2m9q  acting  0:12`.
fn state(row: &TaskRow) -> Passage {
    let mut line = Passage::new(Meaning::Strong, row.state.name()).marked(row.state);
    if let Some(seconds) = row.seconds {
        line = line.and(Meaning::Plain, format!(" after {}", took(seconds)));
    }
    if row.attempts > 0 {
        line = line.and(Meaning::Plain, format!("  attempt {} of {}", row.attempts, row.max_attempts));
    }
    line = line.and(Meaning::Plain, format!("  {}", row.role));
    if let Some(agent) = &row.agent {
        line = line.and(Meaning::Faint, format!("  {agent}"));
    }
    match (row.state, row.started_ms) {
        (TaskState::Running, Some(started)) => line.since(started),
        _ => line,
    }
}

/// What went wrong, and what a person can do about it.
fn trouble(row: &TaskRow, task: Option<&OpenTask>, error: &str) -> Vec<Passage> {
    let meaning = match row.state {
        TaskState::Failed => Meaning::Bad,
        TaskState::Blocked => Meaning::Attention,
        _ => Meaning::Faint,
    };
    // The row has one line of it.
    let whole = task.and_then(|task| task.error.as_deref()).unwrap_or(error);
    let mut lines: Vec<Passage> = texts(meaning, whole).collect();
    if matches!(row.state, TaskState::Failed | TaskState::Blocked) {
        lines.push(Passage::new(Meaning::Faint, "r gives it all its attempts again"));
    }
    lines
}

/// The action that runs.
fn now(task: &OpenTask) -> Option<Passage> {
    let last =
        task.actions.last().filter(|last| last.outcome.is_none() && task.state == TaskState::Running)?;
    let line = Passage::new(Meaning::Busy, &last.action).and(Meaning::Plain, format!(": {}", last.expect));
    Some(line.since(last.started_ms))
}

fn needs(needs: &[TaskId], goal: &OpenGoal) -> Vec<Passage> {
    let line = |need: &TaskId| {
        let row = goal.row(need.number());
        let title = row.map_or("", |row| row.title.as_ref());
        let line = Passage::new(Meaning::Plain, format!("{} {title}", need.number())).under("  ");
        match row {
            Some(row) => line.and(Meaning::Faint, format!("  {}", row.state.name())).marked(row.state),
            None => line,
        }
    };
    let mut lines: Vec<Passage> = needs.iter().take(NEEDS).map(line).collect();
    if needs.len() > NEEDS {
        lines.push(Passage::new(Meaning::Faint, format!("  and {} more", needs.len() - NEEDS)));
    }
    section("Needs", lines)
}

/// Where the time of the last attempt went.
fn phases(task: &OpenTask) -> Vec<Passage> {
    let of_last = |one: &&Happening| one.attempt == Some(task.attempts);
    let began = task.story.iter().filter(of_last).filter_map(|one| match &one.change {
        Change::Phase(phase) => Some((*phase, one.ms)),
        _ => None,
    });
    let began: Vec<_> = began.collect();
    let mut line = Passage::blank().under("  ");
    for (at, (phase, ms)) in began.iter().enumerate() {
        let end = began.get(at + 1).map(|(_, ms)| *ms).or(task.ended_ms.filter(|end| end >= ms));
        line = line.and(Meaning::Plain, phase.name());
        match end {
            Some(end) => {
                let took = took(crate::text::seconds_between(*ms, end));
                line = line.and(Meaning::Faint, format!(" {took}  "));
            }
            None if task.state == TaskState::Running => line = line.since(*ms),
            None => {}
        }
    }
    section("Phases", if began.is_empty() { Vec::new() } else { vec![line] })
}

/// What was done: by the running attempt as its agent remembers it, by one that ended as it published it.
fn actions(task: &OpenTask, output: Output) -> Vec<Passage> {
    let mut lines: Vec<Passage> = task.actions.iter().flat_map(|one| action(one, task, output)).collect();
    if let Some(result) = task.result.as_ref().filter(|_| lines.is_empty()) {
        let checks = result.verdict.iter().flat_map(|verdict| &verdict.checks);
        let checked: Vec<&Evidence> = checks.map(|check| &check.evidence).collect();
        let done = result.evidence.iter().filter(|evidence| !checked.contains(evidence));
        for (number, evidence) in done.enumerate() {
            lines.extend(shown(&format!("{:>2}. ", number + 1), evidence, output));
        }
    }
    section("Actions", lines)
}

fn action(action: &Action, task: &OpenTask, output: Output) -> Vec<Passage> {
    let state = match &action.outcome {
        Some(evidence) if evidence.succeeded() => TaskState::Succeeded,
        Some(_) => TaskState::Failed,
        None if task.state == TaskState::Running => TaskState::Running,
        None => TaskState::Cancelled,
    };
    let lead = format!("{:>2}. ", action.number);
    let line = Passage::new(Meaning::Plain, &action.action).marked(state).under(&lead);
    let line = line.and(Meaning::Faint, format!(": {}", action.expect));
    match &action.outcome {
        Some(evidence) => std::iter::once(line).chain(shown("    ", evidence, output)).collect(),
        None if state == TaskState::Running => vec![line.since(action.started_ms)],
        None => vec![line.and(Meaning::Faint, "  it never ended")],
    }
}

/// A command, how it ended, and the last of what it printed.
pub(super) fn shown(lead: &str, evidence: &Evidence, output: Output) -> Vec<Passage> {
    let mut command = evidence.command.lines();
    let first = Passage::new(Meaning::Busy, format!("$ {}", command.next().unwrap_or_default())).under(lead);
    let mut lines = vec![first];
    let indent = " ".repeat(crate::text::width(lead));
    lines.extend(command.map(|line| Passage::new(Meaning::Busy, line).under(&indent)));
    let ended = match evidence.exit_code {
        0 => Passage::new(Meaning::Good, "done"),
        code => Passage::new(Meaning::Bad, format!("exit code {code}")),
    };
    lines.push(ended.and(Meaning::Faint, format!(" after {}", took(evidence.seconds))).under(&indent));
    let printed: Vec<&str> = evidence.output.lines().collect();
    let hidden = printed.len().saturating_sub(output.lines(evidence.succeeded()));
    if hidden > 0 {
        let text = format!("{hidden} lines before (o shows all)");
        lines.push(Passage::new(Meaning::Faint, text).printed().under(&indent));
    }
    let printed = printed.iter().skip(hidden);
    lines.extend(printed.map(|line| Passage::new(Meaning::Faint, line).printed().under(&indent)));
    lines
}

/// `12 passed, 1 failed`.
pub(super) fn tests(counts: TestCounts) -> String {
    let all = [(counts.passed, "passed"), (counts.failed, "failed"), (counts.skipped, "skipped")];
    let some = all.into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = some.map(|(count, word)| format!("{count} {word}")).collect();
    if words.is_empty() { "no tests".to_owned() } else { format!("tests: {}", words.join(", ")) }
}

/// What else happened to it, the newest last.
fn happened(task: &OpenTask) -> Vec<Passage> {
    let Some(first) = task.story.iter().map(|one| one.ms).min() else { return Vec::new() };
    let is_told = |one: &&Happening| {
        let elsewhere = matches!(one.change, Change::Phase(_) | Change::Doing(_) | Change::Done);
        !elsewhere && one.kind.as_ref() != "observed"
    };
    let line = |one: &Happening| {
        let after = show::short(crate::text::seconds_between(first, one.ms));
        let line = Passage::new(Meaning::Plain, &one.sentence).and(Meaning::Faint, format!("  {}", one.who));
        line.under(&format!("{:>6} ", format!("+{after}")))
    };
    section("What happened", task.story.iter().filter(is_told).map(line).collect())
}
