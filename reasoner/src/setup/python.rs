//! Python setups: pins are resolved with the sources at hand, the environment is made from the pins alone.

use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::setup::{Python, PythonLock, Requirements, Setup, SetupChange};

use super::Resolution;
use crate::interpreter;

/// An empty environment with what `python -m venv` puts into one: older projects import `pkg_resources`.
const EMPTY: &str = "uv venv --quiet --python";
/// Lets the installer fetch an interpreter that the image has not, into the environment.
const FETCHED: &str = "UV_PYTHON_PREFERENCE=system UV_PYTHON_INSTALL_DIR=/env/python";
const SEEDS: &str = "uv pip install --quiet pip wheel 'setuptools<81'";

pub(super) fn resolution(setup: &Setup, python: &Python) -> Option<Resolution> {
    if python.pins.is_some() {
        return None;
    }
    let leaves = pins(&setup.part);
    let mut words =
        vec!["codegod-resolve".to_owned(), option("--python", &python.version), option("--out", &leaves)];
    words.extend(python.requirements.iter().flat_map(requirement_options));
    words.extend(python.distributions.iter().map(|line| option("--line", line)));
    words.extend(python.overrides.iter().map(|line| option("--override", line)));
    Some(Resolution { recipe: empty(setup, python), run: words.join(" "), leaves })
}

/// The file with a part's pins, below the workspace.
pub(crate) fn pins(part: &str) -> String {
    format!(".codegod/{part}/requirements.txt")
}

fn requirement_options(requirements: &Requirements) -> Vec<String> {
    match requirements {
        Requirements::File { path } => vec![option("--file", path)],
        Requirements::Project { folder, extras, groups } => {
            let folder = if folder.is_empty() { "." } else { folder };
            let extras = extras.iter().map(|name| option("--extra", name));
            let groups = groups.iter().map(|name| option("--group", name));
            std::iter::once(option("--project", folder)).chain(extras).chain(groups).collect()
        }
        Requirements::Lock { lock, folder } => {
            let name = match lock {
                PythonLock::Poetry => "poetry.lock",
                PythonLock::Pdm => "pdm.lock",
                PythonLock::Uv => "uv.lock",
                PythonLock::Pipenv => "Pipfile.lock",
            };
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            vec![option("--lock", &path)]
        }
        Requirements::Lines { lines, .. } => lines.iter().map(|line| option("--line", line)).collect(),
    }
}

/// An option with its value as `sh` reads it.
fn option(name: &str, value: &str) -> String {
    let plain = !value.is_empty()
        && value.chars().all(|char| char.is_ascii_alphanumeric() || "-_./:,+@%".contains(char));
    if plain { format!("{name}={value}") } else { format!("{name}='{}'", value.replace('\'', "'\\''")) }
}

pub(super) fn recipe(setup: &Setup, python: &Python) -> Recipe {
    let mut recipe = empty(setup, python);
    if let Some(pins) = &python.pins {
        recipe.steps.push(SetupStep {
            run: format!("uv pip install --quiet --no-deps --requirements {pins}"),
            workdir: String::new(),
            reads: vec![pins.clone()],
            root: false,
        });
    }
    recipe
}

/// An environment without what is resolved.
fn empty(setup: &Setup, python: &Python) -> Recipe {
    let mut recipe = Recipe::from_base(interpreter::image(&python.version));
    recipe.steps.extend(super::system::install(&setup.system_packages));
    let make = format!("{EMPTY} {} /env/venv", python.version);
    let make = if interpreter::is_at_hand(&python.version) { make } else { format!("{FETCHED} {make}") };
    let run = format!("{make} && {SEEDS}");
    recipe.steps.push(SetupStep { run, workdir: String::new(), reads: Vec::new(), root: false });
    recipe
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
        SetupChange::Unlock => python.requirements.retain(|one| !matches!(one, Requirements::Lock { .. })),
        _ => {}
    }
}
