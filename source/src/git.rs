//! One call of the git command: shut off from everybody's configuration, bounded in time and output.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::Error;

/// The time that any one git command is given.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);
/// The most that a command without a limit of its own may answer, in bytes.
const ANSWER_LIMIT: u64 = 256 << 20;
/// How much of a command's standard error is kept, in bytes.
const STDERR_LIMIT: u64 = 8 << 10;

/// Settings on every command line, where they beat those of any repository.
const SETTINGS: &[&str] = &[
    "safe.directory=*",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.quotePath=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.symlinks=true",
    "core.autocrlf=false",
    "core.pager=cat",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "submodule.recurse=false",
    "merge.directoryRenames=false",
];

/// A git command before it runs.
pub(crate) struct Git {
    command: Command,
    name: String,
    input: Vec<u8>,
    limit: u64,
}

/// What a git command answered.
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Git {
    /// A command on the repository at `git_dir`.
    pub(crate) fn on(git_dir: &Path, name: &str) -> Self {
        let mut git = Self::anywhere(name);
        git.command.env("GIT_DIR", git_dir);
        git
    }

    /// A command that finds a person's repository from a folder, without their global settings.
    pub(crate) fn within(dir: &Path, name: &str) -> Self {
        let mut git = Self::anywhere(name);
        git.command.current_dir(dir);
        git
    }

    /// A command that needs no repository.
    pub(crate) fn anywhere(name: &str) -> Self {
        let mut command = Command::new("git");
        command.env_clear().kill_on_drop(true);
        // HOME is kept for the person's ignore file only; every configuration file is turned off.
        for kept in ["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("LC_ALL", "C");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "codegod");
            command.env(format!("GIT_{role}_EMAIL"), "codegod@localhost");
        }
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.arg(name);
        Self { command, name: name.to_owned(), input: Vec::new(), limit: ANSWER_LIMIT }
    }

    /// A command that reads the settings of the person who runs this. Only for asking for a setting: that
    /// runs nothing, whatever the settings say.
    pub(crate) fn asking_the_person(dir: &Path) -> Self {
        let mut git = Self::within(dir, "config");
        for unset in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"] {
            match std::env::var_os(unset) {
                Some(value) => git.command.env(unset, value),
                None => git.command.env_remove(unset),
            };
        }
        git
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl Into<OsString>) -> Self {
        self.command.env(key, value.into());
        self
    }

    /// The folder the command runs in.
    pub(crate) fn directory(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// The date of the commit to be made, in seconds since 1970.
    pub(crate) fn date(self, seconds: i64) -> Self {
        let date = format!("@{seconds} +0000");
        self.env("GIT_AUTHOR_DATE", date.clone()).env("GIT_COMMITTER_DATE", date)
    }

    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// The most that the command may answer, in bytes; more is [`Error::TooLarge`].
    pub(crate) fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Starts the command for a caller that writes its input bit by bit.
    pub(crate) fn spawn(&mut self) -> Result<Child, Error> {
        let piped = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        piped.spawn().map_err(|source| Error::Spawn { command: self.name.clone(), source })
    }

    /// Runs to the end, whatever the exit code.
    pub(crate) async fn finish(mut self) -> Result<Finished, Error> {
        let mut child = self.spawn()?;
        let stdin = child.stdin.take();
        let (name, input, limit) = (self.name, self.input, self.limit);
        let work = async {
            let feed = async {
                if let Some(mut stdin) = stdin {
                    // A command that ends before it read everything says why by its exit code.
                    let _ = stdin.write_all(&input).await;
                }
            };
            let ((), stdout, stderr) =
                tokio::join!(feed, read(child.stdout.take(), limit), read_start(child.stderr.take()));
            let broken = |source| Error::Spawn { command: name.clone(), source };
            let stdout = stdout.map_err(broken)?;
            if stdout.len() as u64 > limit {
                let what = format!("the answer of git {name}");
                return Err(Error::TooLarge { what, bytes: stdout.len() as u64, limit });
            }
            let status = child.wait().await.map_err(broken)?;
            Ok(Finished { code: status.code().unwrap_or(-1), stdout, stderr })
        };
        match tokio::time::timeout(DEADLINE, work).await {
            Ok(done) => done,
            Err(_) => Err(Error::Deadline { command: name.clone(), seconds: DEADLINE.as_secs() }),
        }
    }

    /// Runs to the end; any exit code but 0 is an error. Gives the standard output.
    pub(crate) async fn run(self) -> Result<Vec<u8>, Error> {
        let name = self.name.clone();
        let done = self.finish().await?;
        if done.code == 0 { Ok(done.stdout) } else { Err(done.failed(&name)) }
    }

    /// Runs to the end and gives the standard output as text without the final line end.
    pub(crate) async fn text(self) -> Result<String, Error> {
        let out = self.run().await?;
        Ok(String::from_utf8_lossy(&out).trim_end_matches('\n').to_owned())
    }
}

/// The value of `GIT_ALTERNATE_OBJECT_DIRECTORIES` for these stores, quoted: a colon parts them.
pub(crate) fn alternates(stores: &[&Path]) -> OsString {
    let mut value = Vec::new();
    for store in stores {
        if !value.is_empty() {
            value.push(b':');
        }
        value.push(b'"');
        for byte in store.as_os_str().as_bytes() {
            match byte {
                b'"' | b'\\' => value.extend([b'\\', *byte]),
                b'\n' => value.extend(b"\\n"),
                byte => value.push(*byte),
            }
        }
        value.push(b'"');
    }
    OsString::from_vec(value)
}

impl Finished {
    /// The error that says how the command failed.
    pub(crate) fn failed(self, name: &str) -> Error {
        Error::Git { command: name.to_owned(), code: self.code, stderr: self.stderr.trim().to_owned() }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(limit.saturating_add(1)).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// The start of a stream; the rest is read and forgotten, so that the writer never blocks.
async fn read_start(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(STDERR_LIMIT).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
