//! A console on a terminal, and counters of its process read before and after.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use codegod_tests::fleet::binary;
use codegod_tests::terminal::{Shell, Terminal};

const SIZE: (u16, u16) = (80, 24);
/// A burst of output has ended when nothing came for so long.
const SILENCE: Duration = Duration::from_millis(30);
/// What a picture holds at least.
const MIN_CELLS: usize = 64;

/// A console.
pub(crate) struct Console {
    pub(crate) terminal: Terminal,
    pid: i32,
    _state: tempfile::TempDir,
    /// From the start of the process to the end of the first picture, in milliseconds.
    pub(crate) first_picture_ms: f64,
}

/// What a stretch of time cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) cpu_percent: f64,
    pub(crate) wakeups: f64,
    pub(crate) bytes: f64,
    pub(crate) reads: f64,
}

impl Console {
    /// Starts one and waits for its first picture.
    pub(crate) fn start(redis_url: &str, variables: &[(&str, &str)]) -> Result<Self> {
        let state = tempfile::tempdir()?;
        let mut command = Command::new(binary("codegod")?);
        command.arg("console").env("REDIS_URL", redis_url).env("CODEGOD_PREFIX", "codegod:");
        command.env("CODEGOD_STATE_DIR", state.path()).env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        command.env_remove("NO_COLOR").env_remove("LOG_LEVEL").envs(variables.iter().copied());
        let began = Instant::now();
        let mut terminal = Terminal::start(&command, Shell::None, SIZE)?;
        let mut last = began;
        while last == began || cells(&terminal) < MIN_CELLS {
            terminal.next_byte(Duration::from_secs(5))?.context("the console draws nothing")?;
            last = Instant::now();
        }
        while terminal.next_byte(SILENCE)?.is_some() && began.elapsed() < Duration::from_secs(5) {
            last = Instant::now();
        }
        let pid = terminal.held().pid()?.as_raw_nonzero().get();
        let first_picture_ms = (last - began).as_secs_f64() * 1e3;
        Ok(Self { terminal, pid, _state: state, first_picture_ms })
    }

    /// Lets time pass, and says what the console spent.
    pub(crate) fn spend(&mut self, span: Duration) -> Result<Spent> {
        let (began, cpu, wakeups, reads) =
            (Instant::now(), self.cpu()?, self.wakeups()?, self.terminal.reads());
        let bytes = self.terminal.read_on(span)?;
        let seconds = began.elapsed().as_secs_f64();
        let per_second = |count: usize| count as f64 / seconds;
        Ok(Spent {
            cpu_percent: (self.cpu()? - cpu) / seconds * 100.0,
            wakeups: (self.wakeups()? - wakeups) / seconds,
            bytes: per_second(bytes),
            reads: per_second(self.terminal.reads() - reads),
        })
    }

    /// Presses a key so often. Returns how long each took to the first byte, in milliseconds; a key that
    /// draws nothing counts as a long time.
    pub(crate) fn press(&mut self, keys: &[&str], times: usize) -> Result<Vec<f64>> {
        let mut took = Vec::with_capacity(times);
        for key in keys.iter().cycle().take(times) {
            // What came by itself is not an answer.
            while self.terminal.next_byte(Duration::ZERO)?.is_some() {}
            self.terminal.send(key)?;
            let answer = self.terminal.next_byte(Duration::from_millis(140))?;
            took.push(answer.map_or(f64::INFINITY, |took| took.as_secs_f64() * 1e3));
            self.terminal.read_on(Duration::from_millis(150))?;
        }
        Ok(took)
    }

    /// The resident memory, in MiB.
    pub(crate) fn memory(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        Ok(number(&status, "VmRSS:").context("VmRSS")? / 1024.0)
    }

    /// The processor time of all threads, in seconds.
    fn cpu(&self) -> Result<f64> {
        self.threads(|thread| {
            let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
            Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e9)
        })
    }

    /// How often threads went to sleep by themselves.
    fn wakeups(&self) -> Result<f64> {
        self.threads(|thread| {
            number(&std::fs::read_to_string(thread.join("status")).ok()?, "voluntary_ctxt_switches:")
        })
    }

    /// The sum over the threads that are there.
    fn threads(&self, count: impl Fn(&Path) -> Option<f64>) -> Result<f64> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid))?;
        Ok(threads.flatten().filter_map(|thread| count(&thread.path())).sum())
    }
}

fn cells(terminal: &Terminal) -> usize {
    terminal.text().chars().filter(|c| !c.is_whitespace()).count()
}

fn number(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}
