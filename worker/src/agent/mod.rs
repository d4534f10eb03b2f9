//! An agent: a worker process of one role that claims tasks, works on them, and says that it lives.

mod knowledge;
mod lease;
mod pulse;
mod start;

pub use start::main;

use std::sync::Arc;
use std::time::Duration;

use codegod_protocol::agent::Phase;
use codegod_protocol::client::{self, Claim, Claimed, Client, Listener, PublishOutcome, now_ms};
use codegod_protocol::id::{AgentId, TaskId};
use codegod_protocol::memory::{CompletedTask, Memory};
use codegod_protocol::result::{ResultStatus, TaskResult};
use codegod_source::Repository;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::attempt::{self, Ending, HandBack};
use crate::context::{Context, Stop};
use crate::error::{Cut, Error};
use crate::journal::{Journal, push_bounded};
use crate::settings::Settings;
use codegod_docker::Engine;
use lease::Lease;
use pulse::Pulse;

/// How long an idle agent waits for a bell before it looks by itself: bells are hints, and may be
/// lost with an agent that heard one and died.
const BELL_WAIT_SECONDS: u64 = 1;
/// The first and the longest wait after Redis failed to answer.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// How long an agent that ends waits for the removal of its last sandboxes.
const SETTLE_PATIENCE: Duration = Duration::from_secs(30);
/// How long a result is offered to a Redis that does not answer before the attempt is given up.
const PUBLISH_PATIENCE: Duration = Duration::from_secs(60);

/// A running agent.
pub struct Agent {
    id: AgentId,
    settings: Settings,
    client: Client,
    listener: Listener,
    engine: Engine,
    memory: Arc<Mutex<Memory>>,
    phase: watch::Sender<Phase>,
    pulse: Pulse,
    /// Take no more tasks.
    drain: CancellationToken,
    /// End now.
    shutdown: CancellationToken,
}

impl Agent {
    /// Claims and works until it is told to end.
    ///
    /// # Errors
    /// None that it could go on after.
    pub async fn run(mut self) -> Result<(), Error> {
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
        // Sandboxes are removed while the next task is worked on; the last ones are waited for.
        if tokio::time::timeout(SETTLE_PATIENCE, self.engine.settled()).await.is_err() {
            tracing::warn!(agent.id = %self.id, "sandboxes are left to the reaper");
        }
        self.phase.send_replace(Phase::Stopped);
        self.pulse.stop().await;
        Ok(())
    }

    /// Claims a task and works on it, or waits for one.
    async fn step(&mut self) -> Result<(), client::Error> {
        self.phase.send_replace(Phase::Idle);
        let claim = self.client.claim(&self.id, &self.settings.capabilities, self.settings.lease_ms).await?;
        self.pulse.note(None);
        match claim {
            Claim::Task(claimed) => self.work(*claimed).await,
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

    async fn work(&mut self, claimed: Claimed) -> Result<(), client::Error> {
        let (task, attempt) = (claimed.task.clone(), claimed.attempt);
        tracing::info!(task.id = %task.id, attempt, title = %task.title, "claimed");
        self.pulse.task(Some((&task.id, &task.title)));
        let stop = Stop::default();
        let lease = Lease::hold(&self.client, &self.id, &task, attempt, self.settings.lease_ms, &stop);
        let deadline = cut_later(&stop, Cut::Deadline, Duration::from_secs(task.deadline_seconds));
        let ending = cut_when(&stop, Cut::Shutdown, self.shutdown.clone());
        let ended = self.attempt(claimed, stop).await;
        deadline.abort();
        ending.abort();
        match &ended {
            Ending::Result(result) => {
                self.publish(result).await;
                self.remember(&task.title, result).await;
            }
            Ending::HandedBack(why) => self.hand_back(&task.id, attempt, *why).await,
            Ending::ThrownAway => tracing::warn!(task.id = %task.id, attempt, "the attempt is thrown away"),
        }
        lease.release().await;
        self.pulse.task(None);
        if matches!(ended, Ending::HandedBack(HandBack::DockerAway)) {
            self.wait_for_docker().await;
        }
        Ok(())
    }

    async fn attempt(&self, claimed: Claimed, stop: Stop) -> Ending {
        let Claimed { task, goal, attempt } = claimed;
        let journal = Journal::open(
            self.client.clone(),
            self.id.clone(),
            &task,
            attempt,
            Arc::clone(&self.memory),
            self.phase.clone(),
        );
        let folder = self.settings.state_dir.join("repositories").join(self.id.to_string());
        let repository = match Repository::open_or_init(folder.join(format!("{}.git", goal.id))).await {
            Ok(repository) => repository,
            Err(error) => {
                tracing::error!(%error, "the goal's repository can't be opened");
                journal.close().await;
                return Ending::ThrownAway;
            }
        };
        let mut context = Context {
            engine: self.engine.clone(),
            client: self.client.clone(),
            repository,
            journal,
            agent: self.id.clone(),
            goal,
            task,
            attempt,
            inputs: Vec::new(),
            stop,
        };
        let ended = attempt::run(&mut context).await;
        context.journal.close().await;
        ended
    }

    async fn hand_back(&self, task: &TaskId, attempt: u32, why: HandBack) {
        tracing::warn!(task.id = %task, attempt, reason = why.reason(), "handed back");
        if let Err(error) = self.client.release(&self.id, task, attempt, why.reason()).await {
            // Its lease runs out, and another takes it over.
            tracing::warn!(task.id = %task, %error, "could not be handed back");
        }
    }

    /// Claims nothing while there is no Docker to do it in.
    async fn wait_for_docker(&self) {
        let mut retry = FIRST_RETRY;
        while !self.drain.is_cancelled() && !self.engine.answers().await {
            self.pulse.note(Some("waiting for Docker: the daemon does not answer".to_owned()));
            let _ended_early = self.drain.run_until_cancelled(tokio::time::sleep(retry)).await;
            retry = (retry * 2).min(LONGEST_RETRY);
        }
        self.pulse.note(None);
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
        if let Err(error) = self.client.store_memory(&self.id, &memory).await {
            tracing::warn!(agent.id = %self.id, %error, "the memory could not be stored");
        }
    }
}

fn cut_later(stop: &Stop, reason: Cut, after: Duration) -> tokio::task::JoinHandle<()> {
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        stop.cut(reason);
    })
}

fn cut_when(stop: &Stop, reason: Cut, token: CancellationToken) -> tokio::task::JoinHandle<()> {
    let stop = stop.clone();
    tokio::spawn(async move {
        token.cancelled().await;
        stop.cut(reason);
    })
}
