//! The fleet: agents in order, hosts, and how many agents there should be.

use std::collections::{BTreeMap, HashMap};

use codegod_protocol::agent::{AgentStatus, Phase};
use codegod_protocol::host::HostStatus;
use codegod_protocol::id::{AgentId, GoalId, Role};

use super::{Changed, FleetNews};

/// Agents and hosts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fleet {
    /// Every agent on the list, by role and start.
    pub(crate) agents: Vec<AgentStatus>,
    /// Every host that was told of.
    pub(crate) hosts: Vec<HostStatus>,
    /// How many agents of each role are wanted.
    pub(crate) desired: BTreeMap<Role, u32>,
    /// Since when the fleet is paused, Unix time in milliseconds.
    pub(crate) paused_ms: Option<u64>,
    /// When agents that have stood still were last heard in their logs.
    pub(crate) last_log_ms: BTreeMap<AgentId, u64>,
    index: HashMap<AgentId, usize>,
}

impl Fleet {
    /// An agent.
    pub(crate) fn agent(&self, id: &AgentId) -> Option<&AgentStatus> {
        self.agents.get(*self.index.get(id)?)
    }

    /// How many agents of a role live.
    pub(crate) fn alive(&self, role: Role, now_ms: u64) -> usize {
        self.agents.iter().filter(|agent| agent.role == role && agent.is_alive(now_ms)).count()
    }

    /// The agents of a role.
    pub(crate) fn of(&self, role: Role) -> impl Iterator<Item = &AgentStatus> {
        self.agents.iter().filter(move |agent| agent.role == role)
    }

    /// How many tasks of each goal are being worked on.
    pub(super) fn busy(&self) -> HashMap<&GoalId, u64> {
        let mut busy = HashMap::new();
        for task in self.agents.iter().filter_map(|agent| agent.current_task.as_ref()) {
            *busy.entry(task.goal()).or_default() += 1;
        }
        busy
    }

    /// A heartbeat alone changes nothing that is shown; that one is missing does, and comes with time.
    pub(super) fn take(&mut self, news: FleetNews) -> Changed {
        let FleetNews { agents, hosts, desired, paused_ms, last_log_ms } = news;
        let same = self.agents.len() == agents.len()
            && self.agents.iter().zip(&agents).all(|(old, new)| is_same(old, new))
            && self.hosts == hosts
            && self.desired == desired
            && self.paused_ms == paused_ms
            && self.last_log_ms == last_log_ms;
        self.index = agents.iter().enumerate().map(|(at, agent)| (agent.id.clone(), at)).collect();
        (self.agents, self.hosts, self.desired) = (agents, hosts, desired);
        (self.paused_ms, self.last_log_ms) = (paused_ms, last_log_ms);
        Changed::when(!same)
    }
}

fn is_same(old: &AgentStatus, new: &AgentStatus) -> bool {
    // Compared field by field where they differ most often, so that a thousand agents cost no copies.
    old.id == new.id
        && old.phase == new.phase
        && old.current_task == new.current_task
        && old.attempt == new.attempt
        && old.phase_since_ms == new.phase_since_ms
        && old.container == new.container
        && old.title == new.title
        && old.note == new.note
        && (old.succeeded, old.failed) == (new.succeeded, new.failed)
        && old.usage == new.usage
        && old.started_ms == new.started_ms
}

/// What an agent waits for, in words; none while it works.
pub(crate) fn waits_for(agent: &AgentStatus, fleet_paused: bool, now_ms: u64) -> Option<String> {
    if !agent.is_alive(now_ms) {
        return Some("nobody: it is not heard of any more".to_owned());
    }
    if let Some(note) = &agent.note {
        return Some(note.clone());
    }
    match agent.phase {
        Phase::Starting => Some("its host: images are made ready".to_owned()),
        Phase::Idle if fleet_paused => Some("the fleet, which is paused".to_owned()),
        Phase::Idle => Some(format!("a {} task", agent.role)),
        Phase::Draining => Some("its end: it takes no more tasks".to_owned()),
        Phase::Preparing
        | Phase::Observing
        | Phase::Reasoning
        | Phase::Planning
        | Phase::Acting
        | Phase::Validating
        | Phase::Publishing
        | Phase::Stopped => None,
    }
}
