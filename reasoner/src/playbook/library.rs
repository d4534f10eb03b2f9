//! The library: every playbook that could be read, and what is wrong with the others.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use codegod_protocol::intent::Intent;
use regex::Regex;

use super::folder::{self, Folder, Kit, MANIFEST, Shelf};
use super::inspect::{self, Kits};
use super::schema::{Manifest, StackEntry};
use crate::intent::Vocabulary;

/// Folders of a person's own playbooks, separated by `:`.
const FOLDERS_VARIABLE: &str = "CODEGOD_PLAYBOOKS";
/// A folder to take in place of the playbooks inside the binary, for those who work on them.
const BUILT_IN_VARIABLE: &str = "CODEGOD_BUILTIN_PLAYBOOKS";

/// Something that is wrong with a playbook, which is therefore left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1, where known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// One playbook, checked.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// What its `playbook.toml` says.
    pub manifest: Manifest,
    /// Its folder.
    pub folder: PathBuf,
    pub(super) files: BTreeMap<String, String>,
    pub(super) symptom: Option<Regex>,
}

impl Playbook {
    /// Its text files by their path below its folder, and those of its kits by `<kit>/<path>`.
    pub(super) fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// The failure that it mends, as an expression over the goal's text.
    #[must_use]
    pub fn symptom(&self) -> Option<&Regex> {
        self.symptom.as_ref()
    }

    /// The named groups of its symptom in what the goal reports (its symptom, else its sentence);
    /// none when it does not match.
    pub(crate) fn symptom_groups(
        &self,
        intent: &Intent,
        text: &str,
    ) -> Option<BTreeMap<String, Option<String>>> {
        let symptom = self.symptom.as_ref()?;
        let reported = intent.symptom.as_deref().into_iter().chain([text]);
        let captures = reported.into_iter().find_map(|reported| symptom.captures(reported))?;
        let group = |name: &str| captures.name(name).map(|found| found.as_str().to_owned());
        Some(symptom.capture_names().flatten().map(|name| (name.to_owned(), group(name))).collect())
    }
}

/// All playbooks, by name.
#[derive(Debug, Clone, Default)]
pub struct Library {
    playbooks: BTreeMap<String, Playbook>,
    /// What was left out, and why.
    pub problems: Vec<Problem>,
}

impl Library {
    /// Reads `<folder>/*/playbook.toml` of every folder; one of the same name in a later folder
    /// replaces the earlier. Broken ones are left out and listed in [`Library::problems`]. Kits are
    /// those of the folders and of this binary.
    #[must_use]
    pub fn load(folders: &[PathBuf]) -> Self {
        let kits = Shelf { playbooks: Vec::new(), ..folder::built_in() };
        Self::of([Ok(kits)].into_iter().chain(folders.iter().map(|path| shelf(path))))
    }

    /// The playbooks inside this binary (a debug build reads them from the checkout).
    #[must_use]
    pub fn built_in() -> Self {
        Self::of([Ok(folder::built_in())])
    }

    /// What a program of codegod uses: the built-in playbooks (or those of the folder named by
    /// `CODEGOD_BUILTIN_PLAYBOOKS`), then those of [`Library::default_folders`].
    #[must_use]
    pub fn standard() -> Self {
        let built_in = match Self::built_in_folder() {
            Some(folder) => shelf(&folder),
            None => Ok(folder::built_in()),
        };
        let own = Self::default_folders();
        Self::of([built_in].into_iter().chain(own.iter().map(|path| shelf(path))))
    }

    /// The folder to take in place of the playbooks inside this binary, where one is named.
    pub(crate) fn built_in_folder() -> Option<PathBuf> {
        env::var_os(BUILT_IN_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// A person's own folders: those of `CODEGOD_PLAYBOOKS`, or `~/.config/codegod/playbooks` where
    /// there is one.
    #[must_use]
    pub fn default_folders() -> Vec<PathBuf> {
        if let Some(folders) = env::var_os(FOLDERS_VARIABLE) {
            return env::split_paths(&folders).filter(|path| !path.as_os_str().is_empty()).collect();
        }
        let home = env::var_os("HOME").map(|home| Path::new(&home).join(".config/codegod/playbooks"));
        home.into_iter().filter(|path| path.is_dir()).collect()
    }

    /// The playbooks, by name.
    pub fn playbooks(&self) -> impl Iterator<Item = &Playbook> {
        self.playbooks.values()
    }

    /// The playbook of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Playbook> {
        self.playbooks.get(name)
    }

    /// The technologies that the playbooks bring.
    #[must_use]
    pub fn stacks(&self) -> Vec<StackEntry> {
        self.playbooks().filter_map(|playbook| playbook.manifest.stack.clone()).collect()
    }

    /// What the playbooks know by name, for understanding sentences.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        let symptom = |playbook: &Playbook| Some((playbook.manifest.name.clone(), playbook.symptom.clone()?));
        Vocabulary { stacks: self.stacks(), symptoms: self.playbooks().filter_map(symptom).collect() }
    }

    /// The library of these shelves, the most important one last. All kits are known before any
    /// playbook is read, so a replaced kit is replaced for the playbooks of every shelf.
    fn of(shelves: impl IntoIterator<Item = Result<Shelf, Problem>>) -> Self {
        let mut library = Self::default();
        let mut kits = Kits::new();
        let mut read = Vec::new();
        for shelf in shelves {
            match shelf {
                Ok(shelf) => {
                    library.add_kits(shelf.kits, &mut kits);
                    read.push(shelf.playbooks);
                }
                Err(problem) => library.problems.push(problem),
            }
        }
        for playbooks in read {
            library.add(playbooks, &kits);
        }
        library
    }

    fn add_kits(&mut self, found: Vec<Kit>, kits: &mut Kits) {
        for kit in found {
            match inspect::kit(&kit) {
                Ok(()) => drop(kits.insert(kit.name.clone(), kit)),
                Err(problems) => self.problems.extend(problems),
            }
        }
    }

    fn add(&mut self, folders: Vec<Folder>, kits: &Kits) {
        let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
        for folder in folders {
            let file = folder.path.join(MANIFEST);
            let playbook = match inspect::playbook(folder, kits) {
                Ok(playbook) => playbook,
                Err(problems) => {
                    self.problems.extend(problems);
                    continue;
                }
            };
            let name = playbook.manifest.name.clone();
            if let Some(other) = seen.insert(name.clone(), file.clone()) {
                let message = format!("the name {name:?} is taken by {}", other.display());
                self.problems.push(Problem { file, line: None, message });
                continue;
            }
            self.playbooks.insert(name, playbook);
        }
    }
}

/// What stands in one folder of playbooks.
fn shelf(path: &Path) -> Result<Shelf, Problem> {
    folder::below(path).map_err(|error| Problem {
        file: path.to_owned(),
        line: None,
        message: format!("the folder can't be read: {error}"),
    })
}
