//! One run over all of a part's preparations and tests, and what it gave.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use codegod_docker::{self as docker, CommandSpec};
use codegod_protocol::evidence::{Evidence, TestCounts, cap_output};
use codegod_protocol::setup::{Setup, TestOutcome, TestRun};
use codegod_reasoner::diagnosis::Stage;
use codegod_reasoner::setup;

use crate::actions::report::{self, FailedTest};
use crate::actions::{Outcome, Passed, run};
use crate::bench::Bench;
use crate::error::Error;

/// Where test runs leave their reports, outside the workspace.
const REPORT: &str = "codegod-report";
/// The largest report that is read, in bytes.
const MAX_REPORT_BYTES: usize = 64 * 1024 * 1024;
/// The longest that one preparation may take.
const PREPARE_DEADLINE: Duration = Duration::from_secs(1800);
/// How many failing tests are told with their messages.
const MAX_TOLD: usize = 50;
/// How pytest calls what went wrong before there were tests.
const COLLECTION_FAILURE: &str = "collection failure";
/// A run over fewer of the files with tests than this share is doubted.
const LEAST_SHARE_OF_FILES: f64 = 0.5;

/// What a run gave.
#[derive(Debug)]
pub(super) struct Ran {
    /// How far it got.
    pub(super) stage: Stage,
    /// The first exit code that was not 0, else 0.
    pub(super) exit_code: i64,
    /// What the reports say together; none when no report could be read.
    pub(super) counts: Option<TestCounts>,
    /// Why the run is no run of the tests, if it is none.
    pub(super) objection: Option<String>,
    /// What is believed of it.
    pub(super) believed: Option<String>,
    commands: Vec<String>,
    output: String,
    failures: Vec<FailedTest>,
    seconds: f64,
    image: Option<String>,
}

/// Prepares the sources and runs every test run, to the end also when one fails.
pub(super) async fn run_all(bench: &mut Bench<'_>, setup: &Setup) -> Result<Ran, Error> {
    let mut ran = Ran {
        stage: Stage::Prepare,
        exit_code: 0,
        counts: None,
        objection: None,
        believed: None,
        commands: Vec::new(),
        output: String::new(),
        failures: Vec::new(),
        seconds: 0.0,
        image: None,
    };
    for (path, content) in &setup.private_files {
        bench.write_private(path, content.as_bytes()).await?;
    }
    let answers = match bench.start_services(&setup::services(setup)).await {
        Err(Error::Docker(error @ docker::Error::ImageUnavailable { .. })) => {
            // Whatever needs no server may still pass: that is for the setup before this one to show.
            ran.exit_code = 1;
            ran.output.push_str(&format!("{error}\n"));
            ran.objection = Some(format!("a server that the tests want can't be had here ({error})"));
            return Ok(ran);
        }
        started => started?,
    };
    for answer in answers {
        if !answer.succeeded() {
            ran.objection = Some(format!("a service did not answer ({}), so no test ran", answer.command));
            ran.add(answer);
            return Ok(ran);
        }
    }
    for preparation in &setup.prepare {
        let spec = CommandSpec {
            workdir: preparation.workdir.clone(),
            env: setup.env.clone(),
            ..CommandSpec::new(&preparation.run, PREPARE_DEADLINE)
        };
        let outcome = run::command(bench, &spec).await?;
        let failed = !outcome.succeeded();
        ran.add(outcome.evidence);
        if failed {
            ran.objection = Some(format!("`{}` failed, so no test ran", preparation.run));
            return Ok(ran);
        }
    }
    ran.stage = Stage::Test;
    for test in &setup.tests {
        run_one(bench, setup, test, &mut ran).await?;
    }
    Ok(ran)
}

async fn run_one(bench: &mut Bench<'_>, setup: &Setup, test: &TestRun, ran: &mut Ran) -> Result<(), Error> {
    let fresh = CommandSpec::new(format!("rm -rf /tmp/{REPORT}"), Duration::from_secs(30));
    bench.run_raw(&fresh, 0).await?;
    let mut env: BTreeMap<String, String> = setup.env.clone();
    env.entry("CI".to_owned()).or_insert_with(|| "true".to_owned());
    env.insert("CODEGOD_REPORT".to_owned(), format!("/tmp/{REPORT}"));
    let spec = CommandSpec {
        workdir: test.workdir.clone(),
        env,
        ..CommandSpec::new(&test.run, Duration::from_secs(test.deadline_seconds.max(1)))
    };
    let outcome = run::command(bench, &spec).await?;
    let exit_code = outcome.evidence.exit_code;
    ran.add(outcome.evidence);
    match read_report(bench, test, exit_code).await? {
        Ok(report) => {
            *ran.counts.get_or_insert_default() += report.counts;
            ran.failures.extend(report.failures);
            ran.doubt(test, report.files, report.counts);
        }
        Err(why) => ran.object(why),
    }
    Ok(())
}

/// The report of one run; inner `Err`: why there is none.
async fn read_report(
    bench: &mut Bench<'_>,
    test: &TestRun,
    exit_code: i64,
) -> Result<Result<report::TestReport, String>, Error> {
    // A tar, for a report may be one file or a folder of them.
    let read = CommandSpec::new(format!("tar -cf - -C /tmp {REPORT}"), Duration::from_secs(60));
    let raw = bench.run_raw(&read, MAX_REPORT_BYTES).await?;
    if raw.exit_code != 0 {
        return Ok(Err(format!("`{}` ended with exit code {exit_code} and left no report", test.own)));
    }
    let files = match unpacked(&raw.stdout) {
        Ok(files) => files,
        Err(error) => return Ok(Err(format!("the test report can't be read: {error}"))),
    };
    let mut all: Option<report::TestReport> = None;
    for file in files {
        match (report::read(test.report, &file), &mut all) {
            (Ok(report), Some(all)) => {
                all.counts += report.counts;
                all.failures.extend(report.failures);
                all.files = all.files.zip(report.files).map(|(known, more)| known + more);
            }
            (Ok(report), None) => all = Some(report),
            (Err(why), _) => return Ok(Err(format!("the test report can't be read: {why}"))),
        }
    }
    Ok(all.ok_or_else(|| format!("`{}` left an empty report", test.own)))
}

fn unpacked(tar: &[u8]) -> std::io::Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.push(content);
        }
    }
    Ok(files)
}

impl Ran {
    fn add(&mut self, evidence: Evidence) {
        self.output.push_str(&format!("$ {}\n{}\n", evidence.command, evidence.output.trim_end()));
        self.commands.push(evidence.command);
        self.seconds += evidence.seconds;
        self.image = evidence.environment;
        if self.exit_code == 0 {
            self.exit_code = evidence.exit_code;
        }
    }

    fn object(&mut self, why: String) {
        self.objection.get_or_insert(why);
    }

    /// Runs are known that look well because they hardly ran anything.
    fn doubt(&mut self, test: &TestRun, files: Option<u64>, counts: TestCounts) {
        if counts.passed + counts.failed + counts.skipped == 0 {
            self.object(format!("`{}` ran no test", test.own));
        }
        if let (Some(found), Some(ran)) = (test.files, files)
            && (ran as f64) < found as f64 * LEAST_SHARE_OF_FILES
        {
            self.output.push_str(&format!("\n[only {ran} of {found} files with tests took part]\n"));
        }
    }

    /// Whether nothing failed and the tests ran.
    pub(super) fn is_clean(&self) -> bool {
        self.exit_code == 0 && self.objection.is_none() && self.counts.is_none_or(|counts| counts.failed == 0)
    }

    /// The run's commands as one that could be typed.
    pub(super) fn command(&self) -> String {
        match self.commands.as_slice() {
            [] => "nothing".to_owned(),
            [one] => one.clone(),
            all => all.iter().map(|command| format!("({command})")).collect::<Vec<_>>().join(" && "),
        }
    }

    /// All that it said, with the messages of failing tests: a diagnosis reads this.
    pub(super) fn said(&self) -> String {
        let mut said = self.output.clone();
        for failed in &self.failures {
            said.push_str(&format!("\n{}\n{}\n", failed.name, failed.message));
        }
        said
    }

    /// What the tests gave; none when they gave nothing that could be read.
    pub(super) fn outcome(&self) -> Option<TestOutcome> {
        let counts = self.counts.filter(|_| self.objection.is_none())?;
        Some(TestOutcome { counts, exit_code: self.exit_code })
    }

    /// Why the tests did not run, with what is believed of it; none when they did.
    pub(super) fn stuck(&self) -> Option<String> {
        let objection = self.objection.as_ref()?;
        let believed = self.believed.as_ref().map(|believed| format!(": {believed}")).unwrap_or_default();
        Some(format!("{objection}{believed}"))
    }

    /// The run as an outcome that counts as success, whatever its exit code.
    pub(super) fn accepted(self, why: &str) -> Outcome {
        self.told(why, Passed::Anyway)
    }

    /// The run as an outcome that does not count as success.
    pub(super) fn refused(self, why: &str) -> Outcome {
        self.told(why, Passed::No)
    }

    fn told(self, why: &str, passed: Passed) -> Outcome {
        let command = self.command();
        let mut output = self.output;
        for failed in self.failures.iter().take(MAX_TOLD) {
            output.push_str(&format!("\nFAILED {}: {}", failed.name, first_said(&failed.message)));
        }
        let believed = self.believed.map(|believed| format!("; {believed}")).unwrap_or_default();
        let evidence = Evidence {
            command,
            exit_code: self.exit_code,
            output: format!("{}\n{why}{believed}", cap_output(output.as_bytes()).trim_end()),
            seconds: self.seconds,
            environment: self.image,
        };
        Outcome { evidence, tests: self.counts, passed }
    }
}

/// The line of a message that says most: jest's begin with a heading, and of a file that pytest can't even
/// read the reason comes last.
fn first_said(message: &str) -> &str {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.find(|line| !line.starts_with('●')).unwrap_or_else(|| message.trim());
    let last = lines.filter_map(|line| line.strip_prefix("E ")).next_back();
    last.filter(|_| first == COLLECTION_FAILURE).map_or(first, str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_by_the_line_that_says_why() {
        let collection =
            "collection failure\ntests.py:4: in <module>\n    import app\nE   ImportError: no app\n";
        assert_eq!(first_said(collection), "ImportError: no app");
        assert_eq!(
            first_said("● Test suite failed to run\n\n  Cannot find module 'x'\n"),
            "Cannot find module 'x'"
        );
        assert_eq!(first_said("assert 1 == 2\nE   more"), "assert 1 == 2");
        assert_eq!(first_said(""), "");
    }

    #[test]
    fn a_report_may_be_a_folder_of_files() {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in [("codegod-report/a.xml", "<a/>"), ("codegod-report/b.xml", "<b/>")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, content.as_bytes()).expect("packed");
        }
        let tar = builder.into_inner().expect("a tar");
        assert_eq!(unpacked(&tar).expect("it is read"), [b"<a/>".to_vec(), b"<b/>".to_vec()]);
    }
}
