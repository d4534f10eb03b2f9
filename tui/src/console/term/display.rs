//! Pictures on their way to the terminal: ratatui's changes are gathered and written at once, what does
//! not change costs no byte, and the terminal is never asked where its cursor is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::time::{Instant, sleep_until};

use super::guard::Guard;

/// A picture of so many bytes is shown by the terminal in one go, where it can do that. Below, the frame
/// around it would cost more than it is worth.
const LARGE: usize = 512;
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// How soon a terminal that was full is tried again; one that reads nothing at all, ever less often.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
const PAUSE_LONGEST: Duration = Duration::from_millis(500);

/// The cursor as the terminal has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    Hidden,
    Shown,
}

/// What ratatui draws on.
#[derive(Debug)]
pub(super) struct Display {
    guard: Arc<Guard>,
    /// The picture that is being gathered.
    picture: Vec<u8>,
    last_picture: usize,
    /// What the terminal had no room for.
    unwritten: Vec<u8>,
    /// When the terminal is tried again, and how long it is left alone after that.
    retry_at: Instant,
    pause: Duration,
    cursor: Cursor,
    position: Position,
}

impl Display {
    /// A display on a terminal that was just taken over.
    pub(super) fn new(guard: Arc<Guard>) -> Self {
        Self {
            guard,
            picture: Vec::with_capacity(1 << 14),
            last_picture: 0,
            unwritten: Vec::new(),
            retry_at: Instant::now(),
            pause: PAUSE_FIRST,
            cursor: Cursor::Hidden,
            position: Position::ORIGIN,
        }
    }

    /// Whether the terminal still has to read what was written; nothing is to be drawn meanwhile.
    pub(super) fn is_full(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// How many bytes the terminal still has to take.
    pub(super) fn behind(&self) -> usize {
        self.unwritten.len()
    }

    /// How many bytes the last picture took.
    pub(super) fn picture_bytes(&self) -> usize {
        self.last_picture
    }

    /// Writes something that is not a picture, after what is on its way.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unwritten.extend_from_slice(bytes);
        self.write_on()
    }

    /// Waits until the terminal took what it had no room for; for ever while it has taken all. Dropping
    /// the future puts nothing off.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) async fn drained(&mut self) -> io::Result<()> {
        if !self.is_full() {
            return std::future::pending().await;
        }
        while self.is_full() {
            // Asking now and then, only meanwhile, costs less than being told of each byte that it reads.
            sleep_until(self.retry_at).await;
            let before = self.behind();
            self.write_on()?;
            self.pause = if self.behind() < before { PAUSE_FIRST } else { PAUSE_LONGEST.min(self.pause * 2) };
            self.retry_at = Instant::now() + self.pause;
        }
        Ok(())
    }

    /// The terminal was taken over again: nothing of the past counts.
    pub(super) fn reset(&mut self) {
        self.picture.clear();
        self.unwritten.clear();
        self.cursor = Cursor::Hidden;
    }

    fn write_on(&mut self) -> io::Result<()> {
        if !self.guard.is_ours() {
            self.unwritten.clear();
            return Ok(());
        }
        let written = self.guard.tty.write(&self.unwritten)?;
        self.unwritten.drain(..written);
        self.guard.torn.store(self.is_full(), Ordering::Relaxed);
        Ok(())
    }

    fn encoder(&mut self) -> CrosstermBackend<&mut Vec<u8>> {
        CrosstermBackend::new(&mut self.picture)
    }
}

impl Backend for Display {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.encoder().draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.cursor, Cursor::Hidden) {
            Cursor::Hidden => Ok(()),
            Cursor::Shown => self.encoder().hide_cursor(),
        }
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.cursor, Cursor::Shown) {
            Cursor::Shown => Ok(()),
            Cursor::Hidden => self.encoder().show_cursor(),
        }
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.position)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        // While nothing is drawn, a cursor that stands there already needs no telling.
        if self.picture.is_empty() && self.position == position {
            return Ok(());
        }
        self.position = position;
        self.encoder().set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.encoder().clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = self.guard.tty.size()?;
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        let picture = std::mem::take(&mut self.picture);
        self.last_picture = picture.len();
        if picture.len() >= LARGE {
            self.unwritten.extend_from_slice(BEGIN);
        }
        self.unwritten.extend_from_slice(&picture);
        if picture.len() >= LARGE {
            self.unwritten.extend_from_slice(END);
        }
        self.picture = picture;
        self.picture.clear();
        if self.unwritten.is_empty() {
            return Ok(());
        }
        (self.retry_at, self.pause) = (Instant::now() + PAUSE_FIRST, PAUSE_FIRST);
        self.write_on()
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::style::Stylize;
    use ratatui::widgets::Paragraph;

    use super::super::guard::Mouse;
    use super::super::guard::tests::{read, read_to, terminal};
    use super::*;

    #[test]
    fn a_picture_that_did_not_change_costs_no_byte() {
        let (tty, mut seen, _side) = terminal();
        let guard = Guard::enter(tty, Mouse::Left).unwrap();
        let mut display = Terminal::new(Display::new(Arc::clone(&guard))).unwrap();
        let mut draw = |text: &'static str| {
            display.draw(|frame| frame.render_widget(Paragraph::new(text.bold()), frame.area())).unwrap();
        };
        let mark = || guard.tty.write(b"[mark]").unwrap();
        draw("one");
        mark();
        assert!(read_to("[mark]", &mut seen).contains("one"));
        draw("one");
        mark();
        assert_eq!(read_to("[mark]", &mut seen), "[mark]");
        draw("two");
        mark();
        let said = read_to("[mark]", &mut seen);
        assert!(said.contains("two") && said.len() < 60, "{said:?}");
    }

    #[test]
    fn the_terminal_is_never_asked_anything() {
        let (tty, mut seen, _side) = terminal();
        let guard = Guard::enter(tty, Mouse::Left).unwrap();
        let mut display = Terminal::new(Display::new(guard)).unwrap();
        display.clear().unwrap();
        display
            .draw(|frame| {
                frame.render_widget(
                    Paragraph::new("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(20)),
                    frame.area(),
                );
                frame.set_cursor_position((3, 2));
            })
            .unwrap();
        let said = read_to(&String::from_utf8_lossy(END), &mut seen);
        assert!(said.contains("\u{1b}[?2026h") && said.ends_with("\u{1b}[?2026l"), "{said:?}");
        assert!(said.contains("\u{1b}[3;4H") && said.contains("\u{1b}[?25h"), "{said:?}");
        assert!(!said.contains("[6n") && !said.contains("[c"), "{said:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_full_terminal_has_no_room_for_comes_later_and_whole() {
        let (tty, mut seen, _side) = terminal();
        let guard = Guard::enter(tty, Mouse::Left).unwrap();
        read_to("\u{1b}[?2004h", &mut seen);
        let mut display = Display::new(Arc::clone(&guard));
        let all = vec![b'x'; 300_000];
        display.send(&all).unwrap();
        assert!(display.is_full() && guard.torn.load(Ordering::Relaxed));
        let mut got = 0;
        while display.is_full() {
            got += read(&mut seen).len();
            // Given up again and again, as by a loop that has other things to do.
            let _not_yet = tokio::time::timeout(Duration::from_millis(2), display.drained()).await;
        }
        assert!(!guard.torn.load(Ordering::Relaxed));
        guard.tty.write(b"!").unwrap();
        while let more @ 1.. = read(&mut seen).len() {
            got += more;
        }
        assert_eq!(got, all.len() + 1);
    }
}
