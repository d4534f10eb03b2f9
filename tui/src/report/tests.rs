//! Reports, whole.

use codegod_protocol::goal::GoalState;
use codegod_protocol::result::TaskResult;
use codegod_protocol::task::{TaskKind, TaskState};
use serde_json::json;

use super::{lines, report};
use crate::follow::Glyphs;
use crate::follow::tests::{task, view};
use crate::origin::Origin;

fn result(number: u32, passed: bool) -> TaskResult {
    let evidence = |command: &str, exit_code: i64, output: &str| json!({ "command": command, "exit_code": exit_code, "output": output, "seconds": 2.5 });
    let check =
        evidence("pytest -q", i64::from(!passed), "collected 3\n\u{1b}[32m3 passed\u{1b}[0m in 0.1s\n");
    serde_json::from_value(json!({
        "task": format!("g-7k2m9qx4.{number}"), "attempt": 2, "agent": "backend-7k2m",
        "status": if passed { "succeeded" } else { "failed_for_good" },
        "evidence": [evidence("pip install flask", 0, "Successfully installed flask"), check],
        "verdict": { "passed": passed, "summary": "tests", "checks": [
            { "title": "The backend's tests pass", "passed": passed, "evidence": check,
              "tests": { "passed": 3, "failed": 0, "skipped": 1 } }] },
        "started_ms": 1, "seconds": 12.3, "tests": { "passed": 3, "failed": u64::from(!passed), "skipped": 1 },
        "error": if passed { None } else { Some("1 test failed") },
    }))
    .unwrap()
}

fn goal(passed: bool) -> codegod_protocol::client::GoalView {
    let mut first = task(1, "backend", "Flask app", &[]);
    let mut last = task(2, "testing", "Closing verification", &[1]);
    first.attempts = 2;
    first.result = Some(result(1, passed));
    first.state = if passed { TaskState::Succeeded } else { TaskState::Failed };
    first.error = (!passed).then(|| "1 test failed".to_owned());
    last.task.kind = TaskKind::Verification;
    last.state = if passed { TaskState::Succeeded } else { TaskState::Cancelled };
    last.result = passed.then(|| result(2, true));
    let mut view = view(vec![first, last]);
    view.state = if passed { GoalState::Succeeded } else { GoalState::Failed };
    view.commit = Some("0123456789abcdef0123456789abcdef01234567".to_owned());
    view.ended_ms = Some(view.goal.submitted_ms + 61_500);
    view
}

fn origin() -> Origin {
    Origin {
        folder: Some("/home/me/app".into()),
        branch: Some("codegod/g-7k2m9qx4".to_owned()),
        ..Origin::default()
    }
}

fn human(passed: bool) -> String {
    let view = goal(passed);
    let report = report(&view, passed.then(origin).as_ref(), 0);
    let lines = lines(&view, &report, &Glyphs::unicode(), 80);
    lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_report_for_people_shows_what_proves_each_claim() {
    insta::assert_snapshot!("succeeded", human(true));
    insta::assert_snapshot!("failed", human(false));
}

#[test]
fn the_json_report_counts_the_tests_of_the_closing_verification_once() {
    let report = report(&goal(true), Some(&origin()), 0);
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn a_deadline_is_met_missed_or_still_to_come() {
    let told = |passed: bool, state: GoalState, ended: bool, deadline_seconds: u64| {
        let mut view = goal(passed);
        view.state = state;
        let end_ms = view.ended_ms.unwrap();
        if !ended {
            view.ended_ms = None;
        }
        view.goal.deadline_ms = Some(view.goal.submitted_ms + deadline_seconds * 1000);
        let report = report(&view, None, end_ms);
        let lines = lines(&view, &report, &Glyphs::unicode(), 80);
        let line = lines.iter().find(|line| line.text.contains("deadline")).unwrap().text.trim().to_owned();
        (serde_json::to_value(&report).unwrap()["deadline"]["met"].clone(), line)
    };
    let said = |met, line: &str| (met, line.to_owned());
    assert_eq!(
        told(true, GoalState::Succeeded, true, 120),
        said(json!(true), "deadline: met, with 58.5s to spare")
    );
    assert_eq!(told(true, GoalState::Succeeded, true, 60), said(json!(false), "deadline: missed by 1.5s"));
    assert_eq!(told(false, GoalState::Failed, true, 120), said(json!(false), "deadline: not met"));
    assert_eq!(told(true, GoalState::Running, false, 120), said(json!(null), "deadline: 58.5s left"));
    assert_eq!(told(true, GoalState::Running, false, 60), said(json!(false), "deadline: passed 1.5s ago"));
}
