//! Large plans: laying one down, and what a task costs in plans and backlogs of any size.

use anyhow::{Context, Result};
use codegod_protocol::id::GoalId;
use codegod_tests::redis_server::RedisServer;

use crate::bare;
use crate::crew::{Crew, Done};
use crate::meter::{Meter, Pinger, used_memory};
use crate::options::Options;
use crate::plan::{self, ROLE, Shape};
use crate::report::{Bar, Group, Row};

/// How many tasks the plan has that is laid down.
pub(crate) const LARGE: u32 = 10_000;
const MOST_SECONDS: f64 = 2.0;
/// What a task may cost in a large plan, in times of what it costs in a small one.
const FLAT: f64 = 1.2;
/// How many tasks a run measures the cost of.
const RUN: u32 = 1_000;

/// Measures all of it.
pub(crate) async fn measure(options: &Options) -> Result<Group> {
    let mut rows = Vec::new();
    for shape in [Shape::Layers, Shape::Flat] {
        rows.extend(laying_down(options, shape).await?);
    }
    for (what, shape) in [("backlog", Shape::Flat), ("plan", Shape::Lanes)] {
        rows.extend(costs(options, what, shape).await?);
    }
    Ok(Group { title: "Large plans".into(), rows })
}

/// What was seen while a plan was laid down.
struct Laid {
    seconds: f64,
    stall_ms: f64,
    bytes: f64,
}

async fn laying_down(options: &Options, shape: Shape) -> Result<Vec<Row>> {
    let (mut seconds, mut stalls, mut bytes) = (vec![], vec![], vec![]);
    for _ in 0..options.runs() {
        let ours = lay_down(&options.redis()?, shape).await?;
        let limit = lay_down_bare(&options.redis()?, shape)?;
        seconds.push((ours.seconds, limit.seconds));
        stalls.push((ours.stall_ms, limit.stall_ms));
        bytes.push((ours.bytes, limit.bytes));
    }
    let name = |what: &str| format!("{LARGE} tasks ({}): {what}", shape.name());
    Ok(vec![
        Row::against(name("laid down"), "s", &seconds)
            .bar(Bar::AtMost(MOST_SECONDS))
            .note("limit: HSET of the same JSON in pipelines"),
        Row::against(name("longest stall meanwhile"), "ms", &stalls)
            .note("of a PING every quarter millisecond"),
        Row::against(name("memory in Redis a task"), "bytes", &bytes).note("limit: the same JSON alone"),
    ])
}

/// Submits a plan from a process of its own.
pub(crate) async fn submit_in_child(server: &RedisServer, shape: Shape, n: u32) -> Result<Done> {
    let mut crew = Crew::of(server, 1, &format!("plan {} {n}", shape.name())).await?;
    crew.go().await?;
    let done = crew.until(1).await?;
    crew.end().await?;
    Ok(done)
}

async fn lay_down(server: &RedisServer, shape: Shape) -> Result<Laid> {
    let before = used_memory(server)?;
    let pinger = Pinger::start(server)?;
    let done = submit_in_child(server, shape, LARGE).await?;
    let stall_ms = pinger.stop()?;
    let bytes = (used_memory(server)? - before) / f64::from(LARGE);
    Ok(Laid { seconds: done.value("seconds")?, stall_ms, bytes })
}

/// Only each task's JSON, in a hash of its own.
fn lay_down_bare(server: &RedisServer, shape: Shape) -> Result<Laid> {
    let tasks = plan::tasks(&GoalId::random(), shape, LARGE);
    let before = used_memory(server)?;
    let pinger = Pinger::start(server)?;
    let mut redis = server.raw()?;
    let began = std::time::Instant::now();
    let set = tasks.iter().map(|task| {
        let mut set = redis::cmd("HSET");
        set.arg(format!("bare:task:{}", task.id)).arg("task").arg(serde_json::to_string(task)?);
        Ok(set)
    });
    bare::send(&mut redis, set.collect::<Result<_>>()?)?;
    let (seconds, stall_ms) = (began.elapsed().as_secs_f64(), pinger.stop()?);
    Ok(Laid { seconds, stall_ms, bytes: (used_memory(server)? - before) / f64::from(LARGE) })
}

/// What a thousand tasks cost out of plans of several sizes, each in a Redis of its own, in turns.
async fn costs(options: &Options, what: &str, shape: Shape) -> Result<Vec<Row>> {
    let sizes = options.pick([1_000, 5_000, 20_000], [1_000, 10_000, 100_000]);
    let mut plans = Vec::new();
    for size in sizes {
        plans.push((size, options.redis()?, 0));
    }
    let mut samples = [vec![], vec![], vec![]];
    for _ in 0..options.pick(3, 7) {
        for ((size, server, left), samples) in plans.iter_mut().zip(&mut samples) {
            if *left < RUN {
                server.command::<String>(&["FLUSHALL"])?;
                submit_in_child(server, shape, *size).await?;
                *left = *size;
            }
            samples.push(cost(server).await?);
            *left -= RUN;
        }
    }
    let [small, middle, large] = samples;
    let pairs = |of: &[f64]| of.iter().copied().zip(small.iter().copied()).collect::<Vec<_>>();
    let name = |size: u32| format!("Redis CPU a task, {what} of {size} ({})", shape.name());
    let note = format!("limit: the {what} of {}", sizes[0]);
    Ok(vec![
        Row::alone(name(sizes[0]), "µs", small.clone()),
        Row::against(name(sizes[1]), "µs", &pairs(&middle)).bar(Bar::RatioAtMost(FLAT)).note(&note),
        Row::against(name(sizes[2]), "µs", &pairs(&large)).bar(Bar::RatioAtMost(FLAT)).note(&note),
    ])
}

/// What the next tasks of a plan cost with one worker, in microseconds of Redis each.
async fn cost(server: &RedisServer) -> Result<f64> {
    let mut crew = Crew::of(server, 1, &format!("worker {ROLE} 1 {RUN} counts")).await?;
    let meter = Meter::start(server)?;
    crew.go().await?;
    crew.until(RUN.into()).await.context("working off a part of a plan")?;
    let spent = meter.stop()?;
    crew.end().await?;
    Ok(spent.cpu_us / f64::from(RUN))
}
