//! Commands: plain ones, ones whose output is compared, and test runs with their report.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::RegexBuilder;

use super::{Outcome, report};
use crate::bench::Bench;
use crate::bench::files::quote;
use crate::error::Error;
use codegod_docker::CommandSpec;
use codegod_protocol::setup::ReportFormat;

/// Where a test run leaves its report, outside the workspace.
const REPORT: &str = "/tmp/codegod-report.xml";
/// The largest report that is read, in bytes.
const MAX_REPORT_BYTES: usize = 64 * 1024 * 1024;
/// A bound on the size of a compiled expression from a playbook or a model.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// A command as it is run on a bench.
pub(super) fn spec(
    run: &str,
    workdir: &str,
    env: &BTreeMap<String, String>,
    deadline_seconds: u64,
) -> CommandSpec {
    CommandSpec {
        workdir: workdir.to_owned(),
        env: env.clone(),
        ..CommandSpec::new(run, Duration::from_secs(deadline_seconds.max(1)))
    }
}

/// Runs a command on a bench; its evidence names the folder that it ran in.
pub(super) async fn command(bench: &mut Bench<'_>, spec: &CommandSpec) -> Result<Outcome, Error> {
    let output = bench.run(spec).await?;
    let shown = if spec.workdir.is_empty() {
        spec.run.clone()
    } else {
        format!("cd {} && {}", quote(&spec.workdir), spec.run)
    };
    Ok(Outcome::of(output.evidence(shown, bench.image())))
}

pub(super) async fn run_command(
    bench: &mut Bench<'_>,
    run: &str,
    workdir: &str,
    env: &BTreeMap<String, String>,
    deadline_seconds: u64,
) -> Result<Outcome, Error> {
    command(bench, &spec(run, workdir, env, deadline_seconds)).await
}

pub(super) async fn validate_output(
    bench: &mut Bench<'_>,
    run: &str,
    workdir: &str,
    matches: Option<&str>,
    deadline_seconds: u64,
) -> Result<Outcome, Error> {
    let mut outcome = command(bench, &spec(run, workdir, &BTreeMap::new(), deadline_seconds)).await?;
    let Some(pattern) = matches.filter(|_| outcome.succeeded()) else { return Ok(outcome) };
    if !matching(pattern, &outcome.evidence.output)? {
        outcome.evidence.exit_code = 1;
        outcome
            .evidence
            .output
            .push_str(&format!("\n[the command succeeded, but its output does not match {pattern:?}]"));
    }
    Ok(outcome)
}

/// Whether `text` matches an expression that came from outside.
pub(super) fn matching(pattern: &str, text: &str) -> Result<bool, Error> {
    let regex = RegexBuilder::new(pattern)
        // `^flask$` means a line of the output: commands end theirs with a line break.
        .multi_line(true)
        .size_limit(MAX_REGEX_BYTES)
        .build()
        .map_err(|error| Error::Invalid(format!("{pattern:?} is not a regular expression: {error}")))?;
    Ok(regex.is_match(text))
}

/// A test run.
pub(super) struct Tests<'a> {
    pub(super) run: &'a str,
    pub(super) workdir: &'a str,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) at_least: u64,
    pub(super) deadline_seconds: u64,
}

/// Runs tests and believes their report, not their exit code alone: runners are known that exit 0
/// without having run any.
pub(super) async fn run_tests(bench: &mut Bench<'_>, tests: Tests<'_>) -> Result<Outcome, Error> {
    let mut env = tests.env.clone();
    env.insert("CODEGOD_REPORT".to_owned(), REPORT.to_owned());
    env.insert("CI".to_owned(), "true".to_owned());
    let fresh = CommandSpec::new(format!("rm -f {REPORT}"), Duration::from_secs(30));
    bench.run_raw(&fresh, 0).await?;
    let mut outcome = command(bench, &spec(tests.run, tests.workdir, &env, tests.deadline_seconds)).await?;
    let read = CommandSpec::new(format!("cat {REPORT}"), Duration::from_secs(30));
    let left = bench.run_raw(&read, MAX_REPORT_BYTES).await?;
    let objection = if left.exit_code == 0 {
        match report::read(ReportFormat::Junit, &left.stdout) {
            Ok(report) => {
                let counts = report.counts;
                outcome.tests = Some(counts);
                let ran = counts.passed + counts.failed;
                if counts.failed > 0 {
                    let first = report.failures.first().map_or("", |failed| failed.name.as_str());
                    Some(format!("{} of {ran} tests failed, first {first}", counts.failed))
                } else if ran < tests.at_least {
                    Some(format!("only {ran} tests ran, at least {} were expected", tests.at_least))
                } else {
                    None
                }
            }
            Err(reason) => Some(format!("the test report can't be read: {reason}")),
        }
    } else {
        Some("the tests left no report".to_owned())
    };
    if let Some(objection) = objection {
        outcome.evidence.exit_code = outcome.evidence.exit_code.max(1);
        outcome.evidence.output.push_str(&format!("\n[{objection}]"));
    }
    Ok(outcome)
}
