//! A field of one line, edited as in a shell.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Modifier, Style};
use tui_textarea::{CursorMove, TextArea};

use crate::sanitize;

/// The field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    area: TextArea<'static>,
}

/// Whether a key changed the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// It did.
    Changed,
    /// It did not.
    Same,
}

impl Field {
    /// A field that holds a text, the cursor at its end.
    pub(super) fn new(text: &str) -> Self {
        let mut area = TextArea::new(vec![one_line(text)]);
        area.set_cursor_line_style(Style::new());
        area.set_cursor_style(Style::new().add_modifier(Modifier::REVERSED));
        area.move_cursor(CursorMove::End);
        Self { area }
    }

    /// The text.
    pub(super) fn text(&self) -> &str {
        self.area.lines().first().map(String::as_str).unwrap_or_default()
    }

    /// The text up to the cursor, and what follows.
    pub(super) fn around(&self) -> (&str, &str) {
        let text = self.text();
        let at = text.char_indices().nth(self.area.cursor().1).map_or(text.len(), |(at, _)| at);
        text.split_at(at)
    }

    /// Puts another text there, the cursor behind its first `before` bytes.
    pub(super) fn set(&mut self, text: &str, before: usize) {
        let column = text.get(..before).map_or(usize::MAX, |before| before.chars().count());
        let mut field = Self::new(text);
        field.area.move_cursor(CursorMove::Jump(0, u16::try_from(column).unwrap_or(u16::MAX)));
        self.area = field.area;
    }

    /// Puts another text there, the cursor at its end.
    pub(super) fn replace(&mut self, text: &str) {
        *self = Self::new(text);
    }

    /// A key that edits or moves; others do nothing.
    pub(super) fn key(&mut self, key: KeyEvent) -> Edit {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let changed = match key.code {
            KeyCode::Enter | KeyCode::Tab | KeyCode::BackTab | KeyCode::Up | KeyCode::Down | KeyCode::Esc => {
                false
            }
            KeyCode::Char('u') if ctrl => self.area.delete_line_by_head(),
            KeyCode::Char('j' | 'm' | 'n' | 'p' | 'r' | 'v' | 'y') if ctrl => false,
            KeyCode::Char(letter) if sanitize::line(&format!("{letter}.")) == "." => false,
            _ => self.area.input(key),
        };
        if changed { Edit::Changed } else { Edit::Same }
    }

    /// A text was pasted; its line breaks become blanks.
    pub(super) fn paste(&mut self, text: &str) -> Edit {
        if self.area.insert_str(one_line(text)) { Edit::Changed } else { Edit::Same }
    }

    /// The same field, to be drawn with or without its cursor.
    pub(super) fn shown(&self, cursor: Cursor) -> TextArea<'static> {
        let mut area = self.area.clone();
        if cursor == Cursor::Hidden {
            area.set_cursor_style(Style::new());
        }
        area
    }
}

/// Whether a field shows its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor {
    /// The keys go there.
    Shown,
    /// They go elsewhere.
    Hidden,
}

/// Keeps blanks at the end: they were typed.
fn one_line(text: &str) -> String {
    let blanks = text.chars().rev().take_while(|c| *c == ' ').count();
    let mut clean = sanitize::line(text);
    clean.extend(std::iter::repeat_n(' ', blanks));
    clean
}
