//! Reading a Redis URL: one server, the nodes of a Cluster, or sentinels and the name they know the
//! master by. Nothing here opens a connection.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{Client, ConnectionInfo, IntoConnectionInfo, TlsCertificates};

use super::access::{Access, setting};
use crate::client::Error;

/// How long a connection is quiet before the kernel asks whether the other side still is there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(3);
/// How long between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// How long what was sent may stay unacknowledged before the connection counts as cut.
const USER_TIMEOUT: Duration = Duration::from_secs(9);
/// The port of a sentinel whose URL names none.
const SENTINEL_PORT: u16 = 26_379;

/// What a URL and the environment say of where Redis is.
pub(super) struct Address {
    /// The URL without its password, for people.
    pub(super) shown: String,
    /// The server, or nodes of a Cluster; with sentinels, where these are.
    pub(super) nodes: Vec<ConnectionInfo>,
    /// With sentinels: what to ask them for.
    pub(super) master: Option<Master>,
}

/// What the sentinels are asked for, and how to talk to it.
pub(super) struct Master {
    /// The name that the sentinels know the master by.
    pub(super) name: String,
    /// The settings of a connection to it; its host stands for the one that is found.
    pub(super) like: ConnectionInfo,
    /// The certificates, when there are any of its own.
    pub(super) certificates: Option<TlsCertificates>,
}

impl Address {
    /// Reads a URL; `access` fills what it leaves out.
    ///
    /// # Errors
    /// [`Error::Url`], and [`Error::Setting`] when a certificate can't be used.
    pub(super) fn read(url: &str, access: &Access) -> Result<Self, Error> {
        let (url, shown) = (url.trim(), without_password(url.trim()));
        // `#insecure` would switch the checking of certificates off.
        let split = url.split_once("://").filter(|(_, rest)| !rest.contains('#'));
        let (scheme, rest) = split.ok_or_else(|| Error::Url { url: shown.clone() })?;
        let Some(parts) = Parts::of(scheme, rest) else {
            // A Unix socket, or nothing that the redis crate reads.
            let info = url.into_connection_info().map_err(|_| Error::Url { url: shown.clone() })?;
            return Ok(Self { shown, nodes: vec![fill(info, access)], master: None });
        };
        let certificates = if parts.scheme == "rediss" { access.certificates()? } else { None };
        let one = |host: &str, user: &str, path: &str| {
            let info = parts.one(host, user, path).ok_or_else(|| Error::Url { url: shown.clone() })?;
            with_certificates(info, certificates.as_ref())
        };
        if !parts.sentinels {
            let nodes =
                parts.hosts.split(',').map(|host| Ok(fill(one(host, parts.user, parts.path)?, access)));
            let nodes = nodes.collect::<Result<_, Error>>()?;
            return Ok(Self { shown, nodes, master: None });
        }
        let (name, database) =
            master_and_database(parts.path).ok_or_else(|| Error::Url { url: shown.clone() })?;
        let login = access.for_sentinels();
        let nodes = parts.hosts.split(',').map(|host| Ok(fill(one(&with_port(host), "", "")?, &login)));
        let nodes = nodes.collect::<Result<_, Error>>()?;
        let like = fill(one("master", parts.user, &format!("/{database}"))?, access);
        let master = Master { name: name.to_owned(), like, certificates };
        Ok(Self { shown, nodes, master: Some(master) })
    }
}

/// How every connection's socket is set, so that a cut one is noticed within about ten seconds even
/// while nothing is sent.
pub(super) fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive.with_retries(3))
        .set_user_timeout(USER_TIMEOUT)
}

/// The URL with `***` for its password, for people.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => {
            format!("{scheme}://{}:***@{host}", user.split(':').next().unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}

/// A URL that leads over TCP, taken apart.
struct Parts<'a> {
    scheme: &'static str,
    sentinels: bool,
    /// `user:password`, as written.
    user: &'a str,
    /// `host:port[,host:port…]`.
    hosts: &'a str,
    /// All after the hosts, with its slash.
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(scheme: &str, rest: &'a str) -> Option<Self> {
        let (scheme, sentinels) = match scheme {
            "redis" | "valkey" => ("redis", false),
            "rediss" | "valkeys" => ("rediss", false),
            "redis+sentinel" => ("redis", true),
            "rediss+sentinel" => ("rediss", true),
            _ => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (user, hosts) = rest[..end].rsplit_once('@').unwrap_or(("", &rest[..end]));
        Some(Self { scheme, sentinels, user, hosts, path: &rest[end..] })
    }

    /// One host of the URL.
    fn one(&self, host: &str, user: &str, path: &str) -> Option<ConnectionInfo> {
        let at = if user.is_empty() { "" } else { "@" };
        format!("{}://{user}{at}{host}{path}", self.scheme).into_connection_info().ok()
    }
}

/// `/NAME[/database]`.
fn master_and_database(path: &str) -> Option<(&str, i64)> {
    let path = path.strip_prefix('/')?.trim_end_matches('/');
    let (name, database) = path.split_once('/').unwrap_or((path, "0"));
    let readable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(readable) {
        return None;
    }
    Some((name, database.parse().ok().filter(|number| *number >= 0)?))
}

/// A sentinel's host with its port.
fn with_port(host: &str) -> String {
    let after_name = host.rsplit_once(']').map_or(host, |(_, after)| after);
    if after_name.contains(':') { host.to_owned() } else { format!("{host}:{SENTINEL_PORT}") }
}

/// A server's settings with what the URL left out.
fn fill(info: ConnectionInfo, access: &Access) -> ConnectionInfo {
    // Naming the library on each connection needs a permission, and tells nobody anything.
    let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
    if let (None, Some(username)) = (settings.username(), &access.username) {
        settings = settings.set_username(username);
    }
    if let (None, Some(password)) = (settings.password(), &access.password) {
        settings = settings.set_password(password);
    }
    info.set_redis_settings(settings).set_tcp_settings(tcp_settings())
}

fn with_certificates(
    info: ConnectionInfo,
    certificates: Option<&TlsCertificates>,
) -> Result<ConnectionInfo, Error> {
    let Some(certificates) = certificates else { return Ok(info) };
    let client = Client::build_with_tls(info, certificates.clone());
    let client = client.map_err(|error| setting("REDIS_CA, REDIS_CERT or REDIS_KEY", error.to_string()))?;
    Ok(client.get_connection_info().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hosts, user, password and database, as the redis crate will use them.
    fn read(url: &str, access: &Access) -> Vec<(String, Option<String>, Option<String>, i64)> {
        let told = |info: &ConnectionInfo| {
            let settings = info.redis_settings();
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let login = (owned(settings.username()), owned(settings.password()));
            (info.addr().to_string(), login.0, login.1, settings.db())
        };
        Address::read(url, access).unwrap().nodes.iter().map(told).collect()
    }

    #[test]
    fn a_password_never_shows() {
        assert_eq!(without_password("redis://me:s3cret@h:1/0"), "redis://me:***@h:1/0");
        assert_eq!(without_password("redis://:s3@cret@h:1"), "redis://:***@h:1");
        assert_eq!(without_password("redis://h:1"), "redis://h:1");
        assert_eq!(
            without_password("rediss+sentinel://me:s3cret@h:1,i:2/main"),
            "rediss+sentinel://me:***@h:1,i:2/main"
        );
    }

    #[test]
    fn the_environment_fills_what_a_url_leaves_out() {
        let access = Access {
            username: Some("worker".to_owned()),
            password: Some("from-env".to_owned()),
            ..Access::default()
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("redis://h:1/2", &access), [("h:1".to_owned(), some("worker"), some("from-env"), 2)]);
        assert_eq!(read("redis://me:mine@h", &access), [("h:6379".to_owned(), some("me"), some("mine"), 0)],);
    }

    #[test]
    fn a_cluster_may_be_named_by_several_nodes() {
        let hosts: Vec<_> = read("redis://me:pw@a:7000,b:7001,[::1]:7002", &Access::default())
            .into_iter()
            .map(|(host, user, ..)| (host, user))
            .collect();
        let me = Some("me".to_owned());
        assert_eq!(
            hosts,
            [
                ("a:7000".to_owned(), me.clone()),
                ("b:7001".to_owned(), me.clone()),
                ("::1:7002".to_owned(), me)
            ]
        );
    }

    #[test]
    fn sentinels_have_a_login_of_their_own_and_a_usual_port() {
        let access = Access { sentinel_password: Some("watch".to_owned()), ..Access::default() };
        let url = "redis+sentinel://me:pw@one,two:5000/main/3";
        let watch = Some("watch".to_owned());
        assert_eq!(
            read(url, &access),
            [("one:26379".to_owned(), None, watch.clone(), 0), ("two:5000".to_owned(), None, watch, 0)]
        );
        let master = Address::read(url, &access).unwrap().master.unwrap();
        let settings = master.like.redis_settings();
        assert_eq!(
            (master.name.as_str(), settings.db(), settings.username(), settings.password()),
            ("main", 3, Some("me"), Some("pw"))
        );
    }

    #[test]
    fn what_is_no_redis_url_is_refused_without_its_password() {
        for url in [
            "h:6379",
            "http://me:s3cret@h",
            "redis+sentinel://me:s3cret@h:1",
            "redis+sentinel://h:1/a b",
            "redis+sentinel://h:1/main/-1",
            "redis://me:s3cret@h/one",
            "rediss://me:s3cret@h/#insecure",
        ] {
            let error = Address::read(url, &Access::default()).err().map(|error| error.to_string());
            let error = error.unwrap_or_else(|| panic!("{url} was taken"));
            assert!(error.contains("is not a Redis URL") && !error.contains("s3cret"), "{error}");
        }
    }
}
