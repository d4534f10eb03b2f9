//! Everything that is known of an agent, as one text: what it does and waits for, then its memory. What a
//! person most likely looks for stands first; in each list the newest does.

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::evidence::{Evidence, Finding};
use codegod_protocol::memory::{ActionRecord, CompletedTask, CurrentTask, Memory, Reasoning};
use codegod_protocol::task::Step;

use super::super::show;
use crate::console::store::{Store, waits_for};
use crate::console::widgets::Passage;
use crate::output::Meaning;
use crate::text::duration;

/// How many of the last lines that a command printed are shown; more of one that failed.
const TAIL: [usize; 2] = [3, 12];
/// Of how many of the newest actions what they printed is shown.
const TOLD: usize = 3;

/// How much is told of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// What it printed, too.
    Whole,
    /// That it was done.
    Line,
}

/// The text.
pub(super) fn passages(of: &AgentStatus, store: &Store) -> Vec<Passage> {
    let mut page = status(of, store);
    let open = store.agent.as_ref().filter(|open| open.id == of.id);
    match open.map(|open| &open.memory) {
        None => page.push(Passage::new(Meaning::Faint, "its memory is being read")),
        Some(None) => page.push(Passage::new(Meaning::Faint, "it has stored no memory yet")),
        Some(Some(memory)) => page.extend(memory_passages(memory)),
    }
    page
}

fn memory_passages(memory: &Memory) -> Vec<Passage> {
    let current = memory.current_task.as_ref().map_or_else(Vec::new, current);
    let mut page = section("Current task", None, current);
    let all = &memory.reasoning_history;
    page.extend(section(
        "Reasoning history",
        Some(all.len()),
        all.iter().rev().flat_map(reasoning).collect(),
    ));
    let all = &memory.observations;
    page.extend(section("Observations", Some(all.len()), all.iter().rev().flat_map(finding).collect()));
    let all = &memory.completed_tasks;
    page.extend(section("Completed tasks", Some(all.len()), all.iter().rev().map(completed).collect()));
    let all = &memory.core_knowledge;
    page.extend(section("Core knowledge", Some(all.len()), all.iter().map(|one| item(one)).collect()));
    page
}

/// A heading with what stands below it.
fn section(title: &str, count: Option<usize>, passages: Vec<Passage>) -> Vec<Passage> {
    let title = count.map_or_else(|| title.to_owned(), |count| format!("{title} ({count})"));
    let none = passages.is_empty().then(|| Passage::new(Meaning::Faint, "none").under("  "));
    let head = [Passage::blank(), Passage::heading(title)];
    head.into_iter().chain(passages).chain(none).collect()
}

fn item(text: &str) -> Passage {
    Passage::new(Meaning::Plain, flat(text)).under("  - ")
}

/// A text of several lines on one.
fn flat(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}

fn named(name: &str, text: impl AsRef<str>) -> Passage {
    Passage::new(Meaning::Plain, text).under(&format!("{name:<9} "))
}

/// What it says of itself.
fn status(of: &AgentStatus, store: &Store) -> Vec<Passage> {
    // What comes of time alone is told in the list; here everything stays until something else happens.
    let now_ms = of.heartbeat_ms;
    let mut lines = vec![Passage::new(Meaning::Strong, of.phase.name()).since(of.phase_since_ms)];
    if let Some(task) = &of.current_task {
        let attempt = of.attempt.map_or_else(String::new, |attempt| format!(", attempt {attempt}"));
        let title = of.title.as_deref().unwrap_or_default();
        lines.push(named("task", format!("{task}{attempt}: {title}")));
    }
    if let Some(what) = waits_for(of, store.fleet.paused_ms.is_some(), now_ms) {
        lines.push(named("waits for", what));
    }
    if let Some(container) = of.container {
        let memory = show::bytes(container.memory_bytes);
        lines.push(named(
            "container",
            format!("{:.0}% of a processor, {memory} of memory", container.cpu_percent),
        ));
    }
    lines.push(named("so far", so_far(of)));
    if !of.capabilities.is_empty() {
        lines.push(named("can do", of.capabilities.join(", ")));
    }
    let place = format!("{}, process {}, version {}", of.host, of.pid, of.version);
    lines.push(named("runs on", place).and(Meaning::Plain, ", up").since(of.started_ms));
    lines
}

fn so_far(of: &AgentStatus) -> String {
    if of.succeeded + of.failed == 0 {
        return "no task has ended yet".to_owned();
    }
    let rate = of.success_rate().map_or_else(String::new, |rate| format!(" ({:.0}%)", rate * 100.0));
    let used = duration(of.usage.cpu_seconds);
    let memory = show::bytes(of.usage.peak_memory_bytes);
    format!(
        "{} succeeded, {} failed{rate}; {used} of processor time, at most {memory}",
        of.succeeded, of.failed
    )
}

fn current(of: &CurrentTask) -> Vec<Passage> {
    let head = Passage::new(Meaning::Plain, format!("{} {}", of.task, flat(&of.title)));
    let head = head.and(Meaning::Faint, format!("  attempt {}", of.attempt)).under("  ");
    let telling = |at| if at < TOLD { Telling::Whole } else { Telling::Line };
    let actions = of.actions.iter().rev().enumerate().flat_map(|(at, one)| action(one, telling(at)));
    std::iter::once(head).chain(actions).collect()
}

/// An action; what shows its outcome too when it failed, or is one of the newest.
fn action(of: &ActionRecord, telling: Telling) -> Vec<Passage> {
    let line = Passage::new(Meaning::Plain, &of.action).under(&format!("{:>4}. ", of.number));
    let line = line.and(Meaning::Faint, format!(": {}", flat(&of.expect)));
    match &of.outcome {
        Some(outcome) if telling == Telling::Whole || !outcome.succeeded() => {
            std::iter::once(line).chain(evidence(outcome)).collect()
        }
        Some(outcome) => {
            let line = line.and(Meaning::Good, "  done");
            vec![line.and(Meaning::Faint, format!(" after {}", duration(outcome.seconds)))]
        }
        None => vec![line.since(of.intended_ms)],
    }
}

/// A command, how it ended, and the last of what it printed.
fn evidence(of: &Evidence) -> Vec<Passage> {
    let (meaning, ended) = match of.exit_code {
        0 => (Meaning::Good, "done".to_owned()),
        code => (Meaning::Bad, format!("exit code {code}")),
    };
    let line = Passage::new(Meaning::Busy, format!("$ {}", flat(&of.command))).under("      ");
    let line = line.and(meaning, format!("  {ended}"));
    let mut lines = vec![line.and(Meaning::Faint, format!(" after {}", duration(of.seconds)))];
    let printed: Vec<&str> = of.output.lines().collect();
    let shown = TAIL[usize::from(!of.succeeded())];
    let hidden = printed.len().saturating_sub(shown);
    if hidden > 0 {
        lines
            .push(Passage::new(Meaning::Faint, format!("({hidden} lines before)")).printed().under("      "));
    }
    let tail = printed.iter().skip(hidden);
    lines.extend(tail.map(|line| Passage::new(Meaning::Faint, line).printed().under("      ")));
    lines
}

fn reasoning(of: &Reasoning) -> Vec<Passage> {
    let head = Passage::new(Meaning::Strong, of.task.to_string());
    let mut lines = vec![head.and(Meaning::Plain, format!(" {}", flat(&of.problem_analysis))).under("  ")];
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            lines.push(Passage::new(Meaning::Plain, text).under(&format!("    {name:<10} ")));
        }
    };
    for cause in &of.root_causes {
        let unless =
            cause.disproved_by.as_ref().map_or_else(String::new, |what| format!(" (unless {})", flat(what)));
        let share = cause.confidence.clamp(0.0, 1.0) * 100.0;
        add(&format!("cause {share:3.0}%"), format!("{}{unless}", flat(&cause.cause)));
    }
    add("approach", flat(&of.approach));
    of.risks.iter().for_each(|risk| add("risk", flat(risk)));
    of.success_criteria.iter().for_each(|one| add("must hold", flat(one)));
    add("conclusion", flat(&of.conclusion));
    add("plan", plan(&of.plan));
    lines
}

/// `23 steps: 22 write_file, install_dependency`.
fn plan(steps: &[Step]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for step in steps {
        let name = step.action.name();
        match kinds.iter_mut().find(|(kind, _)| *kind == name) {
            Some((_, count)) => *count += 1,
            None => kinds.push((name, 1)),
        }
    }
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|(kind, count)| if count == 1 { kind.to_owned() } else { format!("{count} {kind}") })
        .collect();
    match steps {
        [] => String::new(),
        [step] => format!("{}: {}", step.action.name(), flat(&step.expect)),
        _ => format!("{} steps: {}", steps.len(), kinds.join(", ")),
    }
}

fn finding(of: &Finding) -> Vec<Passage> {
    let line = Passage::new(Meaning::Strong, flat(&of.id)).under("  ");
    let line = line.and(Meaning::Plain, format!(" {}", flat(&of.fact)));
    std::iter::once(line).chain(evidence(&of.evidence)).collect()
}

fn completed(of: &CompletedTask) -> Passage {
    let (meaning, word) = match &of.verdict {
        Some(verdict) if verdict.passed => (Meaning::Good, "passed"),
        Some(_) => (Meaning::Bad, "failed"),
        None => (Meaning::Faint, "no verdict"),
    };
    let line = Passage::new(meaning, word).under("  ");
    let line = line.and(Meaning::Plain, format!(" {} {}", of.task, flat(&of.title)));
    let summary = of.verdict.as_ref().map_or_else(String::new, |one| format!(": {}", flat(&one.summary)));
    line.and(Meaning::Faint, format!("  in {}{summary}", duration(of.seconds)))
}
