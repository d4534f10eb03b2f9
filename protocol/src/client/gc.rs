//! Collecting what is of no more use in Redis: goals that ended long ago, old entries, what the dead left behind,
//! keys that belong to nothing; and putting aside what nobody else would meet.

use std::time::Duration;

use super::trim::Keep;
use super::{Client, Error, decode, scripts};
use crate::agent::AgentStatus;
use crate::id::Role;
use crate::settings::variable;

/// How long a worker may stand on the list of the idle without asking again.
const IDLE_MS: u64 = 60_000;
/// How long a consumer that holds nothing may be silent.
const CONSUMER_MS: u64 = 3_600_000;
/// How many elements are looked at in one call.
const PAGE: usize = 256;
/// How many entries of the goals and follow-ups that have been read may stay; an acknowledged one is deleted.
const READ_ENTRIES: u64 = 10_000;
/// How many dead letters stay.
const DEAD_LETTERS: u64 = 10_000;
/// How many entries stay in the quarantine.
const QUARANTINED: u64 = 200_000;

/// What stays, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// How many ended goals stay as they are; of the others a summary does (`CODEGOD_KEEP_GOALS`, 200).
    pub goals: usize,
    /// How long they do, and how long events do (`CODEGOD_KEEP_DAYS`, 7).
    pub age: Duration,
    /// How long an ended goal stays however many there are.
    pub least_age: Duration,
    /// How many summaries stay.
    pub summaries: u64,
    /// How many events stay (`CODEGOD_KEEP_EVENTS`, 200,000).
    pub events: u64,
    /// How long log and memory of an agent that is gone stay.
    pub gone: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            goals: 200,
            age: Duration::from_secs(7 * 86_400),
            least_age: Duration::from_secs(3_600),
            summaries: 10_000,
            events: 200_000,
            gone: Duration::from_secs(86_400),
        }
    }
}

impl Retention {
    /// What the environment says, else the defaults.
    ///
    /// # Errors
    /// [`Error::Setting`] when a variable is no number.
    pub fn from_env() -> Result<Self, Error> {
        let mut retention = Self::default();
        if let Some(goals) = number("CODEGOD_KEEP_GOALS")? {
            retention.goals = usize::try_from(goals).unwrap_or(usize::MAX);
        }
        if let Some(days) = number("CODEGOD_KEEP_DAYS")? {
            retention.age = Duration::from_secs(days.saturating_mul(86_400));
        }
        if let Some(events) = number("CODEGOD_KEEP_EVENTS")? {
            retention.events = events;
        }
        Ok(retention)
    }

    /// Whether an ended goal of that age is to be archived; `extra`: enough others ended after it.
    pub(super) fn is_over(&self, age_ms: u64, extra: bool) -> bool {
        let age = Duration::from_millis(age_ms);
        age >= self.age || (extra && age >= self.least_age)
    }
}

fn number(name: &'static str) -> Result<Option<u64>, Error> {
    let parse = |text: String| {
        text.trim().parse().map_err(|_| Error::Setting { name, reason: format!("{text:?} is no number") })
    };
    variable(name).map(parse).transpose()
}

/// Whether something is removed, or only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It goes.
    Remove,
    /// Nothing is changed: what would go is counted.
    DryRun,
}

/// How thoroughly is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What can be found without looking at every key: cheap enough for every minute.
    Due,
    /// Every key.
    Everything,
}

/// What was collected, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// Goals of which only a summary stays.
    pub goals: u64,
    /// Bundles that nothing published leads to.
    pub bundles: u64,
    /// What goals and bundles took, in bytes.
    pub bytes: u64,
    /// Old entries of streams.
    pub entries: u64,
    /// Keys that belong to nothing that is there.
    pub keys: u64,
    /// Consumers, idle workers and agents that are gone.
    pub gone: u64,
    /// What could not be read and was put aside.
    pub aside: u64,
    /// Streams that hold more than they should, each with the group that has not read or acknowledged it.
    pub held: Vec<String>,
    /// What could not be looked after, and why.
    pub problems: Vec<String>,
}

impl Collected {
    /// Whether there was nothing to be done and nothing to be said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Client {
    /// Collects what `retention` does not keep. Several callers do not disturb one another. What one key is
    /// wrong with (somebody stored another type there) is among the problems, and the rest goes on.
    ///
    /// # Errors
    /// [`Error::Redis`] and [`Error::Unreachable`] when Redis is in trouble that passes.
    pub async fn collect(&self, mode: Mode, depth: Depth, retention: &Retention) -> Result<Collected, Error> {
        let mut collected = Collected::default();
        self.collect_goals(mode, retention, &mut collected).await?;
        self.collect_entries(mode, retention, &mut collected).await?;
        if mode == Mode::Remove {
            self.collect_strays(retention, &mut collected).await?;
        }
        if depth == Depth::Everything {
            let swept = self.sweep_keys(mode, retention).await;
            if let Some(swept) = collected.note("keys that belong to nothing", swept)? {
                collected.keys += swept;
            }
        }
        Ok(collected)
    }

    async fn collect_goals(
        &self,
        mode: Mode,
        retention: &Retention,
        collected: &mut Collected,
    ) -> Result<(), Error> {
        let archived = match mode {
            Mode::DryRun => self.archivable(retention).await,
            Mode::Remove => {
                for list in ["goals:ended", "goals:recent"] {
                    let aside = self.audit_goals(list).await;
                    collected.aside += collected.note(list, aside)?.unwrap_or(0);
                }
                self.archive_due(retention, &mut collected.problems).await
            }
        };
        if let Some(archived) = collected.note("ended goals", archived)? {
            collected.goals += archived.goals;
            collected.bytes += archived.bytes;
        }
        let unpublished = self.drop_unpublished(mode).await;
        if let Some(unpublished) = collected.note("bundles", unpublished)? {
            collected.bundles += unpublished.bundles;
            collected.bytes += unpublished.bytes;
        }
        Ok(())
    }

    async fn collect_entries(
        &self,
        mode: Mode,
        retention: &Retention,
        collected: &mut Collected,
    ) -> Result<(), Error> {
        let bounded = |entries, age| Keep { entries: Some(entries), age };
        for (stream, keep) in [
            ("events", bounded(retention.events, Some(retention.age))),
            ("quarantine", bounded(QUARANTINED, Some(retention.age))),
            ("dead", bounded(DEAD_LETTERS, None)),
            ("goals", bounded(READ_ENTRIES, None)),
            ("follow_ups", bounded(READ_ENTRIES, None)),
        ] {
            match mode {
                Mode::DryRun => {
                    let surplus = self.surplus(stream, keep).await;
                    collected.entries += collected.note(stream, surplus)?.unwrap_or(0);
                }
                Mode::Remove => {
                    let trimmed = self.trim(stream, keep).await;
                    let Some(trimmed) = collected.note(stream, trimmed)? else { continue };
                    collected.entries += trimmed.removed;
                    if let Some(group) = trimmed.held_by {
                        let left = trimmed.left;
                        collected.held.push(format!("{stream}: {left} entries, for the group {group}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// What processes leave behind that ended, and what stands where nobody else would look.
    async fn collect_strays(&self, retention: &Retention, collected: &mut Collected) -> Result<(), Error> {
        for stream in ["goals", "follow_ups"] {
            let gone = self
                .script::<u64>(&scripts::DROP_CONSUMERS, |s| {
                    s.arg(stream).arg("masters").arg(CONSUMER_MS);
                })
                .await;
            collected.gone += collected.note(stream, gone)?.unwrap_or(0);
        }
        for role in Role::ALL {
            let gone = self
                .script::<u64>(&scripts::DROP_IDLE, |s| {
                    s.arg(role.name()).arg(IDLE_MS);
                })
                .await;
            collected.gone += collected.note("idle workers", gone)?.unwrap_or(0);
        }
        let agents = self.audit_agents(retention).await;
        if let Some((gone, aside)) = collected.note("agents:status", agents)? {
            collected.gone += gone;
            collected.aside += aside;
        }
        let delayed = self.audit_delayed().await;
        collected.aside += collected.note("delayed", delayed)?.unwrap_or(0);
        let dead = self.audit_dead().await;
        collected.aside += collected.note("dead", dead)?.unwrap_or(0);
        Ok(())
    }

    /// Takes agents off the list that have long been silent, and puts aside what is no agent's status.
    async fn audit_agents(&self, retention: &Retention) -> Result<(u64, u64), Error> {
        let all: Vec<(Vec<u8>, Vec<u8>)> =
            self.query("listing agents", redis::cmd("HGETALL").arg(self.keys.agents())).await?;
        let (mut gone, mut aside) = (0, 0);
        let longest = u64::try_from(retention.gone.as_millis()).unwrap_or(u64::MAX);
        for (agent, value) in all {
            match read_status(&agent, &value) {
                Ok(status) if super::now_ms().saturating_sub(status.heartbeat_ms) > longest => {
                    self.remove_agent(&status.id).await?;
                    gone += 1;
                }
                Ok(_) => {}
                Err(reason) => {
                    let moved: u64 = self
                        .script(&scripts::AUDIT_AGENTS, |s| {
                            s.arg(agent.as_slice()).arg(value.as_slice()).arg(reason);
                        })
                        .await?;
                    aside += moved;
                }
            }
        }
        Ok((gone, aside))
    }

    async fn audit_delayed(&self) -> Result<u64, Error> {
        let mut all = 0;
        loop {
            let aside: u64 = self
                .script(&scripts::AUDIT_DELAYED, |s| {
                    s.arg(PAGE);
                })
                .await?;
            all += aside;
            if aside == 0 {
                return Ok(all);
            }
        }
    }

    async fn audit_dead(&self) -> Result<u64, Error> {
        let (mut from, mut all) = ("-".to_owned(), 0);
        loop {
            let (last, aside): (String, u64) = self
                .script(&scripts::AUDIT_DEAD, |s| {
                    s.arg(&from).arg(PAGE);
                })
                .await?;
            all += aside;
            if last.is_empty() {
                return Ok(all);
            }
            from = format!("({last}");
        }
    }
}

impl Collected {
    /// Notes what failed in one part, so that the others go on; trouble that passes ends all.
    fn note<T>(&mut self, what: &str, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.trouble().is_some_and(|trouble| trouble.is_passing()) => Err(error),
            Err(error) => {
                let mut told = format!("{what}: {error}");
                if let Some(source) = std::error::Error::source(&error) {
                    told.push_str(&format!(": {source}"));
                }
                self.problems.push(told);
                Ok(None)
            }
        }
    }
}

fn read_status(agent: &[u8], value: &[u8]) -> Result<AgentStatus, String> {
    let json = std::str::from_utf8(value).map_err(|error| error.to_string())?;
    let status: AgentStatus = decode("an agent's status", json).map_err(|error| error.to_string())?;
    if status.id.to_string().as_bytes() != agent {
        return Err("it is the status of another agent".to_owned());
    }
    Ok(status)
}
