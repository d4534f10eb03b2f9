//! The report for people: what was made, what each task claims, and the evidence in short.

use codegod_protocol::client::{GoalView, TaskView};
use codegod_protocol::evidence::{CheckOutcome, Evidence};
use codegod_protocol::goal::GoalState;
use codegod_protocol::task::TaskState;

use super::{Report, project_lines};
use crate::follow::{Glyphs, understood};
use crate::output::{Line, Meaning};
use crate::sanitize;
use crate::text::{duration, fit};

/// How many lines of output show a check that passed.
const PASSED_LINES: usize = 1;
/// How many lines of output show what failed.
const FAILED_LINES: usize = 15;

/// The report as lines no wider than `width`.
pub(crate) fn lines(view: &GoalView, report: &Report, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let mut lines = vec![headline(view, report, glyphs)];
    if let Some(project) = &report.project {
        lines.extend(project_lines::headline(project, glyphs.goal(view.state).1));
    }
    let mut note = |meaning, text: String| lines.push(Line::new(meaning, format!("  {text}")));
    if let Some(intent) = &view.intent {
        note(Meaning::Plain, format!("understood: {}", understood(intent)));
    }
    if !report.not_covered.is_empty() {
        note(Meaning::Attention, format!("not covered: {}", report.not_covered.join(", ")));
    }
    if let Some(error) = &report.error {
        note(Meaning::Bad, format!("why: {error}"));
    }
    lines.extend(deadline(view, report));
    lines.extend(report.project.iter().flat_map(project_lines::sections));
    for task in &view.tasks {
        lines.push(task_line(task, glyphs));
        lines.extend(checks(task, glyphs));
    }
    let tests = report.tests;
    if tests.passed + tests.failed + tests.skipped > 0 {
        let text =
            format!("tests: {} passed, {} failed, {} skipped", tests.passed, tests.failed, tests.skipped);
        lines.push(Line::new(if tests.failed == 0 { Meaning::Good } else { Meaning::Bad }, text));
    }
    lines.extend(result(report));
    // The sentences at the top and the place of the result are never cut: people copy them.
    let evidence = |line: &Line| line.text.starts_with("    ");
    lines.into_iter().map(|line| if evidence(&line) { cut(line, width) } else { line }).collect()
}

fn cut(line: Line, width: usize) -> Line {
    Line { text: fit(&line.text, width), ..line }
}

fn headline(view: &GoalView, report: &Report, glyphs: &Glyphs) -> Line {
    let (glyph, meaning) = glyphs.goal(view.state);
    let text: String = view.goal.text.lines().next().unwrap_or_default().chars().take(200).collect();
    let line =
        format!("{glyph} {} {} in {}: {text}", view.state.name(), view.goal.id, duration(report.seconds));
    Line::new(meaning, line)
}

/// Whether the goal was done when it should be, or still can.
fn deadline(view: &GoalView, report: &Report) -> Option<Line> {
    let deadline = report.deadline?;
    let off = duration(deadline.seconds_left.abs());
    let (meaning, text) = match (deadline.met, view.state) {
        (None, _) => (Meaning::Plain, format!("{off} left")),
        (Some(true), _) => (Meaning::Good, format!("met, with {off} to spare")),
        (Some(false), GoalState::Succeeded) => (Meaning::Attention, format!("missed by {off}")),
        (Some(false), state) if state.is_final() => (Meaning::Attention, "not met".to_owned()),
        (Some(false), _) => (Meaning::Attention, format!("passed {off} ago")),
    };
    Some(Line::new(meaning, format!("  deadline: {text}")))
}

fn task_line(task: &TaskView, glyphs: &Glyphs) -> Line {
    let (glyph, meaning) = glyphs.task(task.state);
    let mut text = format!("{glyph} {} {:<8} {}", task.task.id, task.task.role, task.task.title);
    match &task.result {
        Some(result) if task.state.is_final() => text.push_str(&format!(", {}", duration(result.seconds))),
        _ => text.push_str(&format!(", {}", task.state.name())),
    }
    if task.attempts > 1 {
        text.push_str(&format!(", {} attempts", task.attempts));
    }
    Line::new(meaning, text)
}

/// What a task claims and what shows it; for one that failed also what it did.
fn checks(task: &TaskView, glyphs: &Glyphs) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(error) = task.error.as_deref().filter(|_| task.state != TaskState::Succeeded) {
        lines.push(Line::new(Meaning::Bad, format!("  {error}")));
    }
    let Some(result) = &task.result else { return lines };
    let verdict = result.verdict.as_ref();
    for check in verdict.iter().flat_map(|verdict| &verdict.checks) {
        lines.push(check_line(check, glyphs));
        lines.extend(shown(&check.evidence, if check.passed { PASSED_LINES } else { FAILED_LINES }));
    }
    let proved = |evidence: &Evidence| {
        verdict.is_some_and(|verdict| verdict.checks.iter().any(|check| check.evidence == *evidence))
    };
    // What a task did on the way is in the JSON report, as long as its checks carry the claim; what
    // failed, and what a task without checks did, stands here.
    for evidence in result.evidence.iter().filter(|evidence| !proved(evidence)) {
        match (task.state, evidence.succeeded()) {
            (TaskState::Succeeded, true) if verdict.is_none() => lines.extend(shown(evidence, PASSED_LINES)),
            (TaskState::Succeeded, _) | (_, true) => {}
            (_, false) => lines.extend(shown(evidence, FAILED_LINES)),
        }
    }
    lines
}

fn check_line(check: &CheckOutcome, glyphs: &Glyphs) -> Line {
    let state = if check.passed { TaskState::Succeeded } else { TaskState::Failed };
    let (glyph, meaning) = glyphs.task(state);
    let word = if check.passed { "passed" } else { "failed" };
    Line::new(meaning, format!("    {glyph} {word}: {}", check.title))
}

fn shown(evidence: &Evidence, count: usize) -> Vec<Line> {
    let first = evidence.command.lines().next().unwrap_or_default();
    let more = if evidence.command.lines().count() > 1 { " …" } else { "" };
    // The exit code comes first: a long command is cut at the terminal's edge, the proof is not.
    let command =
        format!("      exit {} in {}: {first}{more}", evidence.exit_code, duration(evidence.seconds));
    let output: Vec<String> = sanitize::lines(&evidence.output).filter(|line| !line.is_empty()).collect();
    let tail = output.iter().skip(output.len().saturating_sub(count));
    let tail = tail.map(|line| Line::new(Meaning::Faint, format!("        {line}")));
    std::iter::once(Line::new(Meaning::Plain, command)).chain(tail).collect()
}

fn result(report: &Report) -> Vec<Line> {
    let Some(commit) = report.result.commit.as_deref() else { return Vec::new() };
    let short = commit.get(..12).unwrap_or(commit);
    let place = match (&report.result.branch, &report.result.path) {
        (Some(branch), Some(path)) => format!("branch {branch} in {path}"),
        (Some(branch), None) => format!("branch {branch}"),
        (None, Some(path)) => path.clone(),
        (None, None) => return vec![Line::new(Meaning::Plain, format!("result: commit {short}"))],
    };
    let what = if report.status == GoalState::Succeeded { "result" } else { "what was reached" };
    vec![Line::new(Meaning::Strong, format!("{what}: {place} (commit {short})"))]
}
