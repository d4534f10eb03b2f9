//! A master, its replica and one sentinel that watches them and does not wait long.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::redis_server::{RedisServer, free_port};

/// The name that the sentinel knows the master by.
pub const MASTER_NAME: &str = "main";

/// A sentinel, ended when dropped.
#[derive(Debug)]
pub struct Sentinel {
    port: u16,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Sentinel {
    /// Starts one with these lines of configuration, on a free port.
    ///
    /// # Errors
    /// When redis-server can't be started.
    pub fn start(settings: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let file = folder.path().join("sentinel.conf");
        let base = format!("port {port}\nbind 127.0.0.1\ndir {}\n", folder.path().display());
        std::fs::write(&file, base + settings)?;
        let child = Command::new("redis-server")
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting redis-server --sentinel")?;
        Ok(Self { port, child, _folder: folder })
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn raw(&self) -> Result<redis::Connection> {
        Ok(redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?.get_connection()?)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two servers and their sentinel, ended when dropped.
#[derive(Debug)]
pub struct Watched {
    /// The master at the start.
    pub first: RedisServer,
    /// Its replica at the start.
    pub second: RedisServer,
    sentinel: Sentinel,
}

impl Watched {
    /// Starts all three and waits until the replica is in step and the sentinel knows both.
    ///
    /// # Errors
    /// When redis-server is not installed, or they do not come together within 30 seconds.
    pub fn start() -> Result<Self> {
        let quick = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
        let first = RedisServer::start_with(&quick)?;
        let of_first = ["--replicaof", &format!("127.0.0.1 {}", first.port())];
        let second = RedisServer::start_with(&[&quick[..], &of_first[..]].concat())?;
        let sentinel = Sentinel::start(&format!(
            "sentinel monitor {MASTER_NAME} 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds {MASTER_NAME} 600\n\
             sentinel failover-timeout {MASTER_NAME} 3000\n",
            first.port(),
        ))?;
        let watched = Self { first, second, sentinel };
        watched.wait_until_together()?;
        Ok(watched)
    }

    /// The URL that leads to whoever is the master.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/{MASTER_NAME}", self.sentinel.port)
    }

    /// Tells the sentinel to make the replica the master although the master lives.
    ///
    /// # Errors
    /// When the sentinel refuses.
    pub fn fail_over(&self) -> Result<()> {
        let mut connection = self.sentinel.raw()?;
        redis::cmd("SENTINEL").arg("FAILOVER").arg(MASTER_NAME).query::<()>(&mut connection)?;
        Ok(())
    }

    fn wait_until_together(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            let in_step = self.second.command::<String>(&["INFO", "replication"]);
            let in_step = in_step.is_ok_and(|told| told.contains("master_link_status:up"));
            if in_step && self.knows_the_replica().unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("master, replica and sentinel did not come together within 30 s")
    }

    fn knows_the_replica(&self) -> Result<bool> {
        type Fields = std::collections::HashMap<String, String>;
        let mut ask = redis::cmd("SENTINEL");
        let replicas: Vec<Fields> = ask.arg("REPLICAS").arg(MASTER_NAME).query(&mut self.sentinel.raw()?)?;
        let linked = |fields: &Fields| fields.get("master-link-status").is_some_and(|status| status == "ok");
        Ok(replicas.iter().any(linked))
    }
}
