//! The terminal: its size, what it can show, a screen part that is redrawn in place, and questions.

use std::io::{IsTerminal, Write};

use crate::output::{Colour, Line};

/// The width that is assumed where there is no terminal.
const DEFAULT_WIDTH: usize = 100;

/// Columns and rows of the terminal, where there is one.
pub(crate) fn size() -> Option<(usize, usize)> {
    let (columns, rows) = crossterm::terminal::size().ok()?;
    (columns > 0 && rows > 0).then_some((usize::from(columns), usize::from(rows)))
}

/// How wide tables on stdout may be: the terminal's width, or wide enough to lose nothing.
pub(crate) fn data_width() -> usize {
    if std::io::stdout().is_terminal() { size().map_or(DEFAULT_WIDTH, |(columns, _)| columns) } else { 400 }
}

/// Whether progress can be redrawn: stderr is a terminal that understands cursor movements.
pub(crate) fn can_redraw() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether a person can be asked: both the question and the answer go through a terminal.
pub(crate) fn can_ask() -> bool {
    std::io::stderr().is_terminal() && std::io::stdin().is_terminal()
}

/// A part of the terminal, below what was printed before, that is redrawn in place. It asks the
/// terminal nothing, needs no alternate screen, and leaves the last picture standing.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// How many lines the last picture took.
    height: usize,
    last: Vec<Line>,
}

impl Screen {
    /// A screen; the cursor is hidden until it is dropped.
    pub(crate) fn open() -> Self {
        write("\u{1b}[?25l");
        Self::default()
    }

    /// Draws the lines over the last picture, unless they are the same. Each must be narrower than
    /// the terminal, and they must be fewer than its rows.
    pub(crate) fn draw(&mut self, lines: &[Line], colour: Colour) {
        if self.last == lines {
            return;
        }
        let mut picture = self.to_top();
        for line in lines {
            picture.push_str(&line.painted(colour));
            picture.push_str("\u{1b}[K\r\n");
        }
        picture.push_str("\u{1b}[J");
        self.height = lines.len();
        self.last = lines.to_vec();
        write(&picture);
    }

    /// Takes the picture away, so that something lasting can be printed there.
    pub(crate) fn clear(&mut self) {
        write(&format!("{}\u{1b}[J", self.to_top()));
        self.height = 0;
        self.last.clear();
    }

    /// Forgets what is drawn: something else was written below it.
    pub(crate) fn forget(&mut self) {
        self.height = 0;
        self.last.clear();
    }

    fn to_top(&self) -> String {
        if self.height == 0 { "\r".to_owned() } else { format!("\r\u{1b}[{}A", self.height) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        write("\u{1b}[?25h");
    }
}

/// Writes to stderr in one piece; a terminal that is gone is no reason to fail.
fn write(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _gone = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Asks a question and waits for a line, read by a thread of its own: the answer may never come, and
/// must then hold nothing up. None when the input ended.
pub(crate) async fn ask(question: &str) -> Option<String> {
    write(&format!("{question} "));
    let (answer, answered) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        let _asker_gone =
            answer.send(read.ok().filter(|bytes| *bytes > 0).map(|_| line.trim().to_lowercase()));
    });
    answered.await.ok().flatten()
}
