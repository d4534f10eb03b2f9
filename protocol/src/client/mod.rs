//! The typed client: everything that codegod's processes do with Redis.
//!
//! [`crate::engine`] says what queues, leases and publishing guarantee, and how.

mod archive;
mod bundles;
mod connection;
mod entries;
mod fleet;
mod gauge;
mod gc;
mod glance;
mod goals;
mod growth;
mod leases;
mod letters;
mod outline;
mod peek;
mod planning;
mod scripts;
mod server;
mod stored;
mod streams;
mod sweep;
mod trim;
mod trouble;
mod turn;
mod view;

pub use archive::Summary;
pub use connection::{Access, Listener, without_password};
use connection::{Link, Target};
pub use fleet::{Command, MAX_AGENTS};
pub use gauge::{Family, Gauge, Group};
pub use gc::{Collected, Depth, Mode, Retention};
pub use glance::{Glance, Glances, Head};
pub use growth::{FollowUp, Growth, GrowthOutcome, PlanGraph, PlanNode};
pub use leases::{LeaseState, Ticked};
pub use letters::{DeadLetter, Quarantined};
pub use outline::{ResultOutline, TaskOutline};
pub use peek::Queued;
pub use planning::{GoalEntry, PLANNING_LEASE_MS, Planning, PlanningOutcome, PlanningToken};
pub use server::ServerFacts;
pub use streams::{LogLine, NewLine, StreamPosition, TimedEvent};
pub use trim::{Keep, Trimmed};
pub use trouble::Trouble;
pub use turn::{Claim, Claimed, MAX_BATCH, PublishOutcome, Turn, Worker};
pub use view::{GoalView, QueueView, TaskView};

use std::sync::Arc;

use redis::RedisError;
use redis::aio::ConnectionLike;

use crate::keys::{DEFAULT_PREFIX, Keys};
use crate::settings::variable;

/// Where Redis is unless configured.
pub const DEFAULT_REDIS_URL: &str = "redis://127.0.0.1:6379";

/// How long a lease lasts without a heartbeat.
pub const LEASE_MS: u64 = 15_000;

/// What can go wrong between a process and Redis.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL can't be read.
    #[error(
        "{url:?} is not a Redis URL (redis[s]://[user:password@]host:port[/database], or \
         redis[s]+sentinel://[user:password@]host:port[,host:port]/master-name[/database])"
    )]
    Url {
        /// As given, without its password.
        url: String,
    },
    /// A setting that belongs to the connection can't be used.
    #[error("{name} can't be used: {reason}")]
    Setting {
        /// The environment variable.
        name: &'static str,
        /// Why not.
        reason: String,
    },
    /// The keys of one call would lie on several nodes of a Cluster.
    #[error(
        "Redis at {url} is a Cluster, and the prefix {prefix:?} has no hash tag: set CODEGOD_PREFIX to one \
         that has, such as {{codegod}}:"
    )]
    NoHashTag {
        /// Where, without the password.
        url: String,
        /// The prefix of every key.
        prefix: String,
    },
    /// Several hosts are named, but they are no Cluster.
    #[error("{url} names several hosts, but Redis there is not a Cluster: name one, or the sentinels")]
    NotACluster {
        /// Where, without the password.
        url: String,
    },
    /// Nobody answers there, or nobody who lets us in.
    #[error("Redis at {url} {}", trouble::of_connecting(source))]
    Unreachable {
        /// Where, without the password.
        url: String,
        /// Why.
        #[source]
        source: RedisError,
    },
    /// A command failed.
    #[error("{doing}")]
    Redis {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: RedisError,
    },
    /// The pool of connections gave none.
    #[error("no connection to Redis could be had from the pool")]
    Pool(#[from] deadpool_redis::PoolError),
    /// What stands in Redis can't be read.
    #[error("{what} in Redis can't be read: {reason}")]
    Undecodable {
        /// What it is.
        what: String,
        /// Why not.
        reason: String,
    },
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// The state of a thing does not allow it.
    #[error("{what} is {state}")]
    WrongState {
        /// The thing.
        what: String,
        /// Its state.
        state: String,
    },
}

/// A client of one codegod's Redis. Cheap to clone; clones share one connection.
#[derive(Clone)]
pub struct Client {
    link: Link,
    keys: Keys,
    url: String,
    who: String,
}

impl Client {
    /// Connects to the Redis at `url`, with one multiplexed connection that comes back by itself, for a
    /// process that works all the time. `who` is the name that events carry. What the URL leaves out (a
    /// password, certificates) is taken from the environment.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Setting`], [`Error::Unreachable`], [`Error::NoHashTag`],
    /// [`Error::NotACluster`].
    pub async fn connect(url: &str, prefix: &str, who: &str) -> Result<Self, Error> {
        Self::connect_with(url, prefix, who, &Access::from_env()).await
    }

    /// As [`Client::connect`], with what the URL leaves out given in `access`.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect_with(url: &str, prefix: &str, who: &str, access: &Access) -> Result<Self, Error> {
        let target = Arc::new(Target::new(url, prefix, access)?);
        Ok(Self::over(Link::multiplexed(target).await?, url, prefix, who))
    }

    /// Whether a URL, with what the environment adds to it, can be an address at all. Connects to nothing.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Setting`].
    pub fn check_address(url: &str, prefix: &str) -> Result<(), Error> {
        Target::new(url, prefix, &Access::from_env()).map(|_| ())
    }

    /// As [`Client::connect`], over a small pool of connections, for an occasional caller (the command
    /// line, the console's commands).
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn pooled(url: &str, prefix: &str, who: &str) -> Result<Self, Error> {
        Self::pooled_with(url, prefix, who, &Access::from_env()).await
    }

    /// As [`Client::pooled`], with what the URL leaves out given in `access`.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn pooled_with(url: &str, prefix: &str, who: &str, access: &Access) -> Result<Self, Error> {
        let target = Arc::new(Target::new(url, prefix, access)?);
        Ok(Self::over(Link::pooled(target).await?, url, prefix, who))
    }

    fn over(link: Link, url: &str, prefix: &str, who: &str) -> Self {
        Self { link, keys: Keys::new(prefix), url: url.to_owned(), who: who.to_owned() }
    }

    /// Where and under which prefix the environment says that Redis is: `REDIS_URL`, `CODEGOD_PREFIX`.
    #[must_use]
    pub fn settings_from_env() -> (String, String) {
        let set = |name: &str, default: &str| variable(name).unwrap_or_else(|| default.to_owned());
        (set("REDIS_URL", DEFAULT_REDIS_URL), set("CODEGOD_PREFIX", DEFAULT_PREFIX))
    }

    /// The keys of this codegod.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The URL without its password, for people.
    #[must_use]
    pub fn url(&self) -> String {
        connection::without_password(&self.url)
    }

    /// A connection of its own for blocking reads: a blocked connection answers nothing else, and one
    /// with a response timeout loses what is delivered after it.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn listener(&self) -> Result<Listener, Error> {
        Listener::open(self.link.target().clone(), self.keys.clone()).await
    }

    /// Whether Redis answers, and its version.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn server_version(&self) -> Result<String, Error> {
        let info: String =
            self.query("asking Redis for its version", redis::cmd("INFO").arg("server")).await?;
        let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
        Ok(version.unwrap_or("unknown").trim().to_owned())
    }

    async fn query<T: redis::FromRedisValue>(
        &self,
        doing: &'static str,
        cmd: &redis::Cmd,
    ) -> Result<T, Error> {
        let mut link = self.link.checkout().await?;
        cmd.query_async(&mut link).await.map_err(|source| Error::Redis { doing, source })
    }

    async fn pipe<T: redis::FromRedisValue>(
        &self,
        doing: &'static str,
        pipe: &redis::Pipeline,
    ) -> Result<T, Error> {
        let mut link = self.link.checkout().await?;
        pipe.query_async(&mut link).await.map_err(|source| Error::Redis { doing, source })
    }

    /// Runs one of codegod's scripts; `build` adds its own arguments.
    async fn script<T: redis::FromRedisValue>(
        &self,
        script: &scripts::Named,
        build: impl FnOnce(&mut redis::ScriptInvocation<'_>),
    ) -> Result<T, Error> {
        self.script_as(&self.who, script, build).await
    }

    /// As [`Client::script`], in another's name.
    async fn script_as<T: redis::FromRedisValue>(
        &self,
        who: &str,
        script: &scripts::Named,
        build: impl FnOnce(&mut redis::ScriptInvocation<'_>),
    ) -> Result<T, Error> {
        let mut link = self.link.checkout().await?;
        let mut invocation = script.prepare(&self.keys, who);
        build(&mut invocation);
        invocation
            .invoke_async(&mut link)
            .await
            .map_err(|source| Error::Redis { doing: script.doing, source })
    }
}

/// Sends one command over any connection.
async fn query_on<T: redis::FromRedisValue>(
    connection: &mut impl ConnectionLike,
    doing: &'static str,
    cmd: &redis::Cmd,
) -> Result<T, Error> {
    cmd.query_async(connection).await.map_err(|source| Error::Redis { doing, source })
}

/// Reads a value that stands in Redis as JSON.
fn decode<T: serde::de::DeserializeOwned>(what: impl Into<String>, json: &str) -> Result<T, Error> {
    serde_json::from_str(json)
        .map_err(|error| Error::Undecodable { what: what.into(), reason: error.to_string() })
}

/// Writes a value as the JSON that stands in Redis.
fn encode<T: serde::Serialize>(what: &str, value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::Undecodable { what: what.to_owned(), reason: error.to_string() })
}

/// Unix time in milliseconds on this host.
#[must_use]
pub fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
