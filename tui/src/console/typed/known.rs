//! What there is to name, from what the console knows.

use super::complete::{Kind, Known, More};
use crate::console::store::Store;

impl Known for Store {
    fn each(&self, kind: Kind, each: &mut dyn FnMut(&str, &str) -> More) {
        match kind {
            Kind::Goals => goals(self, each),
            Kind::Tasks => tasks(self, each),
            Kind::Agents => agents(self, each),
        }
    }
}

type Each<'a> = &'a mut dyn FnMut(&str, &str) -> More;

fn goals(store: &Store, each: Each<'_>) {
    for goal in &store.goals.rows {
        let about = format!("{}: {}", goal.state.name(), goal.text);
        if each(goal.id.as_str(), &about) == More::Enough {
            return;
        }
    }
}

/// The tasks of the goal that is open.
fn tasks(store: &Store, each: Each<'_>) {
    for task in store.goal.iter().flat_map(|goal| goal.rows()) {
        let about = format!("{}: {}", task.state.name(), task.title);
        if each(&task.id.to_string(), &about) == More::Enough {
            return;
        }
    }
}

fn agents(store: &Store, each: Each<'_>) {
    for agent in &store.fleet.agents {
        let about = agent
            .current_task
            .as_ref()
            .map_or_else(|| agent.phase.name().to_owned(), |task| format!("{} {task}", agent.phase.name()));
        if each(&agent.id.to_string(), &about) == More::Enough {
            return;
        }
    }
}
