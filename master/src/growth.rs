//! Growth: what a held task needs first is checked and added to its running plan.

use std::collections::{BTreeMap, HashMap};

use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{Client, Error, FollowUp, Growth, GrowthOutcome, Listener, PlanGraph};
use codegod_protocol::id::TaskId;
use codegod_protocol::plan;
use codegod_protocol::task::Task;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

const WAIT_MS: usize = 1_000;
/// How often one task may ask for something to be done first; then a person is asked.
const MAX_ROUNDS: u32 = 15;
/// How many tasks one answer may ask for.
const MAX_NEXT_STEPS: usize = 20;

/// Grows plans until told to stop.
pub(crate) async fn keep_growing(
    client: Client,
    mut listener: Listener,
    settings: Settings,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        match listener.follow_ups(&settings.name, WAIT_MS).await {
            Ok(held) => {
                backoff.reset();
                for follow_up in held {
                    if let Err(error) = handle(&client, &follow_up).await {
                        let error = anyhow::Error::from(error);
                        tracing::warn!(task.id = follow_up.task, "a plan could not be grown now: {error:#}");
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "waiting for Redis");
                let _ended_early = stop.run_until_cancelled(backoff.wait()).await;
            }
        }
    }
}

async fn handle(client: &Client, follow_up: &FollowUp) -> Result<(), Error> {
    let Ok(held) = follow_up.task.parse::<TaskId>() else {
        return put_aside(client, follow_up, "it names no task").await;
    };
    if follow_up.round.parse::<u32>().is_err() {
        return put_aside(client, follow_up, "it does not say in which round its task is held").await;
    }
    match client.is_task(&held).await {
        Ok(true) => {}
        Ok(false) => return put_aside(client, follow_up, "there is no such task").await,
        // It would be read again and again, and nothing would come of it.
        Err(error) if error.is_wrong_type() => {
            return put_aside(client, follow_up, "its task's key is of another type").await;
        }
        Err(error) => return Err(error),
    }
    match next_steps(client, &held, &follow_up.round).await? {
        Ok(asked) => {
            if let Err(reason) = grow(client, &held, &follow_up.round, &asked).await? {
                refuse(client, &held, &follow_up.round, &reason).await?;
            }
        }
        Err(reason) => refuse(client, &held, &follow_up.round, &reason).await?,
    }
    client.acknowledge_follow_up(&follow_up.entry).await
}

async fn put_aside(client: &Client, follow_up: &FollowUp, reason: &str) -> Result<(), Error> {
    tracing::warn!(entry = follow_up.entry, reason, "a follow-up is put aside");
    client.put_follow_up_aside(&follow_up.entry, reason).await.map(|_| ())
}

async fn refuse(client: &Client, held: &TaskId, round: &str, reason: &str) -> Result<(), Error> {
    tracing::warn!(task.id = %held, reason, "the follow-up is refused");
    match client.give_up(held, round, reason).await {
        // Done by another master, or the goal was cancelled meanwhile.
        Ok(()) | Err(Error::WrongState { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the held task asks for; inner `Err`: why it is refused.
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
    Ok(Ok(asked))
}

/// Adds what a held task asked for to its plan; inner `Err`: why it can't be. A plan that grows at the same
/// moment is looked at again.
async fn grow(
    client: &Client,
    held: &TaskId,
    round: &str,
    asked: &[Task],
) -> Result<Result<(), String>, Error> {
    loop {
        let graph = client.plan_graph(held.goal()).await?;
        let (tasks, paths) = match numbered(held, asked.to_vec(), &graph) {
            Ok(grown) => grown,
            Err(reason) => return Ok(Err(reason)),
        };
        let growth = Growth { held: Some((held, round)), added: &tasks, paths: &paths };
        match client.grow_plan(held.goal(), &growth).await {
            Ok(GrowthOutcome::Grown) => {
                tracing::info!(task.id = %held, added = tasks.len(), "the plan has grown");
                return Ok(Ok(()));
            }
            Ok(GrowthOutcome::Conflict) => {}
            // Done by another master, or the goal was cancelled meanwhile.
            Ok(GrowthOutcome::Stale) => return Ok(Ok(())),
            Err(Error::Undecodable { reason, .. }) => return Ok(Err(reason)),
            Err(error) => return Err(error),
        }
    }
}

/// New tasks with their numbers, and the paths that are to be stored.
type Grown = (Vec<Task>, Vec<(TaskId, u32)>);

/// Gives asked-for tasks their numbers, and checks the plan as it will be: every need is in it, and no
/// task waits for itself. Gives the paths of the new tasks and of those whose path has grown.
fn numbered(held: &TaskId, asked: Vec<Task>, graph: &PlanGraph) -> Result<Grown, String> {
    let numbers: HashMap<TaskId, TaskId> = asked
        .iter()
        .zip(graph.next_task..)
        .map(|(task, number)| (task.id.clone(), held.goal().task(number)))
        .collect();
    let mut tasks = Vec::with_capacity(asked.len());
    for mut task in asked {
        task.goal = held.goal().clone();
        task.parent = Some(held.clone());
        for need in &mut task.needs {
            match numbers.get(need) {
                Some(number) => *need = number.clone(),
                None if graph.nodes.contains_key(need) => {}
                None => return Err(format!("{:?} needs {need}, which is not in the plan", task.title)),
            }
        }
        if let Some(number) = numbers.get(&task.id) {
            task.id = number.clone();
        }
        plan::check_task(&task).map_err(|error| error.to_string())?;
        tasks.push(task);
    }
    if tasks.len() != numbers.len() {
        return Err("two of the tasks that it asked for have one id".to_owned());
    }
    let mut needs: BTreeMap<&TaskId, Vec<&TaskId>> =
        graph.nodes.iter().map(|(id, node)| (id, node.needs.iter().collect())).collect();
    needs.extend(tasks.iter().map(|task| (&task.id, task.needs.iter().collect())));
    needs.entry(held).or_default().extend(tasks.iter().map(|task| &task.id));
    let paths = plan::paths(&needs).map_err(|error| error.to_string())?;
    let grew = |id: &TaskId, path: u32| graph.nodes.get(id).is_none_or(|node| node.path < path);
    let paths = paths.into_iter().filter(|(id, path)| grew(id, *path));
    let paths = paths.map(|(id, path)| (id.clone(), path)).collect();
    Ok((tasks, paths))
}

#[cfg(test)]
mod tests {
    use codegod_protocol::client::PlanNode;
    use codegod_protocol::id::GoalId;

    use super::*;

    fn graph(goal: &GoalId, needs: &[(u32, &[u32], u32)]) -> PlanGraph {
        let nodes = needs.iter().map(|(number, needs, path)| {
            let needs = needs.iter().map(|need| goal.task(*need)).collect();
            (goal.task(*number), PlanNode { needs, path: *path })
        });
        PlanGraph { next_task: needs.len() as u32 + 1, nodes: nodes.collect() }
    }

    fn asked(goal: &GoalId, number: u32, needs: &[u32]) -> Task {
        let needs: Vec<TaskId> = needs.iter().map(|need| goal.task(*need)).collect();
        serde_json::from_value(serde_json::json!({
            "version": 1, "id": goal.task(number), "goal": goal, "role": "backend", "title": "a fix",
            "kind": "work", "needs": needs, "priority": 5, "deadline_seconds": 60, "max_attempts": 3,
            "procedure": { "problem": "", "hypotheses": [], "validate": [
                { "title": "it is there", "action": { "action": "read_file", "path": "x" } }
            ] },
        }))
        .expect("a task")
    }

    #[test]
    fn new_tasks_get_the_next_numbers_and_lengthen_the_paths_before_them() {
        let goal = GoalId::random();
        let plan = graph(&goal, &[(1, &[], 3), (2, &[1], 2), (3, &[2], 1)]);
        let (tasks, paths) = numbered(&goal.task(3), vec![asked(&goal, 90, &[2])], &plan).expect("it fits");
        assert_eq!(tasks[0].id, goal.task(4));
        assert_eq!(paths, [(goal.task(1), 4), (goal.task(2), 3), (goal.task(4), 2)]);
    }

    #[test]
    fn a_circle_through_the_held_task_is_refused_however_long() {
        let goal = GoalId::random();
        let plan = graph(&goal, &[(1, &[], 3), (2, &[1], 2), (3, &[2], 1)]);
        // The new task would wait for 3, which waits for 2, which waits for the held 1.
        let refused = numbered(&goal.task(1), vec![asked(&goal, 90, &[3])], &plan);
        assert!(refused.is_err_and(|reason| reason.contains("waits for itself")));
        let unknown = numbered(&goal.task(1), vec![asked(&goal, 90, &[7])], &plan);
        assert!(unknown.is_err_and(|reason| reason.contains("not in the plan")));
    }
}
