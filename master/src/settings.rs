//! The master's settings, from the environment.

use std::path::PathBuf;

use anyhow::Context;
use codegod_protocol::client::{Client, LEASE_MS, Retention};
use codegod_protocol::settings::{host_name, variable};

/// Whether the master keeps workers on its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FleetKeeping {
    /// It starts and drains worker processes.
    Processes,
    /// Somebody else does (Compose, Swarm, a person).
    Nobody,
}

/// The master's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Its name in events: `master-<host>-<pid>`.
    pub(crate) name: String,
    /// The host's name, as agents say it too.
    pub(crate) host: String,
    /// `REDIS_URL`.
    pub(crate) redis_url: String,
    /// `CODEGOD_PREFIX`.
    pub(crate) prefix: String,
    /// `CODEGOD_FLEET`: `process` (unless set) or `none`.
    pub(crate) keeping: FleetKeeping,
    /// How long a lease lasts without a heartbeat: `CODEGOD_LEASE_MS`, as for the workers.
    pub(crate) lease_ms: u64,
    /// What stays in Redis, and for how long: `CODEGOD_KEEP_GOALS`, `CODEGOD_KEEP_DAYS`, `CODEGOD_KEEP_EVENTS`.
    pub(crate) retention: Retention,
    /// Where the workers' binaries are: beside the master's own.
    pub(crate) binaries: PathBuf,
    /// Where the workers' logs go: `CODEGOD_STATE_DIR/log`, else inherited standard error.
    pub(crate) logs: Option<PathBuf>,
}

impl Settings {
    /// Reads the environment.
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let (redis_url, prefix) = Client::settings_from_env();
        let keeping = match variable("CODEGOD_FLEET").as_deref() {
            None | Some("process") => FleetKeeping::Processes,
            Some("none") => FleetKeeping::Nobody,
            Some(other) => anyhow::bail!("CODEGOD_FLEET is {other:?}; it can be `process` or `none`"),
        };
        let host = host_name();
        let own = std::env::current_exe().context("finding the master's own binary")?;
        let binaries = own.parent().context("finding the folder of the master's binary")?.to_owned();
        let logs = variable("CODEGOD_STATE_DIR").map(|folder| PathBuf::from(folder).join("log"));
        let lease_ms = variable("CODEGOD_LEASE_MS").and_then(|text| text.parse().ok()).unwrap_or(LEASE_MS);
        let retention = Retention::from_env()?;
        let name = format!("master-{host}-{}", std::process::id());
        Ok(Self { name, host, redis_url, prefix, keeping, lease_ms, retention, binaries, logs })
    }
}
