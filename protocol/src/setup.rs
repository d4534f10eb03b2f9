//! Setups: how the parts of an existing project are installed and how their tests are run. A setup is a
//! value: a diagnosis never changes anything by itself, it gives the next revision of a setup.

mod toolchain;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::evidence::TestCounts;

pub use toolchain::{Node, NodeManager, Python, PythonLock, Requirements, Toolchain};

/// The setups of a project by part.
pub type Setups = BTreeMap<String, Setup>;

/// How one part of a project is installed and tested: one toolchain in one folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The part's name, also that of its environment: `python`, `node`, `python-services-api`.
    pub part: String,
    /// Its folder below the workspace; empty at the top.
    #[serde(default)]
    pub folder: String,
    /// Counts the changes: of two setups of one part, the higher revision is what holds.
    #[serde(default)]
    pub revision: u32,
    /// What it is written in, and how its packages are had.
    pub toolchain: Toolchain,
    /// Debian packages that it needs.
    #[serde(default)]
    pub system_packages: BTreeSet<String>,
    /// Servers that must run beside its tests.
    #[serde(default)]
    pub services: BTreeSet<ServiceKind>,
    /// Environment variables of its commands.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files that its commands need and that are never committed (`.env`), by path below the workspace.
    #[serde(default)]
    pub private_files: BTreeMap<String, String>,
    /// What is done with the sources before the tests, in every fresh sandbox: an editable install, a build.
    #[serde(default)]
    pub prepare: Vec<Preparation>,
    /// Its test runs; empty when it has no tests.
    #[serde(default)]
    pub tests: Vec<TestRun>,
    /// What was decided and why, one sentence each, for the report.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What was tried to mend it; the same is not tried twice.
    #[serde(default)]
    pub tried: Vec<Tried>,
    /// What its tests gave when they last ran.
    #[serde(default)]
    pub outcome: Option<TestOutcome>,
    /// Why its tests did not run when they were last tried, where they did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<String>,
    /// The best earlier revision, while another is being tried.
    #[serde(default)]
    pub best: Option<Box<Setup>>,
    /// The day on which the project was last changed (`2024-10-07`), where that is a while ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<String>,
}

/// Something that was tried to mend a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// The rule that proposed it.
    pub rule: String,
    /// What the rule had seen.
    pub saw: String,
}

/// What test runs gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestOutcome {
    /// How many passed, failed and were skipped.
    pub counts: TestCounts,
    /// The exit code of the first run that did not end with 0, else 0.
    pub exit_code: i64,
}

/// Joins what several tasks published: of each part the latest.
#[must_use]
pub fn join(all: impl IntoIterator<Item = Setups>) -> Setups {
    let mut joined = Setups::new();
    for setup in all.into_iter().flat_map(Setups::into_values) {
        match joined.get(&setup.part) {
            Some(known) if known.age() >= setup.age() => {}
            Some(_) | None => drop(joined.insert(setup.part.clone(), setup)),
        }
    }
    joined
}

impl Setup {
    /// Orders setups of one part: a revision counts first, then how far it got.
    fn age(&self) -> (u32, bool, bool) {
        let resolved = match &self.toolchain {
            Toolchain::Python(python) => python.pins.is_some(),
            Toolchain::Node(_) => false,
        };
        (self.revision, resolved, self.outcome.is_some())
    }
}

/// Servers that tests may need; each is started as a container beside the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
    /// Redis.
    Redis,
    /// MongoDB.
    Mongo,
}

impl ServiceKind {
    /// Its name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            ServiceKind::Postgres => "PostgreSQL",
            ServiceKind::Mysql => "MySQL",
            ServiceKind::Redis => "Redis",
            ServiceKind::Mongo => "MongoDB",
        }
    }
}

/// Something done with the sources before the tests run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// The command, run with `sh -c`.
    pub run: String,
    /// Its folder below the workspace.
    #[serde(default)]
    pub workdir: String,
    /// What it is for, a clause for people: "installs the project itself, editable".
    pub why: String,
}

/// One test run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRun {
    /// The runner, by its own name: `pytest`, `unittest`, `django`, `jest`, `vitest`, `mocha`, `node`, `ava`, `tap`.
    pub runner: String,
    /// The command, run with `sh -c`; it leaves its report at `$CODEGOD_REPORT`.
    pub run: String,
    /// Its folder below the workspace.
    #[serde(default)]
    pub workdir: String,
    /// What the report is.
    pub report: ReportFormat,
    /// The command as the project itself has it, for people (`npm test`).
    pub own: String,
    /// How many files with tests were found; a run over far fewer is doubted. None when it can't be said.
    #[serde(default)]
    pub files: Option<u64>,
    /// The longest it may take.
    pub deadline_seconds: u64,
}

/// Machine-readable test reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// JUnit XML; a folder of such files counts as one report.
    Junit,
    /// Jest's `--json`.
    JestJson,
    /// Mocha's `json` reporter.
    MochaJson,
    /// Test Anything Protocol.
    Tap,
    /// No report that is known beforehand: JUnit XML or TAP where it turns out to be one, else the
    /// command's exit code as a number, which counts as one test.
    ExitCode,
}

/// What was seen of an existing project, for people and for plans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// Each part: how it is to be set up and tested.
    pub parts: Vec<PartPicture>,
    /// What a person should know, one sentence each (files that were not looked at, odd trees).
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// What was seen of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartPicture {
    /// The part's first setup.
    pub setup: Setup,
    /// Package managers, build backends, frameworks and runners that were seen ("poetry", "flask", "pytest").
    pub seen: Vec<String>,
    /// Manifests, lock files and recipes that were read (`tox.ini`, a workflow).
    pub read: Vec<String>,
    /// The versions of the language that the project asks for, as written; empty when it says nothing.
    #[serde(default)]
    pub wants: String,
}

/// A change of a setup that a diagnosis proposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum SetupChange {
    /// A requirement line more; the first of the candidates that the registry knows.
    AddDistribution {
        /// Candidates, the likeliest first.
        candidates: Vec<String>,
    },
    /// A requirement line that replaces the project's own of the same distribution.
    Override {
        /// The line.
        line: String,
    },
    /// Another interpreter or Node.
    UseVersion {
        /// `3.9`, `20`.
        version: String,
    },
    /// Debian packages more.
    AddSystemPackages {
        /// Their names.
        packages: Vec<String>,
    },
    /// A package of Node more.
    AddNodePackage {
        /// The package, with a version if one is meant.
        package: String,
    },
    /// A package of Node that manifests name and that is not installed.
    WithoutNodePackage {
        /// The package.
        package: String,
    },
    /// A flag of Node's installation more.
    AddFlag {
        /// The flag.
        flag: String,
    },
    /// The lock file is only a wish from now on.
    Unlock,
    /// An environment variable.
    SetEnv {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A file that is never committed.
    AddPrivateFile {
        /// Its path, below the workspace.
        path: String,
        /// Its text.
        content: String,
    },
    /// A server beside the tests.
    StartService {
        /// Which.
        service: ServiceKind,
    },
    /// Something more to do with the sources before the tests; the last one runs last.
    Prepare {
        /// What.
        preparation: Preparation,
    },
    /// Something that is no longer done with the sources before the tests.
    SkipPreparation {
        /// The command that failed; the preparations whose command it holds are left out.
        run: String,
    },
    /// Other requirements instead of those there are.
    Requirements {
        /// All of them.
        requirements: Vec<Requirements>,
    },
    /// Other test runs instead of those there are.
    Tests {
        /// All of them.
        tests: Vec<TestRun>,
    },
}
