//! Where the project's own Python modules lie.

use std::collections::{BTreeMap, BTreeSet};

/// Folders whose modules are a project's own only when nothing else is.
const ASIDE: [&str; 7] = ["tests", "test", "docs", "doc", "examples", "example", "scripts"];

/// Where a module lies whose top module lies at `top`, without its suffix.
pub(super) fn place(top: &str, module: &str) -> String {
    let below = module.split_once('.').map(|(_, rest)| rest.replace('.', "/"));
    let top = top.trim_end_matches(".py");
    below.map_or_else(|| top.to_owned(), |below| format!("{top}/{below}"))
}

/// The top modules among these paths: files, and folders with Python files somewhere in them. Of several of
/// one name the one nearest to the top counts, and tests and examples last.
pub(super) fn modules(paths: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for path in paths.iter().filter(|path| path.ends_with(".py")) {
        let parts: Vec<&str> = path.split('/').collect();
        for (depth, part) in parts.iter().enumerate() {
            let name = part.strip_suffix(".py").unwrap_or(part);
            let path = parts[..=depth].join("/");
            // A folder of scripts (`docker/`) is no module, unless it lies where only packages do.
            let is_module = depth + 1 == parts.len()
                || paths.contains(&format!("{path}/__init__.py"))
                || parts[..depth].last() == Some(&"src");
            if !is_module {
                continue;
            }
            match found.get(name) {
                Some(other) if distance(other) <= distance(&path) => {}
                Some(_) | None => drop(found.insert(name.to_owned(), path)),
            }
        }
    }
    found
}

fn distance(path: &str) -> (bool, usize) {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    (folders.split('/').any(|folder| ASIDE.contains(&folder)), path.matches('/').count())
}
