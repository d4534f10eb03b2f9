//! Lines over the whole view: what a command answered, or the keys and commands. They scroll, break where
//! the screen ends, and `/` leaves only those with a text.

use std::cell::Cell;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::Clear;

use super::field::{Cursor, Edit, Field};
use crate::console::theme::{Focus, Look};
use crate::console::widgets::rule;
use crate::output::{Line, Meaning};
use crate::text::wrapped;

/// The most lines that are kept; a command that says more is better read in a pager.
const KEPT: usize = 100_000;

/// The lines.
#[derive(Debug)]
pub(crate) struct Pane {
    title: String,
    lines: Vec<Line>,
    /// How many rows stand above the screen.
    top: usize,
    find: Find,
    /// The rows for the width and the text to find that they were made for.
    rows: Vec<(Meaning, String)>,
    made_for: u16,
    /// How many rows the screen showed last.
    page: Cell<u16>,
}

/// Whether a text is looked for.
#[derive(Debug)]
enum Find {
    Nothing,
    Typing(Box<Field>),
    For(String),
}

/// What a key led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// It goes on.
    Stay,
    /// It is closed.
    Close,
    /// The text is to be copied.
    Copy(String),
    /// The text is to be shown in a pager under that name.
    Pager(String, String),
}

impl Pane {
    /// A pane of that title.
    pub(crate) fn new(title: impl Into<String>, mut lines: Vec<Line>) -> Self {
        lines.truncate(KEPT);
        let mut pane = Self {
            title: title.into(),
            lines,
            top: 0,
            find: Find::Nothing,
            rows: Vec::new(),
            made_for: 80,
            page: Cell::new(10),
        };
        pane.lay();
        pane
    }

    /// A pane that says how a command is used.
    pub(crate) fn usage(text: &str) -> Self {
        let lines = text.lines().map(|line| Line::new(Meaning::Plain, line)).collect();
        Self::new("How it is used", lines)
    }

    /// The screen has that many columns now.
    pub(crate) fn fit(&mut self, columns: u16) {
        if columns != self.made_for {
            self.made_for = columns;
            self.lay();
        }
    }

    fn lay(&mut self) {
        let wanted = self.wanted().to_lowercase();
        let columns = usize::from(self.made_for.saturating_sub(1));
        self.rows.clear();
        for line in
            self.lines.iter().filter(|line| wanted.is_empty() || line.text.to_lowercase().contains(&wanted))
        {
            self.rows.extend(wrapped(&line.text, columns).into_iter().map(|text| (line.meaning, text)));
        }
        self.top = self.top.min(self.rows.len().saturating_sub(1));
    }

    fn wanted(&self) -> &str {
        match &self.find {
            Find::Nothing => "",
            Find::Typing(field) => field.text(),
            Find::For(text) => text,
        }
    }

    /// All lines as text.
    fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{}\n", line.text)).collect()
    }

    /// A key was pressed.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Read {
        if matches!(self.find, Find::Typing(_)) {
            self.type_key(key);
            return Read::Stay;
        }
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let page = isize::try_from(self.page.get()).unwrap_or(1).max(1);
        match key.code {
            KeyCode::Char('c') if ctrl => return Read::Close,
            KeyCode::Esc if !self.wanted().is_empty() => self.look_for(Find::Nothing),
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?') => return Read::Close,
            KeyCode::Char('y') => return Read::Copy(self.text()),
            KeyCode::Char('o') => return Read::Pager(self.title.clone(), self.text()),
            KeyCode::Char('/') => self.look_for(Find::Typing(Box::new(Field::new("")))),
            KeyCode::Char('d') if ctrl => self.scroll(page / 2),
            KeyCode::Char('u') if ctrl => self.scroll(-page / 2),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll(page),
            KeyCode::Char('f') if ctrl => self.scroll(page),
            KeyCode::PageUp => self.scroll(-page),
            KeyCode::Char('b') if ctrl => self.scroll(-page),
            KeyCode::Down | KeyCode::Char('j') => self.scroll(1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll(-1),
            KeyCode::Home | KeyCode::Char('g') => self.top = 0,
            KeyCode::End | KeyCode::Char('G') => self.scroll(isize::MAX),
            _ => {}
        }
        Read::Stay
    }

    fn type_key(&mut self, key: KeyEvent) {
        let Find::Typing(field) = &mut self.find else { return };
        match key.code {
            KeyCode::Esc => self.look_for(Find::Nothing),
            KeyCode::Enter => {
                let text = field.text().to_owned();
                self.look_for(Find::For(text));
            }
            _ => {
                if field.key(key) == Edit::Changed {
                    self.top = 0;
                    self.lay();
                }
            }
        }
    }

    fn look_for(&mut self, find: Find) {
        self.find = find;
        self.top = 0;
        self.lay();
    }

    /// A text was pasted into the search.
    pub(crate) fn paste(&mut self, text: &str) {
        if let Find::Typing(field) = &mut self.find {
            field.paste(text);
            self.lay();
        }
    }

    /// Goes so many rows down, or up where negative.
    pub(crate) fn scroll(&mut self, rows: isize) {
        let last = self.rows.len().saturating_sub(usize::from(self.page.get()));
        self.top = self.top.saturating_add_signed(rows).min(last);
    }

    /// Draws it over the view.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look) {
        frame.render_widget(Clear, area);
        rule(frame, area, look, &self.title, Focus::Here);
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
        self.page.set(body.height);
        let shown = self.rows.iter().skip(self.top).take(usize::from(body.height));
        for (y, (meaning, text)) in (body.y..body.bottom()).zip(shown) {
            frame.render_widget(
                Row::styled(format!(" {text}"), look.style(*meaning)),
                Rect { y, height: 1, ..body },
            );
        }
        self.foot(frame, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, look);
    }

    fn foot(&self, frame: &mut Frame<'_>, area: Rect, look: &Look) {
        let place = match self.rows.len() {
            0 => "no line with that text".to_owned(),
            rows => {
                format!("{}–{} of {rows}", self.top + 1, rows.min(self.top + usize::from(self.page.get())))
            }
        };
        if let Find::Typing(field) = &self.find {
            frame.render_widget(Span::raw("/"), Rect { width: 1, ..area });
            frame.render_widget(
                &field.shown(Cursor::Shown),
                Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area },
            );
            return;
        }
        let only =
            if self.wanted().is_empty() { String::new() } else { format!("only {:?}  ", self.wanted()) };
        let text = format!(" {only}{place}  esc closes  / finds  y copies  o pager");
        frame.render_widget(Row::styled(text, look.theme.furniture()), area);
    }
}
