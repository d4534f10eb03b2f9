//! Views: goals, tasks and queues as the command line and the console show them.

use std::collections::HashMap;

use serde::Serialize;

use super::goals::decode_goal;
use super::leases::task_ids;
use super::turn::decode_task;
use super::{Client, Error, decode};
use crate::goal::{Goal, GoalState};
use crate::id::{AgentId, GoalId, Role, TaskId};
use crate::intent::Intent;
use crate::result::TaskResult;
use crate::task::{Task, TaskState};

/// A goal and all its tasks.
#[derive(Debug, Clone, Serialize)]
pub struct GoalView {
    /// The goal.
    pub goal: Goal,
    /// Its state.
    pub state: GoalState,
    /// How it was understood; none before it was planned.
    pub intent: Option<Intent>,
    /// Why it ended as it did.
    pub error: Option<String>,
    /// The newest published commit; the result when the goal succeeded.
    pub commit: Option<String>,
    /// Since when it is paused, Unix time in milliseconds; also before it has a plan.
    pub paused_ms: Option<u64>,
    /// When a plan was there, Unix time in milliseconds.
    pub planned_ms: Option<u64>,
    /// When it ended, Unix time in milliseconds.
    pub ended_ms: Option<u64>,
    /// Its tasks in order; empty in a list of goals.
    pub tasks: Vec<TaskView>,
    /// How many tasks its plan has.
    pub total: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
    /// How many failed.
    pub failed: u64,
    /// How many need a person.
    pub blocked: u64,
    /// How many were cancelled.
    pub cancelled: u64,
}

/// A task and how far it is.
#[derive(Debug, Clone, Serialize)]
pub struct TaskView {
    /// The task.
    pub task: Task,
    /// Its state.
    pub state: TaskState,
    /// What it needs, tasks added later included.
    pub needs: Vec<TaskId>,
    /// How many attempts were started.
    pub attempts: u32,
    /// Who holds or held it.
    pub agent: Option<AgentId>,
    /// When its last attempt started, Unix time in milliseconds.
    pub started_ms: Option<u64>,
    /// When it ended, Unix time in milliseconds.
    pub ended_ms: Option<u64>,
    /// What its last attempt published.
    pub result: Option<TaskResult>,
    /// Why it is in this state.
    pub error: Option<String>,
}

/// A role's queue.
#[derive(Debug, Clone, Serialize)]
pub struct QueueView {
    /// The role.
    pub role: Role,
    /// Tasks that nobody has.
    pub ready: u64,
    /// Tasks that an agent has.
    pub in_flight: u64,
    /// Nothing is handed out: the fleet is paused.
    pub paused: bool,
}

pub(super) type Fields = HashMap<String, String>;

pub(super) fn number(fields: &Fields, name: &str) -> Option<u64> {
    fields.get(name)?.parse().ok()
}

/// A goal's hash, or a part of it, without the tasks.
pub(super) fn head(json: &str, fields: &Fields) -> Result<GoalView, Error> {
    let count = |name| number(fields, name).unwrap_or(0);
    Ok(GoalView {
        goal: decode_goal(json)?,
        state: state("a goal", fields)?,
        intent: fields.get("intent").map(|json| decode("an intent", json)).transpose()?,
        error: fields.get("error").cloned(),
        commit: fields.get("commit").cloned(),
        paused_ms: number(fields, "paused"),
        planned_ms: number(fields, "planned_ms"),
        ended_ms: number(fields, "ended_ms"),
        tasks: Vec::new(),
        total: count("total"),
        succeeded: succeeded(fields),
        failed: count("failed"),
        blocked: count("blocked"),
        cancelled: count("cancelled"),
    })
}

/// What is not open and did not end otherwise.
fn succeeded(fields: &Fields) -> u64 {
    let others = ["open", "failed", "blocked", "cancelled"];
    let others = others.iter().filter_map(|name| number(fields, name)).sum();
    number(fields, "total").unwrap_or(0).saturating_sub(others)
}

pub(super) fn state<T: serde::de::DeserializeOwned>(what: &str, fields: &Fields) -> Result<T, Error> {
    let word = fields.get("state").cloned().unwrap_or_default();
    serde_json::from_value(serde_json::Value::String(word.clone()))
        .map_err(|_| Error::Undecodable { what: format!("the state of {what}"), reason: format!("{word:?}") })
}

impl Client {
    /// The newest `count` goals, without their tasks. What can't be read is left out.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn goals(&self, count: usize) -> Result<Vec<GoalView>, Error> {
        let mut range = redis::cmd("LRANGE");
        range.arg(self.keys.recent_goals()).arg(0).arg(count.saturating_sub(1));
        let ids: Vec<String> = self.query("listing goals", &range).await?;
        let mut goals = Vec::with_capacity(ids.len());
        for id in ids.iter().filter_map(|id| id.parse::<GoalId>().ok()) {
            match self.goal_head(&id).await {
                Ok(view) => goals.push(view),
                Err(Error::Undecodable { .. } | Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(goals)
    }

    /// A goal without its tasks. Of an archived goal, what its summary tells: it has tasks by number only.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Undecodable`], [`Error::Redis`].
    pub async fn goal_head(&self, id: &GoalId) -> Result<GoalView, Error> {
        let fields: Fields =
            self.query("reading a goal", redis::cmd("HGETALL").arg(self.keys.goal(id))).await?;
        let Some(json) = fields.get("goal") else {
            let summary = self.summary(id).await?.ok_or_else(|| Error::NotFound(format!("goal {id}")))?;
            return Ok(summary.into());
        };
        head(json, &fields)
    }

    /// A goal with its tasks.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Undecodable`], [`Error::Redis`].
    pub async fn goal_view(&self, id: &GoalId) -> Result<GoalView, Error> {
        let mut view = self.goal_head(id).await?;
        let plan: HashMap<u32, String> =
            self.query("reading a plan", redis::cmd("HGETALL").arg(self.keys.plan(id))).await?;
        let mut numbers: Vec<u32> = plan.keys().copied().collect();
        numbers.sort_unstable();
        if numbers.is_empty() {
            return Ok(view);
        }
        let mut results: HashMap<u32, String> =
            self.query("reading results", redis::cmd("HGETALL").arg(self.keys.results(id))).await?;
        let mut pipe = redis::pipe();
        for number in &numbers {
            pipe.hgetall(self.keys.task(&id.task(*number)));
        }
        let states: Vec<Fields> = self.pipe("reading a plan's tasks", &pipe).await?;
        for (number, fields) in numbers.iter().zip(&states) {
            let task = decode_task(&plan[number], &id.task(*number))?;
            view.tasks.push(task_view(task, fields, results.remove(number))?);
        }
        if view.commit.is_none() {
            // Stored when the goal ends; until then the newest is found among the results.
            let published = view.tasks.iter().filter(|task| task.state == TaskState::Succeeded);
            let newest = published.max_by_key(|task| task.ended_ms).and_then(|task| task.result.as_ref());
            view.commit = newest.and_then(|result| Some(result.outputs.as_ref()?.commit.clone()));
        }
        Ok(view)
    }

    /// How full each role's queue is.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn queues(&self) -> Result<Vec<QueueView>, Error> {
        let mut queues = Vec::with_capacity(Role::ALL.len());
        for role in Role::ALL {
            let mut pipe = redis::pipe();
            pipe.xlen(self.keys.queue(role)).hlen(self.keys.leases(role));
            pipe.hexists(self.keys.queues(role), "~paused");
            let (ready, in_flight, paused) = self.pipe("measuring a queue", &pipe).await?;
            queues.push(QueueView { role, ready, in_flight, paused });
        }
        Ok(queues)
    }

    /// The counts of `metrics:tasks`.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn metrics(&self) -> Result<HashMap<String, u64>, Error> {
        self.query("reading metrics", redis::cmd("HGETALL").arg(self.keys.metrics())).await
    }
}

pub(super) fn task_view(task: Task, fields: &Fields, result: Option<String>) -> Result<TaskView, Error> {
    Ok(TaskView {
        state: state("a task", fields)?,
        needs: task_ids(&task.goal, fields.get("needs").map(String::as_str)),
        attempts: fields.get("attempt").and_then(|text| text.parse().ok()).unwrap_or(0),
        agent: fields.get("agent").and_then(|text| text.parse().ok()),
        started_ms: number(fields, "started_ms"),
        ended_ms: number(fields, "ended_ms"),
        result: result.map(|json| decode("a result", &json)).transpose()?,
        error: if fields.get("state").is_some_and(|state| state == "succeeded") {
            None
        } else {
            fields.get("error").cloned()
        },
        task,
    })
}
