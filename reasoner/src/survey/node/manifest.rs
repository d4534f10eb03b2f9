//! A package.json as far as a survey reads it. Whatever in it is not as it should be counts as absent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::Tree;

/// A package.json.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Manifest {
    /// Its folder below the workspace; empty at the top.
    pub(super) folder: String,
    /// Everything it says.
    pub(super) value: Value,
}

/// The lists of dependencies that an installation for developing takes.
const DEPENDENCIES: [&str; 4] =
    ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];

/// What is wrong with the text of a manifest, with line and column; none when nothing is.
pub(super) fn fault(text: &str) -> Option<String> {
    match serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
        Ok(value) if value.is_object() => None,
        Ok(_) => Some("it is no JSON object".to_owned()),
        Err(error) => Some(format!("it is not JSON: {error}")),
    }
}

impl Manifest {
    /// The manifest of a folder, if it has one that is JSON.
    pub(super) fn read(tree: &Tree, folder: &str) -> Option<Self> {
        let text = tree.text(&join(folder, "package.json"))?;
        let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
        value.is_object().then(|| Self { folder: folder.to_owned(), value })
    }

    /// A text by its keys.
    pub(super) fn text(&self, keys: &[&str]) -> Option<&str> {
        self.get(keys)?.as_str()
    }

    /// A value by its keys.
    pub(super) fn get(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().try_fold(&self.value, |value, key| value.get(key))
    }

    pub(super) fn name(&self) -> &str {
        self.text(&["name"]).unwrap_or_default()
    }

    pub(super) fn script(&self, name: &str) -> Option<&str> {
        self.text(&["scripts", name]).filter(|script| !script.trim().is_empty())
    }

    /// The names of its scripts, in order.
    pub(super) fn scripts(&self) -> impl Iterator<Item = &str> {
        let scripts = self.get(&["scripts"]).and_then(Value::as_object);
        scripts.into_iter().flat_map(|scripts| scripts.keys().map(String::as_str))
    }

    /// What it depends on, with the versions it wants.
    pub(super) fn dependencies(&self) -> BTreeMap<&str, &str> {
        let lists = DEPENDENCIES.iter().filter_map(|list| self.get(&[list])?.as_object());
        lists.flatten().map(|(name, version)| (name.as_str(), version.as_str().unwrap_or_default())).collect()
    }

    pub(super) fn depends_on(&self, name: &str) -> bool {
        DEPENDENCIES.iter().any(|list| self.get(&[list, name]).is_some())
    }

    /// The major version that it wants of a package, when it says so.
    pub(super) fn major_of(&self, name: &str) -> Option<u64> {
        let wanted = DEPENDENCIES.iter().find_map(|list| self.text(&[list, name]))?;
        let digits = wanted.trim_start_matches(|char: char| !char.is_ascii_digit());
        digits.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
    }
}

/// A path below a folder.
pub(super) fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}

/// A path below a folder with `.` and `..` taken out; None when it leaves the workspace.
pub(super) fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = if path.starts_with('/') { return None } else { Vec::new() };
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_workspace() {
        assert_eq!(resolve("a/b", "../c/./d.js"), Some("a/c/d.js".into()));
        assert_eq!(resolve("a", "../.."), None);
        assert_eq!(resolve("a", "/etc/passwd"), None);
    }

    #[test]
    fn the_major_version_is_read_from_any_range() {
        let value = serde_json::json!({ "devDependencies": { "mocha": "^10.2.0", "tap": "~16", "x": "latest", "y": 3 } });
        let manifest = Manifest { folder: String::new(), value };
        let majors: Vec<Option<u64>> =
            ["mocha", "tap", "x", "y", "z"].map(|name| manifest.major_of(name)).into();
        assert_eq!(majors, [Some(10), Some(16), None, None, None]);
    }
}
