//! The terminal's modes: set while the console has the terminal, and put back once, by whoever comes
//! first: the end of the console, a panic, or a signal that the console itself no longer answers.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};

use super::tty::Tty;

/// How long a terminal that does not read is waited for, before what it has not read is thrown away.
const PATIENCE: Duration = Duration::from_millis(100);

/// Alternate screen, no cursor, pastes in one piece.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?2004h";
/// Buttons and the wheel, not movements: those would be sent all the time.
const MOUSE_ON: &str = "\u{1b}[?1000h\u{1b}[?1006h";
const MOUSE_OFF: &str = "\u{1b}[?1006l\u{1b}[?1000l";
/// Ends a picture that was cut off, then undoes [`ENTER`] in the order that it needs.
const LEAVE: &str = "\u{1b}[?2026l\u{1b}[?2004l\u{1b}[0m\u{1b}[?25h";
const LEAVE_SCREEN: &str = "\u{1b}[?1049l";
/// Ends an escape sequence that was cut off in its middle.
const CANCEL: &str = "\u{18}";

/// Whether the terminal tells of the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mouse {
    /// Buttons and the wheel come as events; the terminal's own selection needs the shift key.
    Reported,
    /// The terminal keeps the mouse for itself.
    Left,
}

/// Which screen of the terminal is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Our own, which leaves no trace.
    Alternate,
    /// The shell's, where lines stay.
    Usual,
}

/// What holds while the terminal is ours.
#[derive(Debug)]
struct Held {
    before: Termios,
    shown: Shown,
}

/// The terminal, and whether it is ours. Shared by all who may have to give it back.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) tty: Tty,
    mouse: Mutex<Mouse>,
    held: Mutex<Option<Held>>,
    /// Whether a picture was begun and its end is still to be written.
    pub(super) torn: AtomicBool,
    /// Whether a program that we started has the terminal.
    pub(super) lent: AtomicBool,
}

impl Guard {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When it does not take the modes; it is then as it was.
    pub(super) fn enter(tty: Tty, mouse: Mouse) -> io::Result<Arc<Self>> {
        let guard = Self {
            tty,
            mouse: Mutex::new(mouse),
            held: Mutex::new(None),
            torn: AtomicBool::new(false),
            lent: AtomicBool::new(false),
        };
        guard.enter_again()?;
        Ok(Arc::new(guard))
    }

    /// Takes the terminal over again, after it was given back or somebody else changed it.
    ///
    /// # Errors
    /// As [`Guard::enter`].
    pub(super) fn enter_again(&self) -> io::Result<()> {
        let now = tcgetattr(&self.tty)?;
        let mut raw = now.clone();
        raw.make_raw();
        {
            let mut held = self.held();
            let before = held.take().map_or(now, |held| held.before);
            *held = Some(Held { before, shown: Shown::Alternate });
        }
        // The modes first: a process in the background is stopped by the kernel here, before it writes.
        let taken = tcsetattr(&self.tty, OptionalActions::Now, &raw)
            .map_err(io::Error::from)
            .and_then(|()| self.say(&format!("{ENTER}{}", self.mouse().on())));
        if taken.is_err() {
            let _the_first_error_counts = self.leave();
        }
        taken
    }

    /// Gives the terminal back: everything is tried, once, and the first error is returned.
    ///
    /// # Errors
    /// When something could not be undone: the terminal is gone.
    pub(super) fn leave(&self) -> io::Result<()> {
        let Some(held) = self.held().take() else { return Ok(()) };
        // The keyboard first: that never waits for a terminal that does not read.
        let keyboard = tcsetattr(&self.tty, OptionalActions::Now, &held.before).map_err(io::Error::from);
        let modes = self.say(&format!("{}{LEAVE}{}", self.cancel_and_mouse_off(), held.shown.leave()));
        keyboard.and(modes)
    }

    /// Shows the shell's screen, where lines stay; keys still come at once.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn show_usual_screen(&self) -> io::Result<()> {
        if let Some(held) = self.held().as_mut() {
            held.shown = Shown::Usual;
        }
        self.say(&format!("{}{LEAVE_SCREEN}", self.cancel_and_mouse_off()))
    }

    /// Changes who has the mouse, now and whenever the terminal is taken over again. Returns what tells the
    /// terminal, where it has to be told.
    pub(super) fn set_mouse(&self, mouse: Mouse) -> &'static str {
        let before = std::mem::replace(&mut *self.mouse(), mouse);
        match (before, mouse) {
            (Mouse::Left, Mouse::Reported) => MOUSE_ON,
            (Mouse::Reported, Mouse::Left) => MOUSE_OFF,
            (Mouse::Left, Mouse::Left) | (Mouse::Reported, Mouse::Reported) => "",
        }
    }

    /// Whether the terminal is ours.
    pub(super) fn is_ours(&self) -> bool {
        self.held().is_some()
    }

    /// Forgets what was typed and not yet read: it was meant for another program.
    pub(super) fn forget_typed(&self) {
        let _nothing_typed = tcflush(&self.tty, QueueSelector::IFlush);
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mouse(&self) -> MutexGuard<'_, Mouse> {
        self.mouse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel_and_mouse_off(&self) -> String {
        let cancel = if self.torn.swap(false, Ordering::Relaxed) { CANCEL } else { "" };
        format!("{cancel}{}", self.mouse().off())
    }

    /// Writes all of it. A terminal that does not read loses what it has not read yet, so that these
    /// bytes stand there when it reads again.
    fn say(&self, text: &str) -> io::Result<()> {
        let bytes = text.as_bytes();
        let written = self.tty.write_within(bytes, PATIENCE)?;
        if written == bytes.len() {
            return Ok(());
        }
        self.tty.discard_unread();
        let again = format!("{CANCEL}{text}");
        match self.tty.write_within(again.as_bytes(), PATIENCE)? {
            written if written == again.len() => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::TimedOut, "the terminal does not read")),
        }
    }
}

impl Mouse {
    fn on(self) -> &'static str {
        match self {
            Self::Reported => MOUSE_ON,
            Self::Left => "",
        }
    }

    fn off(self) -> &'static str {
        match self {
            Self::Reported => MOUSE_OFF,
            Self::Left => "",
        }
    }
}

impl Shown {
    fn leave(self) -> &'static str {
        match self {
            Self::Alternate => LEAVE_SCREEN,
            Self::Usual => "",
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _gone = self.leave();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;

    use rustix::fs::{Mode, OFlags};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::LocalModes;

    use super::*;

    /// A terminal: the side that the console writes to, and the one that a person would look at.
    pub(in crate::console::term) fn terminal() -> (Tty, std::fs::File, OwnedFd) {
        let seen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&seen).unwrap();
        unlockpt(&seen).unwrap();
        let name = ptsname(&seen, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
        let side = || rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
        (Tty::on(side()), seen.into(), side())
    }

    /// What was written since the last look; nothing when nothing comes within a second.
    pub(in crate::console::term) fn read(seen: &mut std::fs::File) -> String {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        if poll(&mut [PollFd::new(&*seen, PollFlags::IN)], Some(&second)).unwrap() == 0 {
            return String::new();
        }
        let mut bytes = [0; 1 << 16];
        let count = seen.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    /// What was written since the last look, up to this end; without it, when nothing more comes.
    pub(in crate::console::term) fn read_to(end: &str, seen: &mut std::fs::File) -> String {
        let mut said = String::new();
        while !said.ends_with(end) {
            let more = read(seen);
            if more.is_empty() {
                break;
            }
            said.push_str(&more);
        }
        said
    }

    fn echoes(side: &OwnedFd) -> bool {
        tcgetattr(side).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }

    #[test]
    fn everything_that_is_set_is_undone_and_only_once() {
        let (tty, mut seen, side) = terminal();
        let guard = Guard::enter(tty, Mouse::Reported).unwrap();
        assert!(!echoes(&side));
        assert_eq!(read_to(MOUSE_ON, &mut seen), format!("{ENTER}{MOUSE_ON}"));
        guard.leave().unwrap();
        assert!(echoes(&side) && !guard.is_ours());
        assert_eq!(read_to(LEAVE_SCREEN, &mut seen), format!("{MOUSE_OFF}{LEAVE}{LEAVE_SCREEN}"));
        guard.leave().unwrap();
        guard.tty.write(b"end").unwrap();
        drop(guard);
        assert_eq!(read(&mut seen), "end");
    }

    #[test]
    fn a_mouse_that_is_left_alone_is_not_spoken_of() {
        let (tty, mut seen, _side) = terminal();
        drop(Guard::enter(tty, Mouse::Left).unwrap());
        let said = read_to(LEAVE_SCREEN, &mut seen);
        assert!(
            said.ends_with(LEAVE_SCREEN) && !said.contains("?1000") && !said.contains("?1006"),
            "{said:?}"
        );
    }

    #[test]
    fn the_mouse_can_be_taken_and_left_meanwhile() {
        let (tty, mut seen, _side) = terminal();
        let guard = Guard::enter(tty, Mouse::Left).unwrap();
        assert_eq!(guard.set_mouse(Mouse::Reported), MOUSE_ON);
        assert_eq!(guard.set_mouse(Mouse::Reported), "");
        read_to(ENTER, &mut seen);
        guard.leave().unwrap();
        assert!(read_to(LEAVE_SCREEN, &mut seen).starts_with(MOUSE_OFF));
        assert_eq!(guard.set_mouse(Mouse::Left), MOUSE_OFF);
    }

    #[test]
    fn on_the_usual_screen_leaving_does_not_switch_screens_again() {
        let (tty, mut seen, _side) = terminal();
        let guard = Guard::enter(tty, Mouse::Left).unwrap();
        guard.show_usual_screen().unwrap();
        read_to(LEAVE_SCREEN, &mut seen);
        guard.leave().unwrap();
        assert_eq!(read_to(LEAVE, &mut seen), LEAVE);
    }

    #[test]
    fn entering_again_keeps_what_was_there_at_first() {
        let (tty, _seen, side) = terminal();
        let guard = Guard::enter(tty, Mouse::Left).unwrap();
        guard.enter_again().unwrap();
        guard.leave().unwrap();
        assert!(echoes(&side));
    }

    #[test]
    fn a_terminal_that_reads_nothing_neither_blocks_nor_keeps_its_modes() {
        let (tty, mut seen, side) = terminal();
        let guard = Guard::enter(tty, Mouse::Left).unwrap();
        let flood = vec![b'x'; 1 << 20];
        assert!(guard.tty.write(&flood).unwrap() < flood.len());
        guard.torn.store(true, Ordering::Relaxed);
        guard.leave().unwrap();
        assert!(echoes(&side));
        // Some of the flood had reached the other side already.
        let said = read_to(LEAVE_SCREEN, &mut seen);
        assert!(
            said.ends_with(&format!("{LEAVE}{LEAVE_SCREEN}")) && said.len() < flood.len() / 4,
            "{} bytes",
            said.len()
        );
    }

    #[test]
    fn a_terminal_that_is_gone_is_an_error_and_no_panic() {
        let (tty, seen, _side) = terminal();
        let guard = Guard::enter(tty, Mouse::Reported).unwrap();
        drop(seen);
        assert!(guard.tty.write(b"x").is_err());
        assert!(guard.leave().is_err());
        assert!(!guard.is_ours());
    }
}
