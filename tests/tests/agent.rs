//! The agent's loop, whole processes on a real Redis: `noop-agent` runs the loop of every agent with tasks
//! that do nothing or sleep, and needs no Docker.

use std::path::Path;
use std::time::{Duration, Instant};

use codegod_protocol::client::{Client, Command, GoalView, Planning, PlanningOutcome};
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::{GoalId, Role};
use codegod_protocol::task::{Task, TaskState};
use codegod_tests::noop::process::AgentProcess;
use codegod_tests::noop::{FAIL, SLEEP_MS, commit_of};
use codegod_tests::plans;
use codegod_tests::proxy::Proxy;
use codegod_tests::redis_server::RedisServer;

type Result<T = ()> = anyhow::Result<T>;

const LIMIT: Duration = Duration::from_secs(30);

async fn client(redis: &RedisServer) -> Result<Client> {
    Ok(Client::connect(&redis.url(), "codegod:", "test").await?)
}

async fn agent(client: &Client, variables: &[(&str, &str)]) -> Result<AgentProcess> {
    AgentProcess::start(Path::new(env!("CARGO_BIN_EXE_noop-agent")), client, Role::Backend, variables).await
}

/// A backend task that sleeps.
fn sleeping(goal: &GoalId, number: u32, needs: &[u32], ms: u64) -> Task {
    let mut task = plans::task(goal, number, Role::Backend, needs);
    task.metadata.insert(SLEEP_MS.to_owned(), ms.to_string());
    task
}

/// A task that may be tried once: an attempt that counted although it should not fails it.
fn only_once(mut task: Task) -> Task {
    task.max_attempts = 1;
    task
}

async fn running_goal(client: &Client, tasks: impl FnOnce(&Goal) -> Vec<Task>) -> Result<Goal> {
    let goal = plans::goal("a test");
    start(client, &goal, &tasks(&goal)).await?;
    Ok(goal)
}

async fn start(client: &Client, goal: &Goal, tasks: &[Task]) -> Result {
    client.submit_goal(goal).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else {
        anyhow::bail!("the goal is being planned already");
    };
    let outcome = client.submit_plan(&goal.id, &token, &plans::intent(), tasks).await?;
    assert_eq!(outcome, PlanningOutcome::Accepted);
    Ok(())
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
    let goal = running_goal(&client, |goal| vec![only_once(sleeping(&goal.id, 1, &[], 2_000))]).await?;
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

#[tokio::test]
async fn a_cancelled_goals_agent_is_free_within_a_second() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let agent = agent(&client, &[]).await?;
    let goal = running_goal(&client, |goal| vec![sleeping(&goal.id, 1, &[], 60_000)]).await?;
    running(&client, &goal, 1).await?;
    let next = running_goal(&client, |goal| vec![sleeping(&goal.id, 1, &[], 0)]).await?;
    client.cancel_goal(&goal.id).await?;
    let cancelled = Instant::now();
    let view = ended(&client, &next).await?;
    let noticed = cancelled.elapsed();
    assert_eq!((view.state, view.tasks[0].agent.as_ref()), (GoalState::Succeeded, Some(&agent.id)));
    assert!(noticed <= Duration::from_secs(1), "noticed after {noticed:?}");
    assert_eq!(published(&client, &goal).await?, [0]);
    Ok(())
}

#[tokio::test]
async fn a_paused_goals_attempt_is_handed_back_within_a_second_and_goes_on_when_resumed() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let _agent = agent(&client, &[]).await?;
    let goal = running_goal(&client, |goal| vec![only_once(sleeping(&goal.id, 1, &[], 3_000))]).await?;
    running(&client, &goal, 1).await?;
    assert!(client.pause_goal(&goal.id).await?);
    let state = async || -> Result<TaskState> { Ok(client.goal_view(&goal.id).await?.tasks[0].state) };
    let back = async || Ok((state().await? == TaskState::Ready).then_some(()));
    let (_, noticed) = until("the attempt is handed back", back).await?;
    assert!(noticed <= Duration::from_secs(1), "noticed after {noticed:?}");
    let other = running_goal(&client, |goal| vec![sleeping(&goal.id, 1, &[], 0)]).await?;
    assert_eq!(ended(&client, &other).await?.state, GoalState::Succeeded, "other goals go on");
    assert_eq!(state().await?, TaskState::Ready, "nothing of a paused goal is handed out");
    assert!(client.resume_goal(&goal.id).await?);
    let view = ended(&client, &goal).await?;
    assert_eq!((view.state, published(&client, &goal).await?), (GoalState::Succeeded, vec![1]));
    Ok(())
}

#[tokio::test]
async fn a_paused_fleets_agents_hand_back_say_so_and_go_on_when_resumed() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let agent = agent(&client, &[]).await?;
    let goal = running_goal(&client, |goal| vec![only_once(sleeping(&goal.id, 1, &[], 2_000))]).await?;
    running(&client, &goal, 1).await?;
    assert!(client.pause_fleet().await?);
    let says = async || {
        let note = agent.status(&client).await?.and_then(|status| status.note);
        Ok(note.filter(|note| note == "the fleet is paused"))
    };
    let (_, noticed) = until("the agent says that the fleet is paused", says).await?;
    assert!(noticed < Duration::from_millis(2_500), "said after {noticed:?}");
    let paused = client.goal_view(&goal.id).await?;
    assert_eq!(paused.tasks[0].state, TaskState::Ready, "its attempt was handed back");
    assert!(client.resume_fleet().await?);
    let view = ended(&client, &goal).await?;
    assert_eq!((view.state, published(&client, &goal).await?), (GoalState::Succeeded, vec![1]));
    let quiet = async || Ok(agent.status(&client).await?.filter(|status| status.note.is_none()));
    until("the agent waits for nothing any more", quiet).await?;
    Ok(())
}

#[tokio::test]
async fn an_attempt_outlives_a_redis_that_is_killed_and_away_for_longer_than_its_lease() -> Result {
    let mut redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let agent = agent(&client, &[("CODEGOD_LEASE_MS", "2000")]).await?;
    let goal = running_goal(&client, |goal| {
        vec![only_once(sleeping(&goal.id, 1, &[], 5_000)), sleeping(&goal.id, 2, &[1], 0)]
    })
    .await?;
    running(&client, &goal, 1).await?;
    redis.kill()?;
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    redis.restart()?;
    let back = async || Ok(client.server_version().await.ok());
    until("Redis answers", back).await?;
    let view = ended(&client, &goal).await?;
    assert_eq!(view.state, GoalState::Succeeded, "{:?}\n{}", view.error, agent.log());
    assert_eq!(view.tasks[0].attempts, 1, "it was not tried again:\n{}", agent.log());
    assert_eq!(published(&client, &goal).await?, [1, 1]);
    let told = agent.log().matches("Redis does not answer").count();
    assert!((1..=2).contains(&told), "told {told} times, not at each try:\n{}", agent.log());
    assert!(agent.log().contains("goes on"), "{}", agent.log());
    Ok(())
}

#[tokio::test]
async fn a_result_is_kept_until_a_redis_that_was_away_takes_it() -> Result {
    let mut redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let agent = agent(&client, &[]).await?;
    let goal = running_goal(&client, |goal| vec![only_once(sleeping(&goal.id, 1, &[], 1_000))]).await?;
    running(&client, &goal, 1).await?;
    redis.kill()?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    redis.restart()?;
    until("Redis answers", async || Ok(client.server_version().await.ok())).await?;
    let view = ended(&client, &goal).await?;
    assert_eq!((view.state, view.tasks[0].attempts), (GoalState::Succeeded, 1), "{}", agent.log());
    assert_eq!(published(&client, &goal).await?, [1]);
    Ok(())
}

/// An agent behind a proxy has begun a task, and another one stands by.
struct CutOff {
    redis: RedisServer,
    client: Client,
    proxy: Proxy,
    late: AgentProcess,
    other: AgentProcess,
    goal: Goal,
}

async fn about_to_be_cut_off(sleep_ms: u64) -> Result<CutOff> {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let proxy = Proxy::before(&redis.url()).await?;
    let lease = ("CODEGOD_LEASE_MS", "1000");
    let late = agent(&client, &[lease, ("REDIS_URL", &proxy.url())]).await?;
    let goal = running_goal(&client, |goal| vec![sleeping(&goal.id, 1, &[], sleep_ms)]).await?;
    // Redis has handed it out before the agent has heard of it.
    until("the agent begins", async || Ok(late.log().contains("claimed").then_some(()))).await?;
    let other = agent(&client, &[lease]).await?;
    Ok(CutOff { redis, client, proxy, late, other, goal })
}

impl CutOff {
    /// Waits until the other agent has taken the task over; gives how long that took.
    async fn taken_over(&self) -> Result<Duration> {
        let taken = async || {
            let task = self.client.goal_view(&self.goal.id).await?.tasks.swap_remove(0);
            Ok((task.agent.as_ref() == Some(&self.other.id)).then_some(()))
        };
        Ok(until("the other agent takes over", taken).await?.1)
    }

    /// Waits until the late agent has said something.
    async fn says(&self, words: &str) -> Result {
        until(words, async || Ok(self.late.log().contains(words).then_some(()))).await?;
        Ok(())
    }

    async fn published_once_by_the_other(&self) -> Result {
        let view = ended(&self.client, &self.goal).await?;
        assert_eq!(view.state, GoalState::Succeeded, "{}", self.late.log());
        let result = view.tasks[0].result.as_ref().expect("a result");
        assert_eq!((&result.agent, result.attempt), (&self.other.id, 2));
        assert_eq!(published(&self.client, &self.goal).await?, [1], "{}", self.redis.url());
        Ok(())
    }
}

#[tokio::test]
async fn an_agent_that_was_cut_off_throws_away_what_another_took_over() -> Result {
    // Long enough that it notices before its work is done, however busy the machine is.
    let cut_off = about_to_be_cut_off(10_000).await?;
    cut_off.proxy.cut();
    let after = cut_off.taken_over().await?;
    assert!(after < Duration::from_millis(1_500), "taken over after {after:?}: 1.5 leases are the limit");
    cut_off.proxy.mend();
    cut_off.says("the attempt is thrown away").await?;
    cut_off.published_once_by_the_other().await
}

#[tokio::test]
async fn a_result_that_comes_after_another_took_over_is_refused() -> Result {
    let cut_off = about_to_be_cut_off(2_000).await?;
    cut_off.proxy.cut();
    cut_off.taken_over().await?;
    cut_off.published_once_by_the_other().await?;
    cut_off.proxy.mend();
    cut_off.says("stale: the work is thrown away").await?;
    cut_off.published_once_by_the_other().await
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_handed_back_long_before_its_lease_runs_out() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let proxy = Proxy::before(&redis.url()).await?;
    let agent = agent(&client, &[("REDIS_URL", &proxy.url())]).await?;
    let goal = plans::goal("a test");
    let tasks = [only_once(sleeping(&goal.id, 1, &[], 0))];
    proxy.lose_reply_with(&tasks[0].id.to_string());
    start(&client, &goal, &tasks).await?;
    let started = Instant::now();
    let view = ended(&client, &goal).await?;
    assert!(proxy.has_lost_it(), "the test made its trouble");
    assert_eq!((view.state, published(&client, &goal).await?), (GoalState::Succeeded, vec![1]));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}\n{}", started.elapsed(), agent.log());
    Ok(())
}

#[tokio::test]
async fn a_result_whose_answer_was_lost_is_not_published_twice() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let proxy = Proxy::before(&redis.url()).await?;
    let agent = agent(&client, &[("REDIS_URL", &proxy.url())]).await?;
    let goal = plans::goal("a test");
    let tasks = [1, 2, 3].map(|number| {
        let needs: Vec<u32> = (number > 1).then(|| number - 1).into_iter().collect();
        only_once(sleeping(&goal.id, number, &needs, 0))
    });
    // The turn that publishes the first claims the second.
    proxy.lose_reply_with(&tasks[1].id.to_string());
    start(&client, &goal, &tasks).await?;
    let view = ended(&client, &goal).await?;
    assert!(proxy.has_lost_it(), "the test made its trouble");
    assert_eq!((view.state, published(&client, &goal).await?), (GoalState::Succeeded, vec![1, 1, 1]));
    let counted = async || {
        let status = agent.status(&client).await?;
        Ok(status.filter(|status| status.succeeded == 3 && status.failed == 0))
    };
    until("the agent counts what was published in spite of the lost answer", counted).await?;
    Ok(())
}
