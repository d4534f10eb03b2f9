//! Views: goals, tasks and queues as the command line and the console show them.

use std::collections::HashMap;

use serde::Serialize;

use super::goals::decode_goal;
use super::tasks::decode_task;
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
}

type Fields = HashMap<String, String>;

fn number(fields: &Fields, name: &str) -> Option<u64> {
    fields.get(name)?.parse().ok()
}

fn state<T: serde::de::DeserializeOwned>(what: &str, fields: &Fields) -> Result<T, Error> {
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

    /// A goal without its tasks.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Undecodable`], [`Error::Redis`].
    pub async fn goal_head(&self, id: &GoalId) -> Result<GoalView, Error> {
        let fields: Fields =
            self.query("reading a goal", redis::cmd("HGETALL").arg(self.keys.goal(id))).await?;
        let json = fields.get("goal").ok_or_else(|| Error::NotFound(format!("goal {id}")))?;
        Ok(GoalView {
            goal: decode_goal(json)?,
            state: state("a goal", &fields)?,
            intent: fields.get("intent").map(|json| decode("an intent", json)).transpose()?,
            error: fields.get("error").cloned(),
            commit: fields.get("commit").cloned(),
            planned_ms: number(&fields, "planned_ms"),
            ended_ms: number(&fields, "ended_ms"),
            tasks: Vec::new(),
            total: number(&fields, "total").unwrap_or(0),
            succeeded: number(&fields, "succeeded").unwrap_or(0),
        })
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
        let mut pipe = redis::pipe();
        for number in &numbers {
            pipe.hgetall(self.keys.task(&id.task(*number)));
        }
        let states: Vec<Fields> = self.pipe("reading a plan's tasks", &pipe).await?;
        for (number, fields) in numbers.iter().zip(&states) {
            view.tasks.push(task_view(&plan[number], fields)?);
        }
        Ok(view)
    }

    /// What a task's last attempt published, if anything.
    ///
    /// # Errors
    /// [`Error::Undecodable`], [`Error::Redis`].
    pub async fn result(&self, task: &TaskId) -> Result<Option<TaskResult>, Error> {
        let json: Option<String> = self
            .query("reading a result", redis::cmd("HGET").arg(self.keys.task(task)).arg("result"))
            .await?;
        json.map(|json| decode("a result", &json)).transpose()
    }

    /// The tasks that a task needs now, tasks added later included.
    ///
    /// # Errors
    /// [`Error::Undecodable`], [`Error::Redis`].
    pub async fn needs(&self, task: &TaskId) -> Result<Vec<TaskId>, Error> {
        let json: Option<String> =
            self.query("reading a task", redis::cmd("HGET").arg(self.keys.task(task)).arg("needs")).await?;
        json.map_or_else(|| Ok(Vec::new()), |json| decode("a task's needs", &json))
    }

    /// How full each role's queue is.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn queues(&self) -> Result<Vec<QueueView>, Error> {
        let mut queues = Vec::with_capacity(Role::ALL.len());
        for role in Role::ALL {
            let suffixes: Vec<String> =
                self.query("listing queues", redis::cmd("HKEYS").arg(self.keys.queues(role))).await?;
            let mut view = QueueView { role, ready: 0, in_flight: 0 };
            for suffix in &suffixes {
                let stream = self.keys.queue(role, suffix);
                let length: u64 = self.query("measuring a queue", redis::cmd("XLEN").arg(&stream)).await?;
                let pending: redis::streams::StreamPendingReply = self
                    .query("measuring a queue", redis::cmd("XPENDING").arg(&stream).arg("workers"))
                    .await?;
                let taken = pending.count() as u64;
                view.in_flight += taken;
                view.ready += length.saturating_sub(taken);
            }
            queues.push(view);
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

fn task_view(json: &str, fields: &Fields) -> Result<TaskView, Error> {
    let task = decode_task(json)?;
    Ok(TaskView {
        state: state("a task", fields)?,
        needs: fields
            .get("needs")
            .map_or_else(|| Ok(task.needs.clone()), |json| decode("a task's needs", json))?,
        attempts: fields.get("attempt").and_then(|text| text.parse().ok()).unwrap_or(0),
        agent: fields.get("agent").and_then(|text| text.parse().ok()),
        started_ms: number(fields, "started_ms"),
        ended_ms: number(fields, "ended_ms"),
        result: fields.get("result").map(|json| decode("a result", json)).transpose()?,
        error: fields.get("error").cloned(),
        task,
    })
}
