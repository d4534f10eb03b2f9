//! Goals: submitting, planning, cancelling; and the bundles that carry their commits.

use std::collections::HashMap;

use redis::streams::{StreamAutoClaimReply, StreamReadReply};

use super::{Client, Error, Listener, decode, encode, query_on, scripts};
use crate::goal::{GOAL_VERSION, Goal, GoalState};
use crate::id::{GoalId, TaskId};
use crate::intent::Intent;
use crate::plan;
use crate::task::Task;

/// How long a goal's bundle stays in Redis while its goal has not been submitted.
const UNSUBMITTED_BLOB_SECONDS: i64 = 3600;
/// A master that says nothing for this long while planning has died; another plans the goal.
const PLANNING_LEASE_MS: u64 = 15_000;

/// An entry of the goals stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalEntry {
    /// The entry's id in the stream.
    pub entry: String,
    /// The goal it names, as written.
    pub goal: String,
}

/// What came of an attempt to plan a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanningOutcome {
    /// Done.
    Accepted,
    /// The goal is not being planned any more; this is its state.
    Superseded(String),
}

impl PlanningOutcome {
    fn from_reply(reply: String) -> Self {
        if reply == "ok" { PlanningOutcome::Accepted } else { PlanningOutcome::Superseded(reply) }
    }
}

impl Client {
    /// Stores a goal's bundle under its commit, before the goal is submitted or a result published.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn store_bundle(&self, goal: &GoalId, commit: &str, bundle: &[u8]) -> Result<(), Error> {
        let key = self.keys.blobs(goal);
        let mut pipe = redis::pipe();
        pipe.atomic().hset(&key, commit, bundle).ignore();
        let (submitted,): (bool,) =
            self.pipe("looking for a goal", redis::pipe().exists(self.keys.goal(goal))).await?;
        if !submitted {
            pipe.expire(&key, UNSUBMITTED_BLOB_SECONDS).ignore();
        }
        self.pipe("storing a commit's bundle", &pipe).await
    }

    /// A commit's bundle.
    ///
    /// # Errors
    /// [`Error::Redis`]; [`Error::NotFound`] when no such commit was published.
    pub async fn bundle(&self, goal: &GoalId, commit: &str) -> Result<Vec<u8>, Error> {
        let bundle: Option<Vec<u8>> = self
            .query("reading a commit's bundle", redis::cmd("HGET").arg(self.keys.blobs(goal)).arg(commit))
            .await?;
        bundle.ok_or_else(|| Error::NotFound(format!("commit {commit} of {goal} in Redis")))
    }

    /// Submits a goal: from here on it is never lost.
    ///
    /// # Errors
    /// [`Error::WrongState`] when the id is taken; [`Error::Redis`].
    pub async fn submit_goal(&self, goal: &Goal) -> Result<(), Error> {
        let json = encode("a goal", goal)?;
        let reply: String = self
            .script(&scripts::SUBMIT_GOAL, |s| {
                s.arg(goal.id.as_str()).arg(json);
            })
            .await?;
        match reply.as_str() {
            "ok" => Ok(()),
            _ => Err(Error::WrongState { what: goal.id.to_string(), state: "taken".to_owned() }),
        }
    }

    /// Marks a goal as being planned by this master.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn begin_planning(&self, goal: &GoalId) -> Result<PlanningOutcome, Error> {
        let reply = self
            .script(&scripts::BEGIN_PLANNING, |s| {
                s.arg(goal.as_str());
            })
            .await?;
        Ok(PlanningOutcome::from_reply(reply))
    }

    /// Submits a checked plan at once; its tasks are enqueued longest remaining path first.
    ///
    /// # Errors
    /// [`Error::Redis`]; [`Error::Undecodable`] when the plan breaks a rule of [`plan::check`].
    pub async fn submit_plan(
        &self,
        goal: &GoalId,
        intent: &Intent,
        tasks: &[Task],
    ) -> Result<PlanningOutcome, Error> {
        let broken = |error: plan::PlanError| Error::Undecodable {
            what: "the plan".to_owned(),
            reason: error.to_string(),
        };
        plan::check(tasks).map_err(broken)?;
        let lengths = plan::longest_paths(tasks).map_err(broken)?;
        let mut ordered: Vec<&Task> = tasks.iter().collect();
        ordered.sort_by_key(|task| (std::cmp::Reverse(lengths.get(&task.id).copied()), task.id.number()));
        let jsons = ordered.iter().map(|task| encode("a task", task)).collect::<Result<Vec<_>, _>>()?;
        let intent = encode("an intent", intent)?;
        let reply = self
            .script(&scripts::SUBMIT_PLAN, |s| {
                s.arg(goal.as_str()).arg(intent).arg(jsons.len());
                for json in jsons {
                    s.arg(json);
                }
            })
            .await?;
        Ok(PlanningOutcome::from_reply(reply))
    }

    /// Ends a goal that is being planned: `blocked` (a person is needed) or `failed`.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn end_goal(
        &self,
        goal: &GoalId,
        state: GoalState,
        reason: &str,
        intent: Option<&Intent>,
    ) -> Result<PlanningOutcome, Error> {
        let intent = intent.map(|intent| encode("an intent", intent)).transpose()?.unwrap_or_default();
        let reply = self
            .script(&scripts::END_GOAL, |s| {
                s.arg(goal.as_str()).arg(state.name()).arg(reason).arg(intent);
            })
            .await?;
        Ok(PlanningOutcome::from_reply(reply))
    }

    /// Cancels a goal; its running attempts find their leases gone.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::WrongState`] when it has ended, [`Error::Redis`].
    pub async fn cancel_goal(&self, goal: &GoalId) -> Result<(), Error> {
        let reply: String = self
            .script(&scripts::CANCEL_GOAL, |s| {
                s.arg(goal.as_str());
            })
            .await?;
        outcome(reply, format!("goal {goal}"))
    }

    /// Gives a failed or blocked task all its attempts again.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::WrongState`] when it did not fail, [`Error::Redis`].
    pub async fn retry_task(&self, task: &TaskId) -> Result<(), Error> {
        let reply: String = self
            .script(&scripts::RETRY_TASK, |s| {
                s.arg(task.to_string());
            })
            .await?;
        if reply == "goal_cancelled" {
            return Err(Error::WrongState {
                what: format!("the goal of task {task}"),
                state: "cancelled".to_owned(),
            });
        }
        outcome(reply, format!("task {task}"))
    }

    /// A goal as submitted.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Undecodable`] (also for an unknown version), [`Error::Redis`].
    pub async fn goal(&self, goal: &GoalId) -> Result<Goal, Error> {
        let json: Option<String> =
            self.query("reading a goal", redis::cmd("HGET").arg(self.keys.goal(goal)).arg("goal")).await?;
        let json = json.ok_or_else(|| Error::NotFound(format!("goal {goal}")))?;
        decode_goal(&json)
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

    /// Puts something unreadable aside with the reason, so that it blocks nothing.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn quarantine(&self, from: &str, what: &str, reason: &str) -> Result<(), Error> {
        let mut cmd = redis::cmd("XADD");
        cmd.arg(self.keys.quarantine()).arg("*").arg("from").arg(from).arg("entry").arg(what);
        cmd.arg("reason").arg(reason);
        self.query::<String>("quarantining an entry", &cmd).await.map(|_| ())
    }
}

impl Listener {
    /// Entries of the goals stream or of `follow_ups` for this master: those whose master died first,
    /// then new ones; waits up to `wait_ms`.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Redis`]; the next call opens a new connection.
    pub(super) async fn master_entries(
        &mut self,
        stream: &str,
        who: &str,
        wait_ms: usize,
    ) -> Result<Vec<(String, HashMap<String, redis::Value>)>, Error> {
        let result = self.read_master_entries(stream, who, wait_ms).await;
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
    ) -> Result<Vec<(String, HashMap<String, redis::Value>)>, Error> {
        let connection = self.connection().await?;
        let mut make = redis::cmd("XGROUP");
        make.arg("CREATE").arg(stream).arg("masters").arg("0").arg("MKSTREAM");
        // BUSYGROUP is the everyday answer.
        let _exists: Result<String, Error> = query_on(connection, "making a consumer group", &make).await;
        let mut late = redis::cmd("XAUTOCLAIM");
        late.arg(stream).arg("masters").arg(who).arg(PLANNING_LEASE_MS).arg("0").arg("COUNT").arg(8);
        let late: StreamAutoClaimReply =
            query_on(connection, "taking over a dead master's goals", &late).await?;
        if !late.claimed.is_empty() {
            return Ok(late.claimed.into_iter().map(|entry| (entry.id, entry.map)).collect());
        }
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg("masters").arg(who).arg("COUNT").arg(8).arg("BLOCK").arg(wait_ms);
        read.arg("STREAMS").arg(stream).arg(">");
        let fresh: Option<StreamReadReply> = query_on(connection, "waiting for goals", &read).await?;
        let entries = fresh.map(|reply| reply.keys).unwrap_or_default();
        Ok(entries.into_iter().flat_map(|key| key.ids).map(|entry| (entry.id, entry.map)).collect())
    }

    /// Goals to be planned, for the master `who`; waits up to `wait_ms` for one.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Redis`].
    pub async fn goals(&mut self, who: &str, wait_ms: usize) -> Result<Vec<GoalEntry>, Error> {
        let stream = self.keys.goals();
        let entries = self.master_entries(&stream, who, wait_ms).await?;
        Ok(entries.into_iter().map(|(entry, map)| GoalEntry { entry, goal: text(&map, "goal") }).collect())
    }
}

/// A text field of a stream entry; empty when it is absent or not text.
pub(super) fn text(map: &HashMap<String, redis::Value>, field: &str) -> String {
    map.get(field).and_then(|value| redis::from_redis_value_ref(value).ok()).unwrap_or_default()
}

pub(super) fn decode_goal(json: &str) -> Result<Goal, Error> {
    let goal: Goal = decode("a goal", json)?;
    if goal.version != GOAL_VERSION {
        let reason = format!("version {} is not known here", goal.version);
        return Err(Error::Undecodable { what: "a goal".to_owned(), reason });
    }
    Ok(goal)
}

fn outcome(reply: String, what: String) -> Result<(), Error> {
    match reply.as_str() {
        "ok" => Ok(()),
        "unknown" => Err(Error::NotFound(what)),
        _ => Err(Error::WrongState { what, state: reply }),
    }
}
