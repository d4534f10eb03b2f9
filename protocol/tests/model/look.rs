//! What stands in Redis, read raw, and whether it is what the model says it must be.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};
use codegod_protocol::task::TaskState;
use serde::Deserialize;

use super::model::{Model, ModelTask, Place, State};

type Map<T> = BTreeMap<String, T>;
type Fields = Map<String>;

/// Everything that the engine holds in Redis; keys without the prefix and their family's name.
#[derive(Debug, Deserialize)]
pub(crate) struct Dump {
    lists: Map<Vec<String>>,
    parked: Map<Vec<String>>,
    delayed: Map<Vec<String>>,
    delayed_index: Fields,
    goals_paused: Fields,
    deadlines: Fields,
    metrics: Map<String>,
    events: Map<u64>,
    tasks: Map<Fields>,
    goals: Map<Fields>,
    streams: Map<Fields>,
    leases: Map<Fields>,
    index: Map<Fields>,
    idle: Map<Fields>,
    follow_ups: u64,
    quarantined: u64,
    dead: u64,
}

impl Dump {
    pub(crate) fn take(raw: &mut redis::Connection, prefix: &str) -> Result<Self> {
        let mut eval = redis::cmd("EVAL");
        eval.arg(include_str!("dump.lua")).arg(0).arg(prefix);
        for role in Role::ALL {
            eval.arg(role.name());
        }
        let json: String = eval.query(raw)?;
        serde_json::from_str(&json).context(json)
    }

    /// Whether all of it is as the model says.
    pub(crate) fn must_agree(&self, model: &Model) -> Result<()> {
        self.tasks_agree(model)?;
        self.goals_agree(model)?;
        self.queues_agree(model)?;
        self.lists_are_tidy(model)?;
        let metrics: BTreeMap<&str, u64> = model.metrics.iter().map(|(name, n)| (*name, *n)).collect();
        let counted = self.metrics.iter().map(|(name, n)| Ok((name.as_str(), n.parse()?)));
        let counted = counted.collect::<Result<BTreeMap<&str, u64>>>()?;
        ensure!(counted == metrics, "metrics are {counted:?}, should be {metrics:?}");
        ensure!(self.events == model.events, "events are {:?}, should be {:?}", self.events, model.events);
        ensure!(self.follow_ups == model.follow_ups, "{} follow-ups", self.follow_ups);
        ensure!(self.quarantined == 0, "something of ours was put aside");
        let failed = model.tasks.values().filter(|task| task.state == State::Failed).count() as u64;
        ensure!(self.dead == failed, "{} dead letters for {failed} failed tasks", self.dead);
        Ok(())
    }

    fn tasks_agree(&self, model: &Model) -> Result<()> {
        let known: BTreeSet<String> = model.tasks.keys().map(TaskId::to_string).collect();
        ensure!(self.tasks.keys().eq(&known), "tasks are {:?}", self.tasks.keys());
        for (id, task) in &model.tasks {
            let fields = &self.tasks[&id.to_string()];
            let agrees = self.task_agrees(model, id, task, fields);
            agrees.with_context(|| format!("task {id} should be {task:?}, its hash is {fields:?}"))?;
        }
        Ok(())
    }

    fn task_agrees(&self, model: &Model, id: &TaskId, task: &ModelTask, fields: &Fields) -> Result<()> {
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        ensure!(field("state") == task.state.name().name(), "state");
        ensure!(field("attempt") == task.attempt.to_string(), "attempt");
        ensure!(field("max_attempts") == task.max_attempts.to_string(), "max_attempts");
        ensure!(field("path") == task.path.to_string(), "path");
        ensure!(field("agent") == task.agent.as_ref().map(ToString::to_string).unwrap_or_default(), "agent");
        let mut needs: Vec<u32> = numbers(field("needs"))?;
        needs.sort_unstable();
        ensure!(needs.iter().copied().eq(task.needs.iter().map(TaskId::number)), "needs");
        let dependents = task.dependents.iter().map(TaskId::number);
        ensure!(numbers(field("dependents"))?.into_iter().eq(dependents), "dependents");
        if task.state.name() == TaskState::Waiting {
            let held = usize::from(task.state == State::Held);
            ensure!(field("pending") == (model.pending(id) + held).to_string(), "pending");
            ensure!(model.pending(id) + held > 0, "it waits for nothing");
        }
        let stands = matches!(task.state, State::Ready(Place::Listed { .. }));
        // What runs or succeeded keeps the name of an entry that is gone: taking it off costs a command.
        let may_stand = stands || matches!(task.state, State::Running | State::Succeeded);
        ensure!(!stands || fields.contains_key("entry"), "no entry");
        ensure!(may_stand || !fields.contains_key("entry"), "an entry");
        Ok(())
    }

    fn goals_agree(&self, model: &Model) -> Result<()> {
        let known: BTreeSet<String> = model.goals.keys().map(GoalId::to_string).collect();
        ensure!(self.goals.keys().eq(&known), "goals are {:?}", self.goals.keys());
        let mut paused = Vec::new();
        for (id, goal) in &model.goals {
            let fields = &self.goals[id.as_str()];
            let number = |name: &str| fields.get(name).map_or(0, |text| text.parse().unwrap_or(-1));
            let has = |state: TaskState| model.of(id).filter(|task| task.state.name() == state).count();
            let open = model.of(id).filter(|task| task.state.is_open()).count();
            let should = [
                ("open", open),
                ("failed", has(TaskState::Failed)),
                ("blocked", has(TaskState::Blocked)),
                ("cancelled", has(TaskState::Cancelled)),
                ("total", goal.tasks.len()),
                ("next_task", if goal.tasks.is_empty() { 0 } else { goal.tasks.len() + 1 }),
            ];
            for (name, should) in should {
                let is = number(name);
                ensure!(usize::try_from(is) == Ok(should), "{name} of goal {id} is {is}, should be {should}");
            }
            let state = fields.get("state").map_or("", String::as_str);
            ensure!(state == goal.state.name(), "goal {id} is {state}, should be {:?}", goal.state);
            if goal.paused && !goal.state.is_final() {
                paused.push(id.to_string());
            }
            let parked = self.parked.get(id.as_str()).cloned().unwrap_or_default();
            let set_aside: Vec<String> = goal.parked.iter().map(TaskId::to_string).collect();
            ensure!(parked == set_aside, "set aside of goal {id} are {parked:?}, should be {set_aside:?}");
            let moves = |task: &ModelTask| !matches!(task.state, State::Waiting) && task.state.is_open();
            ensure!(
                !matches!(goal.state, GoalState::Running | GoalState::Paused) || model.of(id).any(moves),
                "goal {id} is stuck: nothing of it can go on"
            );
        }
        ensure!(self.goals_paused.keys().eq(paused.iter()), "paused goals are {:?}", self.goals_paused);
        Ok(())
    }

    fn queues_agree(&self, model: &Model) -> Result<()> {
        for role in Role::ALL {
            let (stream, leases) = (&self.streams[role.name()], &self.leases[role.name()]);
            let mut entries = 0;
            for (id, task) in model.tasks.iter().filter(|(_, task)| task.task.role == role) {
                let entry = self.tasks[&id.to_string()].get("entry");
                let lease = leases.get(&id.to_string());
                let stands = entry.and_then(|entry| stream.get(entry));
                let holder = task.agent.as_ref().map(|agent| format!("{} {agent}", task.attempt));
                let right = match &task.state {
                    State::Running => stands.is_none() && lease == holder.as_ref(),
                    State::Ready(Place::Listed { rank, .. }) => {
                        stands == Some(&id.to_string()) && lease.is_none() && self.lists(id, rank, entry)
                    }
                    _ => stands.is_none() && lease.is_none(),
                };
                ensure!(right, "{id} ({:?}) has entry {entry:?}, lease {lease:?}: {self:#?}", task.state);
                entries += usize::from(stands.is_some());
            }
            ensure!(stream.len() == entries, "{role} has entries without a task: {stream:?}");
            let running = |task: &&ModelTask| task.task.role == role && task.state == State::Running;
            let running = model.tasks.values().filter(running).count();
            ensure!(leases.len() == running, "{role} has {} leases for {running} attempts", leases.len());
        }
        let delayed: usize = self.delayed.values().map(Vec::len).sum();
        let waiting = |task: &&ModelTask| task.state == State::Ready(Place::Delayed);
        let waiting = model.tasks.values().filter(waiting).count();
        ensure!(delayed >= waiting, "{delayed} are delayed, should be {waiting}: {:?}", self.delayed);
        ensure!(self.delayed.keys().eq(self.delayed_index.keys()), "seconds: {:?}", self.delayed_index);
        Ok(())
    }

    /// Whether the list that the task's rank names has the task.
    fn lists(&self, id: &TaskId, rank: &(u8, u32, String), entry: Option<&String>) -> bool {
        let (priority, path, capabilities) = rank;
        let mut list = format!("{priority:02}:{path:03}");
        if !capabilities.is_empty() {
            list = format!("{list}:{capabilities}");
        }
        let fields = &self.tasks[&id.to_string()];
        let element = format!("{} {id} {}", entry.map_or("", String::as_str), fields["attempt"]);
        let list = format!("{}:{list}", id_role(fields));
        self.lists.get(&list).is_some_and(|list| list.contains(&element))
    }

    /// Tasks that the model has in a queue and Redis has given to somebody, with whom.
    pub(crate) fn brought(&self, model: &Model) -> Vec<(TaskId, String)> {
        let listed =
            model.tasks.iter().filter(|(_, task)| matches!(task.state, State::Ready(Place::Listed { .. })));
        let holder = |id: &TaskId| {
            let fields = self.tasks.get(&id.to_string())?;
            (fields.get("state")? == "running").then(|| fields.get("agent").cloned()).flatten()
        };
        listed.filter_map(|(id, _)| Some((id.clone(), holder(id)?))).collect()
    }

    /// Whether that agent waits to be rung for.
    pub(crate) fn waits(&self, agent: &AgentId) -> bool {
        self.idle[agent.role().name()].contains_key(&agent.to_string())
    }

    /// Every list is named where claims look, and what says nothing any more is bounded.
    fn lists_are_tidy(&self, model: &Model) -> Result<()> {
        for name in self.lists.keys() {
            let (role, bucket) = name.split_once(':').context("a list of no role")?;
            ensure!(self.index[role].contains_key(bucket), "no claim would find {name}");
        }
        let elements: usize = self.lists.values().map(Vec::len).sum();
        let listed = |task: &&ModelTask| matches!(task.state, State::Ready(Place::Listed { .. }));
        // A near deadline lists what is ready of its goal once more.
        let hurried = model.goals.values().filter(|goal| goal.urgent).map(|goal| goal.tasks.len() as u64);
        let standing = model.tasks.values().filter(listed).count() as u64;
        let bound = standing + model.garbage + hurried.sum::<u64>();
        ensure!(elements as u64 <= bound, "{elements} elements in lists, at most {bound}: {:?}", self.lists);
        Ok(())
    }

    /// What must be left when everything is over and agents have asked for more: nothing.
    pub(crate) fn must_be_empty(&self) -> Result<()> {
        let lists = |family: &Map<Vec<String>>| family.values().map(Vec::len).sum::<usize>();
        let hashes = |family: &Map<Fields>| family.values().map(Map::len).sum::<usize>();
        let buckets =
            self.index.values().flat_map(|index| index.keys()).filter(|name| !name.starts_with('~'));
        let left = [
            ("ready", lists(&self.lists)),
            ("parked", lists(&self.parked)),
            ("delayed", lists(&self.delayed) + self.delayed_index.len()),
            ("streams", hashes(&self.streams)),
            ("leases", hashes(&self.leases)),
            ("index", buckets.count()),
            ("goals paused", self.goals_paused.len()),
            ("deadlines", self.deadlines.len()),
        ];
        ensure!(left.iter().all(|(_, left)| *left == 0), "left behind: {left:?}: {self:#?}");
        Ok(())
    }
}

fn id_role(fields: &Fields) -> &str {
    fields.get("role").map_or("", String::as_str)
}

fn numbers(text: &str) -> Result<Vec<u32>> {
    text.split_whitespace().map(|word| Ok(word.parse()?)).collect()
}
