//! The views: each has its own state (cursor, open part), takes actions, and draws what the store knows.

mod agents;
mod commands;
mod events;
mod fleet;
mod goal;
mod logs;
mod overview;
mod queues;
pub(crate) mod show;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use self::agents::Agents;
use self::events::Events;
use self::fleet::Fleet;
use self::goal::Goal;
use self::logs::Logs;
use self::overview::Overview;
use self::queues::Queues;
use super::commits::Changes;
use super::effect::{Commit, Request};
use super::feed::Scope;
use super::keys::{Action, Context};
use super::store::{self, Changed, LogBatch, Store};
use super::target::{Target, ViewName};
use super::theme::Look;

/// What every view can do. Drawing is a function of state; it only notes where it put things, for the
/// mouse and for how far a page is.
pub(crate) trait View {
    /// Where keys mean something here now, the most particular first; `Everywhere` is added by the console.
    fn contexts(&self, store: &Store) -> Vec<Context>;

    /// Where keys mean something in other parts of this view. Such a key goes there, and does nothing yet.
    fn elsewhere(&self, _store: &Store) -> Vec<Context> {
        Vec::new()
    }

    /// Goes to the part where that context holds.
    fn go_elsewhere(&mut self, _context: Context) -> Vec<Request> {
        Vec::new()
    }

    /// The store changed: cursors follow their rows.
    fn settle(&mut self, store: &Store);

    /// Takes an action. None when it means nothing here.
    fn act(&mut self, action: Action, store: &Store) -> Option<Vec<Request>>;

    /// A click; the second of a double click opens.
    fn click(&mut self, at: Position, store: &Store) -> Vec<Request>;

    /// The wheel over `at`, `rows` down (negative: up).
    fn wheel(&mut self, at: Position, rows: i16, store: &Store);

    /// What it asks for of its own: by the wheel, or because something else is looked at.
    fn asks(&mut self) -> Vec<Request> {
        Vec::new()
    }

    /// The text of `/` changed; `None` takes the filter away.
    fn search(&mut self, text: Option<&str>, store: &Store);

    /// Adds what must be read for this view.
    fn scope(&self, scope: &mut Scope);

    /// What `y` copies: the selected row, or the selected lines.
    fn copied(&self, store: &Store) -> Option<String>;

    /// Everything that the view shows as text, for the pager, the editor and files: a name and the text.
    fn text(&self, store: &Store) -> Option<(String, String)>;

    /// Draws it.
    fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store);
}

/// All views.
#[derive(Default)]
pub(crate) struct Views {
    overview: Overview,
    agents: Agents,
    goal: Goal,
    queues: Queues,
    events: Events,
    fleet: Fleet,
    logs: Logs,
}

impl Views {
    /// A view.
    pub(crate) fn get(&self, name: ViewName) -> &dyn View {
        match name {
            ViewName::Overview => &self.overview,
            ViewName::Goal => &self.goal,
            ViewName::Agents => &self.agents,
            ViewName::Queues => &self.queues,
            ViewName::Logs => &self.logs,
            ViewName::Events => &self.events,
            ViewName::Fleet => &self.fleet,
        }
    }

    /// A view, to change.
    pub(crate) fn get_mut(&mut self, name: ViewName) -> &mut dyn View {
        match name {
            ViewName::Overview => &mut self.overview,
            ViewName::Goal => &mut self.goal,
            ViewName::Agents => &mut self.agents,
            ViewName::Queues => &mut self.queues,
            ViewName::Logs => &mut self.logs,
            ViewName::Events => &mut self.events,
            ViewName::Fleet => &mut self.fleet,
        }
    }

    /// Log lines came.
    pub(crate) fn logs(&mut self, batch: LogBatch) -> (Changed, Vec<Request>) {
        // A batch is for the log that asked for it, and for no other.
        if self.agents.asked_for(&batch) {
            self.agents.take(batch)
        } else if self.goal.asked_for(&batch) {
            self.goal.take_lines(batch)
        } else {
            self.logs.take(batch)
        }
    }

    /// What a commit changed was read, or could not be.
    pub(crate) fn changes(&mut self, of: &Commit, read: Result<Box<Changes>, String>) {
        self.goal.take_changes(of, read);
    }

    /// Lines that come are not printed any more.
    pub(crate) fn end_stream(&mut self) {
        self.logs.end_stream();
        self.agents.end_stream();
        self.goal.end_stream();
    }

    /// Whether a search or filter of a log is not done yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.logs.is_busy() || self.agents.is_busy() || self.goal.is_busy()
    }

    /// Lets it go on for a bounded time.
    pub(crate) fn go_on(&mut self) {
        self.logs.go_on();
        self.agents.go_on();
        self.goal.go_on();
    }

    /// Opens something. Returns the view that shows it.
    pub(crate) fn open(&mut self, target: Target, store: &Store) -> ViewName {
        match target {
            Target::View(view) => view,
            Target::Goal(goal) => {
                self.goal.open(goal);
                ViewName::Goal
            }
            Target::Task(task) => {
                self.goal.open_task(&task);
                ViewName::Goal
            }
            Target::Agent(agent) => {
                self.agents.open(agent, store);
                ViewName::Agents
            }
            Target::Queue(role) => {
                self.queues.open(role);
                ViewName::Queues
            }
            Target::Logs(whose) => {
                self.logs.open(whose);
                ViewName::Logs
            }
        }
    }
}

/// What is shown for something that needs a person.
pub(crate) fn target(of: &store::Target) -> Option<Target> {
    match of {
        store::Target::Goal(goal) => Some(Target::Goal(goal.clone())),
        store::Target::Task(task) => Some(Target::Task(task.clone())),
        store::Target::Agent(agent) => Some(Target::Agent(agent.clone())),
        store::Target::Fleet | store::Target::Host(_) => Some(Target::View(ViewName::Fleet)),
        store::Target::DeadLetters | store::Target::Quarantine => Some(Target::View(ViewName::Queues)),
        store::Target::Redis => None,
    }
}
