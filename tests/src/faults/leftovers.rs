//! What is left in Redis when everything is done and nobody works any more: of what belongs to work in
//! progress, nothing.

use anyhow::Result;
use codegod_protocol::id::Role;
use codegod_protocol::keys::Keys;

/// Keys that stay: what was done, what was learnt, who there was. Everything else is work in progress.
const STAYS: [&str; 18] = [
    "goal:",
    "goals:recent",
    "goals:ended",
    "plan:",
    "results:",
    "task:",
    "blobs:",
    "events",
    "metrics:",
    "dead",
    "agents:status",
    "hosts:status",
    "memory:",
    "log:",
    "fleet",
    "upkeep:",
    "queues:",
    "queue:",
];

/// Streams with a group, which stay although they are empty.
const STREAMS: [&str; 2] = ["goals", "follow_ups"];

/// Everything that should not be there, in a few words each.
///
/// # Errors
/// When Redis fails.
pub fn find(redis: &mut redis::Connection, keys: &Keys) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for role in Role::ALL {
        length(redis, &keys.queue(role), &mut found)?;
        let lists: Vec<String> = redis::cmd("HKEYS").arg(keys.queues(role)).query(redis)?;
        let lists = lists.into_iter().filter(|name| !name.starts_with('~'));
        found.extend(lists.map(|name| format!("{} names {name}", keys.queues(role))));
    }
    for name in STREAMS {
        let key = format!("{}{name}", keys.prefix());
        length(redis, &key, &mut found)?;
        unacknowledged(redis, &key, "masters", &mut found)?;
    }
    let put_aside: redis::streams::StreamRangeReply =
        redis::cmd("XRANGE").arg(keys.quarantine()).arg("-").arg("+").arg("COUNT").arg(3).query(redis)?;
    for entry in put_aside.ids {
        let told = |field| entry.get::<String>(field).unwrap_or_default();
        found.push(format!("{} of {} was put aside: {}", told("entry"), told("from"), told("reason")));
    }
    let mut all: Vec<String> = redis::cmd("KEYS").arg(format!("{}*", keys.prefix())).query(redis)?;
    all.sort_unstable();
    for key in all {
        let name = key.strip_prefix(keys.prefix()).unwrap_or(&key);
        let stays = STAYS.iter().any(|stay| name.starts_with(stay)) || STREAMS.contains(&name);
        // What expires by itself is no leak: a bell that nobody hears.
        let mut expires = || redis::cmd("TTL").arg(&key).query::<i64>(redis).is_ok_and(|left| left != -1);
        // Who waits for a task stands there as long as it lives, and goes when its queue next looks.
        if !stays && !name.starts_with("idle:") && !expires() {
            found.push(format!("{key} is there"));
        }
    }
    Ok(found)
}

/// Entries of a stream.
fn length(redis: &mut redis::Connection, key: &str, found: &mut Vec<String>) -> Result<()> {
    let length: u64 = redis::cmd("XLEN").arg(key).query(redis)?;
    if length > 0 {
        found.push(format!("{key} has {length} entries"));
    }
    Ok(())
}

/// Entries of a stream that its group's readers have not acknowledged.
fn unacknowledged(
    redis: &mut redis::Connection,
    key: &str,
    group: &str,
    found: &mut Vec<String>,
) -> Result<()> {
    let pending: redis::RedisResult<redis::streams::StreamPendingReply> =
        redis::cmd("XPENDING").arg(key).arg(group).query(redis);
    // No group: nobody has ever read there.
    if let Ok(pending) = pending
        && pending.count() > 0
    {
        found.push(format!("{} of {key} are not acknowledged", pending.count()));
    }
    Ok(())
}
