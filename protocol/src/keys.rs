//! Every Redis key, made in one place under one prefix.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `goals` | stream, group `masters` | goals to be planned |
//! | `goals:recent` | list | ids of all goals, newest first |
//! | `goal:<goal>` | hash | the goal, its state, intent, counts and published commit |
//! | `plan:<goal>`, `results:<goal>` | hash | number → task, number → what its last attempt published |
//! | `task:<task>` | hash | its state, attempt, lease holder |
//! | `blobs:<goal>` | hash | commit → git bundle |
//! | `queue:<role>` | stream | an entry for each ready task of the role |
//! | `leases:<role>` | hash | running task → when its lease was renewed, attempt, agent |
//! | `ready:<role>:<priority>:<path>[:<capabilities>]` | list | which ready tasks come first |
//! | `queues:<role>` | hash | which of these lists exist, and whether the fleet or a goal is paused |
//! | `upkeep:<role>` | hash | when the queue was last looked after, and how far |
//! | `idle:<role>` | hash | workers that wait for a task |
//! | `bell:<agent>` | list | wakes that worker, with the task that it was given |
//! | `delayed`, `delayed:<second>` | hash, list | tasks waiting out a backoff, by when it is over |
//! | `parked:<goal>` | list | tasks of a paused goal that were due |
//! | `deadlines` | hash | goal → its deadline |
//! | `goals:ended` | list | goals in the order in which they ended, until they are archived |
//! | `archive` | hash | goal → what remains of it |
//! | `references:<goal>` | hash | which goals need its bundles and results |
//! | `follow_ups` | stream, group `masters` | held tasks whose next steps are to be added |
//! | `dead`, `quarantine` | stream | tasks given up, entries that can't be read |
//! | `events` | stream | who did what |
//! | `log:<agent>` | stream | what the agent says and its commands print |
//! | `metrics:tasks` | hash | counts |
//! | `agents:status` | hash | agent → JSON |
//! | `hosts:status` | hash | host → JSON |
//! | `memory:<agent>` | hash | what the agent knows |
//! | `commands:<agent>` | list | what the agent was told |
//! | `fleet` | hash | the fleet's id |
//! | `fleet:desired`, `fleet:keepers` | hash | wanted size by role; the master that looks after a host |

use crate::id::{AgentId, GoalId, Role, TaskId};

/// The prefix of every key unless configured.
pub const DEFAULT_PREFIX: &str = "codegod:";

/// Makes keys under one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    prefix: String,
}

macro_rules! fixed_keys {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* #[must_use] pub fn $name(&self) -> String { format!("{}{}", self.prefix, $text) })*
    };
}

impl Keys {
    /// Keys under `prefix` (`codegod:`; hash-tagged, as `{codegod}:`, for a Redis Cluster).
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The prefix.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    fixed_keys! {
        /// Goals to be planned.
        goals = "goals";
        /// Ids of all goals, newest first.
        recent_goals = "goals:recent";
        /// Held tasks whose next steps are to be added.
        follow_ups = "follow_ups";
        /// Tasks given up.
        dead = "dead";
        /// Entries that can't be read.
        quarantine = "quarantine";
        /// Who did what.
        events = "events";
        /// Counts of tasks.
        metrics = "metrics:tasks";
        /// Agent → status.
        agents = "agents:status";
        /// Host → status.
        hosts = "hosts:status";
        /// Goals in the order in which they ended.
        ended_goals = "goals:ended";
        /// What remains of archived goals.
        archive = "archive";
        /// The fleet's id.
        fleet = "fleet";
        /// Wanted fleet size by role.
        fleet_desired = "fleet:desired";
    }

    /// A goal's hash.
    #[must_use]
    pub fn goal(&self, goal: &GoalId) -> String {
        format!("{}goal:{goal}", self.prefix)
    }
    /// A goal's tasks.
    #[must_use]
    pub fn plan(&self, goal: &GoalId) -> String {
        format!("{}plan:{goal}", self.prefix)
    }
    /// A goal's bundles.
    #[must_use]
    pub fn blobs(&self, goal: &GoalId) -> String {
        format!("{}blobs:{goal}", self.prefix)
    }
    /// A task's hash.
    #[must_use]
    pub fn task(&self, task: &TaskId) -> String {
        format!("{}task:{task}", self.prefix)
    }
    /// What a goal's tasks published.
    #[must_use]
    pub fn results(&self, goal: &GoalId) -> String {
        format!("{}results:{goal}", self.prefix)
    }
    /// Which ready lists a role has.
    #[must_use]
    pub fn queues(&self, role: Role) -> String {
        format!("{}queues:{role}", self.prefix)
    }
    /// Which goals need a goal's bundles and results.
    #[must_use]
    pub fn references(&self, goal: &GoalId) -> String {
        format!("{}references:{goal}", self.prefix)
    }
    /// A role's queue.
    #[must_use]
    pub fn queue(&self, role: Role) -> String {
        format!("{}queue:{role}", self.prefix)
    }
    /// The leases of a role's running tasks.
    #[must_use]
    pub fn leases(&self, role: Role) -> String {
        format!("{}leases:{role}", self.prefix)
    }
    /// One of a role's lists of ready tasks.
    #[must_use]
    pub fn ready(&self, role: Role, list: &str) -> String {
        format!("{}ready:{role}:{list}", self.prefix)
    }
    /// What wakes an idle agent.
    #[must_use]
    pub fn bell(&self, agent: &AgentId) -> String {
        format!("{}bell:{agent}", self.prefix)
    }
    /// An agent's log.
    #[must_use]
    pub fn log(&self, agent: &AgentId) -> String {
        format!("{}log:{agent}", self.prefix)
    }
    /// An agent's memory.
    #[must_use]
    pub fn memory(&self, agent: &AgentId) -> String {
        format!("{}memory:{agent}", self.prefix)
    }
    /// What an agent was told.
    #[must_use]
    pub fn commands(&self, agent: &AgentId) -> String {
        format!("{}commands:{agent}", self.prefix)
    }
}
