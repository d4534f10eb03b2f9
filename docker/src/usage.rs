//! What a sandbox used: read from its own control group, because the daemon's statistics are made
//! once a second and an answer waits for the next.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bollard::query_parameters::StatsOptionsBuilder;
use codegod_protocol::result::ResourceUsage;
use futures_util::StreamExt;

use super::error::Error;
use super::sandbox::Sandbox;

/// CPU nanoseconds and the peak of memory in bytes, a line each, on cgroup v2 and v1.
const COUNTERS: &str = "cd /sys/fs/cgroup && if [ -r cpu.stat ]; then \
    while read -r name value; do [ \"$name\" = usage_usec ] && echo \"${value}000\"; done <cpu.stat; cat memory.peak; \
    else cat cpuacct/cpuacct.usage memory/memory.max_usage_in_bytes; fi 2>/dev/null";

impl Sandbox {
    /// What the container used since it was started.
    ///
    /// # Errors
    /// When neither the container nor the daemon tells.
    pub async fn usage(&self) -> Result<ResourceUsage, Error> {
        let counters = self.short(COUNTERS).await.and_then(|text| parse(&text));
        let (cpu_ns, peak_memory_bytes) = match counters {
            Some(counters) => counters,
            // An image without a shell, an old kernel, or a container that may start no more processes.
            None => self.statistics().await?,
        };
        Ok(ResourceUsage {
            cpu_seconds: Duration::from_nanos(cpu_ns).as_secs_f64(),
            peak_memory_bytes,
            output_bytes: self.printed.load(Ordering::Relaxed),
        })
    }

    /// The same from the daemon; on cgroup v2 it knows the use of memory, but not its peak.
    async fn statistics(&self) -> Result<(u64, u64), Error> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let mut stream = Box::pin(self.engine.docker().stats(&self.id, Some(options)));
        let doing = "read a sandbox's statistics";
        let stats = match stream.next().await {
            Some(stats) => stats.map_err(|error| Error::docker(doing, error))?,
            None => return Err(Error::Invalid(format!("{doing}: there are none"))),
        };
        let cpu = stats.cpu_stats.and_then(|cpu| cpu.cpu_usage).and_then(|usage| usage.total_usage);
        let memory = stats.memory_stats.unwrap_or_default();
        let peak = memory.max_usage.filter(|peak| *peak > 0).or(memory.usage);
        Ok((cpu.unwrap_or_default(), peak.unwrap_or_default()))
    }
}

/// Two numbers, and nothing else.
fn parse(text: &str) -> Option<(u64, u64)> {
    let mut lines = text.lines().map(|line| line.trim().parse().ok());
    match (lines.next()??, lines.next()??, lines.next()) {
        (cpu, peak, None) => Some((cpu, peak)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_two_numbers_or_unknown() {
        assert_eq!(parse("33540876\n3747840\n"), Some((33_540_876, 3_747_840)));
        for text in ["", "1\n", "1\nx\n", "1\n2\n3\n"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
