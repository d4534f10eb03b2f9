//! Planning: which master plans a goal, and laying its plan down.

use super::entries::{Claimed, Fields, Read};
use super::goals::text;
use super::stored::{Stored, broken, dependents, undecodable};
use super::{Client, Error, Listener, encode, query_on, scripts};
use crate::goal::GoalState;
use crate::id::{GoalId, TaskId};
use crate::intent::Intent;
use crate::plan;
use crate::task::Task;

/// A master that says nothing for this long while planning has died; another plans the goal. It renews
/// with [`Client::renew_planning`].
pub const PLANNING_LEASE_MS: u64 = 15_000;
/// How many tasks that need nothing come into their queues in one call; `submit_plan.lua` knows it as well.
const BEGUN: usize = 500;
/// How many tasks of a plan are laid down in one call, so that none blocks Redis for long.
const STAGE: usize = 250;

/// An entry of the goals stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalEntry {
    /// The entry's id in the stream.
    pub entry: String,
    /// The goal it names, as written.
    pub goal: String,
}

/// The right to plan a goal: the fencing token that only the newest of its planners has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanningToken(String);

/// What came of asking for a goal to plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planning {
    /// It is this master's.
    Begun(PlanningToken),
    /// The goal is not waiting to be planned; this is its state.
    Superseded(String),
}

/// What came of submitting what was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanningOutcome {
    /// Done.
    Accepted,
    /// The goal is not being planned any more, or by another master; this is its state.
    Superseded(String),
}

impl PlanningOutcome {
    fn from_reply(reply: String) -> Self {
        if reply == "ok" { PlanningOutcome::Accepted } else { PlanningOutcome::Superseded(reply) }
    }
}

impl Client {
    /// Marks a goal as being planned by this master; whoever planned it before can't submit any more.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn begin_planning(&self, goal: &GoalId) -> Result<Planning, Error> {
        let mut reply: Vec<String> = self
            .script(&scripts::BEGIN_PLANNING, |s| {
                s.arg(goal.as_str());
            })
            .await?;
        let last = reply.pop().unwrap_or_default();
        Ok(if reply.is_empty() { Planning::Superseded(last) } else { Planning::Begun(PlanningToken(last)) })
    }

    /// Says that the goal is still being planned. Returns whether it is this master's.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn renew_planning(
        &self,
        goal: &GoalId,
        token: &PlanningToken,
        entry: &str,
    ) -> Result<bool, Error> {
        let reply: String = self
            .script(&scripts::RENEW_PLANNING, |s| {
                s.arg(goal.as_str()).arg(&token.0).arg(entry);
            })
            .await?;
        Ok(reply == "ok")
    }

    /// Submits a checked plan: it appears at once, however large, and what needs nothing is in its queues,
    /// longest remaining path first.
    ///
    /// # Errors
    /// [`Error::Redis`]; [`Error::Undecodable`] when the plan breaks a rule of [`plan::check`].
    pub async fn submit_plan(
        &self,
        goal: &GoalId,
        token: &PlanningToken,
        intent: &Intent,
        tasks: &[Task],
    ) -> Result<PlanningOutcome, Error> {
        let paths = plan::check(tasks).map_err(broken)?;
        let mut numbers: Vec<&TaskId> = tasks.iter().map(|task| &task.id).collect();
        numbers.sort();
        if let Some((odd, _)) = numbers.into_iter().zip(1..).find(|(id, number)| **id != goal.task(*number)) {
            return Err(undecodable(&format!(
                "{odd} is not a number that follows in {goal}: they go from 1"
            )));
        }
        let dependents = dependents(tasks);
        for part in tasks.chunks(STAGE) {
            let mut staged = Vec::with_capacity(part.len());
            for task in part {
                let path = paths.get(&task.id).copied().unwrap_or(1);
                staged.push(Stored::new(task, path, dependents.get(&task.id))?);
            }
            let reply: String = self
                .script(&scripts::STAGE_PLAN, |s| {
                    s.arg(goal.as_str()).arg(&token.0);
                    staged.iter().for_each(|stored| stored.add_to(s));
                })
                .await?;
            if reply != "ok" {
                return Ok(PlanningOutcome::Superseded(reply));
            }
        }
        let mut roots: Vec<&TaskId> =
            tasks.iter().filter(|task| task.needs.is_empty()).map(|task| &task.id).collect();
        roots.sort_by_key(|id| (std::cmp::Reverse(paths.get(id).copied()), id.number()));
        let intent = encode("an intent", intent)?;
        let reply = self
            .script(&scripts::SUBMIT_PLAN, |s| {
                s.arg(goal.as_str()).arg(&token.0).arg(intent).arg(tasks.len());
                for root in &roots {
                    s.arg(root.number());
                }
            })
            .await?;
        let outcome = PlanningOutcome::from_reply(reply);
        if outcome == PlanningOutcome::Accepted {
            self.begin_tasks(goal, roots.get(BEGUN..).unwrap_or_default()).await;
        }
        Ok(outcome)
    }

    /// Puts tasks that need nothing into their queues, in parts. The plan is accepted already, and without this
    /// they would come there a little later: so nothing is made of an error.
    async fn begin_tasks(&self, goal: &GoalId, roots: &[&TaskId]) {
        for part in roots.chunks(BEGUN) {
            let begun: Result<u64, Error> = self
                .script(&scripts::BEGIN_TASKS, |s| {
                    s.arg(goal.as_str());
                    part.iter().for_each(|root| {
                        s.arg(root.number());
                    });
                })
                .await;
            if begun.is_err() {
                return;
            }
        }
    }

    /// Ends a goal that is being planned: `blocked` (a person is needed) or `failed`.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn end_goal(
        &self,
        goal: &GoalId,
        token: &PlanningToken,
        state: GoalState,
        reason: &str,
        intent: Option<&Intent>,
    ) -> Result<PlanningOutcome, Error> {
        let intent = intent.map(|intent| encode("an intent", intent)).transpose()?.unwrap_or_default();
        let reply = self
            .script(&scripts::END_GOAL, |s| {
                s.arg(goal.as_str()).arg(&token.0).arg(state.name()).arg(reason).arg(intent);
            })
            .await?;
        Ok(PlanningOutcome::from_reply(reply))
    }

    /// Acknowledges an entry of the goals stream, once its goal has a plan or has ended.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn acknowledge_goal(&self, entry: &str) -> Result<(), Error> {
        self.acknowledge(&self.keys.goals(), entry).await
    }

    pub(super) async fn acknowledge(&self, stream: &str, entry: &str) -> Result<(), Error> {
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("XACK").arg(stream).arg("masters").arg(entry).ignore();
        pipe.cmd("XDEL").arg(stream).arg(entry).ignore();
        self.pipe("acknowledging an entry", &pipe).await
    }
}

impl Listener {
    /// Goals to be planned, for the master `who`; waits up to `wait_ms` for one.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Redis`]; the next call opens a new connection.
    pub async fn goals(&mut self, who: &str, wait_ms: usize) -> Result<Vec<GoalEntry>, Error> {
        let stream = self.keys.goals();
        let entries = self.master_entries(&stream, who, wait_ms).await?;
        Ok(entries.into_iter().map(|(entry, map)| GoalEntry { entry, goal: text(&map, "goal") }).collect())
    }

    /// Entries for this master: those whose master died first, then new ones; waits up to `wait_ms`.
    pub(super) async fn master_entries(
        &mut self,
        stream: &str,
        who: &str,
        wait_ms: usize,
    ) -> Result<Entries, Error> {
        let mut result = self.read_master_entries(stream, who, wait_ms).await;
        if matches!(&result, Err(Error::Redis { source, .. }) if source.code() == Some("NOGROUP")) {
            let mut make = redis::cmd("XGROUP");
            make.arg("CREATE").arg(stream).arg("masters").arg("0").arg("MKSTREAM");
            // Another master may have been faster.
            let _made: Result<String, Error> =
                query_on(self.connection().await?, "making a consumer group", &make).await;
            result = self.read_master_entries(stream, who, wait_ms).await;
        }
        if result.is_err() {
            self.broken();
        }
        result
    }

    async fn read_master_entries(
        &mut self,
        stream: &str,
        who: &str,
        wait_ms: usize,
    ) -> Result<Entries, Error> {
        let connection = self.connection().await?;
        let mut late = redis::cmd("XAUTOCLAIM");
        late.arg(stream).arg("masters").arg(who).arg(PLANNING_LEASE_MS).arg("0").arg("COUNT").arg(8);
        let Claimed(late) = query_on(connection, "taking over a dead master's goals", &late).await?;
        if !late.is_empty() {
            return Ok(late);
        }
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg("masters").arg(who).arg("COUNT").arg(8).arg("BLOCK").arg(wait_ms);
        read.arg("STREAMS").arg(stream).arg(">");
        let Read(fresh) = query_on(connection, "waiting for goals", &read).await?;
        Ok(fresh.into_iter().map(|(_, id, fields)| (id, fields)).collect())
    }
}

pub(super) type Entries = Vec<(String, Fields)>;
