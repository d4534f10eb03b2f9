//! The agent's loop, whole processes on a real Redis: `noop-agent` runs the loop of every agent with tasks
//! that do nothing or sleep, and needs no Docker.

use std::path::Path;
use std::time::{Duration, Instant};

use codegod_protocol::client::{Client, Command, GoalView, PlanningOutcome};
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::{GoalId, Role};
use codegod_protocol::task::{Task, TaskState};
use codegod_tests::noop::process::NoopAgent;
use codegod_tests::noop::{FAIL, SLEEP_MS, commit_of};
use codegod_tests::plans;
use codegod_tests::redis_server::RedisServer;

type Result<T = ()> = anyhow::Result<T>;

const LIMIT: Duration = Duration::from_secs(30);

async fn client(redis: &RedisServer) -> Result<Client> {
    Ok(Client::connect(&redis.url(), "codegod:", "test").await?)
}

async fn agent(client: &Client, variables: &[(&str, &str)]) -> Result<NoopAgent> {
    NoopAgent::start(Path::new(env!("CARGO_BIN_EXE_noop-agent")), client, Role::Backend, variables).await
}

/// A backend task that sleeps.
fn sleeping(goal: &GoalId, number: u32, needs: &[u32], ms: u64) -> Task {
    let mut task = plans::task(goal, number, Role::Backend, needs);
    task.metadata.insert(SLEEP_MS.to_owned(), ms.to_string());
    task
}

async fn running_goal(client: &Client, tasks: impl FnOnce(&Goal) -> Vec<Task>) -> Result<Goal> {
    let goal = plans::goal("a test");
    client.submit_goal(&goal).await?;
    assert_eq!(client.begin_planning(&goal.id).await?, PlanningOutcome::Accepted);
    let tasks = tasks(&goal);
    assert_eq!(client.submit_plan(&goal.id, &plans::intent(), &tasks).await?, PlanningOutcome::Accepted);
    Ok(goal)
}

/// Asks every few milliseconds until there is an answer; says how long it took.
async fn until<T>(what: &str, ask: impl AsyncFn() -> Result<Option<T>>) -> Result<(T, Duration)> {
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        if let Some(answer) = ask().await? {
            return Ok((answer, started.elapsed()));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("waited {LIMIT:?} in vain for: {what}")
}

async fn ended(client: &Client, goal: &Goal) -> Result<GoalView> {
    let view = async || {
        let view = client.goal_view(&goal.id).await?;
        Ok(view.state.is_final().then_some(view))
    };
    Ok(until("the goal ends", view).await?.0)
}

/// Waits until an agent has the goal's task with that number.
async fn running(client: &Client, goal: &Goal, number: usize) -> Result {
    let state = async || {
        let view = client.goal_view(&goal.id).await?;
        Ok((view.tasks[number - 1].state == TaskState::Running).then_some(()))
    };
    until(&format!("task {number} runs"), state).await?;
    Ok(())
}

/// How often each task was published as succeeded, in the order of the plan.
async fn published(client: &Client, goal: &Goal) -> Result<Vec<u32>> {
    let mut times = vec![0; client.goal_view(&goal.id).await?.tasks.len()];
    let mut position = "0-0".to_owned();
    let mut listener = client.listener().await?;
    loop {
        let events = listener.events(&mut position, 50).await?;
        if events.is_empty() {
            return Ok(times);
        }
        for event in events.into_iter().filter(|event| event.kind == "task_succeeded") {
            if let Some(task) = event.task.filter(|task| *task.goal() == goal.id) {
                times[usize::try_from(task.number())? - 1] += 1;
            }
        }
    }
}

#[tokio::test]
async fn an_agent_without_docker_works_through_a_plan_and_is_off_the_list_when_it_has_ended() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut agent = agent(&client, &[]).await?;
    let goal = running_goal(&client, |goal| {
        let mut tasks: Vec<Task> = (1..=3).map(|n| sleeping(&goal.id, n, &[], 0)).collect();
        tasks[1].metadata.insert(FAIL.to_owned(), "1".to_owned());
        tasks.push(sleeping(&goal.id, 4, &[1, 2, 3], 20));
        tasks
    })
    .await?;
    let view = ended(&client, &goal).await?;
    assert_eq!(view.state, GoalState::Succeeded, "{:?}", view.error);
    let attempts: Vec<u32> = view.tasks.iter().map(|task| task.attempts).collect();
    assert_eq!(attempts, [1, 2, 1, 1], "the second was to fail once");
    for task in &view.tasks {
        let made = task.result.as_ref().and_then(|result| result.outputs.as_ref());
        let commit = commit_of(&task.task.id, task.attempts);
        assert_eq!(made.map(|outputs| &outputs.commit), Some(&commit), "the last attempt's result stands");
    }
    assert_eq!(published(&client, &goal).await?, [1, 1, 1, 1]);
    let memory = async || {
        let done = client.memory(&agent.id).await?.completed_tasks.len();
        Ok((done == 5).then_some(()))
    };
    until("the memory holds what was done, the failed attempt too", memory).await?;

    agent.signal("TERM")?;
    assert!(agent.ended().await?.success(), "{}", agent.log());
    assert_eq!(agent.status(&client).await?, None, "it is off the list");
    Ok(())
}

#[tokio::test]
async fn a_task_that_an_executor_can_not_read_fails_for_good_and_says_why() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let _agent = agent(&client, &[]).await?;
    let goal = running_goal(&client, |goal| {
        let mut task = sleeping(&goal.id, 1, &[], 0);
        task.metadata.insert(SLEEP_MS.to_owned(), "a while".to_owned());
        vec![task]
    })
    .await?;
    let view = ended(&client, &goal).await?;
    assert_eq!((view.state, view.tasks[0].attempts), (GoalState::Failed, 1));
    let said = view.tasks[0].error.clone().unwrap_or_default();
    assert!(said.contains(r#"sleep_ms="a while""#), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn a_drained_agent_finishes_its_task_takes_no_more_and_ends() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut agent = agent(&client, &[]).await?;
    let goal =
        running_goal(&client, |goal| vec![sleeping(&goal.id, 1, &[], 2_500), sleeping(&goal.id, 2, &[1], 0)])
            .await?;
    running(&client, &goal, 1).await?;
    client.tell(&agent.id, Command::Drain).await?;
    let finished = async || {
        let view = client.goal_view(&goal.id).await?;
        Ok((view.tasks[0].state == TaskState::Succeeded).then_some(()))
    };
    until("the task at hand is finished", finished).await?;
    let finished = Instant::now();
    assert!(agent.ended().await?.success(), "{}", agent.log());
    assert!(finished.elapsed() < Duration::from_secs(1), "it ended {:?} later", finished.elapsed());
    let view = client.goal_view(&goal.id).await?;
    assert_eq!((view.tasks[1].state, view.tasks[1].attempts), (TaskState::Ready, 0), "it took no more");
    assert_eq!(agent.status(&client).await?, None);
    Ok(())
}

#[tokio::test]
async fn an_idle_agent_that_is_drained_ends_within_a_heartbeat_or_two() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut agent = agent(&client, &[]).await?;
    client.tell(&agent.id, Command::Drain).await?;
    let told = Instant::now();
    assert!(agent.ended().await?.success(), "{}", agent.log());
    assert!(told.elapsed() < Duration::from_secs(3), "it took {:?}", told.elapsed());
    Ok(())
}

#[tokio::test]
async fn what_a_terminated_agent_was_on_goes_back_at_once_and_does_not_count() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut first = agent(&client, &[]).await?;
    let goal = running_goal(&client, |goal| {
        let mut task = sleeping(&goal.id, 1, &[], 2_000);
        task.max_attempts = 1;
        vec![task]
    })
    .await?;
    running(&client, &goal, 1).await?;
    first.signal("TERM")?;
    assert!(first.ended().await?.success(), "{}", first.log());
    let second = agent(&client, &[]).await?;
    let view = ended(&client, &goal).await?;
    assert_eq!(view.state, GoalState::Succeeded, "{:?}", view.error);
    assert_eq!(view.tasks[0].agent.as_ref(), Some(&second.id));
    assert_eq!(published(&client, &goal).await?, [1]);
    Ok(())
}
