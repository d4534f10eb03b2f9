//! The gauge: what each family of keys holds, and who keeps streams from being trimmed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::Value;
use serde::Serialize;

use super::entries::lossy;
use super::{Client, Error};

/// How many keys one call looks at.
const PAGE: usize = 1_000;
/// So many keys of a family are measured one by one; of the others one in [`SAMPLE`], which stands for them.
const EXACT: u64 = 2_000;
const SAMPLE: u64 = 16;
/// How long is looked; then the gauge is incomplete.
const PATIENCE: Duration = Duration::from_secs(10);
/// The streams that consumer groups may hold.
const STREAMS: [&str; 5] = ["events", "goals", "follow_ups", "dead", "quarantine"];
/// Keys that are a family of their own though their names have a colon.
const SINGLE: [&str; 8] = [
    "goals:recent",
    "goals:ended",
    "goals:paused",
    "metrics:tasks",
    "agents:status",
    "hosts:status",
    "fleet:desired",
    "fleet:keepers",
];

/// A family of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Family {
    /// Its name, without the prefix: `events`, `task:*`.
    pub name: String,
    /// How many keys it has.
    pub keys: u64,
    /// How many entries, elements or fields they hold; an estimate for large families.
    pub entries: u64,
    /// What they take, in bytes; an estimate.
    pub bytes: u64,
}

/// A consumer group and what it has not done yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The stream, without the prefix.
    pub stream: String,
    /// The group.
    pub name: String,
    /// Entries that it has read and not acknowledged.
    pub pending: u64,
    /// Entries that it has not read; none when Redis does not know.
    pub unread: Option<u64>,
    /// For how long none of its consumers was heard of, in milliseconds; none when it has none.
    pub idle_ms: Option<u64>,
}

/// What Redis holds for this codegod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Gauge {
    /// The families of keys, the largest first.
    pub families: Vec<Family>,
    /// Whoever keeps a stream from being trimmed.
    pub groups: Vec<Group>,
    /// What the whole server takes, in bytes.
    pub used_bytes: u64,
    /// What it may take, in bytes; none for no limit.
    pub max_bytes: Option<u64>,
    /// Whether every key was looked at; there was not enough time otherwise.
    pub complete: bool,
}

/// A family as it is being measured.
#[derive(Default)]
struct Measured {
    keys: u64,
    measured: u64,
    entries: u64,
    bytes: u64,
}

impl Client {
    /// Measures what each family of keys holds, by looking at all keys page by page, so that Redis is never
    /// busy for long.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn gauge(&self) -> Result<Gauge, Error> {
        let start = Instant::now();
        let mut families: BTreeMap<String, Measured> = BTreeMap::new();
        let mut cursor = "0".to_owned();
        let complete = loop {
            let (next, names) = self.scan(&cursor, PAGE).await?;
            self.measure(&names, &mut families).await?;
            if next == "0" {
                break true;
            }
            if start.elapsed() > PATIENCE {
                break false;
            }
            cursor = next;
        };
        let mut families: Vec<Family> =
            families.into_iter().map(|(name, measured)| measured.family(name)).collect();
        families.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        let (used_bytes, max_bytes) = self.memory_limits().await?;
        Ok(Gauge { families, groups: self.groups().await?, used_bytes, max_bytes, complete })
    }

    async fn measure(
        &self,
        names: &[String],
        families: &mut BTreeMap<String, Measured>,
    ) -> Result<(), Error> {
        let mut chosen = Vec::new();
        for name in names {
            let family = families.entry(family_of(name)).or_default();
            family.keys += 1;
            if family.keys <= EXACT || family.keys.is_multiple_of(SAMPLE) {
                chosen.push(name);
            }
        }
        if chosen.is_empty() {
            return Ok(());
        }
        let prefix = self.keys.prefix();
        let mut pipe = redis::pipe();
        for name in &chosen {
            let key = format!("{prefix}{name}");
            pipe.cmd("TYPE").arg(&key).cmd("MEMORY").arg("USAGE").arg(&key);
        }
        // A key that is none of ours may be out of this user's reach: it counts, and is not measured.
        pipe.ignore_errors();
        let answers: Vec<Value> = self.pipe("measuring keys", &pipe).await?;
        let kinds: Vec<String> = answers.iter().step_by(2).map(lossy).collect();
        let bytes = answers.iter().skip(1).step_by(2).map(|value| lossy(value).parse().unwrap_or(0));
        let bytes: Vec<u64> = bytes.collect();
        let lengths = self.lengths(&chosen, &kinds).await?;
        for (at, name) in chosen.into_iter().enumerate() {
            let family = families.entry(family_of(name)).or_default();
            family.measured += 1;
            family.bytes += bytes.get(at).copied().unwrap_or(0);
            family.entries += lengths.get(at).copied().unwrap_or(0);
        }
        Ok(())
    }

    async fn lengths(&self, names: &[&String], kinds: &[String]) -> Result<Vec<u64>, Error> {
        let mut pipe = redis::pipe();
        for (name, kind) in names.iter().zip(kinds) {
            let command = match kind.as_str() {
                "stream" => "XLEN",
                "list" => "LLEN",
                "hash" => "HLEN",
                // One value, or gone meanwhile.
                _ => "EXISTS",
            };
            pipe.cmd(command).arg(format!("{}{name}", self.keys.prefix()));
        }
        pipe.ignore_errors();
        let lengths: Vec<Value> = self.pipe("measuring keys", &pipe).await?;
        Ok(lengths.iter().map(|length| lossy(length).parse().unwrap_or(0)).collect())
    }

    async fn memory_limits(&self) -> Result<(u64, Option<u64>), Error> {
        let info: String =
            self.query("asking Redis for its memory", redis::cmd("INFO").arg("memory")).await?;
        let number = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        let limit = number("maxmemory:");
        Ok((number("used_memory:"), (limit > 0).then_some(limit)))
    }

    async fn groups(&self) -> Result<Vec<Group>, Error> {
        let mut groups = Vec::new();
        for stream in STREAMS {
            let key = format!("{}{stream}", self.keys.prefix());
            let found: Result<Vec<BTreeMap<String, Value>>, Error> =
                self.query("looking at consumer groups", redis::cmd("XINFO").arg("GROUPS").arg(&key)).await;
            // No such stream yet, or none at all.
            let Ok(found) = found else { continue };
            for info in found {
                let number = |name: &str| info.get(name).and_then(|value| lossy(value).parse::<u64>().ok());
                let name = info.get("name").map(lossy).unwrap_or_default();
                let mut ask = redis::cmd("XINFO");
                ask.arg("CONSUMERS").arg(&key).arg(&name);
                let consumers: Vec<BTreeMap<String, Value>> =
                    self.query("looking at consumer groups", &ask).await.unwrap_or_default();
                let idle = consumers.iter().filter_map(|one| lossy(one.get("idle")?).parse().ok());
                groups.push(Group {
                    stream: stream.to_owned(),
                    pending: number("pending").unwrap_or(0),
                    unread: number("lag"),
                    idle_ms: idle.min(),
                    name,
                });
            }
        }
        Ok(groups)
    }
}

impl Measured {
    fn family(self, name: String) -> Family {
        let scale = |sum: u64| match self.measured {
            0 => 0,
            measured => sum.saturating_mul(self.keys) / measured,
        };
        Family { keys: self.keys, entries: scale(self.entries), bytes: scale(self.bytes), name }
    }
}

fn family_of(name: &str) -> String {
    match name.split_once(':') {
        Some((first, _)) if !SINGLE.contains(&name) => format!("{first}:*"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_in_what_they_belong_to_are_one_family() {
        let families = ["task:g-1.1", "goals", "goals:ended", "queue:backend", "delayed:17"].map(family_of);
        assert_eq!(families, ["task:*", "goals", "goals:ended", "queue:*", "delayed:*"]);
    }

    #[test]
    fn a_sample_stands_for_its_family() {
        let measured = Measured { keys: 100, measured: 10, entries: 30, bytes: 1_000 };
        let family = measured.family("task:*".to_owned());
        assert_eq!((family.keys, family.entries, family.bytes), (100, 300, 10_000));
    }
}
