//! Cold environments without touching anybody else's: copies of the playbooks in which a word is put
//! into every recipe and every stage of the Dockerfile. Download caches and base images stay warm.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use codegod_protocol::id::GoalId;

/// The label in the Dockerfile that holds the word.
const LABEL: &str = "codegod.bench";
/// What is changed: a file below `playbooks/`, the line that must be in it, and what follows that line.
const CHANGES: [(&str, &str, &str); 4] = [
    ("flask/playbook.toml", "base = \"codegod/workbench\"\n", "[[environments.steps]]\nrun = \": SALT\"\n"),
    ("react/playbook.toml", "base = \"codegod/workbench\"\n", "[[environments.steps]]\nrun = \": SALT\"\n"),
    ("docker/templates/Dockerfile.j2", "WORKDIR /src/frontend\n", "LABEL codegod.bench=SALT\n"),
    ("docker/templates/Dockerfile.j2", "WORKDIR /app/backend\n", "LABEL codegod.bench=SALT\n"),
];

/// A word of one measurement, with its playbooks. Every image that was made with it goes when dropped.
pub(crate) struct Salt {
    /// The word.
    pub(crate) word: String,
    folder: tempfile::TempDir,
}

impl Salt {
    /// Makes a word that nothing was built with yet, and its playbooks.
    ///
    /// # Errors
    /// A playbook has no such line any more, or can't be copied.
    pub(crate) fn new() -> Result<Self> {
        let word = format!("bench-{}", GoalId::random());
        let folder = tempfile::tempdir()?;
        for name in ["flask", "react", "docker"] {
            copy(&playbooks().join(name), &folder.path().join(name))?;
        }
        for (file, line, added) in CHANGES {
            let path = folder.path().join(file);
            let text = fs::read_to_string(&path).with_context(|| format!("reading {file}"))?;
            ensure!(text.contains(line), "{file} has no line {line:?} any more");
            let salted = format!("{line}{}", added.replace("SALT", &word));
            fs::write(&path, text.replacen(line, &salted, 1))?;
        }
        Ok(Self { word, folder })
    }

    /// The playbooks' folder, for `CODEGOD_PLAYBOOKS`.
    #[must_use]
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Salt {
    fn drop(&mut self) {
        // Images can only go after those that build on them: a few rounds take all.
        for _ in 0..10 {
            let mut images = listed(&["-a", "--filter", &format!("label={LABEL}={}", self.word)]);
            images.extend(environments(&self.word));
            if images.is_empty() {
                return;
            }
            let removed = Command::new("docker").args(["image", "rm", "-f"]).args(&images).output();
            if removed.is_err() {
                return;
            }
        }
    }
}

/// The playbooks of the checkout.
#[must_use]
pub(crate) fn playbooks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("listing {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Ids of images that `docker images` lists.
fn listed(arguments: &[&str]) -> Vec<String> {
    let out = Command::new("docker").args(["images", "-q", "--no-trunc"]).args(arguments).output();
    let mut ids: Vec<String> = out
        .map(|out| String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect())
        .unwrap_or_default();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Environments whose recipe holds the word.
fn environments(word: &str) -> Vec<String> {
    let all = listed(&["--filter", "label=codegod.recipe"]);
    if all.is_empty() {
        return all;
    }
    let format = "{{.Id}} {{index .Config.Labels \"codegod.recipe\"}}";
    let out = Command::new("docker").args(["image", "inspect", "--format", format]).args(&all).output();
    let Ok(out) = out else { return Vec::new() };
    let text = String::from_utf8_lossy(&out.stdout);
    let salted = text.lines().filter(|line| line.contains(word));
    salted.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}
