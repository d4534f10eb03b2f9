//! The pulse: once a second an agent says that it lives and what it does, and hears what it is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codegod_protocol::agent::{AgentStatus, HEARTBEAT_SECONDS, Phase};
use codegod_protocol::client::{Client, Command, now_ms};
use codegod_protocol::id::{AgentId, Role, TaskId};
use codegod_protocol::memory::Memory;
use codegod_protocol::result::{ResultStatus, TaskResult};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::knowledge;
use crate::executor::Workplace;

/// The agent's voice.
pub(super) struct Pulse {
    client: Client,
    status: Arc<Mutex<AgentStatus>>,
    unstored: Arc<AtomicBool>,
    stopped: CancellationToken,
    beat: JoinHandle<()>,
}

impl Pulse {
    /// Starts to beat. `drain` is cancelled when the agent is told to end.
    pub(super) fn start(
        workplace: &Workplace,
        status: AgentStatus,
        phases: watch::Receiver<Phase>,
        drain: CancellationToken,
    ) -> Self {
        let status = Arc::new(Mutex::new(status));
        let unstored = Arc::new(AtomicBool::new(true));
        let stopped = CancellationToken::new();
        let heart = Heart {
            client: workplace.client.clone(),
            memory: Arc::clone(&workplace.memory),
            status: Arc::clone(&status),
            unstored: Arc::clone(&unstored),
            stopped: stopped.clone(),
            drain,
        };
        let beat = tokio::spawn(heart.beat(phases));
        Self { client: workplace.client.clone(), status, unstored, stopped, beat }
    }

    /// Has the agent's memory stored at the next beat.
    pub(super) fn memory_changed(&self) {
        self.unstored.store(true, Ordering::Release);
    }

    fn change(&self, change: impl FnOnce(&mut AgentStatus)) {
        if let Ok(mut status) = self.status.lock() {
            change(&mut status);
        }
    }

    /// Says what the agent is on.
    pub(super) fn task(&self, task: Option<(&TaskId, &str)>) {
        self.change(|status| {
            status.current_task = task.map(|(id, _)| id.clone());
            status.title = task.map(|(_, title)| title.to_owned());
        });
    }

    /// Says why the agent claims nothing, or that it does.
    pub(super) fn note(&self, note: Option<String>) {
        self.change(|status| status.note = note);
    }

    /// Counts a published result.
    pub(super) fn count(&self, result: &TaskResult) {
        self.change(|status| {
            match result.status {
                ResultStatus::Succeeded => status.succeeded += 1,
                ResultStatus::NeedsFollowUp => {}
                ResultStatus::Failed | ResultStatus::FailedForGood | ResultStatus::Blocked => {
                    status.failed += 1
                }
            }
            status.usage.cpu_seconds += result.usage.cpu_seconds;
            status.usage.output_bytes += result.usage.output_bytes;
            status.usage.peak_memory_bytes =
                status.usage.peak_memory_bytes.max(result.usage.peak_memory_bytes);
        });
    }

    /// Ends the beat and takes the agent off the list.
    pub(super) async fn stop(self) {
        self.stopped.cancel();
        if let Err(error) = self.beat.await {
            tracing::error!(%error, "the pulse broke");
        }
        let id = self.status.lock().map(|status| status.id.clone());
        if let Ok(id) = id
            && let Err(error) = self.client.remove_agent(&id).await
        {
            tracing::warn!(%error, "the agent could not be taken off the list");
        }
    }
}

/// What beats.
struct Heart {
    client: Client,
    memory: Arc<tokio::sync::Mutex<Memory>>,
    status: Arc<Mutex<AgentStatus>>,
    unstored: Arc<AtomicBool>,
    stopped: CancellationToken,
    drain: CancellationToken,
}

impl Heart {
    async fn beat(self, mut phases: watch::Receiver<Phase>) {
        while !self.stopped.is_cancelled() {
            let now = self.snapshot(*phases.borrow_and_update());
            match self.client.agent_heartbeat(&now).await {
                Ok(commands) => {
                    for command in commands {
                        self.obey(command, now.role).await;
                    }
                }
                Err(error) => tracing::debug!(%error, "a heartbeat was not heard"),
            }
            self.store_memory(&now.id).await;
            tokio::select! {
                () = self.stopped.cancelled() => {}
                // A change of phase is told at once, but not more than twenty times a second.
                () = changed(&mut phases) => tokio::time::sleep(Duration::from_millis(50)).await,
                () = tokio::time::sleep(Duration::from_secs(HEARTBEAT_SECONDS)) => {}
            }
        }
        let id = self.snapshot(Phase::Stopped).id;
        self.store_memory(&id).await;
    }

    fn snapshot(&self, phase: Phase) -> AgentStatus {
        let mut status = match self.status.lock() {
            Ok(status) => status,
            Err(poisoned) => poisoned.into_inner(),
        };
        let draining = self.drain.is_cancelled() && phase == Phase::Idle;
        status.phase = if draining { Phase::Draining } else { phase };
        status.heartbeat_ms = now_ms();
        status.clone()
    }

    async fn store_memory(&self, agent: &AgentId) {
        if !self.unstored.swap(false, Ordering::AcqRel) {
            return;
        }
        let memory = self.memory.lock().await;
        if let Err(error) = self.client.store_memory(agent, &memory).await {
            self.unstored.store(true, Ordering::Release);
            tracing::debug!(%error, "the memory could not be stored; the next beat tries again");
        }
    }

    async fn obey(&self, command: Command, role: Role) {
        match command {
            Command::Drain => self.drain.cancel(),
            Command::Wipe => {
                let mut memory = self.memory.lock().await;
                // What it is doing stays: it is being written down right now.
                let current_task = memory.current_task.take();
                *memory = Memory { current_task, ..knowledge::fresh(role) };
                self.unstored.store(true, Ordering::Release);
                tracing::info!("memory wiped");
            }
        }
    }
}

async fn changed(phase: &mut watch::Receiver<Phase>) {
    if phase.changed().await.is_err() {
        // Its sender ends with the agent; the stop token tells.
        std::future::pending::<()>().await;
    }
}
