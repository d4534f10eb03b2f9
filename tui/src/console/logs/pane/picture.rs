//! Which rows a pane shows: found from where it stands, at the cost of the rows on the screen.

use std::ops::Range;

use super::{Authors, Cut, Head, Line, Number, Older, Pane, Place, Size, Stop, Times, Top, Wrap};
use crate::console::logs::wrap;

/// A row of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::console::logs) enum Row {
    /// What is said of the lines before the first.
    Head,
    /// What came next is gone.
    Gap,
    /// A line, or a part of it.
    Text {
        /// Which line.
        number: Number,
        /// Which part of its text.
        part: Range<usize>,
        /// Whether it is the line's first row.
        beginning: Beginning,
    },
}

/// Whether a row is its line's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console::logs) enum Beginning {
    /// It is: time and agent stand beside it.
    Here,
    /// It goes on from the row before.
    Before,
}

/// How a row is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console::logs) struct Columns {
    /// For the time.
    pub(in crate::console::logs) time: usize,
    /// For the agent.
    pub(in crate::console::logs) agent: usize,
    /// For the text.
    pub(in crate::console::logs) text: usize,
}

/// Marks at the beginning of each row: whether it is the spot, and how bad it is; and a space.
pub(in crate::console::logs) const GUTTER: usize = 3;
/// `12:41:07` and a space.
const TIME: usize = 9;
/// `frontend-7k2m9q` and a space.
const AGENT: usize = 16;
/// `frontend` and a space.
const ROLE: usize = 9;

impl Pane {
    /// How a row is shared out: on a narrow screen the agent gives way to its role, then to nothing.
    pub(in crate::console::logs) fn columns(&self, size: Size) -> Columns {
        let time = if self.times == Times::Shown { TIME } else { 0 };
        let agent = match (self.authors, size.columns) {
            (Authors::One, _) | (_, ..70) => 0,
            (Authors::Many, 70..100) => ROLE,
            (Authors::Many, 100..) => AGENT,
        };
        let text = usize::from(size.columns).saturating_sub(GUTTER + time + agent).max(2);
        Columns { time, agent, text }
    }

    /// The rows that are seen.
    pub(in crate::console::logs) fn rows(&self, size: Size) -> Vec<Row> {
        match &self.place {
            Place::Following => self.rows_from(self.last_page(size), None, size),
            Place::Stopped(stop) => self.rows_from(self.shown(stop.top), Some(stop), size),
        }
    }

    fn rows_from(&self, top: Top, stop: Option<&Stop>, size: Size) -> Vec<Row> {
        let height = usize::from(size.rows);
        let mut rows = Vec::with_capacity(height + 1);
        if top.head == Head::Seen && self.head_says().is_some() {
            rows.push(Row::Head);
        }
        for kept in &self.kept {
            self.add(&kept.line(), top, size, &mut rows);
        }
        if self.kept_cut == Cut::Yes {
            rows.push(Row::Gap);
            rows.truncate(height);
            return rows;
        }
        let after_kept = self.kept.last().map(|kept| kept.line().number.plus(1));
        let next = |from| {
            let next = self.lens.at_or_after(from, &self.ring);
            next.filter(|next| stop.is_none_or(|stop| stop.has(*next)))
        };
        let mut number = next(after_kept.unwrap_or(top.line));
        while let Some(line) = number.filter(|_| rows.len() < height).and_then(|it| self.ring.line(it)) {
            self.add(&line, top, size, &mut rows);
            number = next(line.number.plus(1));
        }
        rows.truncate(height);
        rows
    }

    /// Adds the rows of a line.
    fn add(&self, line: &Line<'_>, top: Top, size: Size, rows: &mut Vec<Row>) {
        let skip = if line.number == top.line { top.row } else { 0 };
        for (index, part) in self.parts(line, size).into_iter().enumerate().skip(skip) {
            let beginning = if index == 0 { Beginning::Here } else { Beginning::Before };
            rows.push(Row::Text { number: line.number, part, beginning });
        }
    }

    fn parts(&self, line: &Line<'_>, size: Size) -> Vec<Range<usize>> {
        match self.wrap {
            Wrap::On => wrap::rows(line.text, self.columns(size).text),
            Wrap::Off => vec![wrap::from_column(line.text, self.left)],
        }
    }

    /// How many rows a line takes.
    pub(super) fn count(&self, line: &Line<'_>, size: Size) -> usize {
        match self.wrap {
            Wrap::On => wrap::count(line.text, self.columns(size).text),
            Wrap::Off => 1,
        }
    }

    pub(super) fn count_of(&self, number: Number, size: Size) -> usize {
        self.ring.line(number).map_or(1, |line| self.count(&line, size))
    }

    /// Where the pane stands when its last row is the newest line's.
    pub(super) fn last_page(&self, size: Size) -> Top {
        let mut room = usize::from(size.rows).max(1);
        let mut top = Top { line: self.ring.first(), row: 0, head: Head::Seen };
        let mut before = self.ring.end();
        while let Some(number) = self.lens.last_before(before, &self.ring) {
            let rows = self.count_of(number, size);
            if rows >= room {
                return Top { line: number, row: rows - room, head: Head::Above };
            }
            room -= rows;
            before = number;
            top.line = number;
        }
        top
    }

    /// Where it stands.
    pub(super) fn top(&self, size: Size) -> Top {
        match &self.place {
            Place::Following => self.last_page(size),
            Place::Stopped(stop) => self.shown(stop.top),
        }
    }

    /// The same place on a line that is shown and held. While lines are kept, the picture is theirs.
    fn shown(&self, top: Top) -> Top {
        if !self.kept.is_empty() {
            return top;
        }
        match self.lens.at_or_after(top.line, &self.ring) {
            Some(line) if line == top.line => top,
            Some(line) => Top { head: top.head, ..Top::on(line) },
            None => self.lens.last(&self.ring).map_or(top, Top::on),
        }
    }

    /// What a file is told of lines that are missing at its beginning.
    pub(super) fn missing_before(&self) -> Option<&'static str> {
        let may_be = self.older != Older::Beginning && self.ring.len() > 0;
        (may_be || self.ring.evicted() > 0).then_some("earlier lines were not read; codegod logs shows them")
    }

    /// What is said of the lines before the first; nothing where nothing is known.
    pub(in crate::console::logs) fn head_says(&self) -> Option<String> {
        let evicted = self.stop().map_or(self.ring.evicted(), |stop| stop.evicted);
        if evicted > 0 {
            let lines = thousands(evicted);
            return Some(format!("{lines} earlier lines are not held here; codegod logs shows them"));
        }
        let says = match self.older {
            Older::Unknown if self.ring.len() == 0 => return None,
            Older::Unknown => "g reads earlier lines",
            Older::Asked | Older::AskedForAll => "reading earlier lines …",
            Older::Beginning => "the log begins here",
            Older::NoRoom => "earlier lines find no room here; codegod logs shows them",
        };
        Some(says.to_owned())
    }
}

/// A number with spaces between its thousands.
pub(in crate::console::logs) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
