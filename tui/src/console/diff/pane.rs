//! The state of a pane that shows a diff: where it stands and what is looked for.

use std::cell::Cell;

use ratatui::layout::{Position, Rect};

use super::read::Diff;
use crate::console::keys::{Action, Motion};
use crate::console::logs::{NoPattern, Pattern};

/// How far one key moves sideways, in columns.
const SIDEWAYS: usize = 8;

/// A pane.
#[derive(Debug, Default)]
pub(crate) struct DiffPane {
    diff: Diff,
    /// The first row that is shown.
    top: usize,
    /// The first column that is shown.
    left: usize,
    looked_for: Option<Search>,
    /// Written by drawing: where rows and files are.
    pub(super) rows: Cell<Rect>,
    pub(super) files: Cell<Rect>,
}

/// A search and the rows that it found.
#[derive(Debug)]
struct Search {
    pattern: Pattern,
    found: Vec<usize>,
}

impl DiffPane {
    /// Shows another diff from its beginning.
    pub(crate) fn show(&mut self, diff: Diff) {
        *self = Self { diff, ..Self::default() };
    }

    /// What is shown.
    pub(crate) fn diff(&self) -> &Diff {
        &self.diff
    }

    pub(super) fn top(&self) -> usize {
        self.top
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.looked_for.as_ref().map(|search| &search.pattern)
    }

    /// How many rows a search found, and how many of them stand above the first row that is shown.
    pub(super) fn found(&self) -> Option<(usize, usize)> {
        let search = self.looked_for.as_ref()?;
        Some((search.found.len(), search.found.partition_point(|row| *row <= self.top)))
    }

    /// The file that the first row belongs to, by its number.
    pub(super) fn file(&self) -> Option<usize> {
        self.diff.files().partition_point(|file| file.row <= self.top).checked_sub(1)
    }

    /// Does what a key stands for. Returns a sentence to say, and none at all when the key means nothing here.
    pub(crate) fn act(&mut self, action: Action) -> Option<Option<&'static str>> {
        match action {
            Action::Move(motion) => self.go(motion),
            Action::NextMatch => return Some(self.step(Step::Next)),
            Action::PreviousMatch => return Some(self.step(Step::Previous)),
            Action::Back if self.looked_for.is_some() => self.looked_for = None,
            _ => return None,
        }
        Some(None)
    }

    fn go(&mut self, motion: Motion) {
        let page = usize::from(self.rows.get().height).max(2) - 1;
        match motion {
            Motion::Up => self.stand_on(self.top.saturating_sub(1)),
            Motion::Down => self.stand_on(self.top + 1),
            Motion::PageUp => self.stand_on(self.top.saturating_sub(page)),
            Motion::PageDown => self.stand_on(self.top + page),
            Motion::HalfUp => self.stand_on(self.top.saturating_sub(page / 2)),
            Motion::HalfDown => self.stand_on(self.top + page / 2),
            Motion::Top => self.stand_on(0),
            Motion::Bottom => self.stand_on(usize::MAX),
            Motion::Left => self.left = self.left.saturating_sub(SIDEWAYS),
            Motion::Right => self.left = (self.left + SIDEWAYS).min(self.widest().saturating_sub(SIDEWAYS)),
        }
    }

    /// Moves by rows; up where that is negative.
    pub(crate) fn scroll(&mut self, rows: isize) {
        self.stand_on(self.top.saturating_add_signed(rows));
    }

    fn stand_on(&mut self, row: usize) {
        let rows = self.diff.len() + usize::from(self.diff.left_out() > 0);
        let last = rows.saturating_sub(usize::from(self.rows.get().height).max(1));
        self.top = row.min(last);
    }

    /// How wide the widest row on the screen is.
    fn widest(&self) -> usize {
        let shown = self.top..self.top + usize::from(self.rows.get().height);
        shown.filter_map(|row| self.diff.row(row)).map(|row| crate::text::width(row.text)).max().unwrap_or(0)
    }

    /// To the next match, or file where nothing is looked for.
    fn step(&mut self, step: Step) -> Option<&'static str> {
        let files: Vec<usize> = self.diff.files().iter().map(|file| file.row).collect();
        let (stops, missing) = match &self.looked_for {
            Some(search) => (&search.found, "not found"),
            None => (&files, "no files"),
        };
        let at = stops.partition_point(|row| *row < self.top);
        let here = stops.get(at) == Some(&self.top);
        let next = match step {
            Step::Next => stops.get(at + usize::from(here)),
            Step::Previous => at.checked_sub(1).and_then(|before| stops.get(before)),
        };
        match next.copied() {
            Some(row) => {
                self.stand_on(row);
                None
            }
            None if stops.is_empty() => Some(missing),
            None => Some("there are no more that way"),
        }
    }

    /// Looks for a text.
    ///
    /// # Errors
    /// When it is no regular expression.
    pub(crate) fn search(&mut self, typed: Option<&str>) -> Result<(), NoPattern> {
        let pattern = Pattern::search(typed.unwrap_or_default())?;
        self.looked_for = pattern.map(|pattern| {
            let found = (0..self.diff.len()).filter(|row| {
                let row = self.diff.row(*row);
                row.is_some_and(|row| pattern.takes(row.text))
            });
            Search { found: found.collect(), pattern }
        });
        let first = self.looked_for.as_ref().and_then(|search| {
            let from_here = search.found.iter().find(|row| **row >= self.top);
            from_here.or(search.found.first()).copied()
        });
        if let Some(first) = first {
            self.stand_on(first);
        }
        Ok(())
    }

    /// A click on a file in the list shows it.
    pub(crate) fn click(&mut self, at: Position) {
        let area = self.files.get();
        if area.contains(at) {
            let first = self.first_file(area.height);
            let file = self.diff.files().get(first + usize::from(at.y - area.y));
            if let Some(row) = file.map(|file| file.row) {
                self.stand_on(row);
            }
        }
    }

    /// The first file of the list, so that the one that is shown is in it.
    pub(super) fn first_file(&self, height: u16) -> usize {
        let half = usize::from(height) / 2;
        let last = self.diff.files().len().saturating_sub(usize::from(height));
        self.file().unwrap_or(0).saturating_sub(half).min(last)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Next,
    Previous,
}
