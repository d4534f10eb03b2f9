//! What Redis and processes spend: counters read before and after.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use codegod_tests::redis_server::RedisServer;

/// Between two pings.
const PING_EVERY: Duration = Duration::from_micros(250);

/// What Redis spent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    /// Processor time in microseconds, user and system.
    pub(crate) cpu_us: f64,
    /// Commands, those inside scripts included.
    pub(crate) commands: f64,
    /// Times that Redis read from a client: round trips when nobody sends ahead, and no fewer (it reads a large
    /// call in several pieces).
    pub(crate) reads: f64,
    /// Wall time.
    pub(crate) seconds: f64,
}

/// Redis' counters at some time.
pub(crate) struct Meter {
    redis: redis::Connection,
    began: Instant,
    at: Spent,
}

impl Meter {
    /// Reads the counters now.
    pub(crate) fn start(server: &RedisServer) -> Result<Self> {
        let mut redis = server.raw()?;
        let at = counters(&mut redis)?;
        Ok(Self { redis, began: Instant::now(), at })
    }

    /// What was spent since, but for the reading.
    pub(crate) fn stop(mut self) -> Result<Spent> {
        let seconds = self.began.elapsed().as_secs_f64();
        let now = counters(&mut self.redis)?;
        Ok(Spent {
            cpu_us: now.cpu_us - self.at.cpu_us,
            commands: now.commands - self.at.commands - 1.0,
            reads: now.reads - self.at.reads - 1.0,
            seconds,
        })
    }
}

fn counters(redis: &mut redis::Connection) -> Result<Spent> {
    let info: String = redis::cmd("INFO").arg("everything").query(redis)?;
    let cpu_s = info_number(&info, "used_cpu_user")? + info_number(&info, "used_cpu_sys")?;
    Ok(Spent {
        cpu_us: cpu_s * 1e6,
        commands: info_number(&info, "total_commands_processed")?,
        reads: info_number(&info, "total_reads_processed")?,
        seconds: 0.0,
    })
}

fn info_number(info: &str, name: &str) -> Result<f64> {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.with_context(|| format!("INFO has no {name}"))?.trim().parse().context("reading INFO")
}

/// The memory that Redis' data take, in bytes.
pub(crate) fn used_memory(server: &RedisServer) -> Result<f64> {
    info_number(&server.command::<String>(&["INFO", "memory"])?, "used_memory")
}

/// Somebody who asks Redis for a sign of life all the time.
pub(crate) struct Pinger {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<Result<Duration>>,
}

impl Pinger {
    /// Begins.
    pub(crate) fn start(server: &RedisServer) -> Result<Self> {
        let mut redis = server.raw()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !told.load(Ordering::Relaxed) {
                let asked = Instant::now();
                redis::cmd("PING").exec(&mut redis)?;
                longest = longest.max(asked.elapsed());
                std::thread::sleep(PING_EVERY);
            }
            Ok(longest)
        });
        Ok(Self { stopped, thread })
    }

    /// The longest that an answer took, in milliseconds.
    pub(crate) fn stop(self) -> Result<f64> {
        self.stopped.store(true, Ordering::Relaxed);
        let longest = self.thread.join().map_err(|_| anyhow!("the pinger broke"))??;
        Ok(longest.as_secs_f64() * 1e3)
    }
}

/// The processor time of a process' living threads so far, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = text.split(' ').next().unwrap_or_default();
        nanoseconds += first.parse::<u64>().with_context(|| format!("schedstat says {text:?}"))?;
    }
    Ok(Duration::from_nanos(nanoseconds).as_secs_f64())
}

/// A field of a process' memory (`VmRSS`, `VmHWM`), in MB of 2^20 bytes.
pub(crate) fn memory_mb(pid: u32, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = number.with_context(|| format!("/proc/{pid}/status has no {field}"))?.parse()?;
    Ok(kib / 1024.0)
}

/// How busy the machine is: others' work makes every time longer.
pub(crate) fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let average: Vec<&str> = load.split(' ').take(3).collect();
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("load average {} on {cpus} processors", average.join(" "))
}
