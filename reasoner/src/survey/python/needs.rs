//! What tests need beside the project itself, as the commands of a recipe install it.

use std::collections::BTreeSet;

use super::requirement;
use crate::survey::shell::UNKNOWN;

/// Tools that recipes install for themselves; tests never import them.
const TOOLS: [&str; 27] = [
    "pip",
    "setuptools",
    "wheel",
    "tox",
    "tox-gh",
    "tox-gh-actions",
    "tox-uv",
    "tox-travis",
    "nox",
    "build",
    "twine",
    "codecov",
    "coveralls",
    "pre-commit",
    "poetry",
    "uv",
    "pdm",
    "hatch",
    "flit",
    "pipenv",
    "virtualenv",
    "check-manifest",
    "cibuildwheel",
    "auditwheel",
    "pipx",
    "pip-tools",
    "conan",
];
/// Options of installers that take a value which is no requirement.
const VALUED: [&str; 24] = [
    "-c",
    "--constraint",
    "--constraints",
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "--no-binary",
    "--only-binary",
    "-t",
    "--target",
    "--python",
    "-p",
    "--prefix",
    "--config-settings",
    "-C",
    "--upgrade-package",
    "--resolution",
    "--progress-bar",
    "--timeout",
    "--build-constraint",
    "--prerelease",
    "--python-version",
];

/// What is to be installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Extras of the project.
    pub(super) extras: BTreeSet<String>,
    /// Its dependency groups.
    pub(super) groups: BTreeSet<String>,
    /// Requirements files, below the folder of the command.
    pub(super) files: Vec<String>,
    /// Requirement lines.
    pub(super) lines: Vec<String>,
    /// Every extra, or every group.
    pub(super) all_extras: bool,
    /// Every group.
    pub(super) all_groups: bool,
    /// The project itself.
    pub(super) project: bool,
}

impl Needs {
    /// Takes along what other needs say.
    pub(super) fn join(&mut self, other: Self) {
        self.extras.extend(other.extras);
        self.groups.extend(other.groups);
        self.files
            .extend(other.files.into_iter().filter(|file| !self.files.contains(file)).collect::<Vec<_>>());
        self.lines
            .extend(other.lines.into_iter().filter(|line| !self.lines.contains(line)).collect::<Vec<_>>());
        self.all_extras |= other.all_extras;
        self.all_groups |= other.all_groups;
        self.project |= other.project;
    }

    /// What a command installs; none when it is no installer that is known.
    pub(super) fn of_command(words: &[String]) -> Option<Self> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["pip" | "pip3" | "pynose", "install", rest @ ..]
            | ["uv", "pip", "install" | "sync", rest @ ..] => Some(Self::of_pip(rest)),
            ["uv", "sync" | "run", rest @ ..] => Some(Self::of_manager(rest)),
            ["poetry" | "pdm", "install" | "sync", rest @ ..] => Some(Self::of_manager(rest)),
            ["pipenv", "install" | "sync", ..] => Some(Self { all_groups: true, ..Self::default() }),
            ["flit", "install", ..] => Some(Self { project: true, all_extras: true, ..Self::default() }),
            ["python", "setup.py", "develop" | "install", ..] => {
                Some(Self { project: true, ..Self::default() })
            }
            _ => None,
        }
    }

    /// The arguments of `pip install`.
    pub(super) fn of_pip(words: &[&str]) -> Self {
        let mut needs = Self::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let (option, given) = match word.split_once('=') {
                Some((option, value)) if word.starts_with("--") => (option, Some(value)),
                _ => (word, None),
            };
            let mut value = || given.or_else(|| words.next()).unwrap_or_default().to_owned();
            match option {
                "-r" | "--requirement" | "--requirements" => needs.file(value()),
                "-e" | "--editable" => needs.target(&value()),
                "--group" | "--only-group" => drop(needs.groups.insert(value())),
                "--extra" => drop(needs.extras.insert(value())),
                "--all-extras" => needs.all_extras = true,
                option if VALUED.contains(&option) => drop(value()),
                option if option.starts_with("-r") && !option.starts_with("--") => {
                    needs.file(option.trim_start_matches("-r").to_owned());
                }
                option if option.starts_with('-') => {}
                target => needs.target(target),
            }
        }
        needs
    }

    /// The options of `uv sync`, `poetry install` and their like, up to a command that follows them.
    pub(super) fn of_manager(words: &[&str]) -> Self {
        let mut needs = Self { project: true, ..Self::default() };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let (option, given) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (word, None),
            };
            let mut value = || given.or_else(|| words.next()).unwrap_or_default();
            let split = |value: &str| value.split([',', ' ']).map(str::to_owned).collect::<Vec<_>>();
            match option {
                "--group" | "-G" | "--with-group" | "--only-group" | "--with" | "--only" => {
                    let names = split(value());
                    needs.groups.extend(names.iter().filter(|name| !name.starts_with(':')).cloned());
                    needs.all_groups |= names.iter().any(|name| name == ":all");
                }
                "--extra" | "-E" | "--extras" => needs.extras.extend(split(value())),
                "--all-extras" => needs.all_extras = true,
                "--all-groups" => needs.all_groups = true,
                "--dev" | "-d" => drop(needs.groups.insert("dev".to_owned())),
                "--python" | "-p" | "--package" | "--directory" | "--project" | "--without"
                | "--no-group" => drop(value()),
                option if option.starts_with('-') => {}
                _ => break,
            }
        }
        let known = |name: &String| !name.contains([UNKNOWN, '$']) && !name.is_empty();
        needs.extras.retain(known);
        needs.groups.retain(known);
        needs
    }

    fn file(&mut self, path: String) {
        if !path.contains([UNKNOWN, '$', '{']) && !self.files.contains(&path) {
            self.files.push(path);
        }
    }

    /// A project in a folder, a distribution file, or a requirement.
    pub(super) fn target(&mut self, target: &str) {
        let target = target.trim();
        if target.contains([UNKNOWN, '$', '{', '*']) || target.ends_with(".whl") {
            self.project |= target.contains(".whl") || target.contains("dist/");
        } else if target.starts_with('.') || target.starts_with('/') {
            self.project = true;
            self.extras.extend(requirement::extras(target));
        } else if requirement::name(target).is_some_and(|name| !TOOLS.contains(&name.as_str()))
            && !target.contains("://")
            && !target.contains('/')
            && !self.lines.iter().any(|line| line == target)
        {
            self.lines.push(target.to_owned());
        }
    }

    /// Lines that name the project itself are its extras.
    pub(super) fn settle(&mut self, project: Option<&str>) {
        let Some(project) = project else { return };
        let lines = std::mem::take(&mut self.lines);
        for line in lines {
            if requirement::name(&line).as_deref() == Some(project) {
                self.extras.extend(requirement::extras(&line));
                self.project = true;
            } else {
                self.lines.push(line);
            }
        }
    }
}
