//! The rules of deploy/redis on a real server: each component can do its work as its own user, and
//! nothing else. Redis checks what scripts do as well.

use std::time::Duration;

use codegod_protocol::acl::users_file;
use codegod_protocol::agent::{AgentStatus, Phase};
use codegod_protocol::client::{
    Access, Claim, Claimed, Client, Error, Glances, LeaseState, NewLine, Planning, PlanningOutcome,
    PublishOutcome, Trouble, Worker, now_ms,
};
use codegod_protocol::goal::GoalState;
use codegod_protocol::host::HostStatus;
use codegod_protocol::id::{AgentId, Role};
use codegod_protocol::memory::Memory;
use codegod_protocol::result::ResultStatus;
use codegod_tests::plans;
use codegod_tests::redis_server::RedisServer;
use codegod_tests::redis_work::event;

type Result<T = (), E = anyhow::Error> = std::result::Result<T, E>;

const PREFIX: &str = "codegod:";

/// A server with the rules, and a folder that holds them.
struct Guarded {
    redis: RedisServer,
    _folder: tempfile::TempDir,
}

impl Guarded {
    fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("users.acl");
        // The test itself looks at everything as the default user, whom the example switches off.
        let users: Vec<String> = users_file(PREFIX).lines().skip(1).map(str::to_owned).collect();
        std::fs::write(&file, format!("user default on nopass ~* &* +@all\n{}\n", users.join("\n")))?;
        let redis = RedisServer::start_with(&["--aclfile", &file.display().to_string()])?;
        Ok(Self { redis, _folder: folder })
    }

    fn access(component: &str) -> Access {
        let user = format!("codegod-{component}");
        Access { password: Some(format!("change-{user}")), username: Some(user), ..Access::default() }
    }

    async fn client(&self, component: &str) -> Result<Client> {
        let access = Self::access(component);
        Ok(Client::connect_with(&self.redis.url(), PREFIX, component, &access).await?)
    }

    /// What a component is told when it sends one command, given as words.
    fn told(&self, component: &str, command: &str) -> Result<Option<String>> {
        let access = Self::access(component);
        let mut connection = self.redis.raw()?;
        redis::cmd("AUTH").arg(access.username).arg(access.password).query::<()>(&mut connection)?;
        let mut words = command.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap_or_default());
        for word in words {
            cmd.arg(word);
        }
        let told = cmd.query::<redis::Value>(&mut connection);
        Ok(told.err().map(|error| error.code().unwrap_or("no code").to_owned()))
    }

    /// Everything that stands in Redis, as its dump.
    fn all(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut keys: Vec<String> = self.redis.command(&["KEYS", "*"])?;
        keys.sort();
        keys.into_iter().map(|key| Ok((key.clone(), self.redis.command(&["DUMP", &key])?))).collect()
    }
}

fn refused<T>(result: Result<T, Error>) -> bool {
    result.err().and_then(|error| error.trouble()) == Some(Trouble::NoPermission)
}

fn status(id: &AgentId) -> AgentStatus {
    AgentStatus {
        id: id.clone(),
        role: Role::Backend,
        capabilities: vec![],
        host: "here".to_owned(),
        pid: 1,
        phase: Phase::Idle,
        current_task: None,
        title: None,
        attempt: None,
        phase_since_ms: 0,
        container: None,
        note: None,
        usage: Default::default(),
        succeeded: 0,
        failed: 0,
        started_ms: now_ms(),
        heartbeat_ms: now_ms(),
        version: "0".to_owned(),
    }
}

async fn must_claim(client: &Client, agent: &AgentId) -> Result<Claimed> {
    match client.claim(&mut Worker::new(agent, &[])).await? {
        Some(Claim::Task(claimed)) => Ok(*claimed),
        other => anyhow::bail!("nothing to claim for {agent}: {other:?}"),
    }
}

#[tokio::test]
async fn a_worker_can_report_remember_and_listen() -> Result {
    let redis = Guarded::start()?;
    let master = redis.client("master").await?;
    let fleet = master.fleet_id().await?;
    let worker = redis.client("worker").await?;
    let id = AgentId::random(Role::Backend);
    worker.agent_heartbeat(&status(&id)).await?;
    worker.append_log(&id, "", &[NewLine::output("a line")]).await?;
    worker.store_memory(&id, &Memory::default()).await?;
    let mut listener = worker.listener().await?;
    let mut position = worker.last_event().await?;
    worker.append_event(&event("phase")).await?;
    assert_eq!(listener.events(&mut position, 1000).await?.len(), 1);
    assert_eq!(worker.fleet_id().await?, fleet);
    assert!(worker.server_version().await?.contains('.'));
    Ok(())
}

#[tokio::test]
async fn a_worker_claims_renews_and_publishes_what_a_master_planned() -> Result {
    let redis = Guarded::start()?;
    let (console, master) = (redis.client("console").await?, redis.client("master").await?);
    let worker = redis.client("worker").await?;
    let agent = AgentId::random(Role::Backend);
    let mut idle = Worker::new(&agent, &[]);
    assert!(worker.claim(&mut idle).await?.is_none());
    let goal = plans::goal("a goal");
    console.submit_goal(&goal).await?;
    let Planning::Begun(token) = master.begin_planning(&goal.id).await? else {
        anyhow::bail!("the goal is not waiting to be planned");
    };
    let tasks = [
        plans::task(&goal.id, 1, Role::Backend, &[]),
        plans::task(&goal.id, 2, Role::Backend, &[1]),
        plans::task(&goal.id, 3, Role::Backend, &[2]),
    ];
    let planned = master.submit_plan(&goal.id, &token, &plans::intent(), &tasks).await?;
    assert_eq!(planned, PlanningOutcome::Accepted);
    let Some(Claim::Task(first)) = worker.listener().await?.wait_for_bell(&mut idle, 1).await? else {
        anyhow::bail!("nobody rang for who waits");
    };
    let held = worker.renew_leases(&agent, &[(first.task.id.clone(), first.attempt)]).await?;
    assert_eq!(held, [LeaseState::Held]);
    worker.store_bundle(&goal.id, "c0ffee", b"a bundle").await?;
    let done = plans::result(&first, &agent, ResultStatus::Succeeded);
    assert_eq!(worker.publish(&done).await?, PublishOutcome::Published);

    let second = must_claim(&worker, &agent).await?;
    worker.release(&agent, &second.task.id, second.attempt, "the agent ends").await?;
    let second = must_claim(&worker, &agent).await?;
    let failed = plans::result(&second, &agent, ResultStatus::Failed);
    assert_eq!(worker.publish(&failed).await?, PublishOutcome::Published);
    // Its backoff is about a second.
    let again = loop {
        worker.tick(Role::Backend, 15_000).await?;
        match worker.claim(&mut Worker::new(&agent, &[])).await? {
            Some(Claim::Task(claimed)) => break claimed,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    // The last attempt of a dead agent, taken back by whoever works on; the goal fails with it.
    let for_good = plans::result(&again, &agent, ResultStatus::FailedForGood);
    assert_eq!(worker.publish(&for_good).await?, PublishOutcome::Published);
    assert_eq!(worker.recover(&agent, &[]).await?, 0);
    worker.remove_agent(&agent).await?;
    assert_eq!(console.goal_view(&goal.id).await?.state, GoalState::Failed);
    console.retry_task(&second.task.id).await?;
    must_claim(&worker, &agent).await?;
    console.cancel_goal(&goal.id).await?;
    Ok(())
}

#[tokio::test]
async fn a_master_tells_of_its_host_and_the_console_sees_all_at_a_glance() -> Result {
    let redis = Guarded::start()?;
    let (console, master) = (redis.client("console").await?, redis.client("master").await?);
    let host = HostStatus { host: "here".to_owned(), heartbeat_ms: now_ms(), ..HostStatus::default() };
    let long_gone = HostStatus { host: "gone".to_owned(), heartbeat_ms: 1, ..HostStatus::default() };
    master.tell_host(&long_gone).await?;
    master.tell_host(&host).await?;
    let agent = AgentId::random(Role::Backend);
    redis.client("worker").await?.agent_heartbeat(&status(&agent)).await?;
    console.submit_goal(&plans::goal("a goal")).await?;
    console.scale(Role::Backend, 2).await?;
    let seen = console.glance(&mut Glances::default(), 10).await?;
    assert_eq!(seen.unreadable, []);
    assert_eq!((seen.agents.len(), seen.goals.len(), seen.desired[&Role::Backend]), (1, 1, 2));
    assert_eq!(seen.hosts, [host]);
    assert!(refused(console.tell_host(&long_gone).await));
    master.forget_host("here").await?;
    assert_eq!(console.glance(&mut Glances::default(), 10).await?.hosts, []);
    Ok(())
}

#[tokio::test]
async fn a_worker_can_neither_submit_a_goal_nor_change_or_pause_the_fleet() -> Result {
    let redis = Guarded::start()?;
    redis.client("master").await?.fleet_id().await?;
    let worker = redis.client("worker").await?;
    let before = redis.all()?;
    assert!(refused(worker.submit_goal(&plans::goal("a goal")).await));
    assert!(refused(worker.scale(Role::Backend, 7).await));
    assert!(refused(worker.lease_host("here", 60).await));
    assert!(refused(worker.pause_fleet().await));
    assert_eq!(redis.all()?, before, "what was refused left nothing behind");
    Ok(())
}

#[tokio::test]
async fn the_console_submits_and_scales_and_the_master_plans() -> Result {
    let redis = Guarded::start()?;
    let (console, master) = (redis.client("console").await?, redis.client("master").await?);
    let goal = plans::goal("a goal");
    console.submit_goal(&goal).await?;
    console.scale(Role::Backend, 2).await?;
    let entries = master.listener().await?.goals("master", 1000).await?;
    assert_eq!(entries.len(), 1);
    assert!(master.lease_host("here", 60).await?);
    assert_eq!(master.desired_fleet().await?.get(&Role::Backend), Some(&2));
    assert!(refused(master.scale(Role::Backend, 7).await));
    assert!(refused(console.lease_host("elsewhere", 60).await));
    assert!(console.pause_fleet().await?);
    assert!(console.resume_fleet().await?);
    Ok(())
}

#[tokio::test]
async fn keys_that_are_not_a_components_own_are_refused() -> Result {
    let redis = Guarded::start()?;
    let of_worker = [
        "XADD codegod:goals * goal g-1",
        "LPUSH codegod:goals:recent g-1",
        "HSET codegod:plan:g-1 1 {}",
        "HSET codegod:fleet paused 1",
        "HSET codegod:fleet:desired backend 7",
        "HGETALL codegod:fleet:desired",
        "HSET codegod:archive g-1 {}",
        "SCAN 0",
    ];
    for command in of_worker {
        assert_eq!(redis.told("worker", command)?.as_deref(), Some("NOPERM"), "{command}");
    }
    for component in ["worker", "master", "console"] {
        for command in ["HSET other:fleet id f-1", "HGETALL other:fleet", "HSET codegod:unknown a b"] {
            assert_eq!(redis.told(component, command)?.as_deref(), Some("NOPERM"), "{component}: {command}");
        }
    }
    assert_eq!(redis.told("worker", "HGETALL codegod:fleet")?, None);
    Ok(())
}

#[tokio::test]
async fn nobody_empties_configures_or_searches_redis_or_brings_scripts_that_run_unseen() -> Result {
    let redis = Guarded::start()?;
    let dangerous = [
        "FLUSHALL",
        "FLUSHDB",
        "KEYS *",
        "CONFIG GET maxmemory",
        "CONFIG SET maxmemory 1",
        "ACL LIST",
        "SHUTDOWN NOSAVE",
        "REPLICAOF NO ONE",
        "CLIENT KILL TYPE normal",
        "MONITOR",
        "EVAL return 0",
        "FUNCTION LIST",
        "SCRIPT FLUSH",
        "SCRIPT KILL",
        "PUBLISH a b",
    ];
    for component in ["worker", "master", "console"] {
        for command in dangerous {
            assert_eq!(redis.told(component, command)?.as_deref(), Some("NOPERM"), "{component}: {command}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_and_none_at_all_are_told_in_a_sentence() -> Result {
    let redis = Guarded::start()?;
    let wrong = Access { password: Some("s3cret".to_owned()), ..Guarded::access("worker") };
    let error = Client::connect_with(&redis.redis.url(), PREFIX, "worker", &wrong).await.err();
    let error = error.ok_or_else(|| anyhow::anyhow!("a wrong password was taken"))?;
    assert_eq!(error.trouble(), Some(Trouble::NoAuth));
    assert!(error.to_string().ends_with(" did not accept the user or the password"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"));
    redis.redis.command::<()>(&["ACL", "SETUSER", "default", "resetpass"])?;
    let without = Client::connect_with(&redis.redis.url(), PREFIX, "worker", &Access::default()).await;
    assert_eq!(without.err().and_then(|error| error.trouble()), Some(Trouble::NoAuth));
    Ok(())
}
