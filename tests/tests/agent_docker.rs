//! A real agent on the host's Docker, without a master: how fast it lets go of containers, and what it
//! waits for before it claims.

use std::time::{Duration, Instant};

use anyhow::bail;
use codegod_protocol::client::{Client, Planning};
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::{AgentId, Role};
use codegod_protocol::task::{Task, TaskState};
use codegod_tests::fleet::{binary, labelled};
use codegod_tests::noop::process::AgentProcess;
use codegod_tests::redis_server::RedisServer;
use codegod_tests::{handmade, plans};

type Result<T = ()> = anyhow::Result<T>;

const LIMIT: Duration = Duration::from_secs(60);
/// How long a cancelled or paused attempt may keep its container.
const STOPPED: Duration = Duration::from_secs(5);

async fn client(redis: &RedisServer) -> Result<Client> {
    Ok(Client::connect(&redis.url(), "codegod:", "test").await?)
}

async fn agent(client: &Client, variables: &[(&str, &str)]) -> Result<AgentProcess> {
    // The host's Docker, whatever the fixture says for agents that need none.
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let variables: Vec<(&str, &str)> =
        [("DOCKER_HOST", host.as_str())].into_iter().chain(variables.iter().copied()).collect();
    AgentProcess::start(&binary("backend-agent")?, client, Role::Backend, &variables).await
}

/// A goal of one task that runs a command in a container.
async fn running_goal(client: &Client, command: &str) -> Result<Goal> {
    let goal = plans::goal("a test");
    let work = vec![handmade::run(command)];
    let task: Task = handmade::task(&goal.id, 1, Role::Backend, &[], work, &["true"]);
    client.submit_goal(&goal).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else { bail!("is planned already") };
    client.submit_plan(&goal.id, &token, &plans::intent(), &[task]).await?;
    Ok(goal)
}

async fn until<T>(what: &str, ask: impl AsyncFn() -> Result<Option<T>>) -> Result<(T, Duration)> {
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        if let Some(answer) = ask().await? {
            return Ok((answer, started.elapsed()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("waited {LIMIT:?} in vain for: {what}")
}

/// Waits until the agent has a container, and a little longer: in the middle of its command, then.
async fn at_work(client: &Client, agent: &AgentId, goal: &Goal) -> Result {
    let label = format!("codegod.agent={agent}");
    let busy = async || Ok((!labelled(&label)?.is_empty()).then_some(()));
    until("a container of the agent", busy).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let task = client.goal_view(&goal.id).await?.tasks.swap_remove(0);
    assert_eq!((task.state, task.attempts), (TaskState::Running, 1), "{:?}", task.error);
    Ok(())
}

/// How long it takes until the agent has no container any more.
async fn without_container(agent: &AgentId) -> Result<Duration> {
    let label = format!("codegod.agent={agent}");
    let gone = async || Ok(labelled(&label)?.is_empty().then_some(()));
    Ok(until("the agent's container is gone", gone).await?.1)
}

#[tokio::test]
async fn a_cancelled_and_a_paused_goals_container_are_gone_within_five_seconds() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut agent = agent(&client, &[]).await?;

    let goal = running_goal(&client, "sleep 300").await?;
    at_work(&client, &agent.id, &goal).await?;
    client.cancel_goal(&goal.id).await?;
    let cancelled = without_container(&agent.id).await?;
    eprintln!("the container of a cancelled goal was gone after {cancelled:?}");
    assert!(cancelled < STOPPED, "{cancelled:?}\n{}", agent.log());
    assert_eq!(client.goal_head(&goal.id).await?.state, GoalState::Cancelled);

    let goal = running_goal(&client, "sleep 4").await?;
    at_work(&client, &agent.id, &goal).await?;
    client.pause_goal(&goal.id).await?;
    let paused = without_container(&agent.id).await?;
    eprintln!("the container of a paused goal was gone after {paused:?}");
    assert!(paused < STOPPED, "{paused:?}\n{}", agent.log());
    assert_eq!(client.goal_view(&goal.id).await?.tasks[0].state, TaskState::Ready);
    client.resume_goal(&goal.id).await?;
    let done = async || {
        let state = client.goal_head(&goal.id).await?.state;
        Ok(state.is_final().then_some(state))
    };
    let (state, _) = until("the resumed goal ends", done).await?;
    assert_eq!(state, GoalState::Succeeded, "{}", agent.log());

    agent.signal("TERM")?;
    assert!(agent.ended().await?.success(), "{}", agent.log());
    assert_eq!(labelled(&format!("codegod.agent={}", agent.id))?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn an_agent_without_room_on_its_host_claims_nothing_and_says_what_it_waits_for() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    for (setting, subject) in
        [("CODEGOD_MIN_FREE_MEMORY", "waiting for memory: "), ("CODEGOD_MIN_FREE_DISK", "waiting for disk: ")]
    {
        let mut agent = agent(&client, &[(setting, "900t")]).await?;
        let goal = running_goal(&client, "true").await?;
        let says = async || {
            let status = agent.status(&client).await?;
            Ok(status.and_then(|status| status.note).filter(|note| note.starts_with(subject)))
        };
        let (note, _) = until("the agent says what it waits for", says).await?;
        assert!(note.contains("free") && note.contains(setting), "{note}");
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let view = client.goal_view(&goal.id).await?;
        assert_eq!((view.tasks[0].state, view.tasks[0].attempts), (TaskState::Ready, 0), "{}", agent.log());
        let told = agent.log().matches(subject).count();
        assert_eq!(told, 1, "logged once, not each second:\n{}", agent.log());
        agent.signal("TERM")?;
        assert!(agent.ended().await?.success(), "{}", agent.log());
    }
    Ok(())
}
