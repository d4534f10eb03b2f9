//! Python setups: pins are resolved with the sources at hand, the environment is made from the pins alone.

use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::setup::{Python, PythonLock, Requirements, Setup, SetupChange};

use super::Resolution;

/// The image with uv and the resolver.
const BASE: &str = "codegod/python";
/// The version of Python in the Debian release after the image's.
const NEXT: &str = "3.13";
/// An empty environment with what `python -m venv` puts into one: older projects import `pkg_resources`.
const EMPTY: &str = "uv venv --quiet --python";
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
    let mut recipe = Recipe::from_base(BASE);
    recipe.steps.extend(super::system::install(&setup.system_packages));
    recipe.steps.extend(interpreter(&python.version));
    let run = format!("{EMPTY} {} /env/venv && {SEEDS}", python.version);
    recipe.steps.push(SetupStep { run, workdir: String::new(), reads: Vec::new(), root: false });
    recipe
}

/// The interpreter of the next Debian release, where the image's own is too old; it comes after other packages,
/// for newer libraries come with it.
fn interpreter(version: &str) -> Option<SetupStep> {
    let next = "/etc/apt/sources.list.d/next.sources";
    let run = [
        format!("sed s/bookworm/trixie/g /etc/apt/sources.list.d/*debian.sources > {next}"),
        "printf 'Package: *\\nPin: release n=trixie*\\nPin-Priority: 100\\n' > /etc/apt/preferences.d/next"
            .to_owned(),
        "apt-get update -qq".to_owned(),
        format!(
            "apt-get install -qq --yes --no-install-recommends -t trixie python{version}-dev python{version}-venv"
        ),
        "rm -rf /var/lib/apt/lists/*".to_owned(),
    ];
    (version == NEXT).then(|| SetupStep {
        run: run.join(" && "),
        workdir: String::new(),
        reads: Vec::new(),
        root: true,
    })
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
