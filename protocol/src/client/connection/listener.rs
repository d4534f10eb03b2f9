//! A connection for blocking reads. A blocked connection answers nothing else, and one with a response
//! timeout of the usual length loses what is delivered after it; so it is its own, and each read waits
//! as long as it asked for and a little more. Then the connection is given up: a server that stopped
//! while its kernel still answers is noticed by nothing else.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Arg, Cmd, Pipeline, RedisError, RedisFuture, Value};

use super::is_spent;
use super::target::Target;
use crate::client::Error;
use crate::keys::Keys;

/// How long a command that does not block may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after its time a blocking read may still answer.
const GRACE: Duration = Duration::from_secs(5);

/// A connection for blocking reads, opened again when it breaks.
pub struct Listener {
    pub(in crate::client) keys: Keys,
    target: Arc<Target>,
    connection: Option<Blocking>,
}

impl Listener {
    pub(in crate::client) async fn open(target: Arc<Target>, keys: Keys) -> Result<Self, Error> {
        let mut listener = Self { keys, target, connection: None };
        listener.connection().await?;
        Ok(listener)
    }

    /// The connection, opened anew after it broke or [`Listener::broken`].
    pub(in crate::client) async fn connection(&mut self) -> Result<&mut Blocking, Error> {
        let kept = self.connection.take().filter(|connection| !connection.spent);
        let connection = match kept {
            Some(connection) => connection,
            None => Blocking { inner: self.target.dial(None).await?, spent: false },
        };
        Ok(self.connection.insert(connection))
    }

    /// Forgets a connection that failed, so that the next read opens another.
    pub(in crate::client) fn broken(&mut self) {
        self.connection = None;
    }
}

/// A connection whose answers are waited for as long as each command says.
pub(in crate::client) struct Blocking {
    inner: MultiplexedConnection,
    /// Whether it is of no more use.
    spent: bool,
}

impl ConnectionLike for Blocking {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            // A read that is dropped half-way leaves the connection blocked and its answer to nobody.
            self.spent = true;
            let answer = within(patience(cmd), self.inner.req_packed_command(cmd)).await;
            self.spent = is_spent(answer.as_ref().map(std::slice::from_ref));
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
            self.spent = true;
            let asked = self.inner.req_packed_commands(pipeline, offset, count);
            let answers = within(Some(RESPONSE_TIMEOUT), asked).await;
            self.spent = is_spent(answers.as_ref().map(Vec::as_slice));
            answers
        })
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}

async fn within<T>(
    patience: Option<Duration>,
    answer: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, RedisError> {
    let Some(patience) = patience else { return answer.await };
    let late = |_| Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)));
    tokio::time::timeout(patience, answer).await.unwrap_or_else(late)
}

/// How long an answer may take: the time that the command itself blocks and some grace; no end for one
/// that blocks for ever.
fn patience(cmd: &Cmd) -> Option<Duration> {
    let args: Vec<&[u8]> = cmd
        .args_iter()
        .map(|arg| match arg {
            Arg::Simple(bytes) => bytes,
            _ => b"",
        })
        .collect();
    match blocking_time(&args) {
        None => Some(RESPONSE_TIMEOUT),
        Some(Duration::ZERO) => None,
        Some(time) => Some(time + GRACE),
    }
}

/// How long a command blocks, zero for ever; nothing when it does not.
fn blocking_time(args: &[&[u8]]) -> Option<Duration> {
    let (name, rest) = args.split_first()?;
    let number = |arg: &&[u8]| std::str::from_utf8(arg).ok()?.parse::<f64>().ok();
    let seconds = match name.to_ascii_uppercase().as_slice() {
        b"XREAD" | b"XREADGROUP" => {
            let before_keys = rest.iter().take_while(|arg| !arg.eq_ignore_ascii_case(b"STREAMS"));
            number(before_keys.skip_while(|arg| !arg.eq_ignore_ascii_case(b"BLOCK")).nth(1)?)? / 1000.0
        }
        b"BLPOP" | b"BRPOP" | b"BLMOVE" | b"BRPOPLPUSH" | b"BZPOPMIN" | b"BZPOPMAX" => number(rest.last()?)?,
        b"BLMPOP" | b"BZMPOP" => number(rest.first()?)?,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience_of(words: &str) -> Option<Duration> {
        let mut words = words.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap());
        for word in words {
            cmd.arg(word);
        }
        patience(&cmd)
    }

    #[test]
    fn a_blocking_read_is_waited_for_as_long_as_it_blocks_and_a_little_more() {
        let read = "XREADGROUP GROUP workers a COUNT 1 block 2500 STREAMS BLOCK >";
        assert_eq!(patience_of(read), Some(Duration::from_millis(2500) + GRACE));
        assert_eq!(patience_of("BLPOP bell other 0.5"), Some(Duration::from_millis(500) + GRACE));
        assert_eq!(patience_of("BLMPOP 3 1 bell LEFT"), Some(Duration::from_secs(3) + GRACE));
        assert_eq!(patience_of("BLPOP bell 0"), None);
    }

    #[test]
    fn what_does_not_block_has_the_usual_time() {
        assert_eq!(patience_of("XREAD COUNT 1 STREAMS BLOCK 0"), Some(RESPONSE_TIMEOUT));
        assert_eq!(patience_of("PING"), Some(RESPONSE_TIMEOUT));
    }
}
