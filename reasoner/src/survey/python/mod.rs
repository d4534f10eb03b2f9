//! Python parts of a project.

mod choose;
mod files;
mod folders;
mod lanes;
mod manifest;
mod needs;
mod poetry;
mod pytest;
mod requirement;
mod runner;
mod setup_py;
mod system;
mod version;

use std::collections::BTreeMap;

use codegod_protocol::setup::{PartPicture, Preparation, Python, ServiceKind, Setup, Toolchain};

#[cfg(test)]
mod lanes_tests;
#[cfg(test)]
mod tests;

use self::choose::Choice;
use self::lanes::Lane;
use self::manifest::Manifest;
use self::runner::Runner;
use super::Tree;
use super::servers::server;
use crate::interpreter;

/// The Python parts, the one nearest to the top first.
pub(super) fn parts(tree: &Tree, remarks: &mut Vec<String>) -> Vec<PartPicture> {
    let folders = folders::parts(tree);
    folders
        .iter()
        .map(|folder| {
            let start = joined(folder, "");
            let inner: Vec<String> = folders
                .iter()
                .filter(|other| *other != folder && other.starts_with(&start))
                .cloned()
                .collect();
            part(tree, folder, &inner, remarks)
        })
        .collect()
}

fn part(tree: &Tree, folder: &str, inner: &[String], remarks: &mut Vec<String>) -> PartPicture {
    let manifest = Manifest::of(tree, folder);
    remarks.extend(manifest.broken.iter().cloned());
    let lanes = lanes::lanes(tree, &manifest);
    let chosen = choose::chosen(&lanes);
    let choice = choose::choose(tree, &manifest, &chosen);
    let runner = runner::choose(tree, &manifest, &chosen, &choice.named, inner);
    let wants = manifest.requires_python();
    let (version, note) = interpreter::choose(wants.as_deref());
    let seen = seen(tree, &manifest, &choice, &runner);
    let mut read = manifest.read.clone();
    read.extend(choice.read.iter().cloned());
    read.extend(chosen.iter().map(|lane| lane.from.clone()));
    read.sort();
    read.dedup();
    let setup = Setup {
        part: name_of(folder),
        folder: folder.to_owned(),
        revision: 0,
        system_packages: system_packages(&choice, &chosen),
        services: services(&chosen),
        env: env(tree, &manifest, &chosen),
        private_files: BTreeMap::new(),
        prepare: prepare(tree, &manifest, &choice),
        toolchain: Toolchain::Python(Python {
            version,
            requirements: choice.requirements,
            distributions: runner.distributions,
            overrides: choice.overrides,
            ..Python::default()
        }),
        tests: runner.tests,
        tried: Vec::new(),
        outcome: None,
        stuck: None,
        best: None,
        dated: tree.date().map(str::to_owned),
        notes: choice.notes.into_iter().chain(runner.notes).chain(note).collect(),
    };
    PartPicture { setup, seen, read, wants: wants.unwrap_or_default() }
}

fn name_of(folder: &str) -> String {
    let name = if folder.is_empty() { "python".to_owned() } else { format!("python-{folder}") };
    let plain =
        name.chars().map(|char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' });
    plain.collect()
}

/// The installation of the folder itself, where it is a distribution, and of others of the workspace.
fn prepare(tree: &Tree, manifest: &Manifest<'_>, choice: &Choice) -> Vec<Preparation> {
    let isolation = if manifest.rebuilds_on_import() { " --no-build-isolation" } else { "" };
    let install = format!("uv pip install --quiet --no-deps{isolation}");
    let own = format!("{install} --editable . || {install} .");
    let mut steps = Vec::new();
    if manifest.names_folders() || files::name_folders(tree, &choice.requirements) {
        let pins = crate::setup::pins(&name_of(&manifest.folder));
        let lines = format!("sed -n \"s|^#local |-e $PWD/|p\" {pins} > /tmp/folders.txt");
        steps.push(Preparation {
            run: format!("{lines} && uv pip install --quiet --no-deps --requirements /tmp/folders.txt"),
            workdir: String::new(),
            why: "installs folders of the workspace that are required, editable".to_owned(),
        });
    }
    let run = if manifest.is_installable() {
        own
    } else if manifest.may_be_installable() {
        format!("{own} || echo 'It is no package that can be installed.'")
    } else {
        return steps;
    };
    let why = "installs the project itself, editable".to_owned();
    steps.push(Preparation { run, workdir: manifest.folder.clone(), why });
    steps
}

fn system_packages(choice: &Choice, lanes: &[&Lane]) -> std::collections::BTreeSet<String> {
    let own = lanes.iter().flat_map(|lane| lane.system.iter().cloned()).collect();
    system::packages(&choice.named, &own)
}

fn services(lanes: &[&Lane]) -> std::collections::BTreeSet<ServiceKind> {
    lanes.iter().flat_map(|lane| &lane.services).filter_map(|image| server(image)).collect()
}

/// Variables of the lanes, and the version of a project that takes it from tags.
fn env(tree: &Tree, manifest: &Manifest<'_>, lanes: &[&Lane]) -> BTreeMap<String, String> {
    let mut env = version::variables(tree, manifest);
    for lane in lanes.iter().rev() {
        env.extend(lane.env.clone());
    }
    env
}

/// What people call the tools that were seen.
fn seen(tree: &Tree, manifest: &Manifest<'_>, choice: &Choice, runner: &Runner) -> Vec<String> {
    let has = |name: &str| tree.has(&joined(&manifest.folder, name));
    let tools = [
        ("poetry", manifest.tool(&["poetry"]).is_some()),
        ("pdm", manifest.tool(&["pdm"]).is_some() || has("pdm.lock")),
        ("hatch", manifest.tool(&["hatch"]).is_some() || manifest.hatch.is_some()),
        ("flit", manifest.backend().is_some_and(|backend| backend.starts_with("flit"))),
        ("uv", has("uv.lock") || manifest.tool(&["uv"]).is_some()),
        ("pipenv", manifest.pipfile.is_some()),
        (
            "setuptools",
            manifest.setup_py.is_some()
                || manifest.backend().is_some_and(|backend| backend.starts_with("setuptools")),
        ),
        ("tox", !manifest.tox.is_empty() || !manifest.tox_tables.is_empty()),
        ("nox", has("noxfile.py")),
        ("extension modules", manifest.setup_py.as_ref().is_some_and(|setup| setup.extensions)),
    ];
    let frameworks =
        ["django", "flask", "fastapi", "starlette", "tornado", "aiohttp", "sqlalchemy", "celery"];
    let mut seen: Vec<String> =
        tools.iter().filter(|(_, there)| *there).map(|(name, _)| (*name).to_owned()).collect();
    seen.extend(
        frameworks.iter().filter(|name| choice.named.contains(**name)).map(|name| (*name).to_owned()),
    );
    seen.extend(runner.tests.iter().map(|test| test.runner.clone()));
    seen
}

/// A path below a folder; the folder's own with a slash behind it for an empty one.
fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
