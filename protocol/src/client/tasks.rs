//! Tasks: claiming, holding and publishing an attempt; growing a running plan.

use rand::Rng;

use super::goals::{decode_goal, text};
use super::{Client, Error, Listener, decode, encode, query_on, scripts};
use crate::goal::Goal;
use crate::id::{AgentId, TaskId};
use crate::plan;
use crate::result::{ResultStatus, TaskResult};
use crate::task::{TASK_VERSION, Task};

/// The wait after a first failed attempt; it doubles with each further one.
const FIRST_BACKOFF_MS: u64 = 1_000;
/// The longest wait between two attempts.
const MAX_BACKOFF_MS: u64 = 60_000;

/// What a worker got.
#[derive(Debug)]
pub enum Claim {
    /// An attempt at a task.
    Task(Box<Claimed>),
    /// Nothing is ready; these lists ring when something is.
    Nothing {
        /// For [`Listener::wait_for_bell`].
        bells: Vec<String>,
    },
    /// An attempt at something that this worker can't read; it must be published as failed for good.
    Undecodable {
        /// The task.
        task: TaskId,
        /// The attempt that was started.
        attempt: u32,
        /// Why it can't be read.
        reason: String,
    },
}

/// An attempt at a task.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The task.
    pub task: Task,
    /// Its goal.
    pub goal: Goal,
    /// The attempt: the fencing token.
    pub attempt: u32,
}

/// Whether a lease still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// It holds.
    Held,
    /// Somebody else has the task, or it was cancelled: throw the work away.
    Lost,
}

/// What came of publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishOutcome {
    /// Stored, and everything that follows from it done.
    Published,
    /// The attempt does not hold its task's lease any more; nothing was changed.
    Stale,
}

/// A held task whose next steps are to be added to its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    /// The entry's id in the stream.
    pub entry: String,
    /// The held task, as written.
    pub task: String,
    /// Which time it is held.
    pub round: String,
}

impl Client {
    /// Claims the next ready task of the agent's role that needs no capability it lacks.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn claim(
        &self,
        agent: &AgentId,
        capabilities: &[String],
        lease_ms: u64,
    ) -> Result<Claim, Error> {
        let reply: Vec<String> = self
            .script(&scripts::CLAIM, |s| {
                let capabilities = format!("+{}+", capabilities.join("+"));
                s.arg(agent.to_string()).arg(agent.role().name()).arg(capabilities).arg(lease_ms);
            })
            .await?;
        let unreadable =
            |reason: String| Error::Undecodable { what: "the answer to a claim".to_owned(), reason };
        match reply.as_slice() {
            [kind, bells @ ..] if kind == "none" => Ok(Claim::Nothing { bells: bells.to_vec() }),
            [kind, task, attempt, json, goal] if kind == "task" => {
                let task: TaskId = task.parse().map_err(|e: crate::id::IdError| unreadable(e.to_string()))?;
                let attempt = attempt.parse().map_err(|_| unreadable(format!("attempt {attempt:?}")))?;
                Ok(match (decode_task(json), decode_goal(goal)) {
                    (Ok(task), Ok(goal)) => Claim::Task(Box::new(Claimed { task, goal, attempt })),
                    (Err(error), _) | (_, Err(error)) => {
                        Claim::Undecodable { task, attempt, reason: error.to_string() }
                    }
                })
            }
            other => Err(unreadable(format!("{} parts", other.len()))),
        }
    }

    /// Renews the lease of an attempt.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn renew_lease(
        &self,
        agent: &AgentId,
        task: &TaskId,
        attempt: u32,
    ) -> Result<LeaseState, Error> {
        let reply: String = self
            .script(&scripts::HEARTBEAT, |s| {
                s.arg(agent.to_string()).arg(task.to_string()).arg(attempt);
            })
            .await?;
        Ok(if reply == "ok" { LeaseState::Held } else { LeaseState::Lost })
    }

    /// Publishes an attempt's result. Its commit's bundle must have been stored before.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn publish(&self, result: &TaskResult) -> Result<PublishOutcome, Error> {
        let json = encode("a result", result)?;
        let reply: String = self
            .script(&scripts::PUBLISH, |s| {
                s.arg(result.agent.to_string()).arg(result.task.to_string()).arg(result.attempt);
                s.arg(result.status.name()).arg(json).arg(backoff_ms(result.attempt));
            })
            .await?;
        Ok(if reply == "ok" { PublishOutcome::Published } else { PublishOutcome::Stale })
    }

    /// Hands an attempt back that came to nothing through no fault of its task; it does not count.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn release(
        &self,
        agent: &AgentId,
        task: &TaskId,
        attempt: u32,
        reason: &str,
    ) -> Result<LeaseState, Error> {
        let reply: String = self
            .script(&scripts::RELEASE, |s| {
                s.arg(agent.to_string()).arg(task.to_string()).arg(attempt).arg(reason);
            })
            .await?;
        Ok(if reply == "ok" { LeaseState::Held } else { LeaseState::Lost })
    }

    /// Puts tasks whose backoff is over back into their queues. Returns how many.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn release_delayed(&self) -> Result<u64, Error> {
        self.script(&scripts::RELEASE_DELAYED, |_| {}).await
    }

    /// Adds what a held task needs first to its running plan. `added` must have ids that count on
    /// from [`Client::next_task_number`].
    ///
    /// # Errors
    /// [`Error::Undecodable`] when a task breaks a rule; [`Error::WrongState`] when the held task is not
    /// held in that round any more; [`Error::Redis`].
    pub async fn grow_plan(&self, held: &TaskId, round: &str, added: &[Task]) -> Result<(), Error> {
        for task in added {
            plan::check_task(task).map_err(|error| Error::Undecodable {
                what: "a follow-up task".to_owned(),
                reason: error.to_string(),
            })?;
        }
        if added.is_empty() {
            let reason = "there is none".to_owned();
            return Err(Error::Undecodable { what: "the follow-up".to_owned(), reason });
        }
        let jsons = added.iter().map(|task| encode("a task", task)).collect::<Result<Vec<_>, _>>()?;
        let reply: String = self
            .script(&scripts::GROW, |s| {
                s.arg(held.to_string()).arg(round).arg(jsons.len());
                for json in jsons {
                    s.arg(json);
                }
            })
            .await?;
        held_outcome(&reply, held)
    }

    /// Ends a held task as blocked, when its follow-up can't be accepted.
    ///
    /// # Errors
    /// [`Error::WrongState`], [`Error::Redis`].
    pub async fn give_up(&self, held: &TaskId, round: &str, reason: &str) -> Result<(), Error> {
        let reply: String = self
            .script(&scripts::GIVE_UP, |s| {
                s.arg(held.to_string()).arg(round).arg(reason);
            })
            .await?;
        held_outcome(&reply, held)
    }

    /// The number that the next task of a goal's plan gets.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn next_task_number(&self, goal: &crate::id::GoalId) -> Result<u32, Error> {
        let number: Option<u32> = self
            .query("reading a goal", redis::cmd("HGET").arg(self.keys.goal(goal)).arg("next_task"))
            .await?;
        Ok(number.unwrap_or(1))
    }

    /// Acknowledges an entry of `follow_ups`.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn acknowledge_follow_up(&self, entry: &str) -> Result<(), Error> {
        self.acknowledge(&self.keys.follow_ups(), entry).await
    }
}

impl Listener {
    /// Waits until one of the bells rings, or for `wait_seconds`.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Redis`]; the next call opens a new connection.
    pub async fn wait_for_bell(&mut self, bells: &[String], wait_seconds: u64) -> Result<(), Error> {
        let connection = self.connection().await?;
        let mut wait = redis::cmd("BLPOP");
        wait.arg(bells).arg(wait_seconds);
        let rung: Result<Option<(String, String)>, Error> =
            query_on(connection, "waiting for a task", &wait).await;
        if rung.is_err() {
            self.broken();
        }
        rung.map(|_| ())
    }

    /// Held tasks, for the master `who`; waits up to `wait_ms` for one.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Redis`].
    pub async fn follow_ups(&mut self, who: &str, wait_ms: usize) -> Result<Vec<FollowUp>, Error> {
        let stream = self.keys.follow_ups();
        let entries = self.master_entries(&stream, who, wait_ms).await?;
        let read = |(entry, map)| FollowUp { entry, task: text(&map, "task"), round: text(&map, "round") };
        Ok(entries.into_iter().map(read).collect())
    }
}

impl ResultStatus {
    /// The status's word, as in its JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ResultStatus::Succeeded => "succeeded",
            ResultStatus::Failed => "failed",
            ResultStatus::FailedForGood => "failed_for_good",
            ResultStatus::NeedsFollowUp => "needs_follow_up",
            ResultStatus::Blocked => "blocked",
        }
    }
}

fn held_outcome(reply: &str, held: &TaskId) -> Result<(), Error> {
    if reply == "ok" {
        return Ok(());
    }
    Err(Error::WrongState { what: format!("task {held}"), state: "not held any more".to_owned() })
}

pub(super) fn decode_task(json: &str) -> Result<Task, Error> {
    let task: Task = decode("a task", json)?;
    if task.version != TASK_VERSION {
        let reason = format!("version {} is not known here", task.version);
        return Err(Error::Undecodable { what: "a task".to_owned(), reason });
    }
    Ok(task)
}

/// Exponential backoff with up to a quarter of jitter, so that tasks that failed together do not come
/// back together.
fn backoff_ms(attempt: u32) -> u64 {
    let doubled = FIRST_BACKOFF_MS.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    let capped = doubled.min(MAX_BACKOFF_MS);
    capped + rand::rng().random_range(0..=capped / 4)
}
