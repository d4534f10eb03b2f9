//! An agent: a worker process of one role that claims tasks, has them worked on, and says that it lives.
//!
//! Its loop goes by turns: one call to Redis publishes what was finished and claims what comes next. A
//! turn that failed may have been carried out all the same: so it is repeated with the same result, and
//! before that the agent hands back what Redis thinks it holds and it never heard of.

mod finished;
mod knowledge;
mod lease;
mod pulse;
mod start;
mod status;

pub use start::{main, main_with};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use codegod_protocol::agent::Phase;
use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{self, Claim, Claimed, Client, Listener, PublishOutcome, Turn, Worker};
use codegod_protocol::id::{AgentId, TaskId};
use codegod_protocol::memory::{CompletedTask, Memory};
use codegod_protocol::result::{ResultStatus, TaskResult};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::executor::{Ending, Executor, HandBack, failure};
use crate::journal::push_bounded;
use crate::settings::Settings;
use crate::stop::Stop;
use finished::{Finished, Stay};
use lease::Lease;
use pulse::Pulse;
use status::{Status, note_of};

/// How long an idle agent waits to be rung for before it looks by itself: bells are hints, and may be
/// lost with a connection.
const BELL_WAIT_SECONDS: u64 = 1;
/// How long an agent that ends waits to be let go; what it holds then is free when its leases run out.
const LEAVE_PATIENCE: Duration = Duration::from_secs(1);
/// The wait after the connection for bells broke.
const BELL_RETRY: Duration = Duration::from_millis(250);
/// How often an executor that can't work now is asked again.
const ADMISSION_INTERVAL: Duration = Duration::from_secs(1);
/// How long an executor may take to say whether it can work, and how long while a result waits to be
/// published: then it is published at once, and the next task claimed with the next turn.
const ADMISSION_PATIENCE: Duration = Duration::from_secs(10);
const ADMISSION_HASTE: Duration = Duration::from_millis(200);

/// A running agent.
struct Agent<E> {
    id: AgentId,
    settings: Settings,
    client: Client,
    worker: Worker,
    listener: Listener,
    executor: E,
    memory: Arc<Mutex<Memory>>,
    phase: watch::Sender<Phase>,
    status: Status,
    pulse: Pulse,
    backoff: Backoff,
    /// An answer may have been lost: Redis may think that the agent has a task of which it knows nothing.
    in_doubt: AtomicBool,
    /// Take no more tasks.
    drain: CancellationToken,
    /// End now.
    shutdown: CancellationToken,
}

impl<E: Executor> Agent<E> {
    /// Claims and works until it is told to end.
    async fn run(mut self) {
        let mut finished = None;
        while finished.is_some() || !self.drain.is_cancelled() {
            let place = self.place(finished.is_some()).await;
            if place.is_none() && finished.is_none() {
                upkeep(&self.client, &self.settings).await;
                self.rest(ADMISSION_INTERVAL).await;
                continue;
            }
            finished = match self.turn(finished.as_ref(), usize::from(place.is_some())).await {
                Ok(turn) => self.go_on(finished, turn, place).await,
                Err(error) => {
                    drop(place);
                    self.bear(finished, &error).await
                }
            };
        }
        self.phase.send_replace(Phase::Draining);
        self.take_leave().await;
        self.executor.close().await;
        self.phase.send_replace(Phase::Stopped);
        self.pulse.stop().await;
    }

    /// Has nobody ring any more, and hands back what a bell may have brought when nobody listened.
    async fn take_leave(&self) {
        let left = self.client.recover(&self.id, &[]);
        if let Ok(Err(error)) = tokio::time::timeout(LEAVE_PATIENCE, left).await {
            tracing::debug!(agent.id = %self.id, %error, "could not take leave");
        }
    }

    /// Leave to work on one more task, if the agent is to and its executor can.
    async fn place(&self, result_waits: bool) -> Option<E::Place> {
        let patience = if result_waits { ADMISSION_HASTE } else { ADMISSION_PATIENCE };
        let asked = tokio::time::timeout(patience, self.executor.admission());
        let waiting = match self.drain.run_until_cancelled(asked).await? {
            Ok(Ok(place)) => return Some(place),
            Ok(Err(waiting)) => waiting,
            Err(_) if result_waits => return None,
            Err(_) => "waiting for the host: it does not say whether it has room for a task".to_owned(),
        };
        if !result_waits {
            self.phase.send_replace(Phase::Idle);
            self.status.note(Some(waiting));
        }
        None
    }

    /// Publishes what was finished and claims the next.
    async fn turn(&mut self, finished: Option<&Finished>, wanted: usize) -> Result<Turn, client::Error> {
        let results = finished.map(|finished| &finished.result);
        if self.in_doubt.load(Ordering::Relaxed) {
            let known: Vec<TaskId> = results.iter().map(|result| result.task.clone()).collect();
            let given = self.client.recover(&self.id, &known).await?;
            if given > 0 {
                tracing::warn!(agent.id = %self.id, given, "handed back what a lost answer had given");
            }
            self.in_doubt.store(false, Ordering::Relaxed);
        }
        let results = results.map(std::slice::from_ref).unwrap_or_default();
        self.client.turn(&mut self.worker, results, wanted).await
    }

    /// Does what a turn asks for. Returns what is to be published with the next.
    async fn go_on(
        &mut self,
        finished: Option<Finished>,
        mut turn: Turn,
        place: Option<E::Place>,
    ) -> Option<Finished> {
        self.backoff.reset();
        if let (Some(finished), Some(outcome)) = (finished, turn.outcomes.first()) {
            self.settle(finished, *outcome).await;
        }
        match turn.claims.pop() {
            Some(Claim::Task(claimed)) => {
                self.status.note(None);
                let upkeep = async {
                    if turn.upkeep_due {
                        upkeep(&self.client, &self.settings).await;
                    }
                };
                tokio::join!(self.work(*claimed), upkeep).0
            }
            Some(Claim::Undecodable { task, attempt, reason }) => {
                Some(self.refuse(task, attempt, reason).await)
            }
            None => {
                let looked = place.is_some();
                // A place that is kept without a task promises the host's memory to nobody.
                drop(place);
                if turn.upkeep_due {
                    upkeep(&self.client, &self.settings).await;
                }
                if looked && !turn.ask_again {
                    let brought = self.idle(turn.paused).await?;
                    return self.take(brought).await;
                }
                None
            }
        }
    }

    /// Works on what a bell brought, if there still is room for it. Returns what is to be published.
    async fn take(&mut self, claim: Claim) -> Option<Finished> {
        let claimed = match claim {
            Claim::Task(claimed) => claimed,
            Claim::Undecodable { task, attempt, reason } => {
                return Some(self.refuse(task, attempt, reason).await);
            }
        };
        let Some(_place) = self.place(false).await else {
            let why = if self.drain.is_cancelled() { HandBack::Shutdown } else { HandBack::NoRoom };
            self.hand_back(&claimed.task.id, claimed.attempt, why).await;
            return None;
        };
        self.status.note(None);
        self.work(*claimed).await
    }

    /// Waits until something may have come, and looks after the role's queue as often as its leases ask for.
    /// Returns the task that came, if it was brought.
    async fn idle(&mut self, paused: bool) -> Option<Claim> {
        self.phase.send_replace(Phase::Idle);
        self.status.note(paused.then(|| "the fleet is paused".to_owned()));
        let (client, settings) = (&self.client, &self.settings);
        let looking = async {
            loop {
                tokio::time::sleep(upkeep_interval(settings.lease_ms)).await;
                upkeep(client, settings).await;
            }
        };
        let rung = tokio::select! {
            rung = self.listener.wait_for_bell(&mut self.worker, BELL_WAIT_SECONDS) => rung,
            () = self.drain.cancelled() => return None,
            () = looking => return None,
        };
        match rung {
            Ok(brought) => brought,
            Err(error) => {
                // A bell may have been rung that nobody heard.
                self.doubt();
                self.status.note(Some(note_of(&error)));
                self.rest(BELL_RETRY).await;
                None
            }
        }
    }

    /// Waits after Redis failed. Returns what is still to be published.
    async fn bear(&mut self, finished: Option<Finished>, error: &client::Error) -> Option<Finished> {
        tracing::debug!(agent.id = %self.id, %error, "a turn failed");
        self.doubt();
        self.status.note(Some(note_of(error)));
        let kept = finished.and_then(|finished| finished.after(error, self.stay(), Instant::now()));
        if kept.is_none() {
            self.status.task(None);
        }
        let delay = self.backoff.next_delay();
        self.rest(delay).await;
        kept
    }

    /// Has the next turn look for attempts that Redis thinks the agent has.
    fn doubt(&self) {
        self.in_doubt.store(true, Ordering::Relaxed);
    }

    fn stay(&self) -> Stay {
        if self.shutdown.is_cancelled() {
            Stay::ShutsDown
        } else if self.drain.is_cancelled() {
            Stay::Drains
        } else {
            Stay::Stays
        }
    }

    /// Waits; not longer when the agent is told to end meanwhile.
    async fn rest(&self, time: Duration) {
        let told = if self.drain.is_cancelled() { &self.shutdown } else { &self.drain };
        let wait = tokio::time::sleep(time);
        if told.is_cancelled() {
            wait.await;
        } else {
            let _ended_early = told.run_until_cancelled(wait).await;
        }
    }

    /// Refuses what this agent can't read: trying again would not help.
    async fn refuse(&self, task: TaskId, attempt: u32, reason: String) -> Finished {
        tracing::error!(task.id = %task, attempt, reason, "a task can't be read");
        if let Err(error) = self.client.quarantine("plan", &task.to_string(), &reason).await {
            tracing::warn!(task.id = %task, %error, "it could not be put aside");
        }
        let title = task.to_string();
        Finished::new(failure(&self.id, task, attempt, ResultStatus::FailedForGood, reason), title, None)
    }

    /// Has a task worked on. Returns what is to be published.
    async fn work(&self, claimed: Claimed) -> Option<Finished> {
        let (task, title, attempt) = (claimed.task.id.clone(), claimed.task.title.clone(), claimed.attempt);
        tracing::info!(task.id = %task, attempt, %title, "claimed");
        self.status.task(Some((&task, attempt, &title)));
        let stop = Stop::default();
        let lease = Lease::hold(self, &claimed, &stop);
        match self.executor.attempt(claimed, stop).await {
            Ending::Result(result) => return Some(Finished::new(*result, title, Some(lease))),
            Ending::HandedBack(why) => self.hand_back(&task, attempt, why).await,
            Ending::ThrownAway => {
                tracing::warn!(task.id = %task, attempt, "the attempt is thrown away");
                // When Redis was away for too long, the task may be the agent's still.
                self.doubt();
            }
        }
        lease.release().await;
        self.status.task(None);
        self.memory.lock().await.current_task = None;
        self.pulse.memory_changed();
        None
    }

    async fn hand_back(&self, task: &TaskId, attempt: u32, why: HandBack) {
        tracing::warn!(task.id = %task, attempt, reason = why.reason(), "handed back");
        if let Err(error) = self.client.release(&self.id, task, attempt, why.reason()).await {
            tracing::warn!(task.id = %task, %error, "could not be handed back; with the next turn, then");
            self.doubt();
        }
    }

    /// Ends a finished attempt with what came of its publishing.
    async fn settle(&mut self, finished: Finished, outcome: PublishOutcome) {
        let Finished { result, title, lease, .. } = finished;
        match outcome {
            PublishOutcome::Published => {
                let (status, seconds) = (result.status.name(), result.seconds);
                tracing::info!(task.id = %result.task, status, seconds, "published");
                self.status.count(&result);
            }
            PublishOutcome::Stale => {
                let attempt = result.attempt;
                tracing::warn!(task.id = %result.task, attempt, "stale: the work is thrown away");
            }
        }
        if let Some(lease) = lease {
            lease.release().await;
        }
        self.status.task(None);
        self.remember(title, result).await;
    }

    /// Keeps what was done in the agent's memory, which the next heartbeat stores: a task costs no call
    /// of its own for it.
    async fn remember(&self, title: String, result: TaskResult) {
        let mut memory = self.memory.lock().await;
        memory.current_task = None;
        let TaskResult { task, verdict, seconds, .. } = result;
        push_bounded(&mut memory.completed_tasks, CompletedTask { task, title, verdict, seconds });
        self.pulse.memory_changed();
    }
}

/// Looks after the role's queue.
async fn upkeep(client: &Client, settings: &Settings) {
    if let Err(error) = client.tick(settings.role, settings.lease_ms).await {
        tracing::debug!(%error, "the queue was not looked after");
    }
}

/// How often an idle agent looks after its role's queue: well within half a lease, because after a silence of
/// that length those who hold leases get more time.
fn upkeep_interval(lease_ms: u64) -> Duration {
    (Duration::from_millis(lease_ms) / 5).clamp(Duration::from_millis(200), Duration::from_secs(2))
}
