//! The roles' queues, with what was finished each second.

use codegod_protocol::id::{AgentId, Role};

use super::{Change, Changed, Happening, History};

/// A role's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueRow {
    /// The role.
    pub(crate) role: Role,
    /// Tasks that nobody has.
    pub(crate) ready: u64,
    /// Tasks that an agent has.
    pub(crate) in_flight: u64,
    /// Since when the oldest of the ready ones is ready, Unix time in milliseconds.
    pub(crate) oldest_ms: Option<u64>,
    /// Nothing is handed out: the fleet is paused.
    pub(crate) paused: bool,
}

/// The queues of all roles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queues {
    /// In the order of the roles; empty before they were read.
    pub(crate) rows: Vec<QueueRow>,
    finished: [History; Role::ALL.len()],
}

impl Queues {
    /// A role's queue.
    pub(crate) fn row(&self, role: Role) -> Option<&QueueRow> {
        self.rows.iter().find(|row| row.role == role)
    }

    /// What a role's agents finished, by second.
    pub(crate) fn finished(&self, role: Role) -> Option<&History> {
        self.finished.get(place(role)?)
    }

    pub(super) fn take(&mut self, rows: Vec<QueueRow>) -> Changed {
        Changed::when(std::mem::replace(&mut self.rows, rows.clone()) != rows)
    }

    pub(super) fn count(&mut self, happening: &Happening) {
        if !matches!(happening.change, Change::Succeeded { .. }) {
            return;
        }
        let role = happening.who.parse::<AgentId>().ok().map(|agent| agent.role());
        if let Some(history) = role.and_then(place).and_then(|at| self.finished.get_mut(at)) {
            history.add(happening.ms, 1);
        }
    }
}

fn place(role: Role) -> Option<usize> {
    Role::ALL.into_iter().position(|one| one == role)
}
