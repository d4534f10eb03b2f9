//! Writing a result into the person's own files, which only happens when it is asked for.
//!
//! First everything is checked, then every new content is written beside its place, and only then are
//! files moved and removed: a refusal or a full disk leaves the folder as it was, and a crash leaves each
//! file either old or new. What was done already counts as done when it is applied again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::files::{behind_link, kind_of, read_bounded};
use crate::repository::{Entry, Kind, Repository};
use crate::{Error, paths};

/// What was changed in a person's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files written, new ones too.
    pub written: Vec<PathBuf>,
    /// Files removed.
    pub removed: Vec<PathBuf>,
}

/// A file of one side: what it is and its content.
type Side = (Kind, Vec<u8>);

/// One file to be written or, without a new side, removed.
struct Change {
    path: PathBuf,
    after: Option<Side>,
}

enum State {
    AsBefore,
    AsAfter,
    Other,
}

/// Writes what changed from `base`, the commit that was captured, to `commit` into the person's folder.
/// Works with and without git; the index and the branches stay untouched.
///
/// # Errors
/// [`Error::WouldOverwrite`] names every file that the person changed in the meantime and the result
/// changes too; then nothing is written. [`Error::Io`] when the disk is full or a folder can't be written;
/// no file is half-written then, and nothing is changed unless moving a finished file into place failed.
pub async fn apply(dir: &Path, repo: &Repository, base: &str, commit: &str) -> Result<Applied, Error> {
    let dir =
        dir.canonicalize().map_err(|source| Error::Io { doing: "open", path: dir.to_owned(), source })?;
    let todo = plan(&dir, repo, base, commit).await?;
    let (stage, staged) = stage(&dir, &todo)?;
    let mut applied = Applied::default();
    // Removals first: a file may give way to a folder, and a folder to a file.
    for change in todo.iter().filter(|change| change.after.is_none()) {
        let full = dir.join(&change.path);
        remove(&dir, &full).map_err(|source| Error::Io { doing: "remove", path: full, source })?;
        applied.removed.push(change.path.clone());
    }
    for (change, from) in todo.into_iter().filter(|change| change.after.is_some()).zip(staged) {
        let full = dir.join(&change.path);
        put(&from, &full).map_err(|source| Error::Io { doing: "write", path: full, source })?;
        applied.written.push(change.path);
    }
    drop(stage);
    Ok(applied)
}

/// Compares the folder with both sides; nothing is written.
async fn plan(dir: &Path, repo: &Repository, base: &str, commit: &str) -> Result<Vec<Change>, Error> {
    let changed = repo.changed_files(base, commit).await?;
    let before = side(repo, base, &changed).await?;
    let after = side(repo, commit, &changed).await?;
    let gone = changed.iter().zip(&after).filter(|(_, after)| after.is_none());
    let leaving: HashSet<PathBuf> =
        gone.map(|(path, _)| dir.join(path)).filter(|full| is_file_or_link(full)).collect();
    let (mut todo, mut refused) = (Vec::new(), BTreeSet::new());
    for ((path, before), after) in changed.into_iter().zip(before).zip(after) {
        match state(dir, &path, before.as_ref(), after.as_ref(), &leaving) {
            State::AsBefore => todo.push(Change { path, after }),
            State::AsAfter => {}
            State::Other => drop(refused.insert(path.to_string_lossy().into_owned())),
        }
    }
    if refused.is_empty() {
        return Ok(todo);
    }
    Err(Error::WouldOverwrite { files: refused.into_iter().collect() })
}

async fn side(repo: &Repository, commit: &str, wanted: &[PathBuf]) -> Result<Vec<Option<Side>>, Error> {
    let names: HashSet<&PathBuf> = wanted.iter().collect();
    let mut entries: Vec<Entry> = repo.list(commit).await?;
    entries.retain(|entry| entry.kind != Kind::Submodule && names.contains(&entry.path));
    let bytes = entries.iter().map(|entry| entry.size).sum();
    let contents = repo.contents(&entries, bytes).await?;
    let mut files: HashMap<PathBuf, Side> = entries
        .into_iter()
        .zip(contents)
        .map(|(entry, content)| (entry.path, (entry.kind, content)))
        .collect();
    Ok(wanted.iter().map(|path| files.remove(path)).collect())
}

fn state(
    dir: &Path,
    path: &Path,
    before: Option<&Side>,
    after: Option<&Side>,
    leaving: &HashSet<PathBuf>,
) -> State {
    let bytes = path.as_os_str().as_bytes();
    if paths::check(bytes).is_err() {
        return State::Other;
    }
    let full = dir.join(path);
    let below_link = behind_link(dir, bytes);
    let now = if path.ancestors().skip(1).any(|above| leaving.contains(&dir.join(above))) {
        // The file or link above it gives way.
        None
    } else if after.is_none() && (below_link || !is_file_or_link(&full)) {
        None
    } else if below_link {
        return State::Other;
    } else {
        match std::fs::symlink_metadata(&full) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(_) => return State::Other,
            Ok(meta) if meta.is_dir() && only_leaving(&full, leaving) => None,
            Ok(meta) => {
                let Some(kind) = kind_of(&meta) else { return State::Other };
                let Ok(content) = read_bounded(&full, kind, meta.len()) else { return State::Other };
                Some((kind, content))
            }
        }
    };
    match now.as_ref() {
        now if now == after => State::AsAfter,
        now if now == before => State::AsBefore,
        _ => State::Other,
    }
}

fn is_file_or_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_dir())
}

/// Whether a folder holds nothing but files that the result removes.
fn only_leaving(folder: &Path, leaving: &HashSet<PathBuf>) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.into_iter().all(|entry| {
        entry.is_ok_and(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => only_leaving(&entry.path(), leaving),
            Ok(_) => leaving.contains(&entry.path()),
            Err(_) => false,
        })
    })
}

/// Writes every new content into a folder of its own, which goes away with the value that is given back.
fn stage(dir: &Path, todo: &[Change]) -> Result<(TempDir, Vec<PathBuf>), Error> {
    let make = |source| Error::Io { doing: "make a folder in", path: dir.to_owned(), source };
    let stage = tempfile::Builder::new().prefix(".codegod-").tempdir_in(dir).map_err(make)?;
    let mut staged = Vec::new();
    for (number, change) in todo.iter().enumerate() {
        let Some((kind, content)) = &change.after else { continue };
        let (from, full) = (stage.path().join(number.to_string()), dir.join(&change.path));
        write(&from, &full, *kind, content).map_err(|source| Error::Io {
            doing: "write",
            path: full,
            source,
        })?;
        staged.push(from);
    }
    Ok((stage, staged))
}

/// Writes what is going to be `place`; a file that is there already keeps who may read and write it.
fn write(path: &Path, place: &Path, kind: Kind, content: &[u8]) -> std::io::Result<()> {
    if kind == Kind::Symlink {
        return symlink(OsStr::from_bytes(content), path);
    }
    std::fs::write(path, content)?;
    let now = std::fs::symlink_metadata(place).ok().filter(std::fs::Metadata::is_file);
    let mode = now.map_or(0o644, |meta| meta.permissions().mode() & 0o666);
    // Whoever may read it may execute it.
    let execute = if kind == Kind::Executable { (mode & 0o444) >> 2 } else { 0 };
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode | execute))
}

/// Moves a written file into its place in one step.
fn put(from: &Path, to: &Path) -> std::io::Result<()> {
    let folder = to.parent().unwrap_or(to);
    std::fs::create_dir_all(folder)?;
    if std::fs::symlink_metadata(to).is_ok_and(|meta| meta.is_dir()) {
        // Its files were removed already; one that came since then keeps it from going away.
        remove_empty(to)?;
    }
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => across(from, folder, to),
        done => done,
    }
}

/// The same when another file system is mounted there.
fn across(from: &Path, folder: &Path, to: &Path) -> std::io::Result<()> {
    let place = tempfile::Builder::new().prefix(".codegod-").tempdir_in(folder)?;
    let copy = place.path().join("copy");
    if from.is_symlink() {
        symlink(std::fs::read_link(from)?, &copy)?;
    } else {
        std::fs::copy(from, &copy)?;
    }
    std::fs::rename(copy, to)
}

/// Removes a folder that holds nothing but empty folders.
fn remove_empty(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        remove_empty(&entry?.path())?;
    }
    std::fs::remove_dir(folder)
}

/// Removes a file and the folders that it leaves empty.
fn remove(dir: &Path, path: &Path) -> std::io::Result<()> {
    std::fs::remove_file(path)?;
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != dir) {
        if std::fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}
