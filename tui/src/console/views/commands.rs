//! From a key to a command: what the key does to what is selected, as the words a person would type. The
//! command itself asks, acts and says what came of it, on the command line and here alike.

use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};

use crate::console::effect::{Effect, Outside, Request};
use crate::console::keys::Action;
use crate::console::store::Store;

/// What is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    goal: Option<GoalId>,
    paused: bool,
    task: Option<TaskId>,
    agent: Option<AgentId>,
    role: Option<Role>,
}

impl Chosen {
    /// A goal.
    pub(crate) fn goal(store: &Store, goal: Option<&GoalId>) -> Self {
        let row = goal.and_then(|goal| store.goals.get(goal));
        let paused = row.is_some_and(|row| row.paused_ms.is_some() || row.state == GoalState::Paused);
        Self { goal: goal.cloned(), paused, ..Self::default() }
    }

    /// A task, and with it its goal.
    pub(crate) fn task(store: &Store, task: &TaskId) -> Self {
        Self { task: Some(task.clone()), ..Self::goal(store, Some(task.goal())) }
    }

    /// The same with the agent that has or had the task, for what is done to agents.
    pub(crate) fn with_agent(self, agent: Option<&AgentId>) -> Self {
        Self { agent: agent.cloned(), ..self }
    }

    /// An agent.
    pub(crate) fn agent(agent: Option<&AgentId>) -> Self {
        Self { agent: agent.cloned(), ..Self::default() }
    }

    /// A role.
    pub(crate) fn role(role: Option<&Role>) -> Self {
        Self { role: role.copied(), ..Self::default() }
    }
}

/// What the key asks for, or None where it is for nothing that is selected.
pub(crate) fn run(action: Action, chosen: &Chosen, store: &Store) -> Option<Vec<Request>> {
    let typed = |words: String| Some(vec![Request::Do(Effect::Run(words))]);
    let goal = chosen.goal.as_ref();
    match action {
        Action::Cancel => typed(format!("cancel {}", goal?)),
        Action::Pause if chosen.paused => typed(format!("resume {}", goal?)),
        Action::Pause => typed(format!("pause {}", goal?)),
        Action::Verify => typed(format!("verify {}", goal?)),
        Action::Apply => typed(format!("apply {}", goal?)),
        Action::Retry => typed(format!("retry {}", chosen.task.as_ref()?)),
        Action::Wipe => typed(format!("wipe {}", who(chosen)?)),
        Action::Drain => typed(format!("drain {}", who(chosen)?)),
        Action::ScaleUp => typed(scale(store, chosen.role?, 1)),
        Action::ScaleDown => typed(scale(store, chosen.role?, -1)),
        Action::Scale => Some(vec![Request::Type(format!("scale {} ", chosen.role?))]),
        Action::Shell => {
            let agent = chosen.agent.clone()?;
            let works = store.fleet.agent(&agent)?.container.is_some();
            Some(vec![if works {
                Request::Do(Effect::Outside(Outside::Shell { agent }))
            } else {
                Request::Say("it has no container at present".to_owned())
            }])
        }
        _ => None,
    }
}

fn who(chosen: &Chosen) -> Option<String> {
    let agent = chosen.agent.as_ref().map(ToString::to_string);
    agent.or_else(|| chosen.role.map(|role| role.to_string()))
}

/// One agent more or less than are wanted.
fn scale(store: &Store, role: Role, by: i64) -> String {
    let wanted = i64::from(store.fleet.desired.get(&role).copied().unwrap_or(0));
    format!("scale {role} {}", (wanted + by).max(0))
}
