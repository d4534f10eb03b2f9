//! Environments: what is installed, as an image named by the recipe that makes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The environment's name in a plan (`backend`, `frontend`) with its recipe.
pub type Environments = BTreeMap<String, Recipe>;

/// Base image and ordered setup steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The base image's name, one that the worker can pull or build.
    pub base: String,
    /// What is run on it, in order.
    #[serde(default)]
    pub steps: Vec<SetupStep>,
}

/// One setup step: a command and the manifests that it reads. Nothing else of the source is there
/// when it runs, so the same manifests always give the same image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupStep {
    /// The command, run with `sh -c`.
    pub run: String,
    /// The folder below the workspace in which it runs.
    #[serde(default)]
    pub workdir: String,
    /// The manifests it reads, relative to the workspace; one that is absent counts as absent.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Runs as root, for system packages; reads nothing of the source.
    #[serde(default)]
    pub root: bool,
}

impl Recipe {
    /// A recipe without steps.
    #[must_use]
    pub fn from_base(base: impl Into<String>) -> Self {
        Self { base: base.into(), steps: Vec::new() }
    }

    /// Adds `step` unless it is there already. Returns whether it was added.
    pub fn add(&mut self, step: SetupStep) -> bool {
        if self.steps.contains(&step) {
            return false;
        }
        self.steps.push(step);
        true
    }

    /// Joins what two tasks published under one name: the steps of both, in order, each once.
    #[must_use]
    pub fn join(&self, other: &Recipe) -> Recipe {
        let mut joined = self.clone();
        for step in &other.steps {
            joined.add(step.clone());
        }
        joined
    }

    /// The recipe's name: 16 hexadecimal digits of the SHA-256 over base image and steps, each
    /// manifest by its content. `manifest` gives a manifest's bytes, `None` when it is absent.
    pub fn hash(&self, base_id: &str, mut manifest: impl FnMut(&str) -> Option<Vec<u8>>) -> String {
        let mut hasher = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        add(b"codegod recipe 1");
        add(base_id.as_bytes());
        for step in &self.steps {
            add(step.run.as_bytes());
            add(step.workdir.as_bytes());
            add(&[u8::from(step.root)]);
            for path in &step.reads {
                add(path.as_bytes());
                match manifest(path) {
                    Some(content) => {
                        add(b"present");
                        add(&content);
                    }
                    None => add(b"absent"),
                }
            }
        }
        hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Joins the environments that several tasks published.
#[must_use]
pub fn join(all: impl IntoIterator<Item = Environments>) -> Environments {
    let mut joined = Environments::new();
    for environments in all {
        for (name, recipe) in environments {
            let merged = joined.get(&name).map_or_else(|| recipe.clone(), |known| known.join(&recipe));
            joined.insert(name, merged);
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(run: &str, reads: &[&str]) -> SetupStep {
        SetupStep {
            run: run.into(),
            workdir: String::new(),
            reads: reads.iter().map(|s| (*s).into()).collect(),
            root: false,
        }
    }

    #[test]
    fn the_name_follows_the_manifests_and_nothing_else() {
        let recipe = Recipe { base: "b".into(), steps: vec![step("pip install", &["requirements.txt"])] };
        let with =
            |content: Option<&'static str>| recipe.hash("id", |_| content.map(|c| c.as_bytes().to_vec()));
        assert_eq!(with(Some("flask")), with(Some("flask")));
        assert_ne!(with(Some("flask")), with(Some("flask2")));
        assert_ne!(with(None), with(Some("absent")));
        assert_ne!(with(None), recipe.hash("other id", |_| None));
    }

    #[test]
    fn joining_keeps_each_step_once_and_in_order() {
        let venv = step("venv", &[]);
        let a = Recipe { base: "b".into(), steps: vec![venv.clone(), step("a", &[])] };
        let b = Recipe { base: "b".into(), steps: vec![venv.clone(), step("c", &[])] };
        assert_eq!(a.join(&b).steps, vec![venv, step("a", &[]), step("c", &[])]);
    }
}
