//! A glance: everything that has no events, in one round trip, for those who look every second.

use std::collections::{BTreeMap, HashMap};

use redis::{FromRedisValue, Pipeline, Value};

use super::fleet::{read_agents, read_desired};
use super::{Client, Error, QueueView, decode};
use crate::agent::AgentStatus;
use crate::host::HostStatus;
use crate::id::{GoalId, Role, TaskId};

/// What one look at Redis shows.
#[derive(Debug, Clone, Default)]
pub struct Glance {
    /// Every agent on the list, dead ones too.
    pub agents: Vec<AgentStatus>,
    /// Every host that was told of, by name.
    pub hosts: Vec<HostStatus>,
    /// How many agents of each role are wanted.
    pub desired: BTreeMap<Role, u32>,
    /// Since when the fleet is paused, Unix time in milliseconds.
    pub paused_ms: Option<u64>,
    /// How full each role's queue is.
    pub queues: Vec<QueueView>,
    /// When the first ready task of each list was enqueued, by role; some may be ready no more.
    pub heads: Vec<(Role, Head)>,
    /// The counts of `metrics:tasks`.
    pub metrics: BTreeMap<String, u64>,
    /// How many tasks are given up.
    pub dead: u64,
    /// How many entries are put aside.
    pub quarantined: u64,
    /// The newest goals, the newest first.
    pub goals: Vec<GoalId>,
    /// The keys that could not be read, without the prefix, and why.
    pub unreadable: Vec<(String, String)>,
}

/// The first element of a list of ready tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The task.
    pub task: TaskId,
    /// Its entry in the queue.
    pub entry: String,
    /// When it was enqueued, Unix time in milliseconds.
    pub since_ms: u64,
}

/// What a glance remembers for the next: which lists of ready tasks there are.
#[derive(Debug, Clone, Default)]
pub struct Glances {
    lists: Vec<(Role, String)>,
}

impl Glances {
    /// The lists of ready tasks of a role, the one that is served first first.
    pub(super) fn lists_of(&self, role: Role) -> impl Iterator<Item = &str> {
        self.lists.iter().filter(move |(of, _)| *of == role).map(|(_, list)| list.as_str())
    }
}

impl Client {
    /// Looks at everything that has no events, in one round trip, and at the newest `goals` goals. What can't be
    /// read is left out and named.
    ///
    /// # Errors
    /// [`Error::Redis`] when Redis does not answer.
    pub async fn glance(&self, known: &mut Glances, goals: usize) -> Result<Glance, Error> {
        let pipe = self.looks(known, goals);
        let answers: Vec<Value> = self.pipe("looking at the fleet", &pipe).await?;
        let mut answers = Answers { values: answers.into_iter(), glance: Glance::default() };
        let agents: Vec<Vec<u8>> = answers.take("agents:status")?;
        let hosts: Vec<(Vec<u8>, Vec<u8>)> = answers.take("hosts:status")?;
        let desired: Vec<(Vec<u8>, Vec<u8>)> = answers.take("fleet:desired")?;
        answers.glance.paused_ms = answers.take("fleet")?;
        let metrics: HashMap<String, String> = answers.take("metrics:tasks")?;
        answers.glance.dead = answers.take("dead")?;
        answers.glance.quarantined = answers.take("quarantine")?;
        let newest: Vec<Vec<u8>> = answers.take("goals:recent")?;
        let mut lists = Vec::new();
        for role in Role::ALL {
            let queue = answers.queue(role, &mut lists)?;
            answers.glance.queues.push(queue);
        }
        for (role, list) in &known.lists {
            let head: Option<Vec<u8>> = answers.take(&format!("ready:{role}:{list}"))?;
            let head = head.and_then(|element| read_head(&String::from_utf8_lossy(&element)));
            answers.glance.heads.extend(head.map(|head| (*role, head)));
        }
        known.lists = lists;
        let mut glance = answers.glance;
        glance.agents = read_agents(&agents);
        glance.desired = read_desired(desired);
        glance.hosts = read_hosts(hosts);
        glance.metrics =
            metrics.into_iter().filter_map(|(name, count)| Some((name, count.parse().ok()?))).collect();
        let texts = newest.iter().filter_map(|id| std::str::from_utf8(id).ok());
        glance.goals = texts.filter_map(|id| id.parse().ok()).collect();
        Ok(glance)
    }

    fn looks(&self, known: &Glances, goals: usize) -> Pipeline {
        let keys = &self.keys;
        let mut pipe = redis::pipe();
        pipe.cmd("HVALS").arg(keys.agents());
        pipe.hgetall(keys.hosts()).hgetall(keys.fleet_desired()).hget(keys.fleet(), "paused");
        pipe.hgetall(keys.metrics()).xlen(keys.dead()).xlen(keys.quarantine());
        pipe.cmd("LRANGE").arg(keys.recent_goals()).arg(0).arg(goals.saturating_sub(1));
        for role in Role::ALL {
            pipe.xlen(keys.queue(role)).hlen(keys.leases(role)).hkeys(keys.queues(role));
        }
        for (role, list) in &known.lists {
            pipe.cmd("LINDEX").arg(keys.ready(*role, list)).arg(0);
        }
        // One key of another type must not hide the others.
        pipe.ignore_errors();
        pipe
    }

    /// Which of these tasks are ready with the entries that the heads name.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn are_ready(&self, heads: &[Head]) -> Result<Vec<bool>, Error> {
        if heads.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for head in heads {
            pipe.cmd("HMGET").arg(self.keys.task(&head.task)).arg("state").arg("entry");
        }
        let states: Vec<(Option<String>, Option<String>)> =
            self.pipe("looking at ready tasks", &pipe).await?;
        let is_ready = |(head, (state, entry)): (&Head, &(Option<String>, Option<String>))| {
            state.as_deref() == Some("ready") && entry.as_ref() == Some(&head.entry)
        };
        Ok(heads.iter().zip(&states).map(is_ready).collect())
    }
}

/// The answers of a glance in the order of its questions.
struct Answers {
    values: std::vec::IntoIter<Value>,
    glance: Glance,
}

impl Answers {
    /// The next answer; nothing, and a note, when it is an error or of another type.
    fn take<T: FromRedisValue + Default>(&mut self, key: &str) -> Result<T, Error> {
        let missing =
            || Error::Undecodable { what: "the answer to a look".into(), reason: "it is short".into() };
        match self.values.next().ok_or_else(missing)? {
            Value::ServerError(error) => {
                let source = redis::RedisError::from(error);
                self.glance.unreadable.push((key.to_owned(), source.to_string()));
                Ok(T::default())
            }
            value => Ok(T::from_redis_value(value).unwrap_or_else(|error| {
                self.glance.unreadable.push((key.to_owned(), error.to_string()));
                T::default()
            })),
        }
    }

    fn queue(&mut self, role: Role, lists: &mut Vec<(Role, String)>) -> Result<QueueView, Error> {
        let ready = self.take(&format!("queue:{role}"))?;
        let in_flight = self.take(&format!("leases:{role}"))?;
        let fields: Vec<Vec<u8>> = self.take(&format!("queues:{role}"))?;
        let names = fields.iter().filter_map(|name| std::str::from_utf8(name).ok());
        let (notes, mut names): (Vec<&str>, Vec<&str>) = names.partition(|name| name.starts_with('~'));
        names.sort_unstable_by(|a, b| b.cmp(a));
        lists.extend(names.into_iter().map(|name| (role, name.to_owned())));
        let paused = notes.contains(&"~paused");
        Ok(QueueView { role, ready, in_flight, paused })
    }
}

/// `<entry> <task> <attempts>`.
pub(super) fn read_head(element: &str) -> Option<Head> {
    let mut words = element.split(' ');
    let (entry, task) = (words.next()?, words.next()?);
    let since_ms = entry.split('-').next()?.parse().ok()?;
    Some(Head { task: task.parse().ok()?, entry: entry.to_owned(), since_ms })
}

fn read_hosts(hosts: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<HostStatus> {
    let texts = hosts.iter().filter_map(|(_, json)| std::str::from_utf8(json).ok());
    let mut hosts: Vec<HostStatus> = texts.filter_map(|json| decode("a host's status", json).ok()).collect();
    hosts.sort_by(|a, b| a.host.cmp(&b.host));
    hosts
}
