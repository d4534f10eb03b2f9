//! How a part's tests are run.

use std::collections::BTreeSet;

use codegod_protocol::setup::{ReportFormat, TestRun};

use super::lanes::{Lane, TestCommand};
use super::manifest::Manifest;
use super::{joined, pytest};
use crate::shell::quote;
use crate::survey::Tree;

/// The longest that a part's tests may take, in seconds.
const DEADLINE_SECONDS: u64 = 1800;
/// Runs a script or module and reports what unittest's results were told, whoever runs the tests.
const RECORDED: &str = "python /opt/codegod/unittest_report.py";

/// The test runs of a part, and what they need beside what the project names.
#[derive(Debug, Default)]
pub(super) struct Runner {
    /// The runs.
    pub(super) tests: Vec<TestRun>,
    /// Requirement lines.
    pub(super) distributions: BTreeSet<String>,
    /// Why, a sentence each.
    pub(super) notes: Vec<String>,
}

/// Chooses how the tests of a part are run.
pub(super) fn choose(
    tree: &Tree,
    manifest: &Manifest<'_>,
    lanes: &[&Lane],
    named: &BTreeSet<String>,
    ignored: &[String],
) -> Runner {
    let files = test_files(tree, &manifest.folder, ignored);
    let own = lanes.iter().find(|lane| lane.tests.iter().any(|test| family(tree, test).is_some()));
    let Some(lane) = own else { return conventional(tree, manifest, named, &files, ignored) };
    let first = lane.tests.iter().find_map(|test| Some((family(tree, test)?, test)));
    let Some((kind, first)) = first else { return Runner::default() };
    let alike: Vec<&[String]> = lane
        .tests
        .iter()
        .filter(|test| family(tree, test) == Some(kind) && test.workdir == first.workdir)
        .map(|test| test.words.as_slice())
        .collect();
    let mut runner = match kind {
        Family::Pytest => of_pytest(tree, manifest, &first.workdir, &alike, &files, ignored),
        Family::Nose => of_nose(tree, manifest, &first.workdir, &files, ignored),
        Family::Unittest | Family::Django | Family::Script => recorded(kind, first, &files),
    };
    runner.notes.push(format!(
        "Its tests run as in {} ({}): {}.",
        lane.from,
        lane.name,
        first.words.join(" ")
    ));
    runner
}

/// Kinds of test commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Pytest,
    Nose,
    Unittest,
    Django,
    Script,
}

fn family(tree: &Tree, test: &TestCommand) -> Option<Family> {
    let words: Vec<&str> = test.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["pytest", ..] => Some(Family::Pytest),
        ["nosetests" | "nose" | "nose2", ..] => Some(Family::Nose),
        ["unittest" | "trial" | "zope-testrunner" | "stestr", ..] => Some(Family::Unittest),
        ["python", script, ..] if script.ends_with("manage.py") => {
            let path = joined(&test.workdir, script.trim_start_matches("./"));
            Some(if is_djangos(tree, &path) { Family::Django } else { Family::Script })
        }
        ["django-admin" | "django-admin.py" | "django", ..] => Some(Family::Django),
        ["python", "setup.py", ..] => Some(Family::Nose),
        ["python", _, ..] => Some(Family::Script),
        _ => None,
    }
}

fn conventional(
    tree: &Tree,
    manifest: &Manifest<'_>,
    named: &BTreeSet<String>,
    files: &[&str],
    ignored: &[String],
) -> Runner {
    let manage = manage_py(tree, &manifest.folder);
    let prefers_pytest = !manifest.pytest().is_empty() || named.iter().any(|name| name.starts_with("pytest"));
    if let Some(folder) = manage.filter(|_| !prefers_pytest) {
        let words = ["python", "manage.py", "test"].map(str::to_owned).to_vec();
        return recorded(Family::Django, &TestCommand { words, workdir: folder }, files);
    }
    let settings = manifest.pytest();
    let told = ["testpaths", "python_files"].iter().any(|key| settings.contains_key(*key));
    if files.is_empty() && !told {
        return Runner { notes: vec!["No tests were found.".to_owned()], ..Runner::default() };
    }
    of_pytest(tree, manifest, &manifest.folder, &[], files, ignored)
}

fn of_pytest(
    tree: &Tree,
    manifest: &Manifest<'_>,
    workdir: &str,
    commands: &[&[String]],
    files: &[&str],
    ignored: &[String],
) -> Runner {
    let mut run = pytest::run(tree, manifest, workdir, commands);
    let configured = manifest.pytest().contains_key("testpaths");
    for folder in ignored.iter().filter(|_| run.paths.is_empty() && !configured) {
        let below = folder.strip_prefix(workdir).map_or(folder.as_str(), |rest| rest.trim_start_matches('/'));
        run.arguments.push(format!("--ignore={below}"));
    }
    // Names that pytest does not look for by itself, where no file has another.
    let usual = |path: &&str| {
        path.rsplit('/').next().is_some_and(|name| name.starts_with("test_") || name.ends_with("_test.py"))
    };
    if run.paths.is_empty()
        && !files.is_empty()
        && !files.iter().any(usual)
        && !manifest.pytest().contains_key("python_files")
    {
        run.arguments.extend(["-o".to_owned(), "python_files=test.py tests.py *_tests.py".to_owned()]);
    }
    let inside = |path: &&&str| {
        run.paths.is_empty() || run.paths.iter().any(|below| path.starts_with(&joined(workdir, below)))
    };
    let count = files.iter().filter(inside).count();
    let own = [vec!["pytest".to_owned()], run.paths.clone()].concat().join(" ");
    Runner {
        tests: vec![test_run("pytest", run.command(), workdir, own, count)],
        distributions: run.plugins.iter().cloned().chain(["pytest".to_owned()]).collect(),
        notes: Vec::new(),
    }
}

/// nose itself does not run any more; pytest before 8 knows its ways.
fn of_nose(
    tree: &Tree,
    manifest: &Manifest<'_>,
    workdir: &str,
    files: &[&str],
    ignored: &[String],
) -> Runner {
    let mut runner = of_pytest(tree, manifest, workdir, &[], files, ignored);
    runner.distributions.remove("pytest");
    runner.distributions.extend(["pytest<8".to_owned(), "pynose".to_owned()]);
    runner
}

/// A run whose results are recorded where unittest collects them.
fn recorded(kind: Family, test: &TestCommand, files: &[&str]) -> Runner {
    let words: Vec<&str> = test.words.iter().map(String::as_str).collect();
    let mut distributions = BTreeSet::new();
    let (name, program, rest) = match words.as_slice() {
        ["trial", rest @ ..] => ("unittest", "-m twisted.trial".to_owned(), rest),
        ["zope-testrunner", rest @ ..] => {
            distributions.insert("zope.testrunner".to_owned());
            ("unittest", "-m zope.testrunner".to_owned(), rest)
        }
        ["stestr", ..] => ("unittest", "-m unittest discover".to_owned(), &[][..]),
        ["unittest", rest @ ..] => ("unittest", "-m unittest".to_owned(), rest),
        ["django-admin" | "django-admin.py" | "django", rest @ ..] => {
            ("django", "-m django".to_owned(), rest)
        }
        ["python", script, rest @ ..] => {
            (if kind == Family::Django { "django" } else { "unittest" }, quote(script), rest)
        }
        _ => ("unittest", "-m unittest".to_owned(), &[][..]),
    };
    let early = ["--failfast", "-f", "--noinput", "--no-input"];
    let rest: Vec<String> =
        rest.iter().filter(|word| !early.contains(word)).map(|word| quote(word)).collect();
    let mut run = [vec![RECORDED.to_owned(), program], rest].concat().join(" ");
    if kind == Family::Django {
        run.push_str(" --noinput");
    }
    let own = match words.first() {
        Some(&"unittest" | &"django") => format!("python -m {}", shown(&words)),
        _ => shown(&words),
    };
    Runner {
        tests: vec![test_run(name, run, &test.workdir, own, files.len())],
        distributions,
        notes: Vec::new(),
    }
}

fn shown(words: &[&str]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

fn test_run(runner: &str, run: String, workdir: &str, own: String, files: usize) -> TestRun {
    TestRun {
        runner: runner.to_owned(),
        run,
        workdir: workdir.to_owned(),
        report: ReportFormat::Junit,
        own,
        files: u64::try_from(files).ok().filter(|files| *files > 0),
        deadline_seconds: DEADLINE_SECONDS,
    }
}

/// The folder of the part's `manage.py`, the nearest to its top.
pub(super) fn manage_py(tree: &Tree, folder: &str) -> Option<String> {
    let start = joined(folder, "");
    let found = tree
        .below(&start)
        .map(|(path, _)| path)
        .filter(|path| path.ends_with("manage.py") && path[start.len()..].matches('/').count() <= 1);
    let found = found.filter(|path| path.rsplit('/').next() == Some("manage.py") && !path.contains("{{"));
    let found = found.filter(|path| is_djangos(tree, path));
    let nearest = found.min_by_key(|path| path.matches('/').count())?;
    Some(nearest.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned()))
}

/// Whether a `manage.py` is Django's: others have scripts of that name, too.
fn is_djangos(tree: &Tree, path: &str) -> bool {
    tree.text(path).is_none_or(|text| text.contains("django"))
}

/// The files with tests below a folder, without those of other parts.
pub(super) fn test_files<'t>(tree: &'t Tree, folder: &str, ignored: &[String]) -> Vec<&'t str> {
    let start = joined(folder, "");
    let others: Vec<String> = ignored.iter().map(|folder| format!("{folder}/")).collect();
    let below = tree.below(&start).map(|(path, _)| path);
    below
        .filter(|path| is_test_file(path) && !others.iter().any(|other| path.starts_with(other.as_str())))
        .collect()
}

/// Whether a file's name is one by which runners find tests.
pub(super) fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some(stem) = name.strip_suffix(".py") else { return false };
    stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || stem == "tests"
        || stem == "test"
}
