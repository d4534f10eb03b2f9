//! A Redis Cluster of three masters, and a replica of one when a test needs it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::redis_server::{RedisServer, free_port};

/// How many hash slots a Cluster has.
const SLOTS: u16 = 16_384;

/// The nodes, ended when dropped.
#[derive(Debug)]
pub struct Cluster {
    /// The masters at the start, then the replica when there is one.
    pub nodes: Vec<RedisServer>,
}

impl Cluster {
    /// Starts three masters that share the slots evenly.
    ///
    /// # Errors
    /// When redis-server is not installed, or they do not come together within 30 seconds.
    pub fn start() -> Result<Self> {
        let nodes = (0..3).map(|_| node()).collect::<Result<Vec<_>>>()?;
        for (index, (server, _)) in nodes.iter().enumerate() {
            let share = SLOTS / 3;
            let first = share * u16::try_from(index)?;
            let last = if index == 2 { SLOTS - 1 } else { first + share - 1 };
            let (first, last) = (first.to_string(), last.to_string());
            server.command::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
            // Otherwise nodes that start together may take the same epoch, and sort it out slowly.
            let epoch = (index + 1).to_string();
            server.command::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch])?;
        }
        for (other, bus) in &nodes[1..] {
            meet(&nodes[0].0, other, *bus)?;
        }
        let cluster = Self { nodes: nodes.into_iter().map(|(server, _)| server).collect() };
        cluster.wait_until(|cluster| cluster.nodes.iter().all(|node| is_well(node, 3)))?;
        Ok(cluster)
    }

    /// Adds a replica of a node and waits until it is in step.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn add_replica(&mut self, of: usize) -> Result<()> {
        let (replica, bus) = node()?;
        meet(&self.nodes[of], &replica, bus)?;
        self.nodes.push(replica);
        self.wait_until(|cluster| cluster.nodes.iter().all(|node| is_well(node, 4)))?;
        let id: String = self.nodes[of].command(&["CLUSTER", "MYID"])?;
        let replica = &self.nodes[self.nodes.len() - 1];
        replica.command::<()>(&["CLUSTER", "REPLICATE", &id])?;
        self.wait_until(|cluster| {
            let told = cluster.nodes.last().map(|last| last.command::<String>(&["INFO", "replication"]));
            let in_step =
                told.and_then(Result::ok).is_some_and(|told| told.contains("master_link_status:up"));
            // The others vote only for a replica that they know as one.
            let known = |node: &RedisServer| {
                node.command::<String>(&["CLUSTER", "NODES"]).is_ok_and(|told| told.contains("slave "))
            };
            in_step && cluster.nodes.iter().take(3).all(known)
        })
    }

    /// Which node owns the slot of a key.
    ///
    /// # Errors
    /// When none does.
    pub fn owner_of(&self, key: &str) -> Result<usize> {
        let reads = |node: &RedisServer| node.command::<Option<String>>(&["GET", key]).is_ok();
        let masters = self.nodes.iter().position(reads);
        masters.context("no node owns the slot")
    }

    /// Moves the slot of a key, with all keys in it, to another node.
    ///
    /// # Errors
    /// When a node refuses.
    pub fn move_slot(&self, key: &str, to: usize) -> Result<()> {
        let from = &self.nodes[self.owner_of(key)?];
        let to = &self.nodes[to];
        let slot: u16 = from.command(&["CLUSTER", "KEYSLOT", key])?;
        let slot = slot.to_string();
        let (from_id, to_id): (String, String) =
            (from.command(&["CLUSTER", "MYID"])?, to.command(&["CLUSTER", "MYID"])?);
        ensure!(from_id != to_id, "the slot is already there");
        to.command::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])?;
        from.command::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])?;
        let keys: Vec<String> = from.command(&["CLUSTER", "GETKEYSINSLOT", &slot, "10000"])?;
        let port = to.port().to_string();
        let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        migrate.extend(keys.iter().map(String::as_str));
        from.command::<()>(&migrate)?;
        for node in [to, from] {
            node.command::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])?;
        }
        Ok(())
    }

    fn wait_until(&self, mut come: impl FnMut(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if come(self) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the nodes of the Cluster did not come together within 30 s")
    }
}

/// A node and the port of its cluster bus, which by default may be none that exists.
fn node() -> Result<(RedisServer, u16)> {
    let bus = free_port()?;
    let bus_text = bus.to_string();
    let node = RedisServer::start_with(&[
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "1000",
        "--cluster-port",
        &bus_text,
        "--repl-diskless-sync-delay",
        "0",
    ])?;
    Ok((node, bus))
}

fn meet(one: &RedisServer, other: &RedisServer, bus: u16) -> Result<()> {
    one.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string(), &bus.to_string()])
}

fn is_well(node: &RedisServer, nodes: usize) -> bool {
    let told: String = node.command(&["CLUSTER", "INFO"]).unwrap_or_default();
    told.contains("cluster_state:ok") && told.contains(&format!("cluster_known_nodes:{nodes}\r"))
}
