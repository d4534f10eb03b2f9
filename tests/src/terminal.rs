//! A program on a terminal of the test's own: what it shows, cell by cell, and how it leaves the terminal.
//! The test is the terminal: nothing is read from the program but while the test waits.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// How long a program may take to show something.
const PATIENCE: Duration = Duration::from_secs(20);

/// What starts the program. The shell stays when the program has ended: the system resets the modes of a
/// terminal whose session is over, and nothing could be learnt from them.
const HOLDER: &str = r#"trap : INT; sh -c 'echo $$ >"$0" && exec "$@"' "$@"; echo "[exit $?]"; exec cat"#;
/// The same by a shell that stops and continues programs; whoever types to it gets the program back.
const JOBS: &str = r#"bash -c 'echo $$ >"$0" && exec "$@"' "$@"; code=$?
while [ -n "$(jobs -s)" ]; do echo "[stopped $((++times))]"; read -r line; fg >/dev/null; code=$?; done
echo "[exit $code]"; exec cat"#;

/// Who started the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// Nobody: the program is the first of its session, as a terminal's own command is.
    None,
    /// A script: nobody would continue a program that stops.
    Script,
    /// A shell with job control.
    Jobs,
}

/// A program on a terminal.
pub struct Terminal {
    person: std::fs::File,
    side: OwnedFd,
    held: Held,
    screen: vt100::Parser,
    bytes: Vec<u8>,
    reads: usize,
    hung_up: bool,
}

/// How a program has the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Whether the alternate screen is shown.
    pub alternate: bool,
    /// Whether the cursor is hidden.
    pub cursor_hidden: bool,
    /// Whether the mouse is reported.
    pub mouse: bool,
    /// Whether pastes are marked.
    pub paste: bool,
    /// Whether what is typed is echoed and comes in lines.
    pub cooked: bool,
}

impl Modes {
    /// As a shell wants it.
    pub const GIVEN_BACK: Self =
        Self { alternate: false, cursor_hidden: false, mouse: false, paste: false, cooked: true };
}

impl Terminal {
    /// Starts a program on a terminal of that many columns and rows.
    ///
    /// # Errors
    /// When there is no terminal to be had, or the program does not start.
    pub fn start(command: &Command, shell: Shell, (columns, rows): (u16, u16)) -> Result<Self> {
        let (person, side) = open()?;
        tcsetwinsize(&side, winsize(columns, rows))?;
        let folder = tempfile::tempdir()?;
        let pid_file = folder.path().join("pid");
        let mut holder = holder(command, shell, &pid_file);
        let child_side = || side.try_clone().map(Stdio::from);
        holder.stdin(child_side()?).stdout(child_side()?).stderr(child_side()?);
        let holder = holder.spawn().context("starting setsid (util-linux)")?;
        let screen = vt100::Parser::new(rows.try_into()?, columns.try_into()?, 0);
        let held = Held { holder, pid_file, _folder: folder };
        Ok(Self { person, side, held, screen, bytes: Vec::new(), reads: 0, hung_up: false })
    }

    /// The program, and who started it.
    #[must_use]
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Types.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn send(&mut self, text: &str) -> Result<()> {
        use std::io::Write;
        Ok(self.person.write_all(text.as_bytes())?)
    }

    /// Changes the size, of which the program is told.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resize(&mut self, columns: u16, rows: u16) -> Result<()> {
        self.screen.screen_mut().set_size(rows.try_into()?, columns.try_into()?);
        Ok(tcsetwinsize(&self.side, winsize(columns, rows))?)
    }

    /// Sends a signal to the program.
    ///
    /// # Errors
    /// When it is not there any more.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.held.pid()?, signal)?)
    }

    /// Reads what the program writes, until `seen` holds. Returns how long that took.
    ///
    /// # Errors
    /// When it does not within `limit`; what is on the screen is part of the error.
    pub fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        seen: impl Fn(&vt100::Screen) -> bool,
    ) -> Result<Duration> {
        let start = Instant::now();
        loop {
            if seen(self.screen.screen()) {
                return Ok(start.elapsed());
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() || (self.hung_up && !self.read_for(Duration::ZERO)?) {
                bail!("not within {limit:?}: {what}; the screen shows:\n{}", self.text());
            }
            self.read_for(left)?;
        }
    }

    /// Reads until a text is on the screen.
    ///
    /// # Errors
    /// As [`Terminal::wait`].
    pub fn shows(&mut self, text: &str) -> Result<Duration> {
        self.wait(text, PATIENCE, |screen| screen.contents().contains(text))
    }

    /// Reads for so long, whatever comes. Returns how many bytes came.
    ///
    /// # Errors
    /// When the terminal breaks.
    pub fn read_on(&mut self, span: Duration) -> Result<usize> {
        let (until, before) = (Instant::now() + span, self.bytes.len());
        while let left = until.saturating_duration_since(Instant::now())
            && !left.is_zero()
            && !self.hung_up
        {
            self.read_for(left)?;
        }
        Ok(self.bytes.len() - before)
    }

    /// Waits until the program has ended. Returns its exit code, and how long that took.
    ///
    /// # Errors
    /// When it has not within `limit`.
    pub fn ends(&mut self, limit: Duration) -> Result<(i32, Duration)> {
        let took = self.wait("the program's end", limit, |screen| exit_code(&screen.contents()).is_some())?;
        Ok((exit_code(&self.text()).context("an exit code")?, took))
    }

    /// Waits for the next byte. Returns how long that took; none when nothing came within `limit`.
    ///
    /// # Errors
    /// When the terminal breaks.
    pub fn next_byte(&mut self, limit: Duration) -> Result<Option<Duration>> {
        let start = Instant::now();
        // Timed before what came is made sense of.
        let came = self.has_bytes_within(limit)?;
        let took = start.elapsed();
        if !came {
            return Ok(None);
        }
        self.read_for(Duration::ZERO)?;
        Ok(Some(took))
    }

    /// How many times there was something to read.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.reads
    }

    /// Takes the terminal away, as when a connection breaks.
    #[must_use]
    pub fn hang_up(self) -> Held {
        let Self { person, side, held, .. } = self;
        drop((person, side));
        held
    }

    /// What is on the screen.
    #[must_use]
    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// The screen.
    #[must_use]
    pub fn screen(&self) -> &vt100::Screen {
        self.screen.screen()
    }

    /// Every byte that was read.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How the program has the terminal now.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn modes(&self) -> Result<Modes> {
        let screen = self.screen.screen();
        let local = tcgetattr(&self.side)?.local_modes;
        Ok(Modes {
            alternate: screen.alternate_screen(),
            cursor_hidden: screen.hide_cursor(),
            mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
            paste: screen.bracketed_paste(),
            cooked: local.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG),
        })
    }

    /// Waits at most that long for bytes. Returns whether some came.
    fn read_for(&mut self, span: Duration) -> Result<bool> {
        if !self.has_bytes_within(span)? {
            return Ok(false);
        }
        let mut buffer = [0; 1 << 16];
        // The end of the session is an error here.
        let count = self.person.read(&mut buffer).unwrap_or_default();
        self.hung_up = count == 0;
        self.screen.process(&buffer[..count]);
        self.bytes.extend_from_slice(&buffer[..count]);
        self.reads += 1;
        Ok(count > 0)
    }

    fn has_bytes_within(&self, span: Duration) -> Result<bool> {
        let mut polled = [PollFd::new(&self.person, PollFlags::IN)];
        match poll(&mut polled, Some(&Timespec::try_from(span)?)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The program, and who started it. Both end with it.
pub struct Held {
    holder: Child,
    pid_file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Held {
    /// The program's process.
    ///
    /// # Errors
    /// When it has not started within the patience of a test.
    pub fn pid(&self) -> Result<Pid> {
        let until = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(&self.pid_file).unwrap_or_default();
            if let Some(pid) = text.trim().parse().ok().and_then(Pid::from_raw) {
                return Ok(pid);
            }
            ensure!(Instant::now() < until, "the program did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the program's end without looking at its terminal. Returns how long that took.
    ///
    /// # Errors
    /// When it has not ended within `limit`.
    pub fn ends(&self, limit: Duration) -> Result<Duration> {
        let (start, pid) = (Instant::now(), self.pid()?);
        while is_there(pid) {
            ensure!(start.elapsed() < limit, "the program did not end within {limit:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(start.elapsed())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(&self.pid_file).ok().and_then(|text| text.trim().parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw)
            && is_there(pid)
        {
            let _gone = kill_process(pid, Signal::KILL);
        }
        let _gone = self.holder.kill();
        let _gone = self.holder.wait();
    }
}

/// Whether a process is there, is the program and not another that got its number, and runs.
fn is_there(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(head, tail)| head.ends_with("(codegod") && !tail.starts_with('Z'))
}

/// The side of the person, and the program's.
fn open() -> Result<(std::fs::File, OwnedFd)> {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&person)?;
    unlockpt(&person)?;
    let name = ptsname(person.as_fd(), Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let side = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
    Ok((person.into(), side))
}

/// The command that makes the terminal the session's own and starts the program there.
fn holder(command: &Command, shell: Shell, pid_file: &Path) -> Command {
    let mut holder = Command::new("setsid");
    holder.arg("--ctty");
    match shell {
        // It keeps its number through both of these.
        Shell::None => holder.args(["sh", "-c", r#"echo $$ >"$0" && exec "$@""#]),
        Shell::Script => holder.args(["sh", "-c", HOLDER, "sh"]),
        Shell::Jobs => holder.args(["bash", "--norc", "-m", "-c", JOBS, "bash"]),
    };
    holder.arg(pid_file).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => holder.env(name, value),
            None => holder.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        holder.current_dir(folder);
    }
    holder
}

fn winsize(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn exit_code(text: &str) -> Option<i32> {
    text.rsplit_once("[exit ")?.1.split_once(']')?.0.parse().ok()
}
