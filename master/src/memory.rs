//! Memory on Redis: what nobody needs any more is archived, trimmed and removed, by one master at a time.

use std::time::Duration;

use codegod_protocol::client::{Client, Collected, Depth, Error, Mode, Retention};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often is looked for what is due.
const INTERVAL: Duration = Duration::from_secs(60);
/// How often every key is looked at.
const WHOLE_INTERVAL: Duration = Duration::from_secs(3_600);
/// The first look comes soon after the start: nobody may have looked for long.
const FIRST: Duration = Duration::from_secs(5);
/// The master that collects says so under this name, which no host has; another takes over when it has not
/// for so many seconds.
const LEASE: &str = "~memory";
const LEASE_SECONDS: u64 = 90;

/// Collects what `retention` does not keep, until told to stop.
pub(crate) async fn keep_collecting(client: Client, retention: Retention, stop: CancellationToken) {
    let (mut wait, mut whole) = (FIRST, None);
    while stop.run_until_cancelled(sleep(wait)).await.is_some() {
        wait = INTERVAL;
        let depth = match whole {
            Some(last) if Instant::now().duration_since(last) < WHOLE_INTERVAL => Depth::Due,
            _ => Depth::Everything,
        };
        match stop.run_until_cancelled(collect(&client, depth, &retention)).await {
            Some(Ok(Some(collected))) => {
                if depth == Depth::Everything {
                    whole = Some(Instant::now());
                }
                tell(&collected);
            }
            // Another master does it.
            Some(Ok(None)) => {}
            Some(Err(error)) => tracing::debug!(%error, "memory could not be looked after now"),
            // Whatever was begun, the next master goes on with.
            None => return,
        }
    }
}

/// Collects, unless another master does.
async fn collect(client: &Client, depth: Depth, retention: &Retention) -> Result<Option<Collected>, Error> {
    if !client.lease_host(LEASE, LEASE_SECONDS).await? {
        return Ok(None);
    }
    client.collect(Mode::Remove, depth, retention).await.map(Some)
}

fn tell(collected: &Collected) {
    for problem in &collected.problems {
        tracing::warn!(problem, "a part of Redis can't be looked after");
    }
    for held in &collected.held {
        tracing::warn!(held, "a stream can't be trimmed");
    }
    let Collected { goals, bundles, bytes, entries, keys, gone, aside, .. } = collected;
    if goals + bundles + entries + keys + gone + aside > 0 {
        tracing::info!(goals, bundles, bytes, entries, keys, gone, aside, "collected");
    }
}
