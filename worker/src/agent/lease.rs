//! Holding a lease: renewed while an attempt runs, and the attempt cut when it is lost, when it is paused,
//! when its task's deadline is over, or when the agent is to end now.
//!
//! While Redis does not answer, the attempt goes on: its publish is fenced, so nothing is published twice
//! if somebody else has the task by then. After a while that has become so likely that the work is not
//! worth the host's memory any more.

use std::time::Duration;

use codegod_protocol::client::{Claimed, Client, LeaseState};
use codegod_protocol::id::{AgentId, TaskId};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Agent;
use super::status::{Status, note_of};
use crate::stop::{Cut, Stop};

/// A lease is renewed so many times in its length, so that a few lost heartbeats do not lose it; never
/// less often than this, because a cancelled or paused goal is noticed by it, within a second.
const RENEWALS: u32 = 5;
const LONGEST_INTERVAL: Duration = Duration::from_millis(750);
/// How long an attempt goes on without any answer of Redis.
const AWAY_PATIENCE: Duration = Duration::from_secs(120);

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
            lease_ms: agent.settings.lease_ms,
            status: agent.status.clone(),
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
    lease_ms: u64,
    status: Status,
    stop: Stop,
}

impl Held {
    /// Renews until the lease is lost.
    async fn renew(&self) {
        let share = Duration::from_millis(self.lease_ms) / RENEWALS;
        let attempts = [(self.task.clone(), self.attempt)];
        let (mut answered, mut looked_after, mut troubled) = (Instant::now(), Instant::now(), false);
        loop {
            sleep(share.min(LONGEST_INTERVAL)).await;
            let answer = self.client.renew_leases(&self.agent, &attempts).await;
            let state = match &answer {
                Ok(states) => {
                    answered = Instant::now();
                    if std::mem::take(&mut troubled) {
                        self.status.note(None);
                    }
                    states.first().copied()
                }
                Err(error) => {
                    troubled = true;
                    self.status.note(Some(note_of(error)));
                    None
                }
            };
            match judge(state, answered.elapsed()) {
                None => {}
                Some(Cut::LeaseLost) => return self.stop.cut(Cut::LeaseLost),
                Some(cut) => self.stop.cut(cut),
            }
            // When all agents are busy nobody else does, and after a silence of half a lease the next to be
            // free would have to wait before it may take over what was lost meanwhile.
            if !troubled && looked_after.elapsed() >= share {
                looked_after = Instant::now();
                if let Err(error) = self.client.tick(self.agent.role(), self.lease_ms).await {
                    tracing::debug!(%error, "the queue was not looked after");
                }
            }
        }
    }
}

/// What an answer means for the attempt, or that there is none for so long.
fn judge(state: Option<LeaseState>, silent: Duration) -> Option<Cut> {
    match state {
        Some(LeaseState::Held) => None,
        Some(LeaseState::Paused) => Some(Cut::Paused),
        Some(LeaseState::Lost) => Some(Cut::LeaseLost),
        None => (silent > AWAY_PATIENCE).then_some(Cut::LeaseLost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_goes_on_while_redis_is_away_but_not_for_ever() {
        assert_eq!(judge(None, Duration::from_secs(60)), None);
        assert_eq!(judge(None, AWAY_PATIENCE + Duration::from_millis(1)), Some(Cut::LeaseLost));
    }

    #[test]
    fn an_answer_decides_whatever_was_before() {
        let long = 2 * AWAY_PATIENCE;
        let states = [LeaseState::Held, LeaseState::Paused, LeaseState::Lost];
        assert_eq!(
            states.map(|state| judge(Some(state), long)),
            [None, Some(Cut::Paused), Some(Cut::LeaseLost)]
        );
    }

    #[tokio::test]
    async fn the_first_reason_to_cut_an_attempt_counts() {
        let (stop, shutdown) = (Stop::default(), CancellationToken::new());
        let cutting = tokio::spawn(cut_when_due(stop.clone(), Duration::from_millis(20), shutdown.clone()));
        assert_eq!(stop.reason(), None);
        stop.token().cancelled().await;
        assert_eq!(stop.reason(), Some(Cut::Deadline));
        shutdown.cancel();
        stop.cut(Cut::Shutdown);
        assert_eq!(stop.reason(), Some(Cut::Deadline));
        cutting.abort();
    }

    #[tokio::test]
    async fn an_agent_that_is_to_end_at_once_cuts_its_attempt() {
        let (stop, shutdown) = (Stop::default(), CancellationToken::new());
        let cutting = tokio::spawn(cut_when_due(stop.clone(), Duration::from_secs(60), shutdown.clone()));
        shutdown.cancel();
        stop.token().cancelled().await;
        assert_eq!(stop.reason(), Some(Cut::Shutdown));
        cutting.abort();
    }
}
