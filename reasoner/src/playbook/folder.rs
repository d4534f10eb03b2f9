//! The files of playbooks and kits, from a folder on disk or from this binary. They are read once and
//! kept as text: whatever a template includes is looked up here by its exact name, so nothing outside
//! the playbook's folder and the kits that it uses can be reached.

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
/// The file that makes a folder a kit: templates that several playbooks use.
pub(super) const KIT_MANIFEST: &str = "kit.toml";

/// The playbooks of this repository, inside the binary.
#[derive(RustEmbed)]
#[folder = "../playbooks/"]
struct BuiltIn;

/// One folder of text files, read.
pub(super) struct Folder {
    /// The path that its files' names start from, for messages.
    pub(super) path: PathBuf,
    /// Its text files by their path below `path`, with `/`.
    pub(super) files: BTreeMap<String, String>,
}

/// The templates that playbooks share as one kit.
pub(super) struct Kit {
    /// Its folder's name, by which playbooks use it.
    pub(super) name: String,
    /// Its files. Their names start with the kit's own, as they are written in a playbook
    /// (`web-kit/templates/…`), so its path is that of the folder around it.
    pub(super) folder: Folder,
}

/// What stands side by side in one folder of playbooks.
#[derive(Default)]
pub(super) struct Shelf {
    /// Its playbooks, by name of their folder.
    pub(super) playbooks: Vec<Folder>,
    /// Its kits, by name.
    pub(super) kits: Vec<Kit>,
}

impl Shelf {
    fn add_playbook(&mut self, root: &Path, name: &str, files: BTreeMap<String, String>) {
        self.playbooks.push(Folder { path: root.join(name), files });
    }

    fn add_kit(&mut self, root: &Path, name: &str, files: BTreeMap<String, String>) {
        let files = files.into_iter().map(|(below, text)| (format!("{name}/{below}"), text)).collect();
        let folder = Folder { path: root.to_owned(), files };
        self.kits.push(Kit { name: name.to_owned(), folder });
    }
}

/// The playbooks and kits built into this binary.
pub(super) fn built_in() -> Shelf {
    let mut folders: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for path in BuiltIn::iter() {
        let Some((folder, below)) = path.split_once('/') else { continue };
        let text = BuiltIn::get(&path).and_then(|file| String::from_utf8(file.data.into_owned()).ok());
        if let Some(text) = text {
            folders.entry(folder.to_owned()).or_default().insert(below.to_owned(), text);
        }
    }
    let mut shelf = Shelf::default();
    for (name, files) in folders {
        let root = Path::new("playbooks");
        if files.contains_key(MANIFEST) {
            shelf.add_playbook(root, &name, files);
        } else if files.contains_key(KIT_MANIFEST) {
            shelf.add_kit(root, &name, files);
        }
    }
    shelf
}

/// The text files below `folder` of this binary's playbooks, by their path below it.
pub(crate) fn files_built_in(folder: &str) -> BTreeMap<String, String> {
    let text = |path: &str| String::from_utf8(BuiltIn::get(path)?.data.into_owned()).ok();
    let below = |path: &str| Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
    BuiltIn::iter().filter_map(|path| Some((below(&path)?, text(&path)?))).collect()
}

/// The playbooks and kits below `root`; a folder without either manifest is neither.
///
/// # Errors
/// The folder or one below it can't be listed, or a file can't be read.
pub(super) fn below(root: &Path) -> io::Result<Shelf> {
    let mut entries = fs::read_dir(root)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut shelf = Shelf::default();
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.join(MANIFEST).is_file() {
            shelf.add_playbook(root, &name, read(&path)?);
        } else if entry.file_type()?.is_dir() && path.join(KIT_MANIFEST).is_file() {
            // The entry's own type: other folders reach into a kit, so it is never a link.
            shelf.add_kit(root, &name, read(&path)?);
        }
    }
    Ok(shelf)
}

/// The text files below `path`, by their path below it.
///
/// # Errors
/// A folder can't be listed, or a file can't be read.
pub(crate) fn read(path: &Path) -> io::Result<BTreeMap<String, String>> {
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
    Ok(files)
}
