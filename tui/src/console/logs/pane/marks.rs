//! Marking lines, and the text of what is marked.

use super::motion::Reveal;
use super::picture::Row;
use super::{Ask, Number, Pane, Place, Size};
use crate::console::keys::Motion;

/// Lines that are marked: from where it began to where the cursor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    from: Number,
    cursor: Number,
    /// Where the pane stood before; it returns to following.
    before: Place,
}

impl Marks {
    fn range(&self) -> std::ops::RangeInclusive<Number> {
        self.from.min(self.cursor)..=self.from.max(self.cursor)
    }
}

impl Pane {
    /// Begins to mark lines, or stops it.
    pub(super) fn toggle_marks(&mut self) -> Option<Ask> {
        if self.marks.is_some() {
            self.end_marks();
            return None;
        }
        let size = self.size.get();
        let spot = self.spot.filter(|spot| self.is_seen(*spot, size));
        let start = spot.or_else(|| self.seen(size).last())?;
        let before = self.place;
        self.reveal(start, Reveal::Edge);
        self.marks = Some(Marks { from: start, cursor: start, before });
        Some(Ask::Say("move to mark lines; y copies them, esc lets go".to_owned()))
    }

    /// Marks nothing any more; a pane that followed goes on following.
    pub(super) fn end_marks(&mut self) {
        if self.marks.take().is_some_and(|marks| marks.before == Place::Following) {
            self.follow();
        }
    }

    pub(super) fn move_marks(&mut self, motion: Motion) -> Option<Ask> {
        let cursor = self.marks.as_ref()?.cursor;
        let page = usize::from(self.size.get().rows.saturating_sub(1).max(1));
        let moved = match motion {
            Motion::Up => self.lines_up(cursor, 1),
            Motion::Down => self.lines_down(cursor, 1),
            Motion::PageUp => self.lines_up(cursor, page),
            Motion::PageDown => self.lines_down(cursor, page),
            Motion::HalfUp => self.lines_up(cursor, page / 2),
            Motion::HalfDown => self.lines_down(cursor, page / 2),
            Motion::Top => self.lens.first(&self.ring).unwrap_or(cursor),
            Motion::Bottom => self.lens.last(&self.ring).unwrap_or(cursor),
            Motion::Left | Motion::Right => cursor,
        };
        self.mark_to(moved);
        None
    }

    /// Marks up to that line.
    pub(super) fn mark_to(&mut self, number: Number) {
        if let Some(marks) = &mut self.marks {
            marks.cursor = number;
            self.reveal(number, Reveal::Edge);
        }
    }

    fn lines_up(&self, from: Number, lines: usize) -> Number {
        (0..lines).fold(from, |at, _| self.lens.last_before(at, &self.ring).unwrap_or(at))
    }

    fn lines_down(&self, from: Number, lines: usize) -> Number {
        (0..lines).fold(from, |at, _| self.lens.at_or_after(at.plus(1), &self.ring).unwrap_or(at))
    }

    /// Whether the line is marked.
    pub(in crate::console::logs) fn is_marked(&self, number: Number) -> bool {
        self.marks.as_ref().is_some_and(|marks| marks.range().contains(&number))
    }

    /// How many lines are marked, while they are.
    pub(super) fn marked(&self) -> Option<u64> {
        let range = self.marks.as_ref()?.range();
        let after = self.lens.count_from(range.end().plus(1), &self.ring);
        Some((self.lens.count_from(*range.start(), &self.ring) - after).max(1))
    }

    /// What is copied: the marked lines, else the line that was jumped to, else what is on the screen.
    pub(crate) fn copied(&self) -> Option<String> {
        let size = self.size.get();
        if let Some(marks) = &self.marks {
            return self.text_between(*marks.range().start(), *marks.range().end());
        }
        if let Some(spot) = self.spot.filter(|spot| self.is_seen(*spot, size)) {
            return self.text_between(spot, spot);
        }
        let texts: Vec<_> = self.seen(size).filter_map(|number| self.line(number)).map(|l| l.text).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    fn text_between(&self, first: Number, last: Number) -> Option<String> {
        let kept = self.kept.iter().map(|kept| kept.line().number).filter(|n| (first..=last).contains(n));
        let mut texts: Vec<_> = kept.filter_map(|number| self.line(number)).map(|line| line.text).collect();
        let mut next = self.lens.at_or_after(first, &self.ring);
        while let Some(number) = next.filter(|number| *number <= last) {
            texts.extend(self.ring.line(number).map(|line| line.text));
            next = self.lens.at_or_after(number.plus(1), &self.ring);
        }
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// All lines that are shown, with their times and authors, for a file or another program.
    pub(crate) fn text(&self) -> String {
        let mut text = self.missing_before().map_or_else(String::new, |missing| format!("[{missing}]\n"));
        let mut next = self.lens.first(&self.ring);
        while let Some(line) = next.and_then(|number| self.ring.line(number)) {
            let task = line.task.map(|task| format!(" {task}")).unwrap_or_default();
            text.push_str(&format!(
                "{} {}{task} {}: {}\n",
                stamp(line.ms),
                line.agent,
                line.level,
                line.text
            ));
            next = self.lens.at_or_after(line.number.plus(1), &self.ring);
        }
        text
    }

    /// The lines whose first row is on the screen.
    pub(super) fn seen(&self, size: Size) -> impl Iterator<Item = Number> {
        let mut numbers: Vec<_> = self.rows(size).iter().filter_map(Row::number).collect();
        numbers.dedup();
        numbers.into_iter()
    }

    pub(super) fn text_of(&self, row: &Row) -> Option<&str> {
        self.line(row.number()?).map(|line| line.text)
    }
}

impl Row {
    /// The line that it shows.
    pub(in crate::console::logs) fn number(&self) -> Option<Number> {
        match self {
            Self::Head | Self::Gap => None,
            Self::Text { number, .. } => Some(*number),
        }
    }
}

/// `2026-11-21T17:41:07Z`.
fn stamp(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or_default();
    time::OffsetDateTime::from_unix_timestamp(seconds).map_or_else(
        |_| "-".to_owned(),
        |at| {
            let (date, time) = (at.date(), at.time());
            format!(
                "{}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                date.year(),
                u8::from(date.month()),
                date.day(),
                time.hour(),
                time.minute(),
                time.second()
            )
        },
    )
}
