//! Outlines: goals and plans as lists show them, read in pages, without procedures and evidence.

use std::collections::HashMap;

use serde::Deserialize;

use super::leases::task_ids;
use super::turn::decode_task;
use super::view::{Fields, head, number, state, task_view};
use super::{Client, Error, GoalView, TaskView, decode};
use crate::evidence::TestCounts;
use crate::id::{AgentId, GoalId, Role, TaskId};
use crate::task::{TaskKind, TaskState};

/// How many tasks one call reads.
const PAGE: usize = 500;
/// What is read of a goal.
const GOAL_FIELDS: [&str; 13] = [
    "goal",
    "state",
    "error",
    "commit",
    "paused",
    "planned_ms",
    "ended_ms",
    "total",
    "open",
    "failed",
    "blocked",
    "cancelled",
    "deadline_ms",
];
/// What is read of a task.
const TASK_FIELDS: [&str; 8] =
    ["state", "needs", "attempt", "max_attempts", "agent", "started_ms", "ended_ms", "error"];

/// A task as a row of its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskOutline {
    /// Its id.
    pub id: TaskId,
    /// Who does it.
    pub role: Role,
    /// What kind of task it is.
    pub kind: TaskKind,
    /// A few words. Untrusted.
    pub title: String,
    /// How far it is.
    pub state: TaskState,
    /// What it needs, tasks added later included.
    pub needs: Vec<TaskId>,
    /// How many attempts were started.
    pub attempts: u32,
    /// How many there may be.
    pub max_attempts: u32,
    /// Who holds or held it.
    pub agent: Option<AgentId>,
    /// When its last attempt began, Unix time in milliseconds.
    pub started_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// Why it is in this state. Untrusted.
    pub error: Option<String>,
}

/// What an outline needs of a task's JSON; the rest is passed over.
#[derive(Deserialize)]
struct Head {
    role: Role,
    kind: TaskKind,
    title: String,
    max_attempts: u32,
}

/// What an outline needs of a result.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct ResultOutline {
    /// Which attempt it is of.
    pub attempt: u32,
    /// How long it took.
    pub seconds: f64,
    /// The tests that its validation ran.
    #[serde(default)]
    pub tests: Option<TestCounts>,
}

impl Client {
    /// Goals without their tasks and intents, in one round trip, or two when some are archived. What is unknown or
    /// can't be read is left out.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn goal_heads(&self, ids: &[GoalId]) -> Result<Vec<GoalView>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for id in ids {
            pipe.cmd("HMGET").arg(self.keys.goal(id)).arg(&GOAL_FIELDS);
        }
        let all: Vec<Vec<Option<String>>> = self.pipe("reading goals", &pipe).await?;
        let mut heads = Vec::with_capacity(ids.len());
        for (id, values) in ids.iter().zip(all) {
            let names = GOAL_FIELDS.into_iter().map(str::to_owned);
            let fields: Fields = names.zip(values).filter_map(|(name, value)| Some((name, value?))).collect();
            if let Some(json) = fields.get("goal") {
                heads.extend(head(json, &fields).ok());
            } else if let Ok(Some(summary)) = self.summary(id).await {
                heads.push(summary.into());
            }
        }
        Ok(heads)
    }

    /// The numbers of a goal's tasks, in order.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn task_numbers(&self, goal: &GoalId) -> Result<Vec<u32>, Error> {
        let fields: Vec<Vec<u8>> =
            self.query("reading a plan", redis::cmd("HKEYS").arg(self.keys.plan(goal))).await?;
        let texts = fields.iter().filter_map(|field| std::str::from_utf8(field).ok());
        let mut numbers: Vec<u32> = texts.filter_map(|text| text.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Tasks of a goal as rows of its plan. What can't be read is left out.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn task_outlines(&self, goal: &GoalId, numbers: &[u32]) -> Result<Vec<TaskOutline>, Error> {
        let mut outlines = Vec::with_capacity(numbers.len());
        for page in numbers.chunks(PAGE) {
            let tasks = page.iter().map(|number| goal.task(*number));
            let mut pipe = redis::pipe();
            for task in tasks.clone() {
                pipe.hget(self.keys.plan(goal), task.number());
                pipe.cmd("HMGET").arg(self.keys.task(&task)).arg(&TASK_FIELDS);
            }
            let answers: Vec<redis::Value> = self.pipe("reading a plan's tasks", &pipe).await?;
            for (task, pair) in tasks.zip(answers.chunks_exact(2)) {
                outlines.extend(outline(task, pair));
            }
        }
        Ok(outlines)
    }

    /// How long tasks took and which tests they ran, by number; nothing of those that published nothing.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn result_outlines(
        &self,
        goal: &GoalId,
        numbers: &[u32],
    ) -> Result<HashMap<u32, ResultOutline>, Error> {
        let mut outlines = HashMap::new();
        // Results carry evidence, so that few are held at a time.
        for page in numbers.chunks(PAGE / 20) {
            let mut get = redis::cmd("HMGET");
            get.arg(self.keys.results(goal)).arg(page);
            let found: Vec<Option<Vec<u8>>> = self.query("reading results", &get).await?;
            for (number, json) in page.iter().zip(found) {
                let outline = json.and_then(|json| serde_json::from_slice(&json).ok());
                outlines.extend(outline.map(|outline| (*number, outline)));
            }
        }
        Ok(outlines)
    }

    /// A task with all that is stored of it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Undecodable`], [`Error::Redis`].
    pub async fn task_view(&self, id: &TaskId) -> Result<TaskView, Error> {
        let goal = id.goal();
        let mut pipe = redis::pipe();
        pipe.hget(self.keys.plan(goal), id.number()).hgetall(self.keys.task(id));
        pipe.hget(self.keys.results(goal), id.number());
        let (json, fields, result): (Option<String>, Fields, Option<String>) =
            self.pipe("reading a task", &pipe).await?;
        let json = json.ok_or_else(|| Error::NotFound(format!("task {id}")))?;
        task_view(decode_task(&json, id)?, &fields, result)
    }
}

fn outline(id: TaskId, pair: &[redis::Value]) -> Option<TaskOutline> {
    let [json, values] = pair else { return None };
    let json: String = redis::from_redis_value(json.clone()).ok()?;
    let head: Head = decode("a task", &json).ok()?;
    let values: Vec<Option<String>> = redis::from_redis_value(values.clone()).ok()?;
    let names = TASK_FIELDS.into_iter().map(str::to_owned);
    let fields: Fields = names.zip(values).filter_map(|(name, value)| Some((name, value?))).collect();
    let attempts = |name| number(&fields, name).and_then(|count| u32::try_from(count).ok());
    let state: TaskState = state("a task", &fields).ok()?;
    Some(TaskOutline {
        role: head.role,
        kind: head.kind,
        title: head.title,
        needs: task_ids(id.goal(), fields.get("needs").map(String::as_str)),
        attempts: attempts("attempt").unwrap_or(0),
        max_attempts: attempts("max_attempts").unwrap_or(head.max_attempts),
        agent: fields.get("agent").and_then(|text| text.parse().ok()),
        started_ms: number(&fields, "started_ms"),
        ended_ms: number(&fields, "ended_ms"),
        error: fields.get("error").filter(|_| state != TaskState::Succeeded).cloned(),
        state,
        id,
    })
}
