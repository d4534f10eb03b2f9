//! A text to read: passages, broken to the width of the screen, scrolled as one and looked through. Only the
//! rows that are shown are made; where they begin is found out once for a text and a width.

mod passage;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::console::keys::{Action, Motion};
use crate::console::logs::Pattern;
use crate::console::theme::Look;

pub(crate) use passage::Passage;

/// A text and where a person reads in it.
#[derive(Debug, Default)]
pub(crate) struct Page {
    passages: Vec<Passage>,
    /// The first row that is shown.
    top: usize,
    looked_for: Option<Search>,
    /// Written by drawing.
    layout: RefCell<Layout>,
    area: Cell<Rect>,
}

/// A search and the passages that have it.
#[derive(Debug)]
struct Search {
    pattern: Pattern,
    found: Vec<usize>,
}

/// Which part of which passage each row shows.
#[derive(Debug, Default)]
struct Layout {
    columns: Option<u16>,
    rows: Vec<(usize, Range<usize>)>,
}

impl Page {
    /// Shows a text in place of the one before, which it goes on from: a reader keeps the place, at the end of
    /// it also when more is added.
    pub(crate) fn show(&mut self, passages: Vec<Passage>) {
        if passages == self.passages {
            return;
        }
        let height = usize::from(self.area.get().height);
        let at_end = self.top > 0 && self.top + height >= self.layout.borrow().rows.len();
        self.passages = passages;
        self.lay_out_anew();
        if at_end {
            self.stand_on(usize::MAX);
        }
        if let Some(search) = self.looked_for.take() {
            self.look_for(search.pattern);
        }
    }

    /// Shows another text from its beginning.
    pub(crate) fn begin(&mut self, passages: Vec<Passage>) {
        (self.top, self.looked_for) = (0, None);
        self.passages = passages;
        self.lay_out_anew();
    }

    /// Everything as plain text, what is off the screen included.
    pub(crate) fn plain(&self) -> String {
        self.passages.iter().map(|passage| passage.plain() + "\n").collect()
    }

    /// What is looked for: the text, and in how many passages it stands.
    pub(crate) fn search_state(&self) -> Option<(&str, usize)> {
        self.looked_for.as_ref().map(|search| (search.pattern.typed(), search.found.len()))
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
        let page = usize::from(self.area.get().height).max(2) - 1;
        match motion {
            Motion::Up => self.stand_on(self.top().saturating_sub(1)),
            Motion::Down => self.stand_on(self.top() + 1),
            Motion::PageUp => self.stand_on(self.top().saturating_sub(page)),
            Motion::PageDown => self.stand_on(self.top() + page),
            Motion::HalfUp => self.stand_on(self.top().saturating_sub(page / 2)),
            Motion::HalfDown => self.stand_on(self.top() + page / 2),
            Motion::Top => self.stand_on(0),
            Motion::Bottom => self.stand_on(usize::MAX),
            // Nothing is cut off at the sides.
            Motion::Left | Motion::Right => {}
        }
    }

    /// Moves by rows; up where that is negative.
    pub(crate) fn scroll(&mut self, rows: isize) {
        self.stand_on(self.top().saturating_add_signed(rows));
    }

    fn stand_on(&mut self, row: usize) {
        self.lay_out(self.area.get().width);
        self.top = row.min(self.last_top());
    }

    /// The first row when the last ones are shown.
    fn last_top(&self) -> usize {
        self.layout.borrow().rows.len().saturating_sub(usize::from(self.area.get().height).max(1))
    }

    /// The first row that is shown; after the screen grew there may be fewer below than there were.
    fn top(&self) -> usize {
        self.top.min(self.last_top())
    }

    /// Looks for a text; none takes the search away. What is no regular expression yet finds nothing.
    pub(crate) fn search(&mut self, typed: Option<&str>) {
        self.looked_for = None;
        if let Ok(Some(pattern)) = Pattern::search(typed.unwrap_or_default()) {
            self.look_for(pattern);
            self.reveal(Step::Here);
        }
    }

    fn look_for(&mut self, pattern: Pattern) {
        let passages = self.passages.iter().enumerate();
        let found = passages.filter(|(_, one)| pattern.takes(one.text())).map(|(at, _)| at).collect();
        self.looked_for = Some(Search { pattern, found });
    }

    fn step(&mut self, step: Step) -> Option<&'static str> {
        match &self.looked_for {
            None => Some("nothing is looked for: press /"),
            Some(search) if search.found.is_empty() => Some("not found"),
            Some(_) => self.reveal(step),
        }
    }

    /// Goes to a passage that has what is looked for.
    fn reveal(&mut self, step: Step) -> Option<&'static str> {
        self.lay_out(self.area.get().width);
        let here = self.layout.borrow().rows.get(self.top()).map_or(0, |(passage, _)| *passage);
        let found = &self.looked_for.as_ref()?.found;
        let next = match step {
            Step::Here => found.iter().find(|at| **at >= here).or(found.first()),
            Step::Next => found.iter().find(|at| **at > here),
            Step::Previous => found.iter().rev().find(|at| **at < here),
        };
        let next = next.copied();
        let Some(row) = next.and_then(|next| self.first_row(next)) else {
            return Some("there are no more that way");
        };
        let before = self.top();
        self.stand_on(row);
        let moved = self.top() != before || step == Step::Here;
        (!moved).then_some("there are no more that way")
    }

    fn first_row(&self, passage: usize) -> Option<usize> {
        let layout = self.layout.borrow();
        let row = layout.rows.partition_point(|(at, _)| *at < passage);
        (row < layout.rows.len()).then_some(row)
    }

    fn lay_out_anew(&mut self) {
        self.layout.borrow_mut().columns = None;
    }

    /// Finds out which rows there are, unless that is known.
    fn lay_out(&self, columns: u16) {
        let mut layout = self.layout.borrow_mut();
        if layout.columns == Some(columns) {
            return;
        }
        let rows = self.passages.iter().enumerate();
        let rows =
            rows.flat_map(|(at, one)| one.rows(usize::from(columns)).into_iter().map(move |r| (at, r)));
        *layout = Layout { columns: Some(columns), rows: rows.collect() };
    }

    /// Where it was drawn.
    pub(crate) fn area(&self) -> Rect {
        self.area.get()
    }

    /// How much of it is above the screen, and how many rows there are.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.top(), self.layout.borrow().rows.len())
    }

    /// Draws the rows that are to be seen.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look) {
        self.area.set(area);
        self.lay_out(area.width);
        let layout = self.layout.borrow();
        let shown = layout.rows.iter().skip(self.top());
        for (y, (passage, part)) in (area.y..area.bottom()).zip(shown) {
            let Some(passage) = self.passages.get(*passage) else { continue };
            let search = self.looked_for.as_ref();
            let found: Vec<_> = search.iter().flat_map(|one| one.pattern.places(passage.text())).collect();
            let line = passage.line(part, &found, look);
            frame.render_widget(line, Rect { y, height: 1, ..area });
        }
    }
}

/// Where to go among what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// To the first that is not above.
    Here,
    Next,
    Previous,
}
