//! Small broken projects (`tests/corpus`), set up and tested for real: each must be diagnosed by the right rule
//! and end as its `expect.toml` says. Nothing that is wrong may look right.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use codegod_protocol::action::Action;
use codegod_protocol::client::{GoalView, TaskView};
use codegod_protocol::evidence::TestCounts;
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::Role;
use codegod_protocol::result::{Diagnosed, ResultStatus};
use codegod_protocol::task::TaskKind;
use codegod_tests::files::give_folder;
use codegod_tests::fleet::{Fleet, told};
use codegod_tests::plans;
use futures_util::{StreamExt, stream};
use serde::Deserialize;

const LIMIT: Duration = Duration::from_secs(600);
/// How many projects are worked on at once.
const AT_ONCE: usize = 3;
/// Names of the projects to take, separated by commas; all unless set.
const ONLY: &str = "CODEGOD_CORPUS";

/// What a project is expected to give.
#[derive(Deserialize)]
struct Expected {
    /// The rule that finds what is wrong; absent when nothing is.
    #[serde(default)]
    rule: Option<String>,
    /// Whether the survey sees it before anything fails, so that the rule is not needed.
    #[serde(default)]
    surveyed: bool,
    /// `person` when nobody else can mend it.
    #[serde(default)]
    remedy: Option<String>,
    /// What the diagnosis must name.
    #[serde(default)]
    says: Vec<String>,
    /// What the tests give in the end.
    #[serde(default)]
    then: Option<Then>,
    /// Why the project is not run as a whole.
    #[serde(default)]
    not_whole: Option<String>,
}

#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
struct Then {
    passed: u64,
    failed: u64,
}

fn projects() -> anyhow::Result<Vec<PathBuf>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let only = std::env::var(ONLY).unwrap_or_default();
    let only: Vec<&str> = only.split(',').filter(|name| !name.is_empty()).collect();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&corpus).with_context(|| format!("reading {}", corpus.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.join("expect.toml").is_file() && (only.is_empty() || only.contains(&name.as_str())) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A copy of a project's files.
fn copied(project: &Path) -> anyhow::Result<tempfile::TempDir> {
    let (files, copy) = (project.join("project"), tempfile::tempdir()?);
    let mut todo = vec![files.clone()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let place = copy.path().join(path.strip_prefix(&files)?);
            if path.is_dir() {
                std::fs::create_dir_all(place)?;
                todo.push(path);
            } else {
                std::fs::copy(&path, place)?;
            }
        }
    }
    Ok(copy)
}

/// Sets a project up; an error says in what it differs from what is expected.
async fn check(fleet: &Fleet, project: &Path) -> anyhow::Result<()> {
    let expected: Expected = toml::from_str(&std::fs::read_to_string(project.join("expect.toml"))?)?;
    if expected.not_whole.is_some() {
        return Ok(());
    }
    let folder = copied(project)?;
    let mut goal = plans::goal("set up this project and run its tests");
    give_folder(&fleet.client, &mut goal, folder.path()).await?;
    let goal = fleet.submit_goal(goal).await?;
    let view = fleet.ended(&goal, LIMIT).await?;
    judge(&expected, &view).with_context(|| told(&view))
}

fn judge(expected: &Expected, view: &GoalView) -> anyhow::Result<()> {
    let results = view.tasks.iter().filter_map(|task| task.result.as_ref());
    let diagnosed: Vec<&Diagnosed> = results.flat_map(|result| &result.diagnoses).collect();
    let rules: Vec<&str> = diagnosed.iter().map(|one| one.rule.as_str()).collect();
    if let Some(rule) = expected.rule.as_ref().filter(|_| !expected.surveyed) {
        let found = diagnosed.iter().find(|one| one.rule == *rule);
        let found = found.with_context(|| format!("{rule} was expected, found were {rules:?}"))?;
        for word in &expected.says {
            let told = found.believes.contains(word) || found.saw.contains(word);
            ensure!(told, "{rule} says nothing of {word:?}: {found:?}");
        }
        let by_person = expected.remedy.as_deref() == Some("person");
        ensure!(found.done.is_empty() == by_person, "{rule} did {:?}", found.done);
    }
    let counts = tests(view);
    match expected.then {
        Some(then) => {
            let counts = counts.context("no tests ran")?;
            ensure!(
                then == Then { passed: counts.passed, failed: counts.failed },
                "the tests gave {counts:?}"
            );
            let wanted = if then.failed == 0 { GoalState::Succeeded } else { GoalState::Failed };
            ensure!(view.state == wanted, "the goal is {}", view.state.name());
        }
        // Whatever a person has to mend must never look like success.
        None => ensure!(view.state != GoalState::Succeeded, "a false success: {counts:?}"),
    }
    ensure!(
        view.tasks.iter().any(made) || !view.tasks.iter().any(claims),
        "an environment is claimed that nobody made"
    );
    Ok(())
}

/// Whether a task set a part up.
fn made(task: &TaskView) -> bool {
    let mut steps = task.task.procedure.hypotheses.iter().flat_map(|hypothesis| &hypothesis.steps);
    steps.any(|step| matches!(step.action, Action::SetUp { .. }))
        && task.result.as_ref().is_some_and(|result| result.status == ResultStatus::Succeeded)
}

/// Whether a task published an environment.
fn claims(task: &TaskView) -> bool {
    let outputs = task.result.as_ref().and_then(|result| result.outputs.as_ref());
    outputs.is_some_and(|outputs| !outputs.environments.is_empty() || !outputs.setups.is_empty())
}

/// What the closing verification counted.
fn tests(view: &GoalView) -> Option<TestCounts> {
    let closing = view.tasks.iter().find(|task| task.task.kind == TaskKind::Verification)?;
    closing.result.as_ref()?.tests
}

#[tokio::test]
#[ignore = "a few seconds for each project: ./start-agents.sh test --full"]
async fn every_project_of_the_corpus_ends_as_it_should() -> anyhow::Result<()> {
    let projects = projects()?;
    ensure!(!projects.is_empty(), "there is no corpus");
    let agents = [(Role::Backend, 2), (Role::Frontend, 2), (Role::Devops, 2), (Role::Testing, 3)];
    let fleet = Fleet::start(&agents).await?;
    let fleet = &fleet;
    let checked = stream::iter(&projects).map(async |project| {
        let outcome = check(fleet, project).await;
        eprintln!("{}: {}", project.display(), if outcome.is_ok() { "as expected" } else { "DIFFERS" });
        (project, outcome)
    });
    let outcomes: Vec<_> = checked.buffer_unordered(AT_ONCE).collect().await;
    let wrong: Vec<String> = outcomes
        .into_iter()
        .filter_map(|(project, outcome)| {
            Some(format!("{}: {:#}", project.file_name()?.display(), outcome.err()?))
        })
        .collect();
    ensure!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), projects.len(), wrong.join("\n\n"));
    Ok(())
}
