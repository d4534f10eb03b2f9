//! Actions: the typed things an agent does, each one really executed and validated by the worker.

mod names;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One typed thing an agent does. Paths are relative to the workspace; commands run with `sh -c`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Backend: creates the environment's virtual environment (recipe step).
    CreateVenv {
        /// The interpreter to make it from.
        #[serde(default = "default_python")]
        python: String,
    },
    /// Backend: installs Python packages into the environment from a requirements file (recipe step).
    InstallDependency {
        /// The requirements file, relative to the workspace.
        requirements: String,
        /// Modules that must import afterwards.
        #[serde(default)]
        imports: Vec<String>,
    },
    /// Backend: adds requirements that the file lacks; existing lines stay as they are.
    UpdateRequirements {
        /// The requirements file; made when absent.
        path: String,
        /// Requirement lines ("flask==3.1.2"); a bare name is pinned to the newest that resolves.
        add: Vec<String>,
    },
    /// Backend: succeeds when the path is a file or folder of the workspace.
    CheckFileExists {
        /// The path.
        path: String,
    },
    /// Backend: runs a command in the sandbox; succeeds on exit code 0.
    RunCommand {
        /// The command.
        run: String,
        /// Its folder.
        #[serde(default)]
        workdir: String,
        /// Environment variables.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// Its deadline.
        #[serde(default = "default_deadline_seconds")]
        deadline_seconds: u64,
    },
    /// Frontend: installs the packages of a package.json, making or obeying its lock file (recipe step).
    NpmInstall {
        /// The folder of the package.json.
        #[serde(default)]
        workdir: String,
    },
    /// Frontend: runs a script of the package.json.
    NpmRun {
        /// The folder of the package.json.
        #[serde(default)]
        workdir: String,
        /// The script.
        script: String,
        /// Arguments after `--`.
        #[serde(default)]
        args: Vec<String>,
        /// Its deadline.
        #[serde(default = "default_deadline_seconds")]
        deadline_seconds: u64,
    },
    /// Frontend: sets values in a package.json, by JSON pointer; what is there already stays in place.
    UpdatePackageJson {
        /// The folder of the package.json.
        #[serde(default)]
        workdir: String,
        /// Pointer (`/scripts/test`) to new value; null removes.
        set: BTreeMap<String, Value>,
    },
    /// Frontend: every entry point (package.json `main`, `module`, `source`; scripts of index.html)
    /// must name a file that is there.
    CheckEntryPoint {
        /// The folder of the package.json.
        #[serde(default)]
        workdir: String,
    },
    /// Frontend: builds for production and checks that the output folder has an index.html.
    BuildFrontend {
        /// The folder of the package.json.
        #[serde(default)]
        workdir: String,
        /// The output folder, relative to `workdir`.
        #[serde(default = "default_dist")]
        output: String,
    },
    /// Devops: writes a Dockerfile and checks that it parses and that the files it copies are there.
    CreateDockerfile {
        /// Where.
        #[serde(default = "default_dockerfile")]
        path: String,
        /// Its text.
        content: String,
    },
    /// Devops: builds an image from the published commit, through the worker's own Docker API.
    BuildImage {
        /// The Dockerfile.
        #[serde(default = "default_dockerfile")]
        dockerfile: String,
        /// The image's name and tag; the worker adds labels.
        tag: String,
        /// Build arguments.
        #[serde(default)]
        build_args: BTreeMap<String, String>,
    },
    /// Devops: runs a built image with limits, probes it over HTTP, stops it.
    RunContainer {
        /// The image.
        image: String,
        /// The port that it listens on inside.
        port: u16,
        /// Environment variables.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// What to ask it once it answers.
        probes: Vec<Probe>,
        /// Sibling services that must run beside it (reached by their name).
        #[serde(default)]
        services: Vec<Service>,
    },
    /// Devops: makes a settings file (`.env`) from an example, with values for what needs one.
    SetupEnv {
        /// The example file.
        example: String,
        /// The file to make; never committed.
        path: String,
        /// Values by name; `generate` makes a random secret.
        #[serde(default)]
        values: BTreeMap<String, String>,
    },
    /// Devops: as `run_container`, on a local port, and left running when the goal asked for it.
    Deploy {
        /// The image.
        image: String,
        /// The port that it listens on inside.
        port: u16,
        /// Environment variables.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// What to ask it once it answers.
        probes: Vec<Probe>,
        /// Sibling services that must run beside it.
        #[serde(default)]
        services: Vec<Service>,
    },
    /// Testing: runs tests and reads their machine-readable report; succeeds when exit code is 0,
    /// at least `at_least` tests ran and none failed.
    RunTests {
        /// The command; it must write a JUnit XML report to `$CODEGOD_REPORT`.
        run: String,
        /// Its folder.
        #[serde(default)]
        workdir: String,
        /// Environment variables.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// The fewest tests that must have run.
        #[serde(default = "default_at_least")]
        at_least: u64,
        /// Its deadline.
        #[serde(default = "default_deadline_seconds")]
        deadline_seconds: u64,
    },
    /// Testing: runs a command and compares what it prints; succeeds on exit code 0 and a match.
    ValidateOutput {
        /// The command.
        run: String,
        /// Its folder.
        #[serde(default)]
        workdir: String,
        /// A regular expression that the output must match, when given.
        #[serde(default)]
        matches: Option<String>,
        /// Its deadline.
        #[serde(default = "default_deadline_seconds")]
        deadline_seconds: u64,
    },
    /// Testing: parses every tracked Python, JSON, TOML and JavaScript file below the path.
    CheckSyntax {
        /// The path.
        #[serde(default)]
        path: String,
    },
    /// Testing: runs a failing command again and reads its output for causes (findings); succeeds
    /// when it could be run, whatever it gave.
    DebugError {
        /// The command.
        run: String,
        /// Its folder.
        #[serde(default)]
        workdir: String,
    },
    /// Backend and frontend: makes the environment of a part of an existing project, by its setup; what fails
    /// is diagnosed, and the setup changed, until it stands or nothing known applies.
    SetUp {
        /// The part.
        part: String,
    },
    /// Testing: prepares a part of an existing project and runs its own tests; what fails is diagnosed.
    TestPart {
        /// The part.
        part: String,
        /// When it succeeds.
        #[serde(default)]
        expect: TestsExpected,
    },
    /// Devops: writes the Dockerfiles and the script that rebuild the environments of all parts.
    PackageParts,
    /// Devops: builds an image from each of those Dockerfiles.
    BuildParts,
    /// Devops: builds the images as they are known at the start while the environments are made, so that
    /// [`Action::BuildParts`] finds the builder's steps done. It decides nothing and writes nothing.
    BuildAhead,
    /// Any role: reads a file into the findings.
    ReadFile {
        /// The path.
        path: String,
    },
    /// Any role: writes a file and reads it back.
    WriteFile {
        /// The path.
        path: String,
        /// Its text.
        content: String,
        /// Whether it may be executed.
        #[serde(default)]
        executable: bool,
    },
    /// Any role: applies a unified diff; all of it or nothing.
    ApplyPatch {
        /// The diff, with `a/` and `b/` paths relative to the workspace.
        patch: String,
    },
    /// Any role: searches tracked files for a regular expression.
    Search {
        /// The expression (POSIX extended).
        pattern: String,
        /// Where.
        #[serde(default)]
        path: String,
    },
    /// Any role: joins commits that touched the same lines, keeping the lines of both sides.
    ResolveConflict {
        /// How the sides are joined.
        strategy: MergeStrategy,
    },
}

/// When a run of a project's own tests is a success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestsExpected {
    /// They ran to their end and left their report, whatever it says.
    #[default]
    Run,
    /// They ran, and none failed.
    Pass,
    /// They ended as the part's setup says that they ended before: failing ones fail again.
    AsBefore,
}

/// How the two sides of a conflict are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeStrategy {
    /// Lines of both sides, ours first (git's `merge-file --union`).
    Union,
}

/// One HTTP request and what must come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// `GET` or `POST`.
    #[serde(default = "default_method")]
    pub method: String,
    /// Path with query.
    pub path: String,
    /// JSON body, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The status that must come back.
    #[serde(default = "default_status")]
    pub status: u16,
    /// A regular expression that the body must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

/// A service that an app needs beside it (a database).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name on the network.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// A command inside it that exits 0 once it is ready.
    pub ready: String,
}

fn default_python() -> String {
    "python3".to_owned()
}
fn default_deadline_seconds() -> u64 {
    600
}
fn default_dist() -> String {
    "dist".to_owned()
}
fn default_dockerfile() -> String {
    "Dockerfile".to_owned()
}
fn default_at_least() -> u64 {
    1
}
fn default_method() -> String {
    "GET".to_owned()
}
fn default_status() -> u16 {
    200
}
