//! Who comes first, who is woken, and who may go on: order, ageing, deadlines, pausing, planning leases.

use std::time::Duration;

use anyhow::bail;
use codegod_protocol::client::{
    Claim, Client, Growth, GrowthOutcome, LEASE_MS, LeaseState, Planning, PlanningOutcome, PublishOutcome,
    Worker,
};
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::{AgentId, Role};
use codegod_protocol::result::ResultStatus;
use codegod_protocol::task::{Task, TaskState};
use codegod_tests::by_hand::{claim, client, must_claim, renew, running_goal, states};
use codegod_tests::plans;
use codegod_tests::redis_server::RedisServer;

type Result<T = ()> = anyhow::Result<T>;

#[tokio::test]
async fn of_equal_priority_the_longest_remaining_path_comes_first_also_when_the_plan_has_grown() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    // 1 and 2 stand alone; 3 is needed by 4, 4 by 5.
    let goal = running_goal(&client, |goal| {
        let task = |number, needs: &[u32]| plans::task(&goal.id, number, Role::Backend, needs);
        vec![task(1, &[]), task(2, &[]), task(3, &[]), task(4, &[3]), task(5, &[4])]
    })
    .await?;
    let agent = AgentId::random(Role::Backend);
    assert_eq!(must_claim(&client, &agent).await?.task.id, goal.id.task(3));
    // Something is added that needs 2: it has the longer path now.
    let added = [plans::task(&goal.id, 6, Role::Testing, &[2])];
    let paths = [(goal.id.task(2), 2)];
    let growth = Growth { held: None, added: &added, paths: &paths };
    assert_eq!(client.grow_plan(&goal.id, &growth).await?, GrowthOutcome::Grown);
    let graph = client.plan_graph(&goal.id).await?;
    assert_eq!((graph.next_task, graph.nodes[&goal.id.task(2)].path), (7, 2));
    assert_eq!(must_claim(&client, &agent).await?.task.id, goal.id.task(2));
    assert_eq!(must_claim(&client, &agent).await?.task.id, goal.id.task(1));
    assert!(claim(&client, &agent).await?.is_none(), "2 was listed twice and is handed out once");
    Ok(())
}

#[tokio::test]
async fn what_has_waited_too_long_or_must_be_done_soon_goes_before_higher_priorities() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let low = running_goal(&client, |goal| {
        let mut task = plans::task(&goal.id, 1, Role::Backend, &[]);
        task.priority = 1;
        vec![task]
    })
    .await?;
    let high = running_goal(&client, |goal| {
        let mut tasks: Vec<Task> = (1..=3).map(|n| plans::task(&goal.id, n, Role::Backend, &[])).collect();
        tasks.iter_mut().for_each(|task| task.priority = 9);
        tasks
    })
    .await?;
    let agent = AgentId::random(Role::Backend);
    assert_eq!(must_claim(&client, &agent).await?.task.goal, high.id);

    // A goal of the lowest priority whose deadline is ten minutes away.
    let mut urgent = plans::goal("soon");
    urgent.deadline_ms = Some(codegod_protocol::client::now_ms() + 600_000);
    client.submit_goal(&urgent).await?;
    let Planning::Begun(token) = client.begin_planning(&urgent.id).await? else {
        anyhow::bail!("the goal is not waiting to be planned");
    };
    let mut task = plans::task(&urgent.id, 1, Role::Backend, &[]);
    task.priority = 1;
    client.submit_plan(&urgent.id, &token, &plans::intent(), &[task]).await?;
    assert_eq!(must_claim(&client, &agent).await?.task.goal, urgent.id);

    // The low one has been there for an hour: an older entry takes its place.
    let mut raw = redis::Client::open(redis.url())?.get_connection()?;
    let id = low.id.task(1).to_string();
    let old = format!("{}-0", codegod_protocol::client::now_ms() - 3_600_000);
    let task_key = format!("codegod:task:{id}");
    let entry: String = redis::cmd("HGET").arg(&task_key).arg("entry").query(&mut raw)?;
    let json: String = redis::cmd("HGET").arg(format!("codegod:plan:{}", low.id)).arg(1).query(&mut raw)?;
    let others: Vec<(String, Vec<String>)> =
        redis::cmd("XRANGE").arg("codegod:queue:backend").arg("-").arg("+").query(&mut raw)?;
    assert!(others.iter().any(|(id, _)| *id == entry));
    redis::pipe()
        .atomic()
        .cmd("DEL")
        .arg("codegod:queue:backend")
        .ignore()
        .cmd("XADD")
        .arg("codegod:queue:backend")
        .arg(&old)
        .arg("task")
        .arg(&id)
        .arg("json")
        .arg(&json)
        .ignore()
        .cmd("HSET")
        .arg(&task_key)
        .arg("entry")
        .arg(&old)
        .ignore()
        .cmd("DEL")
        .arg("codegod:ready:backend:01:001")
        .ignore()
        .exec(&mut raw)?;
    for (entry, fields) in others.iter().filter(|(other, _)| *other != entry) {
        redis::cmd("XADD").arg("codegod:queue:backend").arg(entry).arg(fields).query::<String>(&mut raw)?;
    }
    let ticked = client.tick(Role::Backend, LEASE_MS).await?;
    assert_eq!((ticked.aged, ticked.quarantined), (1, 0), "{ticked:?}");
    assert_eq!(must_claim(&client, &agent).await?.task.goal, low.id);
    assert_eq!(must_claim(&client, &agent).await?.task.goal, high.id);
    Ok(())
}

#[tokio::test]
async fn a_paused_goal_or_fleet_hands_out_nothing_and_asks_for_what_runs() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let two = |goal: &Goal| (1..=2).map(|n| plans::task(&goal.id, n, Role::Backend, &[])).collect();
    let goal = running_goal(&client, two).await?;
    let agent = AgentId::random(Role::Backend);
    let running = must_claim(&client, &agent).await?;
    assert!(client.pause_goal(&goal.id).await?);
    assert!(!client.pause_goal(&goal.id).await?, "it is paused already");
    assert_eq!(client.goal_view(&goal.id).await?.state, GoalState::Paused);
    assert_eq!(renew(&client, &agent, &running).await?, LeaseState::Paused);
    client.release(&agent, &running.task.id, running.attempt, "its goal is paused").await?;
    let other = running_goal(&client, two).await?;
    assert_eq!(must_claim(&client, &agent).await?.task.goal, other.id, "other goals go on");
    assert_eq!(must_claim(&client, &agent).await?.task.goal, other.id);
    assert!(claim(&client, &agent).await?.is_none());
    assert!(client.resume_goal(&goal.id).await?);
    let again = must_claim(&client, &agent).await?;
    assert_eq!((again.task.goal.clone(), again.attempt), (goal.id.clone(), 2));

    assert!(client.pause_fleet().await?);
    assert!(claim(&client, &agent).await?.is_none(), "the fleet is paused");
    assert_eq!(renew(&client, &agent, &again).await?, LeaseState::Paused);
    assert!(client.queues().await?.iter().all(|queue| queue.paused));
    assert!(client.resume_fleet().await?);
    assert_eq!(must_claim(&client, &agent).await?.task.goal, goal.id);
    assert!(client.cancel_goal(&goal.id).await.is_ok());
    assert!(client.pause_goal(&goal.id).await.is_err(), "it has ended");
    Ok(())
}

#[tokio::test]
async fn a_goal_that_is_paused_before_it_is_planned_waits_with_its_plan() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = plans::goal("not yet");
    client.submit_goal(&goal).await?;
    client.pause_goal(&goal.id).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else {
        anyhow::bail!("the goal is not waiting to be planned");
    };
    let tasks = [plans::task(&goal.id, 1, Role::Backend, &[])];
    client.submit_plan(&goal.id, &token, &plans::intent(), &tasks).await?;
    assert_eq!(client.goal_view(&goal.id).await?.state, GoalState::Paused);
    let agent = AgentId::random(Role::Backend);
    assert!(claim(&client, &agent).await?.is_none());
    client.resume_goal(&goal.id).await?;
    assert_eq!(must_claim(&client, &agent).await?.task.goal, goal.id);
    Ok(())
}

#[tokio::test]
async fn a_master_that_was_overtaken_cant_submit_its_plan() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = plans::goal("two masters");
    client.submit_goal(&goal).await?;
    let entry = client.listener().await?.goals("first", 100).await?.remove(0).entry;
    let (Planning::Begun(first), Planning::Begun(second)) =
        (client.begin_planning(&goal.id).await?, client.begin_planning(&goal.id).await?)
    else {
        anyhow::bail!("the goal is not waiting to be planned");
    };
    assert!(!client.renew_planning(&goal.id, &first, &entry).await?);
    assert!(client.renew_planning(&goal.id, &second, &entry).await?);
    let tasks = |n: u32| (1..=n).map(|n| plans::task(&goal.id, n, Role::Backend, &[])).collect::<Vec<_>>();
    let late = client.submit_plan(&goal.id, &first, &plans::intent(), &tasks(3)).await?;
    assert!(matches!(late, PlanningOutcome::Superseded(_)), "{late:?}");
    let submitted = client.submit_plan(&goal.id, &second, &plans::intent(), &tasks(2)).await?;
    assert_eq!(submitted, PlanningOutcome::Accepted);
    assert_eq!(client.goal_view(&goal.id).await?.tasks.len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_an_agent_does_not_know_of_or_held_when_it_died_is_ready_again_at_once() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let three = |goal: &Goal| (1..=3).map(|n| plans::task(&goal.id, n, Role::Backend, &[])).collect();
    let goal = running_goal(&client, three).await?;
    let agent = AgentId::random(Role::Backend);
    let known = must_claim(&client, &agent).await?;
    let forgotten = must_claim(&client, &agent).await?;
    assert_eq!(client.recover(&agent, std::slice::from_ref(&known.task.id)).await?, 1);
    assert_eq!(renew(&client, &agent, &known).await?, LeaseState::Held);
    assert_eq!(renew(&client, &agent, &forgotten).await?, LeaseState::Lost);
    let other = AgentId::random(Role::Backend);
    let again = must_claim(&client, &other).await?;
    assert_eq!((again.task.id, again.attempt), (forgotten.task.id, 2));
    client.remove_agent(&agent).await?;
    assert_eq!(states(&client, &goal).await?, [TaskState::Ready, TaskState::Running, TaskState::Ready]);
    let mut raw = redis::Client::open(redis.url())?.get_connection()?;
    let leases: Vec<String> = redis::cmd("HKEYS").arg("codegod:leases:backend").query(&mut raw)?;
    assert_eq!(leases, [goal.id.task(2).to_string()], "the dead agent holds nothing");
    Ok(())
}

#[tokio::test]
async fn an_idle_worker_is_woken_by_the_task_that_it_can_do_and_only_by_that() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let agent = AgentId::random(Role::Frontend);
    let mut worker = Worker::new(&agent, &["react".into()]);
    assert!(client.claim(&mut worker).await?.is_none());
    let mut listener = client.listener().await?;
    let vue = |goal: &Goal| {
        let mut task = plans::task(&goal.id, 1, Role::Frontend, &[]);
        task.capabilities = vec!["vue".into()];
        vec![task]
    };
    running_goal(&client, vue).await?;
    let began = std::time::Instant::now();
    assert!(listener.wait_for_bell(&mut worker, 1).await?.is_none());
    assert!(began.elapsed() > Duration::from_millis(900), "nobody rings for what it can't do");
    assert!(client.claim(&mut worker).await?.is_none());
    let waiting = tokio::spawn(async move { listener.wait_for_bell(&mut worker, 20).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let goal = running_goal(&client, |goal| vec![plans::task(&goal.id, 1, Role::Frontend, &[])]).await?;
    let Some(Claim::Task(claimed)) = tokio::time::timeout(Duration::from_secs(5), waiting).await??? else {
        anyhow::bail!("whoever rings brings the task");
    };
    assert_eq!((&claimed.task.goal, &claimed.goal.id), (&goal.id, &goal.id));
    let result = plans::result(&claimed, &agent, ResultStatus::Succeeded);
    assert_eq!(client.publish(&result).await?, PublishOutcome::Published);
    Ok(())
}

/// A task that was brought to an agent that waited and does not listen, with its goal.
async fn unheard(client: &Client, worker: &mut Worker) -> Result<Goal> {
    assert!(client.claim(worker).await?.is_none());
    let goal = running_goal(client, |goal| vec![plans::task(&goal.id, 1, Role::Backend, &[])]).await?;
    assert_eq!(states(client, &goal).await?, [TaskState::Running], "it was brought to the idle agent");
    Ok(goal)
}

#[tokio::test]
async fn what_a_bell_brought_and_its_agent_did_not_hear_comes_with_its_next_turn() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut worker = Worker::new(&AgentId::random(Role::Backend), &[]);
    let goal = unheard(&client, &mut worker).await?;
    let Some(Claim::Task(claimed)) = client.claim(&mut worker).await? else { bail!("the task is lost") };
    assert_eq!((claimed.task.goal, claimed.attempt), (goal.id, 1));
    assert!(client.claim(&mut worker).await?.is_none(), "it came twice");
    Ok(())
}

#[tokio::test]
async fn what_a_bell_brought_and_nobody_heard_is_anothers_after_a_fifth_of_a_lease() -> Result {
    const LONG_LEASE_MS: u64 = 10_000;
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut worker = Worker::new(&AgentId::random(Role::Backend), &[]);
    let goal = unheard(&client, &mut worker).await?;
    let began = std::time::Instant::now();
    loop {
        let ticked = client.tick(Role::Backend, LONG_LEASE_MS).await?;
        assert_eq!(ticked.expired, 0, "its lease did not run out: {ticked:?}");
        if ticked.released == 1 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(8), "it is not handed back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() > Duration::from_millis(1_900), "it had no time to listen");
    let claimed = must_claim(&client, &AgentId::random(Role::Backend)).await?;
    assert_eq!((claimed.task.goal, claimed.attempt), (goal.id, 2));
    assert!(client.claim(&mut worker).await?.is_none(), "it was not dead, and is told of what it lost");
    Ok(())
}
