//! What Redis says when everything is over: the whole event stream, and what stands in the hashes.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use codegod_protocol::event::Event;
use codegod_protocol::id::{GoalId, TaskId};
use codegod_protocol::keys::Keys;
use codegod_protocol::result::TaskResult;
use codegod_protocol::task::Task;

/// How many events are read at once.
const PAGE: usize = 5_000;

/// An event and when it was written.
#[derive(Debug, Clone)]
pub struct Happening {
    /// Redis' clock, Unix time in milliseconds.
    pub at_ms: u64,
    /// What happened.
    pub event: Event,
}

/// A task as it stands at the end.
#[derive(Debug, Clone)]
pub struct TaskEnd {
    /// As it was planned.
    pub task: Task,
    /// Its hash.
    pub fields: HashMap<String, String>,
    /// What its last attempt published.
    pub result: Option<TaskResult>,
}

/// All that was read.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The event stream.
    pub events: Vec<Happening>,
    /// The hash of every goal.
    pub goals: BTreeMap<GoalId, HashMap<String, String>>,
    /// Every task of every plan.
    pub tasks: BTreeMap<TaskId, TaskEnd>,
    /// `metrics:tasks`.
    pub metrics: HashMap<String, u64>,
}

impl History {
    /// Reads everything.
    ///
    /// # Errors
    /// When Redis fails, or something there can't be read.
    pub fn read(redis: &mut redis::Connection, keys: &Keys) -> Result<Self> {
        let mut history = Self { events: events(redis, keys)?, ..Self::default() };
        history.metrics = redis::cmd("HGETALL").arg(keys.metrics()).query(redis)?;
        let goals: Vec<String> = redis::cmd("KEYS").arg(format!("{}goal:*", keys.prefix())).query(redis)?;
        for key in goals {
            let id: GoalId = key.rsplit(':').next().unwrap_or_default().parse()?;
            history.goals.insert(id.clone(), redis::cmd("HGETALL").arg(&key).query(redis)?);
            history.read_tasks(redis, keys, &id)?;
        }
        Ok(history)
    }

    fn read_tasks(&mut self, redis: &mut redis::Connection, keys: &Keys, goal: &GoalId) -> Result<()> {
        let plan: BTreeMap<u32, String> = redis::cmd("HGETALL").arg(keys.plan(goal)).query(redis)?;
        let results: BTreeMap<u32, String> = redis::cmd("HGETALL").arg(keys.results(goal)).query(redis)?;
        for (number, json) in plan {
            let id = goal.task(number);
            let task = serde_json::from_str(&json).with_context(|| format!("the task {id}"))?;
            let result = results.get(&number).map(|json| serde_json::from_str(json)).transpose();
            let result = result.with_context(|| format!("the result of {id}"))?;
            let fields = redis::cmd("HGETALL").arg(keys.task(&id)).query(redis)?;
            self.tasks.insert(id, TaskEnd { task, fields, result });
        }
        Ok(())
    }
}

fn events(redis: &mut redis::Connection, keys: &Keys) -> Result<Vec<Happening>> {
    let (mut events, mut from) = (Vec::new(), "-".to_owned());
    loop {
        // Each entry's fields in order: a turn tells its events in one entry.
        let page: Vec<(String, Vec<(String, String)>)> = redis::cmd("XRANGE")
            .arg(keys.events())
            .arg(&from)
            .arg("+")
            .arg("COUNT")
            .arg(PAGE)
            .query(redis)
            .context("reading the events")?;
        let Some((last, _)) = page.last() else { return Ok(events) };
        from = format!("({last}");
        for (id, fields) in &page {
            let at_ms = id.split('-').next().unwrap_or_default().parse()?;
            for (_, json) in fields {
                let event = serde_json::from_str(json).with_context(|| format!("event {id}: {json}"))?;
                events.push(Happening { at_ms, event });
            }
        }
    }
}
