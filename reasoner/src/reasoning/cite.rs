//! The sentences of reasoning. What they claim they cite: the command that was run, and how it ended.

use codegod_protocol::evidence::Finding;
use codegod_protocol::memory::ActionRecord;
use codegod_protocol::task::{Hypothesis, Step, Task};

/// The most characters of a command that a sentence shows.
const MAX_COMMAND: usize = 100;

/// "The virtual environment is absent (`ls .venv`, exit code 2)"
fn finding(finding: &Finding) -> String {
    let evidence = &finding.evidence;
    let fact = finding.fact.trim().trim_end_matches('.');
    format!("{fact} (`{}`, exit code {})", short(&evidence.command), evidence.exit_code)
}

/// A command on one line, at most [`MAX_COMMAND`] characters of it.
fn short(command: &str) -> String {
    let line = command.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_COMMAND {
        return line;
    }
    line.chars().take(MAX_COMMAND - 1).chain(['…']).collect()
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn seen(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "Nothing had to be looked at first.".to_owned();
    }
    let facts: Vec<String> = findings.iter().map(finding).collect();
    format!("Seen: {}.", facts.join("; "))
}

/// The problem and everything that was seen about it.
pub(super) fn analysis(task: &Task, findings: &[Finding]) -> String {
    format!("{} {}", sentence(&task.procedure.problem), seen(findings))
}

/// Each cause that holds, what shows it, and what is therefore done.
pub(super) fn approach(holding: &[(&Hypothesis, Vec<&Finding>)]) -> String {
    let parts: Vec<String> = holding
        .iter()
        .map(|(hypothesis, support)| {
            let shown: Vec<String> = support.iter().map(|support| finding(support)).collect();
            let shown =
                if shown.is_empty() { String::new() } else { format!(" Shown by: {}.", shown.join("; ")) };
            format!("{}{shown} {}", sentence(&hypothesis.cause), steps(&hypothesis.steps))
        })
        .collect();
    parts.join(" ")
}

/// "Therefore: 12 × write_file, create_venv."
fn steps(steps: &[Step]) -> String {
    let mut runs: Vec<(&str, usize)> = Vec::new();
    for step in steps {
        match runs.last_mut() {
            Some((name, count)) if *name == step.action.name() => *count += 1,
            _ => runs.push((step.action.name(), 1)),
        }
    }
    if runs.is_empty() {
        return "Nothing is changed; the checks decide.".to_owned();
    }
    let said: Vec<String> = runs
        .into_iter()
        .map(|(name, count)| if count == 1 { name.to_owned() } else { format!("{count} × {name}") })
        .collect();
    format!("Therefore: {}.", said.join(", "))
}

/// What went wrong at an earlier try, as a risk of this one.
pub(super) fn failed_before(record: &ActionRecord) -> Option<String> {
    let outcome = record.outcome.as_ref().filter(|outcome| !outcome.succeeded())?;
    Some(format!(
        "{} failed before (`{}`, exit code {}).",
        record.action,
        short(&outcome.command),
        outcome.exit_code
    ))
}

/// One sentence: what is believed, and what follows.
pub(super) fn conclusion(holding: &[(&Hypothesis, Vec<&Finding>)], of: usize) -> String {
    let steps: usize = holding.iter().map(|(hypothesis, _)| hypothesis.steps.len()).sum();
    let first = holding.first().map_or("", |(hypothesis, _)| hypothesis.cause.trim().trim_end_matches('.'));
    let counted = match of {
        1 => "One way is known and it applies".to_owned(),
        _ if holding.len() == 1 => format!("1 of {of} hypotheses holds"),
        _ => format!("{} of {of} hypotheses hold", holding.len()),
    };
    let follow = match steps {
        0 => "nothing is to be changed".to_owned(),
        1 => "one step follows".to_owned(),
        _ => format!("{steps} steps follow"),
    };
    format!("{counted}, {follow}: {first}.")
}

/// What a person is asked when nothing applies.
pub(super) fn question(task: &Task, findings: &[Finding], tried: &[ActionRecord]) -> String {
    let known = match task.procedure.hypotheses.len() {
        0 => "Nothing is known about".to_owned(),
        1 => "The one explanation that is known does not fit".to_owned(),
        count => format!("None of the {count} known explanations fits"),
    };
    let analysis = analysis(task, findings);
    let mut failed: Vec<String> = tried.iter().filter_map(failed_before).collect();
    failed.dedup();
    let failed: String = failed.iter().map(|sentence| format!(" {sentence}")).collect();
    format!("{known} “{}”. {analysis}{failed} What is the cause, or what should be tried?", task.title)
}
