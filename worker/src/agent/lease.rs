//! Holding a lease: renewed while an attempt runs, and the attempt cut when it is lost, when its task's
//! deadline is over, or when the agent is to end now.

use std::time::Duration;

use codegod_protocol::client::{Claimed, Client, LeaseState};
use codegod_protocol::id::{AgentId, TaskId};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Agent;
use crate::stop::{Cut, Stop};

/// A lease is renewed so many times in its length, so that a few lost heartbeats do not lose it; never
/// less often than once a second, because a cancelled goal is noticed by it.
const RENEWALS: u32 = 5;
const LONGEST_INTERVAL: Duration = Duration::from_millis(800);

/// A lease that is being renewed.
pub(super) struct Lease {
    done: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Lease {
    /// Renews the lease of an attempt until it is released, also after the attempt was cut for another
    /// reason than its loss: it is held until what came of it is published.
    pub(super) fn hold<E>(agent: &Agent<E>, claimed: &Claimed, stop: &Stop) -> Self {
        let held = Held {
            client: agent.client.clone(),
            agent: agent.id.clone(),
            task: claimed.task.id.clone(),
            attempt: claimed.attempt,
            length: Duration::from_millis(agent.settings.lease_ms),
            stop: stop.clone(),
        };
        let cut = cut_when_due(
            stop.clone(),
            Duration::from_secs(claimed.task.deadline_seconds),
            agent.shutdown.clone(),
        );
        let done = CancellationToken::new();
        let released = done.clone();
        let keeper = tokio::spawn(async move {
            tokio::select! {
                () = released.cancelled() => {}
                () = held.renew() => {}
                () = cut => {}
            }
        });
        Self { done, keeper }
    }

    /// Ends the renewing.
    pub(super) async fn release(self) {
        self.done.cancel();
        if let Err(error) = self.keeper.await {
            tracing::error!(%error, "the lease's keeper broke");
        }
    }
}

/// Cuts the attempt when its time is over or the agent is to end; never returns.
async fn cut_when_due(stop: Stop, deadline: Duration, shutdown: CancellationToken) {
    tokio::select! {
        () = sleep(deadline) => stop.cut(Cut::Deadline),
        () = shutdown.cancelled() => stop.cut(Cut::Shutdown),
    }
    std::future::pending().await
}

/// The lease of one attempt.
struct Held {
    client: Client,
    agent: AgentId,
    task: TaskId,
    attempt: u32,
    length: Duration,
    stop: Stop,
}

impl Held {
    /// Renews until the lease is lost, also when Redis was not reached for its length: somebody else may
    /// have the task then.
    async fn renew(&self) {
        let interval = (self.length / RENEWALS).min(LONGEST_INTERVAL);
        let mut renewed = Instant::now();
        loop {
            sleep(interval).await;
            let asked = Instant::now();
            match self.client.renew_lease(&self.agent, &self.task, self.attempt).await {
                Ok(LeaseState::Held) => renewed = asked,
                Ok(LeaseState::Lost) => return self.stop.cut(Cut::LeaseLost),
                Err(error) => {
                    tracing::warn!(task.id = %self.task, %error, "the lease could not be renewed");
                    if renewed.elapsed() > self.length {
                        return self.stop.cut(Cut::LeaseLost);
                    }
                }
            }
        }
    }
}
