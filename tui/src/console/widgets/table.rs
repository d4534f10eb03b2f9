//! A table whose columns give way: each says from which width on it is worth its place, one of them
//! takes what is left over. Only the rows that are shown are made.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::List;
use crate::console::theme::{Focus, Look};
use crate::output::Meaning;
use crate::text::{fit, pad, width};

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
            let here = (index == list.cursor()).then(|| look.theme.selected(self.focus));
            let y = body.y + u16::try_from(i).unwrap_or(u16::MAX);
            frame.render_widget(self.line(row(index), &widths, look, here), Rect { y, height: 1, ..body });
        }
    }

    /// Draws one line of cells that no cursor goes to, at the top of `area`.
    pub(crate) fn heading(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, cells: Vec<Cell>) {
        let line = self.line(cells, &self.widths(area.width), look, None);
        frame.render_widget(line, Rect { height: area.height.min(1), ..area });
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

    fn line(&self, cells: Vec<Cell>, widths: &[u16], look: &Look, here: Option<Style>) -> Line<'static> {
        let mut spans = Vec::with_capacity(cells.len() * 2);
        for ((cell, column), wide) in cells.into_iter().zip(self.columns).zip(widths) {
            let wide = usize::from(*wide);
            if wide == 0 {
                continue;
            }
            let text = match column.align {
                Align::Left => pad(&cell.text, wide),
                Align::Right => {
                    let text = fit(&cell.text, wide);
                    format!("{}{text}", " ".repeat(wide.saturating_sub(width(&text))))
                }
            };
            spans.push(Span::styled(text, look.style(cell.meaning)));
            spans.push(Span::raw(" "));
        }
        let line = Line::from(spans);
        here.map_or(line.clone(), |style| line.style(style))
    }
}
