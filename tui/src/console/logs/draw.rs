//! How a pane looks: a rule that says whose lines these are and how they are looked at, and the rows.

use std::ops::Range;

use codegod_protocol::task::TaskState;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use super::pane::{Beginning, Columns, GUTTER, Pane, Row, Size, thousands};
use super::record::{Level, Line};
use super::wrap;
use crate::console::theme::{Focus, Look};
use crate::console::views::show::time_of_day;
use crate::output::Meaning;
use crate::text::pad;

impl Pane {
    /// Draws the pane: its title in the first row, lines below.
    pub(crate) fn draw(&self, frame: &mut ratatui::Frame<'_>, area: Rect, look: &Look, focus: Focus) {
        crate::console::widgets::rule_titled(frame, area, look, self.title(look), focus);
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        self.draw_lines(frame.buffer_mut(), body, look);
    }

    /// Draws the lines only.
    pub(crate) fn draw_lines(&self, buffer: &mut Buffer, area: Rect, look: &Look) {
        let size = Size { columns: area.width, rows: area.height };
        self.note(area);
        let (rows, columns) = (self.rows(size), self.columns(size));
        if let Some(why) = self.why_empty(&rows) {
            return write(buffer, area, 0, &why, look.style(Meaning::Faint));
        }
        for (y, row) in (0..area.height).zip(&rows) {
            match row {
                Row::Head => {
                    let text = self.head_says().unwrap_or_default();
                    write(buffer, area, y, &text, look.style(Meaning::Faint));
                }
                Row::Gap => {
                    write(buffer, area, y, "what came next is not held any more", look.style(Meaning::Faint));
                }
                Row::Text { number, part, beginning } => {
                    if let Some(line) = self.line(*number) {
                        let row = Place { buffer, area, y, columns, look };
                        self.draw_line(row, &line, part, *beginning);
                    }
                }
            }
        }
    }

    fn draw_line(&self, mut row: Place<'_>, line: &Line<'_>, part: &Range<usize>, beginning: Beginning) {
        let look = row.look;
        if beginning == Beginning::Here {
            let (glyph, meaning) = level_glyph(line.level, look);
            let spot = if self.is_spot(line.number) { look.glyphs.here() } else { " " };
            row.put(0, spot, look.style(Meaning::Strong));
            row.put(1, glyph, look.style(meaning));
            if row.columns.time > 0 {
                row.put(GUTTER, &time_of_day(line.ms, look), look.style(Meaning::Faint));
            }
            if row.columns.agent > 0 {
                let name = author(line, row.columns.agent - 1);
                row.put(GUTTER + row.columns.time, &name, look.style(Meaning::Busy));
            }
        }
        let text = GUTTER + row.columns.time + row.columns.agent;
        self.draw_text(&mut row, text, line, part);
        if self.is_marked(line.number) {
            row.all(look.theme.selected(Focus::Here));
        }
    }

    /// The text, with what was looked for set off; more so on the spot.
    fn draw_text(&self, row: &mut Place<'_>, mut x: usize, line: &Line<'_>, part: &Range<usize>) {
        let style = row.look.style(level_meaning(line.level));
        let found = style.patch(row.look.theme.found());
        let found = if self.is_spot(line.number) { found.add_modifier(Modifier::REVERSED) } else { found };
        let end = part.start + wrap::fitting(&line.text[part.clone()], row.columns.text);
        let mut at = part.start;
        for place in self.places(line.text) {
            let (from, to) = (place.start.max(at), place.end.min(end));
            if from < to {
                x = row.put(x, &line.text[at..from], style);
                x = row.put(x, &line.text[from..to], found);
                at = to;
            }
        }
        x = row.put(x, &line.text[at..end], style);
        if end < part.end {
            row.put(x, "…", row.look.style(Meaning::Faint));
        }
    }

    fn title(&self, look: &Look) -> Vec<Span<'static>> {
        let mut words = vec![Span::raw(self.name().to_owned())];
        let mut add = |text: String, meaning: Meaning| {
            words.push(Span::styled(
                format!(" {} ", look.glyphs.task(TaskState::Waiting).0),
                look.theme.furniture(),
            ));
            words.push(Span::styled(text, look.style(meaning)));
        };
        match self.new_lines() {
            None => add("following".to_owned(), Meaning::Good),
            Some(0) => add(self.stopped_word().to_owned(), Meaning::Attention),
            Some(new) => {
                add(format!("{} +{} new", self.stopped_word(), thousands(new)), Meaning::Attention);
            }
        }
        for (text, meaning) in self.choices() {
            add(text, meaning);
        }
        words
    }
}

/// Where a row is drawn.
struct Place<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    y: u16,
    columns: Columns,
    look: &'a Look,
}

impl Place<'_> {
    /// Writes at a column of the row; returns the column after it. What has no room is not written.
    fn put(&mut self, column: usize, text: &str, style: Style) -> usize {
        let room = usize::from(self.area.width).saturating_sub(column);
        let x = self.area.x + u16::try_from(column).unwrap_or(u16::MAX).min(self.area.width);
        if room == 0 || text.is_empty() {
            return column;
        }
        let (end, _) = self.buffer.set_stringn(x, self.area.y + self.y, text, room, style);
        usize::from(end - self.area.x)
    }

    fn all(&mut self, style: Style) {
        let row = Rect { y: self.area.y + self.y, height: 1, ..self.area };
        self.buffer.set_style(row, style);
    }
}

fn write(buffer: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) {
    if y < area.height {
        buffer.set_stringn(area.x, area.y + y, text, usize::from(area.width), style);
    }
}

fn level_glyph(level: Level, look: &Look) -> (&'static str, Meaning) {
    match level {
        Level::Output => (" ", Meaning::Plain),
        Level::Info => (look.glyphs.task(TaskState::Waiting).0, Meaning::Faint),
        Level::Warning => ("!", Meaning::Attention),
        Level::Error => look.glyphs.task(TaskState::Failed),
    }
}

fn level_meaning(level: Level) -> Meaning {
    match level {
        Level::Output => Meaning::Plain,
        Level::Info => Meaning::Strong,
        Level::Warning => Meaning::Attention,
        Level::Error => Meaning::Bad,
    }
}

/// The whole name, or the role where that is all there is room for.
fn author(line: &Line<'_>, columns: usize) -> String {
    let name = line.agent.to_string();
    if name.len() <= columns { name } else { pad(line.agent.role().name(), columns) }
}
