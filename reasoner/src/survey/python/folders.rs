//! Which folders of a project are Python parts of their own.

use std::collections::BTreeMap;

use super::runner::is_test_file;
use crate::survey::Tree;

/// Folders in which manifests belong to something shown, copied or tested, not to the project.
const NOT_PARTS: [&str; 25] = [
    "example",
    "examples",
    "doc",
    "docs",
    "template",
    "templates",
    "vendor",
    "vendored",
    "_vendor",
    "third_party",
    "third-party",
    "fixtures",
    "testdata",
    "test-data",
    "data",
    "sample",
    "samples",
    "demo",
    "demos",
    "tests",
    "test",
    "benchmarks",
    "cookiecutter",
    "skeleton",
    "node_modules",
];
/// The most parts that a project has.
const MAX_PARTS: usize = 12;

/// What a folder has of its own.
#[derive(Default)]
struct Found {
    /// A manifest that makes it a project.
    project: bool,
    /// Anything that says what is needed.
    anything: bool,
}

/// The folders, the one nearest to the top first.
pub(super) fn parts(tree: &Tree) -> Vec<String> {
    let found = manifests(tree);
    let tested = with_tests(tree, &found);
    let top_is_one = found.get("").is_some_and(|top| top.anything);
    let below = found.iter().filter(|(folder, here)| {
        let stands_alone = here.project
            || !ancestors(folder).any(|above| found.get(above).is_some_and(|above| above.anything));
        !folder.is_empty()
            && is_place_for_a_part(folder)
            && stands_alone
            && tested.contains_key(folder.as_str())
    });
    let mut parts: Vec<String> = below.map(|(folder, _)| folder.clone()).collect();
    parts.sort_by_key(|folder| (folder.matches('/').count(), folder.clone()));
    parts.truncate(MAX_PARTS);
    // The top is a part when it has tests that are not another part's, or when nothing else is one.
    if tested.contains_key("") || (parts.is_empty() && top_is_one) {
        parts.insert(0, String::new());
    }
    parts
}

/// Folders with manifests.
fn manifests(tree: &Tree) -> BTreeMap<String, Found> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for (path, _) in tree.entries() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let project = match name {
            "setup.py" | "Pipfile" => true,
            "pyproject.toml" => tree.text(path).is_some_and(is_project),
            "setup.cfg" => tree.text(path).is_some_and(|text| text.contains("[metadata]")),
            _ => false,
        };
        let requirements = name.ends_with(".txt") && name.contains("requirements");
        let other = ["pyproject.toml", "tox.ini", "manage.py", "noxfile.py", "setup.cfg", "pytest.ini"]
            .contains(&name);
        if project || requirements || other {
            let here = found.entry(folder.to_owned()).or_default();
            here.project |= project;
            here.anything |= project || requirements || other;
        }
        if let Some(above) = folder.strip_suffix("requirements").filter(|_| name.ends_with(".txt")) {
            found.entry(above.trim_end_matches('/').to_owned()).or_default().anything = true;
        }
    }
    found
}

fn is_project(text: &str) -> bool {
    text.contains("[project]")
        || text.contains("[tool.poetry]")
        || text.contains("[tool.flit")
        || text.contains("[build-system]")
}

/// The folders with test files that belong to no deeper project; each file belongs to the nearest.
fn with_tests(tree: &Tree, found: &BTreeMap<String, Found>) -> BTreeMap<String, u64> {
    let mut tested = BTreeMap::new();
    let tests = tree.entries().map(|(path, _)| path).filter(|path| is_test_file(path));
    for path in tests {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let owner = std::iter::once(folder).chain(ancestors(folder)).find(|folder| {
            folder.is_empty()
                || (is_place_for_a_part(folder) && found.get(*folder).is_some_and(|here| here.project))
        });
        let owner = owner.unwrap_or_default();
        *tested.entry(owner.to_owned()).or_default() += 1;
        // A folder that only has requirements stands for itself where nothing above it is a project.
        if owner.is_empty() && !found.contains_key("") {
            let own = ancestors(folder)
                .chain([folder])
                .filter(|folder| found.contains_key(*folder))
                .min_by_key(|folder| folder.len());
            if let Some(own) = own {
                *tested.entry(own.to_owned()).or_default() += 1;
                tested.remove("");
            }
        }
    }
    tested
}

fn ancestors(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |folder| {
        (!folder.is_empty()).then(|| folder.rsplit_once('/').map_or("", |(above, _)| above))
    })
    .skip(1)
}

fn is_place_for_a_part(folder: &str) -> bool {
    folder.split('/').all(|name| !NOT_PARTS.contains(&name) && !name.starts_with('.') && !name.contains("{{"))
}
