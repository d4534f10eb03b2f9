//! Leases: holding them, handing them back, and what time alone brings about; what attempts left behind.

use super::turn::{Claim, Worker};
use super::{Client, Error, Listener, decode, query_on, scripts};
use crate::id::{AgentId, GoalId, Role, TaskId};
use crate::result::TaskResult;

/// Whether a lease still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// It holds.
    Held,
    /// It holds, but its goal or the fleet was paused: hand the attempt back.
    Paused,
    /// Somebody else has the task, or it was cancelled: throw the work away.
    Lost,
}

/// What time brought about in a role's queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Leases that ran out.
    pub expired: u64,
    /// Tasks that are ready again: their backoff was over, or a bell had brought them and nobody heard it.
    pub released: u64,
    /// Tasks that had waited too long and went to the front.
    pub aged: u64,
    /// Entries that can't be read and were put aside.
    pub quarantined: u64,
}

/// Why a worker asks what it holds in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    /// It lives, and an answer may have been lost.
    Forgotten,
    /// It is dead.
    Dead,
}

impl Client {
    /// Renews leases; the answers come in the order of `attempts`.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn renew_leases(
        &self,
        agent: &AgentId,
        attempts: &[(TaskId, u32)],
    ) -> Result<Vec<LeaseState>, Error> {
        let answers: Vec<String> = self
            .script(&scripts::RENEW, |s| {
                s.arg(agent.to_string()).arg(agent.role().name());
                for (task, attempt) in attempts {
                    s.arg(task.to_string()).arg(*attempt);
                }
            })
            .await?;
        let state = |word: &String| match word.as_str() {
            "held" => LeaseState::Held,
            "paused" => LeaseState::Paused,
            _ => LeaseState::Lost,
        };
        Ok(answers.iter().map(state).collect())
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

    /// Hands back what the agent holds in Redis besides `known`: after an error, the answer to a claim or what a
    /// bell brought may have been lost, and nobody would work on it until its lease runs out. Nobody rings for
    /// the agent any more until its next turn. Returns how many.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn recover(&self, agent: &AgentId, known: &[TaskId]) -> Result<u64, Error> {
        self.take_back(agent, Recovery::Forgotten, known).await
    }

    /// Takes back at once what an agent held whose process is known to be gone; returns how many.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub(super) async fn bury(&self, agent: &AgentId) -> Result<u64, Error> {
        self.take_back(agent, Recovery::Dead, &[]).await
    }

    async fn take_back(&self, agent: &AgentId, why: Recovery, known: &[TaskId]) -> Result<u64, Error> {
        let why = match why {
            Recovery::Forgotten => "forgotten",
            Recovery::Dead => "dead",
        };
        self.script(&scripts::RECOVER, |s| {
            s.arg(agent.to_string()).arg(agent.role().name()).arg(why);
            for task in known {
                s.arg(task.to_string());
            }
        })
        .await
    }

    /// Does what time alone brings about in a role's queue: leases that ran out, backoffs that are over,
    /// tasks that have waited too long, entries that can't be read. Anybody may call it as often as they
    /// like; it does its work a few times a second. `lease_ms` is how long a lease lasts.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn tick(&self, role: Role, lease_ms: u64) -> Result<Ticked, Error> {
        let (expired, released, aged, quarantined) = self
            .script(&scripts::TICK, |s| {
                s.arg(role.name()).arg(lease_ms);
            })
            .await?;
        Ok(Ticked { expired, released, aged, quarantined })
    }

    /// What a task's last attempt published, if anything.
    ///
    /// # Errors
    /// [`Error::Undecodable`], [`Error::Redis`].
    pub async fn result(&self, task: &TaskId) -> Result<Option<TaskResult>, Error> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.results(task.goal())).arg(task.number());
        let json: Option<String> = self.query("reading a result", &get).await?;
        json.map(|json| decode("a result", &json)).transpose()
    }

    /// The tasks that a task needs now, tasks added later included.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn needs(&self, task: &TaskId) -> Result<Vec<TaskId>, Error> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("needs");
        let numbers: Option<String> = self.query("reading a task", &get).await?;
        Ok(task_ids(task.goal(), numbers.as_deref()))
    }
}

impl Listener {
    /// Waits until the agent is rung for, or for `wait_seconds`. Whoever rings brings a task, if it can. When
    /// this fails or is dropped half-way, such a task may have been lost on its way: [`Client::recover`] hands it
    /// back.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Redis`]; the next call opens a new connection.
    pub async fn wait_for_bell(
        &mut self,
        worker: &mut Worker,
        wait_seconds: u64,
    ) -> Result<Option<Claim>, Error> {
        let bell = self.keys.bell(&worker.agent);
        let connection = self.connection().await?;
        let mut wait = redis::cmd("BLPOP");
        wait.arg(bell).arg(wait_seconds);
        let rung: Result<Option<(String, Vec<u8>)>, Error> =
            query_on(connection, "waiting for a task", &wait).await;
        if rung.is_err() {
            self.broken();
        }
        let Some((_, brought)) = rung? else { return Ok(None) };
        // Whoever rang took it off the list of the idle.
        worker.idle = false;
        worker.brought(&brought).transpose()
    }
}

/// The tasks that a list of numbers names; what is no number is left out.
pub(super) fn task_ids(goal: &GoalId, numbers: Option<&str>) -> Vec<TaskId> {
    let words = numbers.unwrap_or_default().split_whitespace();
    words.filter_map(|word| word.parse().ok()).map(|number| goal.task(number)).collect()
}
