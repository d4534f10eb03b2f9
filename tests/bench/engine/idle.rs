//! What the fleet costs while it waits: a thousand agents, and real processes by themselves.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use codegod_protocol::agent::Phase;
use codegod_protocol::client::Client;
use codegod_tests::fleet::{binary, signal};
use codegod_tests::redis_server::RedisServer;
use tokio::process::{Child, Command};

use crate::crew::Crew;
use crate::latency::one_by_one;
use crate::meter::{Meter, cpu_seconds, memory_mb};
use crate::options::Options;
use crate::plan::{self, Growing, ROLE, Shape};
use crate::plans::{LARGE, submit_in_child};
use crate::report::{Bar, Group, Row};

const AGENTS: u32 = 1_000;
const MOST_WORKER_MB: f64 = 12.0;
const MOST_WORKER_CPU: f64 = 0.3;
const MOST_MASTER_MB: f64 = 40.0;
/// How long an agent may take until it waits for tasks: it looks after its images first.
const START: Duration = Duration::from_secs(90);
/// After which a process that has started is at rest.
const REST: Duration = Duration::from_secs(3);
/// How long a process may take to end.
const END: Duration = Duration::from_secs(20);

/// A thousand agents in one process.
pub(crate) async fn thousand(options: &Options) -> Result<Group> {
    let (mut commands, mut cpu, mut busy, mut waits) = (vec![], vec![], vec![], vec![]);
    for _ in 0..options.runs() {
        let server = options.redis()?;
        let alone = wait_among(&server, 1).await?;
        server.command::<String>(&["FLUSHALL"])?;
        let growing = Growing::start(plan::client(&server.url()).await?).await?;
        let mut crew = Crew::of(&server, 1, &format!("idlers {AGENTS}")).await?;
        crew.go().await?;
        tokio::time::sleep(REST).await;
        let meter = Meter::start(&server)?;
        let process = crew.pids().first().copied().context("the agents have a process")?;
        let before = cpu_seconds(process)?;
        tokio::time::sleep(Duration::from_secs(options.pick(5, 20))).await;
        let spent = meter.stop()?;
        busy.push((cpu_seconds(process)? - before) / spent.seconds * 100.0);
        commands.push(spent.commands / spent.seconds);
        cpu.push(spent.cpu_us / 1e4 / spent.seconds);
        let among = one_by_one(growing, crew, options.pick(50, 200)).await?;
        waits.push((among, alone));
    }
    let of = |pick: fn((f64, f64)) -> f64| -> Vec<(f64, f64)> {
        waits.iter().map(|(among, alone)| (pick(*among), pick(*alone))).collect()
    };
    let name = |what: &str| format!("{AGENTS} idle agents: {what}");
    let rows = vec![
        Row::alone(name("commands"), "1/s", commands).note("those inside scripts included"),
        Row::alone(name("Redis CPU"), "%", cpu).note("of one processor"),
        Row::alone(name("their own CPU"), "%", busy)
            .note("of the one processor that they share here: near 100 they are late, not Redis"),
        Row::against(name("handed over → start, p50"), "ms", &of(|(p50, _)| p50))
            .note("limit: one idle agent"),
        Row::against(name("handed over → start, p99"), "ms", &of(|(_, p99)| p99)),
    ];
    Ok(Group { title: "A fleet that waits".into(), rows })
}

async fn wait_among(server: &RedisServer, agents: u32) -> Result<(f64, f64)> {
    let growing = Growing::start(plan::client(&server.url()).await?).await?;
    let mut crew = Crew::of(server, 1, &format!("idlers {agents}")).await?;
    crew.go().await?;
    one_by_one(growing, crew, 50).await
}

/// Real processes: an agent and a master at rest, a master beside a large plan.
pub(crate) async fn processes(options: &Options) -> Result<Group> {
    let server = options.redis()?;
    let client = plan::client(&server.url()).await?;
    let stretch = Duration::from_secs(options.pick(10, 30));
    let (agent, what) = agent(&client).await?;
    let (agent_cpu, agent_mb) = agent.at_rest(stretch).await?;
    agent.end().await?;
    let master = Process::start("codegod-master", &client, &[])?;
    let (master_cpu, master_mb) = master.at_rest(stretch).await?;
    master.end().await?;

    // A master that is there already would plan the goal by itself; one that comes later finds it running.
    let submitted = submit_in_child(&server, Shape::Layers, LARGE).await?;
    let master = Process::start("codegod-master", &client, &[])?;
    tokio::time::sleep(REST).await;
    let mut crew = Crew::of(&server, 2, &format!("worker {ROLE} 1 {} counts", u64::MAX)).await?;
    crew.go().await?;
    crew.until(LARGE.into()).await?;
    crew.end().await?;
    let peak = memory_mb(master.pid()?, "VmHWM")?;
    master.end().await?;

    let rows = vec![
        Row::alone(format!("{what}, idle: CPU"), "%", vec![agent_cpu]).bar(Bar::AtMost(MOST_WORKER_CPU)),
        Row::alone(format!("{what}, idle: resident"), "MB", vec![agent_mb]).bar(Bar::AtMost(MOST_WORKER_MB)),
        Row::alone("codegod-master, idle: CPU", "%", vec![master_cpu]),
        Row::alone("codegod-master, idle: resident", "MB", vec![master_mb]).bar(Bar::AtMost(MOST_MASTER_MB)),
        Row::alone(format!("submitting {LARGE} tasks: peak resident"), "MB", vec![submitted.value("peak")?])
            .bar(Bar::AtMost(MOST_MASTER_MB))
            .note("a process that does with the plan what a master does, and no more"),
        Row::alone(format!("codegod-master beside {LARGE} tasks: peak resident"), "MB", vec![peak])
            .bar(Bar::AtMost(MOST_MASTER_MB))
            .note("a real master while that plan runs"),
    ];
    Ok(Group { title: "Processes at rest".into(), rows })
}

/// An agent that waits for tasks: a real one, or without Docker the one that needs none; and what it is.
async fn agent(client: &Client) -> Result<(Process, String)> {
    let mut docker = std::process::Command::new("docker");
    docker.arg("version").stdout(Stdio::null()).stderr(Stdio::null());
    if docker.status().is_ok_and(|status| status.success()) {
        let agent = Process::start("backend-agent", client, &[])?;
        if agent.waits(client).await? {
            return Ok((agent, "backend-agent".to_owned()));
        }
        agent.end().await?;
    }
    let agent = Process::start("noop-agent", client, &[("AGENT_ROLE", ROLE.name())])?;
    if !agent.waits(client).await? {
        bail!("the agent does not come to rest:\n{}", agent.log());
    }
    Ok((agent, "noop-agent (no Docker here)".to_owned()))
}

/// A process of codegod's, killed when dropped.
struct Process {
    child: Child,
    folder: tempfile::TempDir,
}

impl Process {
    fn start(name: &str, client: &Client, variables: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let path: &Path = &binary(name)?;
        let child = Command::new(path)
            .env("REDIS_URL", client.url())
            .env("CODEGOD_PREFIX", client.keys().prefix())
            .env("CODEGOD_STATE_DIR", folder.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { child, folder })
    }

    fn pid(&self) -> Result<u32> {
        self.child.id().with_context(|| format!("it has ended:\n{}", self.log()))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Whether it waits for tasks, some time after its start.
    async fn waits(&self, client: &Client) -> Result<bool> {
        let (pid, began) = (self.pid()?, Instant::now());
        while began.elapsed() < START {
            let agents = client.agents().await?;
            if agents.iter().any(|agent| agent.pid == pid && agent.phase == Phase::Idle) {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(false)
    }

    /// The processor time that it takes, in per cent of one, and the memory in which it lives then, in MB.
    async fn at_rest(&self, stretch: Duration) -> Result<(f64, f64)> {
        tokio::time::sleep(REST).await;
        let (pid, began) = (self.pid()?, Instant::now());
        let before = cpu_seconds(pid)?;
        tokio::time::sleep(stretch).await;
        let spent = cpu_seconds(pid)? - before;
        Ok((spent / began.elapsed().as_secs_f64() * 100.0, memory_mb(pid, "VmRSS")?))
    }

    /// Ends it as a user would.
    async fn end(mut self) -> Result<()> {
        signal("TERM", self.pid()?)?;
        let ended = tokio::time::timeout(END, self.child.wait()).await;
        ended.with_context(|| format!("it did not end within {END:?}:\n{}", self.log()))??;
        Ok(())
    }
}
