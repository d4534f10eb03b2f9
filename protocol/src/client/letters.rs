//! What needs a person: tasks that were given up, and entries that could not be read.

use serde::Serialize;

use super::entries::{Entries, Fields, lossy};
use super::{Client, Error, StreamPosition};
use crate::id::TaskId;

/// How many entries one read takes.
const PAGE: usize = 1_000;

/// A task that was given up. [`Client::retry_task`] takes it off the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The task.
    pub task: TaskId,
    /// Its title; none when its goal is gone, or can't be read.
    pub title: Option<String>,
    /// Why it was given up. Untrusted.
    pub reason: String,
    /// When, Unix time in milliseconds.
    pub at_ms: u64,
}

/// An entry that could not be read and was put aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Its place among those put aside.
    pub position: StreamPosition,
    /// The key it came from, without the prefix.
    pub from: String,
    /// What it held, cut when it was long. Untrusted.
    pub entry: String,
    /// Why it can't be read.
    pub reason: String,
    /// When it was put aside, Unix time in milliseconds.
    pub at_ms: u64,
}

impl Client {
    /// The newest `count` tasks that were given up, newest first; what can't be read is left out.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn dead_letters(&self, count: usize) -> Result<Vec<DeadLetter>, Error> {
        let key = self.keys.dead();
        let mut letters: Vec<DeadLetter> = Vec::new();
        for (position, fields) in self.newest_of("reading the dead letters", &key, count).await? {
            let Ok(task) = text(&fields, "task").parse() else { continue };
            let reason = text(&fields, "reason");
            letters.push(DeadLetter { task, title: None, reason, at_ms: time_of(&position) });
        }
        for page in letters.chunks_mut(PAGE) {
            let mut pipe = redis::pipe();
            for letter in page.iter() {
                pipe.hget(self.keys.plan(letter.task.goal()), letter.task.number());
            }
            let tasks: Vec<Option<String>> = self.pipe("reading the titles of tasks", &pipe).await?;
            for (letter, json) in page.iter_mut().zip(tasks) {
                // Only the title is looked at: a task that can't be read as a whole may still have one.
                let task: Option<serde_json::Value> = json.and_then(|json| serde_json::from_str(&json).ok());
                letter.title = task.and_then(|task| Some(task.get("title")?.as_str()?.to_owned()));
            }
        }
        Ok(letters)
    }

    /// How many tasks are given up, and how many entries are put aside.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn count_letters(&self) -> Result<(u64, u64), Error> {
        let mut pipe = redis::pipe();
        pipe.xlen(self.keys.dead()).xlen(self.keys.quarantine());
        self.pipe("counting the dead letters", &pipe).await
    }

    /// The newest `count` entries that were put aside, newest first.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn quarantined(&self, count: usize) -> Result<Vec<Quarantined>, Error> {
        let key = self.keys.quarantine();
        let entries = self.newest_of("reading what was put aside", &key, count).await?;
        let read = |(position, fields): (StreamPosition, Fields)| Quarantined {
            from: text(&fields, "from"),
            entry: text(&fields, "entry"),
            reason: text(&fields, "reason"),
            at_ms: time_of(&position),
            position,
        };
        Ok(entries.into_iter().map(read).collect())
    }

    /// Deletes what was put aside up to `newest`, and nothing that came later. Returns how many went.
    ///
    /// # Errors
    /// [`Error::Redis`]; [`Error::Undecodable`] when `newest` is no position.
    pub async fn clear_quarantine(&self, newest: &StreamPosition) -> Result<u64, Error> {
        let unreadable =
            || Error::Undecodable { what: format!("the position {newest:?}"), reason: "it is none".into() };
        let (ms, sequence) = newest.split_once('-').ok_or_else(unreadable)?;
        let sequence: u64 = sequence.parse().map_err(|_| unreadable())?;
        let mut trim = redis::cmd("XTRIM");
        trim.arg(self.keys.quarantine()).arg("MINID").arg(format!("{ms}-{}", sequence.saturating_add(1)));
        self.query("deleting what was put aside", &trim).await
    }

    async fn newest_of(
        &self,
        doing: &'static str,
        key: &str,
        count: usize,
    ) -> Result<Vec<(StreamPosition, Fields)>, Error> {
        let mut entries = Vec::new();
        let mut before = "+".to_owned();
        while entries.len() < count {
            let mut read = redis::cmd("XREVRANGE");
            read.arg(key).arg(&before).arg("-").arg("COUNT").arg(PAGE.min(count - entries.len()));
            let Entries(page) = self.query(doing, &read).await?;
            let Some((last, _)) = page.last() else { break };
            before = format!("({last}");
            entries.extend(page);
        }
        Ok(entries)
    }
}

/// A field's text; empty when it is absent.
fn text(fields: &Fields, name: &str) -> String {
    fields.get(name).map(lossy).unwrap_or_default()
}

/// When an entry was made, Unix time in milliseconds.
pub(super) fn time_of(position: &str) -> u64 {
    position.split('-').next().and_then(|ms| ms.parse().ok()).unwrap_or(0)
}
