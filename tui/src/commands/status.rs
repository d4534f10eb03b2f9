//! `status`: the fleet, its queues, the counts and the newest goals.

use std::collections::BTreeMap;

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::client::{QueueView, now_ms};
use codegod_protocol::id::Role;
use serde_json::json;

use super::{Place, counted, goals};
use crate::error::Error;
use crate::output::{Line, Meaning, Out};
use crate::sanitize;
use crate::text::{clock, table};

/// How many goals are shown.
const GOALS: usize = 5;

/// Shows all of it.
pub(super) async fn status(at: &Place, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let now = now_ms();
    let desired = client.desired_fleet().await?;
    let agents = client.agents().await?;
    let queues = client.queues().await?;
    let metrics: BTreeMap<_, _> = client.metrics().await?.into_iter().collect();
    let newest = client.goals(GOALS).await?;
    let paused_ms = client.fleet_paused().await?;
    let (dead, quarantined) = client.count_letters().await?;
    let mut lines = Vec::new();
    if let Some(since) = paused_ms {
        let text = format!(
            "the fleet is paused for {}: nothing is handed out; codegod resume lets it go on",
            clock(since, now)
        );
        lines.extend([Line::new(Meaning::Attention, text), Line::new(Meaning::Plain, "")]);
    }
    lines.extend(roles(&desired, &agents, &queues, now, out.columns()));
    lines.push(Line::new(Meaning::Plain, ""));
    lines.extend(agent_lines(&agents, now, out.columns()));
    if !metrics.is_empty() {
        let counts: Vec<String> = metrics.iter().map(|(name, count)| format!("{name} {count}")).collect();
        lines.push(Line::new(Meaning::Plain, ""));
        lines.push(Line::new(Meaning::Plain, format!("tasks so far: {}", counts.join(", "))));
    }
    lines.extend(needs_a_person(dead, quarantined));
    if !newest.is_empty() {
        lines.push(Line::new(Meaning::Plain, ""));
        lines.extend(goals::lines(&newest, now, out.columns()));
    }
    out.data(&lines);
    let agents: Vec<_> =
        agents.iter().map(|agent| json!({ "status": agent, "alive": agent.is_alive(now) })).collect();
    let newest: Vec<_> = newest.iter().map(goals::summary).collect();
    out.json(&json!({
        "redis": client.url(), "desired": desired.iter().map(|(role, count)| (role.name(), count)).collect::<BTreeMap<_, _>>(),
        "agents": agents, "queues": queues, "metrics": metrics, "goals": newest, "paused_ms": paused_ms,
        "dead": dead, "quarantined": quarantined,
    }));
    Ok(0)
}

fn roles(
    desired: &BTreeMap<Role, u32>,
    agents: &[AgentStatus],
    queues: &[QueueView],
    now: u64,
    columns: usize,
) -> Vec<Line> {
    let rows: Vec<Vec<String>> = Role::ALL
        .into_iter()
        .map(|role| {
            let alive = agents.iter().filter(|agent| agent.role == role && agent.is_alive(now)).count();
            let queue = queues.iter().find(|queue| queue.role == role);
            let wanted = desired.get(&role).map_or_else(|| "-".to_owned(), u32::to_string);
            let count = |pick: fn(&QueueView) -> u64| queue.map_or(0, pick).to_string();
            vec![
                role.to_string(),
                wanted,
                alive.to_string(),
                count(|queue| queue.ready),
                count(|queue| queue.in_flight),
            ]
        })
        .collect();
    let head = ["ROLE", "WANTED", "ALIVE", "READY", "IN FLIGHT"];
    headed(table(&head, &rows, 0, columns), |_| Meaning::Plain)
}

fn agent_lines(agents: &[AgentStatus], now: u64, columns: usize) -> Vec<Line> {
    if agents.is_empty() {
        return vec![Line::new(Meaning::Attention, "no agents run; start-agents.sh up starts some")];
    }
    let rows: Vec<Vec<String>> = agents.iter().map(|agent| agent_row(agent, now)).collect();
    let head = ["AGENT", "PHASE", "SEEN", "DONE", "FAILED", "TASK", "DOING"];
    headed(table(&head, &rows, 6, columns), |i| match agents.get(i) {
        Some(agent) if !agent.is_alive(now) => Meaning::Bad,
        Some(agent) if agent.current_task.is_some() => Meaning::Busy,
        _ => Meaning::Plain,
    })
}

/// What was given up or put aside.
fn needs_a_person(dead: u64, quarantined: u64) -> Vec<Line> {
    let mut parts = Vec::new();
    if dead > 0 {
        parts.push(format!("{} given up (codegod dead)", counted(dead, "task")));
    }
    if quarantined > 0 {
        parts.push(format!("{} put aside (codegod quarantine)", counted(quarantined, "entry")));
    }
    if parts.is_empty() {
        return Vec::new();
    }
    vec![Line::new(Meaning::Attention, format!("needs a person: {}", parts.join(", ")))]
}

/// What it is on, and why it claims nothing or can't go on.
fn doing(agent: &AgentStatus) -> String {
    let parts: Vec<&str> = agent.title.as_deref().into_iter().chain(agent.note.as_deref()).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join("; ") }
}

fn agent_row(agent: &AgentStatus, now: u64) -> Vec<String> {
    let phase = if agent.is_alive(now) { agent.phase.name() } else { "dead" };
    vec![
        agent.id.to_string(),
        phase.to_owned(),
        format!("{} ago", clock(agent.heartbeat_ms, now)),
        agent.succeeded.to_string(),
        agent.failed.to_string(),
        agent.current_task.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        sanitize::line(&doing(agent)),
    ]
}

fn headed(table: Vec<String>, meaning: impl Fn(usize) -> Meaning) -> Vec<Line> {
    let look = |i: usize| if i == 0 { Meaning::Strong } else { meaning(i - 1) };
    table.into_iter().enumerate().map(|(i, text)| Line::new(look(i), text)).collect()
}
