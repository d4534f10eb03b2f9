//! A meter: what the containers of one agent use at present, for its status.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::{ListContainersOptionsBuilder, StatsOptionsBuilder};
use codegod_protocol::agent::ContainerUse;
use codegod_protocol::id::AgentId;
use futures_util::StreamExt;
use tokio::sync::watch;

use super::engine::Engine;
use super::error::Error;
use super::labels::AGENT;

/// The pause between two readings. The daemon makes its figures once a second, and an answer may wait for them.
const PAUSE: Duration = Duration::from_millis(1_500);
/// How long a reading may take; a daemon that is busy is not asked twice at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads what an agent's containers use.
pub struct Meter {
    engine: Engine,
    agent: AgentId,
    last: Reading,
}

/// The last reading.
#[derive(Default)]
struct Reading {
    /// CPU nanoseconds of each container.
    cpu_ns: HashMap<String, u64>,
    at: Option<Instant>,
}

/// One container's figures.
struct Figures {
    id: String,
    cpu_ns: u64,
    memory_bytes: u64,
}

impl Meter {
    /// A meter for an agent's containers.
    #[must_use]
    pub fn new(engine: &Engine, agent: &AgentId) -> Self {
        Self { engine: engine.clone(), agent: agent.clone(), last: Reading::default() }
    }

    /// Reads again and again, and tells `to`, until it is dropped. Only while an attempt runs is there anything
    /// to read.
    pub async fn keep_reading(
        mut self,
        to: &watch::Sender<Option<ContainerUse>>,
    ) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(PAUSE).await;
            let read = match tokio::time::timeout(PATIENCE, self.read()).await {
                Ok(Ok(read)) => read,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "what containers use could not be read");
                    None
                }
                Err(_) => None,
            };
            to.send_if_modified(|known| std::mem::replace(known, read) != read);
        }
    }

    /// What the containers use now; none when none runs.
    ///
    /// # Errors
    /// When the daemon does not tell.
    pub async fn read(&mut self) -> Result<Option<ContainerUse>, Error> {
        let mut all = Vec::new();
        for id in self.running().await? {
            // One that has ended meanwhile has no figures.
            all.extend(self.figures(id).await);
        }
        Ok(self.last.take(all, Instant::now()))
    }

    async fn running(&self) -> Result<Vec<String>, Error> {
        let label = format!("{AGENT}={}", self.agent);
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListContainersOptionsBuilder::default().filters(&filters).build();
        let listed = self.engine.docker().list_containers(Some(options)).await;
        let listed = listed.map_err(|error| Error::docker("list an agent's containers", error))?;
        Ok(listed.into_iter().filter_map(|container| container.id).collect())
    }

    async fn figures(&self, id: String) -> Option<Figures> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let mut stream = Box::pin(self.engine.docker().stats(&id, Some(options)));
        let stats = stream.next().await?.ok()?;
        let (cpu_ns, memory_bytes) = parse(&stats)?;
        Some(Figures { id, cpu_ns, memory_bytes })
    }
}

impl Reading {
    /// Takes the next reading in.
    fn take(&mut self, all: Vec<Figures>, now: Instant) -> Option<ContainerUse> {
        let since = self.at.replace(now).map(|before| now.saturating_duration_since(before));
        let before = std::mem::take(&mut self.cpu_ns);
        if all.is_empty() {
            return None;
        }
        let mut now_used = ContainerUse::default();
        let mut used_ns = 0;
        for one in all {
            // What a new container used, it used since the last reading; before the first, nobody knows.
            let known = before.get(&one.id).copied().unwrap_or(0);
            used_ns += one.cpu_ns.saturating_sub(known);
            now_used.memory_bytes += one.memory_bytes;
            self.cpu_ns.insert(one.id, one.cpu_ns);
        }
        if let Some(since) = since.filter(|since| !since.is_zero()) {
            let share = Duration::from_nanos(used_ns).as_secs_f64() / since.as_secs_f64();
            now_used.cpu_percent = (share * 1000.0).round() / 10.0;
        }
        Some(now_used)
    }
}

/// CPU nanoseconds, and the memory in use without what the kernel would give back at once.
fn parse(stats: &ContainerStatsResponse) -> Option<(u64, u64)> {
    let cpu = stats.cpu_stats.as_ref()?.cpu_usage.as_ref()?.total_usage?;
    let memory = stats.memory_stats.as_ref()?;
    let details = memory.stats.as_ref();
    let cached = details.and_then(|all| all.get("total_inactive_file").or_else(|| all.get("inactive_file")));
    let used = memory.usage?.saturating_sub(cached.copied().unwrap_or(0));
    Some((cpu, used))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(id: &str, cpu_ns: u64) -> Figures {
        Figures { id: id.to_owned(), cpu_ns, memory_bytes: 100 }
    }

    #[test]
    fn the_processors_share_is_what_was_used_between_two_readings() {
        let (mut reading, start) = (Reading::default(), Instant::now());
        let first = reading.take(vec![figures("a", 5_000_000_000)], start).expect("is told");
        assert_eq!(first, ContainerUse { cpu_percent: 0.0, memory_bytes: 100 });
        let later = start + Duration::from_secs(2);
        let both = reading.take(vec![figures("a", 6_000_000_000), figures("b", 2_000_000_000)], later);
        assert_eq!(both, Some(ContainerUse { cpu_percent: 150.0, memory_bytes: 200 }));
        assert_eq!(reading.take(Vec::new(), later), None);
    }

    #[test]
    fn memory_is_counted_without_what_is_only_cached() {
        let told = r#"{ "cpu_stats": { "cpu_usage": { "total_usage": 7 } },
            "memory_stats": { "usage": 1000, "stats": { "inactive_file": 300 } } }"#;
        let stats: ContainerStatsResponse = serde_json::from_str(told).expect("is read");
        assert_eq!(parse(&stats), Some((7, 700)));
        assert_eq!(parse(&ContainerStatsResponse::default()), None);
    }
}
