//! The pulse: once a second an agent says that it lives and what it does, and hears what it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use codegod_protocol::agent::{AgentStatus, HEARTBEAT_SECONDS, Phase};
use codegod_protocol::client::{Client, Command, now_ms};
use codegod_protocol::id::TaskId;
use codegod_protocol::memory::Memory;
use codegod_protocol::result::{ResultStatus, TaskResult};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::knowledge;

/// The agent's voice.
pub(super) struct Pulse {
    client: Client,
    status: Arc<Mutex<AgentStatus>>,
    stopped: CancellationToken,
    beat: JoinHandle<()>,
}

impl Pulse {
    /// Starts to beat. `drain` is cancelled when the agent is told to end.
    pub(super) fn start(
        client: &Client,
        status: AgentStatus,
        mut phase: watch::Receiver<Phase>,
        memory: Arc<tokio::sync::Mutex<Memory>>,
        drain: CancellationToken,
    ) -> Self {
        let status = Arc::new(Mutex::new(status));
        let stopped = CancellationToken::new();
        let beat = {
            let (client, status, stopped) = (client.clone(), Arc::clone(&status), stopped.clone());
            tokio::spawn(async move {
                while !stopped.is_cancelled() {
                    let now = snapshot(&status, *phase.borrow_and_update(), &drain);
                    match client.agent_heartbeat(&now).await {
                        Ok(commands) => {
                            for command in commands {
                                obey(command, &client, &now, &memory, &drain).await;
                            }
                        }
                        Err(error) => tracing::debug!(%error, "a heartbeat was not heard"),
                    }
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        // A change of phase is told at once, but not more than twenty times a second.
                        () = changed(&mut phase) => tokio::time::sleep(Duration::from_millis(50)).await,
                        () = tokio::time::sleep(Duration::from_secs(HEARTBEAT_SECONDS)) => {}
                    }
                }
            })
        };
        Self { client: client.clone(), status, stopped, beat }
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

async fn changed(phase: &mut watch::Receiver<Phase>) {
    if phase.changed().await.is_err() {
        // Its sender ends with the agent; the stop token tells.
        std::future::pending::<()>().await;
    }
}

fn snapshot(status: &Mutex<AgentStatus>, phase: Phase, drain: &CancellationToken) -> AgentStatus {
    let mut status = match status.lock() {
        Ok(status) => status,
        Err(poisoned) => poisoned.into_inner(),
    };
    status.phase = if drain.is_cancelled() && phase == Phase::Idle { Phase::Draining } else { phase };
    status.heartbeat_ms = now_ms();
    status.clone()
}

async fn obey(
    command: Command,
    client: &Client,
    status: &AgentStatus,
    memory: &tokio::sync::Mutex<Memory>,
    drain: &CancellationToken,
) {
    match command {
        Command::Drain => drain.cancel(),
        Command::Wipe => {
            let mut memory = memory.lock().await;
            // What it is doing stays: it is being written down right now.
            let current_task = memory.current_task.take();
            *memory = Memory { current_task, ..knowledge::fresh(status.role) };
            if let Err(error) = client.store_memory(&status.id, &memory).await {
                tracing::warn!(%error, "the wiped memory could not be stored");
            }
            tracing::info!(agent.id = %status.id, "memory wiped");
        }
    }
}
