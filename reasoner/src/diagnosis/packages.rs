//! The Node packages of a project, as far as rules ask about them: which of what they depend on comes from an
//! address, and what builds one that others import.

use serde_json::Value;

/// Lists of dependencies.
const LISTS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
/// How far workspaces that depend on workspaces are followed.
const MAX_DEPTH: usize = 20;

/// The manifests, each with its folder.
pub(super) struct Packages(Vec<(String, Value)>);

impl Packages {
    pub(super) fn new<'t>(manifests: impl Iterator<Item = (&'t str, &'t str)>) -> Self {
        let read = manifests.filter_map(|(path, text)| {
            let folder = path.trim_end_matches("package.json").trim_end_matches('/');
            let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
            Some((folder.to_owned(), value))
        });
        Self(read.collect())
    }

    /// The packages that come from the host of an address, of any when that is empty.
    pub(super) fn addressed(&self, address: &str) -> Vec<String> {
        let wanted = host(address);
        let mut names: Vec<String> = self
            .0
            .iter()
            .flat_map(|(_, manifest)| dependencies(manifest))
            .filter(|(_, version)| host(version).is_some_and(|host| wanted.is_none() || wanted == Some(host)))
            .map(|(name, _)| name.to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The folders in which `build` is to be run for an import of `module` (of the package `name`, when it
    /// names one) in the file `from`, those that others need first; the part's own where no workspace is meant.
    pub(super) fn built_in(&self, part: &str, name: &str, module: &str, from: &str) -> Vec<String> {
        let named = self.0.iter().find(|(_, manifest)| !name.is_empty() && is_named(manifest, name));
        let meant = named.or_else(|| self.around(&place(module, from)));
        let mut folders = Vec::new();
        if let Some((folder, manifest)) = meant.filter(|(_, manifest)| builds(manifest)) {
            self.needed(manifest, &mut folders, 0);
            if !folders.contains(folder) {
                folders.push(folder.clone());
            }
        }
        let own = self.0.iter().find(|(folder, manifest)| folder == part && builds(manifest));
        if folders.is_empty() {
            folders.extend(own.map(|(folder, _)| folder.clone()));
        }
        folders
    }

    /// The package whose folder is the nearest around a path.
    fn around(&self, path: &str) -> Option<&(String, Value)> {
        let within = |folder: &str| folder.is_empty() || path.starts_with(&format!("{folder}/"));
        self.0.iter().filter(|(folder, _)| within(folder)).max_by_key(|(folder, _)| folder.len())
    }

    fn needed(&self, manifest: &Value, folders: &mut Vec<String>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for (name, _) in dependencies(manifest) {
            let Some((folder, other)) = self.0.iter().find(|(_, other)| is_named(other, name)) else {
                continue;
            };
            if builds(other) && !folders.contains(folder) && !std::ptr::eq(other, manifest) {
                self.needed(other, folders, depth + 1);
                if !folders.contains(folder) {
                    folders.push(folder.clone());
                }
            }
        }
    }
}

fn dependencies(manifest: &Value) -> impl Iterator<Item = (&str, &str)> {
    let lists = LISTS.iter().filter_map(|list| manifest.get(list)?.as_object());
    lists.flatten().map(|(name, version)| (name.as_str(), version.as_str().unwrap_or_default()))
}

fn is_named(manifest: &Value, name: &str) -> bool {
    manifest.get("name").and_then(Value::as_str) == Some(name)
}

fn builds(manifest: &Value) -> bool {
    manifest.get("scripts").and_then(|scripts| scripts.get("build")).is_some()
}

/// The path below the workspace that an import means.
fn place(module: &str, from: &str) -> String {
    if let Some(path) = module.strip_prefix("/workspace/") {
        return path.to_owned();
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in module.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The host that a package's version names, or a part of an address; none for a version of the registry's.
fn host(version: &str) -> Option<&str> {
    let short = ["github", "gitlab", "bitbucket"].into_iter().find(|name| {
        version.strip_prefix(name).is_some_and(|rest| rest.starts_with(':') || rest.starts_with(".com:"))
    });
    let address = version.split_once("://").map(|(_, rest)| rest).or_else(|| version.strip_prefix("git@"));
    let named = address.map(|rest| rest.rsplit_once('@').map_or(rest, |(_, rest)| rest));
    let named = named.and_then(|rest| rest.split(['/', ':', '#']).next());
    let bare = version.split('.').count() >= 2 && !version.contains('/') && version.ends_with(".com");
    match (short, named) {
        (Some(short), _) => Some(short),
        (None, Some(host)) => Some(plain(host)),
        (None, None) if bare => Some(plain(version)),
        // `owner/repository`: GitHub's.
        (None, None) => is_shorthand(version).then_some("github"),
    }
}

fn plain(host: &str) -> &str {
    let host = ["codeload.", "api.", "www.", "ssh."]
        .iter()
        .find_map(|start| host.strip_prefix(start))
        .unwrap_or(host);
    ["github", "gitlab", "bitbucket"].into_iter().find(|name| host.starts_with(name)).unwrap_or(host)
}

fn is_shorthand(version: &str) -> bool {
    let repository = version.split('#').next().unwrap_or_default();
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    repository
        .split_once('/')
        .is_some_and(|(owner, name)| plain(owner) && plain(name) && !owner.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages() -> Packages {
        let texts = [
            (
                "package.json",
                r#"{"scripts":{"build":"x"},"devDependencies":{"a":"github:o/a#1","b":"o/b","c":"^1.0.0","d":"file:./d","e":"git+ssh://git@gitlab.com/o/e.git"}}"#,
            ),
            ("packages/core/package.json", r#"{"name":"@x/core","scripts":{"build":"tsc"}}"#),
            (
                "packages/app/package.json",
                r#"{"name":"app","scripts":{"build":"tsc"},"dependencies":{"@x/core":"*"}}"#,
            ),
            (
                "packages/plain/package.json",
                r#"{"name":"plain","dependencies":{"f":"https://codeload.github.com/o/f/tar.gz/1"}}"#,
            ),
        ];
        Packages::new(texts.into_iter())
    }

    #[test]
    fn packages_from_a_host_are_known_by_any_of_its_addresses() {
        let all = packages();
        for address in [
            "ssh://git@github.com/o/a.git",
            "codeload.github.com",
            "https://github.com/o/b",
            "git@github.com:o/a",
        ] {
            assert_eq!(all.addressed(address), ["a", "b", "f"], "{address}");
        }
        assert_eq!(all.addressed("https://gitlab.com/o/e.git"), ["e"]);
        assert_eq!(all.addressed(""), ["a", "b", "e", "f"]);
    }

    #[test]
    fn a_workspace_is_built_after_those_that_it_needs() {
        let all = packages();
        let built = |name: &str, module: &str, from: &str| all.built_in("", name, module, from);
        assert_eq!(built("app", "app", ""), ["packages/core", "packages/app"]);
        assert_eq!(built("@x/core", "@x/core/sub", ""), ["packages/core"]);
        assert_eq!(built("", "/workspace/packages/core/dist/index.js", ""), ["packages/core"]);
        assert_eq!(built("", "../dist/index.js", "packages/core/test/a.js"), ["packages/core"]);
        assert_eq!(built("plain", "plain", ""), [""]);
        assert_eq!(built("", "../dist/a.js", "test/a.js"), [""]);
    }
}
