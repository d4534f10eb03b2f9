//! `goals`, `show`, `cancel`, `retry`.

use codegod_protocol::client::{GoalView, now_ms};
use codegod_protocol::goal::{GoalKind, GoalState};
use codegod_protocol::id::{GoalId, TaskId};
use serde_json::{Value, json};

use super::{Place, build, counted, intended};
use crate::error::Error;
use crate::follow::Glyphs;
use crate::origin::Origin;
use crate::output::{Line, Meaning, Out};
use crate::sanitize;
use crate::text::{clock, table};

/// A goal of a list, as JSON.
pub(super) fn summary(view: &GoalView) -> Value {
    json!({
        "goal": view.goal.id, "status": view.state, "text": view.goal.text, "tasks": view.total,
        "succeeded": view.succeeded, "submitted_ms": view.goal.submitted_ms, "ended_ms": view.ended_ms,
        "paused_ms": view.paused_ms, "deadline_ms": view.goal.deadline_ms, "error": view.error,
    })
}

/// Goals as lines of a table.
pub(super) fn lines(goals: &[GoalView], now_ms: u64, columns: usize) -> Vec<Line> {
    let glyphs = Glyphs::of_locale();
    let rows: Vec<Vec<String>> = goals
        .iter()
        .map(|view| {
            let state = format!("{} {}", glyphs.goal(view.state).0, state(view));
            let tasks =
                if view.total == 0 { "-".to_owned() } else { format!("{}/{}", view.succeeded, view.total) };
            let took = clock(view.goal.submitted_ms, view.ended_ms.unwrap_or(now_ms));
            vec![view.goal.id.to_string(), state, tasks, took, sanitize::line(&view.goal.text)]
        })
        .collect();
    let table = table(&["GOAL", "STATE", "TASKS", "TIME", "TEXT"], &rows, 4, columns);
    let meanings = std::iter::once(Meaning::Strong).chain(goals.iter().map(|view| glyphs.goal(view.state).1));
    table.into_iter().zip(meanings).map(|(text, meaning)| Line::new(meaning, text)).collect()
}

/// The goal's state; one that was paused before it had a plan keeps its own beside.
fn state(view: &GoalView) -> String {
    let word = view.state.name();
    let is_told = view.state == GoalState::Paused || view.state.is_final();
    if view.paused_ms.is_some() && !is_told { format!("{word}, paused") } else { word.to_owned() }
}

/// Lists the newest goals.
pub(super) async fn list(at: &Place, count: u32, out: &Out) -> Result<u8, Error> {
    let goals = at.client().await?.goals(count as usize).await?;
    if goals.is_empty() {
        out.say(&Line::new(Meaning::Faint, "no goals yet; codegod build \"…\" makes one"));
    } else {
        out.data(&lines(&goals, now_ms(), out.columns()));
    }
    out.json(&goals.iter().map(summary).collect::<Vec<_>>());
    Ok(0)
}

/// Shows a goal; takes the result of one that was started on this machine and ended unwatched.
pub(super) async fn show(at: &Place, goal: &GoalId, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let view = client.goal_view(goal).await?;
    if view.state.is_final() && view.tasks.is_empty() && view.total > 0 {
        build::print(&view, Origin::recall(goal).as_ref(), out);
        out.say(&Line::new(
            Meaning::Faint,
            "it is archived: its plan, its evidence and its files are gone from Redis",
        ));
        return Ok(build::exit_code(view.state));
    }
    if view.state.is_final() && view.goal.kind == GoalKind::Build {
        return build::finish(&client, &view, out).await;
    }
    build::print(&view, Origin::recall(goal).as_ref(), out);
    Ok(build::exit_code(view.state))
}

/// Cancels a goal.
pub(super) async fn cancel(at: &Place, goal: &GoalId, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let question = async || {
        let view = client.goal_head(goal).await?;
        let text = sanitize::line(&view.goal.text);
        let done = match view.total {
            0 => "It has no plan yet".to_owned(),
            all => format!("{} of {} are done", view.succeeded, counted(all, "task")),
        };
        Ok(format!("Cancel {goal} ({text})? {done}; its agents stop within seconds, and it has no result."))
    };
    if !intended(question, out).await? {
        return Ok(0);
    }
    client.cancel_goal(goal).await?;
    out.data(&[Line::new(Meaning::Plain, format!("{goal} is cancelled; its agents stop within seconds"))]);
    out.json(&json!({ "goal": goal, "status": "cancelled" }));
    Ok(0)
}

/// Gives a task all its attempts again.
pub(super) async fn retry(at: &Place, task: &TaskId, out: &Out) -> Result<u8, Error> {
    at.client().await?.retry_task(task).await?;
    let goal = task.goal();
    out.data(&[Line::new(
        Meaning::Plain,
        format!("{task} will be tried again; codegod show {goal} follows it up"),
    )]);
    out.json(&json!({ "task": task, "goal": goal, "status": "ready" }));
    Ok(0)
}
