//! Where a tree has Node projects: the package.json files that are set up by themselves, each with its
//! workspaces, whose packages it installs along.

use super::super::Tree;
use super::manifest::{self, Manifest, join, resolve};

/// Folders whose packages belong to no one's tests: they show, measure or feed something.
const SIDE: [&str; 24] = [
    "examples",
    "example",
    "templates",
    "template",
    "fixtures",
    "__fixtures__",
    "fixture",
    "docs",
    "doc",
    "website",
    "site",
    "test",
    "tests",
    "__tests__",
    "spec",
    "demo",
    "demos",
    "benchmark",
    "benchmarks",
    "bench",
    "playground",
    "playgrounds",
    "sandbox",
    "vendor",
];
/// The most projects that are looked at.
const MAX_PROJECTS: usize = 8;
/// The deepest folder in which one is looked for.
const MAX_DEPTH: usize = 3;

/// A project with its workspaces.
#[derive(Debug)]
pub(super) struct Place {
    /// The manifest at its root.
    pub(super) root: Manifest,
    /// Those of its workspaces, without the root's.
    pub(super) members: Vec<Manifest>,
}

impl Place {
    /// The manifest of a folder of this project.
    pub(super) fn manifest(&self, folder: &str) -> Option<&Manifest> {
        if self.root.folder == folder {
            return Some(&self.root);
        }
        self.members.iter().find(|member| member.folder == folder)
    }

    /// The workspace of a name.
    pub(super) fn named(&self, name: &str) -> Option<&Manifest> {
        self.members.iter().find(|member| member.name() == name)
    }

    /// All manifests, the root's first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Manifest> {
        std::iter::once(&self.root).chain(&self.members)
    }
}

/// What is wrong with manifests that can't be read, a sentence each.
pub(super) fn unreadable(tree: &Tree) -> Vec<String> {
    let manifests = tree.entries().map(|(path, _)| path).filter(|path| {
        let folder = path.strip_suffix("package.json").map(|folder| folder.trim_end_matches('/'));
        folder
            .is_some_and(|folder| (folder.is_empty() || path.ends_with("/package.json")) && !is_side(folder))
    });
    let broken = manifests.filter_map(|path| Some((path, manifest::fault(tree.text(path)?)?)));
    broken.take(MAX_PROJECTS).map(|(path, fault)| format!("{path} can't be read: {fault}.")).collect()
}

/// The projects of a tree, the one nearest to the top first.
pub(super) fn places(tree: &Tree) -> Vec<Place> {
    let manifests = tree.entries().filter_map(|(path, _)| match path.rsplit_once('/') {
        Some((folder, "package.json")) => Some(folder),
        None if path == "package.json" => Some(""),
        _ => None,
    });
    let mut folders: Vec<&str> = manifests.collect();
    folders.sort_by_key(|folder| (depth(folder), *folder));
    let mut places: Vec<Place> = Vec::new();
    for folder in &folders {
        let taken = places.iter().any(|place| place.manifest(folder).is_some());
        if taken || is_side(folder) || depth(folder) > MAX_DEPTH || places.len() == MAX_PROJECTS {
            continue;
        }
        if let Some(root) = Manifest::read(tree, folder) {
            let members = members(tree, &root, &folders);
            places.push(Place { root, members });
        }
    }
    places
}

/// Whether a folder only shows, measures or feeds something.
pub(super) fn is_side(folder: &str) -> bool {
    folder.split('/').any(|part| SIDE.contains(&part) || part.starts_with('.'))
}

fn depth(folder: &str) -> usize {
    if folder.is_empty() { 0 } else { folder.matches('/').count() + 1 }
}

fn members(tree: &Tree, root: &Manifest, folders: &[&str]) -> Vec<Manifest> {
    let patterns = workspaces(tree, root);
    let (out, within): (Vec<&String>, Vec<&String>) =
        patterns.iter().partition(|pattern| pattern.starts_with('!'));
    let below = |folder: &str, pattern: &str| {
        let pattern = pattern.trim_start_matches('!');
        resolve(&root.folder, pattern).is_some_and(|pattern| matches(&pattern, folder))
    };
    let mut folders = folders.to_vec();
    folders.sort_unstable();
    folders
        .iter()
        .filter(|folder| **folder != root.folder)
        .filter(|folder| within.iter().any(|pattern| below(folder, pattern)))
        .filter(|folder| !out.iter().any(|pattern| below(folder, pattern)))
        .filter_map(|folder| Manifest::read(tree, folder))
        .collect()
}

/// The patterns of its workspaces, as npm, yarn, pnpm or lerna are told them.
fn workspaces(tree: &Tree, root: &Manifest) -> Vec<String> {
    let list = |value: Option<&serde_json::Value>| -> Option<Vec<String>> {
        Some(value?.as_array()?.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
    };
    if let Some(text) = tree.text(&join(&root.folder, "pnpm-workspace.yaml")) {
        let packages = yaml_list(text, "packages");
        if !packages.is_empty() {
            return packages;
        }
    }
    let lerna = || {
        let lerna = tree.text(&join(&root.folder, "lerna.json"))?;
        let lerna: serde_json::Value = serde_json::from_str(lerna).ok()?;
        list(lerna.get("packages"))
    };
    list(root.get(&["workspaces"]))
        .or_else(|| list(root.get(&["workspaces", "packages"])))
        .or_else(lerna)
        .unwrap_or_default()
}

/// The entries of a list at the top of a YAML file.
fn yaml_list(text: &str, key: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| line.trim_end() != format!("{key}:"));
    lines.next();
    let item = |line: &str| {
        let item = line.trim().strip_prefix('-')?.split(" #").next()?.trim();
        Some(item.trim_matches(['"', '\'']).to_owned())
    };
    lines
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map_while(item)
        .collect()
}

/// Whether a folder is one that a pattern means: `*` stands for a name or a part of it, `**` for any
/// number of folders.
fn matches(pattern: &str, folder: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let folder: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    matches_parts(&pattern, &folder)
}

fn matches_parts(pattern: &[&str], folder: &[&str]) -> bool {
    match (pattern.split_first(), folder.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            matches_parts(rest, folder)
                || folder.split_first().is_some_and(|(_, below)| matches_parts(pattern, below))
        }
        (Some((part, rest)), Some((name, below))) => matches_name(part, name) && matches_parts(rest, below),
        _ => false,
    }
}

/// Whether a name fits a pattern with `*`, or one of `{a,b}`.
pub(super) fn matches_name(pattern: &str, name: &str) -> bool {
    if let Some((before, rest)) = pattern.split_once('{')
        && let Some((choices, after)) = rest.split_once('}')
    {
        return choices.split(',').any(|choice| matches_name(&format!("{before}{choice}{after}"), name));
    }
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_workspaces_mean_folders() {
        assert!(matches("packages/*", "packages/a"));
        assert!(!matches("packages/*", "packages/a/b"));
        assert!(matches("packages/**", "packages/a/b"));
        assert!(matches("apps/web-*", "apps/web-x") && !matches("apps/web-*", "apps/api"));
        assert!(matches("{apps,packages}/*", "apps/x") && matches("remark/", "remark"));
    }

    #[test]
    fn lists_in_yaml_are_read() {
        let text = "# x\npackages:\n  - 'packages/*' # all\n  # no\n  - \"!**/test/**\"\ncatalog:\n  a: 1\n";
        assert_eq!(yaml_list(text, "packages"), ["packages/*", "!**/test/**"]);
    }
}
