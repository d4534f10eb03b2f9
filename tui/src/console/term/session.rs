//! The console's terminal in one value: see the module's page.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossterm::event::Event;
use ratatui::{Frame, Terminal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::clipboard::{self, Between, Copied};
use super::display::Display;
use super::external::{External, Outcome};
use super::frames::{Frames, Urgency};
use super::guard::{Guard, Mouse};
use super::input::Input;
use super::panics;
use super::plain::Plain;
use super::signals::{self, Signal};
use super::tty::{Tty, USUAL_SIZE};

/// What ends a process whose terminal hung up.
const EXIT_HANGUP: u8 = 129;

/// What happened on the terminal.
#[derive(Debug)]
pub(crate) enum Occurrence {
    /// A key, the mouse, a paste, or a new size.
    Input(Event),
    /// A picture is due: call [`Session::draw`].
    Draw,
    /// The program that had the terminal ended.
    Returned(Outcome),
    /// A signal asks to stop for a while: call [`Session::suspend`].
    Suspend,
    /// The console must end, with this exit code.
    Quit(u8),
}

/// What came of suspending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suspended {
    /// The console was stopped, and goes on.
    Done,
    /// No shell would ever continue it, so it was not stopped.
    NoShell,
}

/// Who has the terminal.
enum Holder {
    /// The console, with its own screen.
    Us,
    /// The console, with lines on the shell's screen.
    Lines(Plain),
    /// A program that was started.
    Program(Pin<Box<dyn Future<Output = Outcome> + Send>>),
    /// The shell, until it continues us.
    Shell,
}

/// The console's terminal.
pub(crate) struct Session {
    guard: Arc<Guard>,
    terminal: Terminal<Display>,
    signals: UnboundedReceiver<Signal>,
    input: Input,
    frames: Frames,
    holder: Holder,
    /// Set when the terminal does not take a picture any more.
    gone: bool,
}

impl Session {
    /// Takes over the terminal that standard input and output are.
    ///
    /// # Errors
    /// When they are no terminal, or the system refuses something.
    pub(crate) fn open(mouse: Mouse) -> io::Result<Self> {
        let guard = Guard::enter(Tty::open()?, mouse)?;
        let (sender, signals) = unbounded_channel();
        panics::hook(Arc::clone(&guard), sender.clone());
        signals::listen(Arc::clone(&guard), sender)?;
        if cfg!(debug_assertions) {
            std::thread::spawn(|| panics::asked_for("elsewhere"));
        }
        let terminal = Terminal::new(Display::new(Arc::clone(&guard)))?;
        let mut input = Input::default();
        input.open();
        let frames = Frames::default();
        Ok(Self { guard, terminal, signals, input, frames, holder: Holder::Us, gone: false })
    }

    /// Waits for what happens next. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Occurrence {
        loop {
            if self.gone {
                return Occurrence::Quit(EXIT_HANGUP);
            }
            let can_draw = matches!(self.holder, Holder::Us) && !self.terminal.backend().is_full();
            let Self { terminal, signals, input, frames, holder, .. } = self;
            tokio::select! {
                biased;
                Some(signal) = signals.recv() => {
                    if let Some(occurrence) = self.signalled(signal) {
                        return occurrence;
                    }
                }
                outcome = ended(holder) => return self.returned(outcome),
                event = input.next() => match event {
                    Ok(event) => return Occurrence::Input(event),
                    Err(_) => return Occurrence::Quit(EXIT_HANGUP),
                },
                drained = terminal.backend_mut().drained() => self.gone |= drained.is_err(),
                () = frames.wait(), if can_draw => return Occurrence::Draw,
            }
        }
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> (u16, u16) {
        self.guard.tty.size().unwrap_or(USUAL_SIZE)
    }

    /// Says that the picture on the screen is no longer true.
    pub(crate) fn request(&mut self, urgency: Urgency) {
        self.frames.request(urgency);
    }

    /// Draws a picture now, unless somebody else has the terminal or it has not read the last one.
    pub(crate) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) {
        if !matches!(self.holder, Holder::Us) || self.terminal.backend().is_full() {
            return;
        }
        panics::asked_for("drawing");
        self.gone |= self.terminal.draw(picture).is_err();
        self.frames.drawn(self.terminal.backend().picture_bytes());
    }

    /// Draws everything anew: something else wrote on the screen.
    pub(crate) fn redraw(&mut self) {
        self.gone |= self.terminal.clear().is_err();
        self.frames.request(Urgency::Now);
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub(crate) fn set_mouse(&mut self, mouse: Mouse) {
        let told = self.guard.set_mouse(mouse);
        if matches!(self.holder, Holder::Us) {
            self.gone |= self.terminal.backend_mut().send(told.as_bytes()).is_err();
        }
    }

    /// Hands a text to the person's clipboard.
    pub(crate) fn copy(&mut self, text: &str) -> Copied {
        let mut sequence = Vec::new();
        let copied = clipboard::copy(text, Between::of_environment(), &mut sequence);
        self.gone |= self.terminal.backend_mut().send(&sequence).is_err();
        // Writing to memory does not fail.
        copied.unwrap_or(Copied::Nothing)
    }

    /// Gives the terminal to a program; [`Occurrence::Returned`] tells of its end. Messages may go on
    /// being taken meanwhile, nothing is drawn.
    pub(crate) fn lend(&mut self, program: External) {
        self.input.close();
        self.guard.lent.store(true, Ordering::Relaxed);
        self.gone |= self.guard.leave().is_err();
        self.holder = Holder::Program(Box::pin(program.run()));
    }

    /// Shows the shell's screen, on which [`Session::print`] leaves lines; keys go on coming.
    pub(crate) fn plain(&mut self) {
        self.terminal.backend_mut().reset();
        self.gone |= self.guard.show_usual_screen().is_err();
        self.holder = Holder::Lines(Plain::default());
    }

    /// Prints a line, which must be sanitised; nothing happens but after [`Session::plain`].
    pub(crate) fn print(&mut self, line: &str) {
        if let Holder::Lines(plain) = &mut self.holder {
            self.gone |= plain.print(line, self.terminal.backend_mut()).is_err();
        }
    }

    /// Shows the console again, after [`Session::plain`].
    pub(crate) fn resume(&mut self) {
        if matches!(self.holder, Holder::Lines(_)) {
            self.take_back();
        }
    }

    /// Stops the process until a shell continues it, with the terminal given back meanwhile.
    pub(crate) fn suspend(&mut self) -> Suspended {
        if !signals::has_shell() {
            return Suspended::NoShell;
        }
        self.input.close();
        self.gone |= self.guard.leave().is_err();
        self.holder = Holder::Shell;
        // Whether or not it worked, the terminal is taken back when a signal says that we go on.
        if signals::stop().is_err() {
            self.take_back();
        }
        Suspended::Done
    }

    /// Gives the terminal back.
    ///
    /// # Errors
    /// The first thing that could not be undone.
    pub(crate) fn close(mut self) -> io::Result<()> {
        self.input.close();
        self.guard.leave()
    }

    fn signalled(&mut self, signal: Signal) -> Option<Occurrence> {
        match (signal, &self.holder) {
            (Signal::Quit(code), _) => Some(Occurrence::Quit(code)),
            (Signal::Suspend, Holder::Us | Holder::Lines(_)) => Some(Occurrence::Suspend),
            (Signal::Continued, Holder::Us | Holder::Lines(_) | Holder::Shell) => {
                self.take_back();
                None
            }
            (Signal::Suspend, Holder::Program(_) | Holder::Shell)
            | (Signal::Continued, Holder::Program(_)) => None,
        }
    }

    fn returned(&mut self, outcome: Outcome) -> Occurrence {
        self.guard.lent.store(false, Ordering::Relaxed);
        self.take_back();
        Occurrence::Returned(outcome)
    }

    /// Takes the terminal over again and draws everything anew.
    fn take_back(&mut self) {
        self.input.close();
        self.holder = Holder::Us;
        self.gone |= self.guard.enter_again().is_err();
        self.guard.forget_typed();
        self.terminal.backend_mut().reset();
        self.input.open();
        self.redraw();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _gone = self.guard.leave();
    }
}

/// Waits for the end of the program that has the terminal; for ever when none has.
async fn ended(holder: &mut Holder) -> Outcome {
    match holder {
        Holder::Program(program) => program.as_mut().await,
        Holder::Us | Holder::Lines(_) | Holder::Shell => std::future::pending().await,
    }
}
