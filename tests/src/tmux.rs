//! A program in tmux, on a server of its own: typed to and read as a person at it would.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How often the screen is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A tmux server with one window.
pub struct Tmux {
    folder: tempfile::TempDir,
}

impl Tmux {
    /// Starts a program in a window of that many columns and rows; its variables are set there.
    ///
    /// # Errors
    /// When tmux is not installed or does not start.
    pub fn start(command: &Command, (columns, rows): (u16, u16)) -> Result<Self> {
        let tmux = Self { folder: tempfile::tempdir()? };
        // What a program that ended said stays to be read.
        std::fs::write(tmux.settings(), "set -g remain-on-exit on\n")?;
        let mut start = tmux.command();
        start.args(["new-session", "-d", "-x", &columns.to_string(), "-y", &rows.to_string()]);
        // Only tmux's own program sees the variables; those that it was started with are its server's.
        start.arg("env");
        for (name, _) in command.get_envs().filter(|(_, value)| value.is_none()) {
            start.args(["-u".as_ref(), name]);
        }
        for (name, value) in command.get_envs() {
            start.args(value.map(|value| format!("{}={}", name.to_string_lossy(), value.to_string_lossy())));
        }
        start.arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            start.current_dir(folder);
        }
        let done = start.output().context("starting tmux")?;
        ensure!(done.status.success(), "tmux: {}", String::from_utf8_lossy(&done.stderr));
        Ok(tmux)
    }

    /// Types a text as it is.
    ///
    /// # Errors
    /// When the window is gone.
    pub fn types(&self, text: &str) -> Result<()> {
        self.run(&["send-keys", "-l", "--", text]).map(|_| ())
    }

    /// Presses a key, by tmux's name for it (`Enter`, `Escape`, `C-j`).
    ///
    /// # Errors
    /// When the window is gone.
    pub fn presses(&self, key: &str) -> Result<()> {
        self.run(&["send-keys", key]).map(|_| ())
    }

    /// What the window shows.
    ///
    /// # Errors
    /// When the window is gone.
    pub fn screen(&self) -> Result<String> {
        self.run(&["capture-pane", "-p"])
    }

    /// Waits until `seen` finds something on the screen.
    ///
    /// # Errors
    /// When it has not within `limit`; the screen is part of the error.
    pub async fn wait<T>(&self, what: &str, limit: Duration, seen: impl Fn(&str) -> Option<T>) -> Result<T> {
        let until = Instant::now() + limit;
        loop {
            let screen = self.screen()?;
            if let Some(found) = seen(&screen) {
                return Ok(found);
            }
            if Instant::now() > until {
                bail!("not within {limit:?}: {what}; the screen shows:\n{screen}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until a text is on the screen.
    ///
    /// # Errors
    /// As [`Tmux::wait`].
    pub async fn shows(&self, text: &str) -> Result<()> {
        self.wait(text, Duration::from_secs(20), |screen| screen.contains(text).then_some(())).await
    }

    fn run(&self, args: &[&str]) -> Result<String> {
        let done = self.command().args(args).output()?;
        ensure!(done.status.success(), "tmux {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        // Nobody's own settings, and no tmux around this one.
        command.env_remove("TMUX").arg("-f").arg(self.settings()).arg("-S").arg(self.socket());
        command
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("settings")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _gone = self.command().arg("kill-server").output();
    }
}
