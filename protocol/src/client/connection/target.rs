//! Which server to talk to now: the one of the URL, the master that the sentinels know, or the node of a
//! Cluster that owns codegod's one hash slot. Asked anew whenever a connection had to be given up, so a
//! failover is followed without anybody's help.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, RedisError, TlsMode, Value};
use tokio::sync::Mutex;

use super::access::Access;
use super::address::{Address, Master, tcp_settings};
use crate::client::Error;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a node may take to say whether it is of a Cluster, and who owns a slot.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take. Bundles of large repositories are the slowest; a connection that was cut is
/// noticed sooner, by its socket.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// A Redis that can be connected to again and again.
pub(in crate::client) struct Target {
    shown: String,
    prefix: String,
    found: Mutex<Found>,
}

/// What is known of how to find the server.
enum Found {
    /// Not asked yet whether it is a Cluster.
    Unasked(Vec<ConnectionInfo>),
    /// One server.
    Single(Box<ConnectionInfo>),
    /// Nodes of a Cluster, any of which knows who owns a slot.
    Cluster(Vec<ConnectionInfo>),
    /// Sentinels.
    Sentinels(Box<SentinelClient>),
}

impl Target {
    /// Reads the URL; connects to nothing.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Setting`].
    pub(in crate::client) fn new(url: &str, prefix: &str, access: &Access) -> Result<Self, Error> {
        let Address { shown, nodes, master } = Address::read(url, access)?;
        let found = match master {
            None => Found::Unasked(nodes),
            Some(master) => {
                let client = sentinels(nodes, &master).map_err(|_| Error::Url { url: shown.clone() })?;
                Found::Sentinels(Box::new(client))
            }
        };
        Ok(Self { shown, prefix: prefix.to_owned(), found: Mutex::new(found) })
    }

    /// The URL without its password.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The server to talk to now.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::NoHashTag`], [`Error::NotACluster`].
    pub(super) async fn find(&self) -> Result<ConnectionInfo, Error> {
        let mut found = self.found.lock().await;
        match &mut *found {
            Found::Single(info) => Ok(info.as_ref().clone()),
            Found::Sentinels(client) => {
                // Bounded, because the redis crate looks at each sentinel and each master it names.
                let client = tokio::time::timeout(CONNECT_TIMEOUT * 2, client.async_get_client())
                    .await
                    .unwrap_or_else(|_| Err(timed_out()));
                Ok(client.map_err(|source| self.unreachable(source))?.get_connection_info().clone())
            }
            Found::Unasked(nodes) | Found::Cluster(nodes) => {
                let nodes = nodes.clone();
                let (now, owner) = self.ask(nodes).await?;
                *found = now;
                Ok(owner)
            }
        }
    }

    /// Opens a connection to the server to talk to now.
    ///
    /// # Errors
    /// As [`Target::find`].
    pub(super) async fn dial(
        &self,
        response_timeout: Option<Duration>,
    ) -> Result<MultiplexedConnection, Error> {
        let info = self.find().await?;
        open(&info, response_timeout).await.map_err(|source| self.unreachable(source))
    }

    /// Asks one node after the other whether this is a Cluster, and who owns the slot.
    async fn ask(&self, nodes: Vec<ConnectionInfo>) -> Result<(Found, ConnectionInfo), Error> {
        let mut first_error = None;
        for node in &nodes {
            match self.ask_one(node, nodes.len()).await {
                Err(Error::Unreachable { source, .. }) => {
                    first_error.get_or_insert(source);
                }
                decided => return decided,
            }
        }
        let source = first_error.unwrap_or_else(|| cluster_down("the URL names no host"));
        Err(self.unreachable(source))
    }

    async fn ask_one(&self, node: &ConnectionInfo, named: usize) -> Result<(Found, ConnectionInfo), Error> {
        let unreachable = |source| self.unreachable(source);
        let mut connection = open(node, Some(ASK_TIMEOUT)).await.map_err(unreachable)?;
        if !is_cluster(&mut connection).await.map_err(unreachable)? {
            if named > 1 {
                return Err(Error::NotACluster { url: self.shown.clone() });
            }
            return Ok((Found::Single(Box::new(node.clone())), node.clone()));
        }
        if !has_hash_tag(&self.prefix) {
            return Err(Error::NoHashTag { url: self.shown.clone(), prefix: self.prefix.clone() });
        }
        let slot: i64 = redis::cmd("CLUSTER")
            .arg("KEYSLOT")
            .arg(&self.prefix)
            .query_async(&mut connection)
            .await
            .map_err(unreachable)?;
        let slots: Vec<Value> =
            redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await.map_err(unreachable)?;
        let masters = masters(&slots, node);
        let owner = masters.iter().find(|master| (master.first..=master.last).contains(&slot));
        let owner = owner.ok_or_else(|| unreachable(cluster_down("no node serves codegod's hash slot")))?;
        let owner = owner.node.clone();
        // Any node can be asked next time. The owner comes first: when the slot moves, it knows at once.
        let mut nodes: Vec<ConnectionInfo> = vec![owner.clone()];
        for other in std::iter::once(node.clone()).chain(masters.into_iter().map(|master| master.node)) {
            if !nodes.iter().any(|known| known.addr() == other.addr()) {
                nodes.push(other);
            }
        }
        Ok((Found::Cluster(nodes), owner))
    }

    fn unreachable(&self, source: RedisError) -> Error {
        Error::Unreachable { url: self.shown.clone(), source }
    }
}

/// Opens a connection.
async fn open(
    info: &ConnectionInfo,
    response_timeout: Option<Duration>,
) -> Result<MultiplexedConnection, RedisError> {
    redis::Client::open(info.clone())?
        .get_multiplexed_async_connection_with_config(&settings(response_timeout))
        .await
}

/// How long a connection of codegod's waits.
pub(super) fn settings(response_timeout: Option<Duration>) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(response_timeout)
}

async fn is_cluster(connection: &mut MultiplexedConnection) -> Result<bool, RedisError> {
    let told: Result<String, RedisError> = redis::cmd("INFO").arg("cluster").query_async(connection).await;
    match told {
        Ok(told) => Ok(told.lines().any(|line| line.trim() == "cluster_enabled:1")),
        // Whoever may not ask is not told; a Cluster then shows itself by its redirections.
        Err(error) if error.code() == Some("NOPERM") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether all keys under a prefix lie in one hash slot.
fn has_hash_tag(prefix: &str) -> bool {
    let tagged = prefix.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tagged.is_some_and(|(tag, _)| !tag.is_empty())
}

/// A master of a Cluster and a range of the slots that it owns.
struct Owner {
    first: i64,
    last: i64,
    node: ConnectionInfo,
}

/// Reads CLUSTER SLOTS: `[first, last, [host, port, …], replicas …]` for each range. Ranges that can't be
/// read are left out. `asked` is the node that told it.
fn masters(slots: &[Value], asked: &ConnectionInfo) -> Vec<Owner> {
    let read = |range: &Value| {
        let Value::Array(range) = range else { return None };
        let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = range.as_slice() else {
            return None;
        };
        let [host, Value::Int(port), ..] = master.as_slice() else { return None };
        // A node that does not know its own name answers nothing for it.
        let host: Option<String> = redis::from_redis_value_ref(host).ok()?;
        let host = host.filter(|host| !host.is_empty() && host != "?");
        let node = asked.clone().set_addr(moved(asked.addr(), host, u16::try_from(*port).ok()?)?);
        Some(Owner { first: *first, last: *last, node })
    };
    slots.iter().filter_map(read).collect()
}

/// The same way of connecting to another host and port.
fn moved(address: &ConnectionAddr, host: Option<String>, port: u16) -> Option<ConnectionAddr> {
    match address.clone() {
        ConnectionAddr::Tcp(old, _) => Some(ConnectionAddr::Tcp(host.unwrap_or(old), port)),
        ConnectionAddr::TcpTls { host: old, insecure, tls_params, .. } => {
            Some(ConnectionAddr::TcpTls { host: host.unwrap_or(old), port, insecure, tls_params })
        }
        _ => None,
    }
}

/// A client of the sentinels that asks for the master.
fn sentinels(nodes: Vec<ConnectionInfo>, master: &Master) -> Result<SentinelClient, RedisError> {
    let login = nodes.first().map(|node| node.redis_settings().clone()).unwrap_or_default();
    let addresses: Vec<ConnectionAddr> = nodes.iter().map(|node| node.addr().clone()).collect();
    let settings = master.like.redis_settings();
    let mut client = SentinelClientBuilder::new(addresses, &master.name, SentinelServerType::Master)?
        .set_client_to_redis_db(settings.db())
        .set_client_to_redis_tcp_settings(tcp_settings())
        .set_client_to_sentinel_tcp_settings(tcp_settings());
    if let Some(username) = settings.username() {
        client = client.set_client_to_redis_username(username);
    }
    if let Some(password) = settings.password() {
        client = client.set_client_to_redis_password(password);
    }
    if let Some(username) = login.username() {
        client = client.set_client_to_sentinel_username(username);
    }
    if let Some(password) = login.password() {
        client = client.set_client_to_sentinel_password(password);
    }
    if matches!(master.like.addr(), ConnectionAddr::TcpTls { .. }) {
        client = client.set_client_to_redis_tls_mode(TlsMode::Secure);
        if let Some(certificates) = &master.certificates {
            client = client.set_client_to_redis_certificates(certificates.clone());
        }
    }
    client.build()
}

fn cluster_down(why: &str) -> RedisError {
    redis::make_extension_error("CLUSTERDOWN".to_owned(), Some(why.to_owned()))
}

fn timed_out() -> RedisError {
    RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::IntoConnectionInfo;

    #[test]
    fn a_hash_tag_is_what_stands_between_the_first_braces() {
        let tagged = ["{codegod}:", "a{b}c", "{}{x}", "codegod:", "{open", "{}"].map(has_hash_tag);
        assert_eq!(tagged, [true, true, false, false, false, false]);
    }

    #[test]
    fn the_owners_of_slots_are_read_and_what_is_malformed_is_left_out() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let range = |first, last, host: Value, port| {
            let master = Value::Array(vec![host, Value::Int(port), text("id")]);
            Value::Array(vec![Value::Int(first), Value::Int(last), master])
        };
        let slots = [
            range(0, 99, text("10.0.0.1"), 7000),
            range(100, 199, Value::Nil, 7001),
            range(200, 299, text("10.0.0.3"), 99_999),
            Value::Array(vec![Value::Int(300)]),
            Value::Nil,
        ];
        let asked = "redis://asked:1/0".into_connection_info().unwrap();
        let read: Vec<_> = masters(&slots, &asked)
            .into_iter()
            .map(|owner| (owner.first, owner.last, owner.node.addr().to_string()))
            .collect();
        assert_eq!(read, [(0, 99, "10.0.0.1:7000".to_owned()), (100, 199, "asked:7001".to_owned())]);
    }
}
