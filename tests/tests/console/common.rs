//! A console of the test's own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::client::{Client, NewLine, now_ms};
use codegod_protocol::id::{AgentId, Role};
use codegod_tests::fleet::binary;
use codegod_tests::redis_server::RedisServer;
use codegod_tests::terminal::{Modes, Shell, Terminal};

pub(crate) type Result<T = ()> = anyhow::Result<T>;

/// The size that every screen must do with.
pub(crate) const USUAL: (u16, u16) = (80, 24);
/// How long leaving may take, whatever asked for it.
pub(crate) const AT_ONCE: Duration = Duration::from_millis(500);
/// As the console wants the terminal.
pub(crate) const TAKEN: Modes =
    Modes { alternate: true, cursor_hidden: true, mouse: true, paste: true, cooked: false };

/// A Redis, and a folder for what the console writes.
pub(crate) struct World {
    pub(crate) redis: RedisServer,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { redis: RedisServer::start()?, folder: tempfile::tempdir()? })
    }

    /// The console's command, set up for this world.
    pub(crate) fn command(&self, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(binary("codegod")?);
        command.arg("console").args(args).current_dir(self.folder.path());
        for name in [
            "LOG_LEVEL",
            "NO_COLOR",
            "TMUX",
            "STY",
            "PAGER",
            "VISUAL",
            "EDITOR",
            "CODEGOD_THEME",
            "RUST_BACKTRACE",
        ] {
            command.env_remove(name);
        }
        command.env("REDIS_URL", self.redis.url()).env("CODEGOD_PREFIX", "codegod:");
        command.env("CODEGOD_STATE_DIR", self.folder.path()).env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        Ok(command)
    }

    /// A file of this world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An agent that lives and has said these lines.
    pub(crate) async fn agent_says(&self, lines: &[&str]) -> Result<AgentId> {
        let client = Client::connect(&self.redis.url(), "codegod:", "test").await?;
        let agent = AgentId::random(Role::Backend);
        client.agent_heartbeat(&status(&agent)?).await?;
        let lines: Vec<NewLine> = lines.iter().copied().map(NewLine::output).collect();
        client.append_log(&agent, "", &lines).await?;
        Ok(agent)
    }

    /// A console that has drawn its first picture.
    pub(crate) fn console(&self) -> Result<Terminal> {
        let mut terminal = Terminal::start(&self.command(&[])?, Shell::Script, USUAL)?;
        drawn(&mut terminal)?;
        Ok(terminal)
    }
}

/// Waits until the whole picture stands, down to its last row.
pub(crate) fn drawn(terminal: &mut Terminal) -> Result {
    terminal.wait("a picture", Duration::from_secs(20), |screen| {
        let text = screen.contents();
        screen.alternate_screen() && text.contains("codegod") && text.contains("quit")
    })?;
    Ok(())
}

/// Waits until the console shows that Redis answers.
pub(crate) fn connected(terminal: &mut Terminal) -> Result {
    terminal.wait("a connection", Duration::from_secs(20), |screen| is_connected(&screen.contents()))?;
    Ok(())
}

/// Whether the head tells of a round trip to Redis.
pub(crate) fn is_connected(text: &str) -> bool {
    let head = text.lines().next().unwrap_or_default();
    head.contains("redis ") && head.contains("ms")
}

/// What an idle agent says of itself; it is taken for alive for ten minutes.
fn status(agent: &AgentId) -> Result<AgentStatus> {
    Ok(serde_json::from_value(serde_json::json!({
        "id": agent, "role": agent.role(), "capabilities": [], "host": "h", "pid": 1, "phase": "idle",
        "current_task": null, "usage": { "cpu_seconds": 0.0, "peak_memory_bytes": 0, "output_bytes": 0 },
        "succeeded": 3, "failed": 1, "started_ms": 1, "heartbeat_ms": now_ms() + 600_000, "version": "0",
    }))?)
}
