//! The closing verification: every check of every task again, in fresh containers made only from
//! what was published. Only it makes a goal succeed.

use std::collections::{BTreeMap, BTreeSet};

use codegod_protocol::action::{Action, TestsExpected};
use codegod_protocol::environment::{self, Environments};
use codegod_protocol::goal::Goal;
use codegod_protocol::id::{Role, TaskId};
use codegod_protocol::plan::{self, Plan};
use codegod_protocol::setup::{self, Setup, Setups};
use codegod_protocol::task::{Check, Hypothesis, Procedure, TASK_VERSION, Task, TaskKind};

use super::assemble::MAX_ATTEMPTS;
use super::words::{self, Closing, Misfit, PlanFailure};

/// It repeats the checks of all tasks, but hardly their installations.
const LEAST_DEADLINE_SECONDS: u64 = 900;
const MOST_DEADLINE_SECONDS: u64 = 3600;

/// The plan of a goal that only verifies another: its closing verification alone, on the commit that
/// `goal` starts from. `of` is the plan of the goal that is verified, with the tasks that were added
/// while it ran; `published` are the environments and setups that it ended with. Tests of an existing project
/// that failed then must fail again: what is verified is what was claimed.
///
/// # Errors
/// None of its checks may be repeated.
pub fn verification(goal: &Goal, of: &Plan, published: (Environments, Setups)) -> Result<Plan, PlanFailure> {
    let mut task = verify(goal, &of.tasks, goal.id.task(1), Vec::new())?;
    let (environments, setups) = published;
    task.environments = environment::join([environments, task.environments]);
    task.setups = setup::join([setups, task.setups]);
    for check in &mut task.procedure.validate {
        if let Action::TestPart { part, expect } = &mut check.action
            && task.setups.get(part).is_some_and(failed)
        {
            *expect = TestsExpected::AsBefore;
            check.title = words::tests_as_before(part);
        }
    }
    let tasks = vec![task];
    plan::check(&tasks)?;
    Ok(Plan { intent: of.intent.clone(), tasks })
}

/// Whether a part's tests failed, or did not even run.
fn failed(setup: &Setup) -> bool {
    setup.stuck.is_some() || setup.outcome.is_some_and(|outcome| outcome.exit_code != 0)
}

/// The closing verification of a plan that consists of `tasks`.
///
/// # Errors
/// None of their checks may be repeated.
pub(super) fn task(goal: &Goal, tasks: &[Task]) -> Result<Task, PlanFailure> {
    let needed: BTreeSet<&TaskId> = tasks.iter().flat_map(|task| &task.needs).collect();
    let last = tasks.iter().map(|task| task.id.number()).max().unwrap_or(0);
    let leaves = tasks.iter().map(|task| &task.id).filter(|id| !needed.contains(id));
    verify(goal, tasks, goal.id.task(last + 1), leaves.cloned().collect())
}

fn verify(goal: &Goal, tasks: &[Task], id: TaskId, needs: Vec<TaskId>) -> Result<Task, PlanFailure> {
    let repeated: Vec<&Task> = tasks.iter().filter(|task| task.kind != TaskKind::Verification).collect();
    let validate = repeatable(&repeated);
    if validate.is_empty() {
        return Err(PlanFailure::Misfit(Misfit::NothingToRepeat));
    }
    let deadline = repeated.iter().map(|task| task.deadline_seconds).fold(0, u64::saturating_add);
    Ok(Task {
        version: TASK_VERSION,
        id,
        goal: goal.id.clone(),
        parent: None,
        role: Role::Testing,
        capabilities: Vec::new(),
        title: Closing::TITLE.to_owned(),
        description: Closing::DESCRIPTION.to_owned(),
        kind: TaskKind::Verification,
        needs,
        priority: goal.priority,
        deadline_seconds: deadline.clamp(LEAST_DEADLINE_SECONDS, MOST_DEADLINE_SECONDS),
        max_attempts: MAX_ATTEMPTS,
        // Every check names its own.
        environment: None,
        environments: environment::join(repeated.iter().map(|task| task.environments.clone())),
        setups: setup::join(repeated.iter().map(|task| task.setups.clone())),
        procedure: Procedure {
            problem: Closing::PROBLEM.to_owned(),
            observe: Vec::new(),
            hypotheses: vec![Hypothesis {
                cause: Closing::CAUSE.to_owned(),
                when: None,
                confidence: 0.9,
                disproved_by: None,
                steps: Vec::new(),
            }],
            validate,
            risks: vec![Closing::RISK.to_owned()],
            success_criteria: vec![Closing::CRITERION.to_owned()],
        },
        metadata: BTreeMap::new(),
    })
}

/// Every check of `tasks` that may be repeated, in the order of the tasks, each once, with the
/// environment it runs in; before the first run of an image stands its build.
pub(super) fn repeatable(tasks: &[&Task]) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    let without_tests = without_tests(tasks);
    for task in tasks {
        for check in task.procedure.validate.iter().filter(|check| check.repeat) {
            let mut check = check.clone();
            check.environment = check.environment.or_else(|| task.environment.clone());
            check.action = repeated(check.action, &without_tests);
            if let Action::TestPart { part, expect: TestsExpected::Pass } = &check.action {
                check.title = words::tests_pass(part);
            }
            if let Some(build) = image(&check.action).and_then(|image| build_of(image, tasks)) {
                add(&mut checks, build);
            }
            add(&mut checks, check);
        }
    }
    let mut steps =
        tasks.iter().flat_map(|task| &task.procedure.hypotheses).flat_map(|hypothesis| &hypothesis.steps);
    // Building takes long, and is done beside the tests: it is not a check of the packaging task itself.
    if steps.any(|step| step.action == Action::PackageParts) {
        let title = words::PACKAGE_CHECK.to_owned();
        checks.push(Check { title, action: Action::BuildParts, environment: None, repeat: true });
    }
    checks
}

fn add(checks: &mut Vec<Check>, check: Check) {
    let is_build = matches!(check.action, Action::BuildImage { .. });
    let same = |known: &Check| {
        // A build reads no environment, so a second one of the same image shows nothing.
        known.action == check.action && (is_build || known.environment == check.environment)
    };
    if !checks.iter().any(same) {
        checks.push(check);
    }
}

/// To verify, an app is run and probed, but not left running.
fn repeated(action: Action, without_tests: &BTreeSet<String>) -> Action {
    match action {
        Action::Deploy { image, port, env, probes, services } => {
            Action::RunContainer { image, port, env, probes, services }
        }
        // Whatever was found out on the way: in the end they must pass.
        Action::TestPart { part, expect: TestsExpected::Run } if !without_tests.contains(&part) => {
            Action::TestPart { part, expect: TestsExpected::Pass }
        }
        other => other,
    }
}

/// Parts that have no tests, when another has some: then those decide.
fn without_tests(tasks: &[&Task]) -> BTreeSet<String> {
    let setups = setup::join(tasks.iter().map(|task| task.setups.clone()));
    if setups.values().all(|setup| setup.tests.is_empty()) {
        return BTreeSet::new();
    }
    setups.into_values().filter(|setup| setup.tests.is_empty()).map(|setup| setup.part).collect()
}

fn image(action: &Action) -> Option<&str> {
    match action {
        Action::RunContainer { image, .. } => Some(image),
        _ => None,
    }
}

/// The build of `image` somewhere in `tasks`, as a check.
fn build_of(image: &str, tasks: &[&Task]) -> Option<Check> {
    let builds = tasks.iter().flat_map(|task| {
        let steps = task.procedure.hypotheses.iter().flat_map(|hypothesis| &hypothesis.steps);
        let actions = steps.map(|step| &step.action);
        let actions = actions.chain(task.procedure.validate.iter().map(|check| &check.action));
        actions.map(|action| (action, &task.environment))
    });
    let found = builds
        .into_iter()
        .find(|(action, _)| matches!(action, Action::BuildImage { tag, .. } if tag == image));
    found.map(|(action, environment)| Check {
        title: words::image_builds(image),
        action: action.clone(),
        environment: environment.clone(),
        repeat: true,
    })
}
