//! Node parts of a project: one for each package.json that is installed by itself, with its workspaces.

mod kind;
mod launch;
mod lifecycle;
mod manager;
mod manifest;
mod places;
mod plan;
mod reporter;
mod script;
mod shell;
#[cfg(test)]
mod tests;
mod version;
mod workflows;

use codegod_protocol::setup::{Node, NodeManager, PartPicture, Preparation, Setup, Toolchain};

use super::Tree;
use manager::Manager;
use manifest::Manifest;
use places::Place;
use plan::Plan;

/// Files of Python projects: a package.json beside them often only names tools.
const PYTHON: [&str; 4] = ["pyproject.toml", "setup.py", "requirements.txt", "manage.py"];
/// Packages worth telling a person.
const FRAMEWORKS: [&str; 14] = [
    "react",
    "vue",
    "svelte",
    "@angular/core",
    "next",
    "nuxt",
    "express",
    "fastify",
    "koa",
    "@nestjs/core",
    "typescript",
    "vite",
    "webpack",
    "electron",
];

/// The Node parts, the one nearest to the top first.
pub(super) fn parts(tree: &Tree, remarks: &mut Vec<String>) -> Vec<PartPicture> {
    let places = places::places(tree);
    remarks.extend(places::unreadable(tree));
    let top = places.first().map(|place| place.root.folder.clone()).unwrap_or_default();
    places.iter().filter_map(|place| part(tree, place, place.root.folder == top, remarks)).collect()
}

fn part(tree: &Tree, place: &Place, is_first: bool, remarks: &mut Vec<String>) -> Option<PartPicture> {
    let manager = manager::manager(tree, place);
    let version = version::choose(tree, &place.root);
    let mut plan = plan::plan(tree, place, &manager, version.major);
    if plan.tests.is_empty() {
        if !is_worth_it(tree, place, &manager, is_first, remarks) {
            return None;
        }
        plan.notes.push("It has no tests that can be run here.".to_owned());
    }
    plan.notes.extend(version.note.clone());
    plan.notes.extend(manager.note.clone());
    let files = manager::files(tree, place, &manager);
    let (workflow, env) = workflows::variables(tree, place, manager.kind);
    let (services, of_services) = workflows::services(tree, place, manager.kind);
    if !env.is_empty() {
        let names: Vec<&str> = env.keys().map(String::as_str).collect();
        plan.notes.push(format!("{} as {workflow} has it for the tests.", names.join(", ")));
    }
    let env = of_services.into_iter().chain(env).collect();
    Some(PartPicture {
        seen: seen(place, &manager, &plan),
        read: files.iter().filter(|path| !path.ends_with(".patch")).take(40).cloned().collect(),
        wants: version.wants.clone(),
        setup: Setup { env, services, ..setup(place, &manager, version.major, files, plan) },
    })
}

fn setup(place: &Place, manager: &Manager, major: u64, manifests: Vec<String>, plan: Plan) -> Setup {
    Setup {
        part: name(&place.root.folder),
        folder: place.root.folder.clone(),
        revision: 0,
        toolchain: Toolchain::Node(Node {
            version: major.to_string(),
            manager: manager.kind,
            manager_version: manager.version.clone(),
            locked: manager.lock.is_some(),
            flags: Default::default(),
            manifests,
            packages: Default::default(),
            without: Default::default(),
        }),
        system_packages: Default::default(),
        services: Default::default(),
        env: Default::default(),
        private_files: Default::default(),
        prepare: plan.prepare,
        tests: plan.tests,
        notes: plan.notes,
        tried: Vec::new(),
        outcome: None,
        stuck: None,
        best: None,
        dated: None,
    }
}

/// A part's name, which is also that of its environment.
fn name(folder: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' };
    if folder.is_empty() {
        "node".to_owned()
    } else {
        format!("node-{}", folder.chars().map(plain).collect::<String>())
    }
}

/// Whether a package.json without tests is a part of its own: an app is, what only names tools is not.
fn is_worth_it(
    tree: &Tree,
    place: &Place,
    manager: &Manager,
    is_first: bool,
    remarks: &mut Vec<String>,
) -> bool {
    let root = &place.root;
    if root.dependencies().is_empty() && place.members.is_empty() {
        // The only manifest there is says what the project is, however little that may be.
        return is_first && !tree.entries().any(|(path, _)| PYTHON.iter().any(|name| path.ends_with(name)));
    }
    let path = manifest::join(&root.folder, "package.json");
    let beside_python = PYTHON.iter().any(|name| tree.has(&manifest::join(&root.folder, name)));
    if beside_python && root.get(&["dependencies"]).is_none() {
        remarks.push(format!("{path} only names tools beside a Python project; nothing is done with it."));
        return false;
    }
    let is_app = ["build", "start", "dev", "serve"].iter().any(|script| root.script(script).is_some());
    if is_first || (is_app && manager.lock.is_some() && !tree.has("package.json")) {
        return true;
    }
    remarks.push(format!("{path} has no tests; nothing is done with it."));
    false
}

fn seen(place: &Place, manager: &Manager, plan: &Plan) -> Vec<String> {
    let manager = match manager.kind {
        NodeManager::Npm => "npm",
        NodeManager::YarnClassic => "yarn 1",
        NodeManager::YarnBerry => "yarn",
        NodeManager::Pnpm => "pnpm",
    };
    let mut seen = vec![manager.to_owned()];
    if !place.members.is_empty() {
        seen.push(format!("{} workspaces", place.members.len()));
    }
    let used = |name: &&&str| place.all().any(|manifest| manifest.depends_on(name));
    seen.extend(FRAMEWORKS.iter().filter(used).map(|name| (*name).to_owned()));
    for test in &plan.tests {
        if !seen.contains(&test.runner) {
            seen.push(test.runner.clone());
        }
    }
    seen
}

/// A command in a folder with the commands of the packages that are installed for it.
fn with_path(place: &Place, folder: &str, command: &str) -> String {
    let below = folder.strip_prefix(&place.root.folder).unwrap_or_default();
    let depth = below.split('/').filter(|part| !part.is_empty()).count();
    let places: Vec<String> =
        (0..=depth).map(|up| format!("$PWD/{}node_modules/.bin:", "../".repeat(up))).collect();
    format!("PATH=\"{}$PATH\"; {command}", places.concat())
}

/// A command whose failure keeps no test from being run: whether they need it is not known.
fn tests_anyway(command: &str) -> String {
    format!("{command} || echo '[this failed; the tests are run all the same]'")
}

/// A script of a package as a preparation.
fn script_preparation(manager: &Manager, manifest: &Manifest, script: &str, why: String) -> Preparation {
    Preparation {
        run: tests_anyway(&format!("{} run {script}", manager.command())),
        workdir: manifest.folder.clone(),
        why,
    }
}
