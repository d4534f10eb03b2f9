//! Tasks as the scripts take them: the JSON, and beside it what the scripts have to know of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Error, encode};
use crate::id::TaskId;
use crate::plan::PlanError;
use crate::task::Task;

/// A task as the scripts take it (`scripts/lib/plan.lua`).
pub(super) struct Stored<'a> {
    task: &'a Task,
    json: String,
    capabilities: String,
    path: u32,
    needs: String,
    dependents: String,
}

impl<'a> Stored<'a> {
    pub(super) fn new(task: &'a Task, path: u32, dependents: Option<&Vec<u32>>) -> Result<Self, Error> {
        let mut capabilities = task.capabilities.clone();
        capabilities.sort();
        capabilities.dedup();
        // They become part of a key, between plus signs.
        let is_word = |word: &String| {
            !word.is_empty()
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        if let Some(odd) = capabilities.iter().find(|word| !is_word(word)) {
            return Err(undecodable(&format!("{} needs a capability {odd:?}, which is no word", task.id)));
        }
        Ok(Self {
            task,
            json: encode("a task", task)?,
            capabilities: capabilities.join("+"),
            path,
            // Counted by how many they are, so that none may stand there twice.
            needs: numbers(task.needs.iter().map(TaskId::number).collect::<BTreeSet<_>>().into_iter()),
            dependents: numbers(dependents.into_iter().flatten().copied()),
        })
    }

    pub(super) fn add_to(&self, script: &mut redis::ScriptInvocation<'_>) {
        let task = self.task;
        script.arg(task.id.number()).arg(&self.json).arg(task.role.name()).arg(task.priority);
        script.arg(&self.capabilities).arg(task.max_attempts).arg(self.path);
        script.arg(&self.needs).arg(&self.dependents);
    }
}

fn numbers(numbers: impl Iterator<Item = u32>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
}

/// Which of `tasks` need each task.
pub(super) fn dependents(tasks: &[Task]) -> BTreeMap<&TaskId, Vec<u32>> {
    let mut dependents: BTreeMap<&TaskId, Vec<u32>> = BTreeMap::new();
    for task in tasks {
        for need in &task.needs {
            let list = dependents.entry(need).or_default();
            if list.last() != Some(&task.id.number()) {
                list.push(task.id.number());
            }
        }
    }
    dependents
}

pub(super) fn broken(error: PlanError) -> Error {
    undecodable(&error.to_string())
}

pub(super) fn undecodable(reason: &str) -> Error {
    Error::Undecodable { what: "the plan".to_owned(), reason: reason.to_owned() }
}
