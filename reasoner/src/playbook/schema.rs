//! The shape of a `playbook.toml` and of a `kit.toml`, as `playbooks/README.md` describes them. Only
//! the shape: what it means is in the sibling modules.

use std::collections::BTreeMap;

use codegod_protocol::id::Role;
use serde::Deserialize;

/// A `playbook.toml` before its texts are rendered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its unique name.
    pub name: String,
    /// The version of this file's shape; 1.
    pub version: u32,
    /// One line.
    pub summary: String,
    /// Names of the kits whose files it may name and include.
    #[serde(default)]
    pub uses: Vec<String>,
    /// The technology it brings, when it brings one.
    #[serde(default)]
    pub stack: Option<StackEntry>,
    /// When it is used.
    #[serde(default)]
    pub applies: Applies,
    /// Where commands run; rendered later, so still plain values.
    #[serde(default)]
    pub environments: Vec<toml::Value>,
    /// Its tasks; rendered later, so still plain values.
    pub tasks: Vec<toml::Value>,
}

/// A `kit.toml`: what playbooks share under the name of its folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KitManifest {
    /// The version of this file's shape; 1.
    pub version: u32,
    /// One line.
    pub summary: String,
}

/// A technology that a playbook brings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackEntry {
    /// Which part of an app it is.
    pub side: Side,
    /// Its value in the intent.
    pub name: String,
    /// What people call it, lower case.
    pub words: Vec<String>,
    /// Words that mean it when nothing more exact is said.
    #[serde(default)]
    pub default_for: Vec<String>,
    /// For people.
    pub label: String,
}

/// A part of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The server.
    Backend,
    /// The browser side.
    Frontend,
    /// Where the server keeps its data.
    Database,
}

/// When a playbook is used: every line given must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applies {
    /// The backend is one of these.
    #[serde(default)]
    pub backend: Option<Vec<String>>,
    /// The frontend is one of these.
    #[serde(default)]
    pub frontend: Option<Vec<String>>,
    /// An expression over the template context.
    #[serde(default)]
    pub when: Option<String>,
    /// The goal reports a failure that matches.
    #[serde(default)]
    pub symptom: Option<String>,
}

/// One environment, rendered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentEntry {
    /// Its name.
    pub name: String,
    /// Its base image.
    pub base: String,
    /// What every task in it needs installed.
    #[serde(default)]
    pub steps: Vec<EnvironmentStep>,
}

/// One setup step of an environment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentStep {
    /// The command.
    pub run: String,
    /// Its folder.
    #[serde(default)]
    pub workdir: String,
    /// The manifests it reads.
    #[serde(default)]
    pub reads: Vec<String>,
    /// As root.
    #[serde(default)]
    pub root: bool,
    /// An expression; absent holds.
    #[serde(default)]
    pub when: Option<String>,
}

/// One task, rendered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskEntry {
    /// Its key, unique in the plan.
    pub key: String,
    /// Who does it.
    pub role: Role,
    /// What kind it is.
    #[serde(default)]
    pub kind: TaskEntryKind,
    /// A few words.
    pub title: String,
    /// A sentence or two.
    #[serde(default)]
    pub description: String,
    /// What its agent must be able to do.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Keys of other tasks; `?` at the end: only if it is in the plan.
    #[serde(default)]
    pub needs: Vec<String>,
    /// An expression; absent holds.
    #[serde(default)]
    pub when: Option<String>,
    /// The environment its commands run in.
    #[serde(default)]
    pub environment: Option<String>,
    /// The problem in one sentence.
    pub problem: String,
    /// The approach in one sentence.
    pub approach: String,
    /// What may go wrong.
    #[serde(default)]
    pub risks: Vec<String>,
    /// What must hold at the end.
    #[serde(default)]
    pub success_criteria: Vec<String>,
    /// 1 to 10.
    #[serde(default)]
    pub priority: Option<u8>,
    /// The longest it may take.
    #[serde(default)]
    pub deadline_seconds: Option<u64>,
    /// Files to write from templates.
    #[serde(default)]
    pub files: Vec<FileEntry>,
    /// What to look at first.
    #[serde(default)]
    pub observe: Vec<codegod_protocol::task::Observation>,
    /// What to do, whatever is found.
    #[serde(default)]
    pub steps: Vec<codegod_protocol::task::Step>,
    /// What follows from which findings.
    #[serde(default)]
    pub hypotheses: Vec<codegod_protocol::task::Hypothesis>,
    /// What proves success.
    pub validate: Vec<codegod_protocol::task::Check>,
    /// Anything else worth knowing.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// The kinds of task a playbook may ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEntryKind {
    /// Writes or changes something.
    #[default]
    Work,
    /// Checks something and changes nothing.
    Check,
}

/// One file to write from a template.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// The template, relative to the playbook's folder, or `<kit>/…`.
    pub from: String,
    /// The file, relative to the workspace.
    pub to: String,
    /// `resources`: once for each, as `resource`.
    #[serde(default)]
    pub for_each: Option<String>,
    /// An expression; absent holds.
    #[serde(default)]
    pub when: Option<String>,
    /// Whether it may be executed.
    #[serde(default)]
    pub executable: bool,
}
