//! What was checked, found, thought and wanted, as parts of a task's text.

use codegod_protocol::memory::{Reasoning, RootCause};
use codegod_protocol::result::TaskResult;
use codegod_protocol::task::{Hypothesis, Step, Task, TaskKind, TaskState};

use super::details::{Output, section, shown, tests, texts};
use super::tree::took;
use crate::console::store::details::OpenTask;
use crate::console::views::show;
use crate::console::widgets::Passage;
use crate::output::Meaning;

/// The verdict and its checks; of a failed one everything that shows it.
pub(super) fn checks(task: &OpenTask, output: Output) -> Vec<Passage> {
    let Some(verdict) = task.result.as_ref().and_then(|result| result.verdict.as_ref()) else {
        return Vec::new();
    };
    let mut lines: Vec<Passage> = texts(meaning(verdict.passed), &verdict.summary).collect();
    for check in &verdict.checks {
        let (state, word) = outcome_of(check.passed);
        let line = Passage::new(meaning(check.passed), word).marked(state).under("  ");
        let line = line.and(Meaning::Plain, format!("  {}", check.title));
        lines.push(match check.tests {
            Some(counts) => line.and(Meaning::Faint, format!("  {}", tests(counts))),
            None => line,
        });
        lines.extend(shown("    ", &check.evidence, output));
    }
    section("Verdict", lines)
}

fn meaning(passed: bool) -> Meaning {
    if passed { Meaning::Good } else { Meaning::Bad }
}

fn outcome_of(passed: bool) -> (TaskState, &'static str) {
    if passed { (TaskState::Succeeded, "passed") } else { (TaskState::Failed, "failed") }
}

/// What the last attempt saw, as far as events told.
pub(super) fn findings(task: &OpenTask) -> Vec<Passage> {
    let of_last = task.story.iter().filter(|one| one.attempt == Some(task.attempts));
    let seen = of_last.filter(|one| one.kind.as_ref() == "observed");
    let fact = |text: &str| text.strip_prefix("observed: ").unwrap_or(text).to_owned();
    let lines = seen.map(|one| Passage::new(Meaning::Plain, fact(&one.sentence)).under("  "));
    section("Observed", lines.collect())
}

/// How the last attempt reasoned; of those before it what they concluded.
pub(super) fn reasoning(task: &OpenTask) -> Vec<Passage> {
    let Some((last, before)) = task.reasoning.split_last() else { return Vec::new() };
    let mut lines: Vec<Passage> = texts(Meaning::Plain, &last.problem_analysis).collect();
    lines.extend(last.root_causes.iter().map(cause));
    lines.extend(thoughts(last));
    lines.extend(last.plan.iter().enumerate().map(|(at, one)| step(at, one)));
    lines.extend(before.iter().rev().map(|one| named("before", Meaning::Faint, &one.conclusion)));
    section("Reasoning", lines)
}

fn named(name: &str, meaning: Meaning, text: &str) -> Passage {
    Passage::named(name, meaning, text).under("  ")
}

fn percent(share: f64) -> String {
    format!("{:>3.0}%", share.clamp(0.0, 1.0) * 100.0)
}

fn cause(cause: &RootCause) -> Passage {
    let line = Passage::new(Meaning::Strong, percent(cause.confidence)).under("  ");
    let line = line.and(Meaning::Plain, format!(" {}", cause.cause));
    match &cause.disproved_by {
        Some(what) => line.and(Meaning::Faint, format!("  (unless {what})")),
        None => line,
    }
}

fn thoughts(reasoning: &Reasoning) -> Vec<Passage> {
    let mut lines = Vec::new();
    let mut add = |name, text: &str| {
        if !text.is_empty() {
            lines.push(named(name, Meaning::Plain, text));
        }
    };
    add("approach", &reasoning.approach);
    reasoning.risks.iter().for_each(|risk| add("risk", risk));
    reasoning.success_criteria.iter().for_each(|one| add("must hold", one));
    add("conclusion", &reasoning.conclusion);
    lines
}

fn step(at: usize, step: &Step) -> Passage {
    let line = Passage::new(Meaning::Plain, step.action.name()).under(&format!("{:>4}. ", at + 1));
    line.and(Meaning::Faint, format!(": {} ({})", step.expect, percent(step.confidence).trim()))
}

/// What came of it: commit, environments, what it used.
pub(super) fn outcome(task: &OpenTask) -> Vec<Passage> {
    let Some(result) = &task.result else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(outputs) = &result.outputs {
        lines.push(named("commit", Meaning::Plain, &outputs.commit));
        let images = outputs.images.iter();
        lines.extend(
            images.map(|(name, image)| named("environment", Meaning::Plain, &format!("{name} {image}"))),
        );
    }
    lines.push(named("used", Meaning::Plain, &usage(result)));
    lines.extend(result.tests.map(|counts| Passage::new(Meaning::Plain, tests(counts)).under("  ")));
    lines.extend(result.next_steps.iter().map(|task| named("first needs", Meaning::Attention, &task.title)));
    section("Result", lines)
}

fn usage(result: &TaskResult) -> String {
    let used = &result.usage;
    format!(
        "{} of processor time, at most {} of memory, {} printed, {} in all",
        took(used.cpu_seconds),
        show::bytes(used.peak_memory_bytes),
        show::bytes(used.output_bytes),
        took(result.seconds)
    )
}

/// What the plan wants of it.
pub(super) fn wanted(task: &Task) -> Vec<Passage> {
    let procedure = &task.procedure;
    let mut lines: Vec<Passage> = texts(Meaning::Plain, &procedure.problem).collect();
    lines.extend(procedure.observe.iter().map(|one| named("looks at", Meaning::Plain, &one.question)));
    lines.extend(procedure.hypotheses.iter().flat_map(hypothesis));
    lines.extend(procedure.validate.iter().map(|check| named("proven by", Meaning::Plain, &check.title)));
    lines.extend(procedure.success_criteria.iter().map(|one| named("must hold", Meaning::Plain, one)));
    lines.extend(procedure.risks.iter().map(|risk| named("risk", Meaning::Plain, risk)));
    lines.push(Passage::new(Meaning::Faint, facts(task)).under("  "));
    section("Procedure", lines)
}

fn hypothesis(hypothesis: &Hypothesis) -> Vec<Passage> {
    let line = Passage::new(Meaning::Strong, percent(hypothesis.confidence)).under("  ");
    let mut line = line.and(Meaning::Plain, format!(" {}", hypothesis.cause));
    if let Some(when) = &hypothesis.when {
        line = line.and(Meaning::Faint, format!("  (when {})", when.lines().next().unwrap_or_default()));
    }
    let steps = hypothesis.steps.iter().enumerate().map(|(at, one)| step(at, one));
    std::iter::once(line).chain(steps).collect()
}

fn facts(task: &Task) -> String {
    let kind = match task.kind {
        TaskKind::Work => "changes something",
        TaskKind::Check => "only checks",
        TaskKind::Merge => "joins two commits",
        TaskKind::Verification => "checks everything again",
    };
    let mut facts = vec![kind.to_owned(), format!("priority {}", task.priority)];
    #[expect(clippy::cast_precision_loss, reason = "a deadline of 2^52 s is none")]
    facts.push(format!("at most {}", show::short(task.deadline_seconds as f64)));
    facts.extend(task.environment.as_ref().map(|name| format!("environment {name}")));
    facts.extend((!task.capabilities.is_empty()).then(|| format!("needs {}", task.capabilities.join(", "))));
    facts.extend(task.metadata.iter().map(|(name, value)| format!("{name} {value}")));
    facts.join(", ")
}
