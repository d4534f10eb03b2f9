//! Which files of a person's folder are taken: those that git would, asked without running anything.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::git::{Finished, Git};
use crate::repository::Repository;
use crate::tree::temp_dir;
use crate::{Error, paths};

/// Folders that are left out of a folder without git: made by tools, and made again by them.
const MADE_BY_TOOLS: &[&str] = &[
    "node_modules/",
    ".venv/",
    "venv/",
    "__pycache__/",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".tox/",
    "dist/",
    "build/",
    "target/",
    ".next/",
    ".cache/",
    ".DS_Store",
];

/// The files of a work tree.
#[derive(Default)]
pub(crate) struct Listing {
    /// Their paths.
    pub(crate) names: BTreeSet<Vec<u8>>,
    /// Whether it has submodules.
    pub(crate) submodules: bool,
}

/// The tracked and the untracked files of a work tree; a repository inside it is taken as its files.
pub(crate) async fn tracked_and_new(root: &Path, notes: &mut Vec<String>) -> Result<Listing, Error> {
    let (mut folders, mut names) = (vec![Vec::new()], BTreeSet::new());
    let links = submodules(root).await?;
    while let Some(prefix) = folders.pop() {
        let dir = paths::below(root, &prefix);
        let list = with_ignore_file(Git::within(&dir, "ls-files"), &dir).await?;
        let done = list.args(["-z", "--cached", "--others", "--exclude-standard"]).finish().await?;
        for name in listed(done, notes)? {
            let name = name.strip_suffix(b"/").unwrap_or(&name);
            let path = if prefix.is_empty() { name.to_vec() } else { [&prefix, name].join(&b'/') };
            let full = paths::below(root, &path);
            let is_folder = std::fs::symlink_metadata(&full).is_ok_and(|meta| meta.is_dir());
            if !is_folder {
                names.insert(path);
            } else if full.join(".git").exists() {
                let shown = String::from_utf8_lossy(&path).into_owned();
                notes.push(format!("The repository inside at {shown} was taken as plain files."));
                folders.push(path);
            } else if links.contains(&path) {
                let shown = String::from_utf8_lossy(&path).into_owned();
                notes.push(format!(
                    "The submodule {shown} is empty here; git submodule update --init brings its files."
                ));
            }
        }
    }
    Ok(Listing { names, submodules: !links.is_empty() })
}

/// Where the submodules of a work tree belong, whether their files are there or not.
async fn submodules(root: &Path) -> Result<BTreeSet<Vec<u8>>, Error> {
    let done = Git::within(root, "ls-files").args(["-z", "--stage"]).run().await?;
    let lines = done.split(|byte| *byte == 0).filter(|line| line.starts_with(b"160000 "));
    let path = |line: &[u8]| line.splitn(2, |byte| *byte == b'\t').nth(1).map(<[u8]>::to_vec);
    Ok(lines.filter_map(path).collect())
}

/// All files of a folder without git, but for what tools made.
pub(crate) async fn plain_folder(
    dir: &Path,
    repo: &Repository,
    notes: &mut Vec<String>,
) -> Result<BTreeSet<Vec<u8>>, Error> {
    let index = temp_dir()?;
    let list = repo.git("ls-files").args(["-z", "--others", "--exclude-standard"]);
    let list = list.args(MADE_BY_TOOLS.iter().map(|name| format!("--exclude={name}")));
    let list = list.env("GIT_WORK_TREE", dir).env("GIT_INDEX_FILE", index.path().join("index"));
    let done = with_ignore_file(list, dir).await?.directory(dir).finish().await?;
    Ok(listed(done, notes)?.into_iter().filter(|name| !name.ends_with(b"/")).collect())
}

/// The names that `ls-files` gave; what it could not look into is noted.
fn listed(done: Finished, notes: &mut Vec<String>) -> Result<Vec<Vec<u8>>, Error> {
    if done.code != 0 {
        return Err(done.failed("ls-files"));
    }
    for line in done.stderr.lines() {
        if let Some(what) = line.strip_prefix("warning: could not open directory ") {
            notes.push(format!("A folder was left out: {}.", paths::shortened(what)));
        }
    }
    let names = done.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(<[u8]>::to_vec).collect())
}

/// The command with the ignore file that the person's own settings name, wherever git finds those. Without
/// one git looks in its usual place by itself.
async fn with_ignore_file(list: Git, dir: &Path) -> Result<Git, Error> {
    let ask = Git::asking_the_person(dir).args(["--type=path", "--get", "core.excludesFile"]);
    let done = ask.finish().await?;
    let name = done.stdout.strip_suffix(b"\n").unwrap_or_default();
    if done.code != 0 || name.is_empty() {
        return Ok(list);
    }
    let name = std::ffi::OsString::from_vec(name.to_vec());
    Ok(list
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.excludesFile")
        .env("GIT_CONFIG_VALUE_0", name))
}
