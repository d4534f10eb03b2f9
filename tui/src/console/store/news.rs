//! What the feed tells the store: already typed, cleaned and light.

use std::collections::BTreeMap;

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::host::HostStatus;
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_protocol::intent::Intent;

use crate::console::logs::Record;

use super::{GoalRow, Happening, Letters, OpenAgent, OpenQueue, OpenTask, QueueRow, TaskRow};

/// Something was read, or happened.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// Redis answers, or does not.
    Connection(Connection),
    /// Agents, hosts and what is wanted of the fleet.
    Fleet(Box<FleetNews>),
    /// How full the queues are.
    Queues(Vec<QueueRow>),
    /// The counts of `metrics:tasks`.
    Metrics(BTreeMap<String, u64>),
    /// Goals that changed.
    Goals(GoalsNews),
    /// The open goal, read as a whole.
    Plan(Box<PlanNews>),
    /// Some of the open goal's tasks, read again.
    Tasks(GoalId, Vec<TaskRow>),
    /// The open task.
    Task(Box<OpenTask>),
    /// The open agent.
    Agent(Box<OpenAgent>),
    /// The open queue.
    Queue(Box<OpenQueue>),
    /// Tasks given up and entries put aside.
    Letters(Box<Letters>),
    /// What happened, oldest first.
    Events {
        /// What is told of it.
        happenings: Vec<Happening>,
        /// How many went by too fast to be told.
        left_out: u64,
    },
    /// Log lines for the scope that is on the screen.
    Logs(LogBatch),
    /// Something can't be read: it is gone, or is nothing of ours.
    Unreadable {
        /// What it is (`the goal`).
        what: &'static str,
        /// Why, a sentence.
        why: String,
    },
    /// It can be read again.
    Readable {
        /// What it is.
        what: &'static str,
    },
}

/// Whether Redis answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Connection {
    /// Nobody has asked yet, or the first answer is awaited.
    #[default]
    Connecting,
    /// It does.
    Connected {
        /// How long it took to answer, in milliseconds.
        round_trip_ms: u64,
    },
    /// It does not; what is known is as old as that.
    Lost {
        /// Why, a sentence.
        why: String,
        /// What a person can do about it.
        advice: &'static str,
        /// Since when, Unix time in milliseconds.
        since_ms: u64,
        /// When it is tried again, Unix time in milliseconds.
        retry_at_ms: u64,
    },
}

/// Agents, hosts and what is wanted of the fleet.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FleetNews {
    /// Every agent on the list, in order.
    pub(crate) agents: Vec<AgentStatus>,
    /// Every host that was told of, by name.
    pub(crate) hosts: Vec<HostStatus>,
    /// How many agents of each role are wanted.
    pub(crate) desired: BTreeMap<Role, u32>,
    /// Since when the fleet is paused, Unix time in milliseconds.
    pub(crate) paused_ms: Option<u64>,
    /// When each agent that has stood still was last heard in its log, Unix time in milliseconds.
    pub(crate) last_log_ms: BTreeMap<AgentId, u64>,
}

/// Goals that changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct GoalsNews {
    /// All goals that are to be shown, the newest first, when the list changed.
    pub(crate) order: Option<Vec<GoalId>>,
    /// The goals that were read.
    pub(crate) rows: Vec<GoalRow>,
}

/// The open goal as it was read.
#[derive(Debug, Clone)]
pub(crate) struct PlanNews {
    /// The goal.
    pub(crate) head: GoalRow,
    /// The whole sentence, its lines separate.
    pub(crate) text: Vec<String>,
    /// How it was understood; none before it was planned.
    pub(crate) intent: Option<Intent>,
    /// The newest published commit; the result when the goal succeeded.
    pub(crate) commit: Option<String>,
    /// Its tasks, by number.
    pub(crate) rows: Vec<TaskRow>,
}

/// Log lines that were read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogBatch {
    /// Which opening of a scope they are for ([`crate::console::feed::Scope::opening`]): what was
    /// asked for before is not shown.
    pub(crate) opening: u64,
    /// Where they belong.
    pub(crate) part: LogPart,
    /// The lines in order of time, as they were written: not clean.
    pub(crate) records: Vec<Record>,
}

/// Where log lines belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogPart {
    /// They are the newest there were when the scope was opened.
    Backlog,
    /// They came since.
    Live,
    /// They come before all others.
    Older {
        /// Whether nothing older is left.
        is_beginning: bool,
    },
}
