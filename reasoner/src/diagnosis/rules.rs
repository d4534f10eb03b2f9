//! Reading the rules: those inside the binary, and a person's own, which add to them or replace them by
//! name. A broken rule is named with file and line and left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codegod_protocol::setup::Setup;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::rule::Rule;
use super::schema::{Cell, RuleEntry, Table};
use super::{Diagnosis, Failure, conclude};
use crate::playbook::{Library, Problem, files_below, files_built_in};
use crate::survey::Tree;

/// The folder with rules beside the folders of playbooks.
const FOLDER: &str = "diagnosis";
/// The version of the shape of the files that is read.
const VERSION: i64 = 1;

/// Every rule that could be read, and what is wrong with the others.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Arc<Rule>>,
    tables: Arc<BTreeMap<String, Table>>,
    /// What was left out, and why.
    pub problems: Vec<Problem>,
}

impl Rules {
    /// The rules inside this binary, then those of `<folder>/diagnosis/*.toml` of every folder of playbooks;
    /// one of the same name in a later folder replaces the earlier, and so does a row of a table.
    #[must_use]
    pub fn load(folders: &[PathBuf]) -> Self {
        let mut rules = Self::built_in();
        folders.iter().for_each(|folder| rules.add_folder(folder));
        rules
    }

    /// The rules inside this binary (a debug build reads them from the checkout).
    #[must_use]
    pub fn built_in() -> Self {
        let mut rules = Self::default();
        rules.add(Path::new("playbooks"), files_built_in(FOLDER));
        rules
    }

    /// What a program of codegod uses: as [`Library::standard`] does for playbooks.
    #[must_use]
    pub fn standard() -> Self {
        let mut rules = match Library::built_in_folder() {
            Some(folder) => {
                let mut rules = Self::default();
                rules.add_folder(&folder);
                rules
            }
            None => Self::built_in(),
        };
        Library::default_folders().iter().for_each(|folder| rules.add_folder(folder));
        rules
    }

    /// What the rules make of a failure of a part of the project in `tree`, the surest first; empty when
    /// none applies.
    #[must_use]
    pub fn diagnose(&self, setup: &Setup, tree: &Tree, failure: &Failure<'_>) -> Vec<Diagnosis> {
        let (found, problems) = self.diagnose_strictly(setup, tree, failure);
        problems.iter().for_each(|problem| tracing::warn!("a rule of diagnosis fails: {problem}"));
        found
    }

    /// As [`Self::diagnose`], with what went wrong with rules over this output: for those who write them.
    #[must_use]
    pub fn diagnose_strictly(
        &self,
        setup: &Setup,
        tree: &Tree,
        failure: &Failure<'_>,
    ) -> (Vec<Diagnosis>, Vec<String>) {
        conclude::diagnose(&self.rules, &self.tables, setup, tree, failure)
    }

    /// The names of the rules, in the order in which they are asked.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.entry.name.as_str())
    }

    fn add_folder(&mut self, folder: &Path) {
        if !folder.join(FOLDER).is_dir() {
            return;
        }
        match files_below(&folder.join(FOLDER)) {
            Ok(found) => self.add(folder, found),
            Err(error) => {
                let (file, message) = (folder.join(FOLDER), format!("the folder can't be read: {error}"));
                self.problems.push(Problem { file, line: None, message });
            }
        }
    }

    fn add(&mut self, root: &Path, found: BTreeMap<String, String>) {
        for (name, text) in found.iter().filter(|(name, _)| name.ends_with(".toml")) {
            let mut reader = Reader { rules: self, file: root.join(FOLDER).join(name), text };
            reader.read();
        }
    }
}

/// Reads one file.
struct Reader<'a> {
    rules: &'a mut Rules,
    file: PathBuf,
    text: &'a str,
}

impl Reader<'_> {
    fn say(&mut self, offset: usize, message: impl Into<String>) {
        let line = self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        let (file, message) = (self.file.clone(), message.into());
        self.rules.problems.push(Problem { file, line: Some(line), message });
    }

    fn read(&mut self) {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                return self.say(error.span().map_or(0, |span| span.start), error.message());
            }
        };
        // A file of another shape is left out as a whole: nothing in it can be relied on.
        let version = table.get("version").cloned();
        let offset = version.as_ref().map_or(0, |version| version.span().start);
        if version.and_then(|version| self.part::<i64>(version)) != Some(VERSION) {
            return self.say(offset, format!("it must say version = {VERSION}, which this codegod reads"));
        }
        let mut patterns = BTreeMap::new();
        let mut entries = Vec::new();
        for (key, value) in table {
            let offset = key.span().start;
            match key.get_ref().as_ref() {
                "version" => {}
                "patterns" => patterns = self.part(value).unwrap_or_default(),
                "tables" => self.tables(value),
                "rules" => entries = into_array(value),
                other => self.say(offset, format!("{other:?} is not known here")),
            }
        }
        for entry in entries {
            self.rule(entry, &patterns);
        }
    }

    /// One part of the file; what is wrong with it is said.
    fn part<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Option<T> {
        let start = value.span().start;
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(part) => Some(part),
            Err(error) => {
                self.say(error.span().map_or(start, |span| span.start), error.message());
                None
            }
        }
    }

    fn tables(&mut self, value: Spanned<DeValue<'_>>) {
        let Some(found) = self.part::<BTreeMap<String, BTreeMap<String, Cell>>>(value) else { return };
        let tables = Arc::make_mut(&mut self.rules.tables);
        for (name, rows) in found {
            tables.entry(name).or_default().extend(rows);
        }
    }

    fn rule(&mut self, value: Spanned<DeValue<'_>>, patterns: &BTreeMap<String, Vec<String>>) {
        let start = value.span().start;
        let Some(entry) = self.part::<RuleEntry>(value) else { return };
        let rule = match Rule::new(entry, patterns) {
            Ok(rule) => Arc::new(rule),
            Err(problems) => return problems.into_iter().for_each(|problem| self.say(start, problem)),
        };
        let rules = &mut self.rules.rules;
        match rules.iter_mut().find(|other| other.entry.name == rule.entry.name) {
            Some(other) => *other = rule,
            None => rules.push(rule),
        }
    }
}

fn into_array(value: Spanned<DeValue<'_>>) -> Vec<Spanned<DeValue<'_>>> {
    match value.into_inner() {
        DeValue::Array(items) => items.into_iter().collect(),
        _ => Vec::new(),
    }
}
