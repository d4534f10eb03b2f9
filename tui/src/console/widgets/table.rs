//! A table whose columns give way: each says from which width on it is worth its place, one of them
//! takes what is left over. Only the rows that are shown are made.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::List;
use crate::console::theme::{Focus, Look};
use crate::output::Meaning;
use crate::text::{fit, width};

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// At the left.
    Left,
    /// At the right, for numbers and durations.
    Right,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) title: &'static str,
    /// Its width; 0 for the one that takes what is left over.
    pub(crate) width: u16,
    /// The width of the whole table from which on it is shown.
    pub(crate) from: u16,
    /// Where its text stands.
    pub(crate) align: Align,
}

impl Column {
    /// A column of a fixed width.
    pub(crate) const fn left(title: &'static str, width: u16, from: u16) -> Self {
        Self { title, width, from, align: Align::Left }
    }
    /// A column of numbers.
    pub(crate) const fn right(title: &'static str, width: u16, from: u16) -> Self {
        Self { title, width, from, align: Align::Right }
    }
    /// The column that takes what is left over.
    pub(crate) const fn rest(title: &'static str) -> Self {
        Self { title, width: 0, from: 0, align: Align::Left }
    }
}

/// One cell: printable text and what it means.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    meaning: Meaning,
}

impl Cell {
    /// A cell.
    pub(crate) fn new(meaning: Meaning, text: impl Into<String>) -> Self {
        Self { text: text.into(), meaning }
    }
    /// A cell of plain text.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(Meaning::Plain, text)
    }
    /// A cell of less important text.
    pub(crate) fn faint(text: impl Into<String>) -> Self {
        Self::new(Meaning::Faint, text)
    }
}

/// A table about to be drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    /// Its columns.
    pub(crate) columns: &'a [Column],
    /// Whether it has a line of headings.
    pub(crate) head: bool,
    /// Whether the keys go to it.
    pub(crate) focus: Focus,
}

impl Table<'_> {
    /// Draws the rows around the cursor; `row` makes the cells of one, in the order of the columns.
    pub(crate) fn draw<K: Clone + PartialEq>(
        &self,
        frame: &mut Frame<'_>,
        area: Rect,
        look: &Look,
        list: &List<K>,
        len: usize,
        row: impl Fn(usize) -> Vec<Cell>,
    ) {
        let widths = self.widths(area.width);
        let mut body = area;
        if self.head && area.height > 1 {
            let titles = self.columns.iter().map(|column| Cell::faint(column.title)).collect();
            self.heading(frame, area, look, titles);
            body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        }
        for (i, index) in list.window(body, len).enumerate() {
            let y = body.y + u16::try_from(i).unwrap_or(u16::MAX);
            let place = Rect { y, height: 1, ..body };
            self.line(frame, place, row(index), &widths, look);
            if index == list.cursor() {
                frame.buffer_mut().set_style(place, look.theme.selected(self.focus));
            }
        }
    }

    /// Draws one line of cells that no cursor goes to, at the top of `area`.
    pub(crate) fn heading(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, cells: Vec<Cell>) {
        if area.height > 0 {
            self.line(frame, area, cells, &self.widths(area.width), look);
        }
    }

    /// The width of each column, 0 for those that are left out.
    fn widths(&self, total: u16) -> Vec<u16> {
        let shown = |column: &Column| column.from <= total;
        let fixed: u16 = self.columns.iter().filter(|c| shown(c) && c.width > 0).map(|c| c.width + 1).sum();
        let rest = total.saturating_sub(fixed);
        self.columns
            .iter()
            .map(|column| match (shown(column), column.width) {
                (false, _) => 0,
                (true, 0) => rest,
                (true, width) => width,
            })
            .collect()
    }

    /// Draws cells, each in its own place: a text of a width that nobody agrees on moves no other.
    fn line(&self, frame: &mut Frame<'_>, area: Rect, cells: Vec<Cell>, widths: &[u16], look: &Look) {
        let mut x = area.x;
        for ((cell, column), wide) in cells.into_iter().zip(self.columns).zip(widths) {
            let wide = (*wide).min(area.right().saturating_sub(x));
            if wide == 0 {
                continue;
            }
            let columns = usize::from(wide);
            let text = match column.align {
                Align::Left => fit(&cell.text, columns),
                Align::Right => {
                    let text = fit(&cell.text, columns);
                    format!("{}{text}", " ".repeat(columns.saturating_sub(width(&text))))
                }
            };
            frame.buffer_mut().set_stringn(x, area.y, text, columns, look.style(cell.meaning));
            x += wide + 1;
        }
    }
}
