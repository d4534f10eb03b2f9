//! `scale`, `wipe`, `drain`: what agents are told.

use std::time::{Duration, Instant};

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::client::{self, Client, Command, now_ms};
use codegod_protocol::id::{AgentId, Role};
use codegod_protocol::memory::Memory;
use serde_json::json;

use super::{Place, confirmed, counted, intended};
use crate::cli::Who;
use crate::error::Error;
use crate::output::{Line, Meaning, Out};

/// How often the list of agents is looked at while waiting for them to end.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Asks for a number of agents of a role.
pub(super) async fn scale(at: &Place, role: Role, count: u32, out: &Out) -> Result<u8, Error> {
    at.client().await?.scale(role, count).await?;
    out.data(&[Line::new(
        Meaning::Plain,
        format!("{role}: {count} wanted; codegod status shows them come and go"),
    )]);
    out.json(&json!({ "role": role, "desired": count }));
    Ok(0)
}

/// The agents on the list that are meant.
async fn meant(client: &Client, who: Option<&Who>) -> Result<Vec<AgentStatus>, Error> {
    let mut agents = client.agents().await?;
    agents.retain(|agent| who.is_none_or(|who| who.includes(&agent.id)));
    Ok(agents)
}

/// Lets agents forget. A living one does it at its next heartbeat; a dead one's memory is deleted.
pub(super) async fn wipe(at: &Place, who: Option<Who>, yes: bool, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let agents = meant(&client, who.as_ref()).await?;
    if let (Some(Who::Agent(agent)), true) = (&who, agents.is_empty()) {
        // One that has ended is off the list and may have left its memory.
        let memory = client.memory(agent).await?;
        if !intended(async || Ok(gone_question(agent, &memory)), out).await? {
            return Ok(0);
        }
        client.delete_memory(agent).await?;
        return said(&[agent.to_string()], out);
    }
    let is_one = matches!(who, Some(Who::Agent(_))) || agents.is_empty();
    let now = now_ms();
    if !yes && !agents.is_empty() && !wiping_is_meant(&client, &agents, is_one, now, out).await? {
        return Ok(0);
    }
    for agent in &agents {
        if agent.is_alive(now) {
            client.tell(&agent.id, Command::Wipe).await?;
        } else {
            client.delete_memory(&agent.id).await?;
        }
    }
    said(&agents.iter().map(|agent| agent.id.to_string()).collect::<Vec<_>>(), out)
}

/// Several agents are asked about everywhere, one only in the console.
async fn wiping_is_meant(
    client: &Client,
    agents: &[AgentStatus],
    is_one: bool,
    now: u64,
    out: &Out,
) -> Result<bool, Error> {
    let [agent] = agents else {
        let question = format!(
            "Wipe {}? Each forgets all but its core knowledge; those that ended, that too.",
            named(agents)
        );
        return confirmed(false, "wiping several agents", &question, out).await;
    };
    let question = async || {
        let memory = match client.memory(&agent.id).await {
            Err(client::Error::NotFound(_)) => Memory::default(),
            memory => memory?,
        };
        let question = if agent.is_alive(now) { living_question } else { gone_question };
        Ok(question(&agent.id, &memory))
    };
    match is_one {
        true => intended(question, out).await,
        false => confirmed(false, "wiping several agents", &question().await?, out).await,
    }
}

/// A few agents by name, many by how many of each role.
fn named(agents: &[AgentStatus]) -> String {
    if agents.len() <= 4 {
        return agents.iter().map(|agent| agent.id.to_string()).collect::<Vec<_>>().join(", ");
    }
    let of = |role: Role| agents.iter().filter(|agent| agent.role == role).count();
    let roles = Role::ALL.into_iter().filter(|role| of(*role) > 0).map(|role| format!("{} {role}", of(role)));
    format!("{} agents ({})", agents.len(), roles.collect::<Vec<_>>().join(", "))
}

fn living_question(agent: &AgentId, memory: &Memory) -> String {
    let (seen, thought) = (
        counts(memory.observations.len(), "observation"),
        counts(memory.reasoning_history.len(), "reasoning"),
    );
    let known = counts(memory.core_knowledge.len(), "fact");
    format!("Wipe {agent}? It forgets {seen} and {thought}; its core knowledge ({known}) stays.")
}

fn gone_question(agent: &AgentId, memory: &Memory) -> String {
    let done = counts(memory.completed_tasks.len(), "completed task");
    format!("Delete what {agent} knew? It has ended; its memory of {done} goes, its core knowledge too.")
}

fn counts(count: usize, one: &str) -> String {
    counted(count as u64, one)
}

fn said(agents: &[String], out: &Out) -> Result<u8, Error> {
    let text = if agents.is_empty() {
        "no agents to wipe".to_owned()
    } else {
        format!("wiped: {}", agents.join(", "))
    };
    out.data(&[Line::new(Meaning::Plain, text)]);
    out.json(&json!({ "wiped": agents }));
    Ok(0)
}

/// Tells agents to finish and end, and waits for it when asked to.
pub(super) async fn drain(at: &Place, who: Option<Who>, wait: Option<u64>, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let living = async || -> Result<Vec<AgentStatus>, Error> {
        let mut agents = meant(&client, who.as_ref()).await?;
        agents.retain(|agent| agent.is_alive(now_ms()));
        Ok(agents)
    };
    let told = living().await?;
    if let (Some(Who::Agent(agent)), true) = (&who, told.is_empty()) {
        return Err(Error::NoSuchAgent(format!("living agent {agent}")));
    }
    let question = async || {
        let names: Vec<String> = told.iter().map(|agent| agent.id.to_string()).collect();
        let who = if names.len() > 4 { counts(names.len(), "agent") } else { names.join(", ") };
        Ok(format!("Let {who} finish the task at hand and end?"))
    };
    if !told.is_empty() && !intended(question, out).await? {
        return Ok(0);
    }
    for agent in &told {
        client.tell(&agent.id, Command::Drain).await?;
    }
    if let Some(seconds) = wait {
        let started = Instant::now();
        loop {
            let left = living().await?;
            if left.is_empty() {
                break;
            }
            if started.elapsed() >= Duration::from_secs(seconds) {
                let agents = left.iter().map(|agent| agent.id.to_string()).collect::<Vec<_>>().join(", ");
                return Err(Error::NotDrained { seconds, agents });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    let names: Vec<String> = told.iter().map(|agent| agent.id.to_string()).collect();
    let verb = if wait.is_some() { "ended" } else { "told to end" };
    let text =
        if names.is_empty() { "no agents run".to_owned() } else { format!("{verb}: {}", names.join(", ")) };
    out.data(&[Line::new(Meaning::Plain, text)]);
    out.json(&json!({ "drained": names }));
    Ok(0)
}
