//! Python setups: pins are resolved with the sources at hand, the environment is made from the pins alone.

use codegod_protocol::environment::Recipe;
use codegod_protocol::setup::{Python, Setup, SetupChange};

use super::Resolution;

pub(super) fn resolution(_setup: &Setup, _python: &Python) -> Option<Resolution> {
    None
}

pub(super) fn recipe(_setup: &Setup, _python: &Python) -> Recipe {
    Recipe::from_base("codegod/workbench")
}

/// Applies a change that concerns packages or versions; one that is not for Python changes nothing.
pub(super) fn change(python: &mut Python, change: &SetupChange) {
    match change {
        SetupChange::AddDistribution { candidates } => {
            python.distributions.extend(candidates.first().cloned());
        }
        SetupChange::Override { line } => drop(python.overrides.insert(line.clone())),
        SetupChange::Requirements { requirements } => python.requirements.clone_from(requirements),
        SetupChange::UseVersion { version } => python.version.clone_from(version),
        _ => {}
    }
}
