//! Actions: how each typed thing an agent may do is really done, and how it is seen that it was.
//!
//! An action that fails is an outcome with its evidence, not an error: errors are for what kept it
//! from being tried.

mod containers;
mod edit;
mod entry_points;
mod inspect;
mod node;
mod python;
mod report;
mod run;
mod setup;

pub(crate) use setup::as_before;

use std::future::Future;
use std::pin::Pin;

use codegod_protocol::action::Action;
use codegod_protocol::evidence::{Evidence, TestCounts, cap_output};

use crate::bench::Bench;
use crate::error::Error;
use codegod_docker as docker;

/// What came of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What shows it.
    pub evidence: Evidence,
    /// Test counts, when a report was read.
    pub tests: Option<TestCounts>,
    /// Whether it did what it is for.
    pub passed: Passed,
}

/// How it is decided whether an action did what it is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Passed {
    /// By the exit code: 0 is success.
    #[default]
    ByExitCode,
    /// It did, whatever the exit code: tests that were to run have run, and some failed.
    Anyway,
    /// It did not, whatever the exit code.
    No,
}

impl Outcome {
    /// An outcome that a command's evidence shows.
    #[must_use]
    pub fn of(evidence: Evidence) -> Self {
        Self { evidence, tests: None, passed: Passed::ByExitCode }
    }

    /// Something done without a command: what, whether it worked, and what to say of it.
    #[must_use]
    pub fn said(what: impl Into<String>, worked: bool, output: impl AsRef<str>) -> Self {
        Self::of(Evidence {
            command: what.into(),
            exit_code: i64::from(!worked),
            output: cap_output(output.as_ref().as_bytes()),
            seconds: 0.0,
            environment: None,
        })
    }

    /// Whether the action did what it is for.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        match self.passed {
            Passed::ByExitCode => self.evidence.succeeded(),
            Passed::Anyway => true,
            Passed::No => false,
        }
    }
}

/// Does an action on a bench.
///
/// # Errors
/// What kept the action from being tried.
pub async fn execute(bench: &mut Bench<'_>, action: &Action) -> Result<Outcome, Error> {
    bench.context.check_stop()?;
    let started = std::time::Instant::now();
    let mut outcome = match dispatch(bench, action).await {
        // A step of a recipe that fails is an outcome like that of any other command.
        Err(Error::Docker(docker::Error::StepFailed { evidence })) => Outcome::of(*evidence),
        other => other?,
    };
    if outcome.evidence.seconds == 0.0 {
        outcome.evidence.seconds = started.elapsed().as_secs_f64();
    }
    Ok(outcome)
}

type Pending<'a> = Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send + 'a>>;

fn dispatch<'a>(bench: &'a mut Bench<'_>, action: &'a Action) -> Pending<'a> {
    match action {
        Action::CreateVenv { python } => Box::pin(python::create_venv(bench, python)),
        Action::InstallDependency { requirements, imports } => {
            Box::pin(python::install_dependency(bench, requirements, imports))
        }
        Action::UpdateRequirements { path, add } => Box::pin(python::update_requirements(bench, path, add)),
        Action::CheckFileExists { path } => Box::pin(inspect::check_file_exists(bench, path)),
        Action::RunCommand { run, workdir, env, deadline_seconds } => {
            Box::pin(run::run_command(bench, run, workdir, env, *deadline_seconds))
        }
        Action::NpmInstall { workdir } => Box::pin(node::npm_install(bench, workdir)),
        Action::NpmRun { workdir, script, args, deadline_seconds } => {
            Box::pin(node::npm_run(bench, workdir, script, args, *deadline_seconds))
        }
        Action::UpdatePackageJson { workdir, set } => {
            Box::pin(node::update_package_json(bench, workdir, set))
        }
        Action::CheckEntryPoint { workdir } => Box::pin(entry_points::check(bench, workdir)),
        Action::BuildFrontend { workdir, output } => Box::pin(node::build_frontend(bench, workdir, output)),
        Action::CreateDockerfile { path, content } => {
            Box::pin(containers::create_dockerfile(bench, path, content))
        }
        Action::BuildImage { dockerfile, tag, build_args } => {
            Box::pin(containers::build_image(bench, dockerfile, tag, build_args))
        }
        Action::RunContainer { image, port, env, probes, services } => {
            let app = containers::App { image, port: *port, env, probes, services };
            Box::pin(containers::run(bench, app, docker::app::Lifetime::UntilProbed))
        }
        Action::Deploy { image, port, env, probes, services } => {
            let app = containers::App { image, port: *port, env, probes, services };
            Box::pin(containers::deploy(bench, app))
        }
        Action::SetupEnv { example, path, values } => Box::pin(edit::setup_env(bench, example, path, values)),
        Action::RunTests { run, workdir, env, at_least, deadline_seconds } => {
            let tests =
                run::Tests { run, workdir, env, at_least: *at_least, deadline_seconds: *deadline_seconds };
            Box::pin(run::run_tests(bench, tests))
        }
        Action::ValidateOutput { run, workdir, matches, deadline_seconds } => {
            Box::pin(run::validate_output(bench, run, workdir, matches.as_deref(), *deadline_seconds))
        }
        Action::CheckSyntax { path } => Box::pin(inspect::check_syntax(bench, path)),
        Action::DebugError { run, workdir } => Box::pin(inspect::debug_error(bench, run, workdir)),
        Action::SetUp { part } => Box::pin(setup::set_up(bench, part)),
        Action::TestPart { part, expect } => Box::pin(setup::test_part(bench, part, *expect)),
        Action::PackageParts => Box::pin(setup::package_parts(bench)),
        Action::BuildParts => Box::pin(setup::build_parts(bench)),
        Action::BuildAhead => Box::pin(setup::build_ahead(bench)),
        Action::ReadFile { path } => Box::pin(inspect::read_file(bench, path)),
        Action::WriteFile { path, content, executable } => {
            Box::pin(edit::write_file(bench, path, content, *executable))
        }
        Action::ApplyPatch { patch } => Box::pin(edit::apply_patch(bench, patch)),
        Action::Search { pattern, path } => Box::pin(inspect::search(bench, pattern, path)),
        Action::ResolveConflict { strategy } => Box::pin(edit::resolve_conflict(bench, *strategy)),
    }
}
