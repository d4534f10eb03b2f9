//! The definitions of images, read from `deploy/images`.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// A Debian release that images are made of: what definitions say `{suite}`, `{python}` and `{mark}` for.
#[derive(Debug, Clone, Copy)]
struct Release {
    suite: &'static str,
    python: &'static str,
    /// What codegod's own images of it have after their names; nothing for the usual one.
    mark: &'static str,
}

const BOOKWORM: Release = Release { suite: "bookworm", python: "3.11", mark: "" };
const TRIXIE: Release = Release { suite: "trixie", python: "3.13", mark: "-3.13" };

const DEBIAN: &str = include_str!("../../../deploy/images/debian.toml");
const WORKBENCH: &str = include_str!("../../../deploy/images/workbench.toml");
const PYTHON_WORKBENCH: &str = include_str!("../../../deploy/images/python-workbench.toml");
const PYTHON: &str = include_str!("../../../deploy/images/python.toml");

/// Every definition, by the name of its image, with the release it is made for.
const DEFINITIONS: [(&str, &str, Release); 12] = [
    ("debian:bookworm-slim", DEBIAN, BOOKWORM),
    ("codegod/workbench", WORKBENCH, BOOKWORM),
    ("codegod/python", PYTHON_WORKBENCH, BOOKWORM),
    ("python:3.11-slim", PYTHON, BOOKWORM),
    ("node:22-slim", include_str!("../../../deploy/images/node.toml"), BOOKWORM),
    ("postgres:15", include_str!("../../../deploy/images/postgres.toml"), BOOKWORM),
    ("redis:7", include_str!("../../../deploy/images/redis.toml"), BOOKWORM),
    ("mariadb:10.11", include_str!("../../../deploy/images/mariadb.toml"), BOOKWORM),
    ("debian:trixie-slim", DEBIAN, TRIXIE),
    ("codegod/workbench-3.13", WORKBENCH, TRIXIE),
    ("codegod/python-3.13", PYTHON_WORKBENCH, TRIXIE),
    ("python:3.13-slim", PYTHON, TRIXIE),
];

/// Files that definitions name as a source.
const SOURCES: [(&str, &str); 5] = [
    ("resolve.py", include_str!("../../../deploy/images/files/resolve.py")),
    ("pytest_report.py", include_str!("../../../deploy/images/files/pytest_report.py")),
    ("imports.py", include_str!("../../../deploy/images/files/imports.py")),
    ("watch.py", include_str!("../../../deploy/images/files/watch.py")),
    ("unittest_report.py", include_str!("../../../deploy/images/files/unittest_report.py")),
];

/// The names that have definitions.
pub(super) const NAMES: [&str; DEFINITIONS.len()] = {
    let mut names = [""; DEFINITIONS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = DEFINITIONS[index].0;
        index += 1;
    }
    names
};

/// How an image is made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    /// The image's name.
    pub(super) name: String,
    /// What it begins with.
    pub(super) base: Base,
    /// Whether a registry has an image of this name that serves as well.
    #[serde(default = "yes")]
    pub(super) pull: bool,
    /// Commands run as root, in order, each with `sh -ec`.
    #[serde(default)]
    pub(super) setup: Vec<String>,
    /// Files put into it before the commands run.
    #[serde(default)]
    pub(super) files: Vec<File>,
    /// Its environment variables.
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    /// The command that its command is given to.
    #[serde(default)]
    pub(super) entrypoint: Vec<String>,
    /// Its command.
    #[serde(default)]
    pub(super) cmd: Vec<String>,
    /// The user it runs as; root unless given.
    #[serde(default)]
    pub(super) user: String,
    /// The folder it starts in.
    #[serde(default)]
    pub(super) workdir: String,
    /// The ports it listens on.
    #[serde(default)]
    pub(super) ports: Vec<u16>,
    /// Whether it has the folders of a sandbox, owned by the agent's user.
    #[serde(default)]
    pub(super) layout: bool,
    /// 16 hexadecimal digits that change with the definition.
    #[serde(skip)]
    pub(super) hash: String,
}

/// What an image begins with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Base {
    /// Another image, by its name.
    Image(String),
    /// A Debian release from its packages: the release and the packages beside the essential ones.
    Debian(Debian),
}

/// A Debian release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Debian {
    /// Its code name.
    pub(super) suite: String,
    /// Packages beside the essential ones.
    pub(super) packages: Vec<String>,
}

/// A file of an image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Its absolute path.
    pub(super) path: String,
    /// Its text.
    #[serde(default)]
    pub(super) content: String,
    /// The file beside the definitions that has its text.
    #[serde(default)]
    source: Option<String>,
    /// Whether it may be executed.
    #[serde(default)]
    pub(super) executable: bool,
}

fn yes() -> bool {
    true
}

impl Definition {
    /// The name under which the image is looked up: with the hash where no registry has a say, so
    /// that a changed definition is built anew.
    pub(super) fn local_name(&self) -> String {
        if self.pull { self.name.clone() } else { format!("{}:{}", self.name, self.hash) }
    }
}

/// The definition of an image, if there is one.
pub(super) fn find(name: &str) -> Result<Option<Definition>, Error> {
    let Some((_, text, release)) = DEFINITIONS.iter().find(|(known, ..)| *known == name) else {
        return Ok(None);
    };
    let values = [("{suite}", release.suite), ("{python}", release.python), ("{mark}", release.mark)];
    let text = values.iter().fold((*text).to_owned(), |text, (word, value)| text.replace(word, value));
    let mut definition: Definition = toml::from_str(&text)
        .map_err(|error| Error::ImageBuild { name: name.to_owned(), reason: error.to_string() })?;
    let mut hash = Sha256::new_with_prefix(&text);
    for file in &mut definition.files {
        let Some(source) = &file.source else { continue };
        let Some((_, text)) = SOURCES.iter().find(|(known, _)| known == source) else {
            let reason = format!("there is no file {source}");
            return Err(Error::ImageBuild { name: name.to_owned(), reason });
        };
        hash.update(text);
        (*text).clone_into(&mut file.content);
    }
    // An image is another one when what it begins with is.
    if let Base::Image(base) = &definition.base
        && let Some(base) = find(base)?.filter(|base| !base.pull)
    {
        hash.update(&base.hash);
    }
    definition.hash = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(definition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_reads_and_is_of_its_name() {
        for name in NAMES {
            let definition = find(name).expect(name).expect(name);
            assert_eq!(definition.name, name);
            if let Base::Image(base) = definition.base {
                assert!(NAMES.contains(&base.as_str()), "{name} begins with {base}, which is not defined");
            }
        }
    }

    #[test]
    fn the_workbench_is_never_pulled_and_named_by_its_definition() {
        let workbench = find("codegod/workbench").expect("reads").expect("is there");
        assert!(!workbench.pull);
        assert_eq!(workbench.local_name(), format!("codegod/workbench:{}", workbench.hash));
    }
}
