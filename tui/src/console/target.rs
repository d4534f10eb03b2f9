//! What can be shown: the views by name, and the things that each shows.

use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};

/// A view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ViewName {
    /// Everything at a glance.
    Overview,
    /// A goal's plan and its tasks.
    Goal,
    /// What each agent knows and says.
    Agents,
    /// What waits, what runs, what was given up.
    Queues,
    /// What agents said and commands printed.
    Logs,
    /// Who did what.
    Events,
    /// How many agents are wanted and there.
    Fleet,
}

impl ViewName {
    /// All, in the order of their keys.
    pub(crate) const ALL: [Self; 7] =
        [Self::Overview, Self::Goal, Self::Agents, Self::Queues, Self::Logs, Self::Events, Self::Fleet];

    /// The name on the screen.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Goal => "Goal",
            Self::Agents => "Agents",
            Self::Queues => "Queues",
            Self::Logs => "Logs",
            Self::Events => "Events",
            Self::Fleet => "Fleet",
        }
    }

    /// The key that shows it.
    pub(crate) fn digit(self) -> usize {
        Self::ALL.iter().position(|view| *view == self).unwrap_or_default() + 1
    }
}

/// Something that a view can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A view as it is.
    View(ViewName),
    /// A goal's plan.
    Goal(GoalId),
    /// A task of a goal.
    Task(TaskId),
    /// What an agent knows.
    Agent(AgentId),
    /// A role's queue.
    Queue(Role),
    /// Log lines.
    Logs(LogTarget),
}

/// Whose log lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogTarget {
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
