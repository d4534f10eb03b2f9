//! The words and nouns of `data/*.toml`, read once.

use std::collections::{BTreeMap, HashSet};
use std::sync::OnceLock;

use codegod_protocol::intent::FeatureKind;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// All tables.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub words: WordTable,
    pub sides: SideTable,
    pub uncovered: UncoveredTable,
    pub features: FeatureTable,
    pub reserved: ReservedTable,
    pub nouns: NounTable,
    pub existing: ExistingTable,
}

/// `stop_words.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WordTable {
    pub words: Vec<String>,
    pub keeping: HashSet<String>,
    pub leading: HashSet<String>,
    pub trailing: HashSet<String>,
    pub negations: Vec<String>,
    pub requests: HashSet<String>,
    pub naming: HashSet<String>,
}

/// `sides.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SideTable {
    pub backend: Vec<String>,
    pub frontend: Vec<String>,
    pub both: Vec<String>,
    pub app: Vec<String>,
}

/// `not_covered.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UncoveredTable {
    pub phrases: Vec<String>,
}

/// `features.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeatureTable {
    pub feature: Vec<FeatureRow>,
    pub database: Vec<DatabaseRow>,
}

/// One feature that playbooks know.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeatureRow {
    pub kind: FeatureKind,
    pub label: String,
    pub priority: u8,
    pub words: Vec<String>,
    pub acceptance: Vec<Acceptance>,
}

/// One sentence that must hold, and for which apps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acceptance {
    pub when: When,
    pub text: String,
}

/// Which apps an acceptance criterion is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum When {
    Backend,
    Frontend,
    Always,
}

/// One database that every backend can use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseRow {
    pub name: String,
    pub label: String,
    pub words: Vec<String>,
}

/// `reserved.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReservedTable {
    pub words: HashSet<String>,
    pub field_may: HashSet<String>,
}

/// `nouns.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NounTable {
    pub nouns: BTreeMap<String, Vec<String>>,
    pub implied: BTreeMap<String, Vec<String>>,
    pub field_kinds: BTreeMap<String, codegod_protocol::intent::FieldKind>,
}

/// `existing.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExistingTable {
    pub parts: BTreeMap<String, String>,
    pub patterns: ExistingPatterns,
    pub demands: Demands,
}

/// How a set-up is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExistingPatterns {
    pub asks: Vec<String>,
    pub complaints: Vec<String>,
    pub outputs: Vec<String>,
}

/// Demands of another kind.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Demands {
    pub verbs: HashSet<String>,
    pub fine: HashSet<String>,
}

/// The tables. A file that does not parse counts as empty: the test below keeps that from shipping.
pub(super) fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| Tables {
        words: parse("stop_words.toml", include_str!("data/stop_words.toml")),
        sides: parse("sides.toml", include_str!("data/sides.toml")),
        uncovered: parse("not_covered.toml", include_str!("data/not_covered.toml")),
        features: parse("features.toml", include_str!("data/features.toml")),
        reserved: parse("reserved.toml", include_str!("data/reserved.toml")),
        nouns: parse("nouns.toml", include_str!("data/nouns.toml")),
        existing: parse("existing.toml", include_str!("data/existing.toml")),
    })
}

fn parse<T: DeserializeOwned + Default>(name: &str, text: &str) -> T {
    toml::from_str(text).unwrap_or_else(|error| {
        tracing::error!(table = name, %error, "a table of words cannot be read");
        T::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_parses() {
        fn check<T: DeserializeOwned>(text: &str) {
            assert_eq!(toml::from_str::<T>(text).err().map(|error| error.to_string()), None);
        }
        check::<WordTable>(include_str!("data/stop_words.toml"));
        check::<SideTable>(include_str!("data/sides.toml"));
        check::<UncoveredTable>(include_str!("data/not_covered.toml"));
        check::<FeatureTable>(include_str!("data/features.toml"));
        check::<ReservedTable>(include_str!("data/reserved.toml"));
        check::<NounTable>(include_str!("data/nouns.toml"));
        check::<ExistingTable>(include_str!("data/existing.toml"));
    }
}
