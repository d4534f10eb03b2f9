//! Handing a result back: as a branch, as a new folder, or, asked for, into the person's files.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::bundle::unpack;
use crate::capture::{behind_link, kind_of, read_bounded};
use crate::git::Git;
use crate::repository::{Entry, Kind, Repository};
use crate::{Error, paths};

/// What became of the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchResult {
    /// It was made.
    Created,
    /// It was moved forward to a commit that contains its old one.
    Forwarded,
    /// It held the commit already.
    Unchanged,
}

/// What was changed in a person's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files written, new ones too.
    pub written: Vec<PathBuf>,
    /// Files removed.
    pub removed: Vec<PathBuf>,
}

/// Adds the commit as branch `branch` to the person's repository; work tree and index stay untouched.
///
/// # Errors
/// [`Error::NotGit`], [`Error::BadBranch`]; [`Error::BranchTaken`] when the branch holds something that the
/// commit does not contain, or is checked out.
pub async fn to_branch(
    dir: &Path,
    repo: &Repository,
    commit: &str,
    branch: &str,
) -> Result<BranchResult, Error> {
    let inside = Git::within(dir, "rev-parse").arg("--git-dir").finish().await?;
    if inside.code != 0 {
        return Err(Error::NotGit(dir.to_owned()));
    }
    let name = format!("refs/heads/{branch}");
    if branch.starts_with('-') || Git::anywhere("check-ref-format").arg(&name).finish().await?.code != 0 {
        return Err(Error::BadBranch(branch.to_owned()));
    }
    let format = "--format=%(objectname) %(refname) %(worktreepath)";
    let lines = Git::within(dir, "for-each-ref").args([format, &name]).text().await?;
    let line = lines.lines().find(|line| line.split(' ').nth(1) == Some(&name));
    let words: Vec<&str> = line.unwrap_or_default().splitn(3, ' ').collect();
    let old = words.first().copied().unwrap_or_default();
    if old == commit {
        return Ok(BranchResult::Unchanged);
    }
    if !old.is_empty() {
        let contained = repo.has(old).await?
            && repo.git("merge-base").args(["--is-ancestor", old, commit]).finish().await?.code == 0;
        if !contained || words.get(2).is_some_and(|path| !path.is_empty()) {
            return Err(Error::BranchTaken { branch: branch.to_owned(), at: old.to_owned() });
        }
    }
    unpack(Git::within(dir, "index-pack"), &repo.pack(commit, &[]).await?).await?;
    let expected = if old.is_empty() { "0".repeat(40) } else { old.to_owned() };
    let update = Git::within(dir, "update-ref").args(["-m", "codegod: result", &name, commit, &expected]);
    update.run().await?;
    Ok(if old.is_empty() { BranchResult::Created } else { BranchResult::Forwarded })
}

/// Makes `dir` a git repository with the commit and its history on branch `main`, and no remote.
///
/// # Errors
/// [`Error::FolderTaken`] unless `dir` is missing or empty. A failure leaves no half-made folder there.
pub async fn to_new_folder(dir: &Path, repo: &Repository, commit: &str) -> Result<(), Error> {
    let io = |doing| move |source| Error::Io { doing, path: dir.to_owned(), source };
    // Also refuses a tree that holds a path which must not be written.
    repo.list(commit).await?;
    if dir.exists() && std::fs::read_dir(dir).map_err(io("open"))?.next().is_some() {
        return Err(Error::FolderTaken(dir.to_owned()));
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(io("make"))?;
    let new = tempfile::Builder::new().prefix(".codegod-").tempdir_in(parent).map_err(io("make"))?;
    let git = |name: &str| Git::within(new.path(), name);
    git("init").args(["--quiet", "--template=", "--initial-branch=main", "."]).run().await?;
    unpack(git("index-pack"), &repo.pack(commit, &[]).await?).await?;
    git("update-ref").args(["refs/heads/main", commit]).run().await?;
    git("reset").args(["--quiet", "--hard", "main"]).run().await?;
    std::fs::set_permissions(new.path(), PermissionsExt::from_mode(0o755)).map_err(io("open"))?;
    let made = new.keep();
    std::fs::rename(&made, dir).map_err(|source| {
        let _ = std::fs::remove_dir_all(&made);
        Error::Io { doing: "make", path: dir.to_owned(), source }
    })
}

/// Writes what changed from `base`, the commit that was captured, to `commit` into the person's folder.
/// Works with and without git; the index and the branches stay untouched.
///
/// # Errors
/// [`Error::WouldOverwrite`] names every file that the person changed in the meantime and the result
/// changes too; then nothing is written.
pub async fn apply(dir: &Path, repo: &Repository, base: &str, commit: &str) -> Result<Applied, Error> {
    let dir =
        dir.canonicalize().map_err(|source| Error::Io { doing: "open", path: dir.to_owned(), source })?;
    let changed = repo.changed_files(base, commit).await?;
    let before = side(repo, base, &changed).await?;
    let after = side(repo, commit, &changed).await?;
    let (mut todo, mut refused) = (Vec::new(), Vec::new());
    for ((path, before), after) in changed.into_iter().zip(before).zip(after) {
        match state(&dir, &path, before.as_ref(), after.as_ref()) {
            State::AsBefore => todo.push((path, after)),
            State::AsAfter => {}
            State::Other => refused.push(path.to_string_lossy().into_owned()),
        }
    }
    if !refused.is_empty() {
        refused.sort();
        return Err(Error::WouldOverwrite { files: refused });
    }
    let mut applied = Applied::default();
    // Removals first: a file may give way to a folder.
    todo.sort_by_key(|(_, after)| after.is_some());
    for (path, after) in todo {
        let full = dir.join(&path);
        let io = |source| Error::Io { doing: "write", path: full.clone(), source };
        match after {
            Some(file) => {
                write(&full, &file).map_err(io)?;
                applied.written.push(path);
            }
            None => {
                remove(&dir, &full).map_err(io)?;
                applied.removed.push(path);
            }
        }
    }
    Ok(applied)
}

/// A file of one side: what it is and its content.
type Side = (Kind, Vec<u8>);

enum State {
    AsBefore,
    AsAfter,
    Other,
}

async fn side(repo: &Repository, commit: &str, wanted: &[PathBuf]) -> Result<Vec<Option<Side>>, Error> {
    let mut entries: Vec<Entry> = repo.list(commit).await?;
    entries.retain(|entry| entry.kind != Kind::Submodule && wanted.contains(&entry.path));
    let bytes = entries.iter().map(|entry| entry.size).sum();
    let contents = repo.contents(&entries, bytes).await?;
    let mut files: std::collections::HashMap<PathBuf, Side> = entries
        .into_iter()
        .zip(contents)
        .map(|(entry, content)| (entry.path, (entry.kind, content)))
        .collect();
    Ok(wanted.iter().map(|path| files.remove(path)).collect())
}

fn state(dir: &Path, path: &Path, before: Option<&Side>, after: Option<&Side>) -> State {
    if paths::check(path.as_os_str().as_bytes()).is_err() || behind_link(dir, path.as_os_str().as_bytes()) {
        return State::Other;
    }
    let full = dir.join(path);
    let now = match std::fs::symlink_metadata(&full) {
        Err(_) => None,
        Ok(meta) => {
            let Some(kind) = kind_of(&meta) else { return State::Other };
            let Ok(content) = read_bounded(&full, kind, meta.len()) else { return State::Other };
            Some((kind, content))
        }
    };
    match now.as_ref() {
        now if now == after => State::AsAfter,
        now if now == before => State::AsBefore,
        _ => State::Other,
    }
}

/// Puts a file in its place in one step, so that a crash leaves the old or the new one.
fn write(path: &Path, (kind, content): &Side) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    if *kind == Kind::Symlink {
        let place = tempfile::Builder::new().prefix(".codegod-").tempdir_in(folder)?;
        let link = place.path().join("link");
        symlink(std::ffi::OsStr::from_bytes(content), &link)?;
        return std::fs::rename(link, path);
    }
    let mut file = tempfile::Builder::new().prefix(".codegod-").tempfile_in(folder)?;
    file.write_all(content)?;
    let mode = if *kind == Kind::Executable { 0o755 } else { 0o644 };
    file.as_file().set_permissions(PermissionsExt::from_mode(mode))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Removes a file and the folders that it leaves empty.
fn remove(dir: &Path, path: &Path) -> std::io::Result<()> {
    std::fs::remove_file(path)?;
    let folders = path.ancestors().skip(1).take_while(|folder| *folder != dir);
    for folder in folders {
        if std::fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}
