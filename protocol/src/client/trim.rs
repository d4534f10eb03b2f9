//! Trimming: streams are kept within bounds, and nothing goes that a consumer group still needs.

use std::time::{Duration, Instant};

use super::{Client, Error, now_ms, scripts};

/// How long one stream is trimmed at a time; the rest comes at the next.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of a stream stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// So many entries, roughly; none for any number.
    pub entries: Option<u64>,
    /// Those of so long; none for any age.
    pub age: Option<Duration>,
}

/// What came of trimming a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many entries went.
    pub removed: u64,
    /// How many are there now.
    pub left: u64,
    /// The consumer group because of which more stay than should: it has not read or not acknowledged them.
    pub held_by: Option<String>,
}

impl Client {
    /// Trims a stream (its name without the prefix) to what is to be kept. Nothing goes that some consumer
    /// group has not read, or has read and not acknowledged; a group that has read nothing holds everything.
    /// The queues of the roles are no streams to be trimmed: claims do not read them in order.
    ///
    /// # Errors
    /// [`Error::WrongState`] for a queue; [`Error::Redis`].
    pub async fn trim(&self, stream: &str, keep: Keep) -> Result<Trimmed, Error> {
        if stream.starts_with("queue:") {
            return Err(Error::WrongState { what: stream.to_owned(), state: "never trimmed".to_owned() });
        }
        // Before a master has made its group, nobody has read anything.
        let reader = if matches!(stream, "goals" | "follow_ups") { "masters" } else { "" };
        let (start, mut trimmed) = (Instant::now(), Trimmed::default());
        let age = keep.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let oldest = age.map(|age| now_ms().saturating_sub(age).to_string()).unwrap_or_default();
        let most = keep.entries.map(|entries| entries.to_string()).unwrap_or_default();
        loop {
            let (removed, left, holder): (u64, u64, String) = self
                .script(&scripts::TRIM_STREAM, |s| {
                    s.arg(stream).arg(&most).arg(&oldest).arg(reader);
                })
                .await?;
            trimmed.removed += removed;
            trimmed.left = left;
            trimmed.held_by = (!holder.is_empty()).then_some(holder);
            if removed == 0 || start.elapsed() > PATIENCE {
                return Ok(trimmed);
            }
        }
    }

    /// How many entries of a stream are more than should stay by number: what [`Client::trim`] would remove
    /// if no group needs them.
    pub(super) async fn surplus(&self, stream: &str, keep: Keep) -> Result<u64, Error> {
        let key = format!("{}{stream}", self.keys.prefix());
        let length: u64 = self.query("measuring a stream", redis::cmd("XLEN").arg(key)).await?;
        Ok(keep.entries.map_or(0, |entries| length.saturating_sub(entries)))
    }
}
