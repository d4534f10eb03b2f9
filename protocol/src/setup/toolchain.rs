//! Toolchains of a setup: the interpreter of a part, its package manager, and what they install.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A language with its package manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Toolchain {
    /// Python with a virtual environment.
    Python(Python),
    /// Node with a package manager.
    Node(Node),
}

/// Python: an interpreter and what is installed for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Python {
    /// The interpreter's version, major and minor: `3.11`.
    pub version: String,
    /// What is resolved together.
    #[serde(default)]
    pub requirements: Vec<Requirements>,
    /// Requirement lines beside those (`pytest`, `PyYAML`).
    #[serde(default)]
    pub distributions: BTreeSet<String>,
    /// Requirement lines that replace whatever the project says of the same distribution.
    #[serde(default)]
    pub overrides: BTreeSet<String>,
    /// The file with the resolved pins, below the workspace, once they were resolved.
    #[serde(default)]
    pub pins: Option<String>,
}

/// One statement of what a Python part needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Requirements {
    /// A requirements file, below the workspace.
    File {
        /// Its path.
        path: String,
    },
    /// What the build backend of the project in a folder says.
    Project {
        /// The folder, below the workspace.
        folder: String,
        /// Its extras to take along.
        #[serde(default)]
        extras: Vec<String>,
        /// Its dependency groups to take along.
        #[serde(default)]
        groups: Vec<String>,
    },
    /// A lock file.
    Lock {
        /// Whose.
        lock: PythonLock,
        /// Its folder, below the workspace.
        folder: String,
    },
    /// Lines that stand somewhere else (`tox.ini`).
    Lines {
        /// Where they stand, for the report.
        from: String,
        /// The requirement lines.
        lines: Vec<String>,
    },
}

/// Lock files of Python's package managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PythonLock {
    /// `poetry.lock`.
    Poetry,
    /// `pdm.lock`.
    Pdm,
    /// `uv.lock`.
    Uv,
    /// `Pipfile.lock`.
    Pipenv,
}

/// Node: a version, a package manager and how it installs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The major version: `22`.
    pub version: String,
    /// The package manager.
    pub manager: NodeManager,
    /// The manager's version, when the project names one and it matters.
    #[serde(default)]
    pub manager_version: Option<String>,
    /// Whether the lock file is obeyed to the letter; else it is only a wish.
    #[serde(default)]
    pub locked: bool,
    /// Flags of the installation (`--legacy-peer-deps`).
    #[serde(default)]
    pub flags: BTreeSet<String>,
    /// The files that the installation reads, below the workspace: manifests of all workspaces, lock
    /// file, settings, patches.
    #[serde(default)]
    pub manifests: Vec<String>,
    /// Packages installed beside those that the manifests name.
    #[serde(default)]
    pub packages: BTreeSet<String>,
    /// Packages that manifests name and that are left out: they can't be had.
    #[serde(default)]
    pub without: BTreeSet<String>,
}

/// Package managers for Node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeManager {
    /// npm.
    Npm,
    /// Yarn 1.
    YarnClassic,
    /// Yarn 2 and later.
    YarnBerry,
    /// pnpm.
    Pnpm,
}
