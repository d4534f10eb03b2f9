//! Lanes: what the project's own recipes (workflows, tox, nox, tasks) do to run its tests. A lane is one
//! job, environment, session or task with what it installs and the test commands that it runs.

mod commands;
mod factors;
mod nox;
mod scripts;
mod tox;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

use super::joined;
use super::manifest::Manifest;
use super::needs::Needs;
use crate::survey::Tree;
use crate::survey::shell::{self, UNKNOWN};
use commands::{Call, Meaning};
use scripts::Scripts;

/// How deep scripts that call scripts are followed.
const DEPTH: usize = 4;
/// Words in the names of lanes that do not run the tests in the usual way.
const SPECIAL: [&str; 40] = [
    "min",
    "old",
    "lowest",
    "bench",
    "doc",
    "lint",
    "mypy",
    "typing",
    "type",
    "style",
    "integration",
    "e2e",
    "nightly",
    "upstream",
    "pypy",
    "publish",
    "release",
    "deploy",
    "build",
    "wheel",
    "fuzz",
    "downstream",
    "devel",
    "conda",
    "format",
    "playwright",
    "selenium",
    "cypress",
    "browser",
    "valkey",
    "smoke",
    "stress",
    "perf",
    "codspeed",
    "mutation",
    "sanitizer",
    "valgrind",
    "windows",
    "macos",
    "typeguard",
];

/// Names of lanes that run all tests, and of their files.
const USUAL: [&str; 20] = [
    "test",
    "tests",
    "testing",
    "unit",
    "unittest",
    "unittests",
    "pytest",
    "ci",
    "main",
    "build",
    "python",
    "tox",
    "pyproject",
    "noxfile",
    "makefile",
    "justfile",
    "python-package",
    "python-app",
    "workflow",
    "",
];

/// Where a lane stands; the earlier, the more it says about how the tests are meant to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A job of a workflow.
    Workflow,
    /// An environment of tox.
    Tox,
    /// A session of nox.
    Nox,
    /// A script of a package manager, or a target of a Makefile.
    Task,
}

/// One way in which the project runs its tests.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    /// Where it stands.
    pub(super) kind: Kind,
    /// The file, for people.
    pub(super) from: String,
    /// Its name there.
    pub(super) name: String,
    /// Its environment variables.
    pub(super) env: BTreeMap<String, String>,
    /// What it installs.
    pub(super) needs: Needs,
    /// Debian packages that it installs.
    pub(super) system: BTreeSet<String>,
    /// The images of the services beside it.
    pub(super) services: Vec<String>,
    /// The test commands, without what wraps them.
    pub(super) tests: Vec<TestCommand>,
    /// The tool that it leaves the rest to: tox or nox, whose environments are lanes of their own.
    leaves_to: Option<Kind>,
}

/// A test command of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TestCommand {
    /// Its words; the first is the runner (`pytest`, `unittest`) or `python` with a script.
    pub(super) words: Vec<String>,
    /// Its folder, below the workspace.
    pub(super) workdir: String,
}

/// A lane before its commands are understood.
#[derive(Debug, Default)]
struct Recipe {
    from: String,
    name: String,
    env: BTreeMap<String, String>,
    needs: Needs,
    services: Vec<String>,
    /// Scripts with their folders.
    steps: Vec<(String, String)>,
}

/// The lanes that run the tests of the part, the most telling first.
pub(super) fn lanes(tree: &Tree, manifest: &Manifest<'_>) -> Vec<Lane> {
    let scripts = Scripts::of(tree, manifest);
    let sources: [(Kind, Vec<Recipe>); 4] = [
        (Kind::Workflow, workflows::recipes(tree)),
        (Kind::Tox, tox::recipes(manifest)),
        (Kind::Nox, nox::recipes(tree, &manifest.folder)),
        (Kind::Task, scripts.recipes()),
    ];
    let (mut lanes, around): (Vec<Lane>, Vec<Lane>) = sources
        .into_iter()
        .flat_map(|(kind, recipes)| recipes.into_iter().map(move |recipe| (kind, recipe)))
        .map(|(kind, recipe)| understood(tree, kind, recipe, &scripts, manifest))
        .filter(|lane| !lane.tests.is_empty() || lane.leaves_to.is_some())
        .partition(|lane| !lane.tests.is_empty());
    for lane in &mut lanes {
        lane.stand_in(&around);
    }
    lanes.sort_by_cached_key(|lane| {
        let special = special(&lane.name) || special(&lane.from);
        (
            special,
            lane.kind,
            is_narrow(tree, &manifest.folder, lane),
            !is_usual(&lane.name),
            !is_usual(&lane.from),
            !lane.from.starts_with(".github/"),
            // Of the same tests with several databases, those with the fewest servers.
            super::services(&[lane]).len(),
        )
    });
    lanes
}

impl Lane {
    /// Takes along what the job provides that runs this environment: servers, variables, Debian packages.
    fn stand_in(&mut self, around: &[Self]) {
        let mut jobs: Vec<&Self> = around
            .iter()
            .filter(|job| job.leaves_to == Some(self.kind) && !special(&job.name) && !special(&job.from))
            .collect();
        jobs.sort_by_key(|job| (job.services.is_empty(), !is_usual(&job.name), !is_usual(&job.from)));
        let Some(job) = jobs.first() else { return };
        self.services.extend(job.services.iter().cloned());
        self.system.extend(job.system.iter().cloned());
        for (name, value) in &job.env {
            self.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// Whether a lane names the files that it runs, and they are less than half of the part's.
fn is_narrow(tree: &Tree, folder: &str, lane: &Lane) -> bool {
    let mut paths = Vec::new();
    for test in &lane.tests {
        let values = test.words.windows(2).filter(|pair| super::pytest::takes_value(&pair[0]));
        let values: Vec<&String> = values.map(|pair| &pair[1]).collect();
        let words = test.words.iter().skip(1).filter(|word| !values.contains(word));
        let named = words.map(|word| joined(&test.workdir, word.trim_start_matches("./")));
        let named: Vec<String> = named
            .map(|path| path.split("::").next().unwrap_or_default().trim_end_matches('/').to_owned())
            .filter(|path| tree.has(path) || tree.below(&format!("{path}/")).next().is_some())
            .collect();
        if named.is_empty() {
            return false;
        }
        paths.extend(named);
    }
    let files = super::runner::test_files(tree, folder, &[]);
    let inside = |file: &&&str| {
        paths.iter().any(|path| {
            file.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    files.iter().filter(inside).count() * 2 < files.len()
}

/// Whether a name is one that people give what runs all their tests.
fn is_usual(name: &str) -> bool {
    let name = name.rsplit(['/', ':']).next().unwrap_or_default().to_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    USUAL.contains(&stem)
}

/// Whether a lane's name says that it is not the usual test run.
pub(super) fn special(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or_default().to_lowercase();
    SPECIAL.iter().any(|word| name.contains(word)) && !name.contains("unit")
}

fn understood(
    tree: &Tree,
    kind: Kind,
    recipe: Recipe,
    scripts: &Scripts<'_>,
    manifest: &Manifest<'_>,
) -> Lane {
    let mut lane = Lane {
        kind,
        from: recipe.from,
        name: recipe.name,
        env: recipe.env,
        needs: recipe.needs,
        system: BTreeSet::new(),
        services: recipe.services,
        tests: Vec::new(),
        leaves_to: None,
    };
    let variables = lane.env.clone();
    for (workdir, script) in recipe.steps {
        let script = shell::with_variables(&script, &variables);
        let place = Place { tree, folder: &manifest.folder, workdir };
        follow(&mut lane, place, &script, scripts, DEPTH);
    }
    lane.needs.settle(manifest.name.as_deref());
    lane.env
        .retain(|name, value| shell::is_name(name) && wanted(name) && !value.contains([UNKNOWN, '$', '{']));
    lane
}

/// Where a script runs.
#[derive(Clone)]
struct Place<'a> {
    tree: &'a Tree,
    /// The part's folder.
    folder: &'a str,
    /// The folder in which commands run just now.
    workdir: String,
}

impl Place<'_> {
    /// Goes to another folder, as `cd` does.
    fn enter(&mut self, folder: &str) {
        for name in folder.split('/').filter(|name| !name.is_empty() && *name != ".") {
            if name == ".." {
                self.workdir = self.workdir.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
            } else {
                self.workdir = joined(&self.workdir, name);
            }
        }
    }

    /// Whether what runs here is the part's: in its folder, or in one below that is no part of its own.
    fn is_inside(&self) -> bool {
        let below = self
            .workdir
            .strip_prefix(self.folder)
            .filter(|rest| self.folder.is_empty() || rest.starts_with('/'));
        let own = ["pyproject.toml", "setup.py", "requirements.txt", "Pipfile"];
        self.workdir == self.folder
            || below.is_some_and(|_| {
                self.tree.below(&joined(&self.workdir, "")).next().is_some()
                    && !own.iter().any(|name| self.tree.has(&joined(&self.workdir, name)))
            })
    }
}

/// Takes in what a script does, and what the scripts do that it calls.
fn follow(lane: &mut Lane, mut place: Place<'_>, script: &str, scripts: &Scripts<'_>, depth: usize) {
    for command in shell::commands(script) {
        if let [cd, folder] = command.words.as_slice()
            && cd == "cd"
        {
            place.enter(folder);
            continue;
        }
        let here = place.workdir == place.folder;
        match commands::meaning(&command.words) {
            Meaning::Install(needs) if here => lane.needs.join(needs),
            Meaning::System(packages) => lane.system.extend(packages),
            Meaning::Test { words, needs } if place.is_inside() => {
                lane.needs.join(needs);
                lane.env.extend(command.env);
                let test = TestCommand { words, workdir: place.workdir.clone() };
                if !lane.tests.contains(&test) {
                    lane.tests.push(test);
                }
            }
            Meaning::Call { call: Call::Elsewhere(kind), .. } if here => {
                lane.env.extend(command.env);
                lane.leaves_to.get_or_insert(kind);
            }
            Meaning::Call { call, needs } if here => {
                let Some((called, more)) = scripts.called(&call, &place.workdir).filter(|_| depth > 0) else {
                    continue;
                };
                lane.needs.join(needs);
                lane.needs.join(more);
                lane.env.extend(command.env);
                follow(lane, place.clone(), &called, scripts, depth - 1);
            }
            Meaning::Install(_) | Meaning::Test { .. } | Meaning::Call { .. } | Meaning::Other => {}
        }
    }
}

/// Variables that say something about the tests, not about the machine that runs them.
fn wanted(name: &str) -> bool {
    let of_the_machine = [
        "GITHUB",
        "GH_",
        "CI",
        "PIP_",
        "UV_",
        "TOX",
        "NOX",
        "FORCE_COLOR",
        "COLUMNS",
        "CODECOV",
        "COVERALLS",
        "CACHE",
        "PATH",
        "HOME",
        "PYTHON_VERSION",
        "PYTHONWARNINGS",
        "VIRTUALENV",
        "POETRY",
        "PDM_",
        "HATCH",
        "PRE_COMMIT",
        "MYPY",
        "COVERAGE",
        "CIBW",
        "PYTHONDEVMODE",
        "PY_COLORS",
        "RUFF",
        "PYTEST_ADDOPTS",
        "LC_ALL",
        "LANG",
        "TERM",
        "CONDA",
        "RUNNER",
        "AWS_",
        "SSL_",
        "NO_COLOR",
        "TWINE",
        "SETUPTOOLS_SCM",
        "PYTHONDONTWRITE",
        "PIPENV",
        "PLATFORM",
    ];
    !of_the_machine.iter().any(|start| name.starts_with(start)) && !name.to_uppercase().contains("TOKEN")
}
