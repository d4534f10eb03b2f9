//! Validation: every check of a task, each with its evidence.
//!
//! A task's checks run on the bench that it worked on. The closing verification starts from nothing
//! but what was published: a fresh bench for each environment, all of them side by side.

use codegod_protocol::action::Action;
use codegod_protocol::environment::{Environments, Recipe};
use codegod_protocol::evidence::{CheckOutcome, Verdict};
use codegod_protocol::setup::Setups;
use codegod_protocol::task::{Check, Task, TaskKind};
use futures_util::future;

use crate::actions;
use crate::bench::Bench;
use crate::context::Context;
use crate::error::Error;

/// Makes all checks of the bench's task. The verdict passes when every check does.
pub(super) async fn all(
    bench: &mut Bench<'_>,
    commit: &str,
    environments: &Environments,
) -> Result<Verdict, Error> {
    let context = bench.context;
    let task = &context.task;
    let checks = match task.kind {
        TaskKind::Verification => side_by_side(context, commit, environments).await?,
        TaskKind::Work | TaskKind::Check | TaskKind::Merge => {
            in_order(bench, environments, &task.procedure.validate).await?
        }
    };
    Ok(verdict(checks))
}

/// Whether every check that failed is a run of a part's tests that gave just what the testing agent's run had
/// given: trying again would show the same.
pub(super) fn is_as_before(task: &Task, verdict: &Verdict, setups: &Setups) -> bool {
    let checks = task.procedure.validate.iter().zip(&verdict.checks);
    let mut failed = checks.filter(|(_, outcome)| !outcome.passed);
    failed.all(|(check, outcome)| match &check.action {
        Action::TestPart { part, .. } => {
            setups.get(part).is_some_and(|setup| actions::as_before(setup, outcome.tests))
        }
        _ => false,
    })
}

fn verdict(checks: Vec<CheckOutcome>) -> Verdict {
    let failed: Vec<&CheckOutcome> = checks.iter().filter(|check| !check.passed).collect();
    let summary = match failed.as_slice() {
        [] if checks.len() == 1 => checks[0].title.clone(),
        [] => format!("all {} checks passed", checks.len()),
        [first, ..] => {
            let said =
                first.evidence.output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            format!(
                "{} of {} checks failed, first: {}: {}",
                failed.len(),
                checks.len(),
                first.title,
                said.trim()
            )
        }
    };
    Verdict { passed: failed.is_empty() && !checks.is_empty(), summary, checks }
}

/// The checks one after the other. One that names another environment than the task's gets a bench of
/// its own on the workspace as it stands.
async fn in_order(
    bench: &mut Bench<'_>,
    environments: &Environments,
    checks: &[Check],
) -> Result<Vec<CheckOutcome>, Error> {
    let context = bench.context;
    let own = context.task.environment.as_deref();
    let mut outcomes = Vec::with_capacity(checks.len());
    for check in checks {
        let other = check.environment.as_deref().filter(|name| Some(*name) != own);
        outcomes.push(match other {
            None => one(bench, check).await?,
            Some(name) => {
                let commit = bench.commit(&context.commit_message()).await?;
                let mut fresh = Bench::new(context, &commit, environments.get(name).cloned());
                let outcome = one(&mut fresh, check).await;
                fresh.close().await;
                outcome?
            }
        });
    }
    Ok(outcomes)
}

/// The checks of one environment, each with its place among all. Environments of one recipe are one,
/// whatever they are called.
struct Lane<'a> {
    recipe: Option<&'a Recipe>,
    checks: Vec<(usize, &'a Check)>,
}

/// The checks of each environment on a fresh bench, environments side by side.
async fn side_by_side(
    context: &Context,
    commit: &str,
    environments: &Environments,
) -> Result<Vec<CheckOutcome>, Error> {
    let checks = &context.task.procedure.validate;
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    for (index, check) in checks.iter().enumerate() {
        let recipe = check.environment.as_ref().and_then(|name| environments.get(name));
        match lanes.iter_mut().find(|lane| lane.recipe == recipe) {
            Some(lane) => lane.checks.push((index, check)),
            None => lanes.push(Lane { recipe, checks: vec![(index, check)] }),
        }
    }
    let lanes = lanes.iter().map(|lane| async move {
        let mut bench = Bench::new(context, commit, lane.recipe.cloned());
        let mut outcomes = Vec::with_capacity(lane.checks.len());
        for (index, check) in &lane.checks {
            match one(&mut bench, check).await {
                Ok(outcome) => outcomes.push((*index, outcome)),
                Err(error) => {
                    bench.close().await;
                    return Err(error);
                }
            }
        }
        bench.close().await;
        Ok::<_, Error>(outcomes)
    });
    let mut outcomes: Vec<(usize, CheckOutcome)> = Vec::with_capacity(checks.len());
    for lane in future::join_all(lanes).await {
        outcomes.extend(lane?);
    }
    outcomes.sort_by_key(|(index, _)| *index);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

async fn one(bench: &mut Bench<'_>, check: &Check) -> Result<CheckOutcome, Error> {
    let context = bench.context;
    context.journal.say(&format!("check: {}", check.title));
    let numbers = context.journal.intend(&[(check.action.name(), &check.title)]).await;
    let outcome = actions::execute(bench, &check.action).await?;
    if let [number] = numbers.as_slice() {
        context.journal.finished(&[(*number, check.action.name(), &outcome.evidence)]).await;
    }
    Ok(CheckOutcome {
        title: check.title.clone(),
        passed: outcome.succeeded(),
        tests: outcome.tests,
        evidence: outcome.evidence,
    })
}

#[cfg(test)]
mod tests {
    use codegod_protocol::evidence::Evidence;

    use super::*;

    fn outcome(title: &str, exit_code: i64) -> CheckOutcome {
        let evidence = Evidence {
            command: "x".into(),
            exit_code,
            output: "first\nlast words\n\n".into(),
            seconds: 1.0,
            environment: None,
        };
        CheckOutcome { title: title.into(), passed: exit_code == 0, evidence, tests: None }
    }

    #[test]
    fn one_failed_check_fails_the_verdict_and_is_named() {
        let verdict = verdict(vec![outcome("it builds", 0), outcome("it runs", 3)]);
        assert!(!verdict.passed);
        assert_eq!(verdict.summary, "1 of 2 checks failed, first: it runs: last words");
    }

    #[test]
    fn no_check_is_no_success() {
        assert!(!verdict(vec![]).passed);
    }
}
