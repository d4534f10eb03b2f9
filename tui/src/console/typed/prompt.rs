//! The field for a goal: as many lines as it takes, a folder, a priority. A paste never hands anything
//! over, and what was written is still there after esc.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Modifier, Style};
use tui_textarea::{CursorMove, TextArea, WrapMode};

use codegod_protocol::goal::MAX_GOAL_BYTES;

use super::field::Field;
use super::history::{History, Keep};
use super::words::quote;
use crate::sanitize;

/// The priority that a goal has unless somebody says more.
const PRIORITY: u8 = 5;

/// What was written and not handed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    text: String,
    folder: String,
    priority: Option<u8>,
}

/// Where the keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The goal.
    Goal,
    /// The folder.
    Folder,
    /// The priority.
    Priority,
}

/// The field.
#[derive(Debug)]
pub(crate) struct Prompt {
    pub(super) goal: TextArea<'static>,
    pub(super) folder: Field,
    pub(super) priority: u8,
    pub(super) part: Part,
    pub(super) refused: Option<String>,
}

/// What a key led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// It goes on.
    Stay,
    /// It is closed; the draft is kept.
    Close,
    /// This line is to be run; the goal's text may be worth keeping.
    Run(String, String, Keep),
}

impl Prompt {
    /// A field that goes on with a draft.
    pub(crate) fn new(draft: &Draft) -> Self {
        Self {
            goal: area(&draft.text),
            folder: Field::new(&draft.folder),
            priority: draft.priority.unwrap_or(PRIORITY),
            part: Part::Goal,
            refused: None,
        }
    }

    /// What is written.
    pub(crate) fn draft(&self) -> Draft {
        Draft {
            text: self.text(),
            folder: self.folder.text().to_owned(),
            priority: (self.priority != PRIORITY).then_some(self.priority),
        }
    }

    fn text(&self) -> String {
        self.goal.lines().join("\n")
    }

    /// A key was pressed.
    pub(crate) fn key(&mut self, key: KeyEvent, history: &mut History) -> Written {
        let (ctrl, alt) =
            (key.modifiers.contains(KeyModifiers::CONTROL), key.modifiers.contains(KeyModifiers::ALT));
        let shift = key.modifiers.contains(KeyModifiers::SHIFT);
        self.refused = None;
        match key.code {
            KeyCode::Esc => return Written::Close,
            KeyCode::Char('c') if ctrl => return Written::Close,
            KeyCode::Enter if self.part == Part::Goal && (alt || ctrl || shift) => self.goal.insert_newline(),
            KeyCode::Char('j') if ctrl && self.part == Part::Goal => self.goal.insert_newline(),
            KeyCode::Enter => return self.enter(history),
            KeyCode::Tab => self.part = self.next(),
            KeyCode::BackTab => self.part = self.before(),
            KeyCode::Char('p') if ctrl => self.walk(history, Past::Back),
            KeyCode::Char('n') if ctrl => self.walk(history, Past::Forth),
            _ => match self.part {
                Part::Goal => self.goal_key(key, history),
                Part::Folder => {
                    self.folder.key(key);
                }
                Part::Priority => self.priority_key(key.code),
            },
        }
        Written::Stay
    }

    /// A text was pasted: one edit, and never more than that.
    pub(crate) fn paste(&mut self, text: &str) {
        self.refused = None;
        match self.part {
            Part::Goal | Part::Priority => {
                self.part = Part::Goal;
                let lines: Vec<String> =
                    text.split('\n').map(|line| sanitize::line(line.trim_end_matches('\r'))).collect();
                self.goal.insert_str(lines.join("\n"));
            }
            Part::Folder => {
                self.folder.paste(text.trim());
            }
        }
    }

    /// The arrows move within the text; at its ends they walk through earlier goals while nothing else is
    /// written.
    fn goal_key(&mut self, key: KeyEvent, history: &mut History) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let walks = history.is_walking() || self.goal.is_empty();
        match key.code {
            KeyCode::Up if walks && self.goal.cursor().0 == 0 => self.walk(history, Past::Back),
            KeyCode::Down if walks && self.goal.cursor().0 + 1 >= self.goal.lines().len() => {
                self.walk(history, Past::Forth);
            }
            KeyCode::Char('u') if ctrl => {
                self.goal.delete_line_by_head();
            }
            KeyCode::Char(letter) if !ctrl && sanitize::line(&format!("{letter}.")) == "." => {}
            KeyCode::Char('m') if ctrl => {}
            _ => {
                if self.goal.input(key) {
                    history.rest();
                }
            }
        }
    }

    fn priority_key(&mut self, code: KeyCode) {
        match code {
            KeyCode::Left | KeyCode::Down | KeyCode::Char('-' | 'h' | 'j') => {
                self.priority = (self.priority - 1).max(1)
            }
            KeyCode::Right | KeyCode::Up | KeyCode::Char('+' | '=' | 'l' | 'k') => {
                self.priority = (self.priority + 1).min(10);
            }
            KeyCode::Char('0') => self.priority = 10,
            KeyCode::Char(digit) => {
                if let Some(number) = digit.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
                    self.priority = number;
                }
            }
            _ => {}
        }
    }

    fn walk(&mut self, history: &mut History, to: Past) {
        let text = match to {
            Past::Back => history.back(&self.text()).map(str::to_owned),
            Past::Forth => history.forth(),
        };
        if let Some(text) = text {
            self.goal = area(&text);
            self.part = Part::Goal;
        }
    }

    fn next(&self) -> Part {
        match self.part {
            Part::Goal => Part::Folder,
            Part::Folder => Part::Priority,
            Part::Priority => Part::Goal,
        }
    }

    fn before(&self) -> Part {
        match self.part {
            Part::Goal => Part::Priority,
            Part::Folder => Part::Goal,
            Part::Priority => Part::Folder,
        }
    }

    /// Hands the goal over, unless something is to be said about it first.
    fn enter(&mut self, history: &mut History) -> Written {
        let text = self.text();
        // A blank before it says that it is not to be kept.
        let text = text.trim_start_matches('\n').trim_end();
        if text.trim().is_empty() {
            self.part = Part::Goal;
            self.refused = Some("say what is to be built or mended, in a sentence".to_owned());
            return Written::Stay;
        }
        if text.len() > MAX_GOAL_BYTES {
            self.refused = Some(format!("that is longer than {MAX_GOAL_BYTES} bytes, which is the limit"));
            return Written::Stay;
        }
        let mut line = "build".to_owned();
        if self.priority != PRIORITY {
            line.push_str(&format!(" --priority {}", self.priority));
        }
        let folder = self.folder.text().trim();
        if !folder.is_empty() {
            line.push_str(&format!(" --in={}", folder_word(folder)));
        }
        line.push_str(&format!(" -- {}", quote(text.trim())));
        Written::Run(line, text.to_owned(), history.add(text))
    }
}

/// A folder as a person writes it: `~/` at its beginning stands for the home.
fn folder_word(folder: &str) -> String {
    match (folder.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => quote(&format!("{home}/{rest}")),
        _ => quote(folder),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    Back,
    Forth,
}

fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.set_cursor_line_style(Style::new());
    area.set_cursor_style(Style::new().add_modifier(Modifier::REVERSED));
    area.set_placeholder_text("Build a Flask + React app");
    area.set_placeholder_style(Style::new().add_modifier(Modifier::DIM));
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}
