//! Which playbooks apply to a goal.

use std::collections::BTreeMap;

use codegod_protocol::goal::Goal;
use codegod_protocol::intent::{Intent, ProjectType};
use minijinja::Value;

use super::words::{self, PlanFailure};
use crate::playbook::schema::{Side, StackEntry};
use crate::playbook::{Library, Playbook, Renderer, context};

/// A playbook that applies, with all that its templates may name.
pub(super) struct Chosen<'l> {
    pub(super) playbook: &'l Playbook,
    pub(super) renderer: Renderer<'l>,
    pub(super) context: Value,
    /// The named groups of its symptom that took part in the match.
    pub(super) symptom: BTreeMap<String, String>,
}

/// The playbooks that apply, in the order of their names.
///
/// # Errors
/// The intent names a technology that no playbook brings, or an expression is broken.
pub(super) fn playbooks<'l>(
    goal: &Goal,
    intent: &Intent,
    library: &'l Library,
) -> Result<Vec<Chosen<'l>>, PlanFailure> {
    let mut chosen = Vec::new();
    for playbook in library.playbooks() {
        chosen.extend(choose(playbook, goal, intent)?);
    }
    let brought = |side: Side, name: &str| {
        let stacks = chosen.iter().filter_map(|c| c.playbook.manifest.stack.as_ref());
        stacks.into_iter().any(|stack| stack.side == side && stack.name == name)
    };
    let named = [(Side::Backend, &intent.stack.backend), (Side::Frontend, &intent.stack.frontend)];
    for (side, name) in named.into_iter().filter(|_| intent.project != ProjectType::Repair) {
        if let Some(name) = name.as_deref().filter(|name| !brought(side, name)) {
            return Err(words::unknown_technology(name, library));
        }
    }
    Ok(chosen)
}

fn choose<'l>(
    playbook: &'l Playbook,
    goal: &Goal,
    intent: &Intent,
) -> Result<Option<Chosen<'l>>, PlanFailure> {
    let applies = &playbook.manifest.applies;
    let groups = match (playbook.symptom(), intent.project) {
        (Some(_), ProjectType::Repair) => match playbook.symptom_groups(intent, &goal.text) {
            Some(groups) => groups,
            None => return Ok(None),
        },
        (None, ProjectType::FullStack | ProjectType::BackendOnly | ProjectType::FrontendOnly) => {
            BTreeMap::new()
        }
        (Some(_), _) | (None, ProjectType::Repair | ProjectType::Existing | ProjectType::Unknown) => {
            return Ok(None);
        }
    };
    let stack = &intent.stack;
    let fits = playbook.manifest.stack.as_ref().is_none_or(|entry| is_named(entry, intent))
        && one_of(applies.backend.as_deref(), stack.backend.as_deref())
        && one_of(applies.frontend.as_deref(), stack.frontend.as_deref());
    if !fits {
        return Ok(None);
    }
    let context = context(goal, intent, &groups);
    let renderer = Renderer::new(playbook)?;
    if !renderer.holds(applies.when.as_deref(), &context)? {
        return Ok(None);
    }
    let symptom = groups.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
    Ok(Some(Chosen { playbook, renderer, context, symptom }))
}

/// Whether the intent names the technology that the playbook brings.
fn is_named(entry: &StackEntry, intent: &Intent) -> bool {
    let named = match entry.side {
        Side::Backend => &intent.stack.backend,
        Side::Frontend => &intent.stack.frontend,
        Side::Database => &intent.stack.database,
    };
    named.as_deref() == Some(&entry.name)
}

fn one_of(allowed: Option<&[String]>, name: Option<&str>) -> bool {
    allowed.is_none_or(|allowed| name.is_some_and(|name| allowed.iter().any(|one| one == name)))
}
