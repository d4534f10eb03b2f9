//! What a goal about an existing project found out: each part with its environment, what was decided and
//! believed, what its tests gave, and what changed.

use std::collections::BTreeSet;

use codegod_protocol::action::Action;
use codegod_protocol::client::{GoalView, TaskView};
use codegod_protocol::evidence::{CheckOutcome, TestCounts};
use codegod_protocol::goal::{GoalKind, GoalState};
use codegod_protocol::id::TaskId;
use codegod_protocol::intent::ProjectType;
use codegod_protocol::result::{Diagnosed, Outputs};
use codegod_protocol::setup::{self, PartPicture, Setup, Setups};
use codegod_protocol::task::TaskState;
use serde::Serialize;

use super::Tests;
use crate::workspace;

/// Where a goal's own files lie in the result; everything else belongs to the person.
const OWN_FOLDER: &str = ".codegod/";
/// What a test run's evidence begins the line of a failing test with.
const FAILED: &str = "FAILED ";
/// How much of what is believed stands in the headline, in characters.
const MAX_CAUSE: usize = 400;
/// The rules that only repeat which test failed.
const REPEATS_FAILURE: &str = "test-fails";

/// The outcome of a goal about an existing project.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Project {
    /// How it stands, in a sentence or two.
    pub(super) headline: String,
    /// What was at the bottom of what went wrong, or of what was mended; none when nothing is known.
    pub(super) cause: Option<String>,
    /// It only repeats what another goal claimed.
    #[serde(skip)]
    pub(super) verifies: bool,
    pub(super) parts: Vec<Part>,
    /// What was changed in the person's files, a commit each.
    pub(super) changes: Vec<Change>,
    /// What was written beside them, to go on with.
    pub(super) left: Vec<String>,
    /// What a person should know of the files.
    pub(super) remarks: Vec<String>,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Part {
    pub(super) part: String,
    pub(super) folder: String,
    pub(super) seen: Vec<String>,
    pub(super) read: Vec<String>,
    /// The versions of its language that it asks for, as written.
    pub(super) wants: String,
    /// None when no environment stands.
    pub(super) environment: Option<Environment>,
    pub(super) decisions: Vec<String>,
    /// Servers beside its tests.
    pub(super) services: Vec<setup::ServiceKind>,
    pub(super) diagnoses: Vec<Diagnosed>,
    /// Its own commands for its tests.
    pub(super) commands: Vec<String>,
    /// What they gave; none when they did not run.
    pub(super) tests: Option<Tests>,
    pub(super) exit_code: Option<i64>,
    /// The tests that failed, each with the first line of why; those that the evidence names.
    pub(super) failures: Vec<String>,
}

/// What a part's commands run in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Environment {
    pub(super) image: Option<String>,
    pub(super) base: String,
    pub(super) steps: Vec<String>,
}

/// A change of the person's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    pub(super) task: TaskId,
    /// The commit's subject.
    pub(super) subject: String,
    pub(super) files: Vec<String>,
}

/// The outcome; none for goals of other kinds, and before there is a plan.
pub(super) fn project(view: &GoalView) -> Option<Project> {
    let intent = view.intent.as_ref().filter(|intent| intent.project == ProjectType::Existing)?;
    let picture = intent.picture.as_deref()?;
    let setups = setups(view);
    let parts: Vec<Part> =
        picture.parts.iter().map(|seen| part(view, seen, setups.get(&seen.setup.part))).collect();
    Some(Project {
        headline: headline(view, &parts),
        cause: cause(view, &parts),
        verifies: matches!(view.goal.kind, GoalKind::Verify { .. }),
        changes: view.tasks.iter().filter_map(change).collect(),
        left: left(view, &setups),
        remarks: picture.remarks.clone(),
        parts,
    })
}

/// The setups as they stand at the end.
fn setups(view: &GoalView) -> Setups {
    match workspace::verified(view) {
        Some(outputs) => outputs.setups.clone(),
        None => setup::join(outputs(view).map(|outputs| outputs.setups.clone())),
    }
}

fn outputs(view: &GoalView) -> impl Iterator<Item = &Outputs> {
    view.tasks.iter().filter_map(|task| task.result.as_ref()?.outputs.as_ref())
}

fn part(view: &GoalView, seen: &PartPicture, setup: Option<&Setup>) -> Part {
    let name = &seen.setup.part;
    let outcome = setup.and_then(|setup| setup.outcome);
    let diagnoses = view.tasks.iter().filter_map(|task| task.result.as_ref());
    let mut known: Vec<Diagnosed> = Vec::new();
    for one in diagnoses.flat_map(|result| &result.diagnoses).filter(|one| one.part == *name) {
        if !known.contains(one) {
            known.push(one.clone());
        }
    }
    let current = setup.unwrap_or(&seen.setup);
    Part {
        part: name.clone(),
        folder: current.folder.clone(),
        seen: seen.seen.clone(),
        read: seen.read.clone(),
        wants: seen.wants.clone(),
        environment: environment(view, name),
        decisions: current.notes.clone(),
        services: current.services.iter().copied().collect(),
        diagnoses: known,
        commands: current.tests.iter().map(|run| run.own.clone()).collect(),
        tests: outcome.map(|outcome| tests(outcome.counts)),
        exit_code: outcome.map(|outcome| outcome.exit_code),
        failures: last_run(view, name).map(|check| failures(&check.evidence.output)).unwrap_or_default(),
    }
}

fn tests(counts: TestCounts) -> Tests {
    Tests { passed: counts.passed, failed: counts.failed, skipped: counts.skipped }
}

/// The environment of a part, as the latest task that had one published it.
fn environment(view: &GoalView, part: &str) -> Option<Environment> {
    let mut found: Option<Environment> = None;
    for outputs in outputs(view) {
        let Some(recipe) = outputs.environments.get(part) else { continue };
        let before = found.take().and_then(|known| known.image);
        found = Some(Environment {
            image: outputs.images.get(part).cloned().or(before),
            base: recipe.base.clone(),
            steps: recipe.steps.iter().map(|step| step.run.clone()).collect(),
        });
    }
    found
}

/// The last run of a part's tests.
fn last_run<'a>(view: &'a GoalView, part: &str) -> Option<&'a CheckOutcome> {
    let of_task = |task: &'a TaskView| {
        let checks = task.task.procedure.validate.iter();
        let outcomes = task.result.as_ref().and_then(|result| result.verdict.as_ref());
        checks.zip(outcomes.into_iter().flat_map(|verdict| &verdict.checks)).filter_map(|(check, outcome)| {
            matches!(&check.action, Action::TestPart { part: of, .. } if of == part).then_some(outcome)
        })
    };
    view.tasks.iter().flat_map(of_task).last()
}

/// The failing tests that a run's evidence names: the block of such lines before its last words.
fn failures(output: &str) -> Vec<String> {
    let mut lines: Vec<&str> = output.lines().rev().skip_while(|line| !line.starts_with(FAILED)).collect();
    let end = lines.iter().position(|line| !line.starts_with(FAILED) && !line.is_empty());
    lines.truncate(end.unwrap_or(lines.len()));
    let named = lines.iter().rev().filter_map(|line| line.strip_prefix(FAILED));
    named.map(|line| line.trim_end_matches(": ").trim().to_owned()).collect()
}

fn headline(view: &GoalView, parts: &[Part]) -> String {
    let mut all = TestCounts::default();
    for tests in parts.iter().filter_map(|part| part.tests) {
        all += TestCounts { passed: tests.passed, failed: tests.failed, skipped: tests.skipped };
    }
    let is_verification = matches!(view.goal.kind, GoalKind::Verify { .. });
    let ran = parts.iter().any(|part| part.tests.is_some());
    let without: Vec<&str> =
        parts.iter().filter(|part| part.environment.is_none()).map(|part| part.part.as_str()).collect();
    let silent = parts.iter().filter(|part| part.environment.is_some() && part.tests.is_none());
    let silent: Vec<&str> =
        silent.filter(|part| !part.commands.is_empty()).map(|part| part.part.as_str()).collect();
    let counts = format!("{} passed, {} failed, {} skipped", all.passed, all.failed, all.skipped);
    let first = parts.iter().flat_map(|part| &part.failures).next();
    let first = first.map(|first| format!(" First failure: {first}")).unwrap_or_default();
    let stands = if parts.len() > 1 { "The environments stand" } else { "The environment stands" };
    match (ran, without.as_slice(), silent.as_slice()) {
        _ if !view.state.is_final() => "It is not finished.".to_owned(),
        _ if is_verification && view.state == GoalState::Succeeded => {
            format!("Everything ended as it was claimed: {counts}.")
        }
        _ if is_verification => "Not everything ended as it was claimed.".to_owned(),
        (_, [], []) if parts.iter().all(|part| part.commands.is_empty()) => {
            format!("{stands}; the project has no tests.")
        }
        (true, [], []) if all.failed == 0 && view.state == GoalState::Succeeded => {
            format!("{stands} and the tests pass: {counts}.")
        }
        (true, [], []) => format!("{stands} and the tests run: {counts}.{first}"),
        (true, [], silent) => {
            format!("{stands}; the tests of {} do not run, the others: {counts}.{first}", silent.join(", "))
        }
        (false, [], _) => format!("{stands}, but the tests do not run."),
        (true, without, _) => {
            format!("{} could not be set up; the tests of the others: {counts}.{first}", without.join(", "))
        }
        (false, without, _) => format!("{} could not be set up.", without.join(", ")),
    }
}

/// What is believed to be at the bottom of it: what a person has to see to, else what was mended.
fn cause(view: &GoalView, parts: &[Part]) -> Option<String> {
    let all = || parts.iter().flat_map(|part| &part.diagnoses);
    let open = all().find(|one| one.done.is_empty());
    if view.state != GoalState::Succeeded {
        let told = open.filter(|one| !one.rule.starts_with(REPEATS_FAILURE))?;
        return Some(format!("Cause: {}", clipped(&told.believes)));
    }
    let mended: Vec<&str> =
        all().filter(|one| !one.done.is_empty()).map(|one| one.believes.as_str()).collect();
    (!mended.is_empty()).then(|| format!("It took mending: {}", clipped(&mended.join(" "))))
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_CAUSE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A task that changed the person's files.
fn change(view: &TaskView) -> Option<Change> {
    let files: Vec<String> = edited(view).into_iter().filter(|path| !path.starts_with(OWN_FOLDER)).collect();
    let done = view.state == TaskState::Succeeded && !files.is_empty();
    done.then(|| Change { task: view.task.id.clone(), subject: view.task.title.clone(), files })
}

/// What a task's steps write.
fn edited(view: &TaskView) -> Vec<String> {
    let steps = view.task.procedure.hypotheses.iter().flat_map(|hypothesis| &hypothesis.steps);
    let mut paths: Vec<String> = Vec::new();
    for step in steps {
        let written = match &step.action {
            Action::WriteFile { path, .. }
            | Action::UpdateRequirements { path, .. }
            | Action::SetupEnv { path, .. }
            | Action::CreateDockerfile { path, .. } => vec![path.clone()],
            Action::UpdatePackageJson { workdir, .. } => vec![below(workdir, "package.json")],
            Action::ApplyPatch { patch } => patched(patch),
            _ => Vec::new(),
        };
        paths.extend(written.into_iter().filter(|path| !paths.contains(path)).collect::<Vec<_>>());
    }
    paths
}

fn below(folder: &str, name: &str) -> String {
    match folder.trim_matches('/') {
        "" | "." => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

fn patched(patch: &str) -> Vec<String> {
    let named = patch.lines().filter_map(|line| line.strip_prefix("+++ "));
    named.map(|path| path.trim().trim_start_matches("b/").to_owned()).collect()
}

/// What codegod itself left beside the person's files.
fn left(view: &GoalView, setups: &Setups) -> Vec<String> {
    let succeeded = view.tasks.iter().filter(|task| task.state == TaskState::Succeeded);
    let mut left = BTreeSet::new();
    for path in succeeded.flat_map(edited).filter(|path| path.starts_with(OWN_FOLDER)) {
        left.insert(path);
    }
    for path in view.tasks.iter().flat_map(packaged) {
        left.insert(path);
    }
    for setup in setups.values() {
        if let setup::Toolchain::Python(setup::Python { pins: Some(pins), .. }) = &setup.toolchain {
            left.insert(pins.clone());
        }
    }
    left.into_iter().collect()
}

/// The files that a packaging task says it wrote; what they are called depends on the setups.
fn packaged(task: &TaskView) -> Vec<String> {
    let mut steps = task.task.procedure.hypotheses.iter().flat_map(|hypothesis| &hypothesis.steps);
    if !steps.any(|step| step.action == Action::PackageParts) {
        return Vec::new();
    }
    let done = task.result.iter().flat_map(|result| &result.evidence).filter(|evidence| evidence.succeeded());
    let written = done.filter_map(|evidence| evidence.command.strip_prefix("write "));
    written.flat_map(|paths| paths.split(", ").map(str::to_owned)).collect()
}
