//! Plans for existing projects: each part is set up and tested, side by side with the others; and what
//! mends a part while the plan runs.

use std::collections::BTreeMap;

use codegod_protocol::action::{Action, TestsExpected};
use codegod_protocol::environment::Environments;
use codegod_protocol::goal::Goal;
use codegod_protocol::id::{GoalId, Role, TaskId};
use codegod_protocol::intent::Intent;
use codegod_protocol::plan::{self, Plan};
use codegod_protocol::setup::{self as protocol_setup, PartPicture, Picture, Setup, Setups, Toolchain};
use codegod_protocol::task::{Check, Hypothesis, Procedure, Step, TASK_VERSION, Task, TaskKind};

use super::assemble::MAX_ATTEMPTS;
use super::closing;
use super::words::{self, PlanFailure};
use crate::diagnosis::{Diagnosis, Remedy};
use crate::setup::{self, package::SCRIPT};

/// Installing may mean compiling.
const SETUP_DEADLINE_SECONDS: u64 = 3600;
/// Beside the tests themselves: a sandbox, the preparation of the sources.
const AROUND_TESTS_SECONDS: u64 = 1800;
/// More parts than this are not set up at once; the plan says so.
const MAX_PARTS: usize = 12;

/// Plans to set up the project in `picture` and to run its tests.
///
/// # Errors
/// [`PlanFailure::NoPlaybook`] when nothing in it is known; its text says what was looked for.
pub fn existing(goal: &Goal, intent: &Intent, picture: Picture) -> Result<Plan, PlanFailure> {
    super::all_covered(goal, intent)?;
    if picture.parts.is_empty() {
        return Err(words::nothing_known(&picture.remarks));
    }
    let mut picture = picture;
    for left in picture.parts.drain(MAX_PARTS.min(picture.parts.len())..) {
        picture.remarks.push(words::part_left_out(&left.setup.part, MAX_PARTS));
    }
    let mut tasks: Vec<Task> = Vec::new();
    for part in &picture.parts {
        let number = next_number(&tasks);
        let set_up = set_up(goal, number, part);
        let test = test(goal, number + 1, &set_up.id, &part.setup);
        tasks.extend([set_up, test]);
    }
    tasks.extend(ahead(goal, &tasks));
    tasks.push(package(goal, &tasks));
    tasks.push(closing::task(goal, &tasks)?);
    plan::check(&tasks)?;
    Ok(Plan { intent: Intent { picture: Some(Box::new(picture)), ..intent.clone() }, tasks })
}

/// The number of the task that comes after these.
fn next_number(tasks: &[Task]) -> u32 {
    u32::try_from(tasks.len()).unwrap_or(u32::MAX - 2) + 1
}

/// The role that sets a part up.
fn role_of(setup: &Setup) -> Role {
    match setup.toolchain {
        Toolchain::Python(_) => Role::Backend,
        Toolchain::Node(_) => Role::Frontend,
    }
}

fn set_up(goal: &Goal, number: u32, part: &PartPicture) -> Task {
    let setup = &part.setup;
    let approach = words::set_up_approach(part);
    let steps = vec![step(setup)];
    let procedure = Procedure {
        problem: words::set_up_problem(setup),
        observe: Vec::new(),
        hypotheses: vec![Hypothesis {
            cause: approach,
            when: None,
            confidence: 0.8,
            disproved_by: Some(words::SET_UP_DISPROVED.to_owned()),
            steps,
        }],
        validate: vec![stands(setup)],
        risks: vec![words::SET_UP_RISK.to_owned()],
        success_criteria: vec![words::SET_UP_CRITERION.to_owned()],
    };
    Task {
        environment: Some(setup.part.clone()),
        setups: Setups::from([(setup.part.clone(), setup.clone())]),
        ..blank(&goal.id, number, goal.priority, role_of(setup), words::set_up_title(setup), procedure)
    }
}

fn test(goal: &Goal, number: u32, needs: &TaskId, setup: &Setup) -> Task {
    let check = Check {
        title: words::tests_run(setup),
        action: Action::TestPart { part: setup.part.clone(), expect: TestsExpected::Run },
        environment: Some(setup.part.clone()),
        repeat: true,
    };
    let procedure = Procedure {
        problem: words::test_problem(setup),
        observe: Vec::new(),
        hypotheses: vec![Hypothesis {
            cause: words::TEST_CAUSE.to_owned(),
            when: None,
            confidence: 0.8,
            disproved_by: None,
            steps: Vec::new(),
        }],
        validate: vec![check],
        risks: vec![words::TEST_RISK.to_owned()],
        success_criteria: vec![words::TEST_CRITERION.to_owned()],
    };
    let tests = setup.tests.iter().map(|run| run.deadline_seconds).fold(0, u64::saturating_add);
    Task {
        kind: TaskKind::Check,
        needs: vec![needs.clone()],
        environment: Some(setup.part.clone()),
        deadline_seconds: AROUND_TESTS_SECONDS.saturating_add(tests),
        ..blank(&goal.id, number, goal.priority, Role::Testing, words::test_title(setup), procedure)
    }
}

/// Begins to build what remains while the environments are made, where it is known from the start what goes into
/// it. Once something has to be resolved first, nothing is gained: the closing verification builds beside the tests.
fn ahead(goal: &Goal, tasks: &[Task]) -> Option<Task> {
    let setups = protocol_setup::join(tasks.iter().map(|task| task.setups.clone()));
    if setups.values().any(|setup| setup::resolution(setup).is_some()) {
        return None;
    }
    let number = next_number(tasks);
    let check = Check {
        title: words::AHEAD_CHECK.to_owned(),
        action: Action::BuildAhead,
        environment: None,
        repeat: false,
    };
    let procedure = Procedure {
        problem: words::AHEAD_PROBLEM.to_owned(),
        observe: Vec::new(),
        hypotheses: vec![Hypothesis {
            cause: words::AHEAD_CAUSE.to_owned(),
            when: None,
            confidence: 0.8,
            disproved_by: None,
            steps: Vec::new(),
        }],
        validate: vec![check],
        risks: vec![words::AHEAD_RISK.to_owned()],
        success_criteria: vec![words::AHEAD_CHECK.to_owned()],
    };
    Some(Task {
        kind: TaskKind::Check,
        setups,
        ..blank(&goal.id, number, goal.priority, Role::Devops, words::AHEAD_TITLE.to_owned(), procedure)
    })
}

/// What remains of it all: it needs every test, so it packages what they ended with.
fn package(goal: &Goal, tasks: &[Task]) -> Task {
    let number = next_number(tasks);
    let needs = tasks.iter().filter(|task| task.role == Role::Testing).map(|task| task.id.clone()).collect();
    let write =
        Step { action: Action::PackageParts, expect: words::PACKAGE_EXPECTED.to_owned(), confidence: 0.9 };
    let procedure = Procedure {
        problem: words::PACKAGE_PROBLEM.to_owned(),
        observe: Vec::new(),
        hypotheses: vec![Hypothesis {
            cause: words::PACKAGE_CAUSE.to_owned(),
            when: None,
            confidence: 0.9,
            disproved_by: Some(words::PACKAGE_DISPROVED.to_owned()),
            steps: vec![write],
        }],
        validate: vec![Check {
            title: words::PACKAGE_WRITTEN.to_owned(),
            action: Action::ReadFile { path: SCRIPT.to_owned() },
            environment: None,
            repeat: false,
        }],
        risks: Vec::new(),
        success_criteria: vec![words::PACKAGE_WRITTEN.to_owned()],
    };
    Task {
        needs,
        ..blank(&goal.id, number, goal.priority, Role::Devops, words::PACKAGE_TITLE.to_owned(), procedure)
    }
}

/// The task that does what `diagnosis` proposes for a part of `held`'s, so that `held` can be tried again
/// with `next`, the part's next setup. `number` is its number in the plan, `needs` are those of `held`.
#[must_use]
pub fn repair(held: &Task, number: u32, needs: Vec<TaskId>, next: &Setup, diagnosis: &Diagnosis) -> Task {
    let (title, mut steps) = match &diagnosis.remedy {
        Remedy::Edit { title, actions, .. } => {
            let edit = |action: &Action| Step {
                action: action.clone(),
                expect: words::EDIT_EXPECTED.to_owned(),
                confidence: diagnosis.confidence,
            };
            (title.clone(), actions.iter().map(edit).collect())
        }
        Remedy::Setup { .. } | Remedy::Person => (words::repair_title(next, &diagnosis.rule), Vec::new()),
    };
    steps.push(step(next));
    let procedure = Procedure {
        problem: words::repair_problem(&diagnosis.saw),
        observe: Vec::new(),
        hypotheses: vec![Hypothesis {
            cause: diagnosis.believes.clone(),
            when: None,
            confidence: diagnosis.confidence,
            disproved_by: Some(diagnosis.disproved_by.clone()),
            steps,
        }],
        validate: vec![stands(next)],
        risks: Vec::new(),
        success_criteria: vec![words::SET_UP_CRITERION.to_owned()],
    };
    Task {
        parent: Some(held.id.clone()),
        description: diagnosis.believes.clone(),
        needs,
        environment: Some(next.part.clone()),
        setups: Setups::from([(next.part.clone(), next.clone())]),
        metadata: BTreeMap::from([("rule".to_owned(), diagnosis.rule.clone())]),
        ..blank(&held.goal, number, held.priority, role_of(next), title, procedure)
    }
}

fn step(setup: &Setup) -> Step {
    Step {
        action: Action::SetUp { part: setup.part.clone() },
        expect: words::SET_UP_EXPECTED.to_owned(),
        confidence: 0.8,
    }
}

/// The check that an environment is there; tests that run in it show more, so it is not repeated.
fn stands(setup: &Setup) -> Check {
    let (run, matches) = setup::probe(setup);
    let action =
        Action::ValidateOutput { run, workdir: String::new(), matches: Some(matches), deadline_seconds: 120 };
    Check { title: words::environment_stands(setup), action, environment: None, repeat: false }
}

/// A task that works for at most an hour, with nothing to start from.
fn blank(goal: &GoalId, number: u32, priority: u8, role: Role, title: String, procedure: Procedure) -> Task {
    Task {
        version: TASK_VERSION,
        id: goal.task(number),
        goal: goal.clone(),
        parent: None,
        role,
        capabilities: Vec::new(),
        title,
        description: String::new(),
        kind: TaskKind::Work,
        needs: Vec::new(),
        priority,
        deadline_seconds: SETUP_DEADLINE_SECONDS,
        max_attempts: MAX_ATTEMPTS,
        environment: None,
        environments: Environments::new(),
        setups: Setups::new(),
        procedure,
        metadata: BTreeMap::new(),
    }
}
