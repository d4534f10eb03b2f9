//! What a Redis says of itself, for those who look after it.

use std::collections::HashMap;

use serde::Serialize;

use super::{Client, Error};

/// What a Redis says of itself. What it does not say, or does not let this user ask, is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServerFacts {
    /// Its version, in the numbering of Redis.
    pub version: Option<String>,
    /// Its version as Valkey, when it is one.
    pub valkey: Option<String>,
    /// Whether what it accepts goes to an append-only file.
    pub append_only: Option<bool>,
    /// Whether its last write to that file worked.
    pub append_only_works: Option<bool>,
    /// What it does when its memory is full (`noeviction`).
    pub eviction: Option<String>,
    /// The memory it may use, in bytes; 0 is no limit.
    pub max_memory_bytes: Option<u64>,
    /// The memory it uses, in bytes.
    pub used_memory_bytes: Option<u64>,
    /// How many replicas follow it.
    pub replicas: Option<u64>,
    /// Whether it is a node of a Cluster.
    pub is_cluster: bool,
    /// The user that this process signed in as.
    pub user: Option<String>,
}

impl Client {
    /// Asks Redis about itself.
    ///
    /// # Errors
    /// [`Error::Redis`] when it does not answer, or refuses even the general part.
    pub async fn server_facts(&self) -> Result<ServerFacts, Error> {
        let told: String = self.query("asking Redis about itself", &redis::cmd("INFO")).await?;
        // A user that may not ask who it is still is somebody.
        let who: Result<String, Error> =
            self.query("asking who this user is", redis::cmd("CLIENT").arg("INFO")).await;
        Ok(facts(&told, who.ok().as_deref()))
    }
}

fn facts(told: &str, who: Option<&str>) -> ServerFacts {
    let fields: HashMap<&str, &str> =
        told.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    let text = |name: &str| fields.get(name).map(|value| (*value).to_owned());
    let number = |name: &str| fields.get(name).and_then(|value| value.parse().ok());
    let flag = |name: &str| fields.get(name).map(|value| *value == "1");
    ServerFacts {
        version: text("redis_version"),
        valkey: text("valkey_version"),
        append_only: flag("aof_enabled"),
        append_only_works: fields.get("aof_last_write_status").map(|status| *status == "ok"),
        eviction: text("maxmemory_policy"),
        max_memory_bytes: number("maxmemory"),
        used_memory_bytes: number("used_memory"),
        replicas: number("connected_slaves"),
        is_cluster: flag("cluster_enabled").unwrap_or(false),
        user: who.and_then(|who| {
            who.split_whitespace().find_map(|word| word.strip_prefix("user=")).map(str::to_owned)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_read_and_what_it_leaves_out_is_none() {
        let told = "# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.1.0\r\n# Memory\r\nused_memory:1048576\r\n\
                    maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:1\r\naof_last_write_status:err\r\n\
                    cluster_enabled:0\r\n";
        assert_eq!(
            facts(told, Some("id=3 addr=127.0.0.1:1 name= user=codegod-console resp=2")),
            ServerFacts {
                version: Some("7.2.4".into()),
                valkey: Some("8.1.0".into()),
                append_only: Some(true),
                append_only_works: Some(false),
                eviction: Some("allkeys-lru".into()),
                max_memory_bytes: Some(0),
                used_memory_bytes: Some(1 << 20),
                replicas: None,
                is_cluster: false,
                user: Some("codegod-console".into()),
            }
        );
        assert_eq!(facts("", None), ServerFacts::default());
    }
}
