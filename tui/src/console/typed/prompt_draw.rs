//! How the field for a goal is drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};

use super::field::Cursor;
use super::prompt::{Part, Prompt};
use crate::console::theme::{Focus, Look};
use crate::output::Meaning;
use crate::text::wrapped;

/// The widest that the field gets.
const WIDEST: u16 = 100;
/// The most rows that a goal is shown in; a longer one scrolls.
const MOST_ROWS: u16 = 16;
/// The rows around the goal's text: borders, folder, priority, what is wrong, keys.
const FURNITURE: u16 = 8;
/// Where the values of the lower fields begin.
const LABEL: u16 = 12;

impl Prompt {
    fn place(&self, screen: Rect) -> Rect {
        let width = screen.width.saturating_sub(4).min(WIDEST);
        let inner = usize::from(width.saturating_sub(4));
        let rows: usize = self.goal.lines().iter().map(|line| wrapped(line, inner).len()).sum();
        let wanted = u16::try_from(rows).unwrap_or(u16::MAX).clamp(3, MOST_ROWS);
        let height = (wanted + FURNITURE).min(screen.height);
        Rect {
            x: screen.x + (screen.width - width) / 2,
            y: screen.y + (screen.height - height) / 2,
            width,
            height,
        }
    }

    /// Draws it in the middle of the screen.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, screen: Rect, look: &Look) {
        let area = self.place(screen);
        frame.render_widget(Clear, area);
        let block = Block::bordered()
            .border_set(look.glyphs.border())
            .border_style(look.style(Meaning::Busy))
            .title(Span::styled(" New goal: what is to be built or mended? ", look.style(Meaning::Strong)));
        frame.render_widget(block, area);
        let row = |from_below: u16| Rect {
            x: area.x + 2,
            y: area.bottom().saturating_sub(from_below),
            width: area.width.saturating_sub(4),
            height: 1,
        };
        let text = Rect { y: area.y + 1, height: area.height.saturating_sub(FURNITURE - 1), ..row(0) };
        let mut goal = self.goal.clone();
        if self.part != Part::Goal {
            goal.set_cursor_style(Style::new());
        }
        frame.render_widget(&goal, text);
        self.folder_row(frame, row(6), look);
        self.priority_row(frame, row(5), look);
        if let Some(refused) = &self.refused {
            frame.render_widget(Line::styled(format!("! {refused}"), look.style(Meaning::Bad)), row(4));
        }
        let keys = [
            "enter sends it  alt-enter new line  tab next field",
            "ctrl-p earlier goals  esc closes, the text is kept",
        ];
        for (text, from_below) in keys.into_iter().zip([3, 2]) {
            frame.render_widget(Line::styled(text, look.theme.furniture()), row(from_below));
        }
    }

    fn label(&self, frame: &mut Frame<'_>, row: Rect, look: &Look, label: &'static str, part: Part) -> Rect {
        let style = if self.part == part { look.theme.selected(Focus::Here) } else { look.theme.furniture() };
        frame.render_widget(Span::styled(label, style), Rect { width: LABEL.min(row.width), ..row });
        Rect { x: row.x + LABEL, width: row.width.saturating_sub(LABEL), ..row }
    }

    fn folder_row(&self, frame: &mut Frame<'_>, row: Rect, look: &Look) {
        let value = self.label(frame, row, look, "Folder", Part::Folder);
        if self.folder.text().is_empty() && self.part != Part::Folder {
            let text = "none: the result is a new folder";
            return frame.render_widget(Line::styled(text, look.style(Meaning::Faint)), value);
        }
        let cursor = if self.part == Part::Folder { Cursor::Shown } else { Cursor::Hidden };
        frame.render_widget(&self.folder.shown(cursor), value);
    }

    fn priority_row(&self, frame: &mut Frame<'_>, row: Rect, look: &Look) {
        let value = self.label(frame, row, look, "Priority", Part::Priority);
        let line = Line::from(vec![
            Span::styled(format!("{:<4}", self.priority), look.style(Meaning::Strong)),
            Span::styled("1 last, 10 first; left and right", look.style(Meaning::Faint)),
        ]);
        frame.render_widget(line, value);
    }
}
