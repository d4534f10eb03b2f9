//! What keys mean to the view and to its parts.

use codegod_protocol::task::TaskState;

use super::branches::All;
use super::{Goal, PARTS, Part, open_plan};
use crate::console::effect::Request;
use crate::console::keys::Action;
use crate::console::store::Store;
use crate::console::target::{LogTarget, Target};
use crate::console::views::commands;

/// Where a key jumps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jump {
    /// A task that failed or needs a person.
    Trouble,
    /// A task that runs.
    Running,
}

impl Goal {
    /// What a key means to the part that has the keys; None when it is for the whole view.
    pub(super) fn act_in_part(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        let said = |said: Option<Option<&str>>| {
            said.map(|said| said.map(|text| Request::Say(text.to_owned())).into_iter().collect())
        };
        match self.focus {
            Part::Plan => self.act_in_plan(action, store),
            Part::Task => said(self.page.act(action)),
            Part::Changes => said(self.changes.pane.act(action)),
            Part::Log => self.log.as_mut()?.act(action),
        }
    }

    fn act_in_plan(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        let goal = open_plan(self.goal.as_ref(), store)?;
        match action {
            Action::Move(motion) => self.plan.go(motion, goal),
            Action::CloseBranches => self.plan.set_all(All::Closed, goal),
            Action::OpenBranches => self.plan.set_all(All::Open, goal),
            Action::Back if self.plan.filter().is_some() => self.plan.search(None, goal),
            Action::Open => self.focus_on(self.beside),
            _ => return None,
        }
        Some(Vec::new())
    }

    /// Goes to the next task in such a state, from wherever the keys go.
    fn jump(&mut self, to: Jump, store: &Store) -> Vec<Request> {
        let Some(goal) = open_plan(self.goal.as_ref(), store) else {
            return Vec::new();
        };
        let found = match to {
            Jump::Trouble => {
                self.plan.next(|state| matches!(state, TaskState::Failed | TaskState::Blocked), goal)
            }
            Jump::Running => self.plan.next(|state| state == TaskState::Running, goal),
        };
        let nothing = match to {
            Jump::Trouble => "no task failed or needs a person",
            Jump::Running => "no task runs",
        };
        if found { Vec::new() } else { vec![Request::Say(nothing.to_owned())] }
    }

    /// What is open beside the selected task, where commands are for it.
    fn chosen(&self, store: &Store) -> commands::Chosen {
        match self.row(store) {
            Some(row) => commands::Chosen::task(store, &row.id).with_agent(row.agent.as_ref()),
            None => commands::Chosen::goal(store, self.goal.as_ref()),
        }
    }

    /// What a key means to the whole view.
    pub(super) fn act_in_view(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        match action {
            Action::NextPane => self.next_part(1),
            Action::PreviousPane => self.next_part(PARTS.len() - 1),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Back if self.zoomed => self.zoomed = false,
            Action::Back if self.focus != Part::Plan => self.focus = Part::Plan,
            Action::Open => {}
            Action::NextError => return Some(self.jump(Jump::Trouble, store)),
            Action::NextRunning => return Some(self.jump(Jump::Running, store)),
            Action::OlderGoal => return Some(self.step(1, store)),
            Action::NewerGoal => return Some(self.step(-1, store)),
            Action::Logs => {
                let task = self.row(store).map(|row| LogTarget::Task(row.id.clone()));
                let whose = task.or_else(|| self.goal.clone().map(LogTarget::Goal));
                return Some(whose.map(|whose| Request::Go(Target::Logs(whose))).into_iter().collect());
            }
            Action::Memory => {
                let agent = self.row(store).and_then(|row| row.agent.clone());
                let none = || Request::Say("no agent has worked on it yet".to_owned());
                return Some(vec![agent.map_or_else(none, |agent| Request::Go(Target::Agent(agent)))]);
            }
            other => return commands::run(other, &self.chosen(store), store),
        }
        Some(Vec::new())
    }
}
