//! What has to happen to the sources before tests: the scripts that an installation would run, and the
//! building of workspaces that others import in their built form.

use codegod_protocol::setup::{NodeManager, Preparation, TestRun};
use serde_json::Value;

use super::super::Tree;
use super::super::tree::is_javascript_test;
use super::kind::{Kind, kind};
use super::manager::Manager;
use super::manifest::{Manifest, join, resolve};
use super::places::{Place, is_side};
use super::plan::project_of;
use super::script::{Step, steps};
use super::{script_preparation, tests_anyway, with_path};

/// Scripts that an installation runs in the project itself.
const SCRIPTS: [&str; 3] = ["install", "postinstall", "prepare"];
/// What these do for an editor or an app's package, never for tests.
const NOT_NEEDED: [&str; 12] = [
    "electron-builder",
    "electron-rebuild",
    "pod-install",
    "ngcc",
    "patch-hooks",
    "install-peers",
    "puppeteer",
    "setup-hooks",
    "ts-patch-hooks",
    "pre-commit",
    "yarn-deduplicate",
    "link-parent-bin",
];
/// Signs that a runner finds the sources of workspaces by itself.
const BY_SOURCE: [&str; 5] = ["alias", "moduleNameMapper", "tsconfigPaths", "conditions", "tsconfig-paths"];

/// What the project's own installation scripts do that tests may need.
pub(super) fn preparations(tree: &Tree, place: &Place, manager: &Manager) -> Vec<Preparation> {
    let mut all = Vec::new();
    for manifest in in_order(place) {
        for script in SCRIPTS {
            // Yarn 2 and later prepare only what they publish.
            if manager.kind == NodeManager::YarnBerry && script == "prepare" {
                continue;
            }
            let steps = steps(place, manager.kind, &manifest.folder, script);
            let work: Vec<&Step> = steps.iter().filter(|step| is_work(tree, step)).collect();
            all.extend(work.into_iter().map(|step| Preparation {
                run: tests_anyway(&with_path(place, &step.folder, &step.shown())),
                workdir: step.folder.clone(),
                why: format!("the project's script {script} runs it with every installation"),
            }));
        }
        if manifest.script("install").is_none() && tree.has(&join(&manifest.folder, "binding.gyp")) {
            all.push(Preparation {
                run: with_path(place, &manifest.folder, "node-gyp rebuild || npx node-gyp rebuild"),
                workdir: manifest.folder.clone(),
                why: "it has a native module of its own".to_owned(),
            });
        }
    }
    all
}

fn is_work(tree: &Tree, step: &Step) -> bool {
    let husky = step
        .words
        .iter()
        .any(|word| ["husky", "hooks", "git-hook"].iter().any(|part| word.text.contains(part)));
    kind(step, |step| leaves_nothing(tree, step)) == Kind::Work
        && !husky
        && !NOT_NEEDED.contains(&step.program())
}

/// Whether the TypeScript project that a step compiles says that nothing is written.
pub(super) fn leaves_nothing(tree: &Tree, step: &Step) -> bool {
    let Some(text) = project_of(step).and_then(|path| tree.text(&path)) else { return false };
    let plain: String = text.chars().filter(|char| !char.is_whitespace()).collect();
    let builds_others = step.arguments().iter().any(|word| ["-b", "--build"].contains(&word.text.as_str()))
        && plain.contains("\"references\":[{");
    plain.contains("\"noEmit\":true") && !builds_others
}

/// The root, then its workspaces, each behind those that it depends on.
fn in_order(place: &Place) -> Vec<&Manifest> {
    let mut ordered = Vec::new();
    for member in place.members.iter().filter(|member| !is_side(&member.folder)) {
        visit(place, member, &mut ordered, 0);
    }
    std::iter::once(&place.root).chain(ordered).collect()
}

fn visit<'a>(place: &'a Place, member: &'a Manifest, ordered: &mut Vec<&'a Manifest>, depth: usize) {
    if depth > 20 || ordered.iter().any(|known| known.folder == member.folder) {
        return;
    }
    for name in member.dependencies().into_keys() {
        if let Some(other) = place.named(name).filter(|other| other.folder != member.folder) {
            visit(place, other, ordered, depth + 1);
        }
    }
    if !ordered.iter().any(|known| known.folder == member.folder) {
        ordered.push(member);
    }
}

/// What has to be built before the tests: what they import and is not among the sources. `by_workflow` is
/// how the project's own workflow builds it.
pub(super) fn builds(
    tree: &Tree,
    place: &Place,
    manager: &Manager,
    tests: &[TestRun],
    by_workflow: Vec<Preparation>,
) -> Vec<Preparation> {
    let from_source =
        tree.entries().any(|(path, _)| is_runner_config(place, path) && finds_sources(tree, path));
    if from_source && !builds_come_first(tree, place) {
        return Vec::new();
    }
    if !place.members.is_empty() {
        return if by_workflow.is_empty() { of_members(tree, place, manager, tests) } else { by_workflow };
    }
    let root = &place.root;
    let Some(folder) = built_folder_of_tests(tree, root, tests) else { return Vec::new() };
    if !by_workflow.is_empty() {
        return by_workflow;
    }
    let why = format!("the tests use {folder}, which is built");
    build_script(place, manager, root)
        .map(|script| script_preparation(manager, root, script, why))
        .into_iter()
        .collect()
}

/// The script that builds a package and does nothing else.
fn build_script(place: &Place, manager: &Manager, manifest: &Manifest) -> Option<&'static str> {
    ["compile", "build", "prepack", "prepublishOnly", "dist"].into_iter().find(|script| {
        let steps = steps(place, manager.kind, &manifest.folder, script);
        !steps.is_empty()
            && !steps.iter().any(|step| matches!(kind(step, |_| false), Kind::Tests(_) | Kind::Browser))
    })
}

/// The folder that is not among the sources and that tests name, or whose package they import by its name.
fn built_folder_of_tests(tree: &Tree, manifest: &Manifest, tests: &[TestRun]) -> Option<String> {
    let within = |folder: &str| -> bool {
        let start = format!("{}/", join(&manifest.folder, folder));
        tree.entries().any(|(path, _)| path.starts_with(&start))
    };
    let mut folders: Vec<String> = entries(manifest)
        .iter()
        .filter_map(|entry| entry.trim_start_matches("./").split_once('/'))
        .map(|(folder, _)| folder.to_owned())
        .filter(|folder| !folder.is_empty() && !folder.contains('*') && !within(folder))
        .collect();
    folders.dedup();
    let own = own_tests(tree, manifest);
    folders.into_iter().find(|folder| {
        let in_command = |test: &TestRun| test.run.contains(&format!("{folder}/"));
        tests.iter().any(in_command) || own.iter().any(|text| uses(text, folder, manifest.name()))
    })
}

/// Whether a text imports something of a folder, or a package by its name.
fn uses(text: &str, folder: &str, name: &str) -> bool {
    let ended =
        |start: String| ["'", "\"", "/", "`"].iter().any(|end| text.contains(&format!("{start}{end}")));
    if ended(format!("../{folder}")) || ended(format!("'./{folder}")) {
        return true;
    }
    let imports = ["from '", "from \"", "require('", "require(\"", "import '", "import \"", "import('"];
    !name.is_empty() && imports.iter().any(|import| ended(format!("{import}{name}")))
}

/// The texts of a package's tests, without those of packages within its folder.
fn own_tests<'a>(tree: &'a Tree, manifest: &Manifest) -> Vec<&'a str> {
    let start = if manifest.folder.is_empty() { String::new() } else { format!("{}/", manifest.folder) };
    let manifests = tree.entries().filter_map(|(path, _)| path.strip_suffix("package.json"));
    let inner: Vec<&str> =
        manifests.filter(|folder| *folder != start && folder.starts_with(&start)).collect();
    let paths = tree
        .entries()
        .map(|(path, _)| path)
        .filter(|path| is_javascript_test(path) && path.starts_with(&start));
    paths
        .filter(|path| !inner.iter().any(|inner| path.starts_with(inner)))
        .filter_map(|path| tree.text(path))
        .collect()
}

/// The builds of workspaces that tested ones import.
fn of_members(tree: &Tree, place: &Place, manager: &Manager, tests: &[TestRun]) -> Vec<Preparation> {
    let tested = |member: &&Manifest| {
        tests.iter().any(|test| test.workdir == member.folder || test.workdir == place.root.folder)
    };
    let mut needed: Vec<&Manifest> = Vec::new();
    for member in place.all().filter(tested) {
        need(tree, place, member, &mut needed, 0);
    }
    let why = |member: &Manifest| format!("other workspaces import what is built of {}", member.name());
    needed.into_iter().map(|member| script_preparation(manager, member, "build", why(member))).collect()
}

fn need<'a>(tree: &Tree, place: &'a Place, member: &Manifest, needed: &mut Vec<&'a Manifest>, depth: usize) {
    if depth > 20 {
        return;
    }
    for name in member.dependencies().into_keys() {
        let Some(other) = place.named(name).filter(|other| other.folder != member.folder) else { continue };
        if needed.iter().any(|known| known.folder == other.folder) {
            continue;
        }
        if other.script("build").is_some() && !has_entry(tree, other) {
            need(tree, place, other, needed, depth + 1);
            if !needed.iter().any(|known| known.folder == other.folder) {
                needed.push(other);
            }
        }
    }
}

/// Whether the project's own order of tasks (nx, turbo) builds workspaces before it tests what needs them.
fn builds_come_first(tree: &Tree, place: &Place) -> bool {
    let orders = ["nx.json", "turbo.json"].into_iter().filter_map(|name| {
        let text = tree.text(&join(&place.root.folder, name))?;
        serde_json::from_str::<Value>(text).ok()
    });
    let is_build = |on: &Value| on.as_str().is_some_and(|on| on.trim_start_matches('^') == "build");
    let after_build = |(name, task): (&String, &Value)| {
        let on = task.get("dependsOn").and_then(Value::as_array);
        name.rsplit(['#', '/']).next().is_some_and(is_tests) && on.is_some_and(|on| on.iter().any(is_build))
    };
    orders
        .flat_map(|order| ["targetDefaults", "tasks", "pipeline"].map(|key| order.get(key).cloned()))
        .flatten()
        .any(|tasks| tasks.as_object().is_some_and(|tasks| tasks.iter().any(after_build)))
}

/// Whether a task's name is that of the tests, not of what else is checked (`test:types`).
fn is_tests(name: &str) -> bool {
    ["test", "test:unit", "test:lib", "unit", "test:ci", "tests", "vitest", "jest"].contains(&name)
}

fn is_runner_config(place: &Place, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with(&place.root.folder)
        && !is_side(path.rsplit_once('/').map_or("", |(folder, _)| folder))
        && ["vitest.", "vite.config.", "jest.config."].iter().any(|start| name.starts_with(start))
}

fn finds_sources(tree: &Tree, path: &str) -> bool {
    tree.text(path).is_some_and(|text| BY_SOURCE.iter().any(|sign| text.contains(sign)))
}

/// The files that importing the package leads to.
fn entries(manifest: &Manifest) -> Vec<String> {
    let mut entries = Vec::new();
    for key in ["main", "module"] {
        entries.extend(manifest.text(&[key]).map(str::to_owned));
    }
    if let Some(exports) = manifest.get(&["exports"]) {
        texts(exports.get(".").unwrap_or(exports), &mut entries, 0);
    }
    if let Some(commands) = manifest.get(&["bin"]) {
        texts(commands, &mut entries, 0);
    }
    entries.retain(|entry| !entry.ends_with(".d.ts") && !entry.contains('*') && !entry.ends_with(".json"));
    entries
}

/// Whether something that importing the package leads to is among the sources; true when it says nothing.
fn has_entry(tree: &Tree, manifest: &Manifest) -> bool {
    let entries = entries(manifest);
    entries.is_empty()
        || entries.iter().any(|entry| {
            let Some(path) = resolve(&manifest.folder, entry) else { return true };
            ["", ".js", ".cjs", ".mjs", "/index.js"].iter().any(|ending| tree.has(&format!("{path}{ending}")))
        })
}

fn texts(value: &Value, found: &mut Vec<String>, depth: usize) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Object(all) if depth < 8 => all.values().for_each(|value| texts(value, found, depth + 1)),
        Value::Array(all) if depth < 8 => all.iter().for_each(|value| texts(value, found, depth + 1)),
        _ => {}
    }
}
