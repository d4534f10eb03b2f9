//! Connections: one that is shared and comes back by itself, a small pool, and one for blocking reads.

use std::time::Duration;

use deadpool_redis::redis::{self, Cmd, Pipeline, RedisFuture, Value};
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};

use super::Error;
use crate::keys::Keys;

/// How long a first connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an answer may take; scripts over large plans are the slowest.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest wait between two tries to reach Redis again.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(5);
/// How many connections the pool of an occasional caller holds at most.
const POOL_SIZE: usize = 4;

/// A way to Redis.
#[derive(Clone)]
pub(super) enum Link {
    /// One multiplexed connection that comes back by itself.
    Managed(ConnectionManager),
    /// A small pool.
    Pooled(deadpool_redis::Pool),
}

/// A connection in use.
pub(super) enum Checkout {
    /// A clone of the managed connection.
    Managed(ConnectionManager),
    /// One connection of the pool.
    Pooled(deadpool_redis::Connection),
}

fn client(url: &str) -> Result<redis::Client, Error> {
    redis::Client::open(url).map_err(|_| Error::Url { url: without_password(url) })
}

impl Link {
    pub(super) async fn managed(url: &str) -> Result<Self, Error> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_max_delay(MAX_RECONNECT_DELAY)
            .set_number_of_retries(2);
        let manager = ConnectionManager::new_with_config(client(url)?, config)
            .await
            .map_err(|source| Error::Unreachable { url: without_password(url), source })?;
        Ok(Link::Managed(manager))
    }

    pub(super) async fn pooled(url: &str) -> Result<Self, Error> {
        // Asked once directly, because a pool wraps the reason in an error of its own.
        let client = client(url)?;
        let config = redis::AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIMEOUT));
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|source| Error::Unreachable { url: without_password(url), source })?;
        let pool = deadpool_redis::Config::from_url(url)
            .builder()
            .map_err(|_| Error::Url { url: without_password(url) })?
            .max_size(POOL_SIZE)
            .runtime(deadpool_redis::Runtime::Tokio1)
            .build()
            .map_err(|_| Error::Url { url: without_password(url) })?;
        Ok(Link::Pooled(pool))
    }

    pub(super) async fn checkout(&self) -> Result<Checkout, Error> {
        Ok(match self {
            Link::Managed(manager) => Checkout::Managed(manager.clone()),
            Link::Pooled(pool) => Checkout::Pooled(pool.get().await?),
        })
    }
}

impl ConnectionLike for Checkout {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Checkout::Managed(connection) => connection.req_packed_command(cmd),
            Checkout::Pooled(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Checkout::Managed(connection) => connection.req_packed_commands(pipeline, offset, count),
            Checkout::Pooled(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Checkout::Managed(connection) => connection.get_db(),
            Checkout::Pooled(connection) => connection.get_db(),
        }
    }
}

/// A connection for blocking reads, opened again when it breaks.
pub struct Listener {
    pub(super) keys: Keys,
    url: String,
    connection: Option<MultiplexedConnection>,
}

impl Listener {
    pub(super) async fn open(url: &str, keys: Keys) -> Result<Self, Error> {
        let mut listener = Self { keys, url: url.to_owned(), connection: None };
        listener.connection().await?;
        Ok(listener)
    }

    /// The connection, opened anew after [`Listener::broken`].
    pub(super) async fn connection(&mut self) -> Result<&mut MultiplexedConnection, Error> {
        if self.connection.is_none() {
            let config = redis::AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT_TIMEOUT))
                .set_response_timeout(None);
            let opened = client(&self.url)?
                .get_multiplexed_async_connection_with_config(&config)
                .await
                .map_err(|source| Error::Unreachable { url: without_password(&self.url), source })?;
            self.connection = Some(opened);
        }
        self.connection.as_mut().ok_or_else(|| Error::NotFound("connection to Redis".to_owned()))
    }

    /// Forgets a connection that failed, so that the next read opens another.
    pub(super) fn broken(&mut self) {
        self.connection = None;
    }
}

/// The URL with `***` for its password.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => {
            format!("{scheme}://{}:***@{host}", user.split(':').next().unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_never_shows() {
        assert_eq!(without_password("redis://me:s3cret@h:1/0"), "redis://me:***@h:1/0");
        assert_eq!(without_password("redis://:s3@cret@h:1"), "redis://:***@h:1");
        assert_eq!(without_password("redis://h:1"), "redis://h:1");
    }
}
