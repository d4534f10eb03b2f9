//! What turns findings into a plan of steps, for one task on a worker: one trait, a ladder of ways
//! (playbook → model → person).

mod cite;
pub(crate) mod expression;
mod playbook;

use std::pin::Pin;

use codegod_protocol::evidence::Finding;
use codegod_protocol::id::TaskId;
use codegod_protocol::memory::{ActionRecord, Reasoning};
use codegod_protocol::task::Task;

pub use playbook::PlaybookReasoner;

/// Before the name of a symptom's group in a task's metadata; `when` sees it as `symptom.<group>`.
pub(crate) const SYMPTOM_PREFIX: &str = "symptom.";

/// Why there is no reasoning.
#[derive(Debug, thiserror::Error)]
pub enum ReasonError {
    /// Nothing that this reasoner knows explains the findings: the next rung's turn, at last a
    /// person's.
    #[error("nothing known applies to task {task}")]
    NothingApplies {
        /// The task.
        task: TaskId,
        /// What a person should be asked: what was seen, and what is missing.
        question: String,
    },
    /// A hypothesis' `when` is broken: a mistake in the playbook, not in the findings.
    #[error("evaluate when = {expression:?} of task {task}: {message}")]
    Expression {
        /// The task.
        task: TaskId,
        /// The expression.
        expression: String,
        /// What is wrong with it.
        message: String,
    },
    /// The reasoner itself could not answer (a model server that is away); it may at another try.
    #[error("ask {who} about task {task}: {message}")]
    Unavailable {
        /// The task.
        task: TaskId,
        /// Who was asked.
        who: String,
        /// What went wrong.
        message: String,
    },
}

/// An answer under way; boxed, so that reasoners of different kinds stand on one ladder.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reasoning, ReasonError>> + Send + 'a>>;

/// What turns findings into a plan of steps.
pub trait Reasoner: Send + Sync {
    /// Reasons about `task` from what was found and what was tried at it so far (oldest first; empty
    /// at first). The answer's plan is never acted on beyond what the task's role may do: whoever
    /// acts checks each action.
    fn reason<'a>(&'a self, task: &'a Task, findings: &'a [Finding], tried: &'a [ActionRecord])
    -> Answer<'a>;
}

/// Reasoners in the order in which they are asked.
#[derive(Default)]
pub struct Ladder {
    rungs: Vec<Box<dyn Reasoner>>,
}

impl Ladder {
    /// The ladder that needs nothing: playbooks, then a person.
    #[must_use]
    pub fn of_playbooks() -> Self {
        Self { rungs: vec![Box::new(PlaybookReasoner)] }
    }

    /// Adds a rung above the others, asked when none of them has an answer.
    #[must_use]
    pub fn then(mut self, rung: impl Reasoner + 'static) -> Self {
        self.rungs.push(Box::new(rung));
        self
    }
}

impl Reasoner for Ladder {
    /// The first rung's answer for which something applies. When nothing does, the question is that
    /// of the lowest rung, which has seen most of what is known; a rung that was away or broken is
    /// what is said when no other could answer.
    fn reason<'a>(
        &'a self,
        task: &'a Task,
        findings: &'a [Finding],
        tried: &'a [ActionRecord],
    ) -> Answer<'a> {
        Box::pin(async move {
            let mut nothing = None;
            let mut broken = None;
            for rung in &self.rungs {
                match rung.reason(task, findings, tried).await {
                    Ok(reasoning) => return Ok(reasoning),
                    Err(error @ ReasonError::NothingApplies { .. }) => nothing = nothing.or(Some(error)),
                    Err(error) => broken = broken.or(Some(error)),
                }
            }
            Err(broken.or(nothing).unwrap_or_else(|| ReasonError::NothingApplies {
                task: task.id.clone(),
                question: cite::question(task, findings, tried),
            }))
        })
    }
}
