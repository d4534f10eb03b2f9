//! What is open beside the goal: a task, an agent, a queue, the letters. Read whole, cleaned, replaced.

use std::collections::VecDeque;

use codegod_protocol::evidence::Evidence;
use codegod_protocol::id::{AgentId, Role, TaskId};
use codegod_protocol::memory::{Memory, Reasoning};
use codegod_protocol::result::TaskResult;
use codegod_protocol::task::{Task, TaskState};

use super::{Events, Happening};

/// How many events of the open task are kept.
const STORY: usize = 500;

/// The task that is open.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenTask {
    /// The task, its procedure included.
    pub(crate) task: Task,
    /// How far it is.
    pub(crate) state: TaskState,
    /// What it needs, tasks added later included.
    pub(crate) needs: Vec<TaskId>,
    /// How many attempts were started.
    pub(crate) attempts: u32,
    /// Who holds or held it.
    pub(crate) agent: Option<AgentId>,
    /// When its last attempt began, Unix time in milliseconds.
    pub(crate) started_ms: Option<u64>,
    /// When it ended.
    pub(crate) ended_ms: Option<u64>,
    /// What its last attempt published.
    pub(crate) result: Option<TaskResult>,
    /// Why it is in this state.
    pub(crate) error: Option<String>,
    /// How its agents reasoned, as they remember it, the oldest first.
    pub(crate) reasoning: Vec<Reasoning>,
    /// The running attempt's actions, as its agent remembers them.
    pub(crate) actions: Vec<Action>,
    /// What happened to it, the oldest first; as much of it as was heard.
    pub(crate) story: VecDeque<Happening>,
}

/// An action of the running attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Action {
    /// Its number in the attempt, from 1.
    pub(crate) number: u32,
    /// Its word.
    pub(crate) action: String,
    /// What is expected of it.
    pub(crate) expect: String,
    /// When it began, Unix time in milliseconds.
    pub(crate) started_ms: u64,
    /// What came of it; none while it runs.
    pub(crate) outcome: Option<Evidence>,
}

impl OpenTask {
    /// The same with what happened to it: as it is known, else as far as the newest events tell.
    pub(super) fn with_story(mut self, known: Option<Self>, events: &Events) -> Self {
        self.story = match known {
            Some(known) => known.story,
            None => {
                let of_this = events.rows().iter().filter(|one| one.task.as_ref() == Some(&self.task.id));
                of_this.cloned().collect()
            }
        };
        self.bound();
        self
    }

    pub(super) fn apply(&mut self, happening: &Happening) {
        if happening.task.as_ref() == Some(&self.task.id) {
            self.story.push_back(happening.clone());
            self.bound();
        }
    }

    fn bound(&mut self) {
        let excess = self.story.len().saturating_sub(STORY);
        self.story.drain(..excess);
    }
}

/// The agent that is open. What it says of itself stands in the fleet, while it is on the list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenAgent {
    /// Its id.
    pub(crate) id: AgentId,
    /// What it knows; none when it has stored nothing yet.
    pub(crate) memory: Option<Memory>,
    /// When that was read, Unix time in milliseconds.
    pub(crate) read_ms: u64,
}

/// The queue that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenQueue {
    /// The role.
    pub(crate) role: Role,
    /// Its first entries, in the order in which they were enqueued.
    pub(crate) entries: Vec<QueueEntry>,
    /// How many more there are.
    pub(crate) more: u64,
}

/// An entry of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueEntry {
    /// The task.
    pub(crate) task: TaskId,
    /// Its title.
    pub(crate) title: Box<str>,
    /// 1 (last) to 10 (first).
    pub(crate) priority: u8,
    /// How many attempts were started.
    pub(crate) attempts: u32,
    /// How many there may be.
    pub(crate) max_attempts: u32,
    /// When it was enqueued, Unix time in milliseconds.
    pub(crate) since_ms: u64,
    /// Whether somebody has it.
    pub(crate) state: QueueEntryState,
}

/// Whether somebody has an entry's task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QueueEntryState {
    /// Nobody.
    Ready,
    /// An agent holds its lease.
    Held {
        /// Who.
        by: AgentId,
        /// When the attempt began, Unix time in milliseconds.
        since_ms: u64,
    },
}

/// Tasks that were given up, and entries that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Letters {
    /// How many tasks are given up.
    pub(crate) dead: u64,
    /// How many entries are put aside.
    pub(crate) quarantined: u64,
    /// The newest of the tasks, when they are open.
    pub(crate) newest_dead: Vec<Dead>,
    /// The newest of the entries, when they are open.
    pub(crate) newest_quarantined: Vec<PutAside>,
}

/// A task that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dead {
    /// The task.
    pub(crate) task: TaskId,
    /// Its title; none when its goal is gone.
    pub(crate) title: Option<Box<str>>,
    /// Why.
    pub(crate) reason: Box<str>,
    /// When, Unix time in milliseconds.
    pub(crate) at_ms: u64,
}

/// An entry that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PutAside {
    /// The key that it came from.
    pub(crate) from: Box<str>,
    /// What it held.
    pub(crate) entry: Box<str>,
    /// Why it can't be read.
    pub(crate) reason: Box<str>,
    /// When it was put aside, Unix time in milliseconds.
    pub(crate) at_ms: u64,
}
