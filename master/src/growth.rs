//! Growth: what a held task needs first is checked and added to its running plan.

use std::collections::HashMap;
use std::time::Duration;

use codegod_protocol::client::{Client, Error, FollowUp, Listener};
use codegod_protocol::id::TaskId;
use codegod_protocol::plan;
use codegod_protocol::task::Task;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

const WAIT_MS: usize = 1_000;
const RETRY: Duration = Duration::from_secs(1);
/// How often one task may ask for something to be done first; then a person is asked.
const MAX_ROUNDS: u32 = 5;
/// How many tasks one answer may ask for.
const MAX_NEXT_STEPS: usize = 20;

/// Grows plans until told to stop.
pub(crate) async fn keep_growing(
    client: Client,
    mut listener: Listener,
    settings: Settings,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        match listener.follow_ups(&settings.name, WAIT_MS).await {
            Ok(held) => {
                for follow_up in held {
                    if let Err(error) = handle(&client, &follow_up).await {
                        tracing::warn!(task.id = follow_up.task, %error, "a plan could not be grown now");
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "waiting for Redis");
                let _ended_early = stop.run_until_cancelled(tokio::time::sleep(RETRY)).await;
            }
        }
    }
}

async fn handle(client: &Client, follow_up: &FollowUp) -> Result<(), Error> {
    let Ok(held) = follow_up.task.parse::<TaskId>() else {
        client.quarantine("follow_ups", &follow_up.task, "it is not a task's id").await?;
        return client.acknowledge_follow_up(&follow_up.entry).await;
    };
    let grown = match next_steps(client, &held, &follow_up.round).await? {
        Ok(tasks) => {
            tracing::info!(task.id = %held, added = tasks.len(), "the plan grows");
            client.grow_plan(&held, &follow_up.round, &tasks).await
        }
        Err(reason) => {
            tracing::warn!(task.id = %held, reason, "the follow-up is refused");
            client.give_up(&held, &follow_up.round, &reason).await
        }
    };
    match grown {
        // Done by another master, or the goal was cancelled meanwhile.
        Ok(()) | Err(Error::WrongState { .. }) => client.acknowledge_follow_up(&follow_up.entry).await,
        Err(error) => Err(error),
    }
}

/// The tasks that are to be added, with their numbers in the plan; inner `Err`: why they are refused.
async fn next_steps(client: &Client, held: &TaskId, round: &str) -> Result<Result<Vec<Task>, String>, Error> {
    if round.parse::<u32>().map_or(true, |round| round > MAX_ROUNDS) {
        return Ok(Err(format!(
            "{held} asked {MAX_ROUNDS} times for something to be done first and is no further"
        )));
    }
    let asked = match client.result(held).await {
        Ok(result) => result.map(|result| result.next_steps).unwrap_or_default(),
        Err(Error::Undecodable { reason, .. }) => {
            return Ok(Err(format!("its next steps can't be read: {reason}")));
        }
        Err(error) => return Err(error),
    };
    if asked.is_empty() || asked.len() > MAX_NEXT_STEPS {
        return Ok(Err(format!("it asked for {} next steps; 1 to {MAX_NEXT_STEPS} are taken", asked.len())));
    }
    let next = client.next_task_number(held.goal()).await?;
    let plan: Vec<TaskId> =
        client.goal_view(held.goal()).await?.tasks.into_iter().map(|view| view.task.id).collect();
    Ok(numbered(held, asked, next, &plan))
}

/// Gives asked-for tasks their numbers and checks that they need only what is in the plan or one another,
/// never the held task: so the plan stays without cycles.
fn numbered(held: &TaskId, asked: Vec<Task>, next: u32, plan: &[TaskId]) -> Result<Vec<Task>, String> {
    let numbers: HashMap<TaskId, TaskId> =
        asked.iter().zip(next..).map(|(task, number)| (task.id.clone(), held.goal().task(number))).collect();
    let mut tasks = Vec::with_capacity(asked.len());
    for mut task in asked {
        task.goal = held.goal().clone();
        task.parent = Some(held.clone());
        for need in &mut task.needs {
            if need == held {
                return Err(format!("{:?} would wait for {held}, which waits for it", task.title));
            }
            match numbers.get(need) {
                Some(number) => *need = number.clone(),
                None if plan.contains(need) => {}
                None => return Err(format!("{:?} needs {need}, which is not in the plan", task.title)),
            }
        }
        if let Some(number) = numbers.get(&task.id) {
            task.id = number.clone();
        }
        plan::check_task(&task).map_err(|error| error.to_string())?;
        tasks.push(task);
    }
    // Among themselves they must not wait in a circle; what is in the plan already can't need them.
    let mut alone = tasks.clone();
    for task in &mut alone {
        task.needs.retain(|need| tasks.iter().any(|other| other.id == *need));
    }
    plan::check(&alone).map_err(|error| error.to_string())?;
    Ok(tasks)
}
