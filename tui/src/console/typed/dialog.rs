//! A question before something is done: it names exactly what would be done, and the answer that is under
//! the cursor when it opens is No.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear};

use crate::console::theme::{Focus, Look};
use crate::output::{Answer, Meaning, Question};
use crate::text::{width, wrapped};

/// The widest that a question gets; longer lines are hard to read.
const WIDEST: u16 = 72;
const BUTTONS: [(Answer, &str, &str); 2] =
    [(Answer::No, "  No  ", "[ No ]"), (Answer::Yes, "  Yes  ", "[ Yes ]")];

/// The question, with the answer under the cursor.
#[derive(Debug)]
pub(crate) struct Dialog {
    text: String,
    answer: Option<tokio::sync::oneshot::Sender<Answer>>,
    focus: Answer,
}

/// Whether the question is still asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is.
    Still,
    /// It was answered.
    Answered,
}

impl Dialog {
    /// Asks the question.
    pub(crate) fn new(question: Question) -> Self {
        Self { text: question.text, answer: Some(question.answer), focus: Answer::No }
    }

    /// A key was pressed.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Asked {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('y' | 'Y') if !ctrl => self.answered(Answer::Yes),
            KeyCode::Char('n' | 'N' | 'q') if !ctrl => self.answered(Answer::No),
            KeyCode::Char('c') if ctrl => self.answered(Answer::No),
            KeyCode::Esc => self.answered(Answer::No),
            KeyCode::Enter | KeyCode::Char(' ') => self.answered(self.focus),
            KeyCode::Left | KeyCode::Right | KeyCode::Tab | KeyCode::BackTab | KeyCode::Char('h' | 'l') => {
                self.focus = if self.focus == Answer::Yes { Answer::No } else { Answer::Yes };
                Asked::Still
            }
            _ => Asked::Still,
        }
    }

    /// A click: on an answer it is given.
    pub(crate) fn click(&mut self, at: Position, screen: Rect) -> Asked {
        let place = self.place(screen);
        match place.buttons.map(|button| button.contains(at)) {
            [true, _] => self.answered(Answer::No),
            [_, true] => self.answered(Answer::Yes),
            [false, false] => Asked::Still,
        }
    }

    fn answered(&mut self, answer: Answer) -> Asked {
        if let Some(waiting) = self.answer.take() {
            // A command that was ended meanwhile waits no longer.
            let _gone = waiting.send(answer);
        }
        Asked::Answered
    }

    fn place(&self, screen: Rect) -> Place {
        let wide = screen.width.saturating_sub(4).min(WIDEST);
        let lines = wrapped(&self.text, usize::from(wide.saturating_sub(4)));
        let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(screen.height.saturating_sub(6));
        let area = Rect {
            x: screen.x + screen.width.saturating_sub(wide) / 2,
            y: screen.y + screen.height.saturating_sub(rows + 4) / 2,
            width: wide,
            height: (rows + 4).min(screen.height),
        };
        let mut x = area.x + 2;
        let buttons = BUTTONS.map(|(_, label, _)| {
            let width = u16::try_from(width(label)).unwrap_or(0);
            let button = Rect { x, y: area.bottom().saturating_sub(2), width, height: 1 };
            x += width + 2;
            button
        });
        Place { area, lines, rows, buttons }
    }

    /// Draws it in the middle of the screen.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, screen: Rect, look: &Look) {
        let place = self.place(screen);
        frame.render_widget(Clear, place.area);
        let block =
            Block::bordered().border_set(look.glyphs.border()).border_style(look.style(Meaning::Attention));
        frame.render_widget(block, place.area);
        for (row, text) in (0..place.rows).zip(&place.lines) {
            let at = Rect {
                x: place.area.x + 2,
                y: place.area.y + 1 + row,
                width: place.area.width.saturating_sub(4),
                height: 1,
            };
            frame.render_widget(Line::styled(text.as_str(), look.style(Meaning::Strong)), at);
        }
        for (button, (answer, label, marked)) in place.buttons.into_iter().zip(BUTTONS) {
            let shown = match answer == self.focus {
                true => Line::styled(marked, look.theme.selected(Focus::Here)),
                false => Line::raw(label),
            };
            frame.render_widget(shown, button.intersection(screen));
        }
        let [_, yes] = place.buttons;
        let keys =
            Rect { x: yes.right() + 2, width: place.area.right().saturating_sub(yes.right() + 4), ..yes };
        frame
            .render_widget(Line::styled("y yes  n no  enter takes the marked", look.theme.furniture()), keys);
    }
}

struct Place {
    area: Rect,
    lines: Vec<String>,
    rows: u16,
    buttons: [Rect; 2],
}
