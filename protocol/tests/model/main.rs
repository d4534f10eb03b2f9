//! A model of the engine, checked against real Redis: random lives of a fleet (claims, heartbeats, publishing,
//! failing, dying, cancelling, pausing, growing plans …) are lived twice, through the typed client and in a
//! simple model ([`model`]), and after each step what is stored must be what the model says. A life that
//! disagrees is shrunk to a short one. `PROPTEST_CASES` asks for more lives than the everyday number.

mod clock;
mod control;
mod fixtures;
mod look;
mod model;
mod operations;
mod order;
mod plan_rules;
mod sketch;
mod world;

use anyhow::{Context, Result};
use clock::Clock;
use codegod_protocol::client::Client;
use fixtures::RedisServer;
use operations::{GoalSketch, Operation};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use world::{PREFIX, World};

/// How many lives are lived unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 96;

/// What disagreed once is tried first ever after.
const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model/regressions.txt");

fn runner(cases: u32) -> TestRunner {
    let config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS))),
        max_shrink_time: 120_000,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    TestRunner::new(Config { cases: if asked { config.cases } else { cases }, ..config })
}

async fn live(redis: &RedisServer, goals: &[GoalSketch], operations: &[Operation]) -> Result<()> {
    let client = Client::connect(&redis.url(), PREFIX, "model").await?;
    let mut world = World::new(client, Clock::new(redis.emptied()?)).await?;
    for goal in goals {
        world.begin(goal).await?;
    }
    world.agree().await?;
    for (at, operation) in operations.iter().enumerate() {
        world.step(operation).await.with_context(|| format!("step {at}, {operation:?}"))?;
        if at % 8 == 7 {
            world.views_agree().await.with_context(|| format!("after step {at}"))?;
        }
    }
    world.finish().await.context("coming to the end")
}

fn every_life_agrees(
    cases: u32,
    lives: impl Strategy<Value = (Vec<GoalSketch>, Vec<Operation>)>,
) -> Result<()> {
    let redis = RedisServer::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let lived = runner(cases).run(&lives, |(goals, operations)| {
        let lived = runtime.block_on(live(&redis, &goals, &operations));
        lived.map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    lived.map_err(|error| anyhow::anyhow!("{error}"))
}

#[test]
fn every_life_of_a_fleet_is_as_the_model_says() -> Result<()> {
    every_life_agrees(CASES, operations::life())
}

/// What agents do nearly all the time has a way of its own through the engine.
#[test]
fn plain_work_is_as_the_model_says() -> Result<()> {
    every_life_agrees(CASES / 3, operations::plain_life())
}
