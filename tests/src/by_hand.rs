//! What a master and agents do, by hand, for tests of the engine.

use std::time::Duration;

use anyhow::Result;
use codegod_protocol::client::{Claim, Claimed, Client, LeaseState, Planning, PlanningOutcome, Worker};
use codegod_protocol::goal::Goal;
use codegod_protocol::id::{AgentId, Role};
use codegod_protocol::task::{Task, TaskState};

use crate::plans;
use crate::redis_server::RedisServer;

/// A client of a test's Redis.
///
/// # Errors
/// When Redis fails, or what must be there is not.
pub async fn client(redis: &RedisServer) -> Result<Client> {
    Ok(Client::connect(&redis.url(), "codegod:", "test").await?)
}

/// Submits a goal with a plan made by `tasks`, as intake and a master do.
///
/// # Errors
/// When Redis fails, or what must be there is not.
pub async fn running_goal(client: &Client, tasks: impl FnOnce(&Goal) -> Vec<Task>) -> Result<Goal> {
    let goal = plans::goal("a test");
    client.submit_goal(&goal).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else {
        anyhow::bail!("the goal is not waiting to be planned");
    };
    let tasks = tasks(&goal);
    let submitted = client.submit_plan(&goal.id, &token, &plans::intent(), &tasks).await?;
    anyhow::ensure!(submitted == PlanningOutcome::Accepted, "{submitted:?}");
    Ok(goal)
}

/// Claims for an agent without capabilities.
///
/// # Errors
/// When Redis fails, or what must be there is not.
pub async fn claim(client: &Client, agent: &AgentId) -> Result<Option<Claimed>> {
    claim_with(client, agent, &[]).await
}

/// Claims for an agent with these capabilities.
///
/// # Errors
/// When Redis fails, or what must be there is not.
pub async fn claim_with(
    client: &Client,
    agent: &AgentId,
    capabilities: &[String],
) -> Result<Option<Claimed>> {
    match client.claim(&mut Worker::new(agent, capabilities)).await? {
        Some(Claim::Task(claimed)) => Ok(Some(*claimed)),
        None => Ok(None),
        Some(Claim::Undecodable { reason, .. }) => anyhow::bail!(reason),
    }
}

/// Renews one lease.
///
/// # Errors
/// When Redis fails, or what must be there is not.
pub async fn renew(client: &Client, agent: &AgentId, claimed: &Claimed) -> Result<LeaseState> {
    let attempts = [(claimed.task.id.clone(), claimed.attempt)];
    Ok(client.renew_leases(agent, &attempts).await?[0])
}

/// Lets leases of `lease_ms` run out: a queue is looked after a few times a second at most.
///
/// # Errors
/// When Redis fails, or what must be there is not.
pub async fn expire(client: &Client, role: Role, lease_ms: u64) -> Result<u64> {
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let expired = client.tick(role, lease_ms).await?.expired;
        if expired > 0 {
            return Ok(expired);
        }
    }
    Ok(0)
}

/// Claims what must be there.
///
/// # Errors
/// When Redis fails, or what must be there is not.
pub async fn must_claim(client: &Client, agent: &AgentId) -> Result<Claimed> {
    claim(client, agent).await?.ok_or_else(|| anyhow::anyhow!("nothing to claim for {agent}"))
}

/// The states of a goal's tasks, in order.
///
/// # Errors
/// When Redis fails, or what must be there is not.
pub async fn states(client: &Client, goal: &Goal) -> Result<Vec<TaskState>> {
    Ok(client.goal_view(&goal.id).await?.tasks.iter().map(|task| task.state).collect())
}
