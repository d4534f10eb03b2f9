//! Lines on the shell's own screen: what the terminal can search, select and keep, as with `tail -f`.

use std::io;

use super::display::Display;

/// What a terminal that reads slowly may be behind with; more is left out, and counted.
const MOST_BEHIND: usize = 1 << 20;

/// Lines that are printed below one another, until a key ends it.
#[derive(Debug, Default)]
pub(super) struct Plain {
    left_out: usize,
}

impl Plain {
    /// Prints a line, which holds nothing but printable characters.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn print(&mut self, line: &str, display: &mut Display) -> io::Result<()> {
        if display.behind() > MOST_BEHIND {
            self.left_out += 1;
            return Ok(());
        }
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            display.send(
                format!("... {left_out} lines left out: the terminal reads too slowly\r\n").as_bytes(),
            )?;
        }
        display.send(format!("{line}\r\n").as_bytes())
    }
}
