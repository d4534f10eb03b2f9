//! Looking at every key: those that belong to nothing go, those of agents that are gone get an end.

use std::collections::{BTreeMap, BTreeSet};

use super::gc::{Mode, Retention};
use super::{Client, Error};
use crate::id::{GoalId, TaskId};

/// How many keys one call looks at.
const PAGE: usize = 1_000;
/// How long a bundle stays that belongs to no goal: its goal may be about to be submitted.
const UNOWNED_SECONDS: u64 = 3_600;

/// Keys of one page, by what they belong to.
#[derive(Default)]
struct Page {
    /// Goals, with the keys that go with them.
    of_goals: BTreeMap<GoalId, Vec<String>>,
    /// Goals, with the numbers of their tasks.
    tasks: BTreeMap<GoalId, Vec<u32>>,
    /// Keys of agents, with the agent's id.
    of_agents: Vec<(String, String)>,
    /// Lists that an index has to name: the index, the name, the list.
    indexed: Vec<(String, String)>,
    references: Vec<GoalId>,
}

impl Page {
    fn sort_in(&mut self, prefix: &str, name: &str) {
        let Some((family, rest)) = name.split_once(':') else { return };
        match family {
            "plan" | "results" | "blobs" | "parked" | "references" => {
                let Ok(goal) = rest.parse::<GoalId>() else { return };
                if family == "references" {
                    self.references.push(goal.clone());
                }
                self.of_goals.entry(goal).or_default().push(family.to_owned());
            }
            "task" => {
                if let Ok(task) = rest.parse::<TaskId>() {
                    self.tasks.entry(task.goal().clone()).or_default().push(task.number());
                }
            }
            "log" | "memory" | "commands" => {
                self.of_agents.push((format!("{prefix}{name}"), rest.to_owned()));
            }
            "ready" => {
                if let Some((role, bucket)) = rest.split_once(':') {
                    self.indexed.push((format!("{prefix}queues:{role}"), bucket.to_owned()));
                }
            }
            "delayed" => self.indexed.push((format!("{prefix}delayed"), rest.to_owned())),
            _ => {}
        }
    }
}

impl Client {
    /// Looks at every key. Returns how many went, or would go. A key that got an end now goes later and does
    /// not count.
    pub(super) async fn sweep_keys(&self, mode: Mode, retention: &Retention) -> Result<u64, Error> {
        let agents: BTreeSet<String> =
            self.agents().await?.into_iter().map(|agent| agent.id.to_string()).collect();
        let (mut cursor, mut swept) = ("0".to_owned(), 0);
        loop {
            let (next, names) = self.scan(&cursor, PAGE).await?;
            let mut page = Page::default();
            for name in &names {
                page.sort_in(self.keys.prefix(), name);
            }
            swept += self.sweep_goals(mode, &page).await?;
            if mode == Mode::Remove {
                self.end_strangers(&page.of_agents, &agents, retention).await?;
                self.index(&page.indexed).await?;
                self.release_references(&page.references).await?;
            }
            if next == "0" {
                return Ok(swept);
            }
            cursor = next;
        }
    }

    /// A page of keys of this codegod, without the prefix, and where to go on; `0` is the beginning and the
    /// end. A name that is no text is none of ours.
    pub(super) async fn scan(&self, cursor: &str, count: usize) -> Result<(String, Vec<String>), Error> {
        let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '\\');
        let escape = |c: char| if special(c) { vec!['\\', c] } else { vec![c] };
        let prefix = self.keys.prefix();
        let pattern: String = prefix.chars().flat_map(escape).chain(['*']).collect();
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count);
        let (next, keys): (String, Vec<Vec<u8>>) = self.query("looking at all keys", &scan).await?;
        let names = keys.into_iter().filter_map(|key| {
            let key = String::from_utf8(key).ok()?;
            Some(key.strip_prefix(prefix)?.to_owned())
        });
        Ok((next, names.collect()))
    }

    async fn sweep_goals(&self, mode: Mode, page: &Page) -> Result<u64, Error> {
        let goals: BTreeSet<&GoalId> = page.of_goals.keys().chain(page.tasks.keys()).collect();
        if goals.is_empty() {
            return Ok(0);
        }
        let mut pipe = redis::pipe();
        for goal in &goals {
            pipe.exists(self.keys.goal(goal));
        }
        let there: Vec<bool> = self.pipe("looking for goals", &pipe).await?;
        let mut swept = 0;
        for (goal, there) in goals.into_iter().zip(there) {
            if there {
                continue;
            }
            let families = page.of_goals.get(goal).map(Vec::as_slice).unwrap_or_default();
            let numbers = page.tasks.get(goal).map(Vec::as_slice).unwrap_or_default();
            swept += (families.iter().filter(|family| *family != "blobs").count() + numbers.len()) as u64;
            if mode == Mode::Remove {
                self.sweep_goal(goal, families, numbers).await?;
            }
        }
        Ok(swept)
    }

    async fn sweep_goal(&self, goal: &GoalId, families: &[String], numbers: &[u32]) -> Result<(), Error> {
        for family in families {
            let key = format!("{}{family}:{goal}", self.keys.prefix());
            match family.as_str() {
                "plan" => self.drop_tasks(goal).await?,
                "blobs" => {
                    let mut expire = redis::cmd("EXPIRE");
                    expire.arg(key).arg(UNOWNED_SECONDS).arg("NX");
                    self.query::<u64>("giving bundles an end", &expire).await?;
                }
                // A goal that is to verify this one may be waiting; it fails with a reason.
                _ => {
                    self.query::<u64>("removing a key", redis::cmd("UNLINK").arg(key)).await?;
                }
            }
        }
        self.drop_numbers(goal, numbers).await
    }

    /// What belongs to agents that are not on the list ends after a while; what belongs to others has no end,
    /// also when its agent had been taken off the list and came back.
    async fn end_strangers(
        &self,
        keys: &[(String, String)],
        agents: &BTreeSet<String>,
        retention: &Retention,
    ) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        for (key, agent) in keys {
            if agents.contains(agent) {
                pipe.persist(key).ignore();
            } else {
                pipe.cmd("EXPIRE").arg(key).arg(retention.gone.as_secs().max(1)).arg("NX").ignore();
            }
        }
        self.pipe("giving what the dead left an end", &pipe).await
    }

    /// Names lists in their index, so that somebody looks at them: nobody finds a list by its key.
    async fn index(&self, lists: &[(String, String)]) -> Result<(), Error> {
        if lists.is_empty() {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        for (index, name) in lists {
            pipe.hset_nx(index, name, 1).ignore();
        }
        self.pipe("naming lists in their index", &pipe).await
    }

    /// Gives up references of goals that are gone.
    async fn release_references(&self, goals: &[GoalId]) -> Result<(), Error> {
        for goal in goals {
            let key = self.keys.references(goal);
            let users: Vec<Vec<u8>> =
                self.query("looking who needs a goal", redis::cmd("HKEYS").arg(&key)).await?;
            for user in users {
                let there = match std::str::from_utf8(&user).ok().and_then(|id| id.parse::<GoalId>().ok()) {
                    Some(id) => {
                        self.query("looking for a goal", redis::cmd("EXISTS").arg(self.keys.goal(&id)))
                            .await?
                    }
                    None => false,
                };
                if !there {
                    let mut delete = redis::cmd("HDEL");
                    delete.arg(&key).arg(user.as_slice());
                    self.query::<u64>("giving up a reference", &delete).await?;
                }
            }
        }
        Ok(())
    }
}
