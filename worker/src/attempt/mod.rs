//! One attempt at a task: observe → reason → plan → act → validate, then one fenced publish.

mod act;
mod in_docker;
mod sources;
mod validate;

pub use in_docker::InDocker;

use std::time::Instant;

use codegod_protocol::agent::Phase;
use codegod_protocol::client::now_ms;
use codegod_protocol::environment::Environments;
use codegod_protocol::evidence::{Evidence, Finding, TestCounts, Verdict};
use codegod_protocol::log::Level;
use codegod_protocol::memory::Reasoning;
use codegod_protocol::result::{Diagnosed, Outputs, ResourceUsage, ResultStatus, TaskResult};
use codegod_protocol::task::{Task, TaskKind};
use codegod_reasoner::planner;
use codegod_reasoner::reasoning::{Ladder, ReasonError, Reasoner};

use self::sources::Source;
use crate::actions;
use crate::bench::{Bench, Proposal};
use crate::context::Context;
use crate::error::Error;
use crate::executor::{Ending, HandBack};

/// As sure as this, what a person has to see to is not tried again.
const SURE: f64 = 0.9;

/// What an attempt came to, before it is published.
struct Conclusion {
    status: ResultStatus,
    outputs: Option<Outputs>,
    evidence: Vec<Evidence>,
    verdict: Option<Verdict>,
    error: Option<String>,
    next_steps: Vec<Task>,
    diagnoses: Vec<Diagnosed>,
    usage: ResourceUsage,
}

impl Conclusion {
    fn without_success(status: ResultStatus, error: String) -> Self {
        Self {
            status,
            outputs: None,
            evidence: Vec::new(),
            verdict: None,
            error: Some(error),
            next_steps: Vec::new(),
            diagnoses: Vec::new(),
            usage: ResourceUsage::default(),
        }
    }
}

/// Runs an attempt and makes the result that it publishes.
async fn run(context: &mut Context) -> Ending {
    let (started, started_ms) = (Instant::now(), now_ms());
    context.journal.started(&context.task).await;
    let conclusion = match attempt(context).await {
        Ok(conclusion) => conclusion,
        Err(error) => match (context.stop.reason(), error) {
            (Some(cut), _) => {
                if let Some(ending) = Ending::of_cut(cut) {
                    return ending;
                }
                let limit = context.task.deadline_seconds;
                let said = format!("the attempt ran past its deadline of {limit} s and was stopped");
                Conclusion::without_success(ResultStatus::Failed, said)
            }
            (None, Error::Docker(error)) if error.is_transient() && !context.engine.answers().await => {
                return Ending::HandedBack(HandBack::DockerAway);
            }
            (None, error) => concluded_from(&error),
        },
    };
    let conclusion = give_up_on_repetition(context, conclusion).await;
    if let Some(error) = &conclusion.error {
        let level = match conclusion.status {
            ResultStatus::Succeeded | ResultStatus::NeedsFollowUp => Level::Warning,
            ResultStatus::Failed | ResultStatus::FailedForGood | ResultStatus::Blocked => Level::Error,
        };
        context.journal.say_at(level, error);
    }
    let tests = conclusion.verdict.as_ref().and_then(tests_of);
    context.journal.phase(Phase::Publishing).await;
    Ending::Result(Box::new(TaskResult {
        task: context.task.id.clone(),
        attempt: context.attempt,
        agent: context.agent.clone(),
        status: conclusion.status,
        outputs: conclusion.outputs,
        evidence: conclusion.evidence,
        verdict: conclusion.verdict,
        started_ms,
        seconds: started.elapsed().as_secs_f64(),
        usage: conclusion.usage,
        tests,
        error: conclusion.error,
        next_steps: conclusion.next_steps,
        diagnoses: conclusion.diagnoses,
    }))
}

fn concluded_from(error: &Error) -> Conclusion {
    let status = match error {
        Error::Reason(ReasonError::NothingApplies { question, .. }) => {
            return Conclusion::without_success(ResultStatus::Blocked, question.clone());
        }
        error if error.is_transient() => ResultStatus::Failed,
        _ => ResultStatus::FailedForGood,
    };
    Conclusion::without_success(status, chain(error))
}

/// An error with its causes, as one sentence.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.contains(&text) {
            said.push_str(&format!(": {text}"));
        }
        source = cause.source();
    }
    said
}

/// An attempt that failed just as the one before would fail so again: it is not tried a third time.
async fn give_up_on_repetition(context: &Context, mut conclusion: Conclusion) -> Conclusion {
    if conclusion.status != ResultStatus::Failed || context.attempt < 2 {
        return conclusion;
    }
    let before = context.client.result(&context.task.id).await.ok().flatten();
    if before.is_some_and(|before| before.error == conclusion.error) {
        conclusion.status = ResultStatus::FailedForGood;
        conclusion.error = conclusion.error.map(|error| format!("twice in the same way: {error}"));
    }
    conclusion
}

fn tests_of(verdict: &Verdict) -> Option<TestCounts> {
    let mut all: Option<TestCounts> = None;
    for counts in verdict.checks.iter().filter_map(|check| check.tests) {
        *all.get_or_insert_default() += counts;
    }
    all
}

async fn attempt(context: &mut Context) -> Result<Conclusion, Error> {
    context.journal.phase(Phase::Preparing).await;
    let source = sources::prepare(context).await?;
    let (commit, environments) = match source {
        Source::Ready { commit, environments } => (commit, environments),
        Source::Conflict(next) => return Ok(needs_merge(*next)),
    };
    let context = &*context;
    let task = &context.task;
    let recipe = task.environment.as_ref().and_then(|name| environments.get(name)).cloned();
    let mut bench = Bench::new(context, &commit, recipe);
    let worked = work(&mut bench).await;
    let (evidence, stopped) = match worked {
        Ok(Worked { evidence, failed: None }) => (evidence, None),
        Ok(Worked { evidence, failed: Some(why) }) => {
            // A person who is asked about a conflict wants to read what it is, not which step found it.
            let said = evidence.last().filter(|_| task.kind == TaskKind::Merge);
            let why = said.map_or(why, |evidence| evidence.output.trim().to_owned());
            (evidence, Some(why))
        }
        Err(error) => {
            bench.close().await;
            return Err(error);
        }
    };
    let outcome = match stopped {
        Some(why) => match bench.take_proposal() {
            Some(proposal) => needs_repair(context, &proposal, evidence).await,
            None => Ok(Conclusion { evidence, ..given_up(task, why, &bench.all_diagnosed()) }),
        },
        None => validated(&mut bench, environments, evidence).await,
    };
    let diagnoses = earlier(context).await.into_iter().chain(bench.all_diagnosed()).fold(Vec::new(), once);
    let usage = bench.close().await;
    outcome.map(|conclusion| Conclusion { usage, diagnoses, ..conclusion })
}

/// What was believed at earlier attempts of a task that was held: its results replace one another.
async fn earlier(context: &Context) -> Vec<Diagnosed> {
    if context.attempt < 2 || context.setups.is_empty() {
        return Vec::new();
    }
    let before = context.client.result(&context.task.id).await.ok().flatten();
    before.map(|before| before.diagnoses).unwrap_or_default()
}

fn once(mut all: Vec<Diagnosed>, one: Diagnosed) -> Vec<Diagnosed> {
    if !all.contains(&one) {
        all.push(one);
    }
    all
}

/// Makes the task's checks, and concludes.
async fn validated(
    bench: &mut Bench<'_>,
    environments: Environments,
    evidence: Vec<Evidence>,
) -> Result<Conclusion, Error> {
    let context = bench.context;
    context.journal.phase(Phase::Validating).await;
    let commit = bench.start_commit().to_owned();
    let verdict = validate::all(bench, &commit, &environments).await?;
    match bench.take_proposal() {
        Some(proposal) => {
            context.journal.validated(&verdict).await;
            let held = needs_repair(context, &proposal, evidence).await?;
            Ok(Conclusion { verdict: Some(verdict), ..held })
        }
        None => conclude(bench, environments, evidence, verdict).await,
    }
}

/// What an attempt comes to that met a failure which another task can mend: it is held until that is done.
async fn needs_repair(
    context: &Context,
    proposal: &Proposal,
    evidence: Vec<Evidence>,
) -> Result<Conclusion, Error> {
    let next = sources::repair_task(context, proposal).await?;
    let error = format!("{}; it is mended first", proposal.diagnosis.believes.trim_end_matches('.'));
    let held = Conclusion::without_success(ResultStatus::NeedsFollowUp, error);
    Ok(Conclusion { next_steps: vec![next], evidence, ..held })
}

/// What an attempt comes to whose acting or validation failed. Joining both sides is tried once: what
/// does not fit together is for a person to decide.
fn not_done(task: &Task, why: String) -> Conclusion {
    match task.kind {
        TaskKind::Merge => {
            Conclusion::without_success(ResultStatus::Blocked, planner::merge_question(task, &why))
        }
        TaskKind::Work | TaskKind::Check | TaskKind::Verification => {
            Conclusion::without_success(ResultStatus::Failed, why)
        }
    }
}

/// As [`not_done`], for good where it is known well enough why: then another attempt would end so, too.
fn given_up(task: &Task, why: String, diagnosed: &[Diagnosed]) -> Conclusion {
    let mut failed = not_done(task, why);
    let known = |one: &Diagnosed| one.done.is_empty() && one.confidence >= SURE;
    if failed.status == ResultStatus::Failed && diagnosed.iter().any(known) {
        failed.status = ResultStatus::FailedForGood;
    }
    failed
}

fn needs_merge(next: Task) -> Conclusion {
    let error = format!("{}; it is joined first", next.description.trim_end_matches('.'));
    let held = Conclusion::without_success(ResultStatus::NeedsFollowUp, error);
    Conclusion { next_steps: vec![next], ..held }
}

/// What acting came to.
struct Worked {
    evidence: Vec<Evidence>,
    failed: Option<String>,
}

/// Observe, reason, plan and act.
async fn work(bench: &mut Bench<'_>) -> Result<Worked, Error> {
    let context = bench.context;
    let task = &context.task;
    let mut findings = Vec::with_capacity(task.procedure.observe.len());
    if !task.procedure.observe.is_empty() {
        context.journal.phase(Phase::Observing).await;
    }
    for observation in &task.procedure.observe {
        let outcome = actions::execute(bench, &observation.look).await?;
        let exit_code = outcome.evidence.exit_code;
        let answer =
            outcome.evidence.output.lines().find(|line| !line.trim().is_empty()).unwrap_or("no output");
        let fact = format!("{} {answer} (exit code {exit_code})", observation.question);
        let finding = Finding { id: observation.id.clone(), fact, evidence: outcome.evidence };
        context.journal.observed(&finding).await;
        findings.push(finding);
    }
    context.journal.phase(Phase::Reasoning).await;
    let reasoning: Reasoning = Ladder::of_playbooks().reason(task, &findings, &[]).await?;
    context.journal.phase(Phase::Planning).await;
    context.journal.reasoned(&reasoning).await;
    context.journal.phase(Phase::Acting).await;
    let mut evidence: Vec<Evidence> = findings.into_iter().map(|finding| finding.evidence).collect();
    let acted = act::all(bench, &reasoning.plan).await?;
    evidence.extend(acted.evidence);
    Ok(Worked { evidence, failed: acted.failed })
}

/// Publishes what was made when the verdict passed: the commit and its environments.
async fn conclude(
    bench: &mut Bench<'_>,
    mut environments: Environments,
    evidence: Vec<Evidence>,
    verdict: Verdict,
) -> Result<Conclusion, Error> {
    let context = bench.context;
    let task = &context.task;
    context.journal.validated(&verdict).await;
    if !verdict.passed {
        let mut failed = not_done(task, verdict.summary.clone());
        if task.kind == TaskKind::Check && !context.setups.is_empty() {
            // All that is known was tried: the same tests in the same environment would end the same way.
            failed.status = ResultStatus::FailedForGood;
        }
        if task.kind == TaskKind::Verification && !context.setups.is_empty() {
            // The project's own tests fail, and they are not codegod's to change: what was reached is kept.
            if validate::is_as_before(task, &verdict, &context.setups) {
                failed.status = ResultStatus::FailedForGood;
            }
            let commit = bench.start_commit().to_owned();
            let setups = context.setups.clone();
            failed.outputs = Some(Outputs { commit, environments, images: Default::default(), setups });
        }
        return Ok(Conclusion { evidence, verdict: Some(verdict), ..failed });
    }
    let commit = match task.kind {
        TaskKind::Work | TaskKind::Merge => bench.commit(&context.commit_message()).await?,
        TaskKind::Check | TaskKind::Verification => bench.start_commit().to_owned(),
    };
    sources::publish_commit(context, &commit).await?;
    let mut images = std::collections::BTreeMap::new();
    let mut setups = bench.setups().clone();
    if task.kind == TaskKind::Check {
        // What a check was only told of, it has not seen to stand.
        setups.retain(|part, setup| task.setups.get(part) != Some(setup));
        environments.retain(|part, _| !task.setups.contains_key(part) || setups.contains_key(part));
    }
    if let Some(name) = &task.environment {
        environments.insert(name.clone(), bench.recipe().clone());
        images.extend(bench.image().map(|image| (name.clone(), image.to_owned())));
    }
    Ok(Conclusion {
        status: ResultStatus::Succeeded,
        outputs: Some(Outputs { commit, environments, images, setups }),
        evidence,
        verdict: Some(verdict),
        error: None,
        next_steps: Vec::new(),
        diagnoses: Vec::new(),
        usage: ResourceUsage::default(),
    })
}
