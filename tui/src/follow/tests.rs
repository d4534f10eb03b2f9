//! What following shows, at the sizes that people have.

use codegod_protocol::client::{GoalView, TaskView};
use codegod_protocol::event::Event;
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::TaskId;
use codegod_protocol::intent::Intent;
use codegod_protocol::task::{Task, TaskState};
use serde_json::{Value, json};

use super::draw::draw;
use super::glyphs::Glyphs;
use super::plain;
use super::state::{Effect, Follow};
use crate::text::width as columns_of;

const NOW: u64 = 1_700_000_100_000;

/// A task of the goal `g-7k2m9qx4`.
pub(crate) fn task(number: u32, role: &str, title: &str, needs: &[u32]) -> TaskView {
    let id = |number: &u32| format!("g-7k2m9qx4.{number}");
    let task: Task = serde_json::from_value(json!({
        "version": 1, "id": id(&number), "goal": "g-7k2m9qx4", "role": role, "title": title, "kind": "work",
        "needs": needs.iter().map(id).collect::<Vec<_>>(), "priority": 5, "deadline_seconds": 60, "max_attempts": 3,
        "procedure": { "problem": "", "hypotheses": [], "validate": [] },
    }))
    .unwrap();
    let needs = task.needs.clone();
    TaskView {
        task,
        state: TaskState::Waiting,
        needs,
        attempts: 0,
        agent: None,
        started_ms: None,
        ended_ms: None,
        result: None,
        error: None,
    }
}

/// A running goal with those tasks.
pub(crate) fn view(tasks: Vec<TaskView>) -> GoalView {
    let goal: Goal = serde_json::from_value(json!({
        "version": 1, "id": "g-7k2m9qx4", "text": "Build a Flask + React app with todos", "priority": 5,
        "submitted_ms": NOW - 95_000,
    }))
    .unwrap();
    let intent: Intent = serde_json::from_value(json!({
        "project": "full_stack", "name": "todos", "title": "Todos", "not_covered": ["a pony"],
        "stack": { "backend": "flask", "frontend": "react", "database": "sqlite" },
        "resources": [{ "name": "todo", "plural": "todos", "class_name": "Todo", "label": "Todo",
            "label_plural": "Todos", "fields": [] }],
    }))
    .unwrap();
    let total = tasks.len() as u64;
    GoalView {
        goal,
        state: GoalState::Running,
        intent: Some(intent),
        error: None,
        commit: None,
        paused_ms: None,
        planned_ms: Some(NOW - 94_000),
        ended_ms: None,
        tasks,
        total,
        succeeded: 0,
        failed: 0,
        blocked: 0,
        cancelled: 0,
    }
}

fn plan() -> GoalView {
    view(vec![
        task(1, "devops", "Project skeleton", &[]),
        task(2, "backend", "Flask app with 1 resource", &[1]),
        task(3, "frontend", "React app with list and form", &[1]),
        task(4, "devops", "Dockerfile and compose file", &[2, 3]),
        task(5, "testing", "The backend's tests", &[2]),
        task(6, "testing", "Closing verification", &[4, 5]),
    ])
}

fn event(kind: &str, task: Option<u32>, attempt: u32, data: Value) -> Event {
    serde_json::from_value(json!({
        "kind": kind, "who": "backend-7k2m", "goal": "g-7k2m9qx4",
        "task": task.map(|number| format!("g-7k2m9qx4.{number}")), "attempt": attempt, "data": data,
    }))
    .unwrap()
}

/// The plan half way, with every kind of event taken in.
fn half_way() -> Follow {
    let mut follow = Follow::new(&plan());
    let events = [
        event("task_claimed", Some(1), 1, Value::Null),
        event("task_succeeded", Some(1), 1, json!({ "seconds": 3.25 })),
        event("task_ready", Some(2), 0, Value::Null),
        event("task_claimed", Some(2), 1, Value::Null),
        event("attempt_failed", Some(2), 1, json!({ "error": "the index did not answer" })),
        event("task_claimed", Some(2), 2, Value::Null),
        event("phase", Some(2), 2, json!({ "phase": "acting" })),
        event("action_started", Some(2), 2, json!({ "number": 1, "expect": "Every package installs." })),
        event("task_claimed", Some(3), 1, Value::Null),
        event("phase", Some(3), 1, json!({ "phase": "validating" })),
    ];
    for event in &events {
        follow.apply(event, NOW - 12_000);
    }
    let log = "\u{1b}[32mCollecting flask==3.1.0\u{1b}[0m\tfrom the index".to_owned();
    follow.note_log(&"g-7k2m9qx4.2".parse::<TaskId>().unwrap(), log);
    follow
}

fn picture(follow: &Follow, glyphs: &Glyphs, width: usize, height: usize) -> String {
    let lines = draw(follow, glyphs, width, height, NOW);
    assert!(lines.len() <= height, "{} lines on {height}", lines.len());
    for line in &lines {
        assert!(columns_of(&line.text) < width, "{:?} on {width}", line.text);
    }
    lines.iter().map(|line| line.text.trim_end()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plan_half_way_on_common_terminals() {
    let follow = half_way();
    insta::assert_snapshot!("half_way_80x24", picture(&follow, &Glyphs::unicode(), 80, 24));
    insta::assert_snapshot!("half_way_200x50", picture(&follow, &Glyphs::unicode(), 200, 50));
    insta::assert_snapshot!("half_way_40x10", picture(&follow, &Glyphs::unicode(), 40, 10));
    insta::assert_snapshot!("half_way_ascii", picture(&follow, &Glyphs::ascii(), 80, 24));
}

#[test]
fn a_plan_longer_than_the_terminal_keeps_what_needs_eyes() {
    let mut tasks: Vec<TaskView> = (1..=60).map(|n| task(n, "backend", &format!("Task {n}"), &[])).collect();
    for view in &mut tasks[..30] {
        view.state = TaskState::Succeeded;
    }
    tasks[40].state = TaskState::Running;
    tasks[41].state = TaskState::Failed;
    tasks[41].error = Some("no such file".to_owned());
    insta::assert_snapshot!("long_80x24", picture(&Follow::new(&view(tasks)), &Glyphs::unicode(), 80, 24));
}

#[test]
fn no_size_is_too_small_to_draw_on() {
    for (width, height) in [(1, 1), (2, 3), (12, 2), (500, 1)] {
        assert!(draw(&half_way(), &Glyphs::unicode(), width, height, NOW).len() <= height.max(1));
    }
}

#[test]
fn needs_in_a_circle_are_drawn_all_the_same() {
    let follow = Follow::new(&view(vec![task(1, "backend", "a", &[2]), task(2, "backend", "b", &[1])]));
    draw(&follow, &Glyphs::unicode(), 80, 24, NOW);
}

#[test]
fn events_of_other_goals_and_of_lost_attempts_change_nothing() {
    let mut follow = half_way();
    let mut other = event("goal_failed", None, 0, Value::Null);
    other.goal = "g-00000000".parse().ok();
    assert_eq!(follow.apply(&other, NOW), Effect::Nothing);
    let late = event("phase", Some(2), 1, json!({ "phase": "publishing" }));
    assert_eq!(follow.apply(&late, NOW), Effect::Nothing);
    assert_eq!(follow.tasks[1].phase.as_deref(), Some("acting"));
}

#[test]
fn a_task_that_is_not_known_asks_for_a_reload() {
    let mut follow = half_way();
    assert_eq!(follow.apply(&event("task_ready", Some(9), 0, Value::Null), NOW), Effect::Reload);
    assert_eq!(follow.apply(&event("goal_running", None, 0, Value::Null), NOW), Effect::Reload);
    assert_eq!(follow.apply(&event("goal_resumed", None, 0, Value::Null), NOW), Effect::Reload);
}

#[test]
fn without_a_terminal_each_event_worth_reading_is_a_line() {
    let mut follow = Follow::new(&plan());
    let mut lines = Vec::new();
    let events = [
        event("goal_running", None, 0, json!({ "tasks": 6 })),
        event("task_claimed", Some(2), 2, Value::Null),
        event("phase", Some(2), 2, json!({ "phase": "acting" })),
        event("action_started", Some(2), 2, json!({ "expect": "x" })),
        event("task_succeeded", Some(2), 2, json!({ "seconds": 12.3 })),
        event("task_failed", Some(3), 1, json!({ "error": "it does not\nbuild \u{1b}[31m" })),
        event("task_cancelled", Some(4), 0, Value::Null),
        event("goal_paused", None, 0, Value::Null),
        event("goal_resumed", None, 0, Value::Null),
    ];
    for event in &events {
        follow.apply(event, NOW);
        lines.extend(plain::line(&follow, event).map(|line| line.text));
    }
    insta::assert_snapshot!("plain", lines.join("\n"));
}
