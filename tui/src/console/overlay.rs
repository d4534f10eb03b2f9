//! What lies over a view and takes the keys: a search line, the palette, the goal prompt, a question,
//! the keys, the lines of a command's answer.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::effect::{Effect, Outside};
use super::store::Store;
use super::theme::Look;
use super::typed::{Asked, Desk, Dialog, Keep, Order, Palette, Pane, Past, Prompt, Read, Typed, Written};
use super::widgets::Chrome;
use crate::output::Meaning;
use crate::text::width;

/// What lies over the view.
pub(crate) enum Overlay {
    /// A text to look for.
    Search(SearchLine),
    /// A command that is typed.
    Palette(Box<Palette>),
    /// A goal that is written.
    Prompt(Box<Prompt>),
    /// A question.
    Dialog(Dialog),
    /// What a command answered, or the keys and commands.
    Pane(Pane),
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
    /// This is to be done while it stays.
    Do(Vec<Effect>),
    /// It is done, and this was typed.
    Order(Order, Vec<Effect>),
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
    pub(crate) fn key(&mut self, key: KeyEvent, store: &Store, desk: &mut Desk) -> Reply {
        match self {
            Self::Search(line) => line.key(key),
            Self::Palette(palette) => match palette.key(key, &mut desk.commands, store) {
                Typed::Stay => Reply::Stay,
                Typed::Close => Reply::Close,
                Typed::Done(order, line, keep) => Reply::Order(order, kept(keep, Past::Commands, line)),
            },
            Self::Prompt(prompt) => {
                let written = prompt.key(key, &mut desk.goals);
                // Also what is handed over: it may be refused.
                desk.draft = prompt.draft();
                match written {
                    Written::Stay => Reply::Stay,
                    Written::Close => Reply::Close,
                    Written::Run(line, text, keep) => {
                        Reply::Order(Order::Run(line), kept(keep, Past::Goals, text))
                    }
                }
            }
            Self::Dialog(dialog) => answered(dialog.key(key)),
            Self::Pane(pane) => match pane.key(key) {
                Read::Stay => Reply::Stay,
                Read::Close => Reply::Close,
                Read::Copy(text) => Reply::Do(vec![Effect::Copy(text)]),
                Read::Pager(name, text) => Reply::Do(vec![Effect::Outside(Outside::Pager { name, text })]),
            },
        }
    }

    /// A text was pasted. It never does more than being typed.
    pub(crate) fn paste(&mut self, text: &str, store: &Store) -> Reply {
        match self {
            Self::Search(line) => {
                line.text.push_str(&crate::sanitize::line(text));
                return Reply::Search(Some(line.text.clone()));
            }
            Self::Palette(palette) => palette.paste(text, store),
            Self::Prompt(prompt) => prompt.paste(text),
            Self::Pane(pane) => pane.paste(text),
            Self::Dialog(_) => {}
        }
        Reply::Stay
    }

    /// The mouse did something on that screen.
    pub(crate) fn pointer(&mut self, mouse: MouseEvent, screen: Rect, store: &Store) -> Reply {
        let rows = match mouse.kind {
            MouseEventKind::ScrollDown => 3,
            MouseEventKind::ScrollUp => -3,
            MouseEventKind::Down(MouseButton::Left) => 0,
            _ => return Reply::Stay,
        };
        match self {
            Self::Search(_) | Self::Prompt(_) => Reply::Stay,
            Self::Pane(pane) => {
                pane.scroll(rows);
                Reply::Stay
            }
            Self::Dialog(dialog) if rows == 0 => {
                answered(dialog.click(Position::new(mouse.column, mouse.row), screen))
            }
            Self::Dialog(_) => Reply::Stay,
            Self::Palette(palette) => {
                if rows == 0
                    && let Some(row) = palette.row_at(mouse.row, Chrome::of(screen).said)
                {
                    palette.click(row, store);
                }
                Reply::Stay
            }
        }
    }

    /// The screen has that size now.
    pub(crate) fn fit(&mut self, screen: Rect) {
        match self {
            Self::Pane(pane) => pane.fit(screen.width),
            Self::Search(_) | Self::Palette(_) | Self::Prompt(_) | Self::Dialog(_) => {}
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, chrome: &Chrome, look: &Look) {
        match self {
            Self::Search(line) => draw_search(line, frame, chrome.said, look),
            Self::Palette(palette) => palette.draw(frame, chrome.said, look),
            Self::Prompt(prompt) => prompt.draw(frame, frame.area(), look),
            Self::Dialog(dialog) => dialog.draw(frame, frame.area(), look),
            Self::Pane(pane) => pane.draw(frame, frame.area(), look),
        }
    }
}

fn kept(keep: Keep, past: Past, text: String) -> Vec<Effect> {
    match keep {
        Keep::Yes => vec![Effect::Keep(past, text)],
        Keep::No => Vec::new(),
    }
}

fn answered(asked: Asked) -> Reply {
    match asked {
        Asked::Still => Reply::Stay,
        Asked::Answered => Reply::Close,
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
