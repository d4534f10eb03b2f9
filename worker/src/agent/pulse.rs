//! The pulse: once a second an agent says that it lives and what it does, and hears what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use codegod_protocol::agent::{ContainerUse, HEARTBEAT_SECONDS, Phase};
use codegod_protocol::client::{Client, Command};
use codegod_protocol::id::AgentId;
use codegod_protocol::memory::Memory;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::knowledge;
use super::status::Status;
use crate::executor::Workplace;

/// The agent's voice.
pub(super) struct Pulse {
    client: Client,
    agent: AgentId,
    unstored: Arc<AtomicBool>,
    stopped: CancellationToken,
    beat: JoinHandle<()>,
}

impl Pulse {
    /// Starts to beat. `drain` is cancelled when the agent is told to end.
    pub(super) fn start(
        workplace: &Workplace,
        status: &Status,
        phases: watch::Receiver<Phase>,
        drain: CancellationToken,
    ) -> Self {
        let unstored = Arc::new(AtomicBool::new(true));
        let stopped = CancellationToken::new();
        let heart = Heart {
            client: workplace.client.clone(),
            memory: Arc::clone(&workplace.memory),
            status: status.clone(),
            container: workplace.container.subscribe(),
            agent: workplace.agent.clone(),
            unstored: Arc::clone(&unstored),
            stopped: stopped.clone(),
            drain,
        };
        let beat = tokio::spawn(heart.beat(phases));
        let (client, agent) = (workplace.client.clone(), workplace.agent.clone());
        Self { client, agent, unstored, stopped, beat }
    }

    /// Has the agent's memory stored at the next beat.
    pub(super) fn memory_changed(&self) {
        self.unstored.store(true, Ordering::Release);
    }

    /// Ends the beat and takes the agent off the list.
    pub(super) async fn stop(self) {
        self.stopped.cancel();
        if let Err(error) = self.beat.await {
            tracing::error!(%error, "the pulse broke");
        }
        if let Err(error) = self.client.remove_agent(&self.agent).await {
            tracing::warn!(%error, "the agent could not be taken off the list");
        }
    }
}

/// What beats.
struct Heart {
    client: Client,
    memory: Arc<tokio::sync::Mutex<Memory>>,
    agent: AgentId,
    status: Status,
    container: watch::Receiver<Option<ContainerUse>>,
    unstored: Arc<AtomicBool>,
    stopped: CancellationToken,
    drain: CancellationToken,
}

impl Heart {
    async fn beat(self, mut phases: watch::Receiver<Phase>) {
        while !self.stopped.is_cancelled() {
            let mut now = self.status.snapshot(*phases.borrow_and_update(), self.drain.is_cancelled());
            now.container = *self.container.borrow();
            match self.client.agent_heartbeat(&now).await {
                Ok(commands) => {
                    for command in commands {
                        self.obey(command).await;
                    }
                }
                Err(error) => tracing::debug!(%error, "a heartbeat was not heard"),
            }
            self.store_memory().await;
            tokio::select! {
                () = self.stopped.cancelled() => {}
                // A change of phase is told at once, but not more than twenty times a second.
                () = changed(&mut phases) => tokio::time::sleep(Duration::from_millis(50)).await,
                () = tokio::time::sleep(Duration::from_secs(HEARTBEAT_SECONDS)) => {}
            }
        }
        self.store_memory().await;
    }

    async fn store_memory(&self) {
        if !self.unstored.swap(false, Ordering::AcqRel) {
            return;
        }
        let memory = self.memory.lock().await;
        if let Err(error) = self.client.store_memory(&self.agent, &memory).await {
            self.unstored.store(true, Ordering::Release);
            tracing::debug!(%error, "the memory could not be stored; the next beat tries again");
        }
    }

    async fn obey(&self, command: Command) {
        match command {
            Command::Drain => self.drain.cancel(),
            Command::Wipe => {
                let mut memory = self.memory.lock().await;
                // What it is doing stays: it is being written down right now.
                let current_task = memory.current_task.take();
                *memory = Memory { current_task, ..knowledge::fresh(self.agent.role()) };
                self.unstored.store(true, Ordering::Release);
                tracing::info!(agent.id = %self.agent, "memory wiped");
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
