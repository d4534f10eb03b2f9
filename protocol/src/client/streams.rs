//! Events and logs: appending and following.

use std::collections::HashMap;

use super::entries::{Entries, Fields, Read, lossy};
use super::goals::text;
use super::letters::time_of;
use super::{Client, Error, Listener, decode, encode, query_on, scripts};
use crate::event::Event;
use crate::id::AgentId;
use crate::log::Level;

/// How many lines of an agent's log are kept, roughly.
const LOG_LINES: u64 = 20_000;
/// How many events one read takes.
const EVENTS_AT_ONCE: usize = 1_000;
/// How many lines one read takes, roughly; of one log at least so many, that a reader of many logs keeps up with
/// those who write much.
const LINES_AT_ONCE: usize = 5_000;
const LINES_OF_ONE: usize = 250;
/// The longest line that is kept, in bytes.
const MAX_LINE_BYTES: usize = 4_096;

/// A place in a stream: the id of the last entry that was read.
pub type StreamPosition = String;

/// An event and when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedEvent {
    /// Unix time in milliseconds.
    pub ms: u64,
    /// The event.
    pub event: Event,
}

/// A line on its way into a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    /// How much it matters.
    pub level: Level,
    /// The text.
    pub text: String,
}

impl NewLine {
    /// What a command printed.
    #[must_use]
    pub fn output(text: impl Into<String>) -> Self {
        Self { level: Level::Output, text: text.into() }
    }
}

/// One line of an agent's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its entry's id; the part before `-` is its time, Unix milliseconds.
    pub position: StreamPosition,
    /// The task it belongs to, or nothing.
    pub task: String,
    /// How much it matters.
    pub level: Level,
    /// The text. Untrusted: it may hold anything that a command printed.
    pub line: String,
}

impl Client {
    /// Appends an event.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn append_event(&self, event: &Event) -> Result<(), Error> {
        let json = encode("an event", event)?;
        let mut add = redis::cmd("XADD");
        add.arg(self.keys.events()).arg("*").arg("event").arg(json);
        self.query::<String>("appending an event", &add).await.map(|_| ())
    }

    /// Appends lines to an agent's log, all belonging to `task` when given.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn append_log(&self, agent: &AgentId, task: &str, lines: &[NewLine]) -> Result<(), Error> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        for NewLine { level, text: line } in lines {
            let mut end = line.len().min(MAX_LINE_BYTES);
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            pipe.cmd("XADD").arg(self.keys.log(agent)).arg("MAXLEN").arg("~").arg(LOG_LINES).arg("*");
            pipe.arg("task").arg(task).arg("line").arg(&line[..end]);
            // Nearly all lines are output, and a reader takes a line without a level for that.
            if *level != Level::Output {
                pipe.arg("level").arg(level.name());
            }
            pipe.ignore();
        }
        self.pipe("writing a log", &pipe).await
    }

    /// The last `count` lines of an agent's log, oldest first. What can't be read is put aside.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn last_log(&self, agent: &AgentId, count: usize) -> Result<Vec<LogLine>, Error> {
        self.log_before(agent, "+", count).await
    }

    /// The last `count` lines of an agent's log before a place in it (`+` is its end), oldest first. What can't be
    /// read is put aside.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn log_before(&self, agent: &AgentId, end: &str, count: usize) -> Result<Vec<LogLine>, Error> {
        let end = if end == "+" { end.to_owned() } else { format!("({end}") };
        let mut read = redis::cmd("XREVRANGE");
        read.arg(self.keys.log(agent)).arg(end).arg("-").arg("COUNT").arg(count);
        let Entries(entries) = self.query("reading a log", &read).await?;
        let mut lines = Vec::with_capacity(entries.len());
        for (id, fields) in entries {
            match read_line(id, &fields) {
                Ok(line) => lines.push(line),
                Err((id, reason)) => {
                    self.put_aside(&format!("log:{agent}"), &id, &reason).await?;
                }
            }
        }
        lines.reverse();
        Ok(lines)
    }

    /// The newest `count` entries of the events stream, the oldest event first, and the place to follow from. What
    /// can't be read is left out: whoever follows the stream puts it aside.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn newest_events(&self, count: usize) -> Result<(Vec<TimedEvent>, StreamPosition), Error> {
        let mut read = redis::cmd("XREVRANGE");
        read.arg(self.keys.events()).arg("+").arg("-").arg("COUNT").arg(count);
        let Entries(mut entries) = self.query("reading events", &read).await?;
        entries.reverse();
        let position = entries.last().map_or_else(|| "0-0".to_owned(), |(id, _)| id.clone());
        let mut events = Vec::with_capacity(entries.len());
        for (id, fields) in &entries {
            if let Err(reason) = read_events(id, fields, &mut events) {
                tracing::debug!(entry = id, reason, "an event can't be read");
            }
        }
        Ok((events, position))
    }

    /// The id of the newest event, to follow from.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn last_event(&self) -> Result<StreamPosition, Error> {
        let mut read = redis::cmd("XREVRANGE");
        read.arg(self.keys.events()).arg("+").arg("-").arg("COUNT").arg(1);
        let Entries(newest) = self.query("reading events", &read).await?;
        Ok(newest.into_iter().next().map_or_else(|| "0-0".to_owned(), |(id, _)| id))
    }
}

impl Listener {
    /// Events after `position`, which is moved on; waits up to `wait_ms` for the first. What can't be
    /// read is put aside.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Redis`]; the next call opens a new connection.
    pub async fn events(
        &mut self,
        position: &mut StreamPosition,
        wait_ms: usize,
    ) -> Result<Vec<Event>, Error> {
        let timed = self.timed_events(position, wait_ms).await?;
        Ok(timed.into_iter().map(|timed| timed.event).collect())
    }

    /// As [`Listener::events`], each with the time at which it was written.
    ///
    /// # Errors
    /// As [`Listener::events`].
    pub async fn timed_events(
        &mut self,
        position: &mut StreamPosition,
        wait_ms: usize,
    ) -> Result<Vec<TimedEvent>, Error> {
        let stream = self.keys.events();
        let entries = self.follow(&[(stream, position.clone())], wait_ms, EVENTS_AT_ONCE).await?;
        let mut events = Vec::with_capacity(entries.len());
        for (_, id, fields) in entries {
            if let Err(reason) = read_events(&id, &fields, &mut events) {
                self.put_aside("events", &id, &reason).await?;
            }
            *position = id;
        }
        Ok(events)
    }

    /// Log lines of several agents after their positions, which are moved on; waits up to `wait_ms`. What
    /// can't be read is put aside.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Redis`].
    pub async fn logs(
        &mut self,
        positions: &mut [(AgentId, StreamPosition)],
        wait_ms: usize,
    ) -> Result<Vec<(AgentId, LogLine)>, Error> {
        let streams: Vec<_> =
            positions.iter().map(|(agent, position)| (self.keys.log(agent), position.clone())).collect();
        // Redis counts by stream, and nearly always few of many are written to.
        let most = (LINES_AT_ONCE / streams.len().max(1)).max(LINES_OF_ONE);
        let entries = self.follow(&streams, wait_ms, most).await?;
        let places: HashMap<&str, usize> =
            streams.iter().enumerate().map(|(place, (stream, _))| (stream.as_str(), place)).collect();
        let mut lines = Vec::with_capacity(entries.len());
        for (stream, id, map) in entries {
            let Some(index) = places.get(stream.as_str()).copied() else { continue };
            positions[index].1.clone_from(&id);
            let agent = positions[index].0.clone();
            match read_line(id, &map) {
                Ok(line) => lines.push((agent, line)),
                Err((id, reason)) => self.put_aside(&format!("log:{agent}"), &id, &reason).await?,
            }
        }
        Ok(lines)
    }

    async fn follow(
        &mut self,
        streams: &[(String, StreamPosition)],
        wait_ms: usize,
        most: usize,
    ) -> Result<Vec<(String, String, Fields)>, Error> {
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(most).arg("BLOCK").arg(wait_ms).arg("STREAMS");
        for (stream, _) in streams {
            read.arg(stream);
        }
        for (_, position) in streams {
            read.arg(position);
        }
        let connection = self.connection().await?;
        let reply: Result<Read, Error> = query_on(connection, "following", &read).await;
        if reply.is_err() {
            self.broken();
        }
        reply.map(|Read(entries)| entries)
    }

    /// Moves an entry that can't be read into the quarantine; another reader may have been faster.
    async fn put_aside(&mut self, stream: &str, entry: &str, reason: &str) -> Result<(), Error> {
        let script = &scripts::PUT_ASIDE;
        let mut invocation = script.prepare(&self.keys, "");
        invocation.arg(stream).arg(entry).arg(reason);
        let moved: Result<u8, _> = invocation.invoke_async(self.connection().await?).await;
        moved.map(|_| ()).map_err(|source| Error::Redis { doing: script.doing, source })
    }
}

/// Reads the events of an entry up to what can't be read; else why that can't be.
fn read_events(id: &str, fields: &Fields, events: &mut Vec<TimedEvent>) -> Result<(), String> {
    if fields.get("event").is_none() {
        return Err("it has no field event".to_owned());
    }
    for json in fields.all("event") {
        let event = decode("an event", &lossy(json)).map_err(|error| error.to_string())?;
        events.push(TimedEvent { ms: time_of(id), event });
    }
    Ok(())
}

/// Reads a line of a log; else the entry's id, and why it can't be read.
fn read_line(id: String, fields: &Fields) -> Result<LogLine, (String, String)> {
    let missing = ["task", "line"].into_iter().find(|name| fields.get(name).is_none());
    if let Some(missing) = missing {
        return Err((id, format!("it has no field {missing}")));
    }
    let (task, line) = (text(fields, "task"), text(fields, "line"));
    if line.len() > MAX_LINE_BYTES * 4 {
        return Err((id, format!("its line has {} bytes", line.len())));
    }
    let level = fields.get("level").and_then(|value| lossy(value).parse().ok()).unwrap_or_default();
    Ok(LogLine { position: id, task, level, line })
}
