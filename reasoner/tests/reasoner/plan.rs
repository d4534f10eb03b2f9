//! From an intent to a plan, with the small playbooks of the fixtures.

use crate::common::{fixtures, goal, intent};
use codegod_protocol::action::{Action, TestsExpected};
use codegod_protocol::goal::{GoalKind, Uncovered};
use codegod_protocol::id::Role;
use codegod_protocol::intent::{FeatureKind, Intent, ProjectType};
use codegod_protocol::plan::{self, Plan};
use codegod_protocol::setup::{PartPicture, Picture, Setup};
use codegod_protocol::task::{Task, TaskKind};
use codegod_reasoner::planner::{self, Conflict, PlanFailure};
use codegod_reasoner::playbook::Library;

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

fn full_plan() -> Plan {
    let intent = intent(Some("tiny"), Some("page"), &[FeatureKind::Docker]);
    planner::plan(&goal("Build a \"tiny\"\nrecipe keeper"), &intent, &fixtures()).unwrap()
}

fn repair(text: &str, symptom: Option<&str>) -> Intent {
    let mut intent = intent(None, None, &[]);
    intent.project = ProjectType::Repair;
    intent.symptom = symptom.map(str::to_owned);
    assert!(text.len() < 100);
    intent
}

#[test]
fn a_plan_has_the_tasks_of_all_playbooks_that_apply_and_a_closing_verification() {
    insta::assert_snapshot!(json(&full_plan().tasks));
}

#[test]
fn only_what_the_intent_asks_for_is_in_the_plan() {
    let intent = intent(Some("tiny"), None, &[FeatureKind::SignIn]);
    let plan = planner::plan(&goal("Build"), &intent, &fixtures()).unwrap();
    let titles: Vec<&str> = plan.tasks.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(titles, ["2 resources for Recipe Keeper", "Tests", "Closing verification"]);
    let writes_css = |step: &&codegod_protocol::task::Step| matches!(&step.action, Action::WriteFile { path, .. } if path.ends_with(".css"));
    assert_eq!(plan.tasks[0].procedure.hypotheses[0].steps.iter().filter(writes_css).count(), 0);
}

#[test]
fn an_environment_step_holds_only_when_it_should() {
    let mut intent = intent(Some("tiny"), None, &[]);
    intent.stack.database = Some("postgresql".to_owned());
    let plan = planner::plan(&goal("Build"), &intent, &fixtures()).unwrap();
    let recipe = plan.tasks[0].own_recipe().unwrap();
    assert_eq!(recipe.steps[0].run, "apt-get update && apt-get install -y postgresql");
    assert!(recipe.steps[0].root);
}

#[test]
fn the_goals_priority_shifts_those_of_its_tasks() {
    let intent = intent(Some("tiny"), None, &[]);
    let priorities = |of_goal: u8| -> Vec<u8> {
        let goal = codegod_protocol::goal::Goal { priority: of_goal, ..goal("Build") };
        let plan = planner::plan(&goal, &intent, &fixtures()).unwrap();
        plan.tasks.iter().map(|task| task.priority).collect()
    };
    assert_eq!(priorities(5), [6, 5, 5]);
    assert_eq!(priorities(10), [10, 10, 10]);
    assert_eq!(priorities(1), [2, 1, 1]);
}

#[test]
fn a_failure_is_mended_with_what_its_symptom_names() {
    let mut goal = goal("Flask not found");
    goal.workspace = Some("0".repeat(40));
    let plan = planner::plan(&goal, &repair("", Some("Flask not found")), &fixtures()).unwrap();
    assert_eq!(plan.tasks.len(), 2);
    assert_eq!(plan.tasks[0].title, "Install Flask");
    assert_eq!(plan.tasks[0].metadata.get("symptom.module").map(String::as_str), Some("Flask"));
    // A group that took no part in the match is not there.
    assert_eq!(plan.tasks[0].metadata.get("symptom.file"), None);
}

#[test]
fn what_can_not_be_planned_is_said_in_a_sentence() {
    let library = fixtures();
    let mut sentences = Vec::new();
    let mut say = |goal: &codegod_protocol::goal::Goal, intent: &Intent, library: &Library| {
        sentences.push(planner::plan(goal, intent, library).unwrap_err().to_string());
    };
    let mut uncovered = intent(Some("tiny"), None, &[]);
    uncovered.not_covered = vec!["with blockchain".to_owned(), "in COBOL".to_owned()];
    say(&goal("Build"), &uncovered, &library);
    say(&goal("Build"), &intent(None, None, &[]), &library);
    say(&goal("Build"), &intent(Some("rails"), None, &[]), &library);
    say(&goal("Build"), &intent(Some("tiny"), None, &[]), &Library::default());
    say(&goal("Flask not found"), &repair("", Some("Flask not found")), &library);
    let mut in_folder = goal("It is slow");
    in_folder.workspace = Some("0".repeat(40));
    say(&in_folder, &repair("", Some("It is slow")), &library);
    insta::assert_snapshot!(sentences.join("\n\n"));
}

#[test]
fn uncovered_phrases_are_left_out_when_the_goal_allows_it() {
    let mut uncovered = intent(Some("tiny"), None, &[]);
    uncovered.not_covered = vec!["with blockchain".to_owned()];
    let mut goal = goal("Build");
    assert!(matches!(
        planner::plan(&goal, &uncovered, &fixtures()),
        Err(PlanFailure::NotCovered { phrases, .. }) if phrases == ["with blockchain"]
    ));
    goal.uncovered = Uncovered::GoOnWithout;
    let plan = planner::plan(&goal, &uncovered, &fixtures()).unwrap();
    assert_eq!(plan.intent.not_covered, ["with blockchain"]);
}

#[test]
fn the_verification_of_another_goal_repeats_its_checks_and_needs_nothing() {
    let of = full_plan();
    let mut goal = goal("verify");
    goal.kind = GoalKind::Verify { of: goal.id.clone() };
    goal.workspace = Some("0".repeat(40));
    let plan =
        planner::verification(&goal, &of, (of.tasks[0].environments.clone(), Default::default())).unwrap();
    let [task] = plan.tasks.as_slice() else { panic!("one task") };
    let closing = of.tasks.last().unwrap();
    assert_eq!((task.kind, task.role, task.needs.len()), (TaskKind::Verification, Role::Testing, 0));
    assert_eq!(task.procedure.validate, closing.procedure.validate);
    assert_eq!(task.id, goal.id.task(1));
}

#[test]
fn tests_that_failed_must_fail_again_when_the_goal_is_verified() {
    let setup = |part: &str, exit_code: i64| -> Setup {
        serde_json::from_value(serde_json::json!({
            "part": part, "toolchain": { "node": { "version": "22", "manager": "npm" } },
            "tests": [{ "runner": "node", "run": "npm test", "report": "tap", "own": "npm test", "deadline_seconds": 60 }],
            "outcome": { "counts": { "passed": 2, "failed": 1, "skipped": 0 }, "exit_code": exit_code },
        }))
        .unwrap()
    };
    let mut goal = goal("set up this project");
    goal.workspace = Some("0".repeat(40));
    let parts = ["bad", "good"].map(|part| PartPicture {
        setup: Setup { outcome: None, ..setup(part, 0) },
        seen: Vec::new(),
        read: Vec::new(),
        wants: String::new(),
    });
    let picture = Picture { parts: parts.to_vec(), remarks: Vec::new() };
    let of = planner::existing(&goal, &intent(None, None, &[]), picture).unwrap();
    let setups = [setup("bad", 1), setup("good", 0)].map(|setup| (setup.part.clone(), setup));
    let plan = planner::verification(&goal, &of, (Default::default(), setups.into())).unwrap();
    let expected: Vec<&Action> = plan.tasks[0].procedure.validate.iter().map(|check| &check.action).collect();
    let expect = |part: &str, expect| Action::TestPart { part: part.into(), expect };
    let (bad, good) = (expect("bad", TestsExpected::AsBefore), expect("good", TestsExpected::Pass));
    assert_eq!(expected, [&bad, &good, &Action::BuildParts]);
    assert!(plan.tasks[0].setups["bad"].outcome.is_some());
}

#[test]
fn the_image_that_remains_is_begun_at_once_when_it_is_known_what_goes_into_it() {
    let part = |setup: serde_json::Value| PartPicture {
        setup: serde_json::from_value(setup).unwrap(),
        seen: Vec::new(),
        read: Vec::new(),
        wants: String::new(),
    };
    let node = part(serde_json::json!({
        "part": "web", "folder": "web", "toolchain": { "node": { "version": "22", "manager": "npm" } },
    }));
    let requirements = serde_json::json!([{ "kind": "file", "path": "requirements.txt" }]);
    let python = part(serde_json::json!({
        "part": "api", "toolchain": { "python": { "version": "3.11", "requirements": requirements } },
    }));
    let mut goal = goal("set up this project");
    goal.workspace = Some("0".repeat(40));
    let ahead = |parts: &[&PartPicture]| -> Option<Task> {
        let picture =
            Picture { parts: parts.iter().map(|part| (*part).clone()).collect(), remarks: Vec::new() };
        let plan = planner::existing(&goal, &intent(None, None, &[]), picture).unwrap();
        let is_it = |task: &&Task| task.procedure.validate[0].action == Action::BuildAhead;
        let ahead = plan.tasks.iter().find(is_it)?;
        assert!(plan.tasks.last().unwrap().needs.contains(&ahead.id));
        Some(ahead.clone())
    };
    let alone = ahead(&[&node]).unwrap();
    assert_eq!(alone.needs, []);
    assert_eq!(alone.setups.keys().collect::<Vec<_>>(), ["web"]);
    // Which versions it takes of everything is not known before they are resolved.
    assert_eq!(ahead(&[&node, &python]), None);
}

#[test]
fn a_merge_is_done_when_the_checks_of_both_sides_pass() {
    let of = full_plan();
    let find = |key: &str| -> &Task {
        of.tasks.iter().find(|task| task.metadata.get("key").is_some_and(|k| k == key)).unwrap()
    };
    let files = ["README.md".to_owned(), "app.py".to_owned()];
    let conflict = Conflict {
        files: &files,
        ours: "aaaa",
        theirs: "bbbb",
        made_by: &[find("backend-app"), find("frontend-app")],
    };
    let merge = planner::merge_task(find("image"), 9, &conflict);
    insta::assert_snapshot!(json(&merge));
    let mut tasks = of.tasks;
    tasks.push(merge);
    assert_eq!(plan::check(&tasks).map(drop), Ok(()));
}

#[test]
fn playbooks_that_do_not_fit_together_are_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let other =
        include_str!("../fixtures/playbooks/tiny-image/playbook.toml").replace("tiny-image", "other-image");
    std::fs::create_dir(folder.path().join("other")).unwrap();
    std::fs::write(folder.path().join("other/playbook.toml"), other).unwrap();
    let fixtures = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/playbooks");
    let library = Library::load(&[fixtures, folder.path().to_owned()]);
    let failure =
        planner::plan(&goal("Build"), &intent(Some("tiny"), None, &[FeatureKind::Docker]), &library)
            .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "The playbooks chosen for this goal do not fit together: other-image and tiny-image both bring a task \"image\"."
    );
}
