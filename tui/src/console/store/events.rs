//! What happened: the newest events, and how many there were each second.

use std::collections::{HashMap, VecDeque};

use super::{Happening, History};

/// How many are kept.
pub(crate) const EVENTS: usize = 5_000;

/// The newest events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    rows: VecDeque<Happening>,
    /// How many there were before the first that is kept.
    gone: u64,
    /// How many went by too fast to be told.
    pub(crate) left_out: u64,
    /// How many there were by second.
    pub(crate) rate: History,
    /// When each agent last did something, Unix time in milliseconds.
    last_of: HashMap<Box<str>, u64>,
}

impl Events {
    /// The events, the oldest first.
    pub(crate) fn rows(&self) -> &VecDeque<Happening> {
        &self.rows
    }

    /// The number of the first that is kept: numbers only grow, so that a view can hold on to one.
    pub(crate) fn first(&self) -> u64 {
        self.gone
    }

    /// When somebody was last heard of, Unix time in milliseconds.
    pub(crate) fn last_of(&self, who: &str) -> Option<u64> {
        self.last_of.get(who).copied()
    }

    pub(super) fn take(&mut self, happenings: Vec<Happening>, left_out: u64) {
        self.left_out += left_out;
        for happening in happenings {
            self.rate.add(happening.ms, 1);
            match self.last_of.get_mut(&happening.who) {
                Some(ms) => *ms = happening.ms,
                None => {
                    // Agents come and go: what is said of the gone ones is not kept for ever.
                    if self.last_of.len() > EVENTS {
                        self.last_of.clear();
                    }
                    self.last_of.insert(happening.who.clone(), happening.ms);
                }
            }
            if self.rows.len() >= EVENTS {
                self.rows.pop_front();
                self.gone += 1;
            }
            self.rows.push_back(happening);
        }
    }
}
