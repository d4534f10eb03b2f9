//! What is wrong with Redis, in the words that a status line needs: told from its error codes, so that
//! every loop treats the same trouble the same way.

use redis::{ErrorKind, RedisError};

use super::Error;

/// A state of Redis, or of the way to it, in which a command failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Nobody takes the connection, or no name leads to an address.
    Unreachable,
    /// The sentinels know no master that answers.
    NoMaster,
    /// The connection broke. A command that was under way may have been carried out.
    ConnectionLost,
    /// No answer came in time. The command may still be carried out.
    NoAnswer,
    /// It reads its data from disk.
    Loading,
    /// It is held up by a script that runs too long.
    Busy,
    /// `maxmemory` is reached; nothing that needs memory is accepted.
    OutOfMemory,
    /// It can't write its disk, and so accepts nothing new.
    DiskFull,
    /// It is a replica, perhaps since a moment ago.
    ReadOnly,
    /// It lacks the replicas that it must have to accept anything.
    NoReplicas,
    /// The cluster is down, or the keys are moving to another node.
    ClusterMoving,
    /// One side's TLS certificate was not accepted by the other.
    Untrusted,
    /// The user or the password is missing or wrong.
    NoAuth,
    /// The user may not do this.
    NoPermission,
    /// Anything else that Redis refused.
    Other,
}

impl Trouble {
    /// What an error of the redis crate says of Redis.
    #[must_use]
    pub fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::AuthenticationFailed => return Trouble::NoAuth,
            ErrorKind::MasterNameNotFoundBySentinel | ErrorKind::NoValidReplicasFoundBySentinel => {
                return Trouble::NoMaster;
            }
            // A name without an address.
            ErrorKind::InvalidClientConfig => return Trouble::Unreachable,
            // What can't be parsed leaves the connection in an unknown place.
            ErrorKind::Parse => return Trouble::ConnectionLost,
            ErrorKind::Io if error.is_timeout() => return Trouble::NoAnswer,
            ErrorKind::Io if error.is_connection_refusal() => return Trouble::Unreachable,
            ErrorKind::Io if is_about_certificates(error) => return Trouble::Untrusted,
            ErrorKind::Io => return Trouble::ConnectionLost,
            _ => {}
        }
        // A transaction that was discarded names what was refused in it.
        let refused = error.clone().into_server_errors();
        let mut told =
            refused.iter().flat_map(|all| all.iter()).map(|(_, one)| of_code(one.code(), one.details()));
        told.find(|trouble| *trouble != Trouble::Other).unwrap_or(Trouble::Other)
    }

    /// A short sentence for a status line: lowercase, no full stop.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Trouble::Unreachable => "Redis does not answer",
            Trouble::NoMaster => "the sentinels know no Redis master that answers",
            Trouble::ConnectionLost => "the connection to Redis was lost",
            Trouble::NoAnswer => "Redis took too long to answer",
            Trouble::Loading => "Redis is loading its data",
            Trouble::Busy => "Redis is held up by a long script",
            Trouble::OutOfMemory => "Redis is out of memory",
            Trouble::DiskFull => "Redis can't write to its disk",
            Trouble::ReadOnly => "this Redis is a replica and takes no writes",
            Trouble::NoReplicas => "Redis lacks the replicas it must have",
            Trouble::ClusterMoving => "the Redis Cluster is moving keys or is down",
            Trouble::Untrusted => "the TLS certificate of Redis, or ours, was not accepted",
            Trouble::NoAuth => "Redis did not accept the user or the password",
            Trouble::NoPermission => "the Redis user may not do this",
            Trouble::Other => "Redis refused a command",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Trouble::Unreachable => "start it, or set REDIS_URL to one that runs",
            Trouble::NoMaster => "look at the sentinels: `redis-cli -p 26379 sentinel masters`",
            Trouble::ConnectionLost => "look at the network and at the log of Redis",
            Trouble::NoAnswer => "look at its load: `redis-cli slowlog get`",
            Trouble::Loading => "wait until it has read its data",
            Trouble::Busy => "end the script with `redis-cli script kill`, if it has written nothing",
            Trouble::OutOfMemory => "raise its maxmemory, or make room",
            Trouble::DiskFull => "make room on its disk; nothing new was accepted, nothing was lost",
            Trouble::ReadOnly => "set REDIS_URL to the master, or to the sentinels",
            Trouble::NoReplicas => "bring its replicas back, or lower min-replicas-to-write",
            Trouble::ClusterMoving => "look at the cluster: `redis-cli cluster info`",
            Trouble::Untrusted => {
                "set REDIS_CA to the authority that signed it; REDIS_CERT and REDIS_KEY are ours"
            }
            Trouble::NoAuth => "set REDIS_USERNAME and REDIS_PASSWORD",
            Trouble::NoPermission => "give this process the user of its component (deploy/redis/README.md)",
            Trouble::Other => "look at the log of Redis",
        }
    }

    /// Whether trying the same thing again later helps without anybody changing a setting.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        !matches!(self, Trouble::Untrusted | Trouble::NoAuth | Trouble::NoPermission | Trouble::Other)
    }

    /// Whether the connection is of no more use, so that the next command needs another, perhaps to
    /// another server.
    #[must_use]
    pub const fn renews_connection(self) -> bool {
        matches!(
            self,
            Trouble::Unreachable
                | Trouble::NoMaster
                | Trouble::ConnectionLost
                | Trouble::NoAnswer
                | Trouble::ReadOnly
                | Trouble::ClusterMoving
                | Trouble::Untrusted
                | Trouble::NoAuth
        )
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.sentence())
    }
}

impl Error {
    /// What is wrong with Redis, when that is why the call failed; nothing when the request itself or
    /// what stands in Redis is at fault.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Error::Unreachable { source, .. } => Some(match Trouble::of(source) {
                Trouble::ConnectionLost | Trouble::NoAnswer => Trouble::Unreachable,
                other => other,
            }),
            Error::Redis { source, .. } => Some(Trouble::of(source)),
            Error::Pool(deadpool_redis::PoolError::Backend(source)) => Some(Trouble::of(source)),
            Error::Pool(deadpool_redis::PoolError::Timeout(_)) => Some(Trouble::NoAnswer),
            Error::Pool(_) => Some(Trouble::Other),
            Error::Url { .. }
            | Error::Setting { .. }
            | Error::NoHashTag { .. }
            | Error::NotACluster { .. }
            | Error::Undecodable { .. }
            | Error::NotFound(_)
            | Error::WrongState { .. } => None,
        }
    }
}

/// What is said of a server that no connection could be made to, after its URL.
pub(super) fn of_connecting(error: &RedisError) -> &'static str {
    match Trouble::of(error) {
        Trouble::Loading => "is loading its data",
        Trouble::Untrusted => "was not trusted, or does not trust us (TLS)",
        Trouble::NoAuth => "did not accept the user or the password",
        Trouble::NoPermission => "does not let this user connect",
        Trouble::NoMaster => "has no master that answers",
        Trouble::ClusterMoving => "is a Cluster that is down",
        _ => "does not answer",
    }
}

/// The redis crate wraps what rustls says beyond reach of a downcast, so its words are looked at.
fn is_about_certificates(error: &RedisError) -> bool {
    let text = error.to_string();
    text.contains("peer certificate") || text.contains("received fatal alert")
}

fn of_code(code: &str, detail: Option<&str>) -> Trouble {
    match code {
        "LOADING" => Trouble::Loading,
        "BUSY" => Trouble::Busy,
        "OOM" => Trouble::OutOfMemory,
        "MISCONF" => Trouble::DiskFull,
        // UNBLOCKED ends a blocking read on a server that has just become a replica.
        "READONLY" | "MASTERDOWN" | "UNBLOCKED" => Trouble::ReadOnly,
        "NOREPLICAS" => Trouble::NoReplicas,
        "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN" => Trouble::ClusterMoving,
        "NOAUTH" | "WRONGPASS" => Trouble::NoAuth,
        "NOPERM" => Trouble::NoPermission,
        "ERR" if detail.is_some_and(|text| text.contains("max number of clients")) => Trouble::Unreachable,
        // What Redis 7.0 says of a command that a script may not run for its user.
        "ERR" if detail.is_some_and(|text| text.contains("user executing the script")) => {
            Trouble::NoPermission
        }
        _ => Trouble::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_server(code: &str) -> Trouble {
        Trouble::of(&redis::make_extension_error(code.to_owned(), Some("as told".to_owned())))
    }

    #[test]
    fn codes_of_the_server_say_what_is_wrong() {
        let told = ["LOADING", "BUSY", "OOM", "MISCONF", "READONLY", "MOVED", "NOPERM", "WRONGTYPE"];
        assert_eq!(
            told.map(from_server),
            [
                Trouble::Loading,
                Trouble::Busy,
                Trouble::OutOfMemory,
                Trouble::DiskFull,
                Trouble::ReadOnly,
                Trouble::ClusterMoving,
                Trouble::NoPermission,
                Trouble::Other,
            ]
        );
    }

    #[test]
    fn a_group_that_exists_is_not_a_busy_server() {
        assert_eq!(from_server("BUSYGROUP"), Trouble::Other);
    }

    #[test]
    fn errors_of_the_network_are_told_apart() {
        let told = |kind: std::io::ErrorKind| Trouble::of(&RedisError::from(std::io::Error::from(kind)));
        assert_eq!(told(std::io::ErrorKind::ConnectionRefused), Trouble::Unreachable);
        assert_eq!(told(std::io::ErrorKind::BrokenPipe), Trouble::ConnectionLost);
        assert_eq!(told(std::io::ErrorKind::TimedOut), Trouble::NoAnswer);
    }

    #[test]
    fn a_connection_that_never_stood_was_not_lost() {
        let source = RedisError::from(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        let error = Error::Unreachable { url: "redis://h".to_owned(), source };
        assert_eq!(error.trouble(), Some(Trouble::Unreachable));
        let source = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let error = Error::Unreachable { url: "redis://h".to_owned(), source };
        assert_eq!(error.trouble(), Some(Trouble::Unreachable));
        assert_eq!(Error::NotFound("goal".to_owned()).trouble(), None);
    }
}
