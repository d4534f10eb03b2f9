//! Checks a playbook or a kit when it is loaded, so that what is wrong with it is said with file and line
//! before a goal needs it: its shape, its expressions, its templates and what they name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use codegod_protocol::action::Action;
use codegod_protocol::id::Role;
use regex::Regex;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::context::NAMES;
use super::folder::{Folder, KIT_MANIFEST, Kit, MANIFEST};
use super::library::{Playbook, Problem};
use super::render::{TEMPLATE_SUFFIX, bare_environment, is_template, message};
use super::schema::{EnvironmentEntry, KitManifest, Manifest, TaskEntry};
use crate::reasoning::expression;

/// The version of the shape of `playbook.toml` and `kit.toml` that is read.
const VERSION: u32 = 1;

static INCLUDE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\{%-?\s*(?:include|import|from|extends)\s+["']([^"']+)["']"#).ok());

/// What tasks and environments look like before their texts are rendered. Texts stay texts, so the
/// shape can be checked with the places that TOML knows.
#[derive(Deserialize)]
struct Shape {
    /// Read for its shape only: which names exist is known when all playbooks of a plan are.
    #[serde(default, rename = "environments")]
    _environments: Vec<EnvironmentEntry>,
    tasks: Vec<TaskEntry>,
}

/// The kits that playbooks may use, checked, by name.
pub(super) type Kits = BTreeMap<String, Kit>;

/// Checks `folder` and makes a playbook of it, which has the files of the kits that it uses, too.
///
/// # Errors
/// Everything that is wrong with it; never empty.
pub(super) fn playbook(folder: Folder, kits: &Kits) -> Result<Playbook, Vec<Problem>> {
    let file = folder.path.join(MANIFEST);
    let text = folder.files.get(MANIFEST).map(String::as_str).unwrap_or_default();
    let manifest: Manifest = toml::from_str(text).map_err(|error| broken(&file, text, &error))?;
    let shape: Shape = toml::from_str(text).map_err(|error| broken(&file, text, &error))?;
    let table = DeTable::parse(text).map_err(|error| broken(&file, text, &error))?;
    let used: Vec<&Kit> = manifest.uses.iter().filter_map(|name| kits.get(name)).collect();
    let mut inspector = Inspector { folder: &folder, kits: &used, file, text, problems: Vec::new() };
    inspector.manifest(&manifest, table.get_ref());
    inspector.uses(&manifest.uses, table.get_ref());
    inspector.tasks(&shape, table.get_ref());
    inspector.walk_tasks(&shape, table.get_ref());
    inspector.templates();
    let problems = inspector.problems;
    if !problems.is_empty() {
        return Err(problems);
    }
    let symptom = manifest.applies.symptom.as_deref().and_then(|symptom| Regex::new(symptom).ok());
    let mut files = folder.files;
    files.extend(used.iter().flat_map(|kit| kit.folder.files.clone()));
    Ok(Playbook { manifest, folder: folder.path, files, symptom })
}

/// Checks a kit by itself: its templates include only one another.
///
/// # Errors
/// Everything that is wrong with it; never empty.
pub(super) fn kit(kit: &Kit) -> Result<(), Vec<Problem>> {
    let name = format!("{}/{KIT_MANIFEST}", kit.name);
    let file = kit.folder.path.join(&name);
    let text = kit.folder.files.get(&name).map(String::as_str).unwrap_or_default();
    let manifest: KitManifest = toml::from_str(text).map_err(|error| broken(&file, text, &error))?;
    let table = DeTable::parse(text).map_err(|error| broken(&file, text, &error))?;
    let mut inspector = Inspector { folder: &kit.folder, kits: &[], file, text, problems: Vec::new() };
    inspector.version(manifest.version, table.get_ref());
    inspector.templates();
    if inspector.problems.is_empty() { Ok(()) } else { Err(inspector.problems) }
}

/// That the manifest `file` has not the shape of one.
fn broken(file: &Path, text: &str, error: &toml::de::Error) -> Vec<Problem> {
    let line = error.span().map(|span| line_at(text, span.start));
    vec![Problem { file: file.to_owned(), line, message: error.message().to_owned() }]
}

/// The line, from 1, of the byte at `offset`.
fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

struct Inspector<'a> {
    folder: &'a Folder,
    /// The kits whose files it may name beside the folder's own.
    kits: &'a [&'a Kit],
    file: PathBuf,
    text: &'a str,
    problems: Vec<Problem>,
}

/// What a text may name, and what it is.
#[derive(Clone, Copy)]
enum Kind<'k> {
    Template,
    /// An expression over the template context.
    When,
    /// An expression over these findings.
    Finding(&'k BTreeSet<String>),
}

impl Inspector<'_> {
    fn say(&mut self, offset: usize, message: impl Into<String>) {
        let line = Some(line_at(self.text, offset));
        self.problems.push(Problem { file: self.file.clone(), line, message: message.into() });
    }

    /// Whether the folder, or a kit that it uses, has a text file of exactly this name.
    fn has(&self, name: &str) -> bool {
        let folders = self.kits.iter().map(|kit| &kit.folder).chain([self.folder]);
        folders.into_iter().any(|folder| folder.files.contains_key(name))
    }

    fn version(&mut self, version: u32, table: &DeTable<'_>) {
        if version != VERSION {
            let message = format!("version {version} is not known (this codegod reads {VERSION})");
            self.say(at(table, &["version"]), message);
        }
    }

    fn uses(&mut self, uses: &[String], table: &DeTable<'_>) {
        for (index, name) in uses.iter().enumerate() {
            let offset = item(table, "uses", index).map_or(0, |value| value.span().start);
            if !self.kits.iter().any(|kit| kit.name == *name) {
                self.say(offset, format!("there is no kit {name:?} (or it is broken)"));
            }
            // Else the playbook's own file and the kit's could have one name.
            if self.folder.files.keys().any(|file| file.split('/').next() == Some(name)) {
                self.say(offset, format!("the playbook has a folder {name:?} of its own: rename that"));
            }
        }
    }

    fn manifest(&mut self, manifest: &Manifest, table: &DeTable<'_>) {
        self.version(manifest.version, table);
        let name_is_a_word = !manifest.name.is_empty()
            && manifest.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !name_is_a_word {
            self.say(
                at(table, &["name"]),
                format!("{:?} is no name (letters, digits, - and _)", manifest.name),
            );
        }
        if let Some(when) = &manifest.applies.when {
            self.check(when, at(table, &["applies", "when"]), Kind::When);
        }
        let symptom = manifest.applies.symptom.as_deref().map(Regex::new);
        if let Some(Err(error)) = symptom {
            self.say(at(table, &["applies", "symptom"]), format!("symptom does not compile: {error}"));
        }
        if manifest.stack.is_some() && manifest.applies.symptom.is_some() {
            self.say(at(table, &["stack"]), "a playbook mends a symptom or brings a technology, not both");
        }
    }

    /// What holds between the parts of tasks.
    fn tasks(&mut self, shape: &Shape, table: &DeTable<'_>) {
        for (index, task) in shape.tasks.iter().enumerate() {
            let offset = item(table, "tasks", index).map_or(0, |value| value.span().start);
            let key = &task.key;
            if task.validate.is_empty() {
                self.say(offset, format!("task {key:?} has no validate: nothing could show that it failed"));
            }
            // One key may stand for several variants, but then each must say when it is meant.
            let namesakes = shape.tasks.iter().filter(|other| other.key == *key);
            if task.when.is_none() && namesakes.count() > 1 {
                self.say(offset, format!("task {key:?} stands twice and has no `when`"));
            }
            let needs: Vec<&str> = task.needs.iter().map(|need| need.trim_end_matches('?')).collect();
            if let Some(twice) = needs.iter().enumerate().find(|(i, need)| needs[..*i].contains(need)) {
                self.say(offset, format!("task {key:?} needs {:?} twice", twice.1));
            }
            self.actions(task, offset);
        }
    }

    fn actions(&mut self, task: &TaskEntry, offset: usize) {
        let looks = task.observe.iter().map(|observation| &observation.look);
        let steps = task.steps.iter().chain(task.hypotheses.iter().flat_map(|h| &h.steps));
        let checks = task.validate.iter().map(|check| &check.action);
        let actions: Vec<&Action> = looks.chain(steps.map(|step| &step.action)).chain(checks).collect();
        for action in actions {
            if !action.allowed_to(task.role) {
                let message = format!("task {:?}: {} does not do {}", task.key, task.role, action.name());
                self.say(offset, message);
            }
        }
        let unrepeatable = |action: &Action| {
            // To verify, a deployed app is only run.
            !action.allowed_to(Role::Testing) && !matches!(action, Action::Deploy { .. })
        };
        for check in task.validate.iter().filter(|check| check.repeat && unrepeatable(&check.action)) {
            let (key, action) = (&task.key, check.action.name());
            self.say(
                offset,
                format!("task {key:?}: {action} can't be repeated to verify; say repeat = false"),
            );
        }
    }

    /// Every text of tasks and environments, with its place.
    fn walk_tasks(&mut self, shape: &Shape, table: &DeTable<'_>) {
        let none = BTreeSet::new();
        if let Some(environments) = table.get("environments") {
            self.walk("environments", environments, &none);
        }
        for (index, task) in shape.tasks.iter().enumerate() {
            let findings = task.observe.iter().map(|observation| observation.id.clone()).collect();
            if let Some(value) = item(table, "tasks", index) {
                self.walk("tasks", value, &findings);
            }
        }
    }

    fn walk(&mut self, parent: &str, value: &toml::Spanned<DeValue<'_>>, findings: &BTreeSet<String>) {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().for_each(|item| self.walk(parent, item, findings)),
            DeValue::Table(table) => {
                for (key, value) in table {
                    let key = key.get_ref().as_ref();
                    let Some(text) = value.get_ref().as_str() else {
                        self.walk(key, value, findings);
                        continue;
                    };
                    let kind = match (key, parent) {
                        ("when", "hypotheses") => Kind::Finding(findings),
                        ("when", _) => Kind::When,
                        _ => Kind::Template,
                    };
                    self.check(text, value.span().start, kind);
                    let pattern = (key == "matches" && !is_template(text)).then(|| Regex::new(text));
                    if let Some(Err(error)) = pattern {
                        self.say(value.span().start, format!("matches does not compile: {error}"));
                    }
                    if (key, parent) == ("from", "files") && !self.has(text) {
                        let message = format!("there is no text file {text:?} in the playbook or its kits");
                        self.say(value.span().start, message);
                    }
                }
            }
            DeValue::String(text) => self.check(text, value.span().start, Kind::Template),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }

    /// Checks one text of `playbook.toml`: that it parses and names only what there is.
    fn check(&mut self, text: &str, offset: usize, kind: Kind<'_>) {
        let environment = match kind {
            Kind::Template | Kind::When => bare_environment(),
            Kind::Finding(_) => expression::environment(),
        };
        let names = match kind {
            Kind::Template if !is_template(text) => return,
            Kind::Template => environment.template_from_str(text).map(|t| t.undeclared_variables(false)),
            Kind::When | Kind::Finding(_) => {
                environment.compile_expression(text).map(|e| e.undeclared_variables(false))
            }
        };
        let names = match names {
            Ok(names) => names,
            Err(error) => {
                // A multi-line string may begin on the line after its quotes.
                let quotes = self.text.get(offset..offset + 4).unwrap_or_default();
                let below = usize::from(quotes == "\"\"\"\n" || quotes == "'''\n");
                let line = line_at(self.text, offset) + below + error.line().unwrap_or(1).saturating_sub(1);
                let message = message(&error);
                self.problems.push(Problem { file: self.file.clone(), line: Some(line), message });
                return;
            }
        };
        let known = |name: &str| match kind {
            Kind::Template | Kind::When => NAMES.contains(&name),
            Kind::Finding(findings) => findings.contains(name) || expression::NAMES.contains(&name),
        };
        for name in
            names.iter().filter(|name| !known(name) && !environment.globals().any(|(g, _)| g == *name))
        {
            let what = match kind {
                Kind::Template | Kind::When => "name of the template context",
                Kind::Finding(_) => "finding of this task",
            };
            self.say(offset, format!("{name:?} is no {what}"));
        }
        if let (Kind::Finding(_), Some(misread)) = (kind, expression::misread_escape(text)) {
            self.say(offset, misread);
        }
        if matches!(kind, Kind::Template) {
            for missing in self.missing_includes(text) {
                self.say(offset, format!("there is no template {missing:?} in the playbook or its kits"));
            }
        }
    }

    fn templates(&mut self) {
        let templates = self.folder.files.iter().filter(|(name, _)| name.ends_with(TEMPLATE_SUFFIX));
        for (name, text) in templates {
            let file = self.folder.path.join(name);
            if let Err(error) = bare_environment().template_from_str(text) {
                let message = message(&error);
                self.problems.push(Problem { file: file.clone(), line: error.line(), message });
            }
            for missing in self.missing_includes(text) {
                let line = text.lines().position(|line| line.contains(&missing)).map(|index| index + 1);
                let message = format!("there is no template {missing:?} in the folder or its kits");
                self.problems.push(Problem { file: file.clone(), line, message });
            }
        }
    }

    fn missing_includes(&self, text: &str) -> Vec<String> {
        let included = INCLUDE.iter().flat_map(|include| include.captures_iter(text));
        let names = included.filter_map(|found| found.get(1).map(|name| name.as_str().to_owned()));
        names.filter(|name| !self.has(name)).collect()
    }
}

/// Where the value at `path` begins; 0 when it is not there.
fn at(table: &DeTable<'_>, path: &[&str]) -> usize {
    let Some((first, rest)) = path.split_first() else { return 0 };
    match table.get(*first) {
        Some(value) if rest.is_empty() => value.span().start,
        Some(value) => value.get_ref().as_table().map_or(0, |table| at(table, rest)),
        None => 0,
    }
}

fn item<'t, 'i>(table: &'t DeTable<'i>, key: &str, index: usize) -> Option<&'t toml::Spanned<DeValue<'i>>> {
    table.get(key)?.get_ref().as_array()?.get(index)
}
