//! From a setup to what is run: its environment's recipe, how its pins are resolved, and what the next
//! revision is when a diagnosis proposes changes. All of it is a function of the setup alone.

mod node;
pub mod package;
mod python;
mod services;
mod system;

use codegod_protocol::environment::Recipe;
use codegod_protocol::setup::{Setup, SetupChange, Toolchain};

/// Commands that work out what exactly is to be installed. They see the sources, for some build backends
/// have to be asked; what they find is written down in a file, and the environment is made from that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The environment in which it runs: the setup's without what is to be resolved.
    pub recipe: Recipe,
    /// The command, run with `sh -c` in the workspace.
    pub run: String,
    /// The file below the workspace that it leaves.
    pub leaves: String,
}

pub(crate) use python::pins;
pub use services::services;

/// What has to be resolved before the setup's environment can be made; none when nothing has.
#[must_use]
pub fn resolution(setup: &Setup) -> Option<Resolution> {
    match &setup.toolchain {
        Toolchain::Python(python) => python::resolution(setup, python),
        Toolchain::Node(node) => node::resolution(setup, node),
    }
}

/// The setup once its resolution left its file.
#[must_use]
pub fn resolved(setup: &Setup, resolution: &Resolution) -> Setup {
    let mut setup = setup.clone();
    match &mut setup.toolchain {
        Toolchain::Python(python) => python.pins = Some(resolution.leaves.clone()),
        Toolchain::Node(_) => {}
    }
    setup
}

/// The recipe of the setup's environment; whole once nothing is left to be resolved.
#[must_use]
pub fn recipe(setup: &Setup) -> Recipe {
    match &setup.toolchain {
        Toolchain::Python(python) => python::recipe(setup, python),
        Toolchain::Node(node) => node::recipe(setup, node),
    }
}

/// A command that shows that the setup's environment starts, and what its output must match.
#[must_use]
pub fn probe(setup: &Setup) -> (String, String) {
    match &setup.toolchain {
        Toolchain::Python(_) => (
            "python -c 'import sys; print(sys.prefix != sys.base_prefix, sys.version)'".to_owned(),
            r"^True 3\.".to_owned(),
        ),
        Toolchain::Node(_) => ("node --version".to_owned(), r"^v[0-9]+\.".to_owned()),
    }
}

/// The next revision of a setup. None when the changes change nothing: what they would do was done before.
#[must_use]
pub fn changed(setup: &Setup, changes: &[SetupChange]) -> Option<Setup> {
    let mut next = setup.clone();
    for change in changes {
        change_one(&mut next, change);
    }
    if next == *setup {
        return None;
    }
    if let Toolchain::Python(python) = &mut next.toolchain {
        // What was resolved before may not hold any more.
        python.pins = None;
    }
    next.revision += 1;
    Some(next)
}

fn change_one(setup: &mut Setup, change: &SetupChange) {
    match change {
        SetupChange::AddSystemPackages { packages } => setup.system_packages.extend(packages.iter().cloned()),
        SetupChange::SetEnv { name, value } => drop(setup.env.insert(name.clone(), value.clone())),
        SetupChange::AddPrivateFile { path, content } => {
            drop(setup.private_files.insert(path.clone(), content.clone()));
        }
        SetupChange::StartService { service } => drop(setup.services.insert(*service)),
        SetupChange::Prepare { preparation } if setup.prepare.contains(preparation) => {}
        SetupChange::Prepare { preparation } => setup.prepare.push(preparation.clone()),
        SetupChange::SkipPreparation { run } => setup.prepare.retain(|done| !run.contains(&done.run)),
        SetupChange::Tests { tests } => setup.tests.clone_from(tests),
        SetupChange::AddDistribution { .. }
        | SetupChange::Override { .. }
        | SetupChange::Requirements { .. }
        | SetupChange::UseVersion { .. }
        | SetupChange::AddNodePackage { .. }
        | SetupChange::WithoutNodePackage { .. }
        | SetupChange::AddFlag { .. }
        | SetupChange::Unlock => match &mut setup.toolchain {
            Toolchain::Python(python) => python::change(python, change),
            Toolchain::Node(node) => node::change(node, change),
        },
    }
}
