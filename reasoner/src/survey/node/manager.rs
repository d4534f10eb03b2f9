//! Which package manager a project uses, in which version, and the files that its installation reads.

use codegod_protocol::setup::NodeManager;

use super::super::Tree;
use super::manifest::{Manifest, join, resolve};
use super::places::Place;

/// Files beside a manifest that an installation reads.
const SETTINGS: [&str; 6] =
    [".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs", ".pnpmfile.mjs"];

/// A package manager with what it reads.
#[derive(Debug)]
pub(super) struct Manager {
    pub(super) kind: NodeManager,
    pub(super) version: Option<String>,
    /// Its lock file, if there is one.
    pub(super) lock: Option<String>,
    pub(super) note: Option<String>,
}

impl Manager {
    /// Its name as people type it.
    pub(super) fn command(&self) -> &'static str {
        match self.kind {
            NodeManager::Npm => "npm",
            NodeManager::YarnClassic | NodeManager::YarnBerry => "yarn",
            NodeManager::Pnpm => "pnpm",
        }
    }
}

pub(super) fn manager(tree: &Tree, place: &Place) -> Manager {
    let root = &place.root;
    let lock = |name: &str| Some(join(&root.folder, name)).filter(|path| tree.has(path));
    let npm_lock = lock("npm-shrinkwrap.json").or_else(|| lock("package-lock.json"));
    let named = named(root);
    let found = |kind, version: Option<String>, lock| Manager { kind, version, lock, note: None };
    let pnpm = |version: Option<String>| {
        let lock = lock("pnpm-lock.yaml");
        let version = version.or_else(|| lock.as_deref().and_then(|path| pnpm_of(tree.text(path)?)));
        found(NodeManager::Pnpm, version, lock)
    };
    let yarn = |version: Option<String>| {
        let lock = lock("yarn.lock");
        let modern = match version.as_deref() {
            Some(version) => !version.starts_with("1.") && !version.starts_with("0."),
            None => is_berry(tree, root, lock.as_deref()),
        };
        let by_lock =
            || modern.then(|| lock.as_deref().and_then(|path| berry_of(tree.text(path)?))).flatten();
        let version = version.or_else(by_lock);
        found(if modern { NodeManager::YarnBerry } else { NodeManager::YarnClassic }, version, lock)
    };
    match named {
        Some(("pnpm", version)) => return pnpm(Some(version)),
        Some(("yarn", version)) => return yarn(Some(version)),
        Some(("npm", _)) if npm_lock.is_some() || lock("yarn.lock").is_none() => {
            return found(NodeManager::Npm, None, npm_lock);
        }
        _ => {}
    }
    if lock("pnpm-lock.yaml").is_some() {
        return pnpm(None);
    }
    // Of two lock files the other is usually left over: npm rewrites its own with every installation.
    if lock("yarn.lock").is_some() {
        return yarn(None);
    }
    if npm_lock.is_some() {
        return found(NodeManager::Npm, None, npm_lock);
    }
    if lock("pnpm-workspace.yaml").is_some() {
        return pnpm(None);
    }
    let refers = |manifest: &Manifest| {
        manifest.dependencies().values().any(|version| version.starts_with("workspace:"))
    };
    let bun = ["bun.lock", "bun.lockb"].into_iter().any(|name| lock(name).is_some());
    let mut chosen = if place.all().any(refers) { pnpm(None) } else { found(NodeManager::Npm, None, None) };
    if bun {
        let note = format!(
            "Bun's lock file can't be obeyed here: {} installs what the manifests ask for.",
            chosen.command()
        );
        chosen.note = Some(note);
    }
    chosen
}

/// The manager and version that a manifest names.
fn named(root: &Manifest) -> Option<(&'static str, String)> {
    let text = root.text(&["packageManager"]);
    let (name, version) = match text {
        Some(text) => text.split_once('@')?,
        None => (
            root.text(&["devEngines", "packageManager", "name"])?,
            root.text(&["devEngines", "packageManager", "version"]).unwrap_or_default(),
        ),
    };
    let name = ["npm", "pnpm", "yarn"].into_iter().find(|known| *known == name)?;
    let version = version.split('+').next().unwrap_or_default();
    // It becomes part of a command.
    let plain = !version.is_empty()
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-^~".contains(&byte));
    plain.then(|| (name, version.to_owned()))
}

fn is_berry(tree: &Tree, root: &Manifest, lock: Option<&str>) -> bool {
    let text = lock.and_then(|lock| tree.text(lock)).unwrap_or_default();
    text.contains("__metadata:") || (text.is_empty() && tree.has(&join(&root.folder, ".yarnrc.yml")))
}

/// The major version of yarn that writes a lock file like this, where it is not the usual one: a newer one
/// would have to rewrite it.
fn berry_of(lock: &str) -> Option<String> {
    let (_, metadata) = lock.split_once("__metadata:")?;
    let version = metadata.lines().find_map(|line| line.trim().strip_prefix("version:"))?;
    matches!(version.trim().trim_matches('"'), "4" | "5" | "6").then(|| "3".to_owned())
}

/// The major version of pnpm that writes a lock file like this.
fn pnpm_of(lock: &str) -> Option<String> {
    let line = lock.lines().find_map(|line| line.strip_prefix("lockfileVersion:"))?;
    let version = line.trim().trim_matches(['"', '\'']);
    let major = match version.split('.').next()? {
        "5" if version == "5.3" => "6",
        "5" => "7",
        "6" => "8",
        _ => "10",
    };
    Some(major.to_owned())
}

/// The files that the installation of a project reads.
pub(super) fn files(tree: &Tree, place: &Place, manager: &Manager) -> Vec<String> {
    let mut files: Vec<String> = manager.lock.iter().cloned().collect();
    for manifest in place.all() {
        files.push(join(&manifest.folder, "package.json"));
        let beside = SETTINGS.iter().map(|name| join(&manifest.folder, name));
        files.extend(beside.filter(|path| tree.has(path)));
        // What a workspace offers as a command is linked only when it is there.
        files.extend(commands(manifest).filter(|path| tree.has(path)));
        files.extend(local(tree, manifest));
    }
    if !place.root.folder.is_empty() {
        files.extend(SETTINGS.iter().take(1).map(|name| (*name).to_owned()).filter(|path| tree.has(path)));
    }
    files.extend(patches(tree, &place.root.folder));
    files.sort();
    files.dedup();
    files
}

fn commands(manifest: &Manifest) -> impl Iterator<Item = String> {
    let paths: Vec<String> = match manifest.get(&["bin"]) {
        Some(serde_json::Value::String(path)) => vec![path.clone()],
        Some(serde_json::Value::Object(all)) => {
            all.values().filter_map(|path| path.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    let folder = manifest.folder.clone();
    paths.into_iter().filter_map(move |path| resolve(&folder, &path))
}

/// Packages that are named by a path: a folder's manifest, or an archive.
fn local(tree: &Tree, manifest: &Manifest) -> Vec<String> {
    let dependencies = manifest.dependencies();
    let paths = dependencies.values().filter_map(|version| {
        let path = ["file:", "link:", "portal:"].iter().find_map(|scheme| version.strip_prefix(scheme));
        resolve(&manifest.folder, path.or_else(|| version.starts_with("./").then_some(*version))?)
    });
    paths.flat_map(|path| [join(&path, "package.json"), path]).filter(|path| tree.has(path)).collect()
}

/// Patches, plugins and releases that lie in the project's own folders for them.
fn patches(tree: &Tree, folder: &str) -> Vec<String> {
    let folders =
        ["patches", ".yarn/patches", ".yarn/plugins", ".yarn/releases"].map(|name| join(folder, name));
    let within = |path: &str| {
        folders
            .iter()
            .any(|folder| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };
    tree.entries().map(|(path, _)| path).filter(|path| within(path)).map(str::to_owned).collect()
}
