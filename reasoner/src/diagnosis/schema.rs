//! The shape of the files in `playbooks/diagnosis/`. Their manual is `playbooks/README.md`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Stage;

/// What a rule is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Language {
    /// Python parts.
    Python,
    /// Node parts.
    Node,
    /// Parts of any toolchain.
    #[default]
    Any,
}

/// When a rule speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Speaks {
    /// Whenever it applies.
    #[default]
    Always,
    /// Only when no other rule applies.
    Last,
}

/// One rule, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    /// Its name, by which a later file replaces it.
    pub(super) name: String,
    #[serde(default)]
    pub(super) toolchain: Language,
    /// When it is asked; always unless said.
    #[serde(default)]
    pub(super) stages: Vec<Stage>,
    #[serde(default)]
    pub(super) speaks: Speaks,
    /// Regular expressions over the output, or `@name` for those of that pattern.
    pub(super) seen: Vec<String>,
    /// A regular expression over the output that rules it out.
    pub(super) unless: Option<String>,
    /// An expression over a match and the project.
    pub(super) when: Option<String>,
    /// One sentence for each match: a template.
    pub(super) believes: String,
    /// A template.
    pub(super) disproved_by: String,
    pub(super) confidence: f64,
    /// Rules that it makes superfluous.
    #[serde(default)]
    pub(super) hides: Vec<String>,
    /// Changes of the setup for each match: templates.
    #[serde(default)]
    pub(super) change: Vec<toml::Value>,
    /// The title of an edit: a template.
    pub(super) title: Option<String>,
    /// What an edit does for each match: templates.
    #[serde(default)]
    pub(super) actions: Vec<toml::Value>,
    /// Requirement lines that an edit adds to the file that states them: templates.
    #[serde(default)]
    pub(super) require: Vec<String>,
    /// Requirements that an edit replaces where they are stated.
    #[serde(default)]
    pub(super) replace: Vec<Replacement>,
}

/// A requirement that is replaced: both are templates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replacement {
    /// The distribution's name.
    pub(super) name: String,
    /// The requirement line that takes its place.
    pub(super) by: String,
}

/// What a table holds at a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Cell {
    /// One value.
    One(String),
    /// Several, the likeliest first.
    Several(Vec<String>),
}

/// A table by key.
pub(super) type Table = BTreeMap<String, Cell>;
