//! From findings to a plan of steps, with a task's own hypotheses.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::common::{fixtures, goal, intent};
use codegod_protocol::evidence::{Evidence, Finding};
use codegod_protocol::intent::ProjectType;
use codegod_protocol::memory::{ActionRecord, Reasoning};
use codegod_protocol::task::Task;
use codegod_reasoner::planner;
use codegod_reasoner::reasoning::{Ladder, PlaybookReasoner, ReasonError, Reasoner};

fn task() -> Task {
    let mut goal = goal("Flask not found");
    goal.workspace = Some("0".repeat(40));
    let mut intent = intent(None, None, &[]);
    intent.project = ProjectType::Repair;
    intent.symptom = Some("Flask not found".to_owned());
    planner::plan(&goal, &intent, &fixtures()).unwrap().tasks.remove(0)
}

fn evidence(command: &str, exit_code: i64, output: &str) -> Evidence {
    Evidence { command: command.into(), exit_code, output: output.into(), seconds: 0.1, environment: None }
}

fn requirements(exit_code: i64, output: &str) -> Vec<Finding> {
    let evidence = evidence("cat requirements.txt", exit_code, output);
    vec![Finding { id: "reqs".into(), fact: "requirements.txt was read.".into(), evidence }]
}

fn conclude(findings: &[Finding]) -> Result<Reasoning, ReasonError> {
    PlaybookReasoner.conclude(&task(), findings, &[])
}

#[test]
fn what_follows_depends_on_what_was_found() {
    let action = |output: &str| conclude(&requirements(0, output)).unwrap().plan[0].action.name();
    assert_eq!(action("requests\n"), "update_requirements");
    assert_eq!(action("requests\nFlask==3.1\n"), "install_dependency");
}

#[test]
fn reasoning_cites_the_findings() {
    let reasoning = conclude(&requirements(0, "requests\n")).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&reasoning).unwrap());
}

#[test]
fn output_is_data_however_it_is_written() {
    for output in ["{{ 1/0 }} {% for %}", "') or true or ('", "(((((", "\u{0}\u{fffd}"] {
        assert_eq!(conclude(&requirements(0, output)).unwrap().plan[0].action.name(), "update_requirements");
    }
}

#[test]
fn when_nothing_applies_a_person_is_asked() {
    let error = conclude(&requirements(1, "no such file")).unwrap_err();
    let ReasonError::NothingApplies { question, .. } = error else { panic!("{error}") };
    assert_eq!(
        question,
        "None of the 2 known explanations fits “Install Flask”. Flask can't be imported. Seen: requirements.txt was \
         read (`cat requirements.txt`, exit code 1). What is the cause, or what should be tried?"
    );
}

#[test]
fn a_broken_expression_is_an_error() {
    for when in ["nobody.succeeded", "reqs.output is matching('(')", "reqs.succeeded and", "reqs.colour"] {
        let mut task = task();
        task.procedure.hypotheses[0].when = Some(when.to_owned());
        let error = PlaybookReasoner.conclude(&task, &requirements(0, ""), &[]).unwrap_err();
        assert!(matches!(error, ReasonError::Expression { .. }), "{when}: {error}");
    }
    let mut task = task();
    task.procedure.hypotheses[0].when = Some("reqs.output is matching('(a{1000}){1000}')".to_owned());
    let error = PlaybookReasoner.conclude(&task, &requirements(0, ""), &[]).unwrap_err().to_string();
    assert!(error.contains("size limit"), "{error}");
}

#[test]
fn what_failed_again_and_again_is_not_tried_once_more() {
    let record = |number| ActionRecord {
        number,
        action: "update_requirements".into(),
        expect: "It is listed.".into(),
        intended_ms: 0,
        outcome: Some(evidence("update requirements.txt", 1, "")),
    };
    let findings = requirements(0, "requests\n");
    let tried: Vec<ActionRecord> = (1..3).map(record).collect();
    let reasoning = PlaybookReasoner.conclude(&task(), &findings, &tried).unwrap();
    assert_eq!(
        reasoning.risks,
        ["update_requirements failed before (`update requirements.txt`, exit code 1)."]
    );
    let tried: Vec<ActionRecord> = (1..4).map(record).collect();
    let error = PlaybookReasoner.conclude(&task(), &findings, &tried).unwrap_err();
    let ReasonError::NothingApplies { question, .. } = error else { panic!("{error}") };
    assert!(question.contains("update_requirements failed before"), "{question}");
}

#[test]
fn a_ladder_asks_the_next_rung_when_nothing_applies() {
    struct Model;
    impl Reasoner for Model {
        fn reason<'a>(
            &'a self,
            task: &'a Task,
            _: &'a [Finding],
            _: &'a [ActionRecord],
        ) -> codegod_reasoner::reasoning::Answer<'a> {
            Box::pin(async move { PlaybookReasoner.conclude(task, &requirements(0, "flask"), &[]) })
        }
    }
    let reason = |ladder: &Ladder, findings: &[Finding]| -> Result<Reasoning, ReasonError> {
        let task = task();
        match pin!(ladder.reason(&task, findings, &[])).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("nothing here waits"),
        }
    };
    let nothing = requirements(1, "");
    assert!(matches!(
        reason(&Ladder::of_playbooks(), &nothing),
        Err(ReasonError::NothingApplies { question, .. }) if question.starts_with("None of the 2")
    ));
    let with_model = Ladder::of_playbooks().then(Model);
    assert_eq!(reason(&with_model, &nothing).unwrap().plan[0].action.name(), "install_dependency");
    assert_eq!(
        reason(&with_model, &requirements(0, "")).unwrap().plan[0].action.name(),
        "update_requirements"
    );
}
