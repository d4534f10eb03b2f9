//! Reasoning with what a playbook put into the task: each hypothesis says under which findings it
//! holds and what then follows. Instant, free, and the same answer every time.

use std::collections::BTreeMap;

use codegod_protocol::evidence::Finding;
use codegod_protocol::memory::{ActionRecord, Reasoning, RootCause};
use codegod_protocol::task::{Hypothesis, Step, Task};

use super::{Answer, ReasonError, Reasoner, SYMPTOM_PREFIX, cite, expression};

/// A step that failed so often at the same task will fail again: its hypothesis counts as disproved.
const HOPELESS_AFTER: usize = 3;

/// Reasons with a task's own hypotheses.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlaybookReasoner;

impl PlaybookReasoner {
    /// What follows for `task` from `findings`: the steps of every hypothesis that holds, in order,
    /// but for those with a step that `tried` shows to fail again and again.
    ///
    /// # Errors
    /// [`ReasonError::NothingApplies`] when none holds, [`ReasonError::Expression`] when a `when` is
    /// broken.
    pub fn conclude(
        &self,
        task: &Task,
        findings: &[Finding],
        tried: &[ActionRecord],
    ) -> Result<Reasoning, ReasonError> {
        let procedure = &task.procedure;
        let names = expression::over(findings, &symptom(task));
        let mut holding: Vec<(&Hypothesis, Vec<&Finding>)> = Vec::new();
        for hypothesis in &procedure.hypotheses {
            let holds = match &hypothesis.when {
                None => true,
                Some(when) => expression::holds(when, &names).map_err(|error| ReasonError::Expression {
                    task: task.id.clone(),
                    expression: when.clone(),
                    message: error.to_string(),
                })?,
            };
            if holds && !hypothesis.steps.iter().any(|step| is_hopeless(step, tried)) {
                holding.push((hypothesis, support(hypothesis, findings)));
            }
        }
        if holding.is_empty() {
            let question = cite::question(task, findings, tried);
            return Err(ReasonError::NothingApplies { task: task.id.clone(), question });
        }
        let mut risks = procedure.risks.clone();
        for risk in tried.iter().filter_map(cite::failed_before) {
            if !risks.contains(&risk) {
                risks.push(risk);
            }
        }
        Ok(Reasoning {
            task: task.id.clone(),
            problem_analysis: cite::analysis(task, findings),
            root_causes: holding.iter().map(|(hypothesis, _)| root_cause(hypothesis)).collect(),
            approach: cite::approach(&holding),
            risks,
            success_criteria: success_criteria(task),
            conclusion: cite::conclusion(&holding, procedure.hypotheses.len()),
            plan: holding.iter().flat_map(|(hypothesis, _)| hypothesis.steps.iter().cloned()).collect(),
        })
    }
}

impl Reasoner for PlaybookReasoner {
    fn reason<'a>(
        &'a self,
        task: &'a Task,
        findings: &'a [Finding],
        tried: &'a [ActionRecord],
    ) -> Answer<'a> {
        Box::pin(async move { self.conclude(task, findings, tried) })
    }
}

fn symptom(task: &Task) -> BTreeMap<String, String> {
    let groups = task.metadata.iter().filter_map(|(name, text)| {
        name.strip_prefix(SYMPTOM_PREFIX).map(|group| (group.to_owned(), text.clone()))
    });
    groups.collect()
}

fn is_hopeless(step: &Step, tried: &[ActionRecord]) -> bool {
    let same = |record: &&ActionRecord| record.action == step.action.name() && record.expect == step.expect;
    let failures = tried
        .iter()
        .filter(same)
        .filter(|record| record.outcome.as_ref().is_some_and(|outcome| !outcome.succeeded()));
    failures.count() >= HOPELESS_AFTER
}

/// The findings that the hypothesis' `when` looks at.
fn support<'f>(hypothesis: &Hypothesis, findings: &'f [Finding]) -> Vec<&'f Finding> {
    let Some(when) = &hypothesis.when else { return Vec::new() };
    let named = expression::names_in(when);
    findings.iter().filter(|finding| named.contains(&finding.id)).collect()
}

fn root_cause(hypothesis: &Hypothesis) -> RootCause {
    RootCause {
        cause: hypothesis.cause.clone(),
        confidence: hypothesis.confidence.clamp(0.0, 1.0),
        disproved_by: hypothesis.disproved_by.clone(),
    }
}

/// What the playbook says must hold, or else what its checks show.
fn success_criteria(task: &Task) -> Vec<String> {
    if task.procedure.success_criteria.is_empty() {
        return task.procedure.validate.iter().map(|check| check.title.clone()).collect();
    }
    task.procedure.success_criteria.clone()
}
