//! Entries of streams as they may be: written by anybody, with any bytes. What can't be read is moved into the
//! quarantine by whoever meets it.

use redis::{FromRedisValue, ParsingError, Value};

use super::{Client, Error, scripts};
use crate::id::TaskId;

/// Fields of an entry, in order. A name may stand there several times: a turn tells its events in one entry.
#[derive(Debug, Clone)]
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// The first of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.all(name).next()
    }

    /// All of that name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |(is, _)| is == name).map(|(_, value)| value)
    }
}

/// The answer to a read of several streams: stream, id, fields. The redis crate's own types refuse a whole
/// answer when one field's name is no text, and with it the good entries.
#[derive(Debug, Default)]
pub(super) struct Read(pub(super) Vec<(String, String, Fields)>);

/// The entries of one stream: id, fields.
#[derive(Debug, Default)]
pub(super) struct Entries(pub(super) Vec<(String, Fields)>);

/// The answer to XAUTOCLAIM: what was claimed.
#[derive(Debug, Default)]
pub(super) struct Claimed(pub(super) Vec<(String, Fields)>);

/// Any bytes as text.
pub(super) fn lossy(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    }
}

/// One entry: `[id, [name, value, …]]`; nothing for one that was deleted (`nil`).
fn entry(value: &Value) -> Option<(String, Fields)> {
    let Value::Array(parts) = value else { return None };
    let [id, Value::Array(flat)] = parts.as_slice() else { return None };
    let fields = flat.chunks_exact(2).map(|pair| (lossy(&pair[0]), pair[1].clone()));
    Some((lossy(id), Fields(fields.collect())))
}

fn entries(value: &Value) -> Vec<(String, Fields)> {
    match value {
        Value::Array(all) => all.iter().filter_map(entry).collect(),
        _ => Vec::new(),
    }
}

impl FromRedisValue for Entries {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        Ok(Self(entries(&value)))
    }
}

impl FromRedisValue for Claimed {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let Value::Array(parts) = value else { return Ok(Self::default()) };
        Ok(Self(parts.get(1).map(entries).unwrap_or_default()))
    }
}

impl FromRedisValue for Read {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let Value::Array(streams) = value else { return Ok(Self::default()) };
        let mut all = Vec::new();
        for stream in &streams {
            let Value::Array(parts) = stream else { continue };
            let [name, found] = parts.as_slice() else { continue };
            let name = lossy(name);
            all.extend(entries(found).into_iter().map(|(id, fields)| (name.clone(), id, fields)));
        }
        Ok(Self(all))
    }
}

impl Client {
    /// Notes something unreadable that stands in no stream, with the reason. Returns when it is noted.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn quarantine(&self, from: &str, what: &str, reason: &str) -> Result<(), Error> {
        self.script::<String>(&scripts::QUARANTINE, |s| {
            s.arg(from).arg(what).arg(reason);
        })
        .await
        .map(|_| ())
    }

    /// Moves an entry of the goals stream that can't be read into the quarantine. Returns whether this call
    /// did it.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn put_goal_aside(&self, entry: &str, reason: &str) -> Result<bool, Error> {
        self.put_aside("goals", entry, reason).await
    }

    /// As [`Client::put_goal_aside`], for an entry of `follow_ups`.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn put_follow_up_aside(&self, entry: &str, reason: &str) -> Result<bool, Error> {
        self.put_aside("follow_ups", entry, reason).await
    }

    pub(super) async fn put_aside(&self, stream: &str, entry: &str, reason: &str) -> Result<bool, Error> {
        let moved: u8 = self
            .script(&scripts::PUT_ASIDE, |s| {
                s.arg(stream).arg(entry).arg(reason);
            })
            .await?;
        Ok(moved == 1)
    }

    /// Whether there is such a task.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn is_task(&self, task: &TaskId) -> Result<bool, Error> {
        self.query("looking for a task", redis::cmd("HEXISTS").arg(self.keys.task(task)).arg("state")).await
    }
}

impl Error {
    /// Whether somebody stored another type under one of the keys: trying again does not help, and only what
    /// belongs to that key is concerned.
    #[must_use]
    pub fn is_wrong_type(&self) -> bool {
        let wrong = |source: &redis::RedisError| {
            source.code() == Some("WRONGTYPE") || source.to_string().contains("WRONGTYPE")
        };
        matches!(self, Error::Redis { source, .. } if wrong(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &[u8]) -> Value {
        Value::BulkString(text.to_vec())
    }

    #[test]
    fn an_entry_whose_names_are_no_text_is_read_with_the_others() {
        let odd = Value::Array(vec![bytes(b"1-0"), Value::Array(vec![bytes(b"\xff\xfe"), bytes(b"\xff")])]);
        let good = Value::Array(vec![bytes(b"2-0"), Value::Array(vec![bytes(b"goal"), bytes(b"g")])]);
        let answer = Value::Array(vec![Value::Array(vec![bytes(b"goals"), Value::Array(vec![odd, good])])]);
        let Read(read) = Read::from_redis_value(answer).unwrap();
        let ids: Vec<&str> = read.iter().map(|(_, id, _)| id.as_str()).collect();
        assert_eq!(ids, ["1-0", "2-0"]);
        assert_eq!(read[1].2.get("goal").map(lossy).as_deref(), Some("g"));
    }
}
