//! Connections: one that is shared and comes back by itself, a small pool, and one for blocking reads,
//! each over one server, sentinels or a Cluster, with or without TLS.
//!
//! All keys of a codegod lie under one prefix and so, when it is hash-tagged, in one slot of a Cluster.
//! At any time one server is the right one, and the three arrangements differ in how to find it
//! (`target`) and in nothing else. A cluster client that keeps a connection to every node and routes
//! each command would be more, and could not do the blocking reads.

mod access;
mod address;
mod link;
mod listener;
mod target;

use redis::{RedisError, Value};

pub use access::Access;
pub use address::without_password;
pub(super) use link::Link;
pub use listener::Listener;
pub(super) use target::Target;

use super::Trouble;

/// Whether an answer shows that its connection is of no more use. What the server refused still is a
/// value here; the redis crate makes an error of it further up.
fn is_spent(answer: Result<&[Value], &RedisError>) -> bool {
    let refused = |value: &Value| match value {
        Value::ServerError(error) => Trouble::of(&RedisError::from(error.clone())).renews_connection(),
        _ => false,
    };
    answer.map_or_else(|error| Trouble::of(error).renews_connection(), |values| values.iter().any(refused))
}
