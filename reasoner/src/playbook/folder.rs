//! The files of one playbook, from a folder on disk or from this binary. They are read once and
//! kept as text: whatever a template includes is looked up here, so nothing outside the playbook's
//! folder can be reached.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rust_embed::RustEmbed;

/// Larger files are left out: a template is text that somebody wrote.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// A playbook of more files is somebody's `node_modules`.
const MAX_FILES: usize = 2000;
/// Folders nested deeper are left out.
const MAX_DEPTH: usize = 12;

/// The file that makes a folder a playbook.
pub(super) const MANIFEST: &str = "playbook.toml";

/// The playbooks of this repository, inside the binary.
#[derive(RustEmbed)]
#[folder = "../playbooks/"]
struct BuiltIn;

/// One playbook's folder, read.
pub(super) struct Folder {
    /// The folder's path, for messages.
    pub(super) path: PathBuf,
    /// Its text files by their path below the folder, with `/`.
    pub(super) files: BTreeMap<String, String>,
}

/// The playbooks built into this binary.
pub(super) fn built_in() -> Vec<Folder> {
    let mut folders: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for path in BuiltIn::iter() {
        let Some((folder, below)) = path.split_once('/') else { continue };
        let text = BuiltIn::get(&path).and_then(|file| String::from_utf8(file.data.into_owned()).ok());
        if let Some(text) = text {
            folders.entry(folder.to_owned()).or_default().insert(below.to_owned(), text);
        }
    }
    let playbooks = folders.into_iter().filter(|(_, files)| files.contains_key(MANIFEST));
    playbooks.map(|(name, files)| Folder { path: Path::new("playbooks").join(name), files }).collect()
}

/// The playbooks below `folder`, by name; a folder without a `playbook.toml` is none.
///
/// # Errors
/// The folder can't be listed.
pub(super) fn below(folder: &Path) -> io::Result<Vec<Folder>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.join(MANIFEST).is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().map(|path| read(&path)).collect()
}

fn read(path: &Path) -> io::Result<Folder> {
    let mut files = BTreeMap::new();
    let mut open = vec![(path.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            // The entry's own type: a link is neither file nor folder, so none is followed.
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < MAX_DEPTH {
                open.push((entry.path(), format!("{name}/"), depth + 1));
                continue;
            }
            let small = kind.is_file() && entry.metadata()?.len() <= MAX_FILE_BYTES;
            if !small || files.len() >= MAX_FILES {
                continue;
            }
            if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
                files.insert(name, text);
            }
        }
    }
    Ok(Folder { path: path.to_owned(), files })
}
