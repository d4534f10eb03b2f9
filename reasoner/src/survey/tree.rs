//! A project's files as a survey sees them: every path, and the content of those that say something.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// The largest file whose content is looked at, in bytes: lock files are large.
const MAX_FILE_BYTES: u64 = 8 << 20;
/// How much content is looked at altogether, in bytes.
const MAX_TOGETHER_BYTES: u64 = 64 << 20;
/// The largest test whose content is looked at, in bytes, and how many are.
const MAX_TEST_BYTES: u64 = 64 << 10;
const MAX_TESTS: usize = 300;
/// Folders of which nothing is looked at: made by tools, not by people.
const SKIPPED: [&str; 13] = [
    ".git",
    "node_modules",
    ".venv",
    "venv",
    "env",
    "__pycache__",
    ".tox",
    ".nox",
    ".mypy_cache",
    "site-packages",
    "bower_components",
    ".next",
    ".codegod",
];
/// Files that say how a project is set up and tested, by name.
const NAMES: [&str; 52] = [
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    "pytest.ini",
    ".pytest.ini",
    "noxfile.py",
    "Pipfile",
    "Pipfile.lock",
    "poetry.lock",
    "pdm.lock",
    "uv.lock",
    "poetry.toml",
    "manage.py",
    "conftest.py",
    ".python-version",
    "runtime.txt",
    "environment.yml",
    "environment.yaml",
    "hatch.toml",
    "tox.toml",
    ".gitlab-ci.yml",
    "justfile",
    "GNUmakefile",
    "Justfile",
    "MANIFEST.in",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "lerna.json",
    "nx.json",
    "turbo.json",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".nvmrc",
    ".node-version",
    ".tool-versions",
    "bun.lock",
    "deno.json",
    "Makefile",
    "makefile",
    "Dockerfile",
    "docker-compose.yml",
    "docker-compose.yaml",
    "compose.yml",
    "compose.yaml",
    "apt.txt",
    ".travis.yml",
];

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A submodule, whose files are not there.
    Submodule,
}

/// One path of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A project's files.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    entries: BTreeMap<String, Entry>,
    contents: BTreeMap<String, String>,
    remarks: Vec<String>,
    described: Option<String>,
    /// The day of the last change, where that is a while ago.
    date: Option<String>,
    together: u64,
}

impl Tree {
    /// A tree of these paths, still without content. Paths that are no UTF-8 and those below folders that
    /// tools make are left out.
    #[must_use]
    pub fn of_paths(paths: impl IntoIterator<Item = (std::path::PathBuf, Entry)>) -> Self {
        let mut tree = Self::default();
        let mut unreadable = 0_u64;
        for (path, entry) in paths {
            match path.to_str() {
                Some(path) if path.split('/').any(|part| SKIPPED.contains(&part)) => {}
                Some(path) => drop(tree.entries.insert(path.to_owned(), entry)),
                None => unreadable += 1,
            }
        }
        if unreadable > 0 {
            tree.remarks.push(format!("{unreadable} files whose names are not UTF-8 were not looked at."));
        }
        tree
    }

    /// The files whose content a survey wants to see, within its limits.
    #[must_use]
    pub fn wanted(&self) -> Vec<String> {
        let mut together = 0;
        let mut wanted: Vec<(&String, &Entry)> = self
            .entries
            .iter()
            .filter(|(path, entry)| {
                entry.kind == EntryKind::File && entry.bytes <= MAX_FILE_BYTES && says_something(path)
            })
            .collect();
        // What lies near the top says most.
        wanted.sort_by_key(|(path, _)| path.matches('/').count());
        wanted
            .into_iter()
            .take_while(|(_, entry)| {
                together += entry.bytes;
                together <= MAX_TOGETHER_BYTES
            })
            .map(|(path, _)| path.clone())
            .chain(self.tests_of_javascript())
            .collect()
    }

    /// Tests in JavaScript, as many as are needed to see what they import.
    fn tests_of_javascript(&self) -> impl Iterator<Item = String> {
        let tests = self.entries.iter().filter(|(path, entry)| {
            entry.kind == EntryKind::File && entry.bytes <= MAX_TEST_BYTES && is_javascript_test(path)
        });
        let mut tests: Vec<&String> = tests.map(|(path, _)| path).collect();
        tests.sort_by_key(|path| path.matches('/').count());
        tests.into_iter().take(MAX_TESTS).cloned()
    }

    /// Adds the content of a wanted file; what is no UTF-8 is read as far as it can be.
    pub fn add(&mut self, path: &str, content: &[u8]) {
        self.together += content.len() as u64;
        self.contents.insert(path.to_owned(), String::from_utf8_lossy(content).into_owned());
    }

    /// The tree of a folder on this machine. Links are not followed.
    ///
    /// # Errors
    /// A folder or file that can't be read.
    pub fn of_folder(top: &Path) -> std::io::Result<Self> {
        let mut found = Vec::new();
        let mut todo = vec![top.to_owned()];
        while let Some(folder) = todo.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                let skipped = entry.file_name().to_str().is_some_and(|name| SKIPPED.contains(&name));
                if kind.is_dir() && !skipped {
                    todo.push(path);
                } else if !kind.is_dir()
                    && let Ok(below) = path.strip_prefix(top)
                {
                    let kind = if kind.is_symlink() { EntryKind::Link } else { EntryKind::File };
                    found.push((below.to_owned(), Entry { kind, bytes: entry.metadata()?.len() }));
                }
            }
        }
        let mut tree = Self::of_paths(found);
        for path in tree.wanted() {
            let content = std::fs::read(top.join(&path))?;
            tree.add(&path, &content);
        }
        Ok(tree)
    }

    /// Notes what `git describe --tags --long` said of the commit.
    pub fn describe(&mut self, said: &str) {
        self.described = Some(said.to_owned());
    }

    /// Notes the day of the last change (`2024-10-07`), of a project that has not changed for a while.
    pub fn dated(&mut self, day: &str) {
        self.date = Some(day.to_owned());
    }

    /// The day of the last change, where that is a while ago.
    pub(super) fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    /// The version of the last release, as the nearest tag has it; none when no tag looks like a version.
    pub(super) fn tagged_version(&self) -> Option<String> {
        static VERSION: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"(?:^|[^0-9.])(\d+(?:\.\d+)+(?:(?:a|b|rc|\.post|\.dev)\d+)?)(?:$|[^0-9.])")
                .expect("it is well-formed")
        });
        // `<tag>-<commits since>-g<commit>`
        let tag = self.described.as_deref()?.rsplitn(3, '-').nth(2)?;
        VERSION.captures(tag).map(|found| found[1].to_owned())
    }

    /// Every path with what it is, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), *entry))
    }

    /// The paths that begin with `start`, in order.
    pub(super) fn below<'t>(&'t self, start: &str) -> impl Iterator<Item = (&'t str, Entry)> {
        let from =
            self.entries.range::<str, _>((std::ops::Bound::Included(start), std::ops::Bound::Unbounded));
        from.take_while(move |(path, _)| path.starts_with(start)).map(|(path, entry)| (path.as_str(), *entry))
    }

    /// Whether there is such a file.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// The content of a file that was wanted.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.contents.get(path).map(String::as_str)
    }

    /// What a person should know about the tree.
    pub(super) fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }
}

fn says_something(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    NAMES.contains(&name)
        || folder.ends_with(".github/workflows")
        || folder.ends_with("requirements")
        || (name.contains("requirements") && (name.ends_with(".txt") || name.ends_with(".in")))
        || (name.contains("constraints") && name.ends_with(".txt"))
        || (["scripts", "script", "bin", "tools", "ci", ".circleci", ""].contains(&folder)
            && (name.ends_with(".sh")
                || ["test", "coverage", "install", "config.yml", "tests"].contains(&name)))
        || (!name.ends_with(".py")
            && (folder.is_empty() || folder == "docs" || folder == "doc")
            && ["CHANGELOG", "CHANGES", "HISTORY", "NEWS", "RELEASES", "changelog", "changes", "history"]
                .iter()
                .any(|start| name.starts_with(start)))
        || name.starts_with(".env")
        || is_example_of_settings(path)
        || [
            "jest.config.",
            "vitest.config.",
            "vite.config.",
            ".mocharc",
            "ava.config.",
            "babel.config.",
            "tsconfig",
        ]
        .iter()
        .any(|start| name.starts_with(start))
        || (folder.is_empty()
            && (name.starts_with("README") || name.ends_with(".yml") || name.ends_with(".toml")))
}

/// Whether a file is the example of one with settings, by its name: `.env.example`, `env-sample`, `example.env`.
pub(crate) fn is_example_of_settings(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let of_settings = ["env.", "env-", "env_", "dotenv"].iter().any(|start| name.starts_with(start))
        || name.starts_with(".env")
        || name.ends_with(".env");
    let says = ["example", "sample", "template", "dist", "default", "test"];
    let code = [".py", ".js", ".ts", ".mjs", ".cjs", ".sh", ".md", ".rst", ".html", ".yml", ".toml"];
    of_settings && says.iter().any(|word| name.contains(word)) && !code.iter().any(|end| name.ends_with(end))
}

/// Whether a file is one with tests in JavaScript or TypeScript, by its name or its folder's.
pub(super) fn is_javascript_test(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let endings = [".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts"];
    let named = name.contains(".test.") || name.contains(".spec.") || name.starts_with("test.");
    let placed = folder.split('/').any(|part| ["test", "tests", "__tests__", "spec"].contains(&part));
    let fixture = folder.split('/').any(|part| part.contains("fixture"));
    endings.iter().any(|ending| name.ends_with(ending))
        && !name.ends_with(".d.ts")
        && (named || (placed && !fixture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_seen_without_what_tools_made_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in
            [("pyproject.toml", "[project]"), ("src/a.py", "x"), ("node_modules/b/package.json", "{}")]
        {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let tree = Tree::of_folder(folder.path()).expect("it is read");
        assert_eq!(tree.entries().map(|(path, _)| path).collect::<Vec<_>>(), ["pyproject.toml", "src/a.py"]);
        assert_eq!((tree.text("pyproject.toml"), tree.text("src/a.py")), (Some("[project]"), None));
    }

    #[test]
    fn the_version_is_that_of_the_nearest_tag() {
        let version = |said: &str| {
            let mut tree = Tree::of_paths([]);
            tree.describe(said);
            tree.tagged_version()
        };
        for (said, expected) in [
            ("v1.2.3-4-g0123abc", Some("1.2.3")),
            ("2.0-0-g0123abc", Some("2.0")),
            ("release-3.1.0rc2-17-g0123abc", Some("3.1.0rc2")),
            ("pkg-name-v0.4.1-1-g0123abc", Some("0.4.1")),
            ("nightly-2-3-g0123abc", None),
            ("v1", None),
        ] {
            assert_eq!(version(said).as_deref(), expected, "{said}");
        }
    }
}
