//! What somebody else writes into the streams, lists and hashes of a codegod at work: every entry that can't be
//! read is put aside once, with its reason; nobody dies, and good goals succeed before, amid and after.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use codegod_protocol::client::{Client, Depth, Mode, NewLine, Retention, now_ms};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_tests::fleet::{binary, signal};
use codegod_tests::noop::process::AgentProcess;
use codegod_tests::plans;
use codegod_tests::redis_server::RedisServer;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

type Result<T = ()> = anyhow::Result<T>;

/// How long a part may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);
/// One entry in so many is huge, and that is how long it is.
const HUGE_EVERY: usize = 400;
const HUGE: usize = 1 << 20;
/// How many entries travel at once.
const PART: usize = 200;

/// A master, four agents whose tasks do nothing, and their Redis.
struct World {
    redis: RedisServer,
    client: Client,
    master: Child,
    folder: tempfile::TempDir,
    agents: Vec<AgentProcess>,
}

impl Drop for World {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.master.kill();
        let _ = self.master.wait();
    }
}

impl World {
    async fn start() -> Result<Self> {
        let redis = RedisServer::start()?;
        let client = Client::connect(&redis.url(), "codegod:", "test").await?;
        let folder = tempfile::tempdir()?;
        let master = Command::new(binary("codegod-master")?)
            .env("REDIS_URL", redis.url())
            .env("CODEGOD_FLEET", "none")
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("master.log"))?)
            .spawn()
            .context("starting the master")?;
        let mut world = Self { redis, client, master, folder, agents: Vec::new() };
        for role in Role::ALL {
            let agent = AgentProcess::start(&binary("noop-agent")?, &world.client, role, &[]).await?;
            world.agents.push(agent);
        }
        Ok(world)
    }

    fn logs(&self) -> String {
        let master = std::fs::read_to_string(self.folder.path().join("master.log")).unwrap_or_default();
        let last = |text: String| {
            let lines: Vec<&str> = text.lines().rev().take(30).collect();
            lines.into_iter().rev().map(|line| line.chars().take(300).collect()).collect::<Vec<String>>()
        };
        let mut logs = last(master);
        for agent in &self.agents {
            logs.push(format!("--- {}", agent.id));
            logs.extend(last(agent.log()));
        }
        logs.join("\n")
    }

    async fn submit(&self) -> Result<GoalId> {
        let goal = plans::goal("Build a Flask + React app");
        self.client.submit_goal(&goal).await?;
        Ok(goal.id)
    }

    async fn succeeds(&self, goal: &GoalId) -> Result {
        let start = Instant::now();
        loop {
            let view = self.client.goal_head(goal).await?;
            if view.state == GoalState::Succeeded {
                return Ok(());
            }
            let waits = !view.state.is_final() && start.elapsed() < PATIENCE;
            ensure!(waits, "{goal} is {:?} {:?}\n{}", view.state, view.error, self.logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Nobody has ended.
    fn all_live(&mut self) -> Result {
        let ended = self.master.try_wait()?;
        ensure!(ended.is_none(), "the master ended: {ended:?}\n{}", self.logs());
        for agent in &self.agents {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", agent.pid())).unwrap_or_default();
            let lives = stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'));
            ensure!(lives, "{} has ended\n{}", agent.id, self.logs());
        }
        Ok(())
    }

    /// How many entries were put aside, by where they came from (of keys of a kind, the kind).
    fn aside(&self) -> Result<BTreeMap<String, usize>> {
        let script = "local all, from = {}, '-'
            while true do
              local page = redis.call('XRANGE', 'codegod:quarantine', from, '+', 'COUNT', 1000)
              for _, entry in ipairs(page) do
                assert(#entry[2] == 6 and entry[2][5] == 'reason' and #entry[2][6] > 0 and #entry[2][4] < 3000)
                all[entry[2][2]] = (all[entry[2][2]] or 0) + 1
              end
              if #page < 1000 then break end
              from = '(' .. page[#page][1]
            end
            local flat = {}
            for name, count in pairs(all) do flat[#flat + 1] = name; flat[#flat + 1] = count end
            return flat";
        let counts: Vec<(String, usize)> = self.redis.command(&["EVAL", script, "0"])?;
        let mut kinds = BTreeMap::new();
        for (name, count) in counts {
            let kind = match name.split_once(':') {
                Some((kind @ ("log" | "commands" | "delayed"), _)) => kind.to_owned(),
                _ => name,
            };
            *kinds.entry(kind).or_default() += count;
        }
        Ok(kinds)
    }
}

/// Makes entries that nobody can read.
struct Junk {
    rng: StdRng,
    /// How many huge ones are left out; counted so that every target gets some.
    made: usize,
}

impl Junk {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.rng.fill(&mut bytes[..]);
        bytes
    }

    /// A value in which no goal, task or status can be read.
    fn value(&mut self) -> Vec<u8> {
        self.made += 1;
        if self.made.is_multiple_of(HUGE_EVERY) {
            return vec![b'x'; HUGE];
        }
        match self.made % 8 {
            0 => b"{\"version\":1,\"id\":\"g-7k2m9qx4\",\"goal\":\"g-7k".to_vec(),
            1 => self.bytes(40),
            2 => self.rng.random::<i64>().to_string().into_bytes(),
            3 => b"{\"version\":99,\"kind\":5,\"who\":[]}".to_vec(),
            4 => GoalId::random().to_string().into_bytes(),
            5 => format!("{}.1", GoalId::random()).into_bytes(),
            6 => b"null".to_vec(),
            // In a list, equal elements are as many as they are; in a hash they must differ.
            _ => format!("\r\n\0 {}", self.rng.random::<u64>()).into_bytes(),
        }
    }

    /// The fields of a stream's entry; `right` are the names that the stream's entries should have.
    fn fields(&mut self, right: &[&str]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let value = self.value();
        match self.made % 5 {
            0 => vec![(self.bytes(12), value)],
            1 => vec![(b"another".to_vec(), value)],
            2 => (0..100).map(|n| (format!("field {n}").into_bytes(), b"many".to_vec())).collect(),
            _ => right.iter().map(|name| (name.as_bytes().to_vec(), value.clone())).collect(),
        }
    }
}

fn add_entries(world: &World, junk: &mut Junk, stream: &str, right: &[&str], count: usize) -> Result {
    let mut raw = world.redis.raw()?;
    for part in (0..count).collect::<Vec<_>>().chunks(PART) {
        let mut pipe = redis::pipe();
        for _ in part {
            pipe.cmd("XADD").arg(format!("codegod:{stream}")).arg("*");
            for (name, value) in junk.fields(right) {
                pipe.arg(name).arg(value);
            }
            pipe.ignore();
        }
        pipe.exec(&mut raw)?;
    }
    Ok(())
}

fn add_elements(world: &World, junk: &mut Junk, list: &str, count: usize) -> Result {
    let mut raw = world.redis.raw()?;
    for part in (0..count).collect::<Vec<_>>().chunks(PART) {
        let mut pipe = redis::pipe();
        for _ in part {
            pipe.rpush(format!("codegod:{list}"), junk.value()).ignore();
        }
        pipe.exec(&mut raw)?;
    }
    Ok(())
}

fn add_fields(world: &World, junk: &mut Junk, hash: &str, count: usize) -> Result {
    let mut raw = world.redis.raw()?;
    for part in (0..count).collect::<Vec<_>>().chunks(PART) {
        let mut pipe = redis::pipe();
        for n in part {
            pipe.hset(format!("codegod:{hash}"), format!("nobody-{n}"), junk.value()).ignore();
        }
        pipe.exec(&mut raw)?;
    }
    Ok(())
}

/// Writes `count` unreadable entries everywhere. Returns how many were written, by where.
fn flood(
    world: &World,
    junk: &mut Junk,
    log: &AgentId,
    good: &GoalId,
    count: usize,
) -> Result<BTreeMap<String, usize>> {
    for (stream, right) in [
        ("goals", &["goal"][..]),
        ("follow_ups", &["task", "round"]),
        ("events", &["event"]),
        ("dead", &["task", "reason"]),
        ("queue:backend", &["task", "json"]),
        ("queue:testing", &["task", "json"]),
    ] {
        add_entries(world, junk, stream, right, count)?;
    }
    // A line may hold anything, so what is wrong with one is that it is none.
    add_entries(world, junk, &format!("log:{log}"), &["task"], count)?;
    for list in ["goals:ended", "goals:recent", "ready:backend:05:001", "ready:testing:99:junk"] {
        add_elements(world, junk, list, count)?;
    }
    let commands = format!("commands:{}", world.agents[0].id);
    add_elements(world, junk, &commands, count)?;
    let due = now_ms() / 1000;
    add_elements(world, junk, &format!("delayed:{due}"), count)?;
    world.redis.command::<u64>(&["HSET", "codegod:queues:backend", "05:001", "1"])?;
    world.redis.command::<u64>(&["HSET", "codegod:queues:testing", "99:junk", "1"])?;
    world.redis.command::<u64>(&["HSET", "codegod:delayed", &due.to_string(), "1"])?;
    add_fields(world, junk, "agents:status", count)?;
    // Once more what was there: entries of a task and a goal that are long done.
    let task = format!("{good}.1");
    for _ in 0..count.min(50) {
        world.redis.command::<String>(&[
            "XADD",
            "codegod:queue:backend",
            "*",
            "task",
            &task,
            "json",
            "{}",
        ])?;
        world.redis.command::<String>(&["XADD", "codegod:goals", "*", "goal", good.as_str()])?;
        world.redis.command::<u64>(&["RPUSH", "codegod:ready:backend:05:001", &format!("1-1 {task}")])?;
    }
    // Whoever wakes an idle worker passes over those that are none, so not each of them is put aside.
    add_fields(world, junk, "idle:devops", count)?;
    let mut expected: BTreeMap<String, usize> = [
        "goals",
        "follow_ups",
        "events",
        "dead",
        "queue:testing",
        "log",
        "goals:ended",
        "goals:recent",
        "ready:backend",
        "ready:testing",
        "commands",
        "delayed",
        "agents:status",
    ]
    .map(|name| (name.to_owned(), count))
    .into();
    expected.insert("queue:backend".to_owned(), count + count.min(50));
    Ok(expected)
}

/// Reads events and the log to their ends, as a console does.
async fn read_on(client: &Client, log: &AgentId) -> Result {
    let mut listener = client.listener().await?;
    let mut positions = [(log.clone(), "0-0".to_owned())];
    let (mut event, start) = ("0-0".to_owned(), Instant::now());
    loop {
        let before = (event.clone(), positions[0].1.clone());
        listener.events(&mut event, 50).await?;
        listener.logs(&mut positions, 50).await?;
        if before == (event.clone(), positions[0].1.clone()) {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "the events have no end");
    }
}

async fn malformed(count: usize) -> Result {
    let mut world = World::start().await?;
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut junk = Junk { rng: StdRng::seed_from_u64(seed), made: 0 };
    let before = world.submit().await?;
    world.succeeds(&before).await?;
    let log = AgentId::random(Role::Backend);
    world.client.append_log(&log, "", &[NewLine::output("a good line")]).await?;

    let amid = world.submit().await?;
    let expected = flood(&world, &mut junk, &log, &before, count)?;
    let late = world.submit().await?;
    let start = Instant::now();
    loop {
        read_on(&world.client, &log).await?;
        let collected = world.client.collect(Mode::Remove, Depth::Due, &Retention::default()).await?;
        assert_eq!(collected.problems, Vec::<String>::new());
        world.all_live()?;
        let mut aside = world.aside()?;
        aside.remove("idle:devops");
        if aside == expected {
            break;
        }
        let over = aside.iter().find(|(name, count)| expected.get(*name).is_none_or(|most| *count > most));
        ensure!(over.is_none(), "put aside more than once, or good: {over:?}\n{}", world.logs());
        ensure!(start.elapsed() < PATIENCE, "{aside:?}\nof {expected:?}\n{}", world.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    eprintln!("{} entries put aside in {:?}", expected.values().sum::<usize>(), start.elapsed());
    for goal in [&amid, &late] {
        world.succeeds(goal).await?;
    }
    let after = world.submit().await?;
    world.succeeds(&after).await?;
    world.all_live()?;
    // Everybody counted each of them once, and nothing of it is left where it stood.
    let told: usize = world.redis.command(&["HGET", "codegod:metrics:tasks", "quarantined"])?;
    assert_eq!(told, world.aside()?.values().sum::<usize>());
    let idle: Vec<String> = world.redis.command(&["HKEYS", "codegod:idle:devops"])?;
    assert!(idle.iter().all(|agent| agent.parse::<AgentId>().is_ok()), "{idle:?}");
    for stream in ["goals", "follow_ups", "dead", "queue:backend", "queue:testing"] {
        let left: u64 = world.redis.command(&["XLEN", &format!("codegod:{stream}")])?;
        assert_eq!(left, 0, "{stream}");
    }
    let lines: Vec<String> =
        world.client.last_log(&log, 100).await?.into_iter().map(|line| line.line).collect();
    assert_eq!(lines, ["a good line"]);
    assert_eq!(world.client.goals(100).await?.len(), 4);
    assert_eq!(world.client.agents().await?.len(), Role::ALL.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_put_aside_once_and_good_work_goes_on() -> Result {
    malformed(300).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: run by ./start-agents.sh test --full"]
async fn ten_thousand_unreadable_entries_everywhere_are_put_aside_and_good_work_goes_on() -> Result {
    malformed(10_000).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_type_is_told_of_and_all_goes_on_once_it_is_gone() -> Result {
    let mut world = World::start().await?;
    world.redis.command::<()>(&["SET", "codegod:queue:backend", "not a stream"])?;
    let odd = GoalId::random();
    world.redis.command::<()>(&["SET", &format!("codegod:goal:{odd}"), "not a hash"])?;
    world.redis.command::<String>(&["XADD", "codegod:goals", "*", "goal", odd.as_str()])?;
    let goal = world.submit().await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    world.all_live()?;
    let told = world.logs();
    assert!(told.contains("WRONGTYPE"), "nobody says what is wrong:\n{told}");
    let lines = told.lines().filter(|line| line.contains("WRONGTYPE")).count();
    assert!(lines < 100, "{lines} lines in four seconds");
    assert_eq!(world.aside()?.get("goals"), Some(&1), "its goal can't be planned, the others can");
    let collected = world.client.collect(Mode::Remove, Depth::Everything, &Retention::default()).await?;
    assert!(collected.problems.iter().all(|problem| problem.contains("WRONGTYPE")), "{collected:?}");
    world.redis.command::<u64>(&["DEL", "codegod:queue:backend"])?;
    world.succeeds(&goal).await?;
    signal("TERM", world.master.id())?;
    Ok(())
}
