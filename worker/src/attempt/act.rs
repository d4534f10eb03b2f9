//! Acting: the plan's steps in order, each recorded before it starts and when it ends.

use codegod_protocol::action::Action;
use codegod_protocol::evidence::Evidence;
use codegod_protocol::task::Step;

use crate::actions;
use crate::bench::Bench;
use crate::error::Error;

/// What acting came to.
pub(super) struct Acted {
    /// Of each step, in order; files that were written together share one.
    pub(super) evidence: Vec<Evidence>,
    /// Why it stopped before the end.
    pub(super) failed: Option<String>,
}

/// Does the steps until one fails. Files that are written one after the other are recorded together:
/// they go into the sandbox as one archive, and twenty round trips would say no more.
pub(super) async fn all(bench: &mut Bench<'_>, steps: &[Step]) -> Result<Acted, Error> {
    let context = bench.context;
    let mut acted = Acted { evidence: Vec::with_capacity(steps.len()), failed: None };
    for group in steps.chunk_by(|a, b| is_write(a) && is_write(b)) {
        if let Some(step) = group.iter().find(|step| !step.action.allowed_to(context.task.role)) {
            let (role, action) = (context.task.role, step.action.name());
            return Err(Error::Invalid(format!("{action} is not an action of the {role} role")));
        }
        let intents: Vec<(&str, &str)> =
            group.iter().map(|step| (step.action.name(), step.expect.as_str())).collect();
        let numbers = context.journal.intend(&intents).await;
        let mut outcomes = Vec::with_capacity(group.len());
        for step in group {
            outcomes.push(actions::execute(bench, &step.action).await?);
        }
        let ended: Vec<(u32, &str, &Evidence)> = numbers
            .iter()
            .zip(group)
            .zip(&outcomes)
            .map(|((number, step), outcome)| (*number, step.action.name(), &outcome.evidence))
            .collect();
        context.journal.finished(&ended).await;
        let failed = group.iter().zip(&outcomes).find(|(_, outcome)| !outcome.succeeded());
        acted.failed = failed.map(|(step, outcome)| why(step, &outcome.evidence));
        acted.evidence.extend(outcomes.into_iter().map(|outcome| outcome.evidence));
        if acted.failed.is_some() {
            break;
        }
    }
    Ok(acted)
}

fn is_write(step: &Step) -> bool {
    matches!(step.action, Action::WriteFile { .. })
}

/// How the last lines begin of those who only say where more is to be read.
const POINTERS: [&str; 4] =
    ["info Visit https://", "npm error A complete log", "npm ERR! A complete log", "npm ERR!     /"];

/// One sentence: what was done, what was expected of it, and the last thing it said.
fn why(step: &Step, evidence: &Evidence) -> String {
    let says = |line: &&str| {
        !line.trim().is_empty() && !POINTERS.iter().any(|start| line.trim_start().starts_with(start))
    };
    let said = evidence.output.lines().rev().find(says).unwrap_or("it printed nothing");
    // A script of many lines says less than its name.
    let command = match evidence.command.trim() {
        command if command.contains('\n') => String::new(),
        command => format!(" (`{command}`)"),
    };
    format!(
        "{}{command} ended with exit code {}; expected: {} It said: {}",
        step.action.name(),
        evidence.exit_code,
        step.expect,
        said.trim()
    )
}
