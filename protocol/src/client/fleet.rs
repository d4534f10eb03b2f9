//! The fleet: what agents say of themselves, what they are told, and how many there should be.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{Client, Error, decode, encode, now_ms, scripts};
use crate::agent::AgentStatus;
use crate::host::HostStatus;
use crate::id::{AgentId, Role};
use crate::memory::Memory;

/// What an agent is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Forget everything but the core knowledge.
    Wipe,
    /// Finish the task at hand, take no more, and end.
    Drain,
}

/// The largest fleet that can be asked for, by role.
pub const MAX_AGENTS: u32 = 256;

/// After so long without a word a host is forgotten.
const HOST_GONE_MS: u64 = 24 * 60 * 60 * 1000;

/// How much of what it was told an agent takes at one heartbeat.
const MAX_COMMANDS: isize = 500;

impl Client {
    /// Says that an agent lives, and takes what it was told.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn agent_heartbeat(&self, status: &AgentStatus) -> Result<Vec<Command>, Error> {
        let json = encode("an agent's status", status)?;
        let commands = self.keys.commands(&status.id);
        let mut pipe = redis::pipe();
        pipe.atomic().hset(self.keys.agents(), status.id.to_string(), json).ignore();
        pipe.lrange(&commands, 0, MAX_COMMANDS - 1).ltrim(&commands, MAX_COMMANDS, -1).ignore();
        let (told,): (Vec<Vec<u8>>,) = self.pipe("sending a heartbeat", &pipe).await?;
        let mut heard = Vec::new();
        for command in told {
            let command = String::from_utf8_lossy(&command);
            match decode("a command", &command) {
                Ok(command) => heard.push(command),
                // They are taken already: what can't be noted must not keep the others from being heard.
                Err(error) => {
                    let from = format!("commands:{}", status.id);
                    if let Err(noting) = self.quarantine(&from, &command, &error.to_string()).await {
                        tracing::warn!(agent.id = %status.id, %error, %noting, "told what can't be read");
                    }
                }
            }
        }
        Ok(heard)
    }

    /// Takes an agent that ended off the list, with what it was told; its memory and log stay. What it held
    /// is ready again at once, or given up after its last attempt.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn remove_agent(&self, agent: &AgentId) -> Result<(), Error> {
        let mut pipe = redis::pipe();
        pipe.atomic().hdel(self.keys.agents(), agent.to_string()).ignore();
        pipe.del(self.keys.commands(agent)).ignore();
        self.pipe::<()>("taking an agent off the list", &pipe).await?;
        self.bury(agent).await.map(|_| ())
    }

    /// Every agent on the list, dead ones too; what can't be read is left out.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn agents(&self) -> Result<Vec<AgentStatus>, Error> {
        let all: Vec<Vec<u8>> =
            self.query("listing agents", redis::cmd("HVALS").arg(self.keys.agents())).await?;
        Ok(read_agents(&all))
    }

    /// Tells an agent something; it hears at its next heartbeat.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn tell(&self, agent: &AgentId, command: Command) -> Result<(), Error> {
        let json = encode("a command", &command)?;
        let mut push = redis::cmd("RPUSH");
        push.arg(self.keys.commands(agent)).arg(json);
        self.query::<u64>("telling an agent", &push).await.map(|_| ())
    }

    /// Stores an agent's memory.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn store_memory(&self, agent: &AgentId, memory: &Memory) -> Result<(), Error> {
        let fields = [
            ("core_knowledge", encode("memory", &memory.core_knowledge)?),
            ("observations", encode("memory", &memory.observations)?),
            ("reasoning_history", encode("memory", &memory.reasoning_history)?),
            ("current_task", encode("memory", &memory.current_task)?),
            ("completed_tasks", encode("memory", &memory.completed_tasks)?),
        ];
        let mut set = redis::cmd("HSET");
        set.arg(self.keys.memory(agent));
        for (field, json) in fields {
            set.arg(field).arg(json);
        }
        self.query::<u64>("storing a memory", &set).await.map(|_| ())
    }

    /// An agent's memory.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Undecodable`], [`Error::Redis`].
    pub async fn memory(&self, agent: &AgentId) -> Result<Memory, Error> {
        let fields: HashMap<String, String> =
            self.query("reading a memory", redis::cmd("HGETALL").arg(self.keys.memory(agent))).await?;
        if fields.is_empty() {
            return Err(Error::NotFound(format!("memory of an agent {agent}")));
        }
        fn field<T: Default + serde::de::DeserializeOwned>(
            fields: &HashMap<String, String>,
            name: &str,
        ) -> Result<T, Error> {
            fields
                .get(name)
                .map_or_else(|| Ok(T::default()), |json| decode(format!("memory field {name}"), json))
        }
        Ok(Memory {
            core_knowledge: field(&fields, "core_knowledge")?,
            observations: field(&fields, "observations")?,
            reasoning_history: field(&fields, "reasoning_history")?,
            current_task: field(&fields, "current_task")?,
            completed_tasks: field(&fields, "completed_tasks")?,
        })
    }

    /// Deletes the memory of an agent that is gone. A living one is told [`Command::Wipe`].
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn delete_memory(&self, agent: &AgentId) -> Result<(), Error> {
        self.query("deleting a memory", redis::cmd("DEL").arg(self.keys.memory(agent))).await
    }

    /// Asks for `count` agents of a role.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn scale(&self, role: Role, count: u32) -> Result<(), Error> {
        let mut set = redis::cmd("HSET");
        set.arg(self.keys.fleet_desired()).arg(role.name()).arg(count.min(MAX_AGENTS));
        self.query::<u64>("scaling a role", &set).await.map(|_| ())
    }

    /// How many agents of each role are asked for.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn desired_fleet(&self) -> Result<BTreeMap<Role, u32>, Error> {
        let all: Vec<(Vec<u8>, Vec<u8>)> = self
            .query("reading the wanted fleet", redis::cmd("HGETALL").arg(self.keys.fleet_desired()))
            .await?;
        Ok(read_desired(all))
    }

    /// The id of the fleet that this Redis and prefix stand for, made at the first call. Several fleets
    /// may share a Docker host; the id tells whose a container is.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn fleet_id(&self) -> Result<String, Error> {
        let key = self.keys.fleet();
        // Asked first: a worker's user may read the id, but not make one.
        let known: Option<String> =
            self.query("asking for the fleet's id", redis::cmd("HGET").arg(&key).arg("id")).await?;
        if let Some(id) = known {
            return Ok(id);
        }
        let proposed = crate::id::GoalId::random().to_string().replacen("g-", "f-", 1);
        let mut pipe = redis::pipe();
        pipe.atomic().hset_nx(&key, "id", proposed).ignore().hget(&key, "id");
        let (id,): (String,) = self.pipe("asking for the fleet's id", &pipe).await?;
        Ok(id)
    }

    /// Pauses the fleet: nothing is handed out, and running attempts are handed back. Returns whether that
    /// changed anything.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn pause_fleet(&self) -> Result<bool, Error> {
        self.pause_or_resume_fleet("pause").await
    }

    /// Lets a paused fleet go on. Returns whether that changed anything.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn resume_fleet(&self) -> Result<bool, Error> {
        self.pause_or_resume_fleet("resume").await
    }

    /// Since when the fleet is paused, Unix time in milliseconds; none when it is not.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn fleet_paused(&self) -> Result<Option<u64>, Error> {
        self.query(
            "asking whether the fleet is paused",
            redis::cmd("HGET").arg(self.keys.fleet()).arg("paused"),
        )
        .await
    }

    async fn pause_or_resume_fleet(&self, what: &str) -> Result<bool, Error> {
        let reply: String = self
            .script(&scripts::PAUSE_FLEET, |s| {
                s.arg(what);
                for role in Role::ALL {
                    s.arg(role.name());
                }
            })
            .await?;
        Ok(reply == "ok")
    }

    /// Tells what a host has, and forgets hosts that have not been heard of for a day.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn tell_host(&self, status: &HostStatus) -> Result<(), Error> {
        let json = encode("a host's status", status)?;
        let mut pipe = redis::pipe();
        pipe.hset(self.keys.hosts(), &status.host, json).ignore().hgetall(self.keys.hosts());
        let (all,): (Vec<(Vec<u8>, Vec<u8>)>,) = self.pipe("telling what a host has", &pipe).await?;
        let is_gone = |json: &[u8]| {
            let status: Option<HostStatus> = serde_json::from_slice(json).ok();
            status.is_none_or(|host| now_ms().saturating_sub(host.heartbeat_ms) > HOST_GONE_MS)
        };
        for (host, _) in all.iter().filter(|(_, json)| is_gone(json)) {
            self.forget_host(host).await?;
        }
        Ok(())
    }

    /// Takes a host off the list.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn forget_host(&self, host: impl AsRef<[u8]>) -> Result<(), Error> {
        let mut forget = redis::cmd("HDEL");
        forget.arg(self.keys.hosts()).arg(host.as_ref());
        self.query::<u64>("taking a host off the list", &forget).await.map(|_| ())
    }

    /// Makes this process the one that looks after a host's fleet, for `seconds`. Returns whether it is.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn lease_host(&self, host: &str, seconds: u64) -> Result<bool, Error> {
        let reply: String = self
            .script(&scripts::LEASE_HOST, |s| {
                s.arg(host).arg(seconds);
            })
            .await?;
        Ok(reply == "ok")
    }
}

/// Agents in order; what can't be read is left out.
pub(super) fn read_agents(all: &[Vec<u8>]) -> Vec<AgentStatus> {
    let texts = all.iter().filter_map(|value| std::str::from_utf8(value).ok());
    let mut agents: Vec<AgentStatus> =
        texts.filter_map(|json| decode("an agent's status", json).ok()).collect();
    agents.sort_by(|a, b| (a.role, a.started_ms, &a.id).cmp(&(b.role, b.started_ms, &b.id)));
    agents
}

/// Wanted sizes by role; what can't be read is left out.
pub(super) fn read_desired(all: Vec<(Vec<u8>, Vec<u8>)>) -> BTreeMap<Role, u32> {
    let read = |text: Vec<u8>| String::from_utf8(text).ok();
    let wanted = all.into_iter().filter_map(|(role, count)| {
        let count: u32 = read(count)?.parse().ok()?;
        Some((read(role)?.parse().ok()?, count.min(MAX_AGENTS)))
    });
    wanted.collect()
}
