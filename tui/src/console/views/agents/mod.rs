//! The agents: who they are and what they do; of the chosen one what it waits for, everything it knows, and
//! its log. Agents keep their places, by role and start: a list that is sorted by trouble would move under
//! the cursor; what is in trouble is marked, counted in the title, and listed on the overview.

mod draw;
mod memory;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::id::AgentId;

use super::{View, commands};
use crate::console::effect::Request;
use crate::console::feed::Scope;
use crate::console::keys::{Action, Context, Motion};
use crate::console::logs::{Limits, Log};
use crate::console::store::{Changed, LogBatch, Store};
use crate::console::target::LogTarget;
use crate::console::theme::Look;
use crate::console::widgets::{List, Page};

/// What is held of one agent's log; the view of all logs holds more.
const HELD: Limits = Limits { lines: 20_000, bytes: 4 << 20 };

/// A part of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    /// The agents.
    #[default]
    List,
    /// What the chosen one knows.
    Memory,
    /// What it says.
    Log,
}

const PARTS: [Part; 3] = [Part::List, Part::Memory, Part::Log];

/// The view.
#[derive(Debug)]
pub(crate) struct Agents {
    focus: Part,
    /// Which of memory and log is shown where there is room for one.
    beside: Part,
    zoomed: bool,
    list: List<AgentId>,
    looked_for: Option<String>,
    /// The places of the agents that fit what is looked for.
    shown: Vec<usize>,
    memory: Page,
    /// Whose memory the page shows.
    memory_of: Option<AgentId>,
    log: Log,
    asks: Vec<Request>,
    /// Written by drawing: where the parts are.
    places: RefCell<Vec<(Part, Rect)>>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            focus: Part::List,
            beside: Part::Memory,
            zoomed: false,
            list: List::default(),
            looked_for: None,
            shown: Vec::new(),
            memory: Page::default(),
            memory_of: None,
            log: Log::new(HELD, LogTarget::All),
            asks: Vec::new(),
            places: RefCell::default(),
        }
    }
}

impl Agents {
    /// Shows what an agent knows.
    pub(crate) fn open(&mut self, agent: AgentId, store: &Store) {
        // A filter might hide it.
        self.looked_for = None;
        self.list.hold(agent);
        self.turn(Part::Memory);
        self.settle(store);
    }

    /// Whether lines are for the log here.
    pub(crate) fn asked_for(&self, batch: &LogBatch) -> bool {
        self.log.is_for(batch)
    }

    /// Takes lines in.
    pub(crate) fn take(&mut self, batch: LogBatch) -> (Changed, Vec<Request>) {
        self.log.take(batch)
    }

    /// Lines that come are not printed any more.
    pub(crate) fn end_stream(&mut self) {
        self.log.end_stream();
    }

    /// Whether a search or a filter of the log is not done yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.log.is_busy()
    }

    /// Lets it go on for a bounded time.
    pub(crate) fn go_on(&mut self) {
        self.log.go_on();
    }

    fn turn(&mut self, part: Part) {
        self.focus = part;
        if part != Part::List {
            self.beside = part;
        }
    }

    fn next(&mut self, step: usize) {
        let at = PARTS.iter().position(|part| *part == self.focus).unwrap_or_default();
        self.turn(PARTS[(at + step) % PARTS.len()]);
    }

    /// The agent of a row.
    fn status<'a>(&self, row: usize, store: &'a Store) -> Option<&'a AgentStatus> {
        store.fleet.agents.get(*self.shown.get(row)?)
    }

    /// The chosen agent, while it is on the list.
    fn chosen<'a>(&self, store: &'a Store) -> Option<&'a AgentStatus> {
        self.status(self.list.cursor(), store)
    }

    fn fits(&self, agent: &AgentStatus) -> bool {
        let Some(text) = &self.looked_for else { return true };
        let is_in = |other: &str| other.to_lowercase().contains(text);
        is_in(&agent.id.to_string())
            || is_in(&agent.host)
            || is_in(agent.phase.name())
            || agent.title.as_deref().is_some_and(is_in)
            || agent.note.as_deref().is_some_and(is_in)
            || agent.current_task.as_ref().is_some_and(|task| is_in(&task.to_string()))
    }

    fn go(&mut self, motion: Motion, store: &Store) {
        let (shown, agents) = (&self.shown, &store.fleet.agents);
        self.list.go(motion, shown.len(), |row| agents[shown[row]].id.clone());
        self.follow(store);
    }

    /// Memory and log are those of the chosen agent.
    fn follow(&mut self, store: &Store) {
        let chosen = self.chosen(store).map(|agent| agent.id.clone());
        let Some(status) = self.chosen(store) else {
            self.memory.begin(Vec::new());
            self.memory_of = None;
            return;
        };
        let passages = memory::passages(status, store);
        if self.memory_of == chosen {
            self.memory.show(passages);
        } else {
            self.memory.begin(passages);
            self.log.open(LogTarget::Agent(status.id.clone()));
            self.memory_of = chosen;
        }
    }

    fn part_at(&self, at: Position) -> Option<Part> {
        let places = self.places.borrow();
        places.iter().find(|(_, area)| area.contains(at)).map(|(part, _)| *part)
    }

    /// A key for the part that has them.
    fn part_act(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        match (self.focus, action) {
            (Part::List, Action::Move(motion)) => {
                self.go(motion, store);
                Some(Vec::new())
            }
            (Part::List, Action::Open) => {
                self.turn(Part::Memory);
                Some(Vec::new())
            }
            (Part::List, Action::Back) if self.looked_for.is_some() => {
                self.search(None, store);
                Some(Vec::new())
            }
            (Part::List, _) => None,
            (Part::Memory, action) => {
                let said = self.memory.act(action)?;
                Some(said.map(|text| Request::Say(text.to_owned())).into_iter().collect())
            }
            (Part::Log, action) => self.log.act(action),
        }
    }
}

impl View for Agents {
    fn contexts(&self, store: &Store) -> Vec<Context> {
        let agent = self.chosen(store).map(|_| Context::Agent);
        let first: &[Context] = match self.focus {
            Part::List => &[],
            Part::Memory => &[Context::Lines],
            Part::Log => &[Context::Log, Context::Lines],
        };
        first.iter().copied().chain(agent).chain([Context::Panes, Context::Rows]).collect()
    }

    fn settle(&mut self, store: &Store) {
        let agents = &store.fleet.agents;
        self.shown = (0..agents.len()).filter(|at| self.fits(&agents[*at])).collect();
        let shown = &self.shown;
        self.list.settle(shown.len(), |row| agents[shown[row]].id.clone());
        self.follow(store);
    }

    fn act(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        if let Some(requests) = self.part_act(action, store) {
            return Some(requests);
        }
        match action {
            Action::NextPane => self.next(1),
            Action::PreviousPane => self.next(PARTS.len() - 1),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Back if self.zoomed => self.zoomed = false,
            Action::Memory => self.turn(Part::Memory),
            Action::Logs => self.turn(Part::Log),
            other => {
                let agent = self.chosen(store).map(|agent| &agent.id);
                return commands::run(other, &commands::Chosen::agent(agent), store);
            }
        }
        Some(Vec::new())
    }

    fn click(&mut self, at: Position, store: &Store) -> Vec<Request> {
        let Some(part) = self.part_at(at) else { return Vec::new() };
        self.turn(part);
        match part {
            Part::List => {
                let (shown, agents) = (&self.shown, &store.fleet.agents);
                self.list.click(at, shown.len(), |row| agents[shown[row]].id.clone());
                self.follow(store);
            }
            Part::Memory => {}
            Part::Log => self.log.click(at),
        }
        Vec::new()
    }

    fn wheel(&mut self, at: Position, rows: i16, store: &Store) {
        match self.part_at(at) {
            Some(Part::List) => {
                let motion = if rows < 0 { Motion::Up } else { Motion::Down };
                for _ in 0..rows.unsigned_abs() {
                    self.go(motion, store);
                }
            }
            Some(Part::Memory) => self.memory.scroll(isize::from(rows)),
            Some(Part::Log) => self.asks = self.log.wheel(rows),
            None => {}
        }
    }

    fn asks(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.asks)
    }

    fn search(&mut self, text: Option<&str>, store: &Store) {
        match self.focus {
            Part::List => {
                self.looked_for = text.map(str::to_lowercase).filter(|text| !text.is_empty());
                self.settle(store);
            }
            Part::Memory => self.memory.search(text),
            Part::Log => self.log.search(text),
        }
    }

    fn scope(&self, scope: &mut Scope) {
        scope.agent.clone_from(&self.memory_of);
        if self.memory_of.is_some() {
            self.log.scope(scope);
        }
    }

    fn copied(&self, store: &Store) -> Option<String> {
        match self.focus {
            Part::List => self.chosen(store).map(|agent| agent.id.to_string()),
            Part::Memory => Some(self.memory.plain()).filter(|text| !text.is_empty()),
            Part::Log => self.log.pane().copied(),
        }
    }

    fn text(&self, _store: &Store) -> Option<(String, String)> {
        let agent = self.memory_of.as_ref()?;
        Some(match self.focus {
            Part::List | Part::Memory => (format!("memory-{agent}"), self.memory.plain()),
            Part::Log => self.log.text(),
        })
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
        draw::draw(self, frame, area, look, store);
    }
}
