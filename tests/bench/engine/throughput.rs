//! How many tasks that do nothing go through in a second, and what each costs Redis, beside the bare script with
//! the same clients and batches.

use anyhow::{Result, ensure};
use codegod_protocol::keys::Keys;
use codegod_tests::redis_server::RedisServer;

use crate::bare;
use crate::crew::Crew;
use crate::meter::{Meter, Spent};
use crate::options::Options;
use crate::plan::{self, ROLE, Shape};
use crate::report::{Bar, Group, Row};

/// How many worker processes, and how many tasks each holds at a time.
const WORKERS: [(usize, usize); 4] = [(1, 1), (4, 1), (1, 50), (4, 50)];
/// Of what the bare script does in a second.
const LEAST_SPEED: f64 = 0.6;
/// Redis' processor time for a task, in microseconds, one at a time and with many in flight.
const MOST_CPU_US: f64 = 40.0;
const MOST_CPU_US_MANY: f64 = 25.0;
const MOST_TRIPS: f64 = 1.0;
/// At its end each worker finds nothing, and begins to wait: two calls that no task of the steady state causes.
const CALLS_AT_END: usize = 2;

/// What one run came to, for a task.
#[derive(Debug, Clone, Copy)]
struct Sample {
    per_second: f64,
    cpu_us: f64,
    trips: f64,
    commands: f64,
}

impl Sample {
    fn new(n: u32, seconds: f64, spent: &Spent) -> Self {
        let n = f64::from(n);
        let per_second = n / seconds;
        Self { per_second, cpu_us: spent.cpu_us / n, trips: spent.reads / n, commands: spent.commands / n }
    }
}

/// Measures all of it, ours and the limit in turns.
pub(crate) async fn measure(options: &Options) -> Result<Group> {
    let server = options.redis()?;
    let mut samples: Vec<Vec<(Sample, Sample)>> = vec![Vec::new(); WORKERS.len()];
    for run in 0..options.runs() {
        for (samples, (count, room)) in samples.iter_mut().zip(WORKERS) {
            let n = options.pick(4_000, 20_000);
            // Which comes first alternates, so that a machine that gets busier favours neither.
            samples.push(if run % 2 == 0 {
                let ours = ours(&server, count, room, n).await?;
                (ours, limit(&server, count, room, n).await?)
            } else {
                let limit = limit(&server, count, room, n).await?;
                (ours(&server, count, room, n).await?, limit)
            });
        }
    }
    let rows = samples.iter().zip(WORKERS).flat_map(|(samples, workers)| rows(workers, samples));
    Ok(Group { title: "Tasks that do nothing, against the bare script".into(), rows: rows.collect() })
}

async fn ours(server: &RedisServer, count: usize, room: usize, n: u32) -> Result<Sample> {
    server.command::<String>(&["FLUSHALL"])?;
    plan::submit(&plan::client(&server.url()).await?, Shape::Flat, n).await?;
    let words = format!("worker {ROLE} {room} {} counts", u64::MAX);
    let sample = run(server, count, &words, n).await?;
    let metrics = Keys::new(codegod_protocol::keys::DEFAULT_PREFIX).metrics();
    let succeeded: u32 = server.command(&["HGET", &metrics, "succeeded"])?;
    ensure!(succeeded == n, "{succeeded} of {n} tasks succeeded");
    Ok(sample)
}

async fn limit(server: &RedisServer, count: usize, room: usize, n: u32) -> Result<Sample> {
    server.command::<String>(&["FLUSHALL"])?;
    bare::lay_down(server, Shape::Flat, n, true)?;
    run(server, count, &format!("bare {room} alone counts"), n).await
}

async fn run(server: &RedisServer, count: usize, words: &str, n: u32) -> Result<Sample> {
    let mut crew = Crew::of(server, count, words).await?;
    let meter = Meter::start(server)?;
    crew.go().await?;
    let done = crew.until(n.into()).await?;
    let mut spent = meter.stop()?;
    spent.reads -= (count * CALLS_AT_END) as f64;
    crew.end().await?;
    Ok(Sample::new(n, done.seconds, &spent))
}

fn rows((count, room): (usize, usize), samples: &[(Sample, Sample)]) -> [Row; 4] {
    let of = |what: fn(&Sample) -> f64| -> Vec<(f64, f64)> {
        samples.iter().map(|(ours, limit)| (what(ours), what(limit))).collect()
    };
    let most_cpu = if room == 1 { MOST_CPU_US } else { MOST_CPU_US_MANY };
    let name = |what: &str| format!("{count} × {room}: {what}");
    [
        Row::against(name("throughput"), "tasks/s", &of(|sample| sample.per_second))
            .bar(Bar::RatioAtLeast(LEAST_SPEED)),
        Row::against(name("Redis CPU a task"), "µs", &of(|sample| sample.cpu_us)).bar(Bar::AtMost(most_cpu)),
        Row::against(name("round trips a task"), "trips", &of(|sample| sample.trips))
            .bar(Bar::AtMost(MOST_TRIPS)),
        Row::against(name("commands a task"), "commands", &of(|sample| sample.commands)),
    ]
}
