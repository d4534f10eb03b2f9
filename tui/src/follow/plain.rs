//! One line for each event worth reading, where nothing can be redrawn.

use codegod_protocol::event::Event;
use serde_json::Value;

use super::draw::understood;
use super::state::{Follow, Row};
use crate::output::{Line, Meaning};
use crate::text::duration;

/// What an event says, or nothing when it is not worth a line. `follow` has taken it in already.
pub(super) fn line(follow: &Follow, event: &Event) -> Option<Line> {
    let Some(task) = &event.task else { return goal_line(follow, event) };
    let row = follow.tasks.iter().find(|row| row.id == *task)?;
    let text = |name: &str| event.data.get(name).and_then(Value::as_str).unwrap_or("no reason was given");
    let (meaning, what) = match event.kind.as_str() {
        "task_claimed" => (Meaning::Plain, started(row, &event.who)),
        "observed" => (Meaning::Faint, format!("observed: {}", text("fact"))),
        "reasoned" => (Meaning::Plain, format!("concluded: {}", text("conclusion"))),
        "phase" => (Meaning::Faint, text("phase").to_owned()),
        "task_succeeded" => {
            let seconds = event.data.get("seconds").and_then(Value::as_f64).unwrap_or(0.0);
            (Meaning::Good, format!("succeeded in {}", duration(seconds)))
        }
        "task_failed" => (Meaning::Bad, format!("failed: {}", text("error"))),
        "attempt_failed" => (Meaning::Bad, format!("attempt failed, will be tried again: {}", text("error"))),
        "attempt_released" => {
            (Meaning::Attention, format!("handed back, will be started again: {}", text("reason")))
        }
        "task_blocked" => (Meaning::Attention, format!("blocked: {}", text("error"))),
        "task_cancelled" => (Meaning::Faint, "cancelled".to_owned()),
        "task_needs_follow_up" => (Meaning::Attention, format!("needs something first: {}", text("error"))),
        "task_retried" => (Meaning::Plain, "will be tried again".to_owned()),
        "lease_expired" => (Meaning::Attention, "its agent died; another takes it over".to_owned()),
        "plan_grown" => (Meaning::Attention, "the plan grew by what it needs first".to_owned()),
        _ => return None,
    };
    Some(Line::new(meaning, format!("{} {:<8} {}: {what}", row.id, row.role, row.title)))
}

fn started(row: &Row, who: &str) -> String {
    if row.attempt > 1 {
        format!("started by {who}, attempt {}", row.attempt)
    } else {
        format!("started by {who}")
    }
}

fn goal_line(follow: &Follow, event: &Event) -> Option<Line> {
    let what = match event.kind.as_str() {
        "goal_planning" => "is being planned".to_owned(),
        "goal_paused" => format!("is paused; codegod resume {} lets it go on", follow.goal),
        "goal_resumed" => "goes on".to_owned(),
        "goal_running" => {
            let tasks = follow.tasks.len();
            match &follow.intent {
                Some(intent) => format!("has a plan of {tasks} tasks; understood: {}", understood(intent)),
                None => format!("has a plan of {tasks} tasks"),
            }
        }
        kind => {
            let word = kind.strip_prefix("goal_").filter(|_| follow.state.is_final())?;
            word.to_owned()
        }
    };
    Some(Line::new(Meaning::Strong, format!("{} {what}", follow.goal)))
}
