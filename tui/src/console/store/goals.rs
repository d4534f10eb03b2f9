//! The newest goals and how far they are.

use std::collections::HashMap;

use codegod_protocol::goal::GoalState;
use codegod_protocol::id::GoalId;

use super::{Change, Changed, Fleet, GoalsNews, Happening};

/// How many goals are shown at most.
pub(crate) const GOALS: usize = 200;

/// A goal without its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GoalRow {
    /// Its id.
    pub(crate) id: GoalId,
    /// Its sentence on one line, cut when it is long.
    pub(crate) text: Box<str>,
    /// The goal that it verifies, when that is what it is for.
    pub(crate) verifies: Option<GoalId>,
    /// Its state.
    pub(crate) state: GoalState,
    /// 1 (last) to 10 (first).
    pub(crate) priority: u8,
    /// How many tasks its plan has; 0 before it was planned.
    pub(crate) total: u64,
    /// How many of them succeeded.
    pub(crate) succeeded: u64,
    /// How many failed.
    pub(crate) failed: u64,
    /// How many need a person.
    pub(crate) blocked: u64,
    /// How many were cancelled.
    pub(crate) cancelled: u64,
    /// How many agents work on it.
    pub(crate) running: u64,
    /// When it was submitted, Unix time in milliseconds.
    pub(crate) submitted_ms: u64,
    /// When its plan was there.
    pub(crate) planned_ms: Option<u64>,
    /// When it ended.
    pub(crate) ended_ms: Option<u64>,
    /// Since when it is paused, also before it has a plan.
    pub(crate) paused_ms: Option<u64>,
    /// When it should be done.
    pub(crate) deadline_ms: Option<u64>,
    /// Why it is in this state, when that is not success.
    pub(crate) error: Option<Box<str>>,
}

/// How long something will take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// Seconds.
    pub(crate) seconds: f64,
}

impl GoalRow {
    /// How many tasks are neither done nor given up.
    pub(crate) fn open(&self) -> u64 {
        self.total.saturating_sub(self.succeeded + self.failed + self.blocked + self.cancelled)
    }

    /// How long it will take if it goes on as it went so far; none before a part of it is done.
    pub(crate) fn time_left(&self, now_ms: u64) -> Option<Estimate> {
        let planned = self.planned_ms.filter(|_| self.state == GoalState::Running)?;
        let done = self.total.saturating_sub(self.open());
        // A pace taken from one task says little.
        if done < 2 || self.open() == 0 {
            return None;
        }
        let spent = crate::text::seconds_between(planned, now_ms);
        #[expect(clippy::cast_precision_loss, reason = "numbers of tasks stay far below 2^52")]
        let share = self.open() as f64 / done as f64;
        Some(Estimate { seconds: spent * share })
    }
}

impl GoalRow {
    /// What an event says of it. Returns whether that is something.
    pub(super) fn apply(&mut self, happening: &Happening) -> bool {
        if let Change::Goal { state, error } = &happening.change {
            (self.state, self.error) = (*state, error.clone());
            self.ended_ms = state.is_final().then_some(happening.ms);
        } else if happening.change == Change::GoalPaused {
            self.paused_ms = Some(happening.ms);
            if self.state == GoalState::Running {
                self.state = GoalState::Paused;
            }
        } else if happening.change == Change::GoalResumed {
            self.paused_ms = None;
            if self.state == GoalState::Paused {
                self.state = GoalState::Running;
            }
        } else {
            return false;
        }
        true
    }
}

/// The newest goals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Goals {
    /// The newest first.
    pub(crate) rows: Vec<GoalRow>,
    index: HashMap<GoalId, usize>,
}

impl Goals {
    /// A goal.
    pub(crate) fn get(&self, id: &GoalId) -> Option<&GoalRow> {
        self.rows.get(*self.index.get(id)?)
    }

    pub(super) fn take(&mut self, news: GoalsNews) -> Changed {
        let mut changed = false;
        let mut read: HashMap<GoalId, GoalRow> =
            news.rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        if let Some(order) = news.order {
            let mut known: HashMap<GoalId, GoalRow> =
                self.rows.drain(..).map(|row| (row.id.clone(), row)).collect();
            let rows = order.into_iter().filter_map(|id| read.remove(&id).or_else(|| known.remove(&id)));
            self.rows = rows.take(GOALS).collect();
            self.index = self.rows.iter().enumerate().map(|(at, row)| (row.id.clone(), at)).collect();
            changed = true;
        }
        for row in read.into_values() {
            if let Some(known) = self.index.get(&row.id).and_then(|at| self.rows.get_mut(*at)) {
                let row = GoalRow { running: known.running, ..row };
                changed |= *known != row;
                *known = row;
            }
        }
        Changed::when(changed)
    }

    /// What an event says of a goal at once; the feed reads the counts again soon after.
    pub(super) fn apply(&mut self, happening: &Happening) {
        let Some(row) = happening.goal.as_ref().and_then(|id| self.index.get(id)) else { return };
        let Some(row) = self.rows.get_mut(*row) else { return };
        row.apply(happening);
    }

    pub(super) fn count_running(&mut self, fleet: &Fleet) {
        let busy = fleet.busy();
        for row in &mut self.rows {
            row.running = busy.get(&row.id).copied().unwrap_or(0);
        }
    }
}
