//! How a diff looks: marks before the lines, so that no colour is needed; beside it, where there is room, the
//! files and the lines' numbers.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::pane::DiffPane;
use super::read::{Kind, Row};
use crate::console::logs::from_column;
use crate::console::theme::{Focus, Look};
use crate::console::widgets::rule_titled;
use crate::output::Meaning;
use crate::text::fit;

/// From this width on the files stand beside the rows, and each row has its numbers.
const WIDE: u16 = 100;
/// `12345 12345 `.
const NUMBERS: u16 = 12;

impl DiffPane {
    /// Draws the pane: its title in the first row, what changed below.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, focus: Focus) {
        rule_titled(frame, area, look, self.title(look), focus);
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let list = if body.width >= WIDE && self.diff().files().len() > 1 { body.width / 4 } else { 0 };
        let (files, rows) =
            (Rect { width: list, ..body }, Rect { x: body.x + list, width: body.width - list, ..body });
        if body.height == 0 {
            return;
        }
        self.files.set(files);
        self.rows.set(rows);
        self.draw_files(frame.buffer_mut(), files, look);
        self.draw_rows(frame.buffer_mut(), rows, look);
    }

    fn title(&self, look: &Look) -> Vec<Span<'static>> {
        let (added, removed) = self.diff().totals();
        let files = self.diff().files();
        let count = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
        let mut title = vec![Span::raw(format!("changes in {count} "))];
        title.extend(counts(added, removed, look));
        if let Some((at, file)) = self.file().and_then(|at| Some((at, files.get(at)?))) {
            title.push(Span::raw(format!("  {}/{} {}", at + 1, files.len(), file.path)));
        }
        if let (Some(pattern), Some((found, above))) = (self.pattern(), self.found()) {
            let text = format!("  /{} {above}/{found}", pattern.typed());
            title.push(Span::styled(text, look.style(Meaning::Busy)));
        }
        title
    }

    fn draw_files(&self, buffer: &mut Buffer, area: Rect, look: &Look) {
        if area.width == 0 {
            return;
        }
        let first = self.first_file(area.height);
        let shown = self.diff().files().iter().enumerate().skip(first);
        for (y, (index, file)) in (area.y..area.bottom()).zip(shown) {
            let counts = format!(" +{} -{}", file.added, file.removed);
            let room = usize::from(area.width).saturating_sub(counts.len() + 3);
            let here = if self.file() == Some(index) { look.glyphs.here() } else { " " };
            let text = format!("{here} {}{counts}", fit_end(&file.path, room));
            let style = if self.file() == Some(index) { look.style(Meaning::Strong) } else { Style::new() };
            buffer.set_stringn(area.x, y, text, usize::from(area.width - 1), style);
        }
        for y in area.y..area.bottom() {
            buffer.set_stringn(area.right() - 1, y, look.glyphs.bar(), 1, look.theme.furniture());
        }
    }

    fn draw_rows(&self, buffer: &mut Buffer, area: Rect, look: &Look) {
        if self.diff().is_empty() {
            buffer.set_stringn(
                area.x,
                area.y,
                "nothing changed",
                usize::from(area.width),
                look.style(Meaning::Faint),
            );
        }
        for (y, index) in (area.y..area.bottom()).zip(self.top()..) {
            let line = Rect { y, height: 1, ..area };
            match self.diff().row(index) {
                Some(row) => self.draw_row(buffer, line, &row, look),
                None if index == self.diff().len() && self.diff().left_out() > 0 => {
                    let text = format!("{} more lines are not shown", self.diff().left_out());
                    buffer.set_stringn(
                        line.x,
                        y,
                        text,
                        usize::from(line.width),
                        look.style(Meaning::Attention),
                    );
                }
                None => {}
            }
        }
    }

    fn draw_row(&self, buffer: &mut Buffer, mut area: Rect, row: &Row<'_>, look: &Look) {
        if self.files.get().width + area.width >= WIDE {
            let number = |number: u32| if number == 0 { String::new() } else { number.to_string() };
            if matches!(row.kind, Kind::Added | Kind::Removed | Kind::Same) {
                let numbers = format!("{:>5} {:>5} ", number(row.numbers.0), number(row.numbers.1));
                buffer.set_stringn(area.x, area.y, numbers, usize::from(NUMBERS), look.style(Meaning::Faint));
            }
            area = Rect { x: area.x + NUMBERS, width: area.width - NUMBERS, ..area };
        }
        let style = look.style(meaning(row.kind));
        let mut x = area.x;
        let mut put = |text: &str, style: Style| {
            let room = usize::from(area.right().saturating_sub(x));
            x = buffer.set_stringn(x, area.y, text, room, style).0;
        };
        put(&mark(row.kind, look), style);
        let part = match row.kind {
            Kind::File | Kind::Hunk => 0..row.text.len(),
            Kind::Note | Kind::Added | Kind::Removed | Kind::Same => from_column(row.text, self.left()),
        };
        let mut at = part.start;
        for place in self.pattern().into_iter().flat_map(|pattern| pattern.places(row.text)) {
            let (start, end) = (place.start.max(at), place.end);
            if start < end {
                put(&row.text[at..start], style);
                put(&row.text[start..end], style.patch(look.theme.found()));
                at = end;
            }
        }
        put(&row.text[at..], style);
    }
}

fn counts(added: usize, removed: usize, look: &Look) -> [Span<'static>; 2] {
    [
        Span::styled(format!("+{added} "), look.style(Meaning::Good)),
        Span::styled(format!("-{removed}"), look.style(Meaning::Bad)),
    ]
}

fn meaning(kind: Kind) -> Meaning {
    match kind {
        Kind::File => Meaning::Strong,
        Kind::Note => Meaning::Faint,
        Kind::Hunk => Meaning::Busy,
        Kind::Added => Meaning::Good,
        Kind::Removed => Meaning::Bad,
        Kind::Same => Meaning::Plain,
    }
}

fn mark(kind: Kind, look: &Look) -> String {
    match kind {
        Kind::File => format!("{} ", look.glyphs.dash().repeat(2)),
        Kind::Hunk => "@@ ".to_owned(),
        Kind::Added => "+ ".to_owned(),
        Kind::Removed => "- ".to_owned(),
        Kind::Note | Kind::Same => "  ".to_owned(),
    }
}

/// The end of a path says more than its beginning.
fn fit_end(path: &str, columns: usize) -> String {
    let turned: String = path.chars().rev().collect();
    fit(&turned, columns).chars().rev().collect()
}
