//! An agent: a worker process of one role that claims tasks, has them worked on, and says that it lives.

mod knowledge;
mod lease;
mod pulse;
mod start;

pub use start::{main, main_with};

use std::sync::Arc;
use std::time::Duration;

use codegod_protocol::agent::Phase;
use codegod_protocol::client::{self, Claim, Claimed, Client, Listener, PublishOutcome, now_ms};
use codegod_protocol::id::{AgentId, TaskId};
use codegod_protocol::memory::{CompletedTask, Memory};
use codegod_protocol::result::{ResultStatus, TaskResult};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::executor::{Ending, Executor, HandBack};
use crate::journal::push_bounded;
use crate::settings::Settings;
use crate::stop::Stop;
use lease::Lease;
use pulse::Pulse;

/// How long an idle agent waits for a bell before it looks by itself: bells are hints, and may be
/// lost with an agent that heard one and died.
const BELL_WAIT_SECONDS: u64 = 1;
/// How often an executor that can't work now is asked again.
const ADMISSION_INTERVAL: Duration = Duration::from_secs(1);
/// The first and the longest wait after Redis failed to answer.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// How long a result is offered to a Redis that does not answer before the attempt is given up.
const PUBLISH_PATIENCE: Duration = Duration::from_secs(60);

/// A running agent.
struct Agent<E> {
    id: AgentId,
    settings: Settings,
    client: Client,
    listener: Listener,
    executor: E,
    memory: Arc<Mutex<Memory>>,
    phase: watch::Sender<Phase>,
    pulse: Pulse,
    /// Take no more tasks.
    drain: CancellationToken,
    /// End now.
    shutdown: CancellationToken,
}

impl<E: Executor> Agent<E> {
    /// Claims and works until it is told to end.
    async fn run(mut self) {
        let mut retry = FIRST_RETRY;
        while !self.drain.is_cancelled() {
            match self.step().await {
                Ok(()) => retry = FIRST_RETRY,
                Err(error) => {
                    tracing::warn!(agent.id = %self.id, %error, "waiting for Redis");
                    self.pulse.note(Some(format!("waiting for Redis: {error}")));
                    let _ended_early = self.drain.run_until_cancelled(tokio::time::sleep(retry)).await;
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
            }
        }
        self.executor.close().await;
        self.phase.send_replace(Phase::Stopped);
        self.pulse.stop().await;
    }

    /// Claims a task and works on it, or waits for one.
    async fn step(&mut self) -> Result<(), client::Error> {
        self.phase.send_replace(Phase::Idle);
        if let Err(waiting) = self.executor.admission().await {
            self.pulse.note(Some(waiting));
            let _ended_early = self.drain.run_until_cancelled(tokio::time::sleep(ADMISSION_INTERVAL)).await;
            return Ok(());
        }
        let claim = self.client.claim(&self.id, &self.settings.capabilities, self.settings.lease_ms).await?;
        self.pulse.note(None);
        match claim {
            Claim::Task(claimed) => {
                self.work(*claimed).await;
                Ok(())
            }
            Claim::Undecodable { task, attempt, reason } => self.refuse(task, attempt, &reason).await,
            Claim::Nothing { bells } => {
                self.listener.wait_for_bell(&bells, BELL_WAIT_SECONDS).await?;
                self.client.release_delayed().await.map(|_| ())
            }
        }
    }

    /// Publishes as failed what this agent can't read: trying again would not help.
    async fn refuse(&mut self, task: TaskId, attempt: u32, reason: &str) -> Result<(), client::Error> {
        tracing::error!(task.id = %task, attempt, reason, "a task can't be read");
        self.client.quarantine("plan", &task.to_string(), reason).await?;
        let result = TaskResult {
            task,
            attempt,
            agent: self.id.clone(),
            status: ResultStatus::FailedForGood,
            outputs: None,
            evidence: Vec::new(),
            verdict: None,
            started_ms: now_ms(),
            seconds: 0.0,
            usage: Default::default(),
            tests: None,
            error: Some(reason.to_owned()),
            next_steps: Vec::new(),
        };
        self.client.publish(&result).await.map(|_| ())
    }

    async fn work(&mut self, claimed: Claimed) {
        let (task, title, attempt) = (claimed.task.id.clone(), claimed.task.title.clone(), claimed.attempt);
        tracing::info!(task.id = %task, attempt, %title, "claimed");
        self.pulse.task(Some((&task, &title)));
        let stop = Stop::default();
        let lease = Lease::hold(self, &claimed, &stop);
        let ended = self.executor.attempt(claimed, stop).await;
        match &ended {
            Ending::Result(result) => {
                self.publish(result).await;
                self.remember(&title, result).await;
            }
            Ending::HandedBack(why) => self.hand_back(&task, attempt, *why).await,
            Ending::ThrownAway => tracing::warn!(task.id = %task, attempt, "the attempt is thrown away"),
        }
        lease.release().await;
        self.pulse.task(None);
    }

    async fn hand_back(&self, task: &TaskId, attempt: u32, why: HandBack) {
        tracing::warn!(task.id = %task, attempt, reason = why.reason(), "handed back");
        if let Err(error) = self.client.release(&self.id, task, attempt, why.reason()).await {
            // Its lease runs out, and another takes it over.
            tracing::warn!(task.id = %task, %error, "could not be handed back");
        }
    }

    /// Publishes a result, again and again while Redis does not answer; a second publish of what was
    /// already stored is refused as stale, so repeating is safe.
    async fn publish(&self, result: &TaskResult) {
        let give_up = tokio::time::Instant::now() + PUBLISH_PATIENCE;
        let mut retry = FIRST_RETRY;
        loop {
            match self.client.publish(result).await {
                Ok(PublishOutcome::Published) => {
                    let status = result.status.name();
                    tracing::info!(task.id = %result.task, status, seconds = result.seconds, "published");
                    self.pulse.count(result);
                    return;
                }
                Ok(PublishOutcome::Stale) => {
                    tracing::warn!(task.id = %result.task, attempt = result.attempt, "stale: the work is thrown away");
                    return;
                }
                Err(error) if tokio::time::Instant::now() < give_up => {
                    tracing::warn!(task.id = %result.task, %error, "publishing again");
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
                Err(error) => {
                    tracing::error!(task.id = %result.task, %error, "not published; another attempt will be");
                    return;
                }
            }
        }
    }

    /// Keeps what was done in the agent's memory, which the next heartbeat stores: a task costs no call
    /// of its own for it.
    async fn remember(&self, title: &str, result: &TaskResult) {
        let mut memory = self.memory.lock().await;
        memory.current_task = None;
        let completed = CompletedTask {
            task: result.task.clone(),
            title: title.to_owned(),
            verdict: result.verdict.clone(),
            seconds: result.seconds,
        };
        push_bounded(&mut memory.completed_tasks, completed);
        self.pulse.memory_changed();
    }
}
