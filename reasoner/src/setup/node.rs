//! Node setups: packages are installed from the manifests, by the project's own package manager.

use codegod_protocol::environment::Recipe;
use codegod_protocol::setup::{Node, Setup, SetupChange};

use super::Resolution;

pub(super) fn resolution(_setup: &Setup, _node: &Node) -> Option<Resolution> {
    None
}

pub(super) fn recipe(_setup: &Setup, _node: &Node) -> Recipe {
    Recipe::from_base("codegod/workbench")
}

/// Applies a change that concerns packages or versions; one that is not for Node changes nothing.
pub(super) fn change(node: &mut Node, change: &SetupChange) {
    match change {
        SetupChange::AddNodePackage { package } => drop(node.packages.insert(package.clone())),
        SetupChange::AddFlag { flag } => drop(node.flags.insert(flag.clone())),
        SetupChange::UseVersion { version } => node.version.clone_from(version),
        SetupChange::Unlock => node.locked = false,
        _ => {}
    }
}
