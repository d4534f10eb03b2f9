//! The outcome of a goal about an existing project, for people.

use codegod_protocol::result::Diagnosed;

use super::Tests;
use super::project::{Environment, Part, Project};
use crate::output::{Line, Meaning};

/// How many failing tests of a part are listed.
const FAILURES: usize = 10;

/// The sentence that says how it stands.
pub(super) fn headline(project: &Project, meaning: Meaning) -> Vec<Line> {
    let cause = project.cause.as_deref().map(|cause| line(meaning, 2, cause));
    std::iter::once(line(meaning, 2, &project.headline)).chain(cause).collect()
}

/// A section for each part, then what changed and what is left.
pub(super) fn sections(project: &Project) -> Vec<Line> {
    let mut lines: Vec<Line> = project
        .remarks
        .iter()
        .map(|remark| line(Meaning::Attention, 2, &format!("note: {remark}")))
        .collect();
    for part in &project.parts {
        lines.extend(section(part));
    }
    if project.verifies {
        return lines;
    }
    if project.changes.is_empty() {
        lines.push(line(Meaning::Plain, 0, "your files: nothing was changed"));
    } else {
        lines.push(line(Meaning::Strong, 0, "your files"));
    }
    for change in &project.changes {
        let files = change.files.join(", ");
        lines.push(line(Meaning::Plain, 2, &format!("{} ({files}; {})", change.subject, change.task)));
    }
    if !project.left.is_empty() {
        lines.push(line(Meaning::Plain, 0, &format!("left to go on with: {}", project.left.join(", "))));
    }
    lines
}

fn section(part: &Part) -> Vec<Line> {
    let place = if part.folder.is_empty() { String::new() } else { format!(" in {}/", part.folder) };
    let mut lines = vec![line(Meaning::Strong, 0, &format!("{}{place}", part.part))];
    let mut told = |meaning, text: String| lines.push(line(meaning, 2, &text));
    if !part.seen.is_empty() {
        told(Meaning::Plain, format!("seen: {}", part.seen.join(", ")));
    }
    if !part.read.is_empty() {
        told(Meaning::Faint, format!("read: {}", part.read.join(", ")));
    }
    if !part.wants.is_empty() {
        told(Meaning::Plain, format!("asks for: {}", part.wants));
    }
    for decision in &part.decisions {
        told(Meaning::Plain, format!("decided: {decision}"));
    }
    if !part.services.is_empty() {
        let names: Vec<&str> = part.services.iter().map(|service| service.label()).collect();
        told(Meaning::Plain, format!("beside its tests: {}", names.join(", ")));
    }
    lines.extend(environment(part.environment.as_ref()));
    lines.extend(part.diagnoses.iter().flat_map(diagnosis));
    lines.extend(tests(part));
    lines
}

fn environment(environment: Option<&Environment>) -> Vec<Line> {
    let Some(environment) = environment else {
        return vec![line(Meaning::Bad, 2, "environment: none stands")];
    };
    let image = environment.image.as_deref().unwrap_or("made again from its recipe");
    let mut lines =
        vec![line(Meaning::Plain, 2, &format!("environment: {image}, {} with", environment.base))];
    lines.extend(environment.steps.iter().map(|step| line(Meaning::Faint, 4, step)));
    lines
}

fn diagnosis(one: &Diagnosed) -> Vec<Line> {
    let sure = (one.confidence * 100.0).clamp(0.0, 100.0);
    let (meaning, done) = match one.done.as_str() {
        "" => (Meaning::Attention, "a person has to see to it"),
        done => (Meaning::Plain, done),
    };
    let mut lines =
        vec![line(meaning, 2, &format!("diagnosis {} ({sure:.0} % sure): {}", one.rule, one.believes))];
    let saw = one.saw.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect::<Vec<_>>();
    lines.push(line(Meaning::Faint, 4, &format!("saw: {}", saw.join(" · "))));
    lines.push(line(Meaning::Plain, 4, &format!("done: {done}")));
    lines.push(line(Meaning::Faint, 4, &format!("wrong if: {}", one.disproved_by)));
    lines
}

fn tests(part: &Part) -> Vec<Line> {
    let commands = part.commands.join(", then ");
    let mut lines = match part.tests {
        None if part.commands.is_empty() => vec![line(Meaning::Attention, 2, "tests: none were found")],
        None => vec![line(Meaning::Bad, 2, &format!("tests: {commands} did not run to an end"))],
        Some(Tests { passed, failed, skipped }) => {
            let code = part.exit_code.unwrap_or_default();
            let meaning = if failed == 0 && code == 0 { Meaning::Good } else { Meaning::Bad };
            let counts = format!("{passed} passed, {failed} failed, {skipped} skipped");
            vec![line(meaning, 2, &format!("tests: {commands}: {counts}, exit {code}"))]
        }
    };
    let failures = part.failures.iter().take(FAILURES);
    lines.extend(failures.map(|failed| line(Meaning::Bad, 4, &format!("failed: {failed}"))));
    if part.failures.len() > FAILURES {
        let more = part.failures.len() - FAILURES;
        lines.push(line(Meaning::Faint, 4, &format!("and {more} more; --json lists them")));
    }
    lines
}

fn line(meaning: Meaning, indent: usize, text: &str) -> Line {
    Line::new(meaning, format!("{:indent$}{text}", ""))
}
