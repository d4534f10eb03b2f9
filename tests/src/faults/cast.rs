//! Who takes part: Redis, masters and agents, each a process of its own with its own way to Redis.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use codegod_protocol::id::{AgentId, Role};

use super::gate::Gate;
use crate::fleet::signal;
use crate::redis_server::RedisServer;

/// The exit code of a process that does not reach Redis at its start (EX_UNAVAILABLE of sysexits.h).
const UNREACHABLE: i32 = 69;

/// The programs that take part.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `noop-agent`.
    pub agent: PathBuf,
    /// `codegod-master`.
    pub master: PathBuf,
}

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// An agent of a role.
    Worker(Role),
    /// A master.
    Master,
}

/// A process that is started again whenever it has ended.
#[derive(Debug)]
pub struct Member {
    /// What it is.
    pub part: Part,
    /// `worker 3 (testing)`, `master 1`.
    pub name: String,
    /// Its way to Redis.
    pub gate: Gate,
    program: PathBuf,
    lease: Duration,
    folder: PathBuf,
    /// How many processes it has been; each has a log of its own.
    lives: u32,
    child: Option<Child>,
}

impl Member {
    /// Starts its next process.
    ///
    /// # Errors
    /// When the program can't be run.
    pub fn start(&mut self) -> Result<()> {
        self.lives += 1;
        let log = std::fs::File::create(self.log_file(self.lives))?;
        let mut command = Command::new(&self.program);
        if let Part::Worker(role) = self.part {
            command.env("AGENT_ROLE", role.name());
        }
        let child = command
            .env("REDIS_URL", self.gate.url())
            .env("CODEGOD_FLEET", "none")
            .env("CODEGOD_LEASE_MS", self.lease.as_millis().to_string())
            .env("CODEGOD_STATE_DIR", &self.folder)
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .env("LOG_LEVEL", "warn,codegod_worker::agent::start=info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    fn log_file(&self, life: u32) -> PathBuf {
        self.folder.join(format!("{}-{life}.log", self.name.replace(' ', "-")))
    }

    /// Kills it (SIGKILL), stopped or not.
    ///
    /// # Errors
    /// When it can't be killed.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Sends it a signal, if it lives.
    ///
    /// # Errors
    /// When `kill` can't be run.
    pub fn signal(&self, name: &str) -> Result<()> {
        self.child.as_ref().map_or(Ok(()), |child| signal(name, child.id()))
    }

    /// The agent that its process is; none for a master, or before it has said so.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        let log = std::fs::read_to_string(self.log_file(self.lives)).ok()?;
        let id = log.split("agent.id=").nth(1)?;
        id.split_whitespace().next()?.parse().ok()
    }

    /// Whether it runs; says why not when it has ended by itself, unless it did because Redis was not there
    /// when it started: whoever keeps processes starts such a one again.
    pub fn runs(&mut self) -> Result<bool, String> {
        let Some(child) = &mut self.child else { return Ok(false) };
        match child.try_wait() {
            Ok(None) => Ok(true),
            Ok(Some(status)) => {
                self.child = None;
                if status.code() == Some(UNREACHABLE) {
                    return Ok(false);
                }
                let log = std::fs::read_to_string(self.log_file(self.lives)).unwrap_or_default();
                Err(format!("{} ended by itself ({status}): {}", self.name, log.lines().last().unwrap_or("")))
            }
            Err(error) => Err(format!("{} can't be waited for: {error}", self.name)),
        }
    }

    /// Every panic in its logs.
    #[must_use]
    pub fn panics(&self) -> Vec<String> {
        let logs = (1..=self.lives).filter_map(|life| std::fs::read_to_string(self.log_file(life)).ok());
        let told = |log: String| log.lines().find(|line| line.contains("panicked at")).map(str::to_owned);
        logs.filter_map(told).map(|line| format!("{}: {line}", self.name)).collect()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.kill();
    }
}

/// When Redis has its append-only file written to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Once a second, which is what it does unless told otherwise. While the disk is slow it also puts off
    /// handing what it has answered to the kernel: killed at that moment, it has forgotten that.
    EverySecond,
    /// Before it answers.
    Always,
}

impl Fsync {
    /// Redis' word for it (`appendfsync`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Fsync::EverySecond => "everysec",
            Fsync::Always => "always",
        }
    }
}

/// How many of each there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Agents; the roles take turns.
    pub workers: usize,
    /// Masters.
    pub masters: usize,
}

/// Everybody.
#[derive(Debug)]
pub struct Cast {
    /// Agents first, then masters.
    pub members: Vec<Member>,
    /// The server.
    pub redis: RedisServer,
    folder: tempfile::TempDir,
}

impl Cast {
    /// Starts all of them.
    ///
    /// # Errors
    /// When one can't be started.
    pub async fn start(programs: &Programs, size: Size, lease: Duration, fsync: Fsync) -> Result<Self> {
        let redis = RedisServer::start_with(&["--appendfsync", fsync.name()])?;
        let mut cast = Self { members: Vec::new(), redis, folder: tempfile::tempdir()? };
        for (number, role) in (1..=size.workers).zip(Role::ALL.into_iter().cycle()) {
            let name = format!("worker {number} ({role})");
            cast.add(Part::Worker(role), name, &programs.agent, lease).await?;
        }
        for number in 1..=size.masters {
            cast.add(Part::Master, format!("master {number}"), &programs.master, lease).await?;
        }
        Ok(cast)
    }

    async fn add(&mut self, part: Part, name: String, program: &Path, lease: Duration) -> Result<()> {
        let gate = Gate::before(self.redis.port()).await?;
        let (program, folder) = (program.to_owned(), self.folder.path().to_owned());
        let mut member = Member { part, name, gate, program, lease, folder, lives: 0, child: None };
        member.start()?;
        self.members.push(member);
        Ok(())
    }

    /// How many agents have said that they are ready.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.members.iter().filter(|member| member.agent().is_some()).count()
    }
}
