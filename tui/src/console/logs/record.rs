//! What a log is made of: lines, who wrote them, and how bad it is.

use codegod_protocol::id::{AgentId, TaskId};
pub(crate) use codegod_protocol::log::Level;

use crate::sanitize;

/// One line on its way into the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Who wrote it.
    pub(crate) agent: AgentId,
    /// The task that it belongs to.
    pub(crate) task: Option<TaskId>,
    /// How bad it is.
    pub(crate) level: Level,
    /// When it was written, Unix time in milliseconds.
    pub(crate) ms: u64,
    /// What it says, as it was written; the ring cleans it.
    pub(crate) text: String,
}

/// The number of a line. Numbers only grow from older to newer lines, and a line keeps its own for ever;
/// so a view that holds on to a number never moves, whatever comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Number(pub(super) u64);

impl Number {
    /// Where a ring begins to count; older pages get the numbers below.
    pub(super) const START: Self = Self(1 << 40);

    pub(super) const fn plus(self, lines: u64) -> Self {
        Self(self.0.saturating_add(lines))
    }

    pub(super) const fn minus(self, lines: u64) -> Self {
        Self(self.0.saturating_sub(lines))
    }

    /// How many lines there are from `earlier` up to this one.
    pub(super) const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A line as it is held, with printable characters only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Its number.
    pub(crate) number: Number,
    /// Who wrote it.
    pub(crate) agent: &'a AgentId,
    /// The task that it belongs to.
    pub(crate) task: Option<&'a TaskId>,
    /// How bad it is.
    pub(crate) level: Level,
    /// When it was written, Unix time in milliseconds.
    pub(crate) ms: u64,
    /// What it says.
    pub(crate) text: &'a str,
}

impl Line<'_> {
    /// Whether it tells of an error.
    pub(super) fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}

/// A line that outlives its place in the ring, because it is on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    number: Number,
    agent: AgentId,
    task: Option<TaskId>,
    level: Level,
    ms: u64,
    text: Box<str>,
}

impl Kept {
    pub(super) fn line(&self) -> Line<'_> {
        Line {
            number: self.number,
            agent: &self.agent,
            task: self.task.as_ref(),
            level: self.level,
            ms: self.ms,
            text: &self.text,
        }
    }
}

impl From<Line<'_>> for Kept {
    fn from(line: Line<'_>) -> Self {
        Self {
            number: line.number,
            agent: line.agent.clone(),
            task: line.task.cloned(),
            level: line.level,
            ms: line.ms,
            text: line.text.into(),
        }
    }
}

/// The text as the ring holds it.
pub(super) fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    let plain = text.len() <= 1_024 && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if plain && !text.ends_with(' ') { text.into() } else { sanitize::log_line(text).into() }
}
