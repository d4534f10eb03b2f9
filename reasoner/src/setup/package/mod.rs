//! What remains when codegod is gone: Dockerfiles that rebuild the environments of a project's parts from
//! images that everybody has, and a script that builds them and runs the tests. They say step for step what
//! the recipes did; nothing in them needs codegod.

mod dockerfile;
mod script;
#[cfg(test)]
mod tests;

use codegod_protocol::environment::Recipe;
use codegod_protocol::setup::{Setup, Setups, Toolchain};

use crate::setup;

/// The folder below the workspace in which all of it lies.
const FOLDER: &str = ".codegod";
/// The script, below the workspace.
pub const SCRIPT: &str = ".codegod/run-tests.sh";

/// What is made again in the image, for its own system.
const IGNORED: &str = "\
.git
**/node_modules
**/.venv
**/__pycache__
";

/// One image, for one or several parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The Dockerfile's path below the workspace, which is the build's context.
    pub dockerfile: String,
    /// Its text.
    pub content: String,
    /// A name for the image.
    pub tag: String,
    /// The parts whose tests it runs when it is started.
    pub parts: Vec<String>,
}

/// The images that rebuild the environments of all parts: one when it can be. `has` tells whether the
/// source has a file, so that nothing is copied that is not there.
#[must_use]
pub fn packages(setups: &Setups, has: &dyn Fn(&str) -> bool) -> Vec<Package> {
    packages_of(setups, &setup::recipe, has)
}

fn packages_of(
    setups: &Setups,
    recipe: &dyn Fn(&Setup) -> Recipe,
    has: &dyn Fn(&str) -> bool,
) -> Vec<Package> {
    let groups = groups(setups);
    let name = |group: &[&Setup]| match groups.len() {
        1 => (format!("{FOLDER}/Dockerfile"), "project-tests".to_owned()),
        _ => {
            let part = slug(group.first().map(|setup| setup.part.as_str()).unwrap_or_default());
            (format!("{FOLDER}/{part}/Dockerfile"), format!("project-tests-{part}"))
        }
    };
    let package = |group: &Vec<&Setup>| {
        let (dockerfile, tag) = name(group);
        let parts: Vec<(&Setup, Recipe)> = group.iter().map(|setup| (*setup, recipe(setup))).collect();
        Package {
            content: dockerfile::text(&parts, (&dockerfile, &tag), has),
            parts: group.iter().map(|setup| setup.part.clone()).collect(),
            dockerfile,
            tag,
        }
    };
    groups.iter().map(package).collect()
}

/// The script ([`SCRIPT`]): it builds the images and runs the tests in them; inside of one, the tests alone.
/// It ends with the exit code of the first run that failed.
#[must_use]
pub fn script(setups: &Setups, packages: &[Package]) -> String {
    script::text(setups, packages)
}

impl Package {
    /// What the build leaves out, and the file that says so: beside the Dockerfile it takes the place of the
    /// project's own `.dockerignore`, which often leaves out the tests.
    #[must_use]
    pub fn ignored(&self) -> (String, &'static str) {
        (format!("{}.dockerignore", self.dockerfile), IGNORED)
    }
}

/// Parts that fit into one image: a virtual environment lies in one place, and there is one Node.
fn groups(setups: &Setups) -> Vec<Vec<&Setup>> {
    let mut groups: Vec<Vec<&Setup>> = Vec::new();
    for setup in setups.values() {
        match groups.iter_mut().find(|group| group.iter().all(|other| fit_together(setup, other))) {
            Some(group) => group.push(setup),
            None => groups.push(vec![setup]),
        }
    }
    groups
}

fn fit_together(one: &Setup, other: &Setup) -> bool {
    match (&one.toolchain, &other.toolchain) {
        (Toolchain::Python(_), Toolchain::Python(_)) => false,
        (Toolchain::Node(one), Toolchain::Node(other)) => {
            one.version == other.version
                && one.manager == other.manager
                && one.manager_version == other.manager_version
        }
        (Toolchain::Python(_), Toolchain::Node(_)) | (Toolchain::Node(_), Toolchain::Python(_)) => true,
    }
}

/// `Python 3.11 in api/`.
fn described(setup: &Setup) -> String {
    let what = match &setup.toolchain {
        Toolchain::Python(python) => format!("Python {}", python.version),
        Toolchain::Node(node) => format!("Node {}", node.version),
    };
    match setup.folder.as_str() {
        "" => what,
        folder => format!("{what} in {}/", one_line(folder)),
    }
}

/// A part's name as it may stand in a path and in an image's name.
fn slug(part: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    part.chars().map(kept).collect::<String>().trim_matches('-').to_owned()
}

/// Text for a comment: it stays one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `export A=b C=d`; nothing when there are no variables.
fn exports(setup: &Setup) -> Option<String> {
    let pairs: Vec<String> =
        setup.env.iter().map(|(name, value)| format!("{name}={}", crate::shell::quote(value))).collect();
    (!pairs.is_empty()).then(|| format!("export {}", pairs.join(" ")))
}
