//! Holding a lease: renewed while an attempt runs, and the attempt cut when it is lost.

use std::time::Duration;

use codegod_protocol::client::{Client, LeaseState};
use codegod_protocol::id::AgentId;
use codegod_protocol::task::Task;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::context::Stop;
use crate::error::Cut;

/// A lease is renewed so many times in its length, so that a few lost heartbeats do not lose it; never
/// less often than once a second, because a cancelled goal is noticed by it.
const RENEWALS: u64 = 5;
const LONGEST_INTERVAL: Duration = Duration::from_millis(800);

/// A lease that is being renewed.
pub(super) struct Lease {
    done: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Lease {
    /// Renews the lease of an attempt until it is released; cuts the attempt when it is lost, also when
    /// Redis was not reached for its length: somebody else may have the task then.
    pub(super) fn hold(
        client: &Client,
        agent: &AgentId,
        task: &Task,
        attempt: u32,
        lease_ms: u64,
        stop: &Stop,
    ) -> Self {
        let done = CancellationToken::new();
        let (client, agent, task, stop) = (client.clone(), agent.clone(), task.id.clone(), stop.clone());
        let released = done.clone();
        let keeper = tokio::spawn(async move {
            let length = Duration::from_millis(lease_ms);
            let interval = Duration::from_millis(lease_ms / RENEWALS).min(LONGEST_INTERVAL);
            let mut renewed = Instant::now();
            while released.run_until_cancelled(sleep(interval)).await.is_some() {
                let asked = Instant::now();
                match client.renew_lease(&agent, &task, attempt).await {
                    Ok(LeaseState::Held) => renewed = asked,
                    Ok(LeaseState::Lost) => return stop.cut(Cut::LeaseLost),
                    Err(error) => {
                        tracing::warn!(task.id = %task, %error, "the lease could not be renewed");
                        if renewed.elapsed() > length {
                            return stop.cut(Cut::LeaseLost);
                        }
                    }
                }
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
