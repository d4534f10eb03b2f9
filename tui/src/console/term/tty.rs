//! The terminal's device. It is opened anew, so that writing without waiting does not change the
//! description that the shell shares with us, and so that a terminal that reads nothing (a dead
//! connection) can't hold this process in the kernel.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{self, QueueSelector};

/// The size of a terminal that does not tell it.
pub(super) const USUAL_SIZE: (u16, u16) = (80, 24);

/// A terminal to write to.
#[derive(Debug)]
pub(super) struct Tty {
    file: OwnedFd,
}

impl Tty {
    /// The terminal that standard input and output both are.
    ///
    /// # Errors
    /// When one of them is something else.
    pub(super) fn open() -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "standard input and output are not a terminal",
            ));
        }
        Ok(Self { file: reopened(io::stdout().as_fd())? })
    }

    /// A terminal of a test's own.
    #[cfg(test)]
    pub(super) fn on(file: OwnedFd) -> Self {
        Self { file }
    }

    /// Writes what there is room for, and says how much that was.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            match rustix::io::write(&self.file, &bytes[written..]) {
                Ok(0) | Err(rustix::io::Errno::AGAIN) => break,
                Ok(count) => written += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(written)
    }

    /// Writes all of it, waiting no longer than `patience` for room. Returns how much was written.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn write_within(&self, bytes: &[u8], patience: Duration) -> io::Result<usize> {
        let until = Instant::now() + patience;
        let mut written = self.write(bytes)?;
        while written < bytes.len() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.has_room_within(left) {
                break;
            }
            written += self.write(&bytes[written..])?;
        }
        Ok(written)
    }

    /// Throws away what was written and not yet read.
    pub(super) fn discard_unread(&self) {
        let _nothing_to_discard = termios::tcflush(&self.file, QueueSelector::OFlush);
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        let size = termios::tcgetwinsize(&self.file)?;
        // Some serial lines and containers do not know theirs.
        Ok(if size.ws_col == 0 || size.ws_row == 0 { USUAL_SIZE } else { (size.ws_col, size.ws_row) })
    }

    fn has_room_within(&self, patience: Duration) -> bool {
        let Ok(patience) = Timespec::try_from(patience) else { return false };
        let mut polled = [PollFd::new(&self.file, PollFlags::OUT)];
        poll(&mut polled, Some(&patience)).is_ok_and(|ready| ready > 0)
    }
}

impl AsFd for Tty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The same terminal, not waiting for room. By its name; after `su` that is another user's, and
/// `/dev/tty` is the way.
fn reopened(stdout: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let by_name = termios::ttyname(stdout, Vec::new())
        .and_then(|name| rustix::fs::open(name.as_c_str(), flags, Mode::empty()));
    match by_name.or_else(|_| rustix::fs::open("/dev/tty", flags, Mode::empty())) {
        Ok(file) => Ok(file),
        Err(_) => stdout.try_clone_to_owned(),
    }
}
