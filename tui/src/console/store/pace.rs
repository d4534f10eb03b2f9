//! How long tasks take, by role: measured from those that succeeded, the newer the more.

use std::collections::BTreeMap;

use codegod_protocol::id::{AgentId, Role};

use super::{Change, Happening};

/// How much a new measure counts against all before it.
const WEIGHT: f64 = 0.2;

/// Seconds that a task takes, by role.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(BTreeMap<Role, f64>);

impl Pace {
    /// What a task of a role is expected to take; none before one was seen.
    pub(crate) fn seconds(&self, role: Role) -> Option<f64> {
        self.0.get(&role).copied()
    }

    pub(super) fn count(&mut self, happening: &Happening) {
        let Change::Succeeded { seconds: Some(seconds) } = happening.change else { return };
        if let Ok(agent) = happening.who.parse::<AgentId>() {
            self.add(agent.role(), seconds);
        }
    }

    pub(super) fn add(&mut self, role: Role, seconds: f64) {
        let seconds = seconds.max(0.0);
        self.0.entry(role).and_modify(|known| *known += (seconds - *known) * WEIGHT).or_insert(seconds);
    }
}
