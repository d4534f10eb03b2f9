//! Plans made from sketches, with the longest paths computed the plain way.

use std::collections::{BTreeMap, BTreeSet};

use codegod_protocol::id::{GoalId, Role, TaskId};
use codegod_protocol::task::Task;

use super::fixtures;
use super::operations::TaskSketch;

/// Tasks and what they need.
pub(crate) type Shape = BTreeMap<TaskId, BTreeSet<TaskId>>;

fn task(goal: &GoalId, number: u32, sketch: &TaskSketch, needs: &BTreeSet<TaskId>) -> Task {
    let role = if sketch.testing { Role::Testing } else { Role::Backend };
    let words = ["react", "flask"].into_iter().enumerate();
    let needed = words.filter(|(bit, _)| sketch.capabilities >> bit & 1 == 1);
    Task {
        priority: sketch.priority,
        capabilities: needed.map(|(_, word)| word.to_owned()).collect(),
        max_attempts: sketch.max_attempts,
        needs: needs.iter().cloned().collect(),
        ..fixtures::task(goal, number, role, &[])
    }
}

/// How many tasks stand on the longest path from a task to the end, itself included.
pub(crate) fn longest_path(shape: &Shape, from: &TaskId) -> u32 {
    let dependents = shape.iter().filter(|(_, needs)| needs.contains(from));
    1 + dependents.map(|(dependent, _)| longest_path(shape, dependent)).max().unwrap_or(0)
}

fn with_paths(shape: &Shape, tasks: Vec<Task>) -> Vec<(Task, u32)> {
    tasks
        .into_iter()
        .map(|task| (longest_path(shape, &task.id), task))
        .map(|(path, task)| (task, path))
        .collect()
}

/// A goal's plan, with paths.
pub(crate) fn plan(goal: &GoalId, sketches: &[TaskSketch]) -> Vec<(Task, u32)> {
    let mut shape = Shape::new();
    let mut tasks = Vec::new();
    for (number, sketch) in (1u32..).zip(sketches) {
        let back = (1..number.min(17)).filter(|back| sketch.needs >> (back - 1) & 1 == 1);
        let needs: BTreeSet<TaskId> = back.map(|back| goal.task(number - back)).collect();
        tasks.push(task(goal, number, sketch, &needs));
        shape.insert(goal.task(number), needs);
    }
    with_paths(&shape, tasks)
}

/// Whether `task` needs `other`, at whatever distance, or is it.
fn reaches(shape: &Shape, task: &TaskId, other: &TaskId) -> bool {
    task == other || shape[task].iter().any(|need| reaches(shape, need, other))
}

/// What is added to a plan of that shape, with paths, and the paths of all tasks then. What is added for a held
/// task does not need that task.
pub(crate) fn growth(
    goal: &GoalId,
    held: Option<&TaskId>,
    shape: &Shape,
    sketches: &[TaskSketch],
    number_off: u32,
) -> (Vec<(Task, u32)>, BTreeMap<TaskId, u32>) {
    let mut grown = shape.clone();
    let mut tasks = Vec::new();
    let next = u32::try_from(shape.len()).unwrap_or(u32::MAX) + 1 + number_off;
    for (number, sketch) in (next..).zip(sketches) {
        let id = goal.task(number);
        let may = grown.keys().rev().filter(|need| held.is_none_or(|held| !reaches(&grown, need, held)));
        let chosen = may.take(16).enumerate().filter(|(bit, _)| sketch.needs >> bit & 1 == 1);
        let needs: BTreeSet<TaskId> = chosen.map(|(_, need)| need.clone()).collect();
        tasks.push(task(goal, number, sketch, &needs));
        grown.insert(id, needs);
    }
    if let Some(needs) = held.and_then(|held| grown.get_mut(held)) {
        needs.extend(tasks.iter().map(|task| task.id.clone()));
    }
    let paths = grown.keys().map(|id| (id.clone(), longest_path(&grown, id))).collect();
    (with_paths(&grown, tasks), paths)
}
