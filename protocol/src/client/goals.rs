//! Goals: submitting, pausing, cancelling; and the bundles that carry their commits.

use super::entries::{Fields, lossy};
use super::{Client, Error, decode, encode, scripts};
use crate::goal::{GOAL_VERSION, Goal, GoalKind};
use crate::id::{GoalId, Role, TaskId};

/// How long a goal's bundle stays in Redis while its goal has not been submitted.
const UNSUBMITTED_BLOB_SECONDS: i64 = 3600;
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
                let deadline = goal.deadline_ms.map_or_else(String::new, |ms| ms.to_string());
                let of = match &goal.kind {
                    GoalKind::Build => "",
                    GoalKind::Verify { of } => of.as_str(),
                };
                s.arg(goal.id.as_str()).arg(json).arg(deadline).arg(of);
            })
            .await?;
        match reply.as_str() {
            "ok" => Ok(()),
            _ => Err(Error::WrongState { what: goal.id.to_string(), state: "taken".to_owned() }),
        }
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

    /// Pauses a goal: nothing of it is handed out, and running attempts are handed back. A goal that is not
    /// planned yet is planned, and waits then. Returns whether that changed anything.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::WrongState`] when it has ended, [`Error::Redis`].
    pub async fn pause_goal(&self, goal: &GoalId) -> Result<bool, Error> {
        self.pause_or_resume(goal, "pause").await
    }

    /// Lets a paused goal go on. Returns whether that changed anything.
    ///
    /// # Errors
    /// As [`Client::pause_goal`].
    pub async fn resume_goal(&self, goal: &GoalId) -> Result<bool, Error> {
        self.pause_or_resume(goal, "resume").await
    }

    async fn pause_or_resume(&self, goal: &GoalId, what: &str) -> Result<bool, Error> {
        let reply: String = self
            .script(&scripts::PAUSE_GOAL, |s| {
                s.arg(goal.as_str()).arg(what);
                for role in Role::ALL {
                    s.arg(role.name());
                }
            })
            .await?;
        if reply == "unchanged" {
            return Ok(false);
        }
        outcome(reply, format!("goal {goal}")).map(|()| true)
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
}

/// A text field of a stream entry; empty when it is absent. Bytes that are no text are shown as such, so
/// that nothing that is compared with a name can be one.
pub(super) fn text(fields: &Fields, name: &str) -> String {
    fields.get(name).map(lossy).unwrap_or_default()
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
