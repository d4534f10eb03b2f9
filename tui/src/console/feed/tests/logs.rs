//! Logs: backlog, what comes, older pages; and whose.

use codegod_protocol::client::NewLine;
use codegod_protocol::id::{AgentId, Role};
use codegod_protocol::log::Level;

use super::world::{Console, World, agent, claim, plan, submit, task};
use crate::console::feed::scope::LogScope;
use crate::console::feed::{OlderLogs, Scope};
use crate::console::store::news::LogPart;

fn texts(console: &Console, part: fn(LogPart) -> bool) -> Vec<String> {
    let batches = console.logs.iter().filter(|batch| part(batch.part));
    batches.flat_map(|batch| batch.records.iter().map(|record| record.text.clone())).collect()
}

fn is_backlog(part: LogPart) -> bool {
    part == LogPart::Backlog
}

fn is_live(part: LogPart) -> bool {
    part == LogPart::Live
}

fn is_older(part: LogPart) -> bool {
    matches!(part, LogPart::Older { .. })
}

fn show(console: &Console, scope: LogScope, opening: u64) {
    console.feed.show(Scope { logs: Some(scope), opening, ..Scope::default() });
}

#[tokio::test]
async fn a_log_is_told_from_its_end_then_as_it_grows_and_backwards_to_its_beginning() {
    let world = World::lit().await;
    let client = world.client("test").await;
    let (one, two) = (agent(Role::Backend), agent(Role::Testing));
    for status in [&one, &two] {
        client.agent_heartbeat(status).await.unwrap();
    }
    for number in 0..3_000 {
        let whose = if number % 3 == 0 { &two.id } else { &one.id };
        client.append_log(whose, "", &[NewLine::output(format!("{number}"))]).await.unwrap();
    }
    let mut console = Console::on(&world);
    console.until("both agents", |console| console.store.fleet.agents.len() == 2).await;
    show(&console, LogScope::All, 1);
    console.until("the backlog", |console| !console.logs.is_empty()).await;
    let backlog = texts(&console, is_backlog);
    assert_eq!(backlog.len(), 2_000);
    let times: Vec<u64> = console.logs[0].records.iter().map(|record| record.ms).collect();
    assert!(times.is_sorted(), "in order of time");

    let said = NewLine { level: Level::Error, text: "it broke".to_owned() };
    client.append_log(&two.id, "", &[said]).await.unwrap();
    console.until("the new line", |console| texts(console, is_live) == ["it broke"]).await;
    let record = console.logs.last().unwrap().records[0].clone();
    assert_eq!((record.level, record.agent, record.task), (Level::Error, two.id.clone(), None));

    for _ in 0..10 {
        let told = console.logs.len();
        console.feed.older_logs(OlderLogs { opening: 1, count: 400 });
        console.until("an older page", |console| console.logs.len() > told).await;
        if console.logs.last().unwrap().part == (LogPart::Older { is_beginning: true }) {
            break;
        }
    }
    // Lines of one millisecond in two logs stand in either order.
    let all = texts(&console, is_older).into_iter().chain(backlog);
    let mut all: Vec<i32> = all.map(|text| text.parse().unwrap()).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..3_000), "each line once, down to the first");
}

#[tokio::test]
async fn an_agent_that_starts_later_is_followed_from_its_first_line() {
    let world = World::lit().await;
    let client = world.client("test").await;
    let mut console = Console::on(&world);
    show(&console, LogScope::Role(Role::Backend), 1);
    console.until("an empty backlog", |console| console.logs.len() == 1).await;
    let (status, other) = (agent(Role::Backend), agent(Role::Devops));
    for id in [&status.id, &other.id] {
        client.append_log(id, "", &[NewLine::output(format!("I am {id}"))]).await.unwrap();
    }
    for status in [&status, &other] {
        client.agent_heartbeat(status).await.unwrap();
    }
    console.until("its line", |console| !texts(console, is_live).is_empty()).await;
    client.append_log(&status.id, "", &[NewLine::output("more")]).await.unwrap();
    console.until("its next", |console| texts(console, is_live).len() == 2).await;
    assert_eq!(texts(&console, is_live), [format!("I am {}", status.id), "more".to_owned()]);
}

#[tokio::test]
async fn lines_of_one_goal_or_task_are_found_in_the_logs_of_those_who_held_them() {
    let world = World::lit().await;
    let client = world.client("test").await;
    let goal = submit(&client, "Build it").await;
    plan(&client, &goal, &[task(&goal, 1, Role::Backend, &[]), task(&goal, 2, Role::Backend, &[])]).await;
    // Its agent is gone from the list already, and its log is still there.
    let id = AgentId::random(Role::Backend);
    let (worker, claimed) = claim(&world, &id).await;
    let task = claimed.task.id.to_string();
    worker.append_log(&id, "", &[NewLine::output("of nothing")]).await.unwrap();
    worker.append_log(&id, &task, &[NewLine::output("of the task")]).await.unwrap();
    worker.append_log(&id, &format!("{goal}.2"), &[NewLine::output("of another")]).await.unwrap();
    let mut console = Console::on(&world);
    show(&console, LogScope::Task(claimed.task.id.clone()), 1);
    console.until("the task's backlog", |console| console.logs.len() == 1).await;
    assert_eq!(texts(&console, is_backlog), ["of the task"]);
    console.logs.clear();
    show(&console, LogScope::Goal(goal.clone()), 2);
    console.until("the goal's backlog", |console| console.logs.len() == 1).await;
    assert_eq!(texts(&console, is_backlog), ["of the task", "of another"]);
    assert_eq!(console.logs[0].opening, 2);
    worker.append_log(&id, &task, &[NewLine::output("and on")]).await.unwrap();
    console.until("what comes", |console| texts(console, is_live) == ["and on"]).await;
}
