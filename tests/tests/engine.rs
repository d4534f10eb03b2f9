//! The life of goals and tasks on a real Redis: claims, leases, fencing, follow-ups, cancelling.

use std::time::Duration;

use anyhow::bail;
use codegod_protocol::client::{
    Growth, GrowthOutcome, LEASE_MS, LeaseState, Planning, PublishOutcome, Worker,
};
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::{AgentId, Role};
use codegod_protocol::result::ResultStatus;
use codegod_protocol::task::{Task, TaskState};
use codegod_tests::by_hand::{claim, claim_with, client, expire, must_claim, renew, running_goal, states};
use codegod_tests::plans;
use codegod_tests::redis_server::RedisServer;

type Result<T = ()> = anyhow::Result<T>;

#[tokio::test]
async fn a_plan_advances_by_publishing_alone_and_the_goal_succeeds_with_its_last_task() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| {
        vec![
            plans::task(&goal.id, 1, Role::Backend, &[]),
            plans::task(&goal.id, 2, Role::Frontend, &[]),
            plans::task(&goal.id, 3, Role::Testing, &[1, 2]),
        ]
    })
    .await?;
    let (backend, frontend, testing) =
        (AgentId::random(Role::Backend), AgentId::random(Role::Frontend), AgentId::random(Role::Testing));
    let first = must_claim(&client, &backend).await?;
    assert!(claim(&client, &backend).await?.is_none(), "a claimed task is not claimed again");
    assert!(claim(&client, &testing).await?.is_none(), "a waiting task is not claimed");
    let second = must_claim(&client, &frontend).await?;
    for (claimed, agent) in [(&first, &backend), (&second, &frontend)] {
        let result = plans::result(claimed, agent, ResultStatus::Succeeded);
        assert_eq!(client.publish(&result).await?, PublishOutcome::Published);
        // As after an answer that was lost: it is there, and nothing is published twice.
        assert_eq!(client.publish(&result).await?, PublishOutcome::Published);
    }
    let last = must_claim(&client, &testing).await?;
    assert_eq!(last.task.id, goal.id.task(3));
    client.publish(&plans::result(&last, &testing, ResultStatus::Succeeded)).await?;
    let view = client.goal_view(&goal.id).await?;
    assert_eq!((view.state, view.succeeded, view.total), (GoalState::Succeeded, 3, 3));
    assert_eq!(view.commit, Some("c".repeat(40)));
    assert_eq!(client.metrics().await?.get("succeeded"), Some(&3));
    let queues = client.queues().await?;
    assert!(queues.iter().all(|queue| queue.ready + queue.in_flight == 0), "{queues:?}");
    Ok(())
}

#[tokio::test]
async fn a_dead_agents_task_is_taken_over_and_its_late_publish_refused() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| vec![plans::task(&goal.id, 1, Role::Backend, &[])]).await?;
    let (dead, living) = (AgentId::random(Role::Backend), AgentId::random(Role::Backend));
    let late = must_claim(&client, &dead).await?;
    assert!(claim(&client, &living).await?.is_none());
    assert_eq!(renew(&client, &dead, &late).await?, LeaseState::Held);
    assert_eq!(client.tick(Role::Backend, LEASE_MS).await?.expired, 0);
    assert_eq!(expire(&client, Role::Backend, 50).await?, 1);
    assert_eq!(renew(&client, &dead, &late).await?, LeaseState::Lost);
    let taken = must_claim(&client, &living).await?;
    assert_eq!((taken.task.id.clone(), taken.attempt), (goal.id.task(1), 2));
    assert_eq!(renew(&client, &dead, &late).await?, LeaseState::Lost);
    assert_eq!(renew(&client, &living, &taken).await?, LeaseState::Held);
    let refused = client.publish(&plans::result(&late, &dead, ResultStatus::Succeeded)).await?;
    assert_eq!(refused, PublishOutcome::Stale);
    client.publish(&plans::result(&taken, &living, ResultStatus::Succeeded)).await?;
    assert_eq!(client.goal_view(&goal.id).await?.state, GoalState::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_task_whose_agents_always_die_is_given_up_and_can_be_retried() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| {
        vec![plans::task(&goal.id, 1, Role::Backend, &[]), plans::task(&goal.id, 2, Role::Backend, &[1])]
    })
    .await?;
    let agent = AgentId::random(Role::Backend);
    for attempt in 1..=3 {
        assert_eq!(must_claim(&client, &agent).await?.attempt, attempt);
        assert_eq!(expire(&client, Role::Backend, 20).await?, 1);
    }
    assert!(claim(&client, &agent).await?.is_none());
    assert_eq!(states(&client, &goal).await?, [TaskState::Failed, TaskState::Cancelled]);
    assert_eq!(client.goal_view(&goal.id).await?.state, GoalState::Failed);

    client.retry_task(&goal.id.task(1)).await?;
    // The agent that waits has it at once.
    assert_eq!(states(&client, &goal).await?, [TaskState::Running, TaskState::Waiting]);
    for number in 1..=2 {
        let claimed = must_claim(&client, &agent).await?;
        assert_eq!(claimed.task.id, goal.id.task(number));
        client.publish(&plans::result(&claimed, &agent, ResultStatus::Succeeded)).await?;
    }
    let view = client.goal_view(&goal.id).await?;
    assert_eq!((view.state, view.error), (GoalState::Succeeded, None));
    Ok(())
}

#[tokio::test]
async fn a_failed_attempt_comes_back_after_its_backoff() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| vec![plans::task(&goal.id, 1, Role::Devops, &[])]).await?;
    let agent = AgentId::random(Role::Devops);
    let first = must_claim(&client, &agent).await?;
    client.publish(&plans::result(&first, &agent, ResultStatus::Failed)).await?;
    assert_eq!(client.tick(Role::Devops, LEASE_MS).await?.released, 0, "its backoff is not over");
    assert!(claim(&client, &agent).await?.is_none());
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(client.tick(Role::Devops, LEASE_MS).await?.released, 1);
    assert_eq!(must_claim(&client, &agent).await?.attempt, 2);
    assert_eq!(client.goal_view(&goal.id).await?.state, GoalState::Running);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_is_handed_back_does_not_count() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| {
        let mut task = plans::task(&goal.id, 1, Role::Devops, &[]);
        task.max_attempts = 1;
        vec![task]
    })
    .await?;
    let agent = AgentId::random(Role::Devops);
    for _ in 0..3 {
        let claimed = must_claim(&client, &agent).await?;
        let (task, attempt) = (&claimed.task.id, claimed.attempt);
        assert_eq!(client.release(&agent, task, attempt, "its agent ends").await?, LeaseState::Held);
        assert_eq!(client.release(&agent, task, attempt, "again").await?, LeaseState::Lost);
    }
    let claimed = must_claim(&client, &agent).await?;
    client.publish(&plans::result(&claimed, &agent, ResultStatus::Failed)).await?;
    assert_eq!(client.goal_view(&goal.id).await?.state, GoalState::Failed, "a failed attempt still counts");
    Ok(())
}

#[tokio::test]
async fn capabilities_and_priorities_decide_who_gets_what_first() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| {
        let mut tasks: Vec<Task> = (1..=3).map(|n| plans::task(&goal.id, n, Role::Frontend, &[])).collect();
        tasks[1].priority = 10;
        tasks[1].capabilities = vec!["vue".into()];
        tasks[2].priority = 9;
        tasks
    })
    .await?;
    let agent = AgentId::random(Role::Frontend);
    assert_eq!(must_claim(&client, &agent).await?.task.id, goal.id.task(3), "priority 9 before 5");
    assert_eq!(must_claim(&client, &agent).await?.task.id, goal.id.task(1));
    let without = claim_with(&client, &agent, &["react".into()]).await?;
    assert!(without.is_none(), "an agent without vue got the task that needs it");
    let vue = claim_with(&client, &agent, &["react".into(), "vue".into()]).await?.unwrap();
    assert_eq!(vue.task.id, goal.id.task(2));
    Ok(())
}

#[tokio::test]
async fn a_held_task_runs_again_after_what_it_needs_first() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| {
        vec![plans::task(&goal.id, 1, Role::Testing, &[]), plans::task(&goal.id, 2, Role::Testing, &[1])]
    })
    .await?;
    let (testing, backend) = (AgentId::random(Role::Testing), AgentId::random(Role::Backend));
    let first = must_claim(&client, &testing).await?;
    client.publish(&plans::result(&first, &testing, ResultStatus::NeedsFollowUp)).await?;
    assert_eq!(states(&client, &goal).await?, [TaskState::Waiting, TaskState::Waiting]);

    let held = client.listener().await?.follow_ups("master", 100).await?.remove(0);
    assert_eq!(held.task, goal.id.task(1).to_string());
    let number = client.next_task_number(&goal.id).await?;
    let fix = plans::task(&goal.id, number, Role::Backend, &[]);
    let task = goal.id.task(1);
    let growth = Growth { held: Some((&task, &held.round)), added: std::slice::from_ref(&fix), paths: &[] };
    assert_eq!(client.grow_plan(&goal.id, &growth).await?, GrowthOutcome::Grown);
    assert_eq!(client.grow_plan(&goal.id, &growth).await?, GrowthOutcome::Stale, "grown once a round");
    let more = Growth { held: None, added: std::slice::from_ref(&fix), paths: &[] };
    assert_eq!(client.grow_plan(&goal.id, &more).await?, GrowthOutcome::Conflict, "its number is taken");
    client.acknowledge_follow_up(&held.entry).await?;

    assert!(claim(&client, &testing).await?.is_none(), "it waits for the fix");
    let fixing = must_claim(&client, &backend).await?;
    client.publish(&plans::result(&fixing, &backend, ResultStatus::Succeeded)).await?;
    for number in [1, 2] {
        let again = must_claim(&client, &testing).await?;
        assert_eq!(again.task.id, goal.id.task(number));
        client.publish(&plans::result(&again, &testing, ResultStatus::Succeeded)).await?;
    }
    let view = client.goal_view(&goal.id).await?;
    assert_eq!((view.state, view.total), (GoalState::Succeeded, 3));
    assert_eq!(view.tasks[0].needs, [goal.id.task(3)]);
    Ok(())
}

#[tokio::test]
async fn cancelling_takes_the_lease_and_everything_that_waits() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| {
        vec![
            plans::task(&goal.id, 1, Role::Backend, &[]),
            plans::task(&goal.id, 2, Role::Backend, &[]),
            plans::task(&goal.id, 3, Role::Backend, &[1, 2]),
        ]
    })
    .await?;
    let agent = AgentId::random(Role::Backend);
    let running = must_claim(&client, &agent).await?;
    client.cancel_goal(&goal.id).await?;
    assert_eq!(states(&client, &goal).await?, [TaskState::Cancelled; 3]);
    assert_eq!(renew(&client, &agent, &running).await?, LeaseState::Lost);
    assert!(claim(&client, &agent).await?.is_none());
    assert!(client.cancel_goal(&goal.id).await.is_err(), "it has ended");
    Ok(())
}

#[tokio::test]
async fn an_unreadable_entry_is_put_aside_and_good_work_goes_on() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| vec![plans::task(&goal.id, 1, Role::Backend, &[])]).await?;
    let mut raw = redis::Client::open(redis.url())?.get_connection()?;
    for bad in [["task", "g-zzzzzzzz.1"], ["task", "nonsense"], ["other", "field"]] {
        redis::cmd("XADD").arg("codegod:queue:backend").arg("*").arg(&bad).query::<String>(&mut raw)?;
        let element = format!("1-1 {}", bad[1]);
        redis::cmd("LPUSH").arg("codegod:ready:backend:10:001").arg(element).query::<u32>(&mut raw)?;
    }
    redis::cmd("HSET").arg("codegod:queues:backend").arg("10:001").arg("1").query::<()>(&mut raw)?;
    assert_eq!(client.tick(Role::Backend, LEASE_MS).await?.quarantined, 3);
    let claimed = must_claim(&client, &AgentId::random(Role::Backend)).await?;
    assert_eq!(claimed.task.id, goal.id.task(1));
    let aside: u64 = redis::cmd("XLEN").arg("codegod:quarantine").query(&mut raw)?;
    assert_eq!(aside, 6, "three from the stream, three from the list");
    Ok(())
}

#[tokio::test]
async fn a_turn_that_fails_midway_keeps_what_it_published_and_the_same_result_is_done_when_it_is_sent_again()
-> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let plan = |goal: &Goal| {
        let task = |n, needs: &[u32]| plans::task(&goal.id, n, Role::Backend, needs);
        vec![task(1, &[]), task(2, &[]), task(3, &[1, 2])]
    };
    let goal = running_goal(&client, plan).await?;
    let agent = AgentId::random(Role::Backend);
    let claimed = must_claim(&client, &agent).await?;
    redis.command::<()>(&["RENAME", "codegod:events", "kept"])?;
    redis.command::<()>(&["SET", "codegod:events", "not a stream"])?;
    let result = plans::result(&claimed, &agent, ResultStatus::Succeeded);
    let error = client.publish(&result).await.expect_err("the event can't be written");
    assert!(error.is_wrong_type(), "{error:?}");
    redis.command::<()>(&["RENAME", "kept", "codegod:events"])?;
    for _ in 0..2 {
        assert_eq!(client.publish(&result).await?, PublishOutcome::Published);
    }
    let [is, other] = [TaskState::Succeeded, TaskState::Ready];
    assert_eq!(states(&client, &goal).await?, [is, other, TaskState::Waiting]);
    let second = must_claim(&client, &agent).await?;
    client.publish(&plans::result(&second, &agent, ResultStatus::Succeeded)).await?;
    assert_eq!(states(&client, &goal).await?, [is, is, TaskState::Ready]);
    let open: u64 = redis.command(&["HGET", &format!("codegod:goal:{}", goal.id), "open"])?;
    assert_eq!(open, 1, "each was counted once");
    Ok(())
}

#[tokio::test]
async fn a_very_wide_plan_comes_into_its_queue_in_parts_also_when_its_master_dies_between_them() -> Result {
    const TASKS: u32 = 3_000;
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = plans::goal("very wide");
    client.submit_goal(&goal).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else { bail!("the goal is taken") };
    let tasks: Vec<Task> = (1..=TASKS).map(|n| plans::task(&goal.id, n, Role::Backend, &[])).collect();
    let (master, id) = (client.clone(), goal.id.clone());
    let submitting =
        tokio::spawn(async move { master.submit_plan(&id, &token, &plans::intent(), &tasks).await });
    let ready = || redis.command::<u32>(&["XLEN", "codegod:queue:backend"]);
    while ready()? == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    submitting.abort();
    let start = std::time::Instant::now();
    while ready()? < TASKS {
        assert!(start.elapsed() < Duration::from_secs(60), "{} of {TASKS} are ready", ready()?);
        client.tick(Role::Backend, LEASE_MS).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut worker = Worker::new(&AgentId::random(Role::Backend), &[]);
    let mut claimed = std::collections::BTreeSet::new();
    while claimed.len() < TASKS as usize {
        let turn = client.turn(&mut worker, &[], 250).await?;
        assert!(!turn.claims.is_empty(), "{} of {TASKS} were claimed", claimed.len());
        for claim in turn.claims {
            assert!(claimed.insert(claim.task().clone()), "{} was claimed twice", claim.task());
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_was_accepted_survives_a_killed_redis() -> Result {
    let mut redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = running_goal(&client, |goal| vec![plans::task(&goal.id, 1, Role::Backend, &[])]).await?;
    let agent = AgentId::random(Role::Backend);
    let claimed = must_claim(&client, &agent).await?;
    redis.kill_and_restart()?;
    let result = plans::result(&claimed, &agent, ResultStatus::Succeeded);
    let mut published = client.publish(&result).await;
    for _ in 0..50 {
        if published.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        published = client.publish(&result).await;
    }
    assert_eq!(published?, PublishOutcome::Published);
    assert_eq!(client.goal_view(&goal.id).await?.state, GoalState::Succeeded);
    Ok(())
}
