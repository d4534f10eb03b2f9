//! Peeking into queues, and what else is looked at for those who watch: titles, holders, last lines.

use std::collections::BTreeSet;

use redis::Value;

use super::entries::{Entries, lossy};
use super::glance::read_head;
use super::letters::time_of;
use super::{Client, Error, Glances, Head};
use crate::id::{AgentId, GoalId, Role, TaskId};

/// How many tasks one call asks about.
const PAGE: usize = 1_000;

/// A task in a role's queue, or in an agent's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The task.
    pub task: TaskId,
    /// 1 (last) to 10 (first).
    pub priority: u8,
    /// How many attempts were started.
    pub attempts: u32,
    /// How many there may be.
    pub max_attempts: u32,
    /// When it was enqueued, or the attempt began, Unix time in milliseconds.
    pub since_ms: u64,
    /// Who has it; nobody while it is ready.
    pub holder: Option<AgentId>,
}

impl Client {
    /// The tasks of a role that run, then the first that are ready in the order in which they will be handed out;
    /// at most `count` of each. `known` is of the last glance.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn peek(&self, known: &Glances, role: Role, count: usize) -> Result<Vec<Queued>, Error> {
        let held: Vec<Vec<u8>> =
            self.query("looking at a role's leases", redis::cmd("HKEYS").arg(self.keys.leases(role))).await?;
        let held = held.iter().filter_map(|task| std::str::from_utf8(task).ok()?.parse().ok());
        let mut queued = self.states(held.take(count).map(|task| (task, None)).collect()).await?;
        queued.sort_by_key(|one| one.since_ms);
        let ready = self.first_ready(known, role, count).await?;
        queued.extend(
            self.states(ready.into_iter().map(|head| (head.task.clone(), Some(head))).collect()).await?,
        );
        Ok(queued)
    }

    async fn first_ready(&self, known: &Glances, role: Role, count: usize) -> Result<Vec<Head>, Error> {
        let mut pipe = redis::pipe();
        for list in known.lists_of(role) {
            pipe.cmd("LRANGE").arg(self.keys.ready(role, list)).arg(0).arg(count.saturating_sub(1));
        }
        if pipe.is_empty() {
            return Ok(Vec::new());
        }
        pipe.ignore_errors();
        let lists: Vec<Value> = self.pipe("looking at a queue", &pipe).await?;
        let elements = lists.iter().flat_map(|list| match list {
            Value::Array(elements) => elements.as_slice(),
            _ => &[],
        });
        Ok(elements.filter_map(|element| read_head(&lossy(element))).take(count).collect())
    }

    /// Those of the tasks that are as was said: ready with the entry that is named, else running.
    async fn states(&self, tasks: Vec<(TaskId, Option<Head>)>) -> Result<Vec<Queued>, Error> {
        type Row = (
            Option<String>,
            Option<String>,
            Option<u8>,
            Option<u32>,
            Option<u32>,
            Option<String>,
            Option<u64>,
        );
        let fields = ["state", "entry", "priority", "attempt", "max_attempts", "agent", "started_ms"];
        let mut queued = Vec::with_capacity(tasks.len());
        for page in tasks.chunks(PAGE) {
            let mut pipe = redis::pipe();
            for (task, _) in page {
                pipe.cmd("HMGET").arg(self.keys.task(task)).arg(&fields);
            }
            let rows: Vec<Row> = self.pipe("looking at a queue", &pipe).await?;
            for ((task, head), (state, entry, priority, attempts, max_attempts, agent, started)) in
                page.iter().zip(rows)
            {
                let is_it = match head {
                    Some(head) => state.as_deref() == Some("ready") && entry.as_ref() == Some(&head.entry),
                    None => state.as_deref() == Some("running"),
                };
                if !is_it {
                    continue;
                }
                let holder = match head {
                    Some(_) => None,
                    None => agent.and_then(|agent| agent.parse().ok()),
                };
                queued.push(Queued {
                    task: task.clone(),
                    priority: priority.unwrap_or_default(),
                    attempts: attempts.unwrap_or_default(),
                    max_attempts: max_attempts.unwrap_or_default(),
                    since_ms: head.as_ref().map_or(started.unwrap_or_default(), |head| head.since_ms),
                    holder,
                });
            }
        }
        Ok(queued)
    }

    /// The titles of tasks; none of those that are gone. Untrusted.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn titles(&self, tasks: &[TaskId]) -> Result<Vec<Option<String>>, Error> {
        #[derive(serde::Deserialize)]
        struct Titled {
            title: String,
        }
        let mut titles = Vec::with_capacity(tasks.len());
        for page in tasks.chunks(PAGE) {
            let mut pipe = redis::pipe();
            for task in page {
                pipe.hget(self.keys.plan(task.goal()), task.number());
            }
            let found: Vec<Option<Vec<u8>>> = self.pipe("reading the titles of tasks", &pipe).await?;
            let title = |json: Vec<u8>| serde_json::from_slice::<Titled>(&json).ok().map(|task| task.title);
            titles.extend(found.into_iter().map(|json| json.and_then(title)));
        }
        Ok(titles)
    }

    /// Who holds or last held one of a goal's tasks.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn holders(&self, goal: &GoalId, numbers: &[u32]) -> Result<BTreeSet<AgentId>, Error> {
        let mut holders = BTreeSet::new();
        for page in numbers.chunks(PAGE) {
            let mut pipe = redis::pipe();
            for number in page {
                pipe.hget(self.keys.task(&goal.task(*number)), "agent");
            }
            let found: Vec<Option<String>> = self.pipe("looking who held tasks", &pipe).await?;
            holders.extend(found.into_iter().flatten().filter_map(|agent| agent.parse().ok()));
        }
        Ok(holders)
    }

    /// When each of these agents last wrote a line of its log, Unix time in milliseconds.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn last_lines(&self, agents: &[AgentId]) -> Result<Vec<Option<u64>>, Error> {
        if agents.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for agent in agents {
            pipe.cmd("XREVRANGE").arg(self.keys.log(agent)).arg("+").arg("-").arg("COUNT").arg(1);
        }
        let newest: Vec<Entries> = self.pipe("looking at the ends of logs", &pipe).await?;
        Ok(newest.into_iter().map(|Entries(lines)| lines.first().map(|(id, _)| time_of(id))).collect())
    }
}
