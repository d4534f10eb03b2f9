//! What lies over a view and takes the keys: a search line, the palette, the goal prompt, a question,
//! the keys, the lines of a command's answer.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::effect::Effect;
use super::store::Store;
use super::theme::Look;
use super::widgets::Chrome;
use crate::output::Meaning;
use crate::text::width;

/// What lies over the view.
pub(crate) enum Overlay {
    /// A text to look for.
    Search(SearchLine),
}

/// What an overlay answers to a key.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It goes on.
    Stay,
    /// It is done.
    Close,
    /// The view is to look for this; nothing takes the search away.
    Search(Option<String>),
    /// It is done, and this is to be done.
    CloseAnd(Vec<Effect>),
    /// This is to be done while it stays.
    Do(Vec<Effect>),
}

/// A text to look for, as it is typed. The view follows each letter.
#[derive(Debug)]
pub(crate) struct SearchLine {
    prompt: &'static str,
    text: String,
}

impl SearchLine {
    fn key(&mut self, key: KeyEvent) -> Reply {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Reply::Close,
            KeyCode::Esc => return Reply::Search(None),
            KeyCode::Char('c') if ctrl => return Reply::Search(None),
            KeyCode::Char('u') if ctrl => self.text.clear(),
            KeyCode::Backspace => {
                self.text.pop();
            }
            KeyCode::Char(letter) if !ctrl => self.text.push(letter),
            _ => return Reply::Stay,
        }
        Reply::Search(Some(self.text.clone()))
    }
}

impl Overlay {
    /// A line for a text to look for, after `prompt`; `text` is what is looked for already.
    pub(crate) fn search(prompt: &'static str, text: String) -> Self {
        Self::Search(SearchLine { prompt, text })
    }

    /// A key was pressed.
    pub(crate) fn key(&mut self, key: KeyEvent, _store: &Store, _look: &Look) -> Reply {
        match self {
            Self::Search(line) => line.key(key),
        }
    }

    /// A text was pasted.
    pub(crate) fn paste(&mut self, text: &str, _store: &Store) -> Reply {
        match self {
            Self::Search(line) => {
                line.text.push_str(&crate::sanitize::line(text));
                Reply::Search(Some(line.text.clone()))
            }
        }
    }

    /// The mouse did something.
    pub(crate) fn pointer(&mut self, _mouse: MouseEvent, _store: &Store) -> Reply {
        match self {
            Self::Search(_) => Reply::Stay,
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, chrome: &Chrome, look: &Look, _store: &Store) {
        match self {
            Self::Search(line) => draw_search(line, frame, chrome.said, look),
        }
    }
}

fn draw_search(line: &SearchLine, frame: &mut Frame<'_>, area: Rect, look: &Look) {
    frame.buffer_mut().set_style(area, ratatui::style::Style::reset());
    let text = format!("{}{}", line.prompt, line.text);
    let column = u16::try_from(width(&text)).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    let shown = vec![
        Span::raw(text),
        Span::styled("   enter keeps it, esc takes it away", look.style(Meaning::Faint)),
    ];
    frame.render_widget(ratatui::widgets::Clear, area);
    frame.render_widget(Line::from(shown), area);
    frame.set_cursor_position(Position::new(area.x + column, area.y));
}
