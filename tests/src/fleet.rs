//! A whole codegod of the test's own: Redis, master, agents, all ended and swept when dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use codegod_protocol::client::{Client, GoalView, Planning, PlanningOutcome, now_ms};
use codegod_protocol::goal::Goal;
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_protocol::task::Task;

use crate::plans;
use crate::redis_server::RedisServer;

/// A running codegod.
pub struct Fleet {
    /// Its Redis.
    pub redis: RedisServer,
    /// A client of it.
    pub client: Client,
    state: tempfile::TempDir,
    master: Option<Child>,
}

impl Fleet {
    /// Starts Redis, a master, and `agents` of each role; waits until all of them have said that they live.
    ///
    /// # Errors
    /// When something does not start within a minute; its log is part of the error.
    pub async fn start(agents: &[(Role, u32)]) -> Result<Self> {
        let redis = RedisServer::start()?;
        let client = Client::connect(&redis.url(), "codegod:", "test").await?;
        for (role, count) in agents {
            client.scale(*role, *count).await?;
        }
        let mut fleet = Self { redis, client, state: tempfile::tempdir()?, master: None };
        fleet.start_master()?;
        let wanted: u32 = agents.iter().map(|(_, count)| count).sum();
        let deadline = Instant::now() + Duration::from_secs(60);
        while fleet.alive().await? < wanted as usize {
            if Instant::now() > deadline {
                bail!("the fleet did not come up:\n{}", fleet.logs());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(fleet)
    }

    /// One agent of each role.
    ///
    /// # Errors
    /// As [`Fleet::start`].
    pub async fn one_of_each() -> Result<Self> {
        Self::start(&Role::ALL.map(|role| (role, 1))).await
    }

    /// Kills the master (SIGKILL). Its agents live on.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_master(&mut self) -> Result<()> {
        let mut master = self.master.take().context("there is no master")?;
        master.kill()?;
        master.wait()?;
        Ok(())
    }

    /// Starts a master.
    ///
    /// # Errors
    /// When its binary has not been built or can't be run.
    pub fn start_master(&mut self) -> Result<()> {
        let log = self.state.path().join("master.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let master = Command::new(binary("codegod-master")?)
            .env("REDIS_URL", self.redis.url())
            .env("CODEGOD_STATE_DIR", self.state.path())
            .env("CODEGOD_LEASE_MS", "4000")
            .env("LOG_LEVEL", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting the master")?;
        self.master = Some(master);
        Ok(())
    }

    async fn alive(&self) -> Result<usize> {
        Ok(self.processes().await?.len())
    }

    /// The process ids of all agents that say that they live.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn processes(&self) -> Result<BTreeSet<u32>> {
        let now = now_ms();
        let agents = self.client.agents().await?;
        Ok(agents.into_iter().filter(|agent| agent.is_alive(now)).map(|agent| agent.pid).collect())
    }

    /// Waits until `holds` gives something.
    ///
    /// # Errors
    /// When it has given nothing for `limit`; `what` was waited for.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut holds: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(found) = holds().await? {
                return Ok(found);
            }
            ensure!(Instant::now() < deadline, "not within {limit:?}: {what}\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Submits a goal without a workspace.
    ///
    /// # Errors
    /// When Redis does not take it.
    pub async fn submit(&self, text: &str) -> Result<GoalId> {
        self.submit_goal(plans::goal(text)).await
    }

    /// Submits a goal.
    ///
    /// # Errors
    /// When Redis does not take it.
    pub async fn submit_goal(&self, goal: Goal) -> Result<GoalId> {
        self.client.submit_goal(&goal).await?;
        Ok(goal.id)
    }

    /// Starts a goal with a plan of the test's own. The goal is never in the goals stream: a master would
    /// plan it from its text.
    ///
    /// # Errors
    /// When Redis does not take it.
    pub async fn start_plan(&self, goal: &Goal, tasks: &[Task]) -> Result<GoalId> {
        let keys = self.client.keys();
        let mut raw = redis::Client::open(self.redis.url())?.get_connection()?;
        redis::pipe()
            .atomic()
            .hset(keys.goal(&goal.id), "goal", serde_json::to_string(goal)?)
            .hset(keys.goal(&goal.id), "state", "queued")
            .persist(keys.blobs(&goal.id))
            .lpush(keys.recent_goals(), goal.id.as_str())
            .exec(&mut raw)?;
        let Planning::Begun(token) = self.client.begin_planning(&goal.id).await? else {
            bail!("{} can't be planned", goal.id);
        };
        let outcome = self.client.submit_plan(&goal.id, &token, &plans::intent(), tasks).await?;
        ensure!(outcome == PlanningOutcome::Accepted, "the plan was not taken: {outcome:?}");
        Ok(goal.id.clone())
    }

    /// Waits until a goal has ended.
    ///
    /// # Errors
    /// When it has not within `limit`; the state of its tasks and the logs are part of the error.
    pub async fn ended(&self, goal: &GoalId, limit: Duration) -> Result<GoalView> {
        let deadline = Instant::now() + limit;
        loop {
            let view = self.client.goal_view(goal).await?;
            if view.state.is_final() {
                return Ok(view);
            }
            if Instant::now() > deadline {
                bail!("{goal} did not end within {limit:?}:\n{}\n{}", told(&view), self.logs());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until somebody works on a task of the role, and gives the agent and its process.
    ///
    /// # Errors
    /// When nobody does within a minute.
    pub async fn at_work(&self, goal: &GoalId, role: Role) -> Result<(AgentId, u32)> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let found = self.client.agents().await?.into_iter().find(|agent| {
                agent.role == role && agent.current_task.as_ref().is_some_and(|task| task.goal() == goal)
            });
            if let Some(agent) = found {
                return Ok((agent.id, agent.pid));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("nobody of {role} worked on {goal}:\n{}", self.logs())
    }

    /// What master and agents logged.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut all = String::new();
        let mut files = vec![self.state.path().join("master.log")];
        if let Ok(folder) = std::fs::read_dir(self.state.path().join("log")) {
            files.extend(folder.filter_map(|entry| Some(entry.ok()?.path())));
        }
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            all.push_str(&format!("--- {}\n{text}\n", file.display()));
        }
        all
    }

    /// The fleet's state folder.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        self.state.path()
    }

    /// Ends the master, and with it its agents, as a user would.
    ///
    /// # Errors
    /// When it does not end within half a minute.
    pub async fn end_master(&mut self) -> Result<()> {
        let Some(master) = &mut self.master else { return Ok(()) };
        signal("TERM", master.id())?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while master.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("the master did not end:\n{}", self.logs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.master = None;
        Ok(())
    }

    /// Ends master and agents as a user would, and gives what is left of containers, networks and
    /// processes.
    ///
    /// # Errors
    /// When they do not end within half a minute.
    pub async fn stop(mut self) -> Result<Vec<String>> {
        let fleet = self.client.fleet_id().await?;
        let pids: Vec<u32> = self.client.agents().await?.into_iter().map(|agent| agent.pid).collect();
        self.end_master().await?;
        let mut left: Vec<String> =
            pids.into_iter().filter(|pid| is_agent(*pid)).map(|pid| format!("process {pid}")).collect();
        left.extend(docker_objects(&fleet)?);
        Ok(left)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // A failed test: everything goes at once. What can't be ended here is reported by `down`.
        if let Some(master) = &mut self.master {
            let _ = signal("TERM", master.id());
            let deadline = Instant::now() + Duration::from_secs(20);
            while Instant::now() < deadline && matches!(master.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(50));
            }
            let _ = master.kill();
            let _ = master.wait();
        }
    }
}

/// Containers, networks and volumes of a fleet, caches left out.
///
/// # Errors
/// When docker does not answer.
pub fn docker_objects(fleet: &str) -> Result<Vec<String>> {
    labelled(&format!("codegod.fleet={fleet}"))
}

/// Containers, networks and volumes with a label (`name` or `name=value`).
///
/// # Errors
/// When docker does not answer.
pub fn labelled(label: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let label = format!("label={label}");
    for (kind, arguments) in [
        ("container", vec!["ps", "-aq"]),
        ("network", vec!["network", "ls", "-q"]),
        ("volume", vec!["volume", "ls", "-q"]),
    ] {
        let out = Command::new("docker").args(arguments).args(["--filter", &label]).output()?;
        let ids = String::from_utf8_lossy(&out.stdout).into_owned();
        found.extend(ids.lines().map(|id| format!("{kind} {id}")));
    }
    Ok(found)
}

/// Whether a process is an agent that runs; one that only waits to be buried (Z) has ended.
#[must_use]
pub fn is_agent(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(head, tail)| head.contains("-agent") && !tail.starts_with('Z'))
}

/// Sends a signal to a process.
///
/// # Errors
/// When `kill` can't be run.
pub fn signal(name: &str, pid: u32) -> Result<()> {
    Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status()?;
    Ok(())
}

/// A binary of this workspace, built beside the test that is running.
///
/// # Errors
/// When it has not been built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("finding the folder of the binaries")?;
    let path = folder.join(name);
    if !path.exists() {
        bail!("{} has not been built: run `cargo build --workspace` first", path.display());
    }
    Ok(path)
}

/// A goal's tasks, a line each, with what the failed ones said.
#[must_use]
pub fn told(view: &GoalView) -> String {
    let mut lines =
        vec![format!("{} {} {}", view.goal.id, view.state.name(), view.error.clone().unwrap_or_default())];
    let mut by_state: BTreeMap<&str, u32> = BTreeMap::new();
    for task in &view.tasks {
        *by_state.entry(task.state.name()).or_default() += 1;
        let seconds = task.result.as_ref().map(|result| result.seconds).unwrap_or_default();
        lines.push(format!(
            "{:>3} {:<9} {:<9} {:6.1}s ×{} {} {}",
            task.task.id.number(),
            task.task.role,
            task.state.name(),
            seconds,
            task.attempts,
            task.task.title,
            task.error.clone().unwrap_or_default()
        ));
    }
    lines.push(format!("{by_state:?}"));
    lines.join("\n")
}
