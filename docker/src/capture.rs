//! What a command printed, held to a limit: the head and the tail say most.

use std::collections::VecDeque;

use codegod_protocol::evidence::{Evidence, cap_output};

/// How much is kept of each end.
const HALF: usize = 512 * 1024;

/// The exit code of a command that ran into its deadline, as `timeout` gives it.
pub(crate) const TIMED_OUT: i64 = 124;

/// What a command gave.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandOutput {
    /// Its exit code; 124 when it ran into its deadline.
    pub exit_code: i64,
    /// What it printed, standard output and error together, at most 1 MiB: head and tail.
    pub output: Vec<u8>,
    /// How much it printed.
    pub total_bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// Whether it ran into its deadline.
    pub timed_out: bool,
    /// Whether the kernel killed one of its processes for want of memory.
    pub out_of_memory: bool,
}

impl CommandOutput {
    /// The output as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// The evidence that this output is, of `command` in the image `environment`.
    #[must_use]
    pub fn evidence(&self, command: impl Into<String>, environment: Option<&str>) -> Evidence {
        let mut output = self.output.clone();
        if self.timed_out {
            output.extend_from_slice(
                format!("\n[killed at its deadline after {:.0} s]", self.seconds).as_bytes(),
            );
        }
        if self.out_of_memory {
            output.extend_from_slice(b"\n[a process was killed: the sandbox's memory limit was reached]");
        }
        Evidence {
            command: command.into(),
            exit_code: self.exit_code,
            output: cap_output(&output),
            seconds: self.seconds,
            environment: environment.map(str::to_owned),
        }
    }
}

/// Keeps head and tail of a stream of bytes.
#[derive(Default)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Capture {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(HALF - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(HALF)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(HALF);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The kept bytes, with a line that says how much is missing between them.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let left_out = self.total - (self.head.len() + self.tail.len()) as u64;
        let mut bytes = self.head;
        if left_out > 0 {
            bytes.extend_from_slice(format!("\n[… {left_out} bytes left out …]\n").as_bytes());
        }
        bytes.extend(self.tail);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_is_kept_whole() {
        let mut capture = Capture::default();
        capture.push(b"one ");
        capture.push(b"two");
        assert_eq!(capture.into_bytes(), b"one two");
    }

    #[test]
    fn of_long_output_both_ends_are_kept() {
        let mut capture = Capture::default();
        capture.push(b"start");
        for _ in 0..40 {
            capture.push(&[b'x'; 100_000]);
        }
        capture.push(b"end");
        assert_eq!(capture.total(), 4_000_008);
        let bytes = capture.into_bytes();
        assert!(bytes.starts_with(b"startx") && bytes.ends_with(b"xend"));
        assert!(bytes.len() < 2 * HALF + 64, "{}", bytes.len());
    }
}
