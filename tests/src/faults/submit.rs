//! Orders on their way: each is submitted, treated as its whim has it, and waited for; through whatever
//! happens to Redis meanwhile.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use codegod_protocol::client::{Client, Error, Planning, PlanningOutcome, now_ms};
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::GoalId;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::load::{Order, Whim};
use crate::plans;

/// How many goals are under way at once, so that planning goes on while tasks do.
const AT_ONCE: usize = 16;
/// How often a goal is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// The wait before a call that failed is made again.
const RETRY: Duration = Duration::from_millis(100);

/// A goal that had been accepted, and of which Redis knows nothing any more, or not its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The goal. It was submitted again.
    pub goal: GoalId,
    /// When it had been accepted, Unix time in milliseconds.
    pub accepted_ms: u64,
}

/// Has all orders done and waits until the last has ended.
///
/// # Errors
/// When Redis answers what it should not.
pub async fn all(client: Client, orders: Vec<Order>) -> Result<Vec<Forgotten>> {
    let (mut under_way, mut forgotten) = (JoinSet::new(), Vec::new());
    for order in orders {
        if under_way.len() >= AT_ONCE
            && let Some(ended) = under_way.join_next().await
        {
            forgotten.extend(ended.context("an order broke")??);
        }
        under_way.spawn(one(client.clone(), order));
    }
    while let Some(ended) = under_way.join_next().await {
        forgotten.extend(ended.context("an order broke")??);
    }
    Ok(forgotten)
}

async fn one(client: Client, order: Order) -> Result<Vec<Forgotten>> {
    let mut forgotten = Vec::new();
    loop {
        submit(&client, &order).await?;
        let accepted_ms = now_ms();
        whim(&client, &order).await?;
        if ended(&client, &order).await? {
            return Ok(forgotten);
        }
        forgotten.push(Forgotten { goal: order.goal.id.clone(), accepted_ms });
    }
}

async fn submit(client: &Client, order: &Order) -> Result<()> {
    if !order.tasks.is_empty() {
        return plan(client, order).await;
    }
    insist(|| async {
        match client.submit_goal(&order.goal).await {
            // The answer to an earlier try was lost.
            Err(Error::WrongState { .. }) => Ok(()),
            other => other,
        }
    })
    .await
}

/// Waits until the goal has ended; false when Redis has forgotten that it was accepted.
async fn ended(client: &Client, order: &Order) -> Result<bool> {
    let id = &order.goal.id;
    loop {
        let state = insist(|| async {
            match client.goal_head(id).await {
                Err(Error::NotFound(_)) => Ok(None),
                other => Ok(Some(other?.state)),
            }
        })
        .await?;
        match state {
            None => return Ok(false),
            Some(GoalState::Queued | GoalState::Planning) if !order.tasks.is_empty() => return Ok(false),
            Some(state) if state.is_final() => return Ok(true),
            // The pause was carried out late, after its answer had been given up, and the resume before it.
            Some(GoalState::Paused) => {
                insist(|| async { settled(client.resume_goal(id).await.map(|_| ())) }).await?;
            }
            Some(_) => {}
        }
        sleep(LOOK).await;
    }
}

/// Plans a goal in a master's place.
async fn plan(client: &Client, order: &Order) -> Result<()> {
    insist_on(|| announce(client, &order.goal)).await?;
    let id = &order.goal.id;
    let done =
        |state: &str| !matches!(state, "queued" | "planning" | "planned by another master" | "incomplete");
    insist(|| async {
        loop {
            let outcome = match client.begin_planning(id).await? {
                Planning::Begun(token) => {
                    client.submit_plan(id, &token, &plans::intent(), &order.tasks).await?
                }
                Planning::Superseded(state) => PlanningOutcome::Superseded(state),
            };
            match outcome {
                PlanningOutcome::Superseded(state) if !done(&state) => {}
                // Taken now, or by a try whose answer was lost.
                PlanningOutcome::Accepted | PlanningOutcome::Superseded(_) => return Ok(()),
            }
        }
    })
    .await
}

/// Writes a goal without the goals stream: a master would plan it from its text.
async fn announce(client: &Client, goal: &Goal) -> Result<()> {
    let keys = client.keys();
    let mut raw = redis::Client::open(client.url())?.get_multiplexed_async_connection().await?;
    redis::pipe()
        .atomic()
        .hset(keys.goal(&goal.id), "goal", serde_json::to_string(goal)?)
        .hset(keys.goal(&goal.id), "state", "queued")
        .exec_async(&mut raw)
        .await?;
    Ok(())
}

async fn whim(client: &Client, order: &Order) -> Result<()> {
    let id = &order.goal.id;
    match order.whim {
        Whim::None => Ok(()),
        Whim::Cancel(after) => {
            sleep(after).await;
            insist(|| async { settled(client.cancel_goal(id).await) }).await
        }
        Whim::Pause(after, length) => {
            sleep(after).await;
            insist(|| async { settled(client.pause_goal(id).await.map(|_| ())) }).await?;
            sleep(length).await;
            insist(|| async { settled(client.resume_goal(id).await.map(|_| ())) }).await
        }
    }
}

/// A goal that has ended meanwhile can be neither paused nor cancelled, nor can one that Redis has forgotten.
fn settled(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(Error::WrongState { .. } | Error::NotFound(_)) => Ok(()),
        other => other,
    }
}

/// Calls until Redis is there to answer.
async fn insist<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> Result<T> {
    loop {
        match call().await {
            Err(error) if error.trouble().is_some() => sleep(RETRY).await,
            outcome => return Ok(outcome?),
        }
    }
}

/// As [`insist`], where every error may be Redis'; not for ever, then.
async fn insist_on<F: Future<Output = Result<()>>>(call: impl Fn() -> F) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        match call().await {
            Err(error) if Instant::now() > deadline => bail!("Redis does not come back: {error:#}"),
            Err(_) => sleep(RETRY).await,
            Ok(()) => return Ok(()),
        }
    }
}
