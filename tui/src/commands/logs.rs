//! `logs`: what agents said and what their commands printed, and what comes.

use std::time::Duration;

use codegod_protocol::client::{Client, LogLine, now_ms};
use codegod_protocol::id::AgentId;
use codegod_protocol::log::Level;
use serde_json::json;

use super::Place;
use crate::cli::Who;
use crate::error::Error;
use crate::output::{Line, Meaning, Out};
use crate::{sanitize, text};

/// How long one read waits; new agents are looked for in between.
const WAIT_MS: usize = 1_000;
/// How many lines are read at a time in search of a level.
const PAGE: usize = 1_000;
/// How long to wait before Redis is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Whose lines are asked for, and which.
pub(super) struct Asked {
    /// A role or an agent; everybody when absent.
    pub(super) who: Option<Who>,
    /// Only lines that matter so much or more.
    pub(super) level: Level,
    /// How many of the last of each agent.
    pub(super) lines: u32,
}

/// Prints the last lines of each agent that is meant, in order of time, then what comes.
pub(super) async fn logs(at: &Place, asked: Asked, follow: bool, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let agents = meant(&client, asked.who.as_ref()).await?;
    let mut positions = Vec::with_capacity(agents.len());
    let mut last: Vec<(AgentId, LogLine)> = Vec::new();
    for agent in agents {
        // At least one is read: its id is where following begins.
        let mut read = last_of_level(&client, &agent, &asked).await?;
        positions.push((
            agent.clone(),
            read.last().map_or_else(|| "0-0".to_owned(), |line| line.position.clone()),
        ));
        read.retain(|line| line.level >= asked.level);
        read.drain(..read.len().saturating_sub(asked.lines as usize));
        last.extend(read.into_iter().map(|line| (agent.clone(), line)));
    }
    last.sort_by_key(|(_, line)| time(line));
    if last.is_empty() && !follow {
        out.say(&Line::new(Meaning::Faint, "nothing was logged"));
    }
    print(&last, out);
    if follow { follow_on(&client, &asked, positions, out).await } else { Ok(0) }
}

/// The last lines of an agent, as many as hold those that are asked for; the very last in any case.
async fn last_of_level(client: &Client, agent: &AgentId, asked: &Asked) -> Result<Vec<LogLine>, Error> {
    let count = asked.lines.max(1) as usize;
    let mut lines = client.last_log(agent, count).await?;
    let mut fetched = lines.len();
    let matching = |lines: &[LogLine]| lines.iter().filter(|line| line.level >= asked.level).count();
    while fetched > 0 && matching(&lines) < asked.lines as usize {
        let Some(first) = lines.first().map(|line| line.position.clone()) else { break };
        let mut older = client.log_before(agent, &first, PAGE).await?;
        fetched = older.len();
        // The first is kept: reading goes on from there.
        let mut at = 0;
        older.retain(|line| {
            at += 1;
            at == 1 || line.level >= asked.level
        });
        older.append(&mut lines);
        lines = older;
    }
    Ok(lines)
}

/// The agents that are meant. One that has ended is off the list, and its log may still be there.
async fn meant(client: &Client, who: Option<&Who>) -> Result<Vec<AgentId>, Error> {
    let listed: Vec<AgentId> = client.agents().await?.into_iter().map(|agent| agent.id).collect();
    let Some(who) = who else { return Ok(listed) };
    let found: Vec<AgentId> = listed.into_iter().filter(|agent| who.includes(agent)).collect();
    match who {
        Who::Agent(agent) if found.is_empty() => {
            if client.last_log(agent, 1).await?.is_empty() {
                return Err(Error::NoSuchAgent(format!("agent {agent}, nor a log of one")));
            }
            Ok(vec![agent.clone()])
        }
        _ => Ok(found),
    }
}

async fn follow_on(
    client: &Client,
    asked: &Asked,
    mut positions: Vec<(AgentId, String)>,
    out: &Out,
) -> Result<u8, Error> {
    let mut listener = client.listener().await?;
    let mut lost = false;
    loop {
        let read = async {
            if positions.is_empty() {
                tokio::time::sleep(Duration::from_millis(WAIT_MS as u64)).await;
            }
            let mut lines = Vec::new();
            if !positions.is_empty() {
                lines = listener.logs(&mut positions, WAIT_MS).await.map_err(Error::from)?;
            }
            // An agent that was started since is followed from its first line.
            for agent in meant(client, asked.who.as_ref()).await? {
                if positions.iter().all(|(known, _)| *known != agent) {
                    positions.push((agent, "0-0".to_owned()));
                }
            }
            lines.retain(|(_, line)| line.level >= asked.level);
            Ok::<_, Error>(lines)
        };
        match read.await {
            Ok(lines) => {
                if std::mem::take(&mut lost) {
                    out.say(&Line::new(Meaning::Good, "Redis is back"));
                }
                print(&lines, out);
            }
            Err(error) => {
                if !std::mem::replace(&mut lost, true) {
                    out.say(&Line::new(
                        Meaning::Bad,
                        format!("Redis is away, trying again: {}", error.sentence()),
                    ));
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// When a line was written, Unix time in milliseconds.
fn time(line: &LogLine) -> u64 {
    line.position.split('-').next().and_then(|ms| ms.parse().ok()).unwrap_or_else(now_ms)
}

fn print(lines: &[(AgentId, LogLine)], out: &Out) {
    let text = |(agent, line): &(AgentId, LogLine)| {
        let clock = text::time_of_day(time(line), text::utc_offset_seconds());
        let meaning = match line.level {
            Level::Output | Level::Info => Meaning::Plain,
            Level::Warning => Meaning::Attention,
            Level::Error => Meaning::Bad,
        };
        // Not by colour alone.
        let mark = if line.level >= Level::Warning { format!("{}: ", line.level) } else { String::new() };
        Line::new(meaning, format!("{clock} {agent:<14} {mark}{}", sanitize::line(&line.line)))
    };
    out.data(&lines.iter().map(text).collect::<Vec<_>>());
    for (agent, line) in lines {
        out.json(&json!({ "ms": time(line), "agent": agent, "task": line.task, "level": line.level,
            "line": line.line }));
    }
}
