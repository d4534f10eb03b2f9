//! The connection that everything but blocking reads goes over: shared by all clones of a client, opened
//! again when it is lost or leads to a server that is no longer the master. The call that notices fails;
//! the next ones wait for the new connection. How often to try again is the caller's (`backoff`).

use std::sync::Arc;
use std::time::Instant;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisError, RedisFuture, Value};
use tokio::sync::Mutex;

use super::is_spent;
use super::target::{RESPONSE_TIMEOUT, Target, settings};
use crate::client::Error;

/// How many connections the pool of an occasional caller holds at most.
const POOL_SIZE: usize = 4;

/// A way to Redis; clones share it.
#[derive(Clone)]
pub(in crate::client) struct Link(Arc<Shared>);

struct Shared {
    target: Arc<Target>,
    style: Style,
    state: Mutex<State>,
}

/// What a link holds.
#[derive(Clone, Copy)]
enum Style {
    /// One multiplexed connection, for a process that works all the time.
    Multiplexed,
    /// A small pool, for an occasional caller.
    Pool,
}

#[derive(Default)]
struct State {
    carrier: Option<Carrier>,
    /// Counts the carriers, so that a late failure of an old one does not end a new one.
    generation: u64,
    /// When the last try to connect failed, and why: those who waited meanwhile need not try again.
    failed: Option<(Instant, RedisError)>,
}

#[derive(Clone)]
enum Carrier {
    Multiplexed(MultiplexedConnection),
    Pool(deadpool_redis::Pool),
}

/// A connection in use.
pub(in crate::client) struct Checkout {
    link: Link,
    generation: u64,
    connection: Connection,
}

enum Connection {
    Multiplexed(MultiplexedConnection),
    Pooled(deadpool_redis::Connection),
}

impl Link {
    /// One multiplexed connection, opened now.
    pub(in crate::client) async fn multiplexed(target: Arc<Target>) -> Result<Self, Error> {
        Self::open(target, Style::Multiplexed).await
    }

    /// A small pool, and one connection of it opened now.
    pub(in crate::client) async fn pooled(target: Arc<Target>) -> Result<Self, Error> {
        Self::open(target, Style::Pool).await
    }

    async fn open(target: Arc<Target>, style: Style) -> Result<Self, Error> {
        let link = Self(Arc::new(Shared { target, style, state: Mutex::default() }));
        match link.checkout().await {
            // A pool wraps the reason in an error of its own.
            Err(Error::Pool(deadpool_redis::PoolError::Backend(source))) => {
                Err(Error::Unreachable { url: link.target().shown().to_owned(), source })
            }
            Err(error) => Err(error),
            Ok(_) => Ok(link),
        }
    }

    /// Where it leads.
    pub(in crate::client) fn target(&self) -> &Arc<Target> {
        &self.0.target
    }

    /// A connection, opened anew when the last one is gone.
    pub(in crate::client) async fn checkout(&self) -> Result<Checkout, Error> {
        let asked = Instant::now();
        let mut state = self.0.state.lock().await;
        let (carrier, generation) = match &state.carrier {
            Some(carrier) => (carrier.clone(), state.generation),
            None => self.connect(&mut state, asked).await?,
        };
        drop(state);
        let connection = match carrier {
            Carrier::Multiplexed(connection) => Connection::Multiplexed(connection),
            Carrier::Pool(pool) => match pool.get().await {
                Ok(connection) => Connection::Pooled(connection),
                Err(error) => {
                    self.renew(generation).await;
                    return Err(Error::Pool(error));
                }
            },
        };
        Ok(Checkout { link: self.clone(), generation, connection })
    }

    async fn connect(&self, state: &mut State, asked: Instant) -> Result<(Carrier, u64), Error> {
        let target = &self.0.target;
        if let Some((when, source)) = &state.failed
            && *when >= asked
        {
            return Err(Error::Unreachable { url: target.shown().to_owned(), source: source.clone() });
        }
        let opened = match self.0.style {
            Style::Multiplexed => target.dial(Some(RESPONSE_TIMEOUT)).await.map(Carrier::Multiplexed),
            Style::Pool => self.pool().await.map(Carrier::Pool),
        };
        match opened {
            Ok(carrier) => {
                state.carrier = Some(carrier.clone());
                state.generation += 1;
                state.failed = None;
                Ok((carrier, state.generation))
            }
            Err(error) => {
                if let Error::Unreachable { source, .. } = &error {
                    state.failed = Some((Instant::now(), source.clone()));
                }
                Err(error)
            }
        }
    }

    async fn pool(&self) -> Result<deadpool_redis::Pool, Error> {
        let target = &self.0.target;
        let unreadable = || Error::Url { url: target.shown().to_owned() };
        let info = target.find().await?;
        let manager = deadpool_redis::Manager::new_with_config(info, settings(Some(RESPONSE_TIMEOUT)));
        deadpool_redis::Pool::builder(manager.map_err(|_| unreadable())?)
            .max_size(POOL_SIZE)
            .runtime(deadpool_redis::Runtime::Tokio1)
            .build()
            .map_err(|_| unreadable())
    }

    /// Gives up a carrier that is of no more use, unless another has taken its place.
    async fn renew(&self, generation: u64) {
        let mut state = self.0.state.lock().await;
        if state.generation == generation {
            state.carrier = None;
        }
    }
}

impl Checkout {
    /// Gives the connection up when an answer says that it is of no more use.
    async fn judge(&self, answer: Result<&[Value], &RedisError>) {
        if is_spent(answer) {
            self.link.renew(self.generation).await;
        }
    }
}

impl ConnectionLike for Checkout {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let answer = match &mut self.connection {
                Connection::Multiplexed(connection) => connection.req_packed_command(cmd).await,
                Connection::Pooled(connection) => connection.req_packed_command(cmd).await,
            };
            self.judge(answer.as_ref().map(std::slice::from_ref)).await;
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let answers = match &mut self.connection {
                Connection::Multiplexed(connection) => {
                    connection.req_packed_commands(pipeline, offset, count).await
                }
                Connection::Pooled(connection) => {
                    connection.req_packed_commands(pipeline, offset, count).await
                }
            };
            self.judge(answers.as_ref().map(Vec::as_slice)).await;
            answers
        })
    }

    fn get_db(&self) -> i64 {
        match &self.connection {
            Connection::Multiplexed(connection) => connection.get_db(),
            Connection::Pooled(connection) => connection.get_db(),
        }
    }
}
