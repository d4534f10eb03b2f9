//! The line behind `:`: what is typed, what can follow it, what was typed before.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::complete::{Completion, Known, complete};
use super::field::{Cursor, Edit, Field};
use super::history::{History, Keep};
use super::table::{self, Order, Refused};
use crate::console::theme::{Focus, Look};
use crate::output::Meaning;
use crate::text::{fit, pad, width, wrapped};

/// How many candidates are shown at most.
const SHOWN: u16 = 10;
/// How many rows a refusal takes at most.
const NOTES: u16 = 3;

/// The palette.
#[derive(Debug)]
pub(crate) struct Palette {
    field: Field,
    completion: Completion,
    /// The chosen candidate, and the line as it was typed.
    chosen: Option<(usize, String)>,
    refused: Option<String>,
}

/// What a key led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    /// It goes on.
    Stay,
    /// It is closed.
    Close,
    /// It is closed, this is to be done, and the line may be worth keeping.
    Done(Order, String, Keep),
}

impl Palette {
    /// A palette with a text typed.
    pub(crate) fn new(text: &str, known: &dyn Known) -> Self {
        let mut palette =
            Self { field: Field::new(text), completion: Completion::default(), chosen: None, refused: None };
        palette.edited(known);
        palette
    }

    /// A key was pressed.
    pub(crate) fn key(&mut self, key: KeyEvent, history: &mut History, known: &dyn Known) -> Typed {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return self.escape(known),
            KeyCode::Char('c' | 'g') if ctrl => return Typed::Close,
            KeyCode::Backspace if self.field.text().is_empty() => return Typed::Close,
            KeyCode::Enter => return self.enter(history),
            KeyCode::Tab => self.tab(known),
            KeyCode::BackTab => self.choose(Step::Back),
            KeyCode::Char('p') if ctrl => self.back(history, known),
            KeyCode::Char('n') if ctrl => self.forth(history, known),
            KeyCode::Up if self.walks(history) => self.back(history, known),
            KeyCode::Down if history.is_walking() => self.forth(history, known),
            KeyCode::Up => self.choose(Step::Back),
            KeyCode::Down => self.choose(Step::Forth),
            _ => {
                if self.field.key(key) == Edit::Changed {
                    history.rest();
                    self.edited(known);
                }
            }
        }
        Typed::Stay
    }

    /// A text was pasted: it never runs by itself.
    pub(crate) fn paste(&mut self, text: &str, known: &dyn Known) {
        if self.field.paste(text) == Edit::Changed {
            self.edited(known);
        }
    }

    /// The wheel turned, or a row was clicked.
    pub(crate) fn click(&mut self, row: usize, known: &dyn Known) {
        if let Some(index) = (row < self.completion.candidates.len()).then_some(row) {
            let typed = self.typed();
            self.insert(index, &typed);
            self.edited(known);
        }
    }

    /// With nothing typed, or on a walk already, the arrows walk through what was typed before.
    fn walks(&self, history: &History) -> bool {
        history.is_walking() || (self.field.text().is_empty() && self.chosen.is_none())
    }

    fn edited(&mut self, known: &dyn Known) {
        self.chosen = None;
        self.refused = None;
        self.completion = complete(self.field.around().0, known);
    }

    /// Takes a chosen candidate back first; then closes.
    fn escape(&mut self, known: &dyn Known) -> Typed {
        let Some((_, typed)) = self.chosen.take() else { return Typed::Close };
        self.field.replace(&typed);
        self.edited(known);
        Typed::Stay
    }

    fn enter(&mut self, history: &mut History) -> Typed {
        let line = self.field.text().to_owned();
        if line.trim().is_empty() {
            return Typed::Close;
        }
        match table::order(line.trim()) {
            Ok(order) => {
                // A blank before it says that it is not to be kept.
                let keep = history.add(line.trim_end());
                Typed::Done(order, line.trim().to_owned(), keep)
            }
            Err(Refused(why)) => {
                history.rest();
                self.refused = Some(why);
                Typed::Stay
            }
        }
    }

    fn back(&mut self, history: &mut History, known: &dyn Known) {
        if let Some(line) = history.back(self.field.text()).map(str::to_owned) {
            self.field.replace(&line);
            self.edited(known);
        }
    }

    fn forth(&mut self, history: &mut History, known: &dyn Known) {
        if let Some(line) = history.forth() {
            self.field.replace(&line);
            self.edited(known);
        }
    }

    /// Types what all candidates have in common; where that is nothing, goes from one to the next.
    fn tab(&mut self, known: &dyn Known) {
        let words = || self.completion.candidates.iter().map(|candidate| candidate.word.as_str());
        let typed = self.field.around().0.get(self.completion.start..).unwrap_or_default();
        if self.chosen.is_none() && self.completion.candidates.len() == 1 {
            let before = self.typed();
            self.insert(0, &before);
            return self.edited(known);
        }
        let common = common(words());
        if self.chosen.is_none() && common.len() > typed.len() && common.starts_with(typed) {
            let (before, after) = self.field.around();
            let kept = before.get(..self.completion.start).unwrap_or_default();
            let (line, cursor) = (format!("{kept}{common}{after}"), kept.len() + common.len());
            self.field.set(&line, cursor);
            return self.edited(known);
        }
        self.choose(Step::Forth);
    }

    /// The line as the person typed it, without a candidate.
    fn typed(&self) -> String {
        self.chosen.as_ref().map_or_else(|| self.field.text().to_owned(), |(_, typed)| typed.clone())
    }

    fn choose(&mut self, step: Step) {
        let count = self.completion.candidates.len();
        if count == 0 {
            return;
        }
        let next = match (&self.chosen, step) {
            (None, Step::Forth) => 0,
            (None, Step::Back) => count - 1,
            (Some((at, _)), Step::Forth) => (at + 1) % count,
            (Some((at, _)), Step::Back) => (at + count - 1) % count,
        };
        let typed = self.typed();
        self.insert(next, &typed);
        self.chosen = Some((next, typed));
        self.refused = None;
    }

    /// Types a candidate in place of the word at the cursor.
    fn insert(&mut self, index: usize, typed: &str) {
        let Some(candidate) = self.completion.candidates.get(index) else { return };
        let kept = typed.get(..self.completion.start).unwrap_or_default();
        let after = self.field.around().1.trim_start();
        let line = format!("{kept}{} {after}", candidate.word);
        self.field.set(&line, line.len() - after.len());
    }

    /// Which candidates are shown in so many rows: the chosen one among them.
    fn window(&self, rows: usize) -> std::ops::Range<usize> {
        let count = self.completion.candidates.len();
        let chosen = self.chosen.as_ref().map_or(0, |(at, _)| *at);
        let first = chosen.saturating_sub(rows.saturating_sub(1)).min(count);
        first..count.min(first + rows)
    }

    /// Which candidate stands at that row of a screen whose palette line is `line`.
    pub(crate) fn row_at(&self, row: u16, line: Rect) -> Option<usize> {
        let shown = self.window(usize::from(rows(line, self.completion.candidates.len())));
        let from_below = usize::from(line.y.checked_sub(row)?).checked_sub(1 + self.notes(line.width))?;
        let index = shown.end.checked_sub(1 + from_below)?;
        shown.contains(&index).then_some(index)
    }

    /// How many rows between the line and the candidates say something.
    fn notes(&self, columns: u16) -> usize {
        self.note(columns).map_or(0, |(_, lines)| lines.len())
    }

    /// Draws the line at `line`, and above it what can follow.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, line: Rect, look: &Look) {
        let mut row = line;
        frame.render_widget(Clear, row);
        frame.render_widget(Span::styled(":", look.style(Meaning::Strong)), Rect { width: 1, ..row });
        let field = Rect { x: row.x + 1, width: row.width.saturating_sub(1), ..row };
        frame.render_widget(&self.field.shown(Cursor::Shown), field);
        if let Some((meaning, lines)) = self.note(row.width) {
            for text in lines.into_iter().rev() {
                row.y = row.y.saturating_sub(1);
                frame.render_widget(Clear, row);
                frame.render_widget(Line::styled(text, look.style(meaning)), row);
            }
        }
        let shown = self.window(usize::from(rows(line, self.completion.candidates.len())));
        let names = self.completion.candidates.get(shown.clone()).unwrap_or_default();
        let wide = names.iter().map(|candidate| width(&candidate.word)).max().unwrap_or(0).min(30);
        for index in shown.rev() {
            row.y = row.y.saturating_sub(1);
            frame.render_widget(Clear, row);
            frame.render_widget(self.row(index, wide, row.width, look), row);
        }
    }

    fn row(&self, index: usize, wide: usize, columns: u16, look: &Look) -> Line<'static> {
        let Some(candidate) = self.completion.candidates.get(index) else { return Line::default() };
        let is_chosen = self.chosen.as_ref().is_some_and(|(at, _)| *at == index);
        let mark = if is_chosen { look.glyphs.here() } else { " " };
        let name = format!("{mark}{}  ", pad(&candidate.word, wide));
        let about = fit(&candidate.about, usize::from(columns).saturating_sub(width(&name)));
        if is_chosen {
            let text = pad(&format!("{name}{about}"), usize::from(columns));
            return Line::styled(text, look.theme.selected(Focus::Here));
        }
        Line::from(vec![Span::raw(name), Span::styled(about, look.style(Meaning::Faint))])
    }

    /// Why the line was refused, else what is expected at the cursor.
    fn note(&self, columns: u16) -> Option<(Meaning, Vec<String>)> {
        let columns = usize::from(columns);
        if let Some(why) = &self.refused {
            let mut lines = wrapped(&format!("! {why}"), columns);
            lines.truncate(usize::from(NOTES));
            return Some((Meaning::Bad, lines));
        }
        let (name, about) = self.completion.expected.as_ref()?;
        Some((Meaning::Busy, vec![fit(&format!("{name}: {about}"), columns)]))
    }
}

/// How many rows above the line may show candidates: never those of head and names of the views.
fn rows(line: Rect, candidates: usize) -> u16 {
    let room = line.y.saturating_sub(3 + NOTES);
    room.min(SHOWN).min(u16::try_from(candidates).unwrap_or(u16::MAX))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Forth,
    Back,
}

/// What all begin with.
fn common<'a>(mut words: impl Iterator<Item = &'a str>) -> &'a str {
    let Some(mut common) = words.next() else { return "" };
    for word in words {
        let same = common.char_indices().zip(word.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
        common = &common[..same.unwrap_or(common.len().min(word.len()))];
    }
    common
}
