//! What waits in each role's queue and who has what; below, on the same keys, tasks that were given up and
//! entries that could not be read.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use codegod_protocol::id::{Role, TaskId};

use super::{View, commands, show};
use crate::console::effect::Request;
use crate::console::feed::Scope;
use crate::console::feed::scope::Letters;
use crate::console::keys::{Action, Context, Motion};
use crate::console::store::{OpenQueue, QueueEntryState, Store};
use crate::console::target::{LogTarget, Target};
use crate::console::theme::{Focus, Look};
use crate::console::widgets::{Cell, Column, List, Table, rule};
use crate::output::Meaning;
use crate::text::clock;

/// A part of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pane {
    /// The roles.
    #[default]
    Roles,
    /// The entries of the chosen role's queue.
    Entries,
    /// Tasks that were given up.
    Dead,
    /// Entries that could not be read.
    PutAside,
}

const PANES: [Pane; 4] = [Pane::Roles, Pane::Entries, Pane::Dead, Pane::PutAside];

/// The view.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    focus: Pane,
    zoomed: bool,
    roles: List<Role>,
    entries: List<TaskId>,
    dead: List<TaskId>,
    put_aside: List<usize>,
}

fn role(row: usize) -> Role {
    Role::ALL[row.min(Role::ALL.len() - 1)]
}

impl Queues {
    /// Shows a role's queue.
    pub(crate) fn open(&mut self, of: Role) {
        self.focus = Pane::Entries;
        self.roles.hold(of);
        self.roles.settle(Role::ALL.len(), role);
    }

    fn role(&self) -> Role {
        role(self.roles.cursor())
    }

    /// The open queue, when it is that of the chosen role.
    fn queue<'a>(&self, store: &'a Store) -> Option<&'a OpenQueue> {
        store.queue.as_ref().filter(|queue| queue.role == self.role())
    }

    fn go(&mut self, motion: Motion, store: &Store) {
        match self.focus {
            Pane::Roles => self.roles.go(motion, Role::ALL.len(), role),
            Pane::Entries => {
                let entries = self.queue(store).map_or(&[][..], |queue| &queue.entries);
                self.entries.go(motion, entries.len(), |row| entries[row].task.clone())
            }
            Pane::Dead => {
                let dead = &store.letters.newest_dead;
                self.dead.go(motion, dead.len(), |row| dead[row].task.clone())
            }
            Pane::PutAside => self.put_aside.go(motion, store.letters.newest_quarantined.len(), |row| row),
        };
    }

    fn task(&self) -> Option<&TaskId> {
        match self.focus {
            Pane::Roles | Pane::PutAside => None,
            Pane::Entries => self.entries.held(),
            Pane::Dead => self.dead.held(),
        }
    }

    fn next(&mut self, step: usize) {
        let at = PANES.iter().position(|pane| *pane == self.focus).unwrap_or_default();
        self.focus = PANES[(at + step) % PANES.len()];
    }
}

impl View for Queues {
    fn contexts(&self, _store: &Store) -> Vec<Context> {
        let particular = match self.focus {
            Pane::Roles => vec![Context::Role],
            Pane::Entries | Pane::Dead if self.task().is_some() => vec![Context::Task],
            Pane::Entries | Pane::Dead | Pane::PutAside => vec![],
        };
        particular.into_iter().chain([Context::Panes, Context::Rows]).collect()
    }

    fn settle(&mut self, store: &Store) {
        self.roles.settle(Role::ALL.len(), role);
        let entries = self.queue(store).map_or(&[][..], |queue| &queue.entries);
        self.entries.settle(entries.len(), |row| entries[row].task.clone());
        let dead = &store.letters.newest_dead;
        self.dead.settle(dead.len(), |row| dead[row].task.clone());
        self.put_aside.settle(store.letters.newest_quarantined.len(), |row| row);
    }

    fn act(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        match action {
            Action::Move(motion) => self.go(motion, store),
            Action::NextPane => self.next(1),
            Action::PreviousPane => self.next(PANES.len() - 1),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Open if self.focus == Pane::Roles => self.focus = Pane::Entries,
            Action::Open => {
                let task = self.task().cloned().map(Target::Task);
                return Some(task.map(Request::Go).into_iter().collect());
            }
            Action::Logs => {
                let task = self.task().cloned().map(LogTarget::Task);
                return Some(vec![Request::Go(Target::Logs(task.unwrap_or(LogTarget::Role(self.role()))))]);
            }
            other => {
                let chosen = match self.task() {
                    Some(task) => commands::Chosen::task(store, task),
                    None => commands::Chosen::role(Some(&self.role())),
                };
                return commands::run(other, &chosen, store);
            }
        }
        Some(Vec::new())
    }

    fn click(&mut self, at: Position, store: &Store) -> Vec<Request> {
        let entries = self.queue(store).map_or(&[][..], |queue| &queue.entries);
        let dead = &store.letters.newest_dead;
        let on = [
            (Pane::Roles, self.roles.click(at, Role::ALL.len(), role)),
            (Pane::Entries, self.entries.click(at, entries.len(), |row| entries[row].task.clone())),
            (Pane::Dead, self.dead.click(at, dead.len(), |row| dead[row].task.clone())),
            (Pane::PutAside, self.put_aside.click(at, store.letters.newest_quarantined.len(), |row| row)),
        ];
        if let Some((pane, _)) = on.into_iter().find(|(_, hit)| *hit) {
            self.focus = pane;
        }
        Vec::new()
    }

    fn wheel(&mut self, at: Position, rows: i16, store: &Store) {
        let areas = [self.roles.area(), self.entries.area(), self.dead.area(), self.put_aside.area()];
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
        let entries = self.queue(store).map_or(&[][..], |queue| &queue.entries);
        let fits = |entry: &&crate::console::store::QueueEntry| {
            entry.title.to_lowercase().contains(&text) || entry.task.to_string().contains(&text)
        };
        if let Some(found) = entries.iter().find(fits) {
            self.focus = Pane::Entries;
            self.entries.hold(found.task.clone());
        } else if let Some(found) = Role::ALL.into_iter().find(|role| role.name().contains(&text)) {
            self.focus = Pane::Roles;
            self.roles.hold(found);
        }
        self.settle(store);
    }

    fn scope(&self, scope: &mut Scope) {
        scope.queue = Some(self.role());
        scope.letters = Letters::Listed;
    }

    fn copied(&self, store: &Store) -> Option<String> {
        match self.focus {
            Pane::Roles => Some(self.role().to_string()),
            Pane::Entries | Pane::Dead => self.task().map(ToString::to_string),
            Pane::PutAside => {
                let entry = store.letters.newest_quarantined.get(self.put_aside.cursor())?;
                Some(format!("{} {}: {}", entry.from, entry.reason, entry.entry))
            }
        }
    }

    fn text(&self, store: &Store) -> Option<(String, String)> {
        let mut text = String::new();
        for letter in &store.letters.newest_dead {
            text +=
                &format!("{} {}: {}\n", letter.task, letter.title.as_deref().unwrap_or(""), letter.reason);
        }
        for entry in &store.letters.newest_quarantined {
            text += &format!("{} {}: {}\n", entry.from, entry.reason, entry.entry);
        }
        Some(("letters".to_owned(), text))
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
        if self.zoomed {
            return self.part(self.focus, frame, area, look, store);
        }
        let roles = u16::try_from(Role::ALL.len()).unwrap_or(u16::MAX) + 2;
        let wide = area.width >= 110;
        let left = Rect {
            width: if wide { 44 } else { area.width },
            height: if wide { area.height } else { roles.min(area.height / 2) },
            ..area
        };
        self.part(Pane::Roles, frame, left, look, store);
        let mut rest = if wide {
            Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area }
        } else {
            Rect { y: left.bottom(), height: area.height - left.height, ..area }
        };
        let letters = [
            (Pane::Dead, store.letters.newest_dead.len()),
            (Pane::PutAside, store.letters.newest_quarantined.len()),
        ];
        for (pane, len) in letters.into_iter().rev() {
            // Empty parts keep one line, so that a person knows where such things would stand.
            let rows = u16::try_from(len).unwrap_or(u16::MAX).min(rest.height / 4);
            let height = (1 + rows).min(rest.height);
            rest.height -= height;
            self.part(pane, frame, Rect { y: rest.bottom(), height, ..rest }, look, store);
        }
        self.part(Pane::Entries, frame, rest, look, store);
    }
}

const ROLES: [Column; 5] = [
    Column::left("role", 13, 0),
    Column::right("ready", 6, 0),
    Column::right("running", 7, 0),
    Column::right("oldest", 8, 0),
    Column::rest(""),
];
const ENTRIES: [Column; 6] = [
    Column::left("task", 16, 0),
    Column::right("pri", 3, 0),
    Column::right("try", 5, 0),
    Column::right("for", 7, 0),
    Column::left("held by", 16, 0),
    Column::rest("title"),
];
const DEAD: [Column; 4] =
    [Column::left("", 16, 0), Column::right("", 7, 0), Column::left("", 24, 100), Column::rest("")];
const PUT_ASIDE: [Column; 4] =
    [Column::left("", 16, 0), Column::right("", 7, 0), Column::rest(""), Column::left("", 30, 100)];

impl Queues {
    fn part(&self, pane: Pane, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
        let focus = if pane == self.focus { Focus::Here } else { Focus::Elsewhere };
        let title = match pane {
            Pane::Roles => "Queues".to_owned(),
            Pane::Entries => {
                let more = self.queue(store).map_or(0, |queue| queue.more);
                let more = if more > 0 { format!(", {more} more") } else { String::new() };
                format!("{}: in the order in which they came{more}", self.role())
            }
            Pane::Dead => {
                let help =
                    if store.letters.dead > 0 { "  (r tries one again, :retry --all-dead all)" } else { "" };
                format!("Given up {}{help}", store.letters.dead)
            }
            Pane::PutAside => {
                let help = if store.letters.quarantined > 0 { "  (:quarantine)" } else { "" };
                format!("Could not be read {}{help}", store.letters.quarantined)
            }
        };
        rule(frame, area, look, &title, focus);
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        match pane {
            Pane::Roles => self.roles_rows(frame, body, look, store, focus),
            Pane::Entries => self.entries_rows(frame, body, look, store, focus),
            Pane::Dead => self.dead_rows(frame, body, look, store, focus),
            Pane::PutAside => self.put_aside_rows(frame, body, look, store, focus),
        }
    }

    fn roles_rows(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
        let table = Table { columns: &ROLES, head: true, focus };
        table.draw(frame, area, look, &self.roles, Role::ALL.len(), |row| {
            let Some(queue) = store.queues.row(role(row)) else {
                return vec![Cell::plain(role(row).name()), Cell::faint("?")];
            };
            let lit = |count: u64, meaning| if count > 0 { meaning } else { Meaning::Faint };
            vec![
                Cell::plain(queue.role.name()),
                Cell::new(lit(queue.ready, Meaning::Strong), queue.ready.to_string()),
                Cell::new(lit(queue.in_flight, Meaning::Busy), queue.in_flight.to_string()),
                Cell::faint(queue.oldest_ms.map_or_else(String::new, |since| clock(since, look.now_ms))),
                Cell::new(Meaning::Attention, if queue.paused { "paused" } else { "" }),
            ]
        });
    }

    fn entries_rows(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
        let entries = self.queue(store).map_or(&[][..], |queue| &queue.entries);
        if entries.is_empty() {
            return show::nothing(frame, area, look, "nothing waits and nothing runs");
        }
        let table = Table { columns: &ENTRIES, head: true, focus };
        table.draw(frame, area, look, &self.entries, entries.len(), |row| {
            let entry = &entries[row];
            let (held, since) = match &entry.state {
                QueueEntryState::Ready => (Cell::faint("ready"), entry.since_ms),
                QueueEntryState::Held { by, since_ms } => {
                    (Cell::new(Meaning::Busy, by.to_string()), *since_ms)
                }
            };
            vec![
                Cell::plain(entry.task.to_string()),
                Cell::plain(entry.priority.to_string()),
                Cell::faint(format!("{}/{}", entry.attempts, entry.max_attempts)),
                Cell::faint(clock(since, look.now_ms)),
                held,
                Cell::plain(entry.title.as_ref()),
            ]
        });
    }

    fn dead_rows(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
        let dead = &store.letters.newest_dead;
        let table = Table { columns: &DEAD, head: false, focus };
        table.draw(frame, area, look, &self.dead, dead.len(), |row| {
            let letter = &dead[row];
            vec![
                Cell::plain(letter.task.to_string()),
                Cell::faint(clock(letter.at_ms, look.now_ms)),
                Cell::plain(letter.title.as_deref().unwrap_or("(its goal is gone)")),
                Cell::new(Meaning::Bad, letter.reason.as_ref()),
            ]
        });
    }

    fn put_aside_rows(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
        let aside = &store.letters.newest_quarantined;
        let table = Table { columns: &PUT_ASIDE, head: false, focus };
        table.draw(frame, area, look, &self.put_aside, aside.len(), |row| {
            let entry = &aside[row];
            vec![
                Cell::plain(entry.from.as_ref()),
                Cell::faint(clock(entry.at_ms, look.now_ms)),
                Cell::new(Meaning::Attention, entry.reason.as_ref()),
                Cell::faint(entry.entry.as_ref()),
            ]
        });
    }
}
