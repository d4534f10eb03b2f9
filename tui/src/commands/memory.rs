//! `memory`: what an agent knows.

use codegod_protocol::id::AgentId;
use codegod_protocol::memory::{CurrentTask, Memory, Reasoning};

use super::Place;
use crate::error::Error;
use crate::output::{Line, Meaning, Out};
use crate::text::duration;

/// How many of the newest entries of each list are shown; JSON has all.
const SHOWN: usize = 5;

/// Shows it.
pub(super) async fn memory(at: &Place, agent: &AgentId, out: &Out) -> Result<u8, Error> {
    let memory = at.client().await?.memory(agent).await?;
    out.data(&lines(&memory));
    out.json(&memory);
    Ok(0)
}

fn lines(memory: &Memory) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut section = |title: &str, count: usize, items: Vec<String>| {
        lines.push(Line::new(Meaning::Strong, format!("{title} ({count})")));
        let none = items.is_empty().then(|| "none".to_owned());
        lines
            .extend(items.into_iter().chain(none).map(|item| Line::new(Meaning::Plain, format!("  {item}"))));
    };
    let known = &memory.core_knowledge;
    section("core knowledge", known.len(), known.clone());
    let seen = newest(&memory.observations).map(|finding| format!("{}: {}", finding.id, finding.fact));
    section("observations", memory.observations.len(), seen.collect());
    let reasoned = newest(&memory.reasoning_history).flat_map(reasoning);
    section("reasoning history", memory.reasoning_history.len(), reasoned.collect());
    let current = memory.current_task.iter().flat_map(current_task).collect();
    section("current task", usize::from(memory.current_task.is_some()), current);
    let done = newest(&memory.completed_tasks).map(|task| {
        let verdict = task.verdict.as_ref().map_or("no verdict", |verdict| verdict.summary.as_str());
        format!("{} {} in {}: {verdict}", task.task, task.title, duration(task.seconds))
    });
    section("completed tasks", memory.completed_tasks.len(), done.collect());
    lines
}

fn newest<T>(all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().skip(all.len().saturating_sub(SHOWN))
}

fn reasoning(of: &Reasoning) -> Vec<String> {
    let mut lines = vec![format!("{} {}", of.task, of.problem_analysis)];
    lines.extend(
        of.root_causes.iter().map(|cause| format!("  cause ({:.2}): {}", cause.confidence, cause.cause)),
    );
    lines.push(format!("  approach: {}", of.approach));
    lines.push(format!("  conclusion: {}", of.conclusion));
    lines
}

fn current_task(of: &CurrentTask) -> Vec<String> {
    let mut lines = vec![format!("{} attempt {}: {}", of.task, of.attempt, of.title)];
    lines.extend(of.actions.iter().map(|action| {
        let outcome =
            action.outcome.as_ref().map_or("running".to_owned(), |seen| format!("exit {}", seen.exit_code));
        format!("  {}. {} ({outcome}): {}", action.number, action.action, action.expect)
    }));
    lines
}
