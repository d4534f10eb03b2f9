//! What a process of codegod does with Redis, in little: work, work again after trouble, listen.

use std::time::{Duration, Instant};

use anyhow::Result;
use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{Client, Error, Listener, Trouble};
use codegod_protocol::event::Event;

use crate::redis_server::RedisServer;

/// An event of the test's.
#[must_use]
pub fn event(kind: &str) -> Event {
    Event {
        kind: kind.to_owned(),
        who: "test".to_owned(),
        goal: None,
        task: None,
        attempt: None,
        data: serde_json::Value::Null,
    }
}

/// A command and a script that writes.
///
/// # Errors
/// What Redis says.
pub async fn work(client: &Client, kind: &str) -> std::result::Result<(), Error> {
    client.append_event(&event(kind)).await?;
    client.lease_host("a-host", 60).await.map(|_| ())
}

/// Works until it succeeds, as a loop of a worker does, and returns the troubles on the way.
///
/// # Errors
/// When it does not within that time, or the trouble is none that passes.
pub async fn work_again(client: &Client, kind: &str, within: Duration) -> Result<Vec<Trouble>> {
    let (start, mut backoff, mut troubles) = (Instant::now(), Backoff::default(), Vec::new());
    loop {
        match work(client, kind).await {
            Ok(()) => return Ok(troubles),
            Err(error) => {
                let trouble = error.trouble().ok_or_else(|| anyhow::anyhow!("not Redis: {error:?}"))?;
                anyhow::ensure!(trouble.is_passing(), "{trouble:?}: {error:?}");
                anyhow::ensure!(start.elapsed() < within, "{troubles:?} for {within:?}; {error:?}");
                troubles.push(trouble);
            }
        }
        backoff.wait().await;
    }
}

/// Reads events until one of that kind comes, as a loop of the console does, and returns the troubles on
/// the way.
///
/// # Errors
/// When none comes within 30 seconds.
pub async fn hear(listener: &mut Listener, position: &mut String, kind: &str) -> Result<Vec<Trouble>> {
    let (start, mut backoff, mut troubles) = (Instant::now(), Backoff::default(), Vec::new());
    while start.elapsed() < Duration::from_secs(30) {
        match listener.events(position, 300).await {
            Ok(events) if events.iter().any(|event| event.kind == kind) => return Ok(troubles),
            Ok(_) => backoff.reset(),
            Err(error) => {
                troubles.push(error.trouble().ok_or_else(|| anyhow::anyhow!("not Redis: {error:?}"))?);
                backoff.wait().await;
            }
        }
    }
    anyhow::bail!("no event {kind} within 30 s; {troubles:?}")
}

/// What was wrong with Redis, when the result is an error of Redis'.
pub fn trouble<T>(result: std::result::Result<T, Error>) -> Option<Trouble> {
    result.err().and_then(|error| error.trouble())
}

/// Waits until a section of INFO says something.
///
/// # Errors
/// When it does not within 20 seconds.
pub fn wait_for_info(redis: &RedisServer, section: &str, what: &str) -> Result<()> {
    wait_until(what, || Ok(redis.command::<String>(&["INFO", section])?.contains(what)))
}

/// Waits until something is so. What can't be asked is not so yet.
///
/// # Errors
/// When it is not within 20 seconds.
pub fn wait_until(what: &str, so: impl Fn() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if so().unwrap_or(false) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    anyhow::bail!("not so within 20 s: {what}")
}
