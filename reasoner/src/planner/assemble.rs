//! The tasks of the chosen playbooks as one graph: keys become ids, numbered in an order that works.

use std::collections::BTreeMap;

use codegod_protocol::environment::{self, Environments};
use codegod_protocol::goal::Goal;
use codegod_protocol::id::TaskId;
use codegod_protocol::task::{Hypothesis, Procedure, TASK_VERSION, Task, TaskKind};

use super::select::Chosen;
use super::words::{Misfit, PlanFailure};
use crate::playbook::RenderedTask;
use crate::playbook::schema::TaskEntryKind;
use crate::reasoning::SYMPTOM_PREFIX;

/// Used when a task says nothing.
const DEADLINE_SECONDS: u64 = 900;
/// How many times a task may be tried.
pub(super) const MAX_ATTEMPTS: u32 = 3;
/// The priority in a playbook that means the goal's own.
const MIDDLE_PRIORITY: u8 = 5;

/// One task of a playbook on its way into the plan.
struct Draft<'c> {
    chosen: &'c Chosen<'c>,
    task: RenderedTask,
    /// Numbers of the drafts that it needs, in the order of the needs.
    needs: Vec<usize>,
}

impl Draft<'_> {
    fn key(&self) -> &str {
        &self.task.entry.key
    }

    fn playbook(&self) -> String {
        self.chosen.playbook.manifest.name.clone()
    }
}

/// The tasks of `chosen`, in an order in which each stands after all that it needs.
///
/// # Errors
/// A text can't be rendered, or the playbooks do not fit together.
pub(super) fn tasks(goal: &Goal, chosen: &[Chosen<'_>]) -> Result<Vec<Task>, PlanFailure> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    let mut recipes = Vec::new();
    for one in chosen {
        recipes.push(one.renderer.environments(&one.context)?);
        let tasks = one.renderer.tasks(&one.context)?;
        drafts.extend(tasks.into_iter().map(|task| Draft { chosen: one, task, needs: Vec::new() }));
    }
    let environments = environment::join(recipes);
    resolve_needs(&mut drafts).map_err(PlanFailure::Misfit)?;
    let order = order(&drafts).map_err(PlanFailure::Misfit)?;
    let numbers: BTreeMap<usize, TaskId> =
        (1..).zip(&order).map(|(number, index)| (*index, goal.id.task(number))).collect();
    let finished = order.iter().map(|index| task(goal, &drafts[*index], *index, &numbers, &environments));
    finished.collect::<Result<_, _>>().map_err(PlanFailure::Misfit)
}

fn resolve_needs(drafts: &mut [Draft<'_>]) -> Result<(), Misfit> {
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        if let Some(other) = keys.insert(draft.key().to_owned(), index) {
            return Err(Misfit::SameKey {
                key: draft.key().to_owned(),
                first: drafts[other].playbook(),
                second: draft.playbook(),
            });
        }
    }
    for draft in drafts {
        for need in &draft.task.entry.needs {
            match (keys.get(need.trim_end_matches('?')), need.ends_with('?')) {
                (Some(index), _) if !draft.needs.contains(index) => draft.needs.push(*index),
                (Some(_), _) | (None, true) => {}
                (None, false) => {
                    let (key, playbook) = (draft.key().to_owned(), draft.playbook());
                    return Err(Misfit::UnknownNeed { key, playbook, need: need.clone() });
                }
            }
        }
    }
    Ok(())
}

/// The drafts in the order in which the playbooks list them, but each after all that it needs.
fn order(drafts: &[Draft<'_>]) -> Result<Vec<usize>, Misfit> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < drafts.len() {
        let ready = |index: &usize| {
            !order.contains(index) && drafts[*index].needs.iter().all(|need| order.contains(need))
        };
        match (0..drafts.len()).find(ready) {
            Some(index) => order.push(index),
            None => {
                let left = (0..drafts.len()).filter(|index| !order.contains(index));
                return Err(Misfit::Circle(left.map(|index| drafts[index].key().to_owned()).collect()));
            }
        }
    }
    Ok(order)
}

fn task(
    goal: &Goal,
    draft: &Draft<'_>,
    index: usize,
    numbers: &BTreeMap<usize, TaskId>,
    known: &Environments,
) -> Result<Task, Misfit> {
    let entry = &draft.task.entry;
    let mut metadata = entry.metadata.clone();
    metadata.insert("playbook".to_owned(), draft.playbook());
    metadata.insert("key".to_owned(), entry.key.clone());
    let symptom = draft.chosen.symptom.iter();
    metadata.extend(symptom.map(|(name, text)| (format!("{SYMPTOM_PREFIX}{name}"), text.clone())));
    Ok(Task {
        version: TASK_VERSION,
        id: numbers[&index].clone(),
        goal: goal.id.clone(),
        parent: None,
        role: entry.role,
        capabilities: entry.capabilities.clone(),
        title: entry.title.clone(),
        description: entry.description.clone(),
        kind: match entry.kind {
            TaskEntryKind::Work => TaskKind::Work,
            TaskEntryKind::Check => TaskKind::Check,
        },
        needs: draft.needs.iter().map(|need| numbers[need].clone()).collect(),
        priority: priority(goal.priority, entry.priority),
        deadline_seconds: entry.deadline_seconds.unwrap_or(DEADLINE_SECONDS),
        max_attempts: MAX_ATTEMPTS,
        environment: entry.environment.clone(),
        environments: environments(draft, known)?,
        setups: Default::default(),
        procedure: procedure(&draft.task),
        metadata,
    })
}

/// A playbook's priority is relative: 5 is the goal's own, 6 one more.
fn priority(goal: u8, task: Option<u8>) -> u8 {
    let shifted = i16::from(goal) + i16::from(task.unwrap_or(MIDDLE_PRIORITY)) - i16::from(MIDDLE_PRIORITY);
    u8::try_from(shifted.clamp(1, 10)).unwrap_or(goal)
}

/// The recipes of the environments that the task and its checks name.
fn environments(draft: &Draft<'_>, known: &Environments) -> Result<Environments, Misfit> {
    let entry = &draft.task.entry;
    let named =
        entry.environment.iter().chain(entry.validate.iter().filter_map(|check| check.environment.as_ref()));
    let mut environments = Environments::new();
    for name in named {
        let recipe = known.get(name).ok_or_else(|| Misfit::UnknownEnvironment {
            key: entry.key.clone(),
            playbook: draft.playbook(),
            environment: name.clone(),
        })?;
        environments.insert(name.clone(), recipe.clone());
    }
    Ok(environments)
}

/// Files and steps are done whatever is found, before what follows from findings.
fn procedure(task: &RenderedTask) -> Procedure {
    let entry = &task.entry;
    let mut steps = task.files.clone();
    steps.extend(entry.steps.iter().cloned());
    let mut hypotheses = Vec::new();
    if !steps.is_empty() || entry.hypotheses.is_empty() {
        let confidence = steps.iter().map(|step| step.confidence).fold(1.0, f64::min);
        let cause = entry.approach.clone();
        hypotheses.push(Hypothesis { cause, when: None, confidence, disproved_by: None, steps });
    }
    hypotheses.extend(entry.hypotheses.iter().cloned());
    Procedure {
        problem: entry.problem.clone(),
        observe: entry.observe.clone(),
        hypotheses,
        validate: entry.validate.clone(),
        risks: entry.risks.clone(),
        success_criteria: entry.success_criteria.clone(),
    }
}
