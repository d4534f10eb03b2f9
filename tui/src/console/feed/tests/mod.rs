//! The feed on a real Redis: what it tells, and what it does while Redis is away.

mod diff;
mod logs;
mod world;

use std::time::Duration;

use codegod_protocol::client::now_ms;
use codegod_protocol::goal::GoalState;
use codegod_protocol::host::HostStatus;
use codegod_protocol::id::{AgentId, Role};
use codegod_protocol::memory::{ActionRecord, CurrentTask, Memory};
use codegod_protocol::task::TaskState;

use super::Scope;
use super::scope::Picture;
use crate::console::store::Connection;
use crate::console::store::attention::Target;
use crate::console::store::details::QueueEntryState;
use world::{Console, World, agent, claim, plan, result, submit, task};

fn is_connected(console: &Console) -> bool {
    matches!(console.store.connection, Connection::Connected { .. })
}

fn lost_because(console: &Console, what: &str) -> bool {
    matches!(&console.store.connection, Connection::Lost { why, .. } if why.contains(what))
}

#[tokio::test]
async fn a_redis_that_is_away_is_said_and_waited_for_and_what_is_known_stays() {
    let mut world = World::dark();
    let mut console = Console::on(&world);
    console.until("said to be away", |console| lost_because(console, "does not answer")).await;
    world.light().await;
    console.until("connected", is_connected).await;

    let client = world.client("test").await;
    let goal = submit(&client, "Build a \u{1b}[2JFlask API").await;
    console.until("the goal is known", |console| console.store.goals.get(&goal).is_some()).await;
    assert_eq!(console.store.goals.rows[0].text.as_ref(), "Build a Flask API");

    world.kill();
    console.until("lost", |console| matches!(console.store.connection, Connection::Lost { .. })).await;
    assert_eq!(console.store.goals.rows.len(), 1, "what is known stays");
    assert_eq!(console.store.attention[0].target, Target::Redis);
    world.light().await;
    console.until("connected again", is_connected).await;

    // Events are heard again as well, on a connection of their own.
    let client = world.client("test").await;
    client.cancel_goal(&goal).await.unwrap();
    console
        .until("the cancelling is heard", |console| {
            console.store.events.rows().iter().any(|one| one.sentence.as_ref() == "cancelled")
        })
        .await;
    let is_cancelled = |console: &Console| {
        console.store.goals.get(&goal).is_some_and(|row| row.state == GoalState::Cancelled)
    };
    console.until("the goal is cancelled", is_cancelled).await;
}

#[tokio::test]
async fn while_the_picture_stands_nothing_is_told_and_afterwards_nothing_is_missing() {
    let world = World::lit().await;
    let mut console = Console::on(&world);
    console.until("connected", is_connected).await;
    let client = world.client("test").await;
    let before = submit(&client, "before").await;
    console.until("the goal before", |console| console.store.goals.get(&before).is_some()).await;

    console.feed.show(Scope { picture: Picture::Stands, ..Scope::default() });
    let meanwhile = submit(&client, "meanwhile").await;
    console.listen(Duration::from_secs(3)).await;
    assert_eq!(console.store.goals.get(&meanwhile), None, "it is not told yet");

    console.feed.show(Scope::default());
    let queued = |console: &Console| {
        let events = console.store.events.rows();
        events.iter().filter(|event| event.kind.as_ref() == "goal_queued").count()
    };
    console.until("both goals", |console| console.store.goals.get(&meanwhile).is_some()).await;
    console.until("the events of both", |console| queued(console) == 2).await;
}

#[tokio::test]
async fn a_password_that_is_missing_is_named() {
    let mut world = World::dark().with(&["--requirepass", "s3cret"]);
    world.spark();
    let mut console = Console::on(&world);
    console.until("refused", |console| lost_because(console, "password")).await;
}

#[tokio::test]
async fn a_key_of_another_type_is_named_and_hides_nothing_else() {
    let world = World::lit().await;
    world.redis(&["SET", "codegod:agents:status", "nonsense"]);
    let client = world.client("test").await;
    client.scale(Role::Backend, 3).await.unwrap();
    let mut console = Console::on(&world);
    console.until("the wanted fleet", |console| !console.store.fleet.desired.is_empty()).await;
    let why = &console.store.unreadable["the list of agents"];
    assert!(why.contains("agents:status") && why.contains("WRONGTYPE"), "{why}");
    world.redis(&["DEL", "codegod:agents:status"]);
    console.until("readable again", |console| console.store.unreadable.is_empty()).await;
}

#[tokio::test]
async fn a_goal_is_followed_from_its_plan_to_its_end() {
    let world = World::lit().await;
    let client = world.client("test").await;
    let goal = submit(&client, "Build it").await;
    let mut console = Console::on(&world);
    console.feed.show(Scope { goal: Some(goal.clone()), ..Scope::default() });
    console.until("the goal is open", |console| console.store.goal.is_some()).await;

    let tasks = [task(&goal, 1, Role::Backend, &[]), task(&goal, 2, Role::Testing, &[1])];
    plan(&client, &goal, &tasks).await;
    let planned = |console: &Console| console.store.goal.as_ref().is_some_and(|goal| goal.rows().len() == 2);
    console.until("the plan is there", planned).await;
    let open = console.store.goal.as_ref().unwrap();
    assert_eq!(open.rows()[0].title.as_ref(), "Task 1");
    assert_eq!(open.critical_path(), [0, 1]);
    let queue = |console: &Console, role: Role| console.store.queues.row(role).cloned();
    let waits = |console: &Console| {
        queue(console, Role::Backend).is_some_and(|row| row.ready == 1 && row.oldest_ms.is_some())
    };
    console.until("the first task waits in its queue", waits).await;

    let id = AgentId::random(Role::Backend);
    let (worker, claimed) = claim(&world, &id).await;
    let state = |console: &Console, number: u32| {
        console.store.goal.as_ref().and_then(|goal| goal.row(number)).map(|row| row.state)
    };
    console.until("it runs", |console| state(console, 1) == Some(TaskState::Running)).await;
    worker.publish(&result(&claimed, &id, "succeeded")).await.unwrap();
    console.until("it is done", |console| state(console, 1) == Some(TaskState::Succeeded)).await;
    console.until("the next is ready", |console| state(console, 2) == Some(TaskState::Ready)).await;
    let tested = |console: &Console| {
        console.store.goal.as_ref().and_then(|goal| goal.row(1)).is_some_and(|row| row.tests.is_some())
    };
    console.until("its tests are known", tested).await;
    let row = console.store.goal.as_ref().unwrap().row(1).unwrap();
    assert_eq!((row.seconds, row.agent.as_ref(), row.attempts), (Some(1.5), Some(&id), 1));
    assert_eq!(console.store.pace.seconds(Role::Backend), Some(1.5));

    let id = AgentId::random(Role::Testing);
    let (worker, claimed) = claim(&world, &id).await;
    worker.publish(&result(&claimed, &id, "failed_for_good")).await.unwrap();
    let failed = |console: &Console| {
        let row = console.store.goals.get(&goal);
        row.is_some_and(|row| row.state == GoalState::Failed && (row.succeeded, row.failed) == (1, 1))
    };
    console.until("the goal failed", failed).await;
    let dead =
        |console: &Console| console.store.attention.iter().any(|one| one.command.as_deref() == Some("dead"));
    console.until("the dead letter is told", dead).await;
    let commands: Vec<_> = console.store.attention.iter().filter_map(|one| one.command.clone()).collect();
    assert!(commands.contains(&format!("retry {goal}.2")), "{commands:?}");
}

#[tokio::test]
async fn what_is_open_is_read_whole_and_made_printable() {
    let world = World::lit().await;
    let client = world.client("test").await;
    let goal = submit(&client, "Build it").await;
    plan(&client, &goal, &[task(&goal, 1, Role::Backend, &[]), task(&goal, 2, Role::Backend, &[])]).await;
    let mut status = agent(Role::Backend);
    status.current_task = Some(goal.task(1));
    client.agent_heartbeat(&status).await.unwrap();
    let (worker, claimed) = claim(&world, &status.id).await;
    let action = ActionRecord {
        number: 1,
        action: "run_command".to_owned(),
        expect: "it \u{1b}]0;x\u{7}works".to_owned(),
        intended_ms: now_ms(),
        outcome: None,
    };
    let current = CurrentTask {
        task: claimed.task.id.clone(),
        attempt: claimed.attempt,
        title: "Task 1".to_owned(),
        actions: vec![action],
    };
    let memory = Memory { current_task: Some(current), ..Memory::default() };
    worker.store_memory(&status.id, &memory).await.unwrap();

    let mut console = Console::on(&world);
    let scope = Scope {
        task: Some(claimed.task.id.clone()),
        agent: Some(status.id.clone()),
        queue: Some(Role::Backend),
        ..Scope::default()
    };
    console.feed.show(scope);
    console.until("the task is open", |console| console.store.task.is_some()).await;
    let open = console.store.task.as_ref().unwrap();
    assert_eq!(
        (open.task.procedure.problem.as_str(), open.actions[0].expect.as_str()),
        ("a red one", "it works")
    );
    assert_eq!((open.state, open.agent.as_ref()), (TaskState::Running, Some(&status.id)));
    console.until("the agent is open", |console| console.store.agent.is_some()).await;
    assert!(console.store.agent.as_ref().unwrap().memory.is_some());
    let both = |console: &Console| console.store.queue.as_ref().is_some_and(|queue| queue.entries.len() == 2);
    console.until("the queue is open", both).await;
    let entries = &console.store.queue.as_ref().unwrap().entries;
    assert!(matches!(&entries[0].state, QueueEntryState::Held { by, .. } if *by == status.id));
    assert_eq!((&entries[1].state, entries[1].title.as_ref()), (&QueueEntryState::Ready, "Task 2"));

    worker.publish(&result(&claimed, &status.id, "succeeded")).await.unwrap();
    let done = |console: &Console| console.store.task.as_ref().is_some_and(|open| open.result.is_some());
    console.until("what it published is read", done).await;
    let open = console.store.task.as_ref().unwrap();
    assert_eq!(open.result.as_ref().unwrap().evidence[0].output, "3 passed");
    assert!(open.story.iter().any(|one| one.kind.as_ref() == "task_succeeded"), "{:?}", open.story);
}

#[tokio::test]
async fn a_goal_that_is_not_there_is_said() {
    let world = World::lit().await;
    let mut console = Console::on(&world);
    let goal = codegod_protocol::id::GoalId::random();
    console.feed.show(Scope { goal: Some(goal), ..Scope::default() });
    console.until("said", |console| console.store.unreadable.contains_key("the goal")).await;
    console.feed.show(Scope::default());
    console.until("forgotten", |console| console.store.unreadable.is_empty()).await;
    assert!(is_connected(&console));
}

#[tokio::test]
async fn at_rest_nothing_is_told_and_a_heartbeat_alone_changes_nothing() {
    let world = World::lit().await;
    let mut console = Console::on(&world);
    console.until("connected", is_connected).await;
    console.listen(Duration::from_millis(1_500)).await;
    let told = console.told;
    console.listen(Duration::from_secs(3)).await;
    assert_eq!(console.told - told, 0, "messages at rest");

    let client = world.client("test").await;
    let mut status = agent(Role::Backend);
    client.agent_heartbeat(&status).await.unwrap();
    console.until("the agent", |console| !console.store.fleet.agents.is_empty()).await;
    let before = console.store.fleet.agents[0].heartbeat_ms;
    status.heartbeat_ms += 1_000;
    client.agent_heartbeat(&status).await.unwrap();
    console.until("its heartbeat", |console| console.store.fleet.agents[0].heartbeat_ms > before).await;
}

#[tokio::test]
async fn hosts_are_told_with_what_they_have() {
    let world = World::lit().await;
    let host =
        HostStatus { host: "gpu\u{1b}[31m1".to_owned(), heartbeat_ms: now_ms(), ..HostStatus::default() };
    world.redis(&["HSET", "codegod:hosts:status", "gpu1", &serde_json::to_string(&host).unwrap()]);
    world.redis(&["HSET", "codegod:hosts:status", "odd", "no JSON"]);
    let mut console = Console::on(&world);
    console.until("the host", |console| !console.store.fleet.hosts.is_empty()).await;
    assert_eq!(console.store.fleet.hosts[0].host, "gpu1");
    assert!(console.store.attention.iter().any(|one| one.sentence.contains("Docker on gpu1")));
}

#[tokio::test]
async fn a_plan_of_ten_thousand_tasks_is_opened_and_followed() {
    let world = World::lit().await;
    let client = world.client("test").await;
    let goal = submit(&client, "Build it").await;
    let tasks: Vec<_> = (1..=10_000)
        .map(|number| {
            let needs = if number > 50 { vec![number - 50] } else { vec![] };
            task(&goal, number, Role::Backend, &needs)
        })
        .collect();
    plan(&client, &goal, &tasks).await;
    let mut console = Console::on(&world);
    console.feed.show(Scope { goal: Some(goal.clone()), ..Scope::default() });
    let open =
        |console: &Console| console.store.goal.as_ref().is_some_and(|goal| goal.rows().len() == 10_000);
    console.until("the plan is open", open).await;
    assert_eq!(console.store.goal.as_ref().unwrap().critical_path().len(), 200);
    let id = AgentId::random(Role::Backend);
    let (worker, claimed) = claim(&world, &id).await;
    worker.publish(&result(&claimed, &id, "succeeded")).await.unwrap();
    let number = claimed.task.id.number();
    let done = |console: &Console| {
        let row = console.store.goal.as_ref().and_then(|goal| goal.row(number));
        row.is_some_and(|row| row.state == TaskState::Succeeded && row.tests.is_some())
    };
    console.until("a task of it is done", done).await;
}
