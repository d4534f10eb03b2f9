//! How soon a task starts: after it was handed over to an idle worker, and after what it waited for was done.

use std::time::Duration;

use anyhow::{Context, Result};
use codegod_tests::redis_server::RedisServer;

use crate::bare;
use crate::child::Record;
use crate::crew::Crew;
use crate::options::Options;
use crate::plan::{self, Growing, OTHER, ROLE, Shape};
use crate::report::{Bar, Group, Row, percentile};

/// Between two tasks that are handed over.
const PACE: Duration = Duration::from_millis(5);
/// What the start of a dependent may take at the median, in round trips of one EVALSHA.
const MOST_TRIPS: f64 = 3.0;
/// And at the 99th percentile, in milliseconds.
const MOST_P99_MS: f64 = 10.0;
const CHAIN: u32 = 200;
const FAN: u32 = 100;
const FAN_WORKERS: usize = 16;

/// Median and 99th percentile, in milliseconds.
type Percentiles = (f64, f64);

/// Measures all of it, ours and the limit in turns.
pub(crate) async fn measure(options: &Options) -> Result<Group> {
    let server = options.redis()?;
    let tasks = options.pick(100, 400);
    let (mut starts, mut chain, mut two_roles, mut fan) = (vec![], vec![], vec![], vec![]);
    for _ in 0..options.runs() {
        starts.push((start(&server, tasks).await?, bare_start(&server, tasks).await?));
        chain.push((links(&server, Shape::Chain).await?, round_trip(&server).await?));
        two_roles.push((links(&server, Shape::TwoRoles).await?, round_trip(&server).await?));
        fan.push((fan_seconds(&server, false).await? * 1e3, fan_seconds(&server, true).await? * 1e3));
    }
    let [start_p50, start_p99] = rows("handed over → start, idle worker", &starts);
    let [chain_p50, chain_p99] = rows("published → dependent starts, chain of 200", &chain);
    let [roles_p50, roles_p99] = rows("the same, two roles in turns (by bell)", &two_roles);
    let rows = vec![
        start_p50.note("limit: a blocked XREADGROUP's wake"),
        start_p99,
        chain_p50.bar(Bar::RatioAtMost(MOST_TRIPS)).note("limit: round trip of one EVALSHA"),
        chain_p99.bar(Bar::AtMost(MOST_P99_MS)),
        roles_p50.bar(Bar::RatioAtMost(MOST_TRIPS)).note("limit: round trip of one EVALSHA"),
        roles_p99.bar(Bar::AtMost(MOST_P99_MS)),
        Row::against(format!("1 → {FAN} → 1, {FAN_WORKERS} workers, in all"), "ms", &fan)
            .note("limit: the bare script, blocked reads"),
    ];
    Ok(Group { title: "How soon a task starts".into(), rows })
}

fn rows(what: &str, runs: &[(Percentiles, Percentiles)]) -> [Row; 2] {
    let of = |pick: fn(Percentiles) -> f64| -> Vec<(f64, f64)> {
        runs.iter().map(|(ours, limit)| (pick(*ours), pick(*limit))).collect()
    };
    [
        Row::against(format!("{what}, p50"), "ms", &of(|(p50, _)| p50)),
        Row::against(format!("{what}, p99"), "ms", &of(|(_, p99)| p99)),
    ]
}

fn percentiles(milliseconds: Vec<f64>) -> Percentiles {
    (percentile(milliseconds.clone(), 0.5), percentile(milliseconds, 0.99))
}

/// From one time to another, in milliseconds.
fn between(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e6
}

/// From handing over to the start, for each.
fn waits(records: &[Record]) -> Percentiles {
    percentiles(records.iter().map(|record| between(record.tenq, record.started)).collect())
}

/// Tasks one by one to one idle worker.
async fn start(server: &RedisServer, tasks: u32) -> Result<Percentiles> {
    server.command::<String>(&["FLUSHALL"])?;
    let growing = Growing::start(plan::client(&server.url()).await?).await?;
    let mut crew = Crew::of(server, 1, &format!("worker {ROLE} 1 {} records", u64::MAX)).await?;
    crew.go().await?;
    one_by_one(growing, crew, tasks).await
}

/// Hands tasks over one by one, and says how long each waited for one of the crew.
pub(crate) async fn one_by_one(mut growing: Growing, mut crew: Crew, tasks: u32) -> Result<Percentiles> {
    for _ in 0..tasks {
        tokio::time::sleep(PACE).await;
        growing.add().await?;
    }
    let records = crew.until(tasks.into()).await?.records;
    crew.end().await?;
    Ok(waits(&records))
}

async fn bare_start(server: &RedisServer, tasks: u32) -> Result<Percentiles> {
    server.command::<String>(&["FLUSHALL"])?;
    bare::lay_down(server, Shape::Flat, 0, true)?;
    let mut crew = Crew::of(server, 1, "bare 1 alone records").await?;
    crew.go().await?;
    let mut redis = server.raw()?;
    for number in 1..=tasks {
        tokio::time::sleep(PACE).await;
        bare::add(&mut redis, number)?;
    }
    let records = crew.until(tasks.into()).await?.records;
    crew.end().await?;
    Ok(waits(&records))
}

/// From the end of each task of a chain to the start of the next.
async fn links(server: &RedisServer, shape: Shape) -> Result<Percentiles> {
    server.command::<String>(&["FLUSHALL"])?;
    let roles = if shape == Shape::TwoRoles { vec![ROLE, OTHER] } else { vec![ROLE] };
    let words: Vec<String> =
        roles.iter().map(|role| format!("worker {role} 1 {} records", u64::MAX)).collect();
    plan::submit(&plan::client(&server.url()).await?, shape, CHAIN).await?;
    let mut crew = Crew::start(server, &words).await?;
    crew.go().await?;
    let records = crew.until(CHAIN.into()).await?.records;
    crew.end().await?;
    Ok(percentiles(records.windows(2).map(|pair| between(pair[0].ended, pair[1].started)).collect()))
}

/// Of a script that does nothing, from a process of its own.
async fn round_trip(server: &RedisServer) -> Result<Percentiles> {
    let calls = 2_000;
    let mut crew = Crew::of(server, 1, &format!("trip {calls}")).await?;
    crew.go().await?;
    let records = crew.until(calls).await?.records;
    crew.end().await?;
    Ok(percentiles(records.iter().map(|record| between(record.started, record.ended)).collect()))
}

/// From the start of the first to the end of the last of a fan.
async fn fan_seconds(server: &RedisServer, is_bare: bool) -> Result<f64> {
    server.command::<String>(&["FLUSHALL"])?;
    let n = FAN + 2;
    let words = if is_bare {
        bare::lay_down(server, Shape::Fan, n, true)?;
        "bare 1 waits records".to_owned()
    } else {
        plan::submit(&plan::client(&server.url()).await?, Shape::Fan, n).await?;
        format!("worker {ROLE} 1 {} records", u64::MAX)
    };
    let mut crew = Crew::of(server, FAN_WORKERS, &words).await?;
    crew.go().await?;
    let records = crew.until(n.into()).await?.records;
    crew.end().await?;
    let first = records.first().context("a fan has a first task")?;
    let last = records.last().context("a fan has a last task")?;
    Ok(between(first.started, last.ended) / 1e3)
}
