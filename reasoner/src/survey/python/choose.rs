//! What is installed for a part's tests: what its lanes install, else what its names and contents say.

use std::collections::{BTreeMap, BTreeSet};

use codegod_protocol::setup::{PythonLock, Requirements};

use super::lanes::{Kind, Lane};
use super::manifest::{Manifest, Named};
use super::needs::Needs;
use super::{files, joined, requirement};
use crate::interpreter;
use crate::survey::Tree;

/// Names of extras, groups and files that are for tests.
const TESTS: [&str; 8] =
    ["test", "tests", "testing", "pytest", "unittest", "unit-test", "test-requirements", "tests-require"];
/// Names of extras and groups that are for development.
const DEVELOPMENT: [&str; 6] = ["dev", "develop", "development", "local", "ci", "all"];
/// Names that are for something else.
const ELSEWHERE: [&str; 14] = [
    "doc",
    "lint",
    "format",
    "mypy",
    "typing",
    "types",
    "release",
    "publish",
    "bench",
    "build",
    "packaging",
    "pre-commit",
    "profil",
    "style",
];

/// Tools that check, format or publish code.
const LINTERS: [&str; 39] = [
    "black",
    "flake8",
    "pylint",
    "mypy",
    "isort",
    "ruff",
    "pre-commit",
    "twine",
    "sphinx",
    "sphinx-rtd-theme",
    "bumpversion",
    "bump2version",
    "commitizen",
    "tox",
    "autopep8",
    "yapf",
    "ipython",
    "jupyter",
    "notebook",
    "mkdocs",
    "mkdocs-material",
    "pyright",
    "bandit",
    "safety",
    "python-semantic-release",
    "ipdb",
    "jupyterlab",
    "codecov",
    "coveralls",
    "darglint",
    "docformatter",
    "interrogate",
    "pep8-naming",
    "pydocstyle",
    "pytype",
    "pyupgrade",
    "slotscheck",
    "vulture",
    "wemake-python-styleguide",
];
/// How the names of their plugins begin.
const OF_LINTERS: [&str; 2] = ["flake8-", "types-"];

/// The first pytest that runs on Python 3.10 and later.
const OLDEST_PYTEST: [u64; 3] = [6, 2, 5];

/// What is installed.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// What is resolved together.
    pub(super) requirements: Vec<Requirements>,
    /// Every distribution that is named by it, as far as that can be read off.
    pub(super) named: BTreeSet<String>,
    /// Lines in the place of pins that no interpreter at hand can run.
    pub(super) overrides: BTreeSet<String>,
    /// Why, a sentence each.
    pub(super) notes: Vec<String>,
    /// Files that were read for it.
    pub(super) read: Vec<String>,
}

/// Chooses what is installed for the tests of a part.
pub(super) fn choose(tree: &Tree, manifest: &Manifest<'_>, lanes: &[&Lane]) -> Choice {
    let mut choice = Choice::default();
    let mut needs = Needs::default();
    for lane in lanes {
        needs.join(lane.needs.clone());
        choice.notes.push(format!("What its tests need is taken from {} ({}).", lane.from, lane.name));
    }
    let (extras, groups, own) = (manifest.extras(), manifest.groups(), manifest.own_groups());
    let wanted_extras = wanted(&extras, &needs.extras, needs.all_extras, Development::IfNothingElse);
    let managed = lanes.iter().any(|lane| lane.needs.project && lane.kind == Kind::Workflow)
        || (manifest.tool(&["uv"]).is_some() && needs.groups.is_empty());
    let development =
        if managed || lanes.is_empty() { Development::Always } else { Development::IfNothingElse };
    let mut named_groups: BTreeSet<String> = needs.groups.union(&needs.extras).cloned().collect();
    // What a Pipfile says of the project itself.
    named_groups.insert("packages".to_owned());
    let wanted_groups = wanted(&groups, &named_groups, needs.all_groups, development);
    let wanted_own = wanted(&own, &named_groups, needs.all_groups, Development::Always);
    choice.project(manifest, &extras, wanted_extras, &groups, wanted_groups);
    let needed = manifest.dependencies().unwrap_or_default();
    for name in wanted_own {
        let lines = own.get(&name).cloned().unwrap_or_default();
        choice.lines(format!("group {name}"), without_linters(lines, &needed));
    }
    choice.tests_require(manifest);
    if manifest.rebuilds_on_import() {
        let tools = ["ninja", "cmake"].map(str::to_owned);
        choice.lines("build-system".to_owned(), [manifest.build_requires(), tools.to_vec()].concat());
    }
    choice.lines(lanes.first().map(|lane| lane.from.clone()).unwrap_or_default(), needs.lines.clone());
    choice.files(tree, manifest, &needs);
    choice.lock(tree, manifest);
    choice
}

/// When what is for development is taken along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Development {
    Always,
    IfNothingElse,
}

/// The names that are wanted: those that lanes name, those for tests by name or by content.
fn wanted(all: &Named, asked: &BTreeSet<String>, everything: bool, development: Development) -> Vec<String> {
    let same = |name: &str| {
        asked.iter().any(|asked| requirement::normalised(asked) == requirement::normalised(name))
    };
    let is = |names: &[&str], name: &str| names.contains(&requirement::normalised(name).as_str());
    let elsewhere = |name: &str| ELSEWHERE.iter().any(|word| name.to_lowercase().contains(word));
    // Where a recipe says which hold the tools for tests, others that hold some are for something else.
    let told = all.iter().any(|(name, lines)| same(name) && has_test_tools(lines));
    let mut wanted: Vec<String> = all
        .iter()
        .filter(|(name, lines)| {
            same(name)
                || is(&TESTS, name)
                || ((everything || (has_test_tools(lines) && !told))
                    && !elsewhere(name)
                    && !is(&DEVELOPMENT, name))
        })
        .map(|(name, _)| name.clone())
        .collect();
    // What is for development holds what is for tests only where nothing else does.
    let tested = wanted.iter().any(|name| has_test_tools(&all[name]));
    for (name, lines) in all.iter().filter(|(name, _)| is(&DEVELOPMENT, name)) {
        let useful = has_test_tools(lines) || everything || name != "all";
        if (development == Development::Always || !tested)
            && useful
            && !wanted.contains(name)
            && name != "all"
        {
            wanted.push(name.clone());
        }
    }
    wanted
}

/// Lines without what checks or publishes code, unless the project itself needs it: no test does, and
/// such tools bring much along.
fn without_linters(lines: Vec<String>, needed: &[String]) -> Vec<String> {
    let needed: BTreeSet<String> = needed.iter().filter_map(|line| requirement::name(line)).collect();
    let kept = |line: &String| {
        requirement::name(line).is_none_or(|name| {
            let checks =
                LINTERS.contains(&name.as_str()) || OF_LINTERS.iter().any(|start| name.starts_with(start));
            !checks || needed.contains(&name)
        })
    };
    lines.into_iter().filter(kept).collect()
}

fn has_test_tools(lines: &[String]) -> bool {
    lines.iter().filter_map(|line| requirement::name(line)).any(|name| is_test_tool(&name))
}

pub(super) fn is_test_tool(name: &str) -> bool {
    name.starts_with("pytest")
        || [
            "nose",
            "nose2",
            "pynose",
            "hypothesis",
            "mock",
            "factory-boy",
            "responses",
            "freezegun",
            "zope-testrunner",
        ]
        .contains(&name)
}

impl Choice {
    /// Takes in what lines name, and whether it can run at all.
    fn learn<'l>(&mut self, lines: impl IntoIterator<Item = &'l String>) {
        for line in lines.into_iter().filter(|line| requirement::is_for(line, interpreter::USUAL)) {
            self.named.extend(requirement::name(line));
            if requirement::name(line).as_deref() == Some("pytest")
                && requirement::is_below(line, &OLDEST_PYTEST)
            {
                self.overrides.insert("pytest>=7,<8".to_owned());
                let note = format!("`{line}` does not run on the Python at hand; pytest 7 takes its place.");
                self.notes.push(note);
            }
        }
    }

    fn project(
        &mut self,
        manifest: &Manifest<'_>,
        extras: &Named,
        wanted_extras: Vec<String>,
        groups: &Named,
        wanted_groups: Vec<String>,
    ) {
        self.learn(wanted_extras.iter().filter_map(|name| extras.get(name)).flatten());
        self.learn(wanted_groups.iter().filter_map(|name| groups.get(name)).flatten());
        self.learn(&manifest.dependencies().unwrap_or_default());
        let stated = manifest.project().is_some() || manifest.is_installable();
        if stated || !wanted_groups.is_empty() {
            self.requirements.push(Requirements::Project {
                folder: manifest.folder.clone(),
                extras: if stated { wanted_extras } else { Vec::new() },
                groups: wanted_groups,
            });
        } else if let Some(lines) = manifest.dependencies().filter(|lines| !lines.is_empty()) {
            // Poetry's projects that are no packages have no metadata that another tool could ask for.
            self.lines("the project's dependencies".to_owned(), lines);
        }
    }

    fn lines(&mut self, from: String, lines: Vec<String>) {
        self.learn(&lines);
        if !lines.is_empty() {
            self.requirements.push(Requirements::Lines { from, lines });
        }
    }

    fn tests_require(&mut self, manifest: &Manifest<'_>) {
        let setup = manifest.setup_py.iter().flat_map(|setup| setup.tests_require.clone());
        let cfg = manifest
            .setup_cfg
            .as_ref()
            .and_then(|ini| ini.get("options", "tests_require"))
            .unwrap_or_default();
        let flit = manifest
            .tool(&["flit", "metadata", "dev-requires"])
            .map(super::manifest::strings)
            .unwrap_or_default();
        let lines = setup.chain(requirement::lines(cfg).map(str::to_owned)).chain(flit);
        self.lines("tests_require".to_owned(), lines.collect());
    }

    fn files(&mut self, tree: &Tree, manifest: &Manifest<'_>, needs: &Needs) {
        let mut files: Vec<String> = needs
            .files
            .iter()
            .map(|file| joined(&manifest.folder, file.trim_start_matches("./")))
            .filter(|path| tree.text(path).is_some())
            .collect();
        let all = files::of_folder(tree, &manifest.folder);
        let purpose = |words: &[&str]| {
            let of = |path: &&String| {
                let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
                let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
                stem.split(['-', '_', '.']).any(|word| words.contains(&word))
                    || words.contains(&stem.as_str())
            };
            all.iter().filter(of).cloned().collect::<Vec<_>>()
        };
        let mut tests = purpose(&["test", "tests", "testing"]);
        // Beside what all tests need, what some of another kind need is nothing.
        if tests.iter().any(|path| !super::lanes::special(path)) {
            tests.retain(|path| !super::lanes::special(path));
        }
        let satisfied = files.iter().chain(&tests).any(|path| files::tools_in(tree, path))
            || self.named.iter().any(|name| is_test_tool(name));
        files.extend(tests);
        if !satisfied {
            files.extend(purpose(&["dev", "develop", "development", "local", "ci"]).into_iter().take(1));
            let tools = all.iter().find(|path| files::tools_in(tree, path));
            files.extend(tools.filter(|_| !files.iter().any(|path| files::tools_in(tree, path))).cloned());
        }
        // A library states what it needs in its metadata; anything else in its requirements files.
        let states = manifest.is_installable() && manifest.dependencies().is_some();
        if !states && manifest.pipfile.is_none() {
            let main = [
                "requirements.txt",
                "requirements/base.txt",
                "requirements/requirements.txt",
                "requirements/common.txt",
                "requirements/main.txt",
                "requirements/default.txt",
                "requirements/core.txt",
                "requirements/production.txt",
                "requirements/prod.txt",
            ];
            let main = main.iter().map(|name| joined(&manifest.folder, name)).find(|path| all.contains(path));
            // A file for development that includes what everything needs is whole by itself.
            let whole = files.iter().any(|path| files::is_whole(tree, path));
            let main = main.filter(|_| !whole);
            files.extend(main.or_else(|| all.first().filter(|_| files.is_empty()).cloned()));
        }
        let mut seen = BTreeSet::new();
        for path in files.into_iter().filter(|path| seen.insert(path.clone())) {
            self.learn(&files::lines_in(tree, &path));
            self.read.push(path.clone());
            self.requirements.push(Requirements::File { path });
        }
    }

    fn lock(&mut self, tree: &Tree, manifest: &Manifest<'_>) {
        let locks = [
            ("uv.lock", PythonLock::Uv),
            ("poetry.lock", PythonLock::Poetry),
            ("pdm.lock", PythonLock::Pdm),
            ("Pipfile.lock", PythonLock::Pipenv),
        ];
        // A workspace has one lock for all its members, at its top.
        let folders = std::iter::successors(Some(manifest.folder.as_str()), |folder| {
            (!folder.is_empty()).then(|| folder.rsplit_once('/').map_or("", |(above, _)| above))
        });
        for folder in folders {
            for (name, lock) in locks {
                let path = joined(folder, name);
                let beside = folder == manifest.folder || lock == PythonLock::Uv;
                if beside && tree.has(&path) {
                    self.read.push(path);
                    self.requirements.push(Requirements::Lock { lock, folder: folder.to_owned() });
                    return;
                }
            }
        }
    }
}

/// Which lanes a part's needs and tests are taken from: the first of each kind.
pub(super) fn chosen(lanes: &[Lane]) -> Vec<&Lane> {
    let usual =
        lanes.iter().filter(|lane| !super::lanes::special(&lane.name) && !super::lanes::special(&lane.from));
    let mut first: BTreeMap<Kind, &Lane> = BTreeMap::new();
    for lane in usual {
        first.entry(lane.kind).or_insert(lane);
    }
    if first.is_empty() { lanes.iter().take(1).collect() } else { first.into_values().collect() }
}
