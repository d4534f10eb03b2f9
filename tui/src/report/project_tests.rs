//! Reports of goals about existing projects.

use codegod_protocol::client::{GoalView, TaskView};
use codegod_protocol::goal::GoalState;
use codegod_protocol::task::{TaskKind, TaskState};
use serde_json::{Value, json};

use super::{lines, report};
use crate::follow::Glyphs;
use crate::follow::tests::{task, view};
use crate::origin::Origin;

const START: &str = "1111111111111111111111111111111111111111";
const REACHED: &str = "2222222222222222222222222222222222222222";

fn setup(outcome: Value) -> Value {
    json!({
        "part": "python", "folder": "api", "revision": 1,
        "toolchain": { "python": { "version": "3.11", "pins": ".codegod/python/requirements.txt" } },
        "services": ["redis"],
        "tests": [{ "runner": "pytest", "run": "python -m pytest", "report": "junit", "own": "pytest -q", "deadline_seconds": 60 }],
        "notes": ["Python 3.11, for pyproject.toml asks for >=3.9"],
        "outcome": outcome,
    })
}

fn with(mut view: TaskView, state: TaskState, status: &str, extra: Value) -> TaskView {
    let mut result = json!({
        "task": view.task.id, "attempt": 1, "agent": "backend-7k2m", "status": status, "started_ms": 1, "seconds": 9.5,
    });
    result.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    view.result = Some(serde_json::from_value(result).unwrap());
    view.state = state;
    view.attempts = 1;
    view
}

fn procedure(view: &mut TaskView, steps: Value, validate: Value) {
    let hypotheses = json!([{ "cause": "", "confidence": 0.8, "steps": steps }]);
    let procedure = json!({ "problem": "", "hypotheses": hypotheses, "validate": validate });
    view.task.procedure = serde_json::from_value(procedure).unwrap();
}

fn outputs(outcome: Value) -> Value {
    json!({
        "commit": REACHED,
        "environments": { "python": { "base": "codegod/workbench", "steps": [
            { "run": "python3 -m venv /env/venv" }, { "run": "uv pip install -r .codegod/python/requirements.txt" }] } },
        "images": { "python": "codegod/env:0123456789abcdef" },
        "setups": { "python": setup(outcome) },
    })
}

/// A goal whose tests ran, of which `failed` failed.
fn goal(failed: u64) -> GoalView {
    let outcome = json!({ "counts": { "passed": 97, "failed": failed, "skipped": 1 }, "exit_code": u8::from(failed > 0) });
    let diagnosis = json!({
        "part": "python", "rule": "missing-module", "saw": "E   ModuleNotFoundError: No module named 'yaml'",
        "believes": "The tests import yaml, which PyYAML provides and nothing requires.", "confidence": 0.95,
        "disproved_by": "PyYAML is installed and the import fails all the same", "done": "PyYAML was required",
    });
    let mut set_up = task(1, "backend", "Set up Python in api/", &[]);
    procedure(
        &mut set_up,
        json!([{ "action": { "action": "set_up", "part": "python" }, "expect": "", "confidence": 0.8 }]),
        json!([]),
    );
    let mut mend = task(2, "backend", "Require PyYAML", &[1]);
    let steps = json!([{ "action": { "action": "update_requirements", "path": "api/requirements.txt", "add": ["PyYAML"] }, "expect": "", "confidence": 0.9 }]);
    procedure(&mut mend, steps, json!([]));
    let check = json!([{ "title": "the tests run", "action": { "action": "test_part", "part": "python", "expect": "pass" }, "repeat": true }]);
    let mut closing = task(3, "testing", "Closing verification", &[2]);
    closing.task.kind = TaskKind::Verification;
    procedure(&mut closing, json!([]), check);
    let failures: String =
        (0..failed).map(|n| format!("\nFAILED tests/test_a.py::test_{n}: assert {n} == 7")).collect();
    let output = format!(
        "$ python -m pytest\nFAILED tests/test_a.py::test_0 - assert\n= done ={failures}\n97 passed, {failed} failed, 1 skipped"
    );
    let evidence = json!({ "command": "python -m pytest", "exit_code": u8::from(failed > 0), "output": output, "seconds": 2.0 });
    let verdict = json!({ "passed": failed == 0, "summary": "it", "checks": [{ "title": "the tests run", "passed": failed == 0,
        "evidence": evidence, "tests": { "passed": 97, "failed": failed, "skipped": 1 } }] });
    let (state, status) = if failed == 0 {
        (TaskState::Succeeded, "succeeded")
    } else {
        (TaskState::Failed, "failed_for_good")
    };
    let mut view = view(vec![
        with(
            set_up,
            TaskState::Succeeded,
            "succeeded",
            json!({ "outputs": outputs(Value::Null), "diagnoses": [diagnosis] }),
        ),
        with(mend, TaskState::Succeeded, "succeeded", json!({ "outputs": outputs(Value::Null) })),
        with(
            closing,
            state,
            status,
            json!({ "outputs": outputs(outcome), "verdict": verdict, "tests": { "passed": 97, "failed": failed, "skipped": 1 } }),
        ),
    ]);
    view.goal.text = "set up this project and run its tests".to_owned();
    view.goal.workspace = Some(START.to_owned());
    let intent = json!({
        "project": "existing", "name": "project", "title": "Set up and test the project", "stack": {},
        "picture": { "parts": [{ "setup": setup(Value::Null), "seen": ["setuptools", "pytest"], "read": ["api/pyproject.toml", "tox.ini"], "wants": ">=3.9" }],
                     "remarks": ["The submodule vendor/x is empty."] },
    });
    view.intent = Some(serde_json::from_value(intent).unwrap());
    view.state = if failed == 0 { GoalState::Succeeded } else { GoalState::Failed };
    view.commit = (failed == 0).then(|| REACHED.to_owned());
    view.ended_ms = Some(view.goal.submitted_ms + 61_500);
    view
}

fn told(view: &GoalView, origin: Option<&Origin>) -> String {
    let report = report(view, origin, 0);
    let lines = lines(view, &report, &Glyphs::unicode(), 100);
    lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn origin() -> Origin {
    Origin {
        folder: Some("/home/me/app".into()),
        branch: Some("codegod/g-7k2m9qx4".into()),
        ..Origin::default()
    }
}

fn headline(view: &GoalView) -> String {
    report(view, None, 0).project.unwrap().headline
}

#[test]
fn a_project_whose_tests_fail_is_told_part_by_part() {
    insta::assert_snapshot!("project_failed", told(&goal(12), Some(&origin())));
    let report = report(&goal(2), Some(&origin()), 0);
    insta::assert_snapshot!("project_json", serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn the_best_state_of_a_project_is_a_result_although_the_goal_failed() {
    assert_eq!(crate::workspace::result_commit(&goal(2)), Some(REACHED));
    let mut other = goal(2);
    other.intent.as_mut().unwrap().project = codegod_protocol::intent::ProjectType::FullStack;
    assert_eq!(crate::workspace::result_commit(&other), None);
}

#[test]
fn what_was_at_the_bottom_of_it_is_said_at_the_top() {
    let cause = |view: &GoalView| report(view, None, 0).project.unwrap().cause;
    let mended = cause(&goal(0)).unwrap();
    assert!(mended.starts_with("It took mending: The tests import yaml"), "{mended}");
    // What was mended is not why the rest fails.
    assert_eq!(cause(&goal(3)), None);
    let mut open = goal(3);
    let diagnosed = &mut open.tasks[0].result.as_mut().unwrap().diagnoses[0];
    diagnosed.done.clear();
    assert!(cause(&open).unwrap().starts_with("Cause: The tests import yaml"));
    let result = open.tasks[0].result.as_mut().unwrap();
    result.diagnoses[0].rule = "test-fails".to_owned();
    assert_eq!(cause(&open), None);
}

#[test]
fn one_sentence_says_how_a_project_stands() {
    assert_eq!(
        headline(&goal(0)),
        "The environment stands and the tests pass: 97 passed, 0 failed, 1 skipped."
    );
    assert_eq!(
        headline(&goal(3)),
        "The environment stands and the tests run: 97 passed, 3 failed, 1 skipped. First failure: \
         tests/test_a.py::test_0: assert 0 == 7"
    );
    let mut silent = goal(3);
    silent.tasks.truncate(2);
    assert_eq!(headline(&silent), "The environment stands, but the tests do not run.");
    silent.tasks.clear();
    assert_eq!(headline(&silent), "python could not be set up.");
    silent.state = GoalState::Running;
    assert_eq!(headline(&silent), "It is not finished.");
}
