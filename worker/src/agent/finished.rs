//! A finished attempt whose result is not published yet, and how long it is kept when Redis does not take
//! it.

use std::time::{Duration, Instant};

use codegod_protocol::client::{self, Trouble};
use codegod_protocol::result::{ResultStatus, TaskResult};

use super::lease::Lease;
use crate::executor::failure;

/// How long a result is offered to a Redis that refuses it, or by an agent that is to end after its task.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it is offered by an agent that is to end at once.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// A finished attempt. Its lease is held until its result is published or given up.
pub(super) struct Finished {
    /// What is to be published.
    pub(super) result: TaskResult,
    /// The task's title, for the memory.
    pub(super) title: String,
    /// None for an attempt that never began.
    pub(super) lease: Option<Lease>,
    /// When it was first not taken.
    since: Option<Instant>,
    /// Whether the result stands in for one that can't be written.
    replaced: bool,
}

/// Whether an agent is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    /// It is not.
    Stays,
    /// After the task at hand.
    Drains,
    /// At once.
    ShutsDown,
}

impl Finished {
    pub(super) fn new(result: TaskResult, title: String, lease: Option<Lease>) -> Self {
        Self { result, title, lease, since: None, replaced: false }
    }

    /// What is still to be published after a turn failed; nothing when it is given up. Publishing again
    /// what was stored in spite of the error does no harm.
    pub(super) fn after(mut self, error: &client::Error, stay: Stay, now: Instant) -> Option<Self> {
        let since = *self.since.get_or_insert(now);
        let Some(trouble) = error.trouble() else { return self.replaced_by_failure(error) };
        let task = &self.result.task;
        if now.duration_since(since) < patience(trouble, stay).unwrap_or(Duration::MAX) {
            return Some(self);
        }
        tracing::error!(task.id = %task, %error, "not published; another attempt will be");
        None
    }

    /// A result that can't be written at all can't be written later either; that it failed can.
    fn replaced_by_failure(self, error: &client::Error) -> Option<Self> {
        if self.replaced {
            tracing::error!(task.id = %self.result.task, %error, "not published");
            return None;
        }
        let TaskResult { agent, task, attempt, .. } = self.result;
        let said = format!("what the attempt made can't be published: {error}");
        let result = failure(&agent, task, attempt, ResultStatus::FailedForGood, said);
        Some(Self { result, replaced: true, ..self })
    }
}

/// How long a result is offered; for ever when nothing speaks against it, because without Redis the agent
/// has nothing else to do, and hours of work may be in it.
fn patience(trouble: Trouble, stay: Stay) -> Option<Duration> {
    match stay {
        Stay::ShutsDown => Some(LAST_PATIENCE),
        Stay::Drains => Some(PATIENCE),
        Stay::Stays if trouble.is_passing() => None,
        Stay::Stays => Some(PATIENCE),
    }
}

#[cfg(test)]
mod tests {
    use codegod_protocol::id::{AgentId, GoalId, Role};
    use codegod_protocol::result::Outputs;

    use super::*;

    fn finished() -> Finished {
        let agent = AgentId::random(Role::Backend);
        let mut result = failure(&agent, GoalId::random().task(1), 2, ResultStatus::Succeeded, String::new());
        let commit = "c".repeat(40);
        result.outputs = Some(Outputs {
            commit,
            environments: Default::default(),
            images: Default::default(),
            setups: Default::default(),
        });
        result.error = None;
        Finished::new(result, "a title".to_owned(), None)
    }

    fn refused(code: &str) -> client::Error {
        let source = redis::make_extension_error(code.to_owned(), None);
        client::Error::Redis { doing: "publishing", source }
    }

    fn kept_for(seconds: u64, error: &client::Error, stay: Stay) -> bool {
        let now = Instant::now();
        let first = finished().after(error, Stay::Stays, now).expect("the first failure is no reason");
        first.after(error, stay, now + Duration::from_secs(seconds)).is_some()
    }

    #[test]
    fn a_result_waits_for_redis_as_long_as_its_agent_stays() {
        let away = refused("LOADING");
        assert!(kept_for(24 * 3600, &away, Stay::Stays));
        assert!(kept_for(59, &away, Stay::Drains));
        assert!(!kept_for(61, &away, Stay::Drains));
        assert!(!kept_for(4, &away, Stay::ShutsDown));
    }

    #[test]
    fn a_result_that_redis_refuses_is_not_offered_for_ever() {
        let refused = refused("NOPERM");
        assert!(kept_for(59, &refused, Stay::Stays));
        assert!(!kept_for(61, &refused, Stay::Stays));
    }

    #[test]
    fn a_result_that_can_not_be_written_becomes_a_failure_that_can() {
        let error = client::Error::Undecodable { what: "a result".to_owned(), reason: "NaN".to_owned() };
        let failed = finished().after(&error, Stay::Stays, Instant::now()).expect("is replaced");
        let result = &failed.result;
        assert_eq!((result.status, result.attempt, &result.outputs), (ResultStatus::FailedForGood, 2, &None));
        assert!(result.error.as_ref().is_some_and(|said| said.contains("NaN")), "{:?}", result.error);
        assert!(failed.after(&error, Stay::Stays, Instant::now()).is_none(), "only once");
    }
}
