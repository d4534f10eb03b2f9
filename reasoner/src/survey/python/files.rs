//! Requirements files.

use codegod_protocol::setup::Requirements;

use super::choose::is_test_tool;
use super::{joined, requirement};
use crate::survey::Tree;

/// How deep files that include files are followed.
const DEPTH: usize = 4;

/// The requirements files of a folder and of its folder `requirements`.
pub(super) fn of_folder(tree: &Tree, folder: &str) -> Vec<String> {
    let start = joined(folder, "");
    let files = tree.below(&start).map(|(path, _)| path).filter(|path| {
        let below = &path[start.len()..];
        let (inner, name) = below.rsplit_once('/').unwrap_or(("", below));
        let placed = ["requirements", "tests", "test", "reqs", "dev"].contains(&inner);
        let txt = name.ends_with(".txt") && !name.contains("constraint");
        tree.text(path).is_some()
            && txt
            && ((inner.is_empty() && name.contains("require"))
                || (placed && (inner == "requirements" || name.contains("require"))))
    });
    files.map(str::to_owned).take(200).collect()
}

/// The lines of a requirements file, with those of the files that it includes.
pub(super) fn lines_in(tree: &Tree, path: &str) -> Vec<String> {
    let mut lines = Vec::new();
    collect(tree, path, DEPTH, &mut lines);
    lines
}

fn collect(tree: &Tree, path: &str, depth: usize, lines: &mut Vec<String>) {
    let Some(text) = tree.text(path).filter(|_| depth > 0) else { return };
    lines.extend(requirement::lines(text).map(str::to_owned));
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for file in included(text).take(20) {
        collect(tree, &joined(folder, &file), depth - 1, lines);
    }
}

/// The files that a requirements file includes, as it names them.
fn included(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let file = line.strip_prefix("--requirement").or_else(|| line.strip_prefix("-r"))?;
        Some(file.trim_start_matches('=').trim().to_owned())
    })
}

/// Whether a requirements file includes the one with what everything needs.
pub(super) fn is_whole(tree: &Tree, path: &str) -> bool {
    let base = ["base", "common", "core", "default", "main", "prod", "production", "requirements"];
    let is_base = |file: String| {
        let name = file.rsplit('/').next().unwrap_or(&file).to_lowercase();
        let stem = name.strip_suffix(".txt").unwrap_or(&name).replace('_', "-");
        base.contains(&stem.trim_start_matches("requirements-"))
    };
    tree.text(path).is_some_and(|text| included(text).any(is_base))
}

/// Whether a requirements file brings tools for tests along.
pub(super) fn tools_in(tree: &Tree, path: &str) -> bool {
    lines_in(tree, path).iter().filter_map(|line| requirement::name(line)).any(|name| is_test_tool(&name))
}

/// Whether any of the files requires a folder of the workspace.
pub(super) fn name_folders(tree: &Tree, requirements: &[Requirements]) -> bool {
    let files = requirements.iter().filter_map(|one| match one {
        Requirements::File { path } => tree.text(path),
        Requirements::Project { .. } | Requirements::Lock { .. } | Requirements::Lines { .. } => None,
    });
    let is_folder = |line: &str| {
        let line = line.trim();
        let target =
            line.strip_prefix("--editable").or_else(|| line.strip_prefix("-e")).unwrap_or(line).trim();
        target.starts_with(['.', '/'])
            || target.starts_with("file:")
            || (target != line && !target.contains("://"))
    };
    files.flat_map(str::lines).any(is_folder)
}
