//! Plans: a goal's tasks and their dependencies, and the rules that every plan must meet.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{Role, TaskId};
use crate::intent::Intent;
use crate::task::{Procedure, Task};

/// A goal's tasks and what they need of one another: an acyclic graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What the goal was understood to ask for.
    pub intent: Intent,
    /// The tasks, in the order in which they are shown.
    pub tasks: Vec<Task>,
}

/// Why a plan can't be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No tasks.
    #[error("the plan has no tasks")]
    Empty,
    /// Two tasks have one id.
    #[error("task {0} stands twice in the plan")]
    Twice(TaskId),
    /// A task needs one that is not there.
    #[error("task {task} needs {need}, which is not in the plan")]
    UnknownNeed {
        /// The task.
        task: TaskId,
        /// What it needs.
        need: TaskId,
    },
    /// Tasks need one another in a circle.
    #[error("task {0} waits for itself")]
    Cycle(TaskId),
    /// Nothing could show that the task failed.
    #[error("task {0} has no validation")]
    NoValidation(TaskId),
    /// The task asks its role for something that the role does not do.
    #[error("task {task} asks {role} to {action}, which is not one of its actions")]
    NotAllowed {
        /// The task.
        task: TaskId,
        /// Its role.
        role: Role,
        /// The action.
        action: &'static str,
    },
    /// Out of 1–10.
    #[error("task {0} has a priority outside 1 to 10")]
    Priority(TaskId),
}

/// Checks the rules that every plan must meet: unique ids, known needs, no cycle, every task has a
/// validation and asks its role only for what that role does. Gives its [`longest_paths`].
///
/// # Errors
/// The first rule that is broken.
pub fn check(tasks: &[Task]) -> Result<BTreeMap<TaskId, u32>, PlanError> {
    if tasks.is_empty() {
        return Err(PlanError::Empty);
    }
    let mut ids = BTreeSet::new();
    for task in tasks {
        if !ids.insert(&task.id) {
            return Err(PlanError::Twice(task.id.clone()));
        }
        check_task(task)?;
    }
    for task in tasks {
        if let Some(need) = task.needs.iter().find(|need| !ids.contains(need)) {
            return Err(PlanError::UnknownNeed { task: task.id.clone(), need: need.clone() });
        }
    }
    longest_paths(tasks)
}

/// Checks one task by itself.
///
/// # Errors
/// The first rule that is broken.
pub fn check_task(task: &Task) -> Result<(), PlanError> {
    if task.procedure.validate.is_empty() {
        return Err(PlanError::NoValidation(task.id.clone()));
    }
    if !(1..=10).contains(&task.priority) {
        return Err(PlanError::Priority(task.id.clone()));
    }
    match actions(&task.procedure).find(|action| !action.allowed_to(task.role)) {
        Some(action) => {
            Err(PlanError::NotAllowed { task: task.id.clone(), role: task.role, action: action.name() })
        }
        None => Ok(()),
    }
}

fn actions(procedure: &Procedure) -> impl Iterator<Item = &crate::action::Action> {
    let looks = procedure.observe.iter().map(|observation| &observation.look);
    let steps =
        procedure.hypotheses.iter().flat_map(|hypothesis| hypothesis.steps.iter().map(|step| &step.action));
    let checks = procedure.validate.iter().map(|check| &check.action);
    looks.chain(steps).chain(checks)
}

/// For each task, how many tasks stand on the longest path from it to the plan's end, itself
/// included: the tasks with the most to come should start first (critical path).
///
/// # Errors
/// [`PlanError::Cycle`] when tasks need one another in a circle.
pub fn longest_paths(tasks: &[Task]) -> Result<BTreeMap<TaskId, u32>, PlanError> {
    let needs = tasks.iter().map(|task| (&task.id, task.needs.iter().collect())).collect();
    Ok(paths(&needs)?.into_iter().map(|(id, length)| (id.clone(), length)).collect())
}

/// As [`longest_paths`], of a graph: task → what it needs. Needs outside the graph count for nothing.
///
/// # Errors
/// [`PlanError::Cycle`].
pub fn paths<'a>(
    needs: &BTreeMap<&'a TaskId, Vec<&'a TaskId>>,
) -> Result<BTreeMap<&'a TaskId, u32>, PlanError> {
    let mut open: BTreeMap<&TaskId, usize> = needs.keys().map(|id| (*id, 0)).collect();
    for need in needs.values().flatten() {
        if let Some(count) = open.get_mut(need) {
            *count += 1;
        }
    }
    let mut lengths: BTreeMap<&TaskId, u32> = needs.keys().map(|id| (*id, 1)).collect();
    // Kahn's algorithm from the plan's ends backwards.
    let mut done: Vec<&TaskId> = open.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    let mut next = 0;
    while let Some(id) = done.get(next).copied() {
        next += 1;
        let length = lengths[id];
        for need in &needs[id] {
            let Some(count) = open.get_mut(need) else { continue };
            *count -= 1;
            if *count == 0 {
                done.push(need);
            }
            if let Some(known) = lengths.get_mut(need) {
                *known = (*known).max(length + 1);
            }
        }
    }
    match open.iter().find(|(_, count)| **count > 0) {
        Some((id, _)) => Err(PlanError::Cycle((*id).clone())),
        None => Ok(lengths),
    }
}
