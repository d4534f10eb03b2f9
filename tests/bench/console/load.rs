//! What a fleet would write into Redis, at a steady rate, through the typed client: signs of life, events,
//! log lines. Ends when dropped.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use codegod_protocol::agent::{AgentStatus, HEARTBEAT_SECONDS};
use codegod_protocol::client::{Client, NewLine, Planning, now_ms};
use codegod_protocol::event::Event;
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};
use codegod_protocol::log::Level;
use codegod_tests::plans;
use codegod_tests::redis_server::RedisServer;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How often something is written: with more at a time, the rate would be one of bursts.
const SLICE: Duration = Duration::from_millis(20);
const SLICES_A_SECOND: usize = 50;
/// So many tasks write at the same time, over as many connections.
const WRITERS: usize = 4;
/// A fleet that is only played.
pub(crate) struct Load {
    agents: Arc<Vec<AgentId>>,
    goal: GoalId,
    tasks: u32,
    writers: JoinSet<Result<()>>,
}

impl Load {
    /// So many agents, each with a sign of life a second, and a goal whose plan of so many tasks runs.
    pub(crate) async fn agents(server: &RedisServer, count: usize, tasks: u32) -> Result<Self> {
        let client = connect(server).await?;
        let agents: Vec<_> = Role::ALL.into_iter().cycle().take(count).map(AgentId::random).collect();
        let goal = running_goal(&client, tasks).await?;
        for agent in &agents {
            client.agent_heartbeat(&status(agent, &goal.task(1), 0)?).await?;
        }
        let mut load = Self { agents: Arc::new(agents), goal, tasks, writers: JoinSet::new() };
        let (agents, goal) = (Arc::clone(&load.agents), load.goal.clone());
        load.writers.spawn(async move {
            let every = Duration::from_secs(HEARTBEAT_SECONDS) / u32::try_from(agents.len())?;
            let mut tick = interval(every);
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for (number, agent) in agents.iter().cycle().enumerate() {
                tick.tick().await;
                let task = goal.task(1 + number as u32 % tasks);
                client.agent_heartbeat(&status(agent, &task, number)?).await?;
            }
            Ok(())
        });
        Ok(load)
    }

    /// So many events a second, about agents at work.
    pub(crate) async fn events(&mut self, server: &RedisServer, rate: usize) -> Result<()> {
        for writer in 0..WRITERS {
            let client = connect(server).await?;
            let (agents, goal, tasks) = (Arc::clone(&self.agents), self.goal.clone(), self.tasks);
            self.writers.spawn(async move {
                let mut tick = interval(SLICE);
                for slice in 0.. {
                    tick.tick().await;
                    for number in 0..rate / SLICES_A_SECOND / WRITERS {
                        let place = (slice * WRITERS + writer) * 31 + number;
                        let task = goal.task(1 + place as u32 % tasks);
                        client.append_event(&event(&agents[place % agents.len()], &task, place)).await?;
                    }
                }
                Ok(())
            });
        }
        Ok(())
    }

    /// So many log lines a second, of all agents in turn.
    pub(crate) async fn lines(&mut self, server: &RedisServer, rate: usize) -> Result<()> {
        for writer in 0..WRITERS {
            let client = connect(server).await?;
            let (agents, task) = (Arc::clone(&self.agents), self.goal.task(1).to_string());
            self.writers.spawn(async move {
                let mut tick = interval(SLICE);
                for slice in 0.. {
                    tick.tick().await;
                    let first = slice * rate / SLICES_A_SECOND / WRITERS;
                    let next = (slice + 1) * rate / SLICES_A_SECOND / WRITERS;
                    let lines: Vec<_> = (first..next).map(line).collect();
                    client.append_log(&agents[(slice + writer) % agents.len()], &task, &lines).await?;
                }
                Ok(())
            });
        }
        Ok(())
    }
}

async fn connect(server: &RedisServer) -> Result<Client> {
    Ok(Client::connect(&server.url(), "codegod:", "bench").await?)
}

/// A goal of many tasks, four side by side.
async fn running_goal(client: &Client, tasks: u32) -> Result<GoalId> {
    let goal = plans::goal("Build something large");
    client.submit_goal(&goal).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else {
        anyhow::bail!("the goal can't be planned");
    };
    let tasks: Vec<_> = (1..=tasks)
        .map(|number| {
            let role = Role::ALL[number as usize % Role::ALL.len()];
            let needs: Vec<u32> = number.checked_sub(4).filter(|needed| *needed > 0).into_iter().collect();
            plans::task(&goal.id, number, role, &needs)
        })
        .collect();
    client.submit_plan(&goal.id, &token, &plans::intent(), &tasks).await?;
    Ok(goal.id)
}

fn status(agent: &AgentId, task: &TaskId, number: usize) -> Result<AgentStatus> {
    let phases = ["observing", "reasoning", "planning", "acting", "validating"];
    Ok(serde_json::from_value(json!({
        "id": agent, "role": agent.role(), "capabilities": [], "host": "gpu-1", "pid": 1,
        "phase": phases[number / 7 % phases.len()], "current_task": task,
        "title": "install dependencies", "attempt": 1, "phase_since_ms": now_ms(),
        "usage": { "cpu_seconds": number as f64, "peak_memory_bytes": 1 << 28, "output_bytes": 100 },
        "succeeded": number, "failed": 1, "started_ms": 1, "heartbeat_ms": now_ms(), "version": "0.1.0",
    }))?)
}

fn event(agent: &AgentId, task: &TaskId, place: usize) -> Event {
    let (kind, data) = match place % 3 {
        0 => ("phase", json!({ "phase": "acting" })),
        1 => {
            ("action_started", json!({ "number": 1, "action": { "action": "read_file", "path": "app.py" } }))
        }
        _ => (
            "action_finished",
            json!({ "number": 1, "command": "pytest -q", "exit_code": 0, "seconds": 0.5 }),
        ),
    };
    Event {
        kind: kind.to_owned(),
        who: agent.to_string(),
        goal: Some(task.goal().clone()),
        task: Some(task.clone()),
        attempt: Some(1),
        data,
    }
}

/// Lines as tools print them: of different lengths, some coloured, a few that tell of trouble.
fn line(number: usize) -> NewLine {
    let text = match number % 50 {
        0 => format!("\u{1b}[31mERROR\u{1b}[0m could not find a version that satisfies package-{number}"),
        7 => format!("npm WARN deprecated module@{number}: no longer maintained"),
        other => format!("  [{number}] compiling src/{}{}.ts", "module/".repeat(other % 9), other * 7919),
    };
    let level = match number % 50 {
        0 => Level::Error,
        7 => Level::Warning,
        _ => Level::Output,
    };
    NewLine { level, text }
}
