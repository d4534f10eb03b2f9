//! Everything at a glance: what needs a person, goals, agents, queues, hosts. What is empty takes no room.

mod draw;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use codegod_protocol::id::{AgentId, GoalId, Role};

use super::{View, commands};
use crate::console::effect::Request;
use crate::console::feed::Scope;
use crate::console::keys::{Action, Context, Motion};
use crate::console::store::{self, Store};
use crate::console::target::{LogTarget, Target};
use crate::console::theme::Look;
use crate::console::widgets::List;

/// A part of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pane {
    /// What needs a person.
    Attention,
    /// The newest goals.
    #[default]
    Goals,
    /// The agents.
    Agents,
    /// The roles' queues.
    Queues,
}

const PANES: [Pane; 4] = [Pane::Attention, Pane::Goals, Pane::Agents, Pane::Queues];

impl Pane {
    /// Where its keys mean something; of what needs a person that differs from row to row.
    const fn context(self) -> Option<Context> {
        match self {
            Self::Attention => None,
            Self::Goals => Some(Context::Goal),
            Self::Agents => Some(Context::Agent),
            Self::Queues => Some(Context::Role),
        }
    }

    /// What its rows are called.
    const fn rows(self) -> &'static str {
        match self {
            Self::Attention => "what needs you",
            Self::Goals => "goals",
            Self::Agents => "agents",
            Self::Queues => "roles",
        }
    }
}

/// The view.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    focus: Pane,
    zoomed: bool,
    attention: List<usize>,
    goals: List<GoalId>,
    agents: List<AgentId>,
    queues: List<Role>,
}

impl Overview {
    fn go(&mut self, motion: Motion, store: &Store) {
        match self.focus {
            Pane::Attention => self.attention.go(motion, store.attention.len(), |row| row),
            Pane::Goals => self.goals.go(motion, store.goals.rows.len(), |row| goal(store, row)),
            Pane::Agents => self.agents.go(motion, store.fleet.agents.len(), |row| agent(store, row)),
            Pane::Queues => self.queues.go(motion, store.queues.rows.len(), |row| role(store, row)),
        };
    }

    /// How many rows a part has.
    fn len(pane: Pane, store: &Store) -> usize {
        match pane {
            Pane::Attention => store.attention.len(),
            Pane::Goals => store.goals.rows.len(),
            Pane::Agents => store.fleet.agents.len(),
            Pane::Queues => store.queues.rows.len(),
        }
    }

    fn next(&mut self, step: usize, store: &Store) {
        let at = PANES.iter().position(|pane| *pane == self.focus).unwrap_or_default();
        let others = (1..=PANES.len()).map(|i| PANES[(at + i * step) % PANES.len()]);
        // A part without rows has nothing to move in; it may be left out of the picture.
        self.focus = others.into_iter().find(|pane| Self::len(*pane, store) > 0).unwrap_or(self.focus);
    }

    fn open(&self, store: &Store) -> Option<Target> {
        match self.focus {
            Pane::Attention => {
                let target = &store.attention.get(self.attention.cursor())?.target;
                super::target(target)
            }
            Pane::Goals => Some(Target::Goal(self.goals.held()?.clone())),
            Pane::Agents => Some(Target::Agent(self.agents.held()?.clone())),
            Pane::Queues => Some(Target::Queue(*self.queues.held()?)),
        }
    }

    /// What is selected, where commands are for it.
    fn chosen(&self, store: &Store) -> commands::Chosen {
        match self.focus {
            Pane::Goals => commands::Chosen::goal(store, self.goals.held()),
            Pane::Agents => commands::Chosen::agent(self.agents.held()),
            Pane::Queues => commands::Chosen::role(self.queues.held()),
            Pane::Attention => match store.attention.get(self.attention.cursor()).map(|one| &one.target) {
                Some(store::Target::Goal(goal)) => commands::Chosen::goal(store, Some(goal)),
                Some(store::Target::Task(task)) => commands::Chosen::task(store, task),
                Some(store::Target::Agent(agent)) => commands::Chosen::agent(Some(agent)),
                _ => commands::Chosen::default(),
            },
        }
    }
}

fn goal(store: &Store, row: usize) -> GoalId {
    store.goals.rows[row].id.clone()
}
fn agent(store: &Store, row: usize) -> AgentId {
    store.fleet.agents[row].id.clone()
}
fn role(store: &Store, row: usize) -> Role {
    store.queues.rows[row].role
}

impl View for Overview {
    fn contexts(&self, store: &Store) -> Vec<Context> {
        let particular = match self.focus {
            Pane::Attention => match store.attention.get(self.attention.cursor()).map(|one| &one.target) {
                Some(store::Target::Goal(_)) => Some(Context::Goal),
                Some(store::Target::Task(_)) => Some(Context::Task),
                Some(store::Target::Agent(_)) => Some(Context::Agent),
                _ => None,
            },
            Pane::Goals | Pane::Agents | Pane::Queues => self.focus.context(),
        };
        let particular = particular.filter(|_| Self::len(self.focus, store) > 0);
        particular.into_iter().chain([Context::Panes, Context::Rows]).collect()
    }

    fn elsewhere(&self, store: &Store) -> Vec<Context> {
        let others = PANES.into_iter().filter(|pane| *pane != self.focus && Self::len(*pane, store) > 0);
        others.filter_map(Pane::context).collect()
    }

    fn go_elsewhere(&mut self, context: Context) -> Vec<Request> {
        let Some(pane) = PANES.into_iter().find(|pane| pane.context() == Some(context)) else {
            return Vec::new();
        };
        self.focus = pane;
        vec![Request::Say(format!("the keys now go to the {}: choose one and press it again", pane.rows()))]
    }

    fn settle(&mut self, store: &Store) {
        self.attention.settle(store.attention.len(), |row| row);
        self.goals.settle(store.goals.rows.len(), |row| goal(store, row));
        self.agents.settle(store.fleet.agents.len(), |row| agent(store, row));
        self.queues.settle(store.queues.rows.len(), |row| role(store, row));
        if Self::len(self.focus, store) == 0 {
            self.focus = Pane::default();
        }
    }

    fn act(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        match action {
            Action::Move(motion) => self.go(motion, store),
            Action::NextPane => self.next(1, store),
            Action::PreviousPane => self.next(PANES.len() - 1, store),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Open => return Some(self.open(store).map(Request::Go).into_iter().collect()),
            Action::Memory => {
                return Some(self.open(store).map(Request::Go).into_iter().collect());
            }
            Action::Logs => {
                let whose = match self.focus {
                    Pane::Agents => self.agents.held().cloned().map(LogTarget::Agent),
                    Pane::Queues => self.queues.held().copied().map(LogTarget::Role),
                    Pane::Goals => self.goals.held().cloned().map(LogTarget::Goal),
                    Pane::Attention => None,
                };
                return Some(vec![Request::Go(Target::Logs(whose.unwrap_or(LogTarget::All)))]);
            }
            other => return commands::run(other, &self.chosen(store), store),
        }
        Some(Vec::new())
    }

    fn click(&mut self, at: Position, store: &Store) -> Vec<Request> {
        let on = [
            (Pane::Attention, self.attention.click(at, store.attention.len(), |row| row)),
            (Pane::Goals, self.goals.click(at, store.goals.rows.len(), |row| goal(store, row))),
            (Pane::Agents, self.agents.click(at, store.fleet.agents.len(), |row| agent(store, row))),
            (Pane::Queues, self.queues.click(at, store.queues.rows.len(), |row| role(store, row))),
        ];
        if let Some((pane, _)) = on.into_iter().find(|(_, hit)| *hit) {
            self.focus = pane;
        }
        Vec::new()
    }

    fn wheel(&mut self, at: Position, rows: i16, store: &Store) {
        let areas = [self.attention.area(), self.goals.area(), self.agents.area(), self.queues.area()];
        let Some(under) = areas.iter().position(|area| area.contains(at)) else { return };
        let kept = std::mem::replace(&mut self.focus, PANES[under]);
        let motion = if rows < 0 { Motion::Up } else { Motion::Down };
        for _ in 0..rows.unsigned_abs() {
            self.go(motion, store);
        }
        self.focus = kept;
    }

    fn search(&mut self, text: Option<&str>, store: &Store) {
        let Some(text) = text.map(str::to_lowercase).filter(|text| !text.is_empty()) else { return };
        let is_in = |other: &str| other.to_lowercase().contains(&text);
        // At a glance nothing is filtered away: the cursor goes to the first that fits.
        if let Some(row) = store.goals.rows.iter().find(|row| is_in(&row.text) || is_in(row.id.as_str())) {
            self.focus = Pane::Goals;
            self.goals.hold(row.id.clone());
        } else if let Some(found) = store
            .fleet
            .agents
            .iter()
            .find(|agent| is_in(&agent.id.to_string()) || agent.title.as_deref().is_some_and(is_in))
        {
            self.focus = Pane::Agents;
            self.agents.hold(found.id.clone());
        }
        self.settle(store);
    }

    fn scope(&self, _scope: &mut Scope) {}

    fn copied(&self, store: &Store) -> Option<String> {
        match self.focus {
            Pane::Attention => Some(store.attention.get(self.attention.cursor())?.sentence.clone()),
            Pane::Goals => self.goals.held().map(ToString::to_string),
            Pane::Agents => self.agents.held().map(ToString::to_string),
            Pane::Queues => self.queues.held().map(ToString::to_string),
        }
    }

    fn text(&self, _store: &Store) -> Option<(String, String)> {
        None
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
        draw::draw(self, frame, area, look, store);
    }
}
