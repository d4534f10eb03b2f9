//! Moving over a log. Whatever moves away from the newest line stops the pane; coming back to it goes on.

use super::{Ask, By, Head, Jump, Number, Older, Pane, Place, Size, Stop, Top, Wrap};
use crate::console::keys::Motion;

/// How far one key moves sideways, in columns.
const SIDEWAYS: usize = 8;

impl Pane {
    /// Moves.
    pub(crate) fn go(&mut self, motion: Motion) -> Option<Ask> {
        let page = isize::try_from(self.size.get().rows.saturating_sub(1).max(1)).unwrap_or(1);
        match motion {
            Motion::Left => self.sideways(self.left.saturating_sub(SIDEWAYS)),
            Motion::Right => self.sideways(self.left + SIDEWAYS),
            _ if self.marks.is_some() => self.move_marks(motion),
            Motion::Up => self.scroll(-1),
            Motion::Down => self.scroll(1),
            Motion::PageUp => self.scroll(-page),
            Motion::PageDown => self.scroll(page),
            Motion::HalfUp => self.scroll(-(page / 2).max(1)),
            Motion::HalfDown => self.scroll((page / 2).max(1)),
            Motion::Top => self.go_to_beginning(),
            Motion::Bottom => {
                self.follow();
                None
            }
        }
    }

    /// Moves by rows; up where that is negative.
    pub(crate) fn scroll(&mut self, rows: isize) -> Option<Ask> {
        if !self.kept.is_empty() {
            return self.leave_kept();
        }
        let size = self.size.get();
        let (top, last) = (self.top(size), self.last_page(size));
        if rows < 0 {
            let up = self.up(top, rows.unsigned_abs(), size);
            self.stop_at(up);
            return self.older_wanted(Older::Asked);
        }
        let down = self.down(top, rows.unsigned_abs(), size);
        if down.order() < last.order() {
            if self.stop().is_some() {
                self.stop_at(down);
            }
            return None;
        }
        let moving = self.stop().is_some_and(|stop| stop.by == By::Moving);
        if moving && top.order() >= last.order() {
            self.follow();
        } else if self.stop().is_some() {
            self.stop_at(last);
        }
        None
    }

    /// Follows the newest line.
    pub(crate) fn follow(&mut self) {
        self.place = Place::Following;
        self.keep_none();
        self.marks = None;
        self.jump = Jump::Done;
    }

    /// Whether it does.
    pub(crate) fn is_following(&self) -> bool {
        self.place == Place::Following
    }

    /// Stops the picture, or lets it go on.
    pub(crate) fn freeze(&mut self) {
        match self.place {
            Place::Following => {
                self.stop_at(self.last_page(self.size.get()));
                let end = self.ring.end();
                if let Place::Stopped(stop) = &mut self.place {
                    (stop.by, stop.until) = (By::Freezing, Some(end));
                }
            }
            Place::Stopped(_) => self.follow(),
        }
    }

    /// Stands on `top`, and says from when on lines are new.
    pub(super) fn stop_at(&mut self, top: Top) {
        let evicted = self.ring.evicted();
        self.keep_none();
        match &mut self.place {
            Place::Following => {
                let since = self.ring.end();
                self.place = Place::Stopped(Stop { top, since, until: None, evicted, by: By::Moving });
            }
            Place::Stopped(stop) => (stop.top, stop.until, stop.evicted) = (top, None, evicted),
        }
    }

    /// The first line, with what is said of those before it.
    pub(super) fn beginning(&self) -> Top {
        let line = self.lens.first(&self.ring).unwrap_or(self.ring.first());
        Top { line, row: 0, head: Head::Seen }
    }

    fn go_to_beginning(&mut self) -> Option<Ask> {
        self.stop_at(self.beginning());
        self.older_wanted(Older::AskedForAll)
    }

    /// Asks for older lines where the first that is held is seen and there may be some.
    fn older_wanted(&mut self, how: Older) -> Option<Ask> {
        let at_first = self.stop().is_some_and(|stop| stop.top.head == Head::Seen);
        let may_be = matches!(self.older, Older::Unknown | Older::Asked);
        if !(at_first && may_be && self.ring.evicted() == 0 && self.ring.len() > 0) {
            return None;
        }
        let asked = std::mem::replace(&mut self.older, how) == Older::Asked;
        (!asked).then_some(Ask::Older)
    }

    /// The lines of the picture are gone from the ring: what moves it stands on the oldest line instead.
    fn leave_kept(&mut self) -> Option<Ask> {
        self.stop_at(self.beginning());
        Some(Ask::Say("the lines that were here are not held any more; these are the oldest".to_owned()))
    }

    fn up(&self, mut top: Top, mut rows: usize, size: Size) -> Top {
        while top.row < rows {
            rows -= top.row;
            match self.lens.last_before(top.line, &self.ring) {
                Some(line) => top = Top { row: self.count_of(line, size), ..Top::on(line) },
                None => return Top { row: 0, head: Head::Seen, ..top },
            }
        }
        Top { row: top.row - rows, ..top }
    }

    fn down(&self, mut top: Top, mut rows: usize, size: Size) -> Top {
        if top.head == Head::Seen && rows > 0 {
            top.head = Head::Above;
            rows -= 1;
        }
        loop {
            let count = self.count_of(top.line, size);
            if top.row + rows < count {
                return Top { row: top.row + rows, ..top };
            }
            match self.lens.at_or_after(top.line.plus(1), &self.ring) {
                Some(line) => {
                    rows -= count.saturating_sub(top.row).min(rows);
                    top = Top::on(line);
                }
                None => return Top { row: count - 1, ..top },
            }
        }
    }

    fn sideways(&mut self, left: usize) -> Option<Ask> {
        if self.wrap == Wrap::On {
            return Some(Ask::Say("lines are broken; W cuts them, then they move sideways".to_owned()));
        }
        let size = self.size.get();
        let widest = self.rows(size).iter().filter_map(|row| self.text_of(row)).map(crate::text::width).max();
        self.left = left.min(widest.unwrap_or(0).saturating_sub(1) / SIDEWAYS * SIDEWAYS);
        None
    }

    /// Moves so that the line is seen, and no more than it takes.
    pub(super) fn reveal(&mut self, number: Number, place: Reveal) {
        let size = self.size.get();
        if self.is_seen(number, size) {
            // It must not run away while the pane still follows.
            let top = self.top(size);
            if self.stop().is_none() {
                self.stop_at(top);
            }
            return;
        }
        let height = usize::from(size.rows);
        let above = match place {
            Reveal::Edge if number < self.top(size).line => 0,
            Reveal::Edge => height.saturating_sub(self.count_of(number, size)),
            Reveal::Third => height / 3,
        };
        let top = self.up(Top::on(number), above, size);
        let last = self.last_page(size);
        self.stop_at(if top.order() < last.order() { top } else { last });
    }

    /// Whether the line's first row is on the screen.
    pub(super) fn is_seen(&self, number: Number, size: Size) -> bool {
        self.seen(size).any(|seen| seen == number)
    }
}

/// Where a line comes to stand that was not on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reveal {
    /// At the edge that it came from.
    Edge,
    /// Below some of what stands before it.
    Third,
}
