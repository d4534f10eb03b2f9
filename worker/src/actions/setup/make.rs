//! The environment of a part: its pins are resolved, everything is installed, and what fails is diagnosed
//! and the setup changed until it stands or nothing known applies.

use std::time::Duration;

use codegod_docker::{self as docker, CommandSpec};
use codegod_protocol::evidence::Evidence;
use codegod_protocol::setup::Setup;
use codegod_reasoner::diagnosis::{Failure, Remedy, Stage};
use codegod_reasoner::setup::{self, Resolution};

use super::diagnose::{self, Next};
use crate::actions::{Outcome, run};
use crate::bench::files::Written;
use crate::bench::{Bench, Proposal};
use crate::error::Error;

/// The longest that resolving may take: build backends are asked.
const RESOLVE_DEADLINE: Duration = Duration::from_secs(900);
/// How long is waited before the network is tried again.
const LOST_PAUSE: Duration = Duration::from_secs(5);
/// How often a setup is changed in one attempt.
const MAX_ROUNDS: usize = 10;

/// A step on the way that failed.
struct Failed {
    stage: Stage,
    evidence: Evidence,
}

/// What a try came to.
type Made = Result<(Setup, Vec<Evidence>), Failed>;

pub(in crate::actions) async fn set_up(bench: &mut Bench<'_>, part: &str) -> Result<Outcome, Error> {
    let mut tried = bench.setup(part)?;
    for _ in 0..MAX_ROUNDS {
        let failed = match make_patiently(bench, &tried).await? {
            Ok((made, evidence)) => {
                bench.keep_setup(made);
                return Ok(told(part, &evidence));
            }
            Err(failed) => failed,
        };
        let failure = Failure {
            stage: failed.stage,
            command: &failed.evidence.command,
            exit_code: failed.evidence.exit_code,
            output: &failed.evidence.output,
        };
        match diagnose::next(bench, &tried, &failure).await? {
            Next::Try { next, diagnosis, also } if matches!(diagnosis.remedy, Remedy::Setup { .. }) => {
                diagnose::told(bench, part, &diagnosis, &also);
                tried = *next;
            }
            Next::Try { next, diagnosis, also } => {
                diagnose::told(bench, part, &diagnosis, &also);
                bench.propose(Proposal { diagnosis, next: *next });
                return Ok(Outcome::of(failed.evidence));
            }
            Next::Person(diagnoses) => {
                if let Some(best) = tried.best.clone() {
                    return back_to(bench, *best, &tried, failed.evidence).await;
                }
                return Ok(given_up(bench, part, &diagnoses, failed.evidence));
            }
        }
    }
    Ok(Outcome::said(format!("set up {part}"), false, format!("{MAX_ROUNDS} changes did not make it stand")))
}

/// Nothing more is known: the failure stands, with what is believed of it first.
fn given_up(
    bench: &mut Bench<'_>,
    part: &str,
    diagnoses: &[codegod_reasoner::diagnosis::Diagnosis],
    mut evidence: Evidence,
) -> Outcome {
    for diagnosis in diagnoses {
        bench.diagnosed(part, diagnosis, "");
    }
    if let Some(first) = diagnoses.first() {
        evidence.output.push_str(&format!("\n{}", first.believes));
    }
    Outcome::of(evidence)
}

/// What was tried does not even install: the best earlier setup is what stands, and this is not tried again.
async fn back_to(
    bench: &mut Bench<'_>,
    best: Setup,
    tried: &Setup,
    failed: Evidence,
) -> Result<Outcome, Error> {
    let mut setup = best;
    setup.revision = tried.revision + 1;
    setup.tried.clone_from(&tried.tried);
    match make_patiently(bench, &setup).await? {
        Ok((made, mut evidence)) => {
            bench.context.journal.say("it did not install; the setup before stands");
            evidence.push(failed);
            let mut outcome = told(&made.part, &evidence);
            outcome
                .evidence
                .output
                .push_str("\n[the last change did not install; the setup before it stands]");
            bench.keep_setup(made);
            Ok(outcome)
        }
        Err(failed) => Ok(Outcome::of(failed.evidence)),
    }
}

/// As [`make`], once more when the network was what failed: that says nothing of the project.
async fn make_patiently(bench: &mut Bench<'_>, setup: &Setup) -> Result<Made, Error> {
    let made = make(bench, setup).await?;
    let lost = |failed: &Failed| docker::connection::lost(&failed.evidence.output).is_some();
    if !made.as_ref().is_err_and(lost) {
        return Ok(made);
    }
    bench.context.journal.say("the network failed; trying again");
    let _cut = bench.context.stop.token().run_until_cancelled(tokio::time::sleep(LOST_PAUSE)).await;
    bench.context.check_stop()?;
    make(bench, setup).await
}

async fn make(bench: &mut Bench<'_>, setup: &Setup) -> Result<Made, Error> {
    let mut setup = setup.clone();
    let mut evidence = Vec::new();
    if let Some(resolution) = setup::resolution(&setup) {
        match resolve(bench, &setup, &resolution).await? {
            Ok(resolved) => evidence.push(resolved),
            Err(failed) => return Ok(Err(failed)),
        }
        setup = setup::resolved(&setup, &resolution);
    }
    match bench.use_recipe(setup::recipe(&setup)).await {
        Ok(made) => evidence.extend(made),
        Err(error) => return failed_step(error, Stage::Install).map(Err),
    }
    Ok(Ok((setup, evidence)))
}

fn failed_step(error: Error, stage: Stage) -> Result<Failed, Error> {
    match error {
        Error::Docker(docker::Error::StepFailed { evidence }) => Ok(Failed { stage, evidence: *evidence }),
        other => Err(other),
    }
}

/// Resolves with the sources at hand. What building metadata leaves behind is not kept: only the pins are.
async fn resolve(
    bench: &mut Bench<'_>,
    setup: &Setup,
    resolution: &Resolution,
) -> Result<Result<Evidence, Failed>, Error> {
    let was_running = bench.is_running();
    // What was written before, of the person's files too, is part of what this attempt gives.
    let written = bench.pending();
    if let Err(error) = bench.use_recipe(resolution.recipe.clone()).await {
        return failed_step(error, Stage::Install).map(Err);
    }
    let spec = CommandSpec { env: setup.env.clone(), ..CommandSpec::new(&resolution.run, RESOLVE_DEADLINE) };
    let outcome = run::command(bench, &spec).await?;
    if !outcome.succeeded() {
        return Ok(Err(Failed { stage: Stage::Resolve, evidence: outcome.evidence }));
    }
    let Some(pins) = bench.read(&resolution.leaves).await? else {
        let said = format!("it left no {}", resolution.leaves);
        let evidence = Evidence { exit_code: 1, output: said, ..outcome.evidence };
        return Ok(Err(Failed { stage: Stage::Resolve, evidence }));
    };
    if !was_running {
        let kept = Written { content: pins, executable: false };
        let mut left = written;
        left.insert(resolution.leaves.clone(), kept);
        bench.start_over(left).await?;
    }
    Ok(Ok(outcome.evidence))
}

fn told(part: &str, steps: &[Evidence]) -> Outcome {
    let said: Vec<String> =
        steps.iter().map(|step| format!("$ {}\n{}", step.command, step.output.trim_end())).collect();
    let said = if said.is_empty() { "[the environment was found]".to_owned() } else { said.join("\n") };
    Outcome::said(format!("set up {part}"), true, said)
}
