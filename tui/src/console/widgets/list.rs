//! A cursor over rows. It holds on to the row's key, not to its number: rows come and go above it and
//! the cursor stays on what the person chose.

use std::cell::Cell;
use std::ops::Range;

use ratatui::layout::{Position, Rect};

use crate::console::keys::Motion;

/// A cursor over rows with keys of type `K`, and which of them the last picture showed.
#[derive(Debug, Clone)]
pub(crate) struct List<K> {
    cursor: usize,
    held: Option<K>,
    /// Written by drawing: the first row shown, and where the rows were.
    offset: Cell<usize>,
    area: Cell<Rect>,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self { cursor: 0, held: None, offset: Cell::new(0), area: Cell::default() }
    }
}

impl<K: Clone + PartialEq> List<K> {
    /// The number of the row under the cursor.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// The key of the row under the cursor.
    pub(crate) fn held(&self) -> Option<&K> {
        self.held.as_ref()
    }

    /// Puts the cursor on a row whose key is known.
    pub(crate) fn put(&mut self, row: usize, key: K) {
        (self.cursor, self.held) = (row, Some(key));
    }

    /// Puts the cursor on the row with that key, when it is there.
    pub(crate) fn hold(&mut self, key: K) {
        self.held = Some(key);
    }

    /// The rows changed: the cursor follows its row, or stays where that one was. Cheap while the row did
    /// not move.
    pub(crate) fn settle(&mut self, len: usize, key: impl Fn(usize) -> K) {
        if len == 0 {
            self.cursor = 0;
            return;
        }
        let last = len - 1;
        if let Some(held) = &self.held {
            let stays = self.cursor <= last && key(self.cursor) == *held;
            if !stays && let Some(found) = (0..len).find(|row| key(*row) == *held) {
                self.cursor = found;
            }
        }
        self.cursor = self.cursor.min(last);
        self.held = Some(key(self.cursor));
    }

    /// The same for rows whose keys grow from the first to the last: the row is found by halving.
    pub(crate) fn settle_sorted(&mut self, len: usize, key: impl Fn(usize) -> K)
    where
        K: Ord,
    {
        if let Some(held) = &self.held {
            let (mut from, mut to) = (0, len);
            while from < to {
                let middle = usize::midpoint(from, to);
                if key(middle) < *held { from = middle + 1 } else { to = middle }
            }
            self.cursor = from;
        }
        self.cursor = self.cursor.min(len.saturating_sub(1));
        self.held = (len > 0).then(|| key(self.cursor));
    }

    /// Moves the cursor over `len` rows. Returns whether the motion was one of rows.
    pub(crate) fn go(&mut self, motion: Motion, len: usize, key: impl Fn(usize) -> K) -> bool {
        let page = usize::from(self.area.get().height).max(2);
        let last = len.saturating_sub(1);
        self.cursor = match motion {
            Motion::Up => self.cursor.saturating_sub(1),
            Motion::Down => self.cursor + 1,
            Motion::PageUp => self.cursor.saturating_sub(page - 1),
            Motion::PageDown => self.cursor + page - 1,
            Motion::HalfUp => self.cursor.saturating_sub(page / 2),
            Motion::HalfDown => self.cursor + page / 2,
            Motion::Top => 0,
            Motion::Bottom => last,
            Motion::Left | Motion::Right => return false,
        }
        .min(last);
        self.held = (len > 0).then(|| key(self.cursor));
        true
    }

    /// Puts the cursor on the row that was drawn there. Returns whether there is one.
    pub(crate) fn click(&mut self, at: Position, len: usize, key: impl Fn(usize) -> K) -> bool {
        let area = self.area.get();
        let row = self.offset.get() + usize::from(at.y.saturating_sub(area.y));
        if !area.contains(at) || row >= len {
            return false;
        }
        self.cursor = row;
        self.held = Some(key(row));
        true
    }

    /// Where the rows were drawn.
    pub(crate) fn area(&self) -> Rect {
        self.area.get()
    }

    /// Which rows to draw into `area`: the cursor's among them, moved no further than that takes.
    pub(crate) fn window(&self, area: Rect, len: usize) -> Range<usize> {
        self.area.set(area);
        let height = usize::from(area.height);
        if height == 0 {
            return 0..0;
        }
        let earliest = (self.cursor + 1).saturating_sub(height);
        let full = len.saturating_sub(height);
        let offset = self.offset.get().clamp(earliest, self.cursor.max(earliest)).min(full.max(earliest));
        self.offset.set(offset);
        offset..len.min(offset + height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(cursor: usize, len: usize) -> List<usize> {
        let mut list = List::default();
        list.hold(cursor);
        list.settle(len, |row| row);
        list
    }

    #[test]
    fn the_cursor_stays_on_its_row_when_others_come_and_go() {
        let mut list = List::default();
        let before = ["a", "b", "c"];
        list.settle(3, |row| before[row]);
        list.go(Motion::Down, 3, |row| before[row]);
        let after = ["x", "a", "y", "b"];
        list.settle(4, |row| after[row]);
        assert_eq!((list.cursor(), list.held()), (3, Some(&"b")));
        let gone = ["a", "y"];
        list.settle(2, |row| gone[row]);
        assert_eq!((list.cursor(), list.held()), (1, Some(&"y")));
        list.settle(0, |_| "");
        assert_eq!(list.cursor(), 0);
    }

    #[test]
    fn the_window_follows_the_cursor_and_wastes_no_rows() {
        let area = Rect::new(0, 0, 10, 4);
        let mut list = list(0, 10);
        assert_eq!(list.window(area, 10), 0..4);
        list.go(Motion::Bottom, 10, |row| row);
        assert_eq!(list.window(area, 10), 6..10);
        list.go(Motion::Up, 10, |row| row);
        assert_eq!(list.window(area, 10), 6..10);
        list.go(Motion::Top, 10, |row| row);
        assert_eq!(list.window(area, 10), 0..4);
        list.go(Motion::Bottom, 10, |row| row);
        list.window(area, 10);
        list.settle(5, |row| row);
        assert_eq!(list.window(area, 5), 1..5);
    }

    #[test]
    fn a_click_chooses_the_row_under_it() {
        let mut list = list(9, 10);
        list.window(Rect::new(2, 3, 10, 4), 10);
        assert!(list.click(Position::new(5, 4), 10, |row| row));
        assert_eq!(list.cursor(), 7);
        assert!(!list.click(Position::new(5, 9), 10, |row| row));
    }
}
