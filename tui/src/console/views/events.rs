//! Who did what, and when: the newest events, the newest last. The cursor holds on to its event; on the last
//! row it follows what comes.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::{View, show};
use crate::console::effect::Request;
use crate::console::feed::Scope;
use crate::console::keys::{Action, Context, Motion};
use crate::console::store::{Change, Happening, Store};
use crate::console::target::{LogTarget, Target};
use crate::console::theme::{Focus, Look};
use crate::console::widgets::{Cell, Column, List, Table, rule, spark};
use crate::output::Meaning;

/// The view.
#[derive(Debug, Default)]
pub(crate) struct Events {
    list: List<u64>,
    /// The numbers of the events that are shown; all when nothing is looked for.
    shown: VecDeque<u64>,
    looked_for: Option<String>,
    /// The number of the first event that was not looked at yet.
    next: u64,
    held: Held,
}

/// Whether the cursor follows what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Held {
    /// It goes to each new event.
    #[default]
    Follows,
    /// It stays where it is.
    Stays,
}

impl Events {
    /// The event of a row.
    fn happening<'a>(&self, row: usize, store: &'a Store) -> Option<&'a Happening> {
        let number = self.shown.get(row)?.checked_sub(store.events.first())?;
        store.events.rows().get(usize::try_from(number).ok()?)
    }

    fn chosen<'a>(&self, store: &'a Store) -> Option<&'a Happening> {
        self.happening(self.list.cursor(), store)
    }

    fn fits(&self, event: &Happening) -> bool {
        let Some(text) = &self.looked_for else { return true };
        let is_in = |other: &str| other.to_lowercase().contains(text);
        is_in(&event.sentence)
            || is_in(&event.who)
            || is_in(&event.kind)
            || event.goal.as_ref().is_some_and(|goal| is_in(goal.as_str()))
    }

    /// Takes in what is new; what is gone from the store goes from here too.
    fn take(&mut self, store: &Store) {
        let first = store.events.first();
        while self.shown.front().is_some_and(|number| *number < first) {
            self.shown.pop_front();
        }
        let rows = store.events.rows();
        let end = first + rows.len() as u64;
        for number in self.next.max(first)..end {
            let row = usize::try_from(number - first).ok().and_then(|row| rows.get(row));
            if row.is_some_and(|event| self.fits(event)) {
                self.shown.push_back(number);
            }
        }
        self.next = end;
    }

    fn go(&mut self, motion: Motion) {
        let shown = &self.shown;
        self.list.go(motion, shown.len(), |row| shown[row]);
        let is_last = self.list.cursor() + 1 >= shown.len();
        self.held = if is_last { Held::Follows } else { Held::Stays };
    }
}

impl View for Events {
    fn contexts(&self, _store: &Store) -> Vec<Context> {
        vec![Context::Rows]
    }

    fn settle(&mut self, store: &Store) {
        self.take(store);
        let shown = &self.shown;
        if self.held == Held::Follows
            && let Some(last) = shown.back()
        {
            self.list.hold(*last);
            self.list.go(Motion::Bottom, shown.len(), |row| shown[row]);
        }
        // Numbers are in order: the held one is found without looking through all.
        self.list.settle_sorted(shown.len(), |row| shown[row]);
    }

    fn act(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        match action {
            Action::Move(motion) => self.go(motion),
            Action::Open => {
                let event = self.chosen(store)?;
                let task = event.task.clone().map(Target::Task);
                let target = task.or_else(|| event.goal.clone().map(Target::Goal));
                let agent = || event.who.parse().ok().map(Target::Agent);
                return Some(target.or_else(agent).map(Request::Go).into_iter().collect());
            }
            Action::Logs => {
                let event = self.chosen(store)?;
                let task = event.task.clone().map(LogTarget::Task);
                let agent = || event.who.parse().ok().map(LogTarget::Agent);
                let whose = task.or_else(agent).unwrap_or(LogTarget::All);
                return Some(vec![Request::Go(Target::Logs(whose))]);
            }
            _ => return None,
        }
        Some(Vec::new())
    }

    fn click(&mut self, at: Position, _store: &Store) -> Vec<Request> {
        let shown = &self.shown;
        if self.list.click(at, shown.len(), |row| shown[row]) {
            self.held = Held::Stays;
        }
        Vec::new()
    }

    fn wheel(&mut self, _at: Position, rows: i16, _store: &Store) {
        let motion = if rows < 0 { Motion::Up } else { Motion::Down };
        for _ in 0..rows.unsigned_abs() {
            self.go(motion);
        }
    }

    fn search(&mut self, text: Option<&str>, store: &Store) {
        self.looked_for = text.map(str::to_lowercase).filter(|text| !text.is_empty());
        (self.next, self.held) = (0, Held::Follows);
        self.shown.clear();
        self.settle(store);
    }

    fn scope(&self, _scope: &mut Scope) {}

    fn copied(&self, store: &Store) -> Option<String> {
        self.chosen(store).map(line)
    }

    fn text(&self, store: &Store) -> Option<(String, String)> {
        let rows = (0..self.shown.len()).filter_map(|row| self.happening(row, store));
        Some(("events".to_owned(), rows.map(|event| line(event) + "\n").collect()))
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
        rule(frame, area, look, &self.title(look, store, area.width), Focus::Here);
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if self.shown.is_empty() {
            return show::nothing(frame, body, look, "nothing happened yet that is kept");
        }
        let table = Table { columns: &COLUMNS, head: true, focus: Focus::Here };
        table.draw(frame, body, look, &self.list, self.shown.len(), |row| {
            self.happening(row, store).map_or_else(Vec::new, |event| cells(event, look))
        });
    }
}

const COLUMNS: [Column; 5] = [
    Column::left("time", 8, 0),
    Column::left("who", 16, 0),
    Column::left("task", 15, 70),
    Column::left("event", 18, 110),
    Column::rest("what"),
];

fn cells(event: &Happening, look: &Look) -> Vec<Cell> {
    let goal = event.goal.as_ref().map(ToString::to_string);
    let about = event.task.as_ref().map(ToString::to_string).or(goal).unwrap_or_default();
    vec![
        Cell::faint(show::time_of_day(event.ms, look)),
        Cell::plain(event.who.as_ref()),
        Cell::faint(about),
        Cell::faint(event.kind.as_ref()),
        Cell::new(meaning(&event.change), event.sentence.as_ref()),
    ]
}

fn meaning(change: &Change) -> Meaning {
    use codegod_protocol::task::TaskState;
    match change {
        Change::Succeeded { .. } => Meaning::Good,
        Change::LeaseExpired => Meaning::Attention,
        Change::Ended { state, .. } => match state {
            TaskState::Failed => Meaning::Bad,
            TaskState::Blocked => Meaning::Attention,
            TaskState::Waiting
            | TaskState::Ready
            | TaskState::Running
            | TaskState::Succeeded
            | TaskState::Cancelled => Meaning::Plain,
        },
        Change::Nothing
        | Change::Goal { .. }
        | Change::GoalPaused
        | Change::GoalResumed
        | Change::Plan
        | Change::Claimed
        | Change::Phase(_)
        | Change::Doing(_)
        | Change::Done
        | Change::Ready => Meaning::Plain,
    }
}

fn line(event: &Happening) -> String {
    let about = event.task.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{} {} {about} {}: {}", event.ms, event.who, event.kind, event.sentence)
}

impl Events {
    fn title(&self, look: &Look, store: &Store, columns: u16) -> String {
        let rate = store.events.rate.per_second(look.now_ms, 10);
        let mut title = format!("Events {}", self.shown.len());
        if let Some(text) = &self.looked_for {
            title += &format!(" with \"{text}\" (/ esc: all)");
        }
        title += match self.held {
            Held::Follows => "  following",
            Held::Stays => "  paused (G follows)",
        };
        if rate > 0.0 {
            title += &format!("  {rate:.1}/s");
            if columns >= 100 {
                let samples = store.events.rate.series(look.now_ms, 30);
                title += &format!(" {}", spark(samples.into_iter(), 30, &look.glyphs));
            }
        }
        if store.events.left_out > 0 {
            title += &format!("  {} not shown", store.events.left_out);
        }
        title
    }
}
