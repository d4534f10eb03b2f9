//! The order of claims by paths of any length, and plans that are refused.

use anyhow::{Context, Result, ensure};
use codegod_protocol::client::{Claim, Client, Error, Growth, GrowthOutcome, Planning, Worker};
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};
use codegod_protocol::task::Task;
use proptest::prelude::*;

use super::fixtures::{self, RedisServer};
use super::runner;
use super::world::PREFIX;

/// Short ones, long ones, and some that are nearly the same.
fn lengths() -> impl Strategy<Value = Vec<u32>> {
    let length = prop_oneof![2 => 1u32..=70, 1 => 60u32..=300, 1 => 300u32..=100_000, 1 => any::<u32>()];
    prop::collection::vec(length.prop_map(|length| length.max(1)), 1..=16)
}

/// A running goal of so many tasks that need nothing.
async fn roots(client: &Client, count: usize) -> Result<GoalId> {
    let goal = fixtures::goal();
    client.submit_goal(&goal).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else {
        anyhow::bail!("a new goal does not wait to be planned");
    };
    let tasks: Vec<Task> =
        (1u32..).take(count).map(|number| fixtures::task(&goal.id, number, Role::Backend, &[])).collect();
    client.submit_plan(&goal.id, &token, &fixtures::intent(), &tasks).await?;
    Ok(goal.id)
}

/// The paths of tasks in the order in which they are claimed, one at a time.
async fn claimed(redis: &RedisServer, lengths: &[u32]) -> Result<Vec<u32>> {
    redis.emptied()?;
    let client = Client::connect(&redis.url(), PREFIX, "model").await?;
    let goal = roots(&client, lengths.len()).await?;
    let next = client.next_task_number(&goal).await?;
    let more = [fixtures::task(&goal, next, Role::Testing, &[])];
    let paths: Vec<(TaskId, u32)> =
        (1u32..).zip(lengths).map(|(number, length)| (goal.task(number), *length)).collect();
    let growth = Growth { held: None, added: &more, paths: &paths };
    ensure!(client.grow_plan(&goal, &growth).await? == GrowthOutcome::Grown);
    let mut worker = Worker::new(&AgentId::random(Role::Backend), &[]);
    let mut claimed = Vec::new();
    for _ in lengths {
        let Some(Claim::Task(one)) = client.claim(&mut worker).await? else {
            anyhow::bail!("claimed {claimed:?} of {lengths:?}");
        };
        let at = usize::try_from(one.task.id.number())? - 1;
        claimed.push(*lengths.get(at).context("a task of another plan")?);
    }
    ensure!(client.claim(&mut worker).await?.is_none(), "one was claimed twice");
    Ok(claimed)
}

#[test]
fn longer_paths_are_claimed_first_exactly_up_to_64_and_by_sixteenths_above() -> Result<()> {
    let redis = RedisServer::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let claimed = runner(48).run(&lengths(), |lengths| {
        let claimed = runtime.block_on(claimed(&redis, &lengths));
        let claimed = claimed.map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        for pair in claimed.windows(2) {
            // What shares a list is at most a sixteenth of a doubling apart.
            let slack = if pair[1] <= 64 { 0 } else { pair[0] / 16 };
            prop_assert!(pair[1] <= pair[0].saturating_add(slack), "{:?}", claimed);
        }
        Ok(())
    });
    claimed.map_err(|error| anyhow::anyhow!("{error}"))
}

#[tokio::test]
async fn a_plan_with_a_circle_is_refused_and_leaves_nothing() -> Result<()> {
    let redis = RedisServer::start()?;
    let client = Client::connect(&redis.url(), PREFIX, "model").await?;
    let goal = fixtures::goal();
    client.submit_goal(&goal).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else {
        anyhow::bail!("a new goal does not wait to be planned");
    };
    let task = |number, needs: &[u32]| fixtures::task(&goal.id, number, Role::Backend, needs);
    let circle = [task(1, &[]), task(2, &[1, 4]), task(3, &[2]), task(4, &[3])];
    let refused = client.submit_plan(&goal.id, &token, &fixtures::intent(), &circle).await;
    ensure!(matches!(refused, Err(Error::Undecodable { .. })), "{refused:?}");
    ensure!(client.goal_view(&goal.id).await?.tasks.is_empty(), "a part of it is there");
    ensure!(client.queues().await?.iter().all(|queue| queue.ready == 0), "a part of it is in a queue");
    Ok(())
}
