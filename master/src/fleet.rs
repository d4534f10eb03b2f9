//! The fleet on this host: as many worker processes of each role as are wanted.
//!
//! A reconciler: every second it compares what is wanted with what lives, and starts or drains the
//! difference. It holds no other state than the processes it started, so a master that was killed is
//! followed by one that finds its agents in the heartbeats and goes on with them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;

use codegod_protocol::agent::{AgentStatus, Phase};
use codegod_protocol::client::{Access, Client, Command as Told, Error, now_ms};
use codegod_protocol::id::Role;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::settings::{FleetKeeping, Settings};

const INTERVAL: Duration = Duration::from_secs(1);
/// One master looks after a host; another takes over after this many seconds.
pub(crate) const HOST_LEASE_SECONDS: u64 = 5;
/// A started worker says that it lives within this time, or counts no more.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// The wait before a role's next worker is started after one ended by itself; it doubles each time.
const FIRST_RESTART_WAIT: Duration = Duration::from_secs(1);
const LONGEST_RESTART_WAIT: Duration = Duration::from_secs(60);
/// How long agents may take to end when the master does.
const END_PATIENCE: Duration = Duration::from_secs(15);
/// And how long a killed one, which only the kernel can hold up.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

/// A worker process of this master.
struct Worker {
    role: Role,
    child: Child,
    /// Its process id; the child does not tell it any more once it has ended.
    pid: u32,
    started: Instant,
}

/// How a role's starts went.
#[derive(Default)]
struct Restarts {
    wait: Option<Duration>,
    not_before: Option<Instant>,
}

struct Fleet {
    client: Client,
    settings: Settings,
    workers: Vec<Worker>,
    restarts: BTreeMap<Role, Restarts>,
    /// Process ids of workers that ended and may still be on the list of agents.
    ended: Vec<u32>,
}

/// Keeps the fleet at its size until told to stop; then ends the agents of this host.
pub(crate) async fn keep_size(client: Client, settings: Settings, stop: CancellationToken) {
    if settings.keeping == FleetKeeping::Nobody {
        return stop.cancelled().await;
    }
    let mut fleet =
        Fleet { client, settings, workers: Vec::new(), restarts: BTreeMap::new(), ended: Vec::new() };
    loop {
        if let Err(error) = fleet.reconcile().await {
            tracing::debug!(%error, "the fleet could not be looked at");
        }
        if stop.run_until_cancelled(sleep(INTERVAL)).await.is_none() {
            break;
        }
    }
    fleet.end().await;
}

impl Fleet {
    async fn reconcile(&mut self) -> Result<(), Error> {
        self.bury();
        self.strike_off().await?;
        if !self.client.lease_host(&self.settings.host, HOST_LEASE_SECONDS).await? {
            return Ok(());
        }
        let wanted = self.client.desired_fleet().await?;
        let agents = self.client.agents().await?;
        self.forget_dead(&agents).await?;
        let now = now_ms();
        let here: Vec<&AgentStatus> =
            agents.iter().filter(|agent| agent.host == self.settings.host && agent.is_alive(now)).collect();
        for role in Role::ALL {
            let wanted = wanted.get(&role).copied().unwrap_or(0) as usize;
            let living: Vec<&&AgentStatus> =
                here.iter().filter(|agent| agent.role == role && agent.phase != Phase::Draining).collect();
            let starting = self.starting(role, &here);
            let have = living.len() + starting;
            if have < wanted {
                self.start(role, wanted - have);
            }
            // The idle go first, then the youngest.
            let mut extra: Vec<&&&AgentStatus> = living.iter().collect();
            extra.sort_by_key(|agent| (agent.phase != Phase::Idle, std::cmp::Reverse(agent.started_ms)));
            for agent in extra.into_iter().take(living.len().saturating_sub(wanted)) {
                tracing::info!(agent.id = %agent.id, "told to drain");
                self.client.tell(&agent.id, Told::Drain).await?;
            }
        }
        Ok(())
    }

    /// Workers of a role that were started and are not in the heartbeats yet.
    fn starting(&self, role: Role, here: &[&AgentStatus]) -> usize {
        let unheard = |worker: &&Worker| {
            worker.role == role
                && worker.started.elapsed() < START_PATIENCE
                && !here.iter().any(|agent| agent.pid == worker.pid)
        };
        self.workers.iter().filter(unheard).count()
    }

    /// Takes note of workers that ended by themselves.
    fn bury(&mut self) {
        let (restarts, ended) = (&mut self.restarts, &mut self.ended);
        self.workers.retain_mut(|worker| match worker.child.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) => {
                ended.push(worker.pid);
                tracing::info!(role = %worker.role, %status, "a worker ended");
                let role = restarts.entry(worker.role).or_default();
                if status.success() {
                    *role = Restarts::default();
                } else {
                    let wait =
                        role.wait.map_or(FIRST_RESTART_WAIT, |wait| (wait * 2).min(LONGEST_RESTART_WAIT));
                    // One that lived for a while did not fail to start.
                    let wait =
                        if worker.started.elapsed() > START_PATIENCE { FIRST_RESTART_WAIT } else { wait };
                    role.wait = Some(wait);
                    role.not_before = Some(Instant::now() + wait);
                }
                false
            }
            Err(error) => {
                tracing::warn!(role = %worker.role, %error, "a worker can't be waited for");
                false
            }
        });
    }

    /// Takes workers off the list that ended without doing so themselves (they were killed): at once, so
    /// that others are started and what they left in Docker is removed.
    async fn strike_off(&mut self) -> Result<(), Error> {
        if self.ended.is_empty() {
            return Ok(());
        }
        let agents = self.client.agents().await?;
        let is_ours =
            |agent: &&AgentStatus| agent.host == self.settings.host && self.ended.contains(&agent.pid);
        for agent in agents.iter().filter(is_ours) {
            tracing::info!(agent.id = %agent.id, pid = agent.pid, "killed; taken off the list");
            self.client.remove_agent(&agent.id).await?;
        }
        self.ended.clear();
        Ok(())
    }

    /// Takes agents of this host off the list that died without a word: their process is gone.
    async fn forget_dead(&self, agents: &[AgentStatus]) -> Result<(), Error> {
        for agent in agents.iter().filter(|agent| agent.host == self.settings.host) {
            if !is_agent(agent.pid) && !agent.is_alive(now_ms()) {
                tracing::info!(agent.id = %agent.id, pid = agent.pid, "dead; taken off the list");
                self.client.remove_agent(&agent.id).await?;
            }
        }
        Ok(())
    }

    fn start(&mut self, role: Role, count: usize) {
        let waiting = self.restarts.get(&role).and_then(|restarts| restarts.not_before);
        if waiting.is_some_and(|until| Instant::now() < until) {
            return;
        }
        for _ in 0..count {
            match self.spawn(role) {
                Ok(child) => {
                    let pid = child.id().unwrap_or_default();
                    tracing::info!(%role, pid, "a worker was started");
                    self.workers.push(Worker { role, child, pid, started: Instant::now() });
                }
                Err(error) => {
                    let binary = self.settings.binaries.join(role.binary());
                    tracing::error!(binary = %binary.display(), %error, "a worker could not be started");
                    let restarts = self.restarts.entry(role).or_default();
                    restarts.not_before = Some(Instant::now() + LONGEST_RESTART_WAIT);
                    return;
                }
            }
        }
    }

    fn spawn(&self, role: Role) -> std::io::Result<Child> {
        let mut command = Command::new(self.settings.binaries.join(role.binary()));
        command.env("AGENT_ROLE", role.name()).env("CODEGOD_HOST", &self.settings.host);
        // Where workers have a user of their own at Redis, one who may do less, they are not given ours.
        command.envs(Access::environment_of_workers()).env_remove("REDIS_WORKER_PASSWORD");
        // A group of its own: a Ctrl-C meant for the master does not reach it, and it outlives a killed one.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(folder) = &self.settings.logs {
            std::fs::create_dir_all(folder)?;
            let log = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder.join(format!("{}.log", role.binary())))?;
            command.stderr(log);
        }
        command.spawn()
    }

    /// Takes off the list whoever was killed, so that the last sweep takes their containers for nobody's.
    async fn bury_the_rest(&mut self) {
        for worker in &mut self.workers {
            if tokio::time::timeout(KILL_PATIENCE, worker.child.wait()).await.is_err() {
                tracing::warn!(role = %worker.role, pid = worker.pid, "a killed worker still does not end");
            }
        }
        self.bury();
        if let Err(error) = self.strike_off().await {
            tracing::warn!(%error, "killed workers are still on the list of agents");
        }
    }

    /// Tells every agent of this host to end, and waits for it, those of an earlier master as well; whoever
    /// does not end is killed.
    async fn end(mut self) {
        if let Ok(false) = self.client.lease_host(&self.settings.host, HOST_LEASE_SECONDS).await {
            return;
        }
        // Without Redis it knows those that it started itself.
        let agents = self.client.agents().await.unwrap_or_default();
        let now = now_ms();
        let mut pids: BTreeSet<u32> = agents
            .iter()
            .filter(|agent| agent.host == self.settings.host && agent.is_alive(now))
            .map(|agent| agent.pid)
            .collect();
        pids.extend(self.workers.iter().map(|worker| worker.pid));
        for pid in &pids {
            signal(*pid, "-TERM").await;
        }
        let give_up = Instant::now() + END_PATIENCE;
        while Instant::now() < give_up {
            self.bury();
            // Not by the list of agents: they leave it before their process ends.
            pids.retain(|pid| is_agent(*pid));
            if pids.is_empty() {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        for pid in pids {
            tracing::warn!(pid, "a worker did not end and is killed");
            signal(pid, "-KILL").await;
            self.ended.push(pid);
        }
        self.bury_the_rest().await;
    }
}

/// Whether a process of this host is a living agent: a pid from Redis may since belong to another.
fn is_agent(pid: u32) -> bool {
    // `pid (name) state …`; the name is cut after 15 bytes, and Z is a process that only waits to be buried.
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let Some((head, tail)) = stat.rsplit_once(") ") else { return false };
    let Some((_, name)) = head.split_once('(') else { return false };
    let is_binary = |role: &Role| role.binary().starts_with(name);
    !name.is_empty() && Role::ALL.iter().any(is_binary) && !tail.starts_with('Z')
}

/// Sends a signal to an agent, and to nobody else. By the command, because the standard library can't.
async fn signal(pid: u32, name: &str) {
    if !is_agent(pid) {
        return;
    }
    if let Err(error) = Command::new("kill").args([name, &pid.to_string()]).status().await {
        tracing::warn!(pid, %error, "an agent could not be told to end");
    }
}
