//! A master, its replica and one sentinel that watches them and does not wait long.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::redis_server::{RedisServer, free_port};

/// The name that the sentinel knows the master by.
pub const MASTER_NAME: &str = "main";

/// Two servers and their sentinel, ended when dropped.
#[derive(Debug)]
pub struct Watched {
    /// The master at the start.
    pub first: RedisServer,
    /// Its replica at the start.
    pub second: RedisServer,
    sentinel_port: u16,
    sentinel: Child,
    _folder: tempfile::TempDir,
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
        let folder = tempfile::tempdir()?;
        let sentinel_port = free_port()?;
        let file = folder.path().join("sentinel.conf");
        let settings = format!(
            "port {sentinel_port}\nbind 127.0.0.1\nprotected-mode no\ndir {}\n\
             sentinel monitor {MASTER_NAME} 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds {MASTER_NAME} 600\n\
             sentinel failover-timeout {MASTER_NAME} 3000\n",
            folder.path().display(),
            first.port(),
        );
        std::fs::write(&file, settings)?;
        let sentinel = Command::new("redis-server")
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting redis-server --sentinel")?;
        let watched = Self { first, second, sentinel_port, sentinel, _folder: folder };
        watched.wait_until_together()?;
        Ok(watched)
    }

    /// The URL that leads to whoever is the master.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/{MASTER_NAME}", self.sentinel_port)
    }

    /// Tells the sentinel to make the replica the master although the master lives.
    ///
    /// # Errors
    /// When the sentinel refuses.
    pub fn fail_over(&self) -> Result<()> {
        let mut connection = self.sentinel()?;
        redis::cmd("SENTINEL").arg("FAILOVER").arg(MASTER_NAME).query::<()>(&mut connection)?;
        Ok(())
    }

    fn sentinel(&self) -> Result<redis::Connection> {
        Ok(redis::Client::open(format!("redis://127.0.0.1:{}", self.sentinel_port))?.get_connection()?)
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
        let replicas: Vec<Fields> = ask.arg("REPLICAS").arg(MASTER_NAME).query(&mut self.sentinel()?)?;
        let linked = |fields: &Fields| fields.get("master-link-status").is_some_and(|status| status == "ok");
        Ok(replicas.iter().any(linked))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.sentinel.kill();
        let _ = self.sentinel.wait();
    }
}
