//! The version of a project that takes it from its repository's tags: a sandbox has no repository.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::joined;
use super::manifest::Manifest;
use crate::survey::Tree;

/// The version where nothing says one: high enough for whoever asks for a recent one.
const UNKNOWN: &str = "99.0.0";
/// Where projects write down their releases.
const LOGS: [&str; 9] = [
    "CHANGELOG",
    "CHANGES",
    "HISTORY",
    "NEWS",
    "RELEASES",
    "docs/changelog",
    "docs/changes",
    "doc/changelog",
    "docs/history",
];

static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^[#=*\s\[]*(?:[Vv]ersion|[Rr]elease|v)?\s*\[?v?(\d+\.\d+(?:\.\d+)?)\]?\b")
        .expect("it is well-formed")
});

/// Variables that tell build backends the version, for projects that need them.
pub(super) fn variables(tree: &Tree, manifest: &Manifest<'_>) -> BTreeMap<String, String> {
    let requires = manifest.build_requires().join(" ").replace('_', "-").to_lowercase();
    let needs = |names: &[&str]| names.iter().any(|name| requires.contains(name));
    let setup = manifest.setup_py.as_ref();
    let mut names = Vec::new();
    if needs(&["setuptools-scm", "hatch-vcs", "flit-scm", "hatch-regex"])
        || setup.is_some_and(|setup| setup.scm)
    {
        names.push("SETUPTOOLS_SCM_PRETEND_VERSION");
    }
    if needs(&["poetry-dynamic-versioning"]) {
        names.push("POETRY_DYNAMIC_VERSIONING_BYPASS");
    }
    if needs(&["uv-dynamic-versioning"]) {
        names.push("UV_DYNAMIC_VERSIONING_BYPASS");
    }
    if needs(&["pdm-backend", "pdm-pep517"]) && manifest.tool(&["pdm", "version", "source"]).is_some() {
        names.push("PDM_BUILD_SCM_VERSION");
    }
    if needs(&["pbr"]) || setup.is_some_and(|setup| setup.pbr) {
        names.push("PBR_VERSION");
    }
    if names.is_empty() {
        return BTreeMap::new();
    }
    let version = tree
        .tagged_version()
        .or_else(|| last_release(tree, &manifest.folder))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    names.into_iter().map(|name| (name.to_owned(), version.clone())).collect()
}

/// The highest version among the headings of the project's log of changes.
fn last_release(tree: &Tree, folder: &str) -> Option<String> {
    let texts = LOGS
        .iter()
        .flat_map(|log| ["", ".md", ".rst", ".txt"].map(|end| joined(folder, &format!("{log}{end}"))));
    let text = texts.into_iter().find_map(|path| tree.text(&path))?;
    let versions = VERSION.captures_iter(text).map(|found| found[1].to_owned());
    versions.max_by_key(|version| {
        version.split('.').map(|part| part.parse::<u64>().unwrap_or(0)).collect::<Vec<_>>()
    })
}
