//! The list of whose lines a log may show: everybody, a role, a goal, a task of the open goal, an agent.

use codegod_protocol::id::Role;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use crate::console::keys::Motion;
use crate::console::logs::title;
use crate::console::store::Store;
use crate::console::target::LogTarget;
use crate::console::theme::{Focus, Look};
use crate::console::widgets::{Cell, Column, List, Table, rule};
use crate::sanitize;

/// The list, and what of it is shown.
#[derive(Debug)]
pub(super) struct Chooser {
    choices: Vec<Choice>,
    list: List<LogTarget>,
    filter: String,
}

/// Somebody whose lines there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
    whose: LogTarget,
    name: String,
    about: String,
}

impl Chooser {
    /// A list with the cursor on `current`.
    pub(super) fn new(current: LogTarget, store: &Store) -> Self {
        let mut chooser = Self { choices: Vec::new(), list: List::default(), filter: String::new() };
        chooser.list.hold(current);
        chooser.settle(store);
        chooser
    }

    /// The store changed.
    pub(super) fn settle(&mut self, store: &Store) {
        let fits = |choice: &Choice| {
            let is_in = |text: &str| text.to_lowercase().contains(&self.filter);
            self.filter.is_empty() || is_in(&choice.name) || is_in(&choice.about)
        };
        self.choices = choices(store).filter(fits).collect();
        let choices = &self.choices;
        self.list.settle(choices.len(), |row| choices[row].whose.clone());
    }

    /// Shows only what has that text.
    pub(super) fn filter(&mut self, text: Option<&str>, store: &Store) {
        self.filter = text.unwrap_or_default().to_lowercase();
        self.settle(store);
    }

    pub(super) fn go(&mut self, motion: Motion) {
        let choices = &self.choices;
        self.list.go(motion, choices.len(), |row| choices[row].whose.clone());
    }

    pub(super) fn wheel(&mut self, rows: i16) {
        for _ in 0..rows.unsigned_abs() {
            self.go(if rows < 0 { Motion::Up } else { Motion::Down });
        }
    }

    /// Whether a row was clicked; the cursor is on it then.
    pub(super) fn click(&mut self, at: Position) -> bool {
        let choices = &self.choices;
        self.list.click(at, choices.len(), |row| choices[row].whose.clone())
    }

    pub(super) fn is_at(&self, at: Position) -> bool {
        self.list.area().contains(at)
    }

    /// Whose lines are under the cursor.
    pub(super) fn chosen(&self) -> Option<LogTarget> {
        self.choices.get(self.list.cursor()).map(|choice| choice.whose.clone())
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look) {
        let text = if self.filter.is_empty() { String::new() } else { format!(" with \"{}\"", self.filter) };
        let heading = format!("whose lines{text}: enter shows, / finds, esc goes back");
        rule(frame, area, look, &heading, Focus::Here);
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let table = Table { columns: &COLUMNS, head: false, focus: Focus::Here };
        table.draw(frame, body, look, &self.list, self.choices.len(), |row| {
            let choice = &self.choices[row];
            vec![Cell::plain(choice.name.clone()), Cell::faint(choice.about.clone())]
        });
    }
}

const COLUMNS: [Column; 2] = [Column::left("who", 16, 0), Column::rest("what")];

/// Everybody, roles, agents; then goals, the newest first, and the tasks of the open one.
fn choices(store: &Store) -> impl Iterator<Item = Choice> {
    let everybody = choice(LogTarget::All, "every agent's lines");
    let roles = Role::ALL.into_iter().map(|role| {
        let agents = store.fleet.agents.iter().filter(|agent| agent.role == role).count();
        let plural = if agents == 1 { "" } else { "s" };
        choice(LogTarget::Role(role), &format!("{agents} {role} agent{plural}"))
    });
    let goals = store.goals.rows.iter().map(|goal| choice(LogTarget::Goal(goal.id.clone()), &goal.text));
    let open = store.goal.iter().flat_map(|goal| goal.rows());
    let tasks = open.map(|task| choice(LogTarget::Task(task.id.clone()), &task.title));
    let agents = store.fleet.agents.iter().map(|agent| {
        let about = agent.title.as_deref().map_or_else(|| agent.phase.name().to_owned(), sanitize::line);
        choice(LogTarget::Agent(agent.id.clone()), &about)
    });
    std::iter::once(everybody).chain(roles).chain(agents).chain(goals).chain(tasks)
}

fn choice(whose: LogTarget, about: &str) -> Choice {
    let name = match &whose {
        LogTarget::Goal(goal) => goal.to_string(),
        LogTarget::Task(task) => task.to_string(),
        other => title(other),
    };
    Choice { whose, name, about: about.to_owned() }
}
