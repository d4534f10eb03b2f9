//! What is on the screen, as far as it costs something to read.

use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};

/// What is on the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The goal whose plan is open.
    pub(crate) goal: Option<GoalId>,
    /// The task that is open.
    pub(crate) task: Option<TaskId>,
    /// The agent whose memory is open.
    pub(crate) agent: Option<AgentId>,
    /// The role whose queue's entries are open.
    pub(crate) queue: Option<Role>,
    /// Whether the lists of what was given up or put aside are open.
    pub(crate) letters: Letters,
    /// Whose log lines are on the screen.
    pub(crate) logs: Option<LogScope>,
    /// Counts up whenever the console empties its log and wants the backlog again.
    pub(crate) opening: u64,
    /// Whether the picture moves.
    pub(crate) picture: Picture,
}

/// Whether the picture moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Picture {
    /// It shows what is.
    #[default]
    Moves,
    /// A person stopped it: nothing is told.
    Stands,
}

impl Scope {
    /// Whether nothing is open that changes without an event.
    pub(super) fn is_light(&self) -> bool {
        self.goal.is_none() && self.task.is_none() && self.agent.is_none() && self.queue.is_none()
    }
}

/// Whether the lists of what was given up or put aside are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Letters {
    /// No: only how many there are is read.
    #[default]
    Counted,
    /// Yes.
    Listed,
}

/// Whose log lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogScope {
    /// Everybody's.
    All,
    /// A role's.
    Role(Role),
    /// An agent's.
    Agent(AgentId),
    /// All that belong to a goal.
    Goal(GoalId),
    /// All that belong to a task.
    Task(TaskId),
}

/// A page of log lines that is older than those that were told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OlderLogs {
    /// The opening of the scope for which it is ([`Scope::opening`]).
    pub(crate) opening: u64,
    /// How many lines are wanted.
    pub(crate) count: usize,
}
