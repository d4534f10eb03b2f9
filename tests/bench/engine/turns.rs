//! The worker of the engine's benchmarks: it takes the same turns as an agent, and does nothing with a task
//! but record it.

use std::time::Duration;

use anyhow::{Result, bail};
use codegod_protocol::client::{Claim, Claimed, Client, LEASE_MS, Listener, Worker};
use codegod_protocol::id::{AgentId, Role, TaskId};
use codegod_protocol::keys::DEFAULT_PREFIX;
use codegod_protocol::result::{ResultStatus, TaskResult};
use codegod_tests::plans;
use tokio::sync::mpsc;

/// As an agent's.
const BELL_WAIT_SECONDS: u64 = 1;

/// Where a worker records what it does. Times are those of [`now_ns`].
pub(crate) trait Log {
    /// A task that takes time has begun.
    fn started(&mut self, claimed: &Claimed, at: u64) -> Result<()>;
    /// A task is done.
    fn ended(&mut self, claimed: &Claimed, started: u64, ended: u64) -> Result<()>;
    /// Everything done is published, and nothing else is there to do.
    fn idle(&mut self) -> Result<()>;
}

/// A worker.
pub(crate) struct Hand {
    client: Client,
    listener: Listener,
    worker: Worker,
    agent: AgentId,
    /// How many tasks it works on at a time.
    room: usize,
    /// How many more it will claim.
    left: u64,
    running: usize,
    /// Those that take time, until they are published.
    held: Vec<TaskId>,
    done: Vec<TaskResult>,
}

type Woken = (Claimed, u64);

impl Hand {
    /// A worker of the role, connected to the Redis at `url`, that ends after `limit` tasks. The turn's script
    /// has been loaded.
    pub(crate) async fn hire(url: &str, role: Role, room: usize, limit: u64) -> Result<Self> {
        let agent = AgentId::random(role);
        let client = Client::connect(url, DEFAULT_PREFIX, &agent.to_string()).await?;
        let listener = client.listener().await?;
        let mut worker = Worker::new(&agent, &[]);
        client.turn(&mut worker, &[], 0).await?;
        Ok(Self {
            client,
            listener,
            worker,
            agent,
            room,
            left: limit,
            running: 0,
            held: Vec::new(),
            done: Vec::new(),
        })
    }

    /// Takes turns: publishes what is done and claims as many as it has room for.
    pub(crate) async fn work(mut self, log: &mut impl Log) -> Result<()> {
        let (sleepers, mut woken) = mpsc::unbounded_channel::<Woken>();
        loop {
            let wanted = (self.room - self.running).min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let turn = self.client.turn(&mut self.worker, &self.done, wanted).await?;
            self.held.retain(|task| !self.done.iter().any(|result| result.task == *task));
            self.done.clear();
            let claimed = turn.claims.len();
            for claim in turn.claims {
                self.take(Some(claim), log, &sleepers)?;
            }
            if turn.upkeep_due {
                self.client.tick(self.agent.role(), LEASE_MS).await?;
            }
            if self.done.is_empty() && claimed == 0 && !turn.ask_again {
                log.idle()?;
                if self.left == 0 && self.running == 0 {
                    return Ok(());
                }
                let brought = tokio::select! {
                    rung = self.listener.wait_for_bell(&mut self.worker, BELL_WAIT_SECONDS) => Ok(rung?),
                    Some(slept) = woken.recv() => Err(slept),
                };
                match brought {
                    Ok(claim) => self.take(claim, log, &sleepers)?,
                    Err(slept) => {
                        self.wake(slept, log)?;
                        // A bell may have been rung that it did not hear.
                        self.client.recover(&self.agent, &self.held).await?;
                    }
                }
            }
            while let Ok(slept) = woken.try_recv() {
                self.wake(slept, log)?;
            }
        }
    }

    fn take(
        &mut self,
        claim: Option<Claim>,
        log: &mut impl Log,
        sleepers: &mpsc::UnboundedSender<Woken>,
    ) -> Result<()> {
        match claim {
            Some(Claim::Task(claimed)) => {
                self.left = self.left.saturating_sub(1);
                self.begin(*claimed, log, sleepers)
            }
            Some(unread @ Claim::Undecodable { .. }) => bail!("a task can't be read: {unread:?}"),
            None => Ok(()),
        }
    }

    fn begin(
        &mut self,
        claimed: Claimed,
        log: &mut impl Log,
        sleepers: &mpsc::UnboundedSender<Woken>,
    ) -> Result<()> {
        let (started, ms) = (now_ns(), number(&claimed, "ms"));
        if ms == 0 {
            return self.end(claimed, started, log);
        }
        log.started(&claimed, started)?;
        self.running += 1;
        self.held.push(claimed.task.id.clone());
        let sleepers = sleepers.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let _ended = sleepers.send((claimed, started));
        });
        Ok(())
    }

    fn wake(&mut self, (claimed, started): Woken, log: &mut impl Log) -> Result<()> {
        self.running -= 1;
        self.end(claimed, started, log)
    }

    fn end(&mut self, claimed: Claimed, started: u64, log: &mut impl Log) -> Result<()> {
        log.ended(&claimed, started, now_ns())?;
        self.done.push(plans::result(&claimed, &self.agent, ResultStatus::Succeeded));
        Ok(())
    }
}

/// The monotonic clock, which all processes of a host share, in nanoseconds.
pub(crate) fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// A number of a task's metadata; none is 0.
pub(crate) fn number(claimed: &Claimed, name: &str) -> u64 {
    claimed.task.metadata.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}
