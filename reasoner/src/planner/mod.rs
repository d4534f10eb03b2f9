//! From a goal and its intent to a plan, with playbooks alone: which of them apply, their tasks in an
//! order that works, and the closing verification.

mod assemble;
mod closing;
mod existing;
mod merge;
mod select;
mod words;

use codegod_protocol::goal::{Goal, Uncovered};
use codegod_protocol::intent::{Intent, ProjectType};
use codegod_protocol::plan::{self, Plan};

pub use closing::verification;
pub use existing::{existing, repair};
pub use merge::{Conflict, merge_question, merge_task};
pub use words::{Misfit, PlanFailure};

use crate::playbook::Library;

/// Plans `goal`, which was understood as `intent`, with the playbooks of `library`.
///
/// # Errors
/// [`PlanFailure`], whose text is a sentence for people.
pub fn plan(goal: &Goal, intent: &Intent, library: &Library) -> Result<Plan, PlanFailure> {
    match intent.project {
        ProjectType::Unknown => return Err(words::unknown_kind(library)),
        ProjectType::Repair if goal.workspace.is_none() => {
            return Err(words::needs_workspace(intent.symptom.as_deref()));
        }
        ProjectType::Existing if goal.workspace.is_none() => {
            return Err(words::needs_project());
        }
        ProjectType::Repair
        | ProjectType::Existing
        | ProjectType::FullStack
        | ProjectType::BackendOnly
        | ProjectType::FrontendOnly => {}
    }
    all_covered(goal, intent)?;
    let chosen = select::playbooks(goal, intent, library)?;
    let mut tasks = assemble::tasks(goal, &chosen)?;
    if tasks.is_empty() {
        return Err(match intent.project {
            ProjectType::Repair => words::unknown_failure(intent.symptom.as_deref(), library),
            _ => words::unknown_kind(library),
        });
    }
    tasks.push(closing::task(goal, &tasks)?);
    plan::check(&tasks)?;
    Ok(Plan { intent: intent.clone(), tasks })
}

/// Refuses a goal that asks for something which nothing covers, unless it may be left out.
fn all_covered(goal: &Goal, intent: &Intent) -> Result<(), PlanFailure> {
    match goal.uncovered {
        Uncovered::Block if !intent.not_covered.is_empty() => Err(words::not_covered(&intent.not_covered)),
        Uncovered::Block | Uncovered::GoOnWithout => Ok(()),
    }
}
