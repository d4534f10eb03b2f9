//! Growing a plan that runs: what a held task needs first, or simply more.

use std::collections::{BTreeMap, HashMap};

use super::goals::text;
use super::leases::task_ids;
use super::stored::{Stored, broken, dependents, undecodable};
use super::{Client, Error, Listener, scripts};
use crate::id::{GoalId, TaskId};
use crate::plan;
use crate::task::Task;

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

/// What is added to a plan that runs.
#[derive(Debug, Clone, Default)]
pub struct Growth<'a> {
    /// The held task that waits for all of it, and in which round it is held; none when nothing does.
    pub held: Option<(&'a TaskId, &'a str)>,
    /// The tasks; their numbers count on from [`Client::next_task_number`].
    pub added: &'a [Task],
    /// Older tasks from which the longest path to the plan's end has grown, with its new length in tasks.
    pub paths: &'a [(TaskId, u32)],
}

/// What came of growing a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrowthOutcome {
    /// Done.
    Grown,
    /// The plan has grown since the caller looked: look again.
    Conflict,
    /// The held task is not held in that round any more, or the goal does not run.
    Stale,
}

/// A task of a plan that runs, as far as growing it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanNode {
    /// What it needs, tasks added later included.
    pub needs: Vec<TaskId>,
    /// How many tasks stand on the longest path from it to the plan's end, itself included.
    pub path: u32,
}

/// The shape of a plan that runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanGraph {
    /// The number that the next task gets.
    pub next_task: u32,
    /// Its tasks.
    pub nodes: BTreeMap<TaskId, PlanNode>,
}

impl Client {
    /// The shape of a goal's plan.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn plan_graph(&self, goal: &GoalId) -> Result<PlanGraph, Error> {
        let next_task = self.next_task_number(goal).await?;
        let mut pipe = redis::pipe();
        let ids: Vec<TaskId> = (1..next_task).map(|number| goal.task(number)).collect();
        for id in &ids {
            pipe.cmd("HMGET").arg(self.keys.task(id)).arg("needs").arg("path");
        }
        let fields: Vec<(Option<String>, Option<u32>)> =
            if ids.is_empty() { Vec::new() } else { self.pipe("reading a plan's shape", &pipe).await? };
        let nodes = ids.into_iter().zip(fields).map(|(id, (needs, path))| {
            let needs = task_ids(goal, needs.as_deref());
            (id, PlanNode { needs, path: path.unwrap_or(1) })
        });
        Ok(PlanGraph { next_task, nodes: nodes.collect() })
    }

    /// Adds tasks to a plan that runs, at once. The caller has checked the plan as it will be
    /// ([`plan::paths`]); a plan that has grown meanwhile is a [`GrowthOutcome::Conflict`].
    ///
    /// # Errors
    /// [`Error::Undecodable`] when a task breaks a rule or needs one that can't succeed any more;
    /// [`Error::Redis`].
    pub async fn grow_plan(&self, goal: &GoalId, growth: &Growth<'_>) -> Result<GrowthOutcome, Error> {
        for task in growth.added {
            plan::check_task(task).map_err(broken)?;
        }
        let Some(first) = growth.added.first() else {
            return Err(undecodable("there is nothing to be added"));
        };
        let counted = growth.added.iter().zip(first.id.number()..);
        if counted.into_iter().any(|(task, number)| task.id != goal.task(number)) {
            return Err(undecodable("its numbers do not count on"));
        }
        let known: HashMap<&TaskId, u32> = growth.paths.iter().map(|(id, path)| (id, *path)).collect();
        let dependents = dependents(growth.added);
        let mut stored = Vec::with_capacity(growth.added.len());
        for task in growth.added {
            let path = known.get(&task.id).copied().unwrap_or(1);
            stored.push(Stored::new(task, path, dependents.get(&task.id))?);
        }
        let (held, round) =
            growth.held.map_or((String::new(), ""), |(held, round)| (held.number().to_string(), round));
        let reply: String = self
            .script(&scripts::GROW, |s| {
                s.arg(goal.as_str()).arg(first.id.number()).arg(held).arg(round).arg(stored.len());
                stored.iter().for_each(|stored| stored.add_to(s));
                let older = growth.paths.iter().filter(|(id, _)| id.number() < first.id.number());
                for (id, path) in older {
                    s.arg(id.number()).arg(*path);
                }
            })
            .await?;
        match reply.as_str() {
            "ok" => Ok(GrowthOutcome::Grown),
            "conflict" => Ok(GrowthOutcome::Conflict),
            "stale" => Ok(GrowthOutcome::Stale),
            other => Err(undecodable(&format!("it can never run: {other}"))),
        }
    }

    /// Ends a held task as blocked, when its follow-up can't be accepted.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it is not held in that round any more; [`Error::Redis`].
    pub async fn give_up(&self, held: &TaskId, round: &str, reason: &str) -> Result<(), Error> {
        let reply: String = self
            .script(&scripts::GIVE_UP, |s| {
                s.arg(held.to_string()).arg(round).arg(reason);
            })
            .await?;
        if reply == "ok" {
            return Ok(());
        }
        Err(Error::WrongState { what: format!("task {held}"), state: "not held any more".to_owned() })
    }

    /// The number that the next task of a goal's plan gets.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn next_task_number(&self, goal: &GoalId) -> Result<u32, Error> {
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
    /// Held tasks, for the master `who`; waits up to `wait_ms` for one.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Redis`]; the next call opens a new connection.
    pub async fn follow_ups(&mut self, who: &str, wait_ms: usize) -> Result<Vec<FollowUp>, Error> {
        let stream = self.keys.follow_ups();
        let entries = self.master_entries(&stream, who, wait_ms).await?;
        let read = |(entry, map)| FollowUp { entry, task: text(&map, "task"), round: text(&map, "round") };
        Ok(entries.into_iter().map(read).collect())
    }
}
