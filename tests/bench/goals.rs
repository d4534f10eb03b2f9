//! The goal, twice, with a fleet of its own. Master and agents take their playbooks from the
//! environment, so this runs in a process of its own that was given it.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use codegod_protocol::client::GoalView;
use codegod_protocol::event::Event;
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::Role;
use codegod_tests::fleet::{Fleet, told};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::{SENTENCE, Span, Timed};
use crate::salt::Salt;

/// The fleet that `start-agents.sh` starts.
const STANDARD_FLEET: [(Role, u32); 4] =
    [(Role::Backend, 1), (Role::Frontend, 1), (Role::Devops, 1), (Role::Testing, 2)];
/// Shorter steps are left out.
const LEAST_MS: u64 = 10;
/// The longest that one goal may take.
const LIMIT: Duration = Duration::from_secs(900);

/// A goal and the same once more.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Goals {
    /// With no environment made yet.
    pub(crate) first: Timed,
    /// With those of the first.
    pub(crate) second: Timed,
    /// The steps of both, in a lane for each task.
    pub(crate) steps: [Vec<Span>; 2],
}

/// Runs both in a child process, in environments that nobody has made yet.
///
/// # Errors
/// A goal fails, or the fleet leaves something behind.
pub(crate) fn run() -> Result<Goals> {
    let salt = Salt::new()?;
    let out = Command::new(std::env::current_exe()?)
        .arg("goals")
        .env("CODEGOD_PLAYBOOKS", salt.folder())
        .stderr(Stdio::inherit())
        .output()
        .context("running the goals")?;
    ensure!(out.status.success(), "the goals failed: {}", out.status);
    serde_json::from_slice(&out.stdout).context("reading what the goals took")
}

/// What the child process does.
///
/// # Errors
/// As [`run`].
pub(crate) async fn both() -> Result<Goals> {
    let fleet = Fleet::start(&STANDARD_FLEET).await?;
    let (first, first_view) = one(&fleet).await?;
    let (second, second_view) = one(&fleet).await?;
    let steps = [steps(&fleet, &first_view)?, steps(&fleet, &second_view)?];
    let left = fleet.stop().await?;
    ensure!(left.is_empty(), "the fleet left behind: {}", left.join(", "));
    Ok(Goals { first, second, steps })
}

async fn one(fleet: &Fleet) -> Result<(Timed, GoalView)> {
    let goal = fleet.submit(SENTENCE).await?;
    let view = fleet.ended(&goal, LIMIT).await?;
    ensure!(view.state == GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    let end = view.ended_ms.context("a goal that ended has a time")?;
    let spans = view.tasks.iter().filter_map(|task| {
        Some(Span {
            lane: task.task.role.to_string(),
            start_ms: task.started_ms?,
            end_ms: task.ended_ms?,
            what: task.task.title.clone(),
        })
    });
    let seconds = end.saturating_sub(view.goal.submitted_ms) as f64 / 1000.0;
    Ok((Timed { seconds, spans: spans.collect() }, view))
}

/// What each task did from one event to the next.
fn steps(fleet: &Fleet, view: &GoalView) -> Result<Vec<Span>> {
    let client = redis::Client::open(fleet.redis.url())?;
    let mut connection = client.get_connection()?;
    let entries: Vec<(String, Vec<(String, String)>)> =
        redis::cmd("XRANGE").arg("codegod:events").arg("-").arg("+").query(&mut connection)?;
    let mut open: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut spans = Vec::new();
    let each = entries
        .into_iter()
        .flat_map(|(id, fields)| fields.into_iter().map(move |(_, json)| (id.clone(), json)));
    for (id, json) in each {
        let at = id.split('-').next().and_then(|ms| ms.parse().ok()).unwrap_or_default();
        let event: Option<Event> = serde_json::from_str(&json).ok();
        let Some((event, task)) = event.and_then(|event| event.task.clone().map(|task| (event, task))) else {
            continue;
        };
        if *task.goal() != view.goal.id {
            continue;
        }
        let lane = task.number().to_string();
        if let Some((start_ms, what)) = open.insert(lane.clone(), (at, said(&event))) {
            spans.push(Span { lane, start_ms, end_ms: at, what });
        }
    }
    spans.retain(|span| span.end_ms - span.start_ms >= LEAST_MS);
    spans.sort_by_key(|span| (span.lane.parse::<u32>().unwrap_or_default(), span.start_ms));
    Ok(spans)
}

/// An event in a few words.
fn said(event: &Event) -> String {
    let of = |name: &str| event.data.get(name).and_then(Value::as_str).unwrap_or_default();
    let command: String = of("command").chars().take(50).map(|c| if c == '\n' { ' ' } else { c }).collect();
    [event.kind.as_str(), of("phase"), of("action"), &command].join(" ").trim_end().to_owned()
}
