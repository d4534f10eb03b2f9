//! What the console knows: plain data that [`News`] change. No clock, no Redis, no terminal in here, so that
//! every screen is a function of what a test put in.
//!
//! All text was made printable on its way in. Whatever grows with the fleet's work is bounded, and what the
//! views need in order (agents, goals, the open plan's tree and critical path) is kept in order here, so that
//! drawing costs what is on the screen and no more.

pub(crate) mod agents;
pub(crate) mod attention;
pub(crate) mod clean;
pub(crate) mod details;
pub(crate) mod events;
pub(crate) mod goals;
pub(crate) mod happening;
pub(crate) mod history;
pub(crate) mod news;
pub(crate) mod pace;
pub(crate) mod plan;
pub(crate) mod queues;
pub(crate) mod tree;

use std::collections::BTreeMap;

use codegod_protocol::id::GoalId;

pub(crate) use agents::{Fleet, waits_for};
pub(crate) use attention::{Attention, Severity, Target};
pub(crate) use clean::clean_line;
#[cfg(test)]
pub(crate) use details::{Dead, PutAside};
pub(crate) use details::{Letters, OpenAgent, OpenQueue, OpenTask, QueueEntry, QueueEntryState};
pub(crate) use events::Events;
pub(crate) use goals::{Estimate, GoalRow, Goals};
pub(crate) use happening::{Change, Happening};
pub(crate) use history::History;
pub(crate) use news::{Connection, FleetNews, GoalsNews, LogBatch, LogPart, News, PlanNews};
pub(crate) use pace::Pace;
pub(crate) use plan::{OpenGoal, TaskRow};
pub(crate) use queues::{QueueRow, Queues};
pub(crate) use tree::Place;

/// Whether something that may stand on the screen changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Changed {
    /// No: there is nothing to draw.
    Nothing,
    /// Yes.
    Something,
}

impl Changed {
    fn when(changed: bool) -> Self {
        if changed { Self::Something } else { Self::Nothing }
    }
}

/// What the console knows.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// Where Redis is, without its password.
    pub(crate) url: String,
    /// Whether Redis answers. What is known stays while it does not.
    pub(crate) connection: Connection,
    /// Agents, hosts, and how many agents there should be.
    pub(crate) fleet: Fleet,
    /// The roles' queues.
    pub(crate) queues: Queues,
    /// The newest goals.
    pub(crate) goals: Goals,
    /// The goal that is open.
    pub(crate) goal: Option<OpenGoal>,
    /// The task that is open.
    pub(crate) task: Option<OpenTask>,
    /// The agent that is open.
    pub(crate) agent: Option<OpenAgent>,
    /// The queue that is open.
    pub(crate) queue: Option<OpenQueue>,
    /// Tasks given up and entries put aside, when they are open.
    pub(crate) letters: Letters,
    /// Who did what.
    pub(crate) events: Events,
    /// What needs a person, the most urgent first.
    pub(crate) attention: Vec<Attention>,
    /// The counts of `metrics:tasks`.
    pub(crate) metrics: BTreeMap<String, u64>,
    /// How long tasks take.
    pub(crate) pace: Pace,
    /// What could not be read, and why, by what it is.
    pub(crate) unreadable: BTreeMap<&'static str, String>,
}

impl Store {
    /// What is known before anything was read.
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// Takes news in; `now_ms` is the time at which they are.
    pub(crate) fn apply(&mut self, news: News, now_ms: u64) -> Changed {
        let calls = may_call(&news);
        let changed = match news {
            News::Connection(connection) => {
                Changed::when(std::mem::replace(&mut self.connection, connection.clone()) != connection)
            }
            News::Fleet(fleet) => self.take_fleet(*fleet),
            News::Queues(rows) => self.queues.take(rows),
            News::Metrics(metrics) => {
                Changed::when(std::mem::replace(&mut self.metrics, metrics.clone()) != metrics)
            }
            News::Goals(goals) => {
                let changed = self.goals.take(goals);
                self.goals.count_running(&self.fleet);
                changed
            }
            News::Plan(plan) => self.take_plan(*plan, now_ms),
            News::Tasks(goal, rows) => self.take_tasks(&goal, rows, now_ms),
            News::Task(task) => {
                let known = self.task.take().filter(|known| known.task.id == task.task.id);
                self.task = Some(task.with_story(known, &self.events));
                Changed::Something
            }
            News::Agent(agent) => {
                self.agent = Some(*agent);
                Changed::Something
            }
            News::Queue(queue) => Changed::when(self.queue.replace(*queue.clone()) != Some(*queue)),
            News::Letters(letters) => {
                Changed::when(std::mem::replace(&mut self.letters, *letters.clone()) != *letters)
            }
            News::Events { happenings, left_out } => self.take_events(happenings, left_out, now_ms),
            // The ring of lines is the log view's.
            News::Logs(_) => Changed::Something,
            News::Unreadable { what, why } => {
                Changed::when(self.unreadable.insert(what, why.clone()) != Some(why))
            }
            News::Readable { what } => Changed::when(self.unreadable.remove(what).is_some()),
        };
        if changed == Changed::Something && calls {
            self.attention = attention::list(self, now_ms);
        }
        changed
    }

    /// A second passed: what comes of the time alone (agents that fell silent, work that stands still).
    pub(crate) fn tick(&mut self, now_ms: u64) -> Changed {
        let attention = attention::list(self, now_ms);
        Changed::when(std::mem::replace(&mut self.attention, attention.clone()) != attention)
    }

    /// Nothing is open any more of what `keep` does not name.
    pub(crate) fn close(&mut self, keep: &super::feed::Scope) {
        self.goal = self.goal.take().filter(|open| keep.goal.as_ref() == Some(&open.head.id));
        self.task = self.task.take().filter(|open| keep.task.as_ref() == Some(&open.task.id));
        self.agent = self.agent.take().filter(|open| keep.agent.as_ref() == Some(&open.id));
        self.queue = self.queue.take().filter(|open| keep.queue == Some(open.role));
    }

    fn take_fleet(&mut self, news: FleetNews) -> Changed {
        let changed = self.fleet.take(news);
        self.goals.count_running(&self.fleet);
        if let Some(goal) = &mut self.goal {
            goal.take_phases(&self.fleet);
        }
        changed
    }

    fn take_plan(&mut self, plan: PlanNews, now_ms: u64) -> Changed {
        let known = self.goal.take().filter(|known| known.head.id == plan.head.id);
        let mut goal = OpenGoal::new(plan, known);
        goal.take_phases(&self.fleet);
        goal.measure(&self.pace, &self.fleet, now_ms);
        self.goal = Some(goal);
        Changed::Something
    }

    fn take_tasks(&mut self, of: &GoalId, rows: Vec<TaskRow>, now_ms: u64) -> Changed {
        let Some(goal) = self.goal.as_mut().filter(|goal| goal.head.id == *of) else {
            return Changed::Nothing;
        };
        let changed = goal.replace(rows);
        if changed == Changed::Something {
            goal.take_phases(&self.fleet);
            goal.measure(&self.pace, &self.fleet, now_ms);
        }
        changed
    }

    fn take_events(&mut self, happenings: Vec<Happening>, left_out: u64, now_ms: u64) -> Changed {
        if happenings.is_empty() && left_out == 0 {
            return Changed::Nothing;
        }
        let mut plan_changed = false;
        for happening in &happenings {
            self.queues.count(happening);
            self.pace.count(happening);
            self.goals.apply(happening);
            if let Some(goal) = &mut self.goal {
                plan_changed |= goal.apply(happening) == Changed::Something;
            }
            if let Some(task) = &mut self.task {
                task.apply(happening);
            }
        }
        if plan_changed && let Some(goal) = &mut self.goal {
            goal.measure(&self.pace, &self.fleet, now_ms);
        }
        self.events.take(happenings, left_out);
        Changed::Something
    }
}

/// Whether news can change what needs a person. Most events can't, and there may be thousands a second.
fn may_call(news: &News) -> bool {
    let calls = |happening: &Happening| match happening.change {
        Change::Goal { .. } | Change::GoalPaused | Change::GoalResumed | Change::Ended { .. } => true,
        Change::Nothing
        | Change::Plan
        | Change::Claimed
        | Change::Phase(_)
        | Change::Doing(_)
        | Change::Done
        | Change::Ready
        | Change::Succeeded { .. }
        | Change::LeaseExpired => false,
    };
    match news {
        News::Events { happenings, .. } => happenings.iter().any(calls),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
