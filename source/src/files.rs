//! The files of a person's folder: what they are, how large, and their contents. A link is never followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::capture::Limits;
use crate::repository::{Kind, Repository};
use crate::tree::Contents;
use crate::{Error, paths};

/// A file that is going to be taken.
pub(crate) struct Found {
    path: Vec<u8>,
    kind: Kind,
}

/// Settings of one's own, which git is often told to ignore and tests may need all the same.
const SETTINGS: [&str; 6] =
    [".env", "local_settings.py", "settings_local.py", "local.py", "secrets.json", "secrets.toml"];
/// What a file begins with that stands for one which Git LFS keeps.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// How many of the largest are named when a folder is too large.
const NAMED: usize = 3;

/// Notes what lies beside the files that are taken: sockets, pipes and devices, and settings that are
/// ignored.
pub(crate) fn note_left_out(dir: &Path, names: &BTreeSet<Vec<u8>>, notes: &mut Vec<String>) {
    let parent =
        |name: &Vec<u8>| name.iter().rposition(|b| *b == b'/').map_or(Vec::new(), |at| name[..at].to_vec());
    let mut folders: BTreeSet<Vec<u8>> = names.iter().map(parent).collect();
    folders.insert(Vec::new());
    let mut settings = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(paths::below(dir, &folder)) else { continue };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            let shown = path.strip_prefix(dir).unwrap_or(&path);
            // A tracked one is noted where its size is looked at.
            if names.contains(shown.as_os_str().as_bytes()) {
                continue;
            }
            if !kind.is_file() && !kind.is_dir() && !kind.is_symlink() {
                notes.push(left_out(&shown.to_string_lossy()));
            } else if !kind.is_dir() && SETTINGS.iter().any(|name| entry.file_name() == *name) {
                settings.push(shown.to_string_lossy().into_owned());
            }
        }
    }
    settings.sort();
    if !settings.is_empty() {
        notes.push(format!("Left out, for git ignores it: {}.", settings.join(", ")));
    }
}

fn left_out(what: &str) -> String {
    format!("{what} was left out: it is neither a file nor a link.")
}

/// Looks at every file without reading it; what is neither file nor link is left out with a note.
pub(crate) fn measure(
    dir: &Path,
    names: BTreeSet<Vec<u8>>,
    limits: Limits,
    notes: &mut Vec<String>,
) -> Result<Vec<Found>, Error> {
    let (mut found, mut sizes, mut together) = (Vec::new(), Vec::new(), 0_u64);
    let mut known: Option<(Vec<u8>, bool)> = None;
    for path in names {
        let full = paths::below(dir, &path);
        let Ok(meta) = std::fs::symlink_metadata(&full) else { continue };
        let folder = path.iter().rposition(|byte| *byte == b'/').map_or(&path[..0], |end| &path[..=end]);
        // The names are in order, so that those of one folder mostly follow one another.
        if known.as_ref().is_none_or(|(last, _)| last != folder) {
            known = Some((folder.to_vec(), behind_link(dir, folder)));
        }
        if known.as_ref().is_some_and(|(_, linked)| *linked) {
            continue;
        }
        let what = String::from_utf8_lossy(&path).into_owned();
        let Some(kind) = kind_of(&meta) else {
            notes.push(left_out(&what));
            continue;
        };
        let bytes = meta.len();
        if bytes > limits.file {
            return Err(Error::TooLarge { what, bytes, limit: limits.file });
        }
        together = together.saturating_add(bytes);
        sizes.push((what, bytes));
        found.push(Found { path, kind });
    }
    if together > limits.together {
        let what = format!("the folder {} (most of it: {})", dir.display(), largest(&sizes));
        return Err(Error::TooLarge { what, bytes: together, limit: limits.together });
    }
    Ok(found)
}

/// The files and folders that make a folder large, the largest first.
fn largest(sizes: &[(String, u64)]) -> String {
    let mut prefix = String::new();
    loop {
        let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
        for (path, bytes) in sizes {
            let Some(rest) = path.strip_prefix(&prefix) else { continue };
            let end = rest.find('/').map_or(path.len(), |at| prefix.len() + at + 1);
            *groups.entry(&path[..end]).or_default() += bytes;
        }
        let together: u64 = groups.values().sum();
        let mut groups: Vec<(&str, u64)> = groups.into_iter().collect();
        groups.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        // A folder that holds nearly all of it says little: what in it?
        match groups.first() {
            Some((first, bytes)) if first.ends_with('/') && *bytes > together / 10 * 9 => {
                prefix = (*first).to_owned();
            }
            _ => {
                let named =
                    |(path, bytes): &(&str, u64)| format!("{} {} MB", paths::shortened(path), bytes >> 20);
                return groups.iter().take(NAMED).map(named).collect::<Vec<_>>().join(", ");
            }
        }
    }
}

/// Stores the files' contents and gives the tree that holds them.
pub(crate) async fn store(
    dir: &Path,
    repo: &Repository,
    found: &[Found],
    notes: &mut Vec<String>,
    limits: Limits,
) -> Result<String, Error> {
    let mut contents = Contents::start(repo)?;
    let mut pointers = Vec::new();
    for Found { path, kind } in found {
        let full = paths::below(dir, path);
        match read_bounded(&full, *kind, limits.file) {
            Ok(content) => {
                if content.starts_with(LFS_POINTER) {
                    pointers.push(String::from_utf8_lossy(path).into_owned());
                }
                contents.add(path, *kind, &content).await?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                notes.push(format!("{} went away while the folder was read.", full.display()));
            }
            // Leaving it out would read as its deletion when the result comes back.
            Err(source) => return Err(Error::Io { doing: "read", path: full, source }),
        }
    }
    if let Some(first) = pointers.first() {
        let more = match pointers.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let first = paths::shortened(first);
        notes.push(format!(
            "Git LFS keeps the content of {first}{more}, and it is not here; git lfs pull brings it."
        ));
    }
    repo.write_tree(None, &contents.finish().await?).await
}

/// The content of a file, or the target of a link, as a person's folder has it now.
pub(crate) fn read_bounded(path: &Path, kind: Kind, limit: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    if kind == Kind::Symlink {
        return Ok(std::fs::read_link(path)?.as_os_str().as_bytes().to_vec());
    }
    let mut content = Vec::new();
    std::fs::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return Err(std::io::Error::other("it grew while it was read"));
    }
    Ok(content)
}

/// What a file is for git; None for folders, sockets, pipes and devices.
pub(crate) fn kind_of(meta: &Metadata) -> Option<Kind> {
    match meta.file_type() {
        kind if kind.is_symlink() => Some(Kind::Symlink),
        kind if kind.is_file() && meta.permissions().mode() & 0o100 != 0 => Some(Kind::Executable),
        kind if kind.is_file() => Some(Kind::File),
        _ => None,
    }
}

/// Whether a folder on the way to the path is a link, so that the path leads elsewhere.
pub(crate) fn behind_link(dir: &Path, path: &[u8]) -> bool {
    let cuts = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    cuts.map(|(at, _)| paths::below(dir, &path[..at]))
        .any(|folder| std::fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_symlink()))
}
