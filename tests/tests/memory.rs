//! Memory on Redis is bounded, on a real server: goals are archived, bundles and streams go when nobody needs
//! them, and nothing that somebody needs goes.

use std::collections::BTreeSet;
use std::time::Duration;

use codegod_protocol::client::{
    Claim, Client, Collected, Depth, Error, Keep, Mode, NewLine, Planning, Retention, Worker, now_ms,
};
use codegod_protocol::goal::{Goal, GoalKind, GoalState};
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_protocol::result::ResultStatus;
use codegod_tests::plans;
use codegod_tests::redis_server::RedisServer;
use codegod_tests::redis_work::event;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

type Result<T = ()> = anyhow::Result<T>;

async fn client(redis: &RedisServer) -> Result<Client> {
    Ok(Client::connect(&redis.url(), "codegod:", "test").await?)
}

/// Nothing that has ended stays.
fn nothing() -> Retention {
    Retention { goals: 0, age: Duration::ZERO, least_age: Duration::ZERO, ..Retention::default() }
}

/// Plans a goal with independent tasks and works on all of them; each publishes the commit of the same number,
/// 40 times its last digit.
async fn done(client: &Client, goal: &Goal, tasks: u32, status: ResultStatus) -> Result {
    client.submit_goal(goal).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else {
        anyhow::bail!("it is not waiting to be planned");
    };
    let plan: Vec<_> = (1..=tasks).map(|n| plans::task(&goal.id, n, Role::Backend, &[])).collect();
    client.submit_plan(&goal.id, &token, &plans::intent(), &plan).await?;
    work_off(client, status).await
}

async fn work_off(client: &Client, status: ResultStatus) -> Result {
    let agent = AgentId::random(Role::Backend);
    let mut worker = Worker::new(&agent, &[]);
    let mut results = Vec::new();
    loop {
        let turn = client.turn(&mut worker, &results, 100).await?;
        results.clear();
        for claim in turn.claims {
            let Claim::Task(claimed) = claim else { anyhow::bail!("unreadable") };
            let mut result = plans::result(&claimed, &agent, status);
            if let Some(outputs) = &mut result.outputs {
                outputs.commit = commit(claimed.task.id.number());
            }
            results.push(result);
        }
        if results.is_empty() {
            // Nobody brings anything to this agent any more.
            client.recover(&agent, &[]).await?;
            return Ok(());
        }
    }
}

fn commit(number: u32) -> String {
    (number % 10).to_string().repeat(40)
}

/// A bundle as git writes it, as far as its head goes.
fn bundle(of: &str, on: Option<&str>) -> Vec<u8> {
    let on = on.map(|on| format!("-{on} before\n")).unwrap_or_default();
    format!("# v2 git bundle\n{on}{of} refs/heads/codegod\n\nPACK").into_bytes()
}

/// The keys that name the goal.
fn keys_of(redis: &RedisServer, goal: &GoalId) -> Result<Vec<String>> {
    redis.command(&["KEYS", &format!("*{goal}*")])
}

#[tokio::test]
async fn an_archived_goal_leaves_its_summary_and_nothing_else() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = plans::goal("Build a Flask app");
    client.store_bundle(&goal.id, &commit(1), &bundle(&commit(1), None)).await?;
    done(&client, &goal, 1_200, ResultStatus::Succeeded).await?;
    let open = plans::goal("Not yet");
    client.submit_goal(&open).await?;
    let before = client.goal_head(&goal.id).await?;

    let kept = client.collect(Mode::Remove, Depth::Everything, &Retention::default()).await?;
    assert_eq!((kept.goals, kept.keys, &kept.problems[..]), (0, 0, &[][..]), "it ended just now");
    let would = client.collect(Mode::DryRun, Depth::Everything, &nothing()).await?;
    assert_eq!(would.goals, 1);
    assert_eq!(client.goal_view(&goal.id).await?.tasks.len(), 1_200, "nothing was changed");
    let collected = client.collect(Mode::Remove, Depth::Everything, &nothing()).await?;
    assert_eq!((collected.goals, &collected.problems[..]), (1, &[][..]));
    assert!(collected.bytes > 100_000, "{collected:?}");

    assert_eq!(keys_of(&redis, &goal.id)?, Vec::<String>::new());
    let view = client.goal_view(&goal.id).await?;
    assert_eq!((view.state, view.total, view.succeeded), (GoalState::Succeeded, 1_200, 1_200));
    assert_eq!((view.goal.text, view.commit, view.ended_ms), (goal.text, before.commit, before.ended_ms));
    assert!(view.tasks.is_empty());
    let listed: Vec<GoalId> = client.goals(10).await?.into_iter().map(|view| view.goal.id).collect();
    assert_eq!(listed, [open.id, goal.id.clone()]);
    let summary = client.summary(&goal.id).await?.expect("it is archived");
    assert_eq!((summary.failed, summary.blocked, summary.cancelled), (0, 0, 0));
    assert!(matches!(client.retry_task(&goal.id.task(1)).await, Err(Error::NotFound(_))));
    assert!(matches!(client.bundle(&goal.id, &commit(1)).await, Err(Error::NotFound(_))));
    Ok(())
}

#[tokio::test]
async fn a_failed_goals_summary_says_why_and_its_dead_letter_goes_with_it() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = plans::goal("fails");
    done(&client, &goal, 2, ResultStatus::FailedForGood).await?;
    assert_eq!(redis.command::<u64>(&["XLEN", "codegod:dead"])?, 2);
    client.collect(Mode::Remove, Depth::Due, &nothing()).await?;
    let summary = client.summary(&goal.id).await?.expect("it is archived");
    assert_eq!((summary.state, summary.failed), (GoalState::Failed, 2));
    assert_eq!(summary.error.as_deref(), Some("task 1: it did not work"));
    assert_eq!(redis.command::<u64>(&["XLEN", "codegod:dead"])?, 0);
    Ok(())
}

#[tokio::test]
async fn the_goals_that_ended_last_stay_and_of_the_archived_the_newest_summaries() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goals: Vec<Goal> = (0..6).map(|n| plans::goal(&format!("goal {n}"))).collect();
    for goal in &goals {
        done(&client, goal, 1, ResultStatus::Succeeded).await?;
    }
    let retention = Retention { goals: 2, least_age: Duration::ZERO, summaries: 3, ..Retention::default() };
    let young = Retention { least_age: Duration::from_secs(60), ..retention.clone() };
    assert_eq!(client.collect(Mode::Remove, Depth::Due, &young).await?.goals, 0, "however many there are");
    assert_eq!(client.collect(Mode::Remove, Depth::Due, &retention).await?.goals, 4);
    let listed: Vec<String> = client.goals(10).await?.into_iter().map(|view| view.goal.text).collect();
    assert_eq!(listed, ["goal 5", "goal 4", "goal 3", "goal 2", "goal 1"]);
    assert_eq!(client.goal_view(&goals[4].id).await?.tasks.len(), 1);
    assert!(client.summary(&goals[3].id).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_goal_that_another_verifies_stays_until_that_one_is_archived() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = plans::goal("the original");
    done(&client, &goal, 1, ResultStatus::Succeeded).await?;
    let mut check = plans::goal("the check");
    check.kind = GoalKind::Verify { of: goal.id.clone() };
    client.submit_goal(&check).await?;
    assert_eq!(client.collect(Mode::Remove, Depth::Everything, &nothing()).await?.goals, 0);
    assert_eq!(client.goal_view(&goal.id).await?.tasks.len(), 1);
    client.cancel_goal(&check.id).await?;
    let gone = client.collect(Mode::Remove, Depth::Due, &nothing()).await?.goals
        + client.collect(Mode::Remove, Depth::Due, &nothing()).await?.goals;
    assert_eq!(gone, 2);
    assert_eq!(keys_of(&redis, &goal.id)?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_goal_whose_task_is_retried_is_not_archived_while_it_runs() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = plans::goal("again");
    done(&client, &goal, 1, ResultStatus::FailedForGood).await?;
    client.retry_task(&goal.id.task(1)).await?;
    assert_eq!(client.collect(Mode::Remove, Depth::Everything, &nothing()).await?.goals, 0);
    work_off(&client, ResultStatus::Succeeded).await?;
    assert_eq!(redis.command::<u64>(&["LLEN", "codegod:goals:ended"])?, 1, "it has ended once");
    assert_eq!(client.goal_view(&goal.id).await?.state, GoalState::Succeeded);
    assert_eq!(client.collect(Mode::Remove, Depth::Everything, &nothing()).await?.goals, 1);
    Ok(())
}

#[tokio::test]
async fn bundles_that_nothing_published_leads_to_go_and_what_published_ones_build_on_stays() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let goal = plans::goal("two tasks");
    let (base, thrown) = ("a".repeat(40), "b".repeat(40));
    for (of, on) in [
        (&base, None),
        (&commit(1), Some(&base)),
        (&commit(2), Some(&commit(1))),
        (&thrown, Some(&commit(2))),
    ] {
        client.store_bundle(&goal.id, of, &bundle(of, on.map(String::as_str))).await?;
    }
    done(&client, &goal, 2, ResultStatus::Succeeded).await?;
    let blobs = format!("codegod:blobs:{}", goal.id);
    let keep = Retention::default();
    assert_eq!(client.collect(Mode::Remove, Depth::Due, &keep).await?.bundles, 0, "attempts may still end");
    let long_ago = (now_ms() - 120_000).to_string();
    redis.command::<u64>(&["HSET", &format!("codegod:goal:{}", goal.id), "ended_ms", &long_ago])?;
    assert_eq!(client.collect(Mode::DryRun, Depth::Due, &keep).await?.bundles, 1);
    assert_eq!(client.collect(Mode::Remove, Depth::Due, &keep).await?.bundles, 1);
    let left: BTreeSet<String> = redis.command(&["HKEYS", &blobs])?;
    assert_eq!(left, BTreeSet::from([base, commit(1), commit(2)]));
    assert_eq!(
        client.collect(Mode::Remove, Depth::Due, &keep).await?,
        Collected::default(),
        "looked at once"
    );
    Ok(())
}

#[tokio::test]
async fn what_belongs_to_goals_and_agents_that_are_gone_goes() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let (gone, agent) = (GoalId::random(), AgentId::random(Role::Backend));
    for number in 1..=300 {
        redis.command::<u64>(&["HSET", &format!("codegod:plan:{gone}"), &number.to_string(), "{}"])?;
        redis.command::<u64>(&["HSET", &format!("codegod:task:{gone}.{number}"), "state", "ready"])?;
    }
    redis.command::<u64>(&["HSET", &format!("codegod:results:{gone}"), "1", "{}"])?;
    redis.command::<u64>(&["HSET", &format!("codegod:blobs:{gone}"), &commit(1), "x"])?;
    redis.command::<u64>(&["HSET", &format!("codegod:task:{gone}.999"), "state", "waiting"])?;
    client.append_log(&agent, "", &[NewLine::output("bye")]).await?;
    redis.command::<u64>(&["HSET", "codegod:idle:backend", agent.to_string().as_str(), "1000 ++"])?;
    let would = client.collect(Mode::DryRun, Depth::Everything, &Retention::default()).await?;
    assert!(would.keys >= 303, "{would:?}");
    assert_eq!(redis.command::<u64>(&["HLEN", &format!("codegod:plan:{gone}")])?, 300);
    let collected = client.collect(Mode::Remove, Depth::Everything, &Retention::default()).await?;
    assert_eq!((collected.gone, &collected.problems[..]), (1, &[][..]));
    assert_eq!(keys_of(&redis, &gone)?, [format!("codegod:blobs:{gone}")]);
    let ttl: i64 = redis.command(&["TTL", &format!("codegod:blobs:{gone}")])?;
    assert!((3_000..=3_600).contains(&ttl), "its goal may be about to be submitted: {ttl}");
    let ttl: i64 = redis.command(&["TTL", &format!("codegod:log:{agent}")])?;
    assert!((86_000..=86_400).contains(&ttl), "{ttl}");
    Ok(())
}

#[tokio::test]
async fn consumers_that_hold_nothing_and_are_long_silent_go_and_others_stay() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    client.submit_goal(&plans::goal("held")).await?;
    let entries = client.listener().await?.goals("master-that-holds", 100).await?;
    assert_eq!(entries.len(), 1);
    for name in ["master-a-1", "master-a-2", "master-b-1"] {
        redis.command::<u64>(&["XGROUP", "CREATECONSUMER", "codegod:goals", "masters", name])?;
    }
    client.collect(Mode::Remove, Depth::Due, &Retention::default()).await?;
    let names = || -> Result<usize> {
        let all: Vec<redis::Value> = redis.command(&["XINFO", "CONSUMERS", "codegod:goals", "masters"])?;
        Ok(all.len())
    };
    assert_eq!(names()?, 4, "none is silent for an hour");
    // As an hour later: the script takes the time as its argument, and the client's is fixed.
    let script = include_str!("../../protocol/src/scripts/drop_consumers.lua");
    let script = format!("local P, call = ARGV[1], redis.call\n{script}");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let gone: u64 = redis.command(&["EVAL", &script, "0", "codegod:", "", "goals", "masters", "5"])?;
    assert_eq!((gone, names()?), (3, 1));
    let pending: Vec<redis::Value> = redis.command(&["XPENDING", "codegod:goals", "masters"])?;
    assert_eq!(pending[0], redis::Value::Int(1), "what it holds is still held");
    Ok(())
}

/// One stream and its groups under random reads, acknowledgements, deletions and trims.
struct Play<'a> {
    redis: &'a RedisServer,
    rng: StdRng,
    /// For each group: what it was given and has not acknowledged.
    unacknowledged: Vec<BTreeSet<String>>,
    /// For each group: what it has never been given.
    unread: Vec<BTreeSet<String>>,
    deleted: BTreeSet<String>,
}

impl Play<'_> {
    fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> Result<T> {
        self.redis.command(words)
    }

    fn add(&mut self) -> Result {
        let id: String = self.command(&["XADD", "codegod:events", "*", "event", "{}"])?;
        for unread in &mut self.unread {
            unread.insert(id.clone());
        }
        Ok(())
    }

    fn read(&mut self, group: usize) -> Result {
        let count = self.rng.random_range(1..8).to_string();
        let name = format!("g{group}");
        let words = ["XREADGROUP", "GROUP", &name, "c", "COUNT", &count, "STREAMS", "codegod:events", ">"];
        let reply: Option<redis::streams::StreamReadReply> = self.command(&words)?;
        for entry in reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids) {
            assert!(self.unread[group].remove(&entry.id), "{} was read twice", entry.id);
            self.unacknowledged[group].insert(entry.id);
        }
        Ok(())
    }

    fn acknowledge(&mut self, group: usize) -> Result {
        let all: Vec<String> = self.unacknowledged[group].iter().cloned().collect();
        if let Some(id) = all.get(self.rng.random_range(0..all.len().max(1))) {
            self.command::<u64>(&["XACK", "codegod:events", &format!("g{group}"), id])?;
            self.unacknowledged[group].remove(id);
        }
        Ok(())
    }

    fn delete(&mut self) -> Result {
        let all: Vec<String> = self.unread.iter().flatten().cloned().collect();
        if let Some(id) = all.get(self.rng.random_range(0..all.len().max(1))) {
            self.command::<u64>(&["XDEL", "codegod:events", id])?;
            self.deleted.insert(id.clone());
            // A group is never given what was deleted before it read that far.
            for unread in &mut self.unread {
                unread.remove(id);
            }
        }
        Ok(())
    }

    /// Everything that some group still needs is there.
    fn check(&self) -> Result {
        let there: redis::streams::StreamRangeReply =
            self.command(&["XRANGE", "codegod:events", "-", "+"])?;
        let there: BTreeSet<String> = there.ids.into_iter().map(|entry| entry.id).collect();
        let needed = self.unread.iter().chain(&self.unacknowledged).flatten();
        for id in needed.filter(|id| !self.deleted.contains(*id)) {
            assert!(there.contains(id), "{id} is lost");
        }
        Ok(())
    }
}

#[tokio::test]
async fn trimming_never_loses_what_a_group_has_not_acknowledged() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut trimmed = 0;
    for round in 0..8_u64 {
        redis.command::<u64>(&["DEL", "codegod:events"])?;
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(round));
        let groups = rng.random_range(1..4_usize);
        let none = vec![BTreeSet::new(); groups];
        let mut play =
            Play { redis: &redis, rng, unacknowledged: none.clone(), unread: none, deleted: BTreeSet::new() };
        for group in 0..groups {
            let words = ["XGROUP", "CREATE", "codegod:events", &format!("g{group}"), "0", "MKSTREAM"];
            redis.command::<()>(&words)?;
        }
        for _ in 0..400 {
            let group = play.rng.random_range(0..groups);
            match play.rng.random_range(0..20) {
                0..7 => play.add()?,
                7..11 => play.read(group)?,
                11..17 => play.acknowledge(group)?,
                17 => play.delete()?,
                _ => {
                    let age = play.rng.random_bool(0.5).then_some(Duration::ZERO);
                    let entries = play.rng.random_bool(0.7).then(|| play.rng.random_range(0..20));
                    trimmed += client.trim("events", Keep { entries, age }).await?.removed;
                    play.check()?;
                }
            }
        }
        play.check()?;
    }
    assert!(trimmed > 20, "only {trimmed} entries were trimmed: nothing was tried");
    Ok(())
}

#[tokio::test]
async fn a_stream_is_bounded_and_a_group_that_holds_it_is_named() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    for _ in 0..1_000 {
        client.append_event(&event("one")).await?;
    }
    let keep = Keep { entries: Some(300), age: None };
    let trimmed = client.trim("events", keep).await?;
    assert!((300..450).contains(&trimmed.left), "{trimmed:?}");
    redis.command::<()>(&["XGROUP", "CREATE", "codegod:events", "idler", "$"])?;
    for _ in 0..1_000 {
        client.append_event(&event("two")).await?;
    }
    let trimmed = client.trim("events", keep).await?;
    assert_eq!(trimmed.held_by.as_deref(), Some("idler"), "{trimmed:?}");
    assert!(trimmed.left > 1_000);
    let retention = Retention { events: 300, ..Retention::default() };
    let collected = client.collect(Mode::Remove, Depth::Due, &retention).await?;
    assert_eq!(collected.held.len(), 1, "{collected:?}");
    let group = client.gauge().await?.groups.into_iter().find(|group| group.name == "idler");
    let group = group.expect("the gauge names it");
    assert_eq!((group.stream.as_str(), group.pending, group.unread), ("events", 0, Some(1_000)));
    Ok(())
}

#[tokio::test]
async fn goals_that_no_master_has_read_are_never_trimmed_and_queues_not_at_all() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    for _ in 0..50 {
        client.submit_goal(&plans::goal("waits")).await?;
    }
    let keep = Keep { entries: Some(0), age: Some(Duration::ZERO) };
    assert_eq!(client.trim("goals", keep).await?.left, 50);
    let mut listener = client.listener().await?;
    let first = listener.goals("master", 100).await?;
    for entry in &first[1..] {
        client.acknowledge_goal(&entry.entry).await?;
    }
    assert_eq!(client.trim("goals", keep).await?.left, 50 - (first.len() as u64 - 1));
    assert!(matches!(client.trim("queue:backend", keep).await, Err(Error::WrongState { .. })));
    Ok(())
}

#[tokio::test]
async fn the_gauge_tells_what_each_family_of_keys_holds() -> Result {
    let redis = RedisServer::start_with(&["--maxmemory", "512mb", "--maxmemory-policy", "noeviction"])?;
    let client = client(&redis).await?;
    let goal = plans::goal("measured");
    client.store_bundle(&goal.id, &commit(1), &vec![7; 200_000]).await?;
    done(&client, &goal, 5_000, ResultStatus::Succeeded).await?;
    let gauge = client.gauge().await?;
    let family = |name: &str| gauge.families.iter().find(|family| family.name == name).expect("it is there");
    assert!(gauge.complete);
    assert_eq!(gauge.max_bytes, Some(512 << 20));
    assert_eq!((family("task:*").keys, family("goal:*").keys, family("plan:*").entries), (5_000, 1, 5_000));
    assert!((1..=5).contains(&(family("task:*").entries / 5_000 / 3)), "{:?}", family("task:*"));
    assert!((200_000..300_000).contains(&family("blobs:*").bytes), "{:?}", family("blobs:*"));
    let sum: u64 = gauge.families.iter().map(|family| family.bytes).sum();
    assert!(sum * 2 > gauge.used_bytes && sum < gauge.used_bytes * 2, "{sum} of {}", gauge.used_bytes);
    Ok(())
}
