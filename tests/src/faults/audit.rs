//! What the events tell against what was ordered and against what stands in the hashes at the end.

use std::collections::HashMap;

use codegod_protocol::id::GoalId;
use codegod_protocol::result::ResultStatus;

use super::history::{History, TaskEnd};
use super::load::{Fate, Order};
use super::replay::{Course, Life, Replay};
use super::rules::{Breaks, Rule};
use crate::noop::commit_of;

/// Metrics and the events that each of them counts.
const COUNTED: [(&str, &str); 6] = [
    ("succeeded", "task_succeeded"),
    ("failed", "task_failed"),
    ("cancelled", "task_cancelled"),
    ("retried", "attempt_failed"),
    ("expired", "lease_expired"),
    ("stale", "publish_refused"),
];

/// Compares orders, events and hashes.
#[must_use]
pub fn audit(orders: &[Order], history: &History, replay: &Replay) -> Breaks {
    let mut breaks = Breaks::default();
    for order in orders {
        order_is_done(order, history, replay, &mut breaks);
    }
    for (id, fields) in &history.goals {
        let course = replay.courses.get(id).cloned().unwrap_or_default();
        goal_agrees(id, fields, &course, replay, &mut breaks);
    }
    for (id, end) in &history.tasks {
        let life = replay.lives.get(id).cloned().unwrap_or_default();
        let planned = replay.courses.get(id.goal()).is_some_and(|course| course.total > 0);
        if planned {
            task_agrees(end, &life, &mut breaks);
        }
    }
    let count = |kind: &str| replay.counts.get(kind).copied().unwrap_or(0);
    let metric = |name: &str| history.metrics.get(name).copied().unwrap_or(0);
    let submitted: u64 = replay.courses.values().map(|course| course.total).sum();
    let pairs = COUNTED.map(|(name, kind)| (name, metric(name), count(kind)));
    let more = [("submitted", metric("submitted"), submitted), ("quarantined", metric("quarantined"), 0)];
    for (name, metric, events) in pairs.into_iter().chain(more) {
        breaks.unless(metric == events, Rule::MetricsAgree, || {
            format!("{name} is {metric}, by the events {events}")
        });
    }
    breaks
}

fn order_is_done(order: &Order, history: &History, replay: &Replay, breaks: &mut Breaks) {
    let id = &order.goal.id;
    let state = history.goals.get(id).and_then(|fields| fields.get("state")).cloned();
    let course = replay.courses.get(id).cloned().unwrap_or_default();
    breaks.unless(course.ended.is_some(), Rule::NothingLost, || {
        format!("{id} has not ended; it is {state:?} and was to be {:?}", order.whim)
    });
    if course.ended.as_deref() == Some("cancelled") {
        return;
    }
    let fates = order.fates();
    let wanted = match fates.as_slice() {
        // No playbook knows how to sing.
        [] => "blocked",
        fates if fates.iter().all(|fate| *fate == Fate::Succeeds) => "succeeded",
        _ => "failed",
    };
    breaks.unless(course.ended.as_deref() == Some(wanted), Rule::AsPlanned, || {
        format!("{id} is {state:?}, and was to be {wanted}")
    });
    for (task, fate) in order.tasks.iter().zip(fates) {
        let ended = replay.lives.get(&task.id).and_then(|life| life.ended.clone());
        let stands = history.tasks.get(&task.id).and_then(|end| end.fields.get("state"));
        breaks.unless(ended.is_some(), Rule::NothingLost, || format!("{} is {stands:?}", task.id));
        let wanted = match fate {
            Fate::Succeeds => "succeeded",
            Fate::Fails => "failed",
            Fate::NeverRuns => "cancelled",
        };
        breaks.unless(ended.as_deref() == Some(wanted), Rule::AsPlanned, || {
            format!("{} is {stands:?}, and was to be {wanted}", task.id)
        });
    }
}

fn goal_agrees(
    id: &GoalId,
    fields: &HashMap<String, String>,
    course: &Course,
    replay: &Replay,
    breaks: &mut Breaks,
) {
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let mut ended: HashMap<&str, u64> = HashMap::new();
    for (_, life) in replay.lives.iter().filter(|(task, _)| task.goal() == id) {
        *ended.entry(life.ended.as_deref().unwrap_or("open")).or_default() += 1;
    }
    let state = fields.get("state").cloned();
    breaks.unless(state == course.ended, Rule::HashesAgree, || {
        format!("{id} is {state:?}, by the events {:?}", course.ended)
    });
    if course.total == 0 {
        return;
    }
    let of = |word: &str| ended.get(word).copied().unwrap_or(0);
    let counts = ["open", "failed", "blocked", "cancelled"].map(|word| (word, number(word), of(word)));
    for (word, stands, told) in counts.into_iter().chain([("total", number("total"), course.total)]) {
        breaks.unless(stands == told, Rule::HashesAgree, || {
            format!("{id} has {stands} {word}, by the events {told}")
        });
    }
}

fn task_agrees(end: &TaskEnd, life: &Life, breaks: &mut Breaks) {
    let id = &end.task.id;
    let state = end.fields.get("state").cloned();
    breaks.unless(state == life.ended, Rule::HashesAgree, || {
        format!("{id} is {state:?}, by the events {:?}", life.ended)
    });
    let attempt = end.fields.get("attempt").and_then(|text| text.parse().ok());
    breaks.unless(attempt == Some(life.attempt), Rule::HashesAgree, || {
        format!("{id} stands at attempt {attempt:?}, by the events {}", life.attempt)
    });
    if life.ended.as_deref() != Some("succeeded") {
        return;
    }
    // What an attempt publishes can be told from what any other would have.
    let commit = commit_of(id, life.attempt);
    let right = end.result.as_ref().is_some_and(|result| {
        result.status == ResultStatus::Succeeded
            && result.attempt == life.attempt
            && result.outputs.as_ref().is_some_and(|outputs| outputs.commit == commit)
    });
    breaks.unless(right, Rule::HashesAgree, || {
        format!("the result of {id} is not of its attempt {}: {:?}", life.attempt, end.result)
    });
}
