//! Lines on their way to an agent's log: what commands print, cut into lines, and between it what the agent says.

use std::collections::VecDeque;

use codegod_protocol::client::NewLine;
use codegod_protocol::log::Level;

/// How many lines may wait to be sent; beyond that the oldest are left out, and the log says so.
const MAX_WAITING: usize = 2_000;
/// A line without end (a progress bar) is not kept back for longer than this, in bytes.
const MAX_PARTIAL: usize = 8_192;

/// Lines that wait to be sent.
#[derive(Default)]
pub(crate) struct Lines {
    waiting: VecDeque<NewLine>,
    partial: Vec<u8>,
    left_out: u64,
}

impl Lines {
    /// Takes output as it comes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            self.line(NewLine::output(String::from_utf8_lossy(line.trim_ascii_end())));
        }
        if self.partial.len() > MAX_PARTIAL {
            self.end_line();
        }
    }

    /// Takes a line of the agent's own; output that has not ended its line ends it here.
    pub(crate) fn say(&mut self, level: Level, text: &str) {
        self.end_line();
        for line in text.lines() {
            self.line(NewLine { level, text: line.to_owned() });
        }
    }

    /// Ends a line that output has begun.
    pub(crate) fn end_line(&mut self) {
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            self.line(NewLine::output(String::from_utf8_lossy(&rest)));
        }
    }

    /// Takes out what waits.
    pub(crate) fn take(&mut self) -> Vec<NewLine> {
        let mut lines = Vec::with_capacity(self.waiting.len() + 1);
        if self.left_out > 0 {
            let text = format!("[… {} lines left out …]", std::mem::take(&mut self.left_out));
            lines.push(NewLine { level: Level::Warning, text });
        }
        lines.extend(self.waiting.drain(..));
        lines
    }

    fn line(&mut self, line: NewLine) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
            self.left_out += 1;
        }
        self.waiting.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &mut Lines) -> Vec<String> {
        lines.take().into_iter().map(|line| format!("{}: {}", line.level, line.text)).collect()
    }

    #[test]
    fn output_becomes_lines_and_a_flood_says_what_it_left_out() {
        let mut lines = Lines::default();
        lines.push(b"one\r\ntw");
        lines.push(b"o\nthr");
        assert_eq!(texts(&mut lines), ["output: one", "output: two"]);
        lines.push(b"ee\n");
        assert_eq!(texts(&mut lines), ["output: three"]);
        for number in 0..=MAX_WAITING {
            lines.push(format!("{number}\n").as_bytes());
        }
        let taken = texts(&mut lines);
        assert_eq!(taken[..2], ["warning: [… 1 lines left out …]", "output: 1"]);
        assert_eq!(taken.len(), MAX_WAITING + 1);
    }

    #[test]
    fn what_an_agent_says_stands_on_lines_of_its_own() {
        let mut lines = Lines::default();
        lines.push(b"50 %");
        lines.say(Level::Error, "it broke\nbadly");
        lines.push(b"more\n");
        assert_eq!(texts(&mut lines), ["output: 50 %", "error: it broke", "error: badly", "output: more"]);
    }
}
