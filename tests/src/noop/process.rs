//! Processes of agents: started, signalled and watched by a test, killed when dropped.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use codegod_protocol::agent::AgentStatus;
use codegod_protocol::client::Client;
use codegod_protocol::id::{AgentId, Role};

use crate::fleet::signal;

/// How long a start or an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running agent, `noop-agent` or a real one.
#[derive(Debug)]
pub struct AgentProcess {
    /// Its id.
    pub id: AgentId,
    child: Child,
    folder: tempfile::TempDir,
}

impl AgentProcess {
    /// Starts `binary` as an agent of the role on the client's Redis and prefix, with more variables, and
    /// waits until it is on the list. Docker is out of its reach unless a variable says where it is.
    ///
    /// # Errors
    /// When it does not start, or is not on the list within 20 s.
    pub async fn start(
        binary: &Path,
        client: &Client,
        role: Role,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = Command::new(binary)
            .env("AGENT_ROLE", role.name())
            .env("REDIS_URL", client.url())
            .env("CODEGOD_PREFIX", client.keys().prefix())
            .env("CODEGOD_STATE_DIR", folder.path())
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let mut agent = Self { id: AgentId::random(role), child, folder };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let listed = client.agents().await?.into_iter().find(|status| status.pid == agent.pid());
            if let Some(status) = listed {
                agent.id = status.id;
                return Ok(agent);
            }
            if let Some(status) = agent.child.try_wait()? {
                bail!("the agent ended at once ({status}):\n{}", agent.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("the agent is not on the list:\n{}", agent.log())
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Sends it a signal (`TERM`, `STOP`, …).
    ///
    /// # Errors
    /// When `kill` can't be run.
    pub fn signal(&self, name: &str) -> Result<()> {
        signal(name, self.pid())
    }

    /// What it says of itself; none when it is not on the list.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn status(&self, client: &Client) -> Result<Option<AgentStatus>> {
        Ok(client.agents().await?.into_iter().find(|status| status.id == self.id))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it has not within 20 s.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("{} has not ended:\n{}", self.id, self.log())
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        // A stopped process takes SIGKILL, too; one that has ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.id, self.log());
        }
    }
}
