//! Stopping an attempt: why, and the token that everything it does listens to.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Why an attempt was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Somebody else has the task, or its goal was cancelled.
    LeaseLost,
    /// Its goal or the fleet was paused.
    Paused,
    /// The task's deadline is over.
    Deadline,
    /// The agent ends.
    Shutdown,
}

/// A cancellation with its reason; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    reason: Arc<OnceLock<Cut>>,
}

impl Stop {
    /// Stops the attempt; the first reason counts.
    pub fn cut(&self, reason: Cut) {
        let _first_counts = self.reason.set(reason);
        self.token.cancel();
    }

    /// Cancelled when the attempt is to stop.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Why the attempt was stopped, if it was.
    #[must_use]
    pub fn reason(&self) -> Option<Cut> {
        self.reason.get().copied()
    }
}
