//! What test runners write down of a run: counts, and what failed first. A report is believed case by
//! case; the totals in it are not, because runners disagree on what they include.

mod jest;
mod junit;
mod mocha;
mod printed;
mod tap;

use std::borrow::Cow;
use std::sync::LazyLock;

use codegod_protocol::evidence::TestCounts;
use codegod_protocol::setup::ReportFormat;
use regex::Regex;

/// The most of a message that is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 4000;
/// The most failed tests that are kept by name; all of them are counted.
const MAX_FAILURES: usize = 200;
/// What colours text on a terminal.
static COLOURS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;:?]*[a-zA-Z]").ok());

/// What a report says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TestReport {
    /// How many tests passed, failed and were skipped.
    pub(crate) counts: TestCounts,
    /// Those that failed, in the order of the report; a file that could not be loaded counts as one.
    pub(crate) failures: Vec<FailedTest>,
    /// How many files of tests ran, where the report says.
    pub(crate) files: Option<u64>,
}

/// A test that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedTest {
    /// Its name, with those of the groups around it.
    pub(crate) name: String,
    /// What the runner says of it, without colours.
    pub(crate) message: String,
}

/// Reads a report.
///
/// # Errors
/// Why it can't be read; also when it ends in the middle.
pub(crate) fn read(format: ReportFormat, report: &[u8]) -> Result<TestReport, String> {
    match format {
        ReportFormat::Junit => junit::read(&String::from_utf8_lossy(report)),
        ReportFormat::JestJson => jest::read(report),
        ReportFormat::MochaJson => mocha::read(report),
        ReportFormat::Tap => Ok(tap::read(&String::from_utf8_lossy(report))),
        ReportFormat::ExitCode => exit_code(&String::from_utf8_lossy(report)),
    }
}

/// A report that nobody knew of, or the exit code and what was printed: of a command that says nothing of
/// its tests, one test, passed or failed.
fn exit_code(report: &str) -> Result<TestReport, String> {
    let report = report.trim_start();
    if report.starts_with('<') {
        return junit::read(report);
    }
    if report.contains("TAP version") {
        return Ok(tap::read(report));
    }
    let (code, text) = report.split_once('\n').unwrap_or((report, ""));
    let code: i64 = code.trim().parse().map_err(|_| "the command did not come to its end".to_owned())?;
    let summed_up = printed::read(text);
    let said_nothing = summed_up.is_none();
    let mut read = summed_up.unwrap_or_default();
    match code {
        0 if said_nothing => read.passed(),
        0 => {}
        code if read.counts.failed == 0 => {
            let message = format!("it ended with exit code {code}\n{}", printed::end(text));
            read.failed("the test command", &message);
        }
        _ => {}
    }
    Ok(read)
}

impl TestReport {
    fn passed(&mut self) {
        self.counts.passed += 1;
    }

    fn skipped(&mut self) {
        self.counts.skipped += 1;
    }

    fn failed(&mut self, name: &str, message: &str) {
        self.counts.failed += 1;
        if self.failures.len() < MAX_FAILURES {
            self.failures.push(FailedTest { name: plain(name), message: plain(message) });
        }
    }
}

/// Text without colours, no longer than is kept.
fn plain(text: &str) -> String {
    without_colours(text).trim().chars().take(MAX_MESSAGE_CHARS).collect()
}

fn without_colours(text: &str) -> Cow<'_, str> {
    COLOURS.as_ref().map_or(text.into(), |colours| colours.replace_all(text, ""))
}

/// Runners without a file for their report print it among what the tests print: the last line that
/// begins a JSON object, with what follows it, as far as it is one.
fn json(report: &[u8]) -> Result<serde_json::Value, String> {
    let whole = serde_json::from_slice(report);
    let Err(error) = whole else { return whole.map_err(|error| error.to_string()) };
    let starts = report.iter().enumerate().rev().filter(|(_, byte)| **byte == b'{').map(|(at, _)| at);
    let at_line_start = starts.filter(|at| *at == 0 || report.get(at - 1) == Some(&b'\n'));
    at_line_start
        .filter_map(|at| serde_json::Deserializer::from_slice(report.get(at..)?).into_iter().next()?.ok())
        .next()
        .ok_or_else(|| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_run_without_report_the_exit_code_is_one_test() {
        let counts = |report: &[u8]| read(ReportFormat::ExitCode, report).map(|report| report.counts);
        assert_eq!(counts(b"0\n"), Ok(TestCounts { passed: 1, ..Default::default() }));
        assert_eq!(counts(b"7"), Ok(TestCounts { failed: 1, ..Default::default() }));
        assert!(counts(b"").is_err());
        assert_eq!(counts(b"0\n  4 passing (2s)\n"), Ok(TestCounts { passed: 4, ..Default::default() }));
        assert_eq!(
            counts(b"2\n  4 passing\n"),
            Ok(TestCounts { passed: 4, failed: 1, ..Default::default() })
        );
        assert_eq!(counts(b"TAP version 13\nok 1\nok 2\n1..2\n").map(|counts| counts.passed), Ok(2));
        assert_eq!(counts(include_bytes!("fixtures/node.xml")).map(|counts| counts.passed), Ok(3));
    }

    #[test]
    fn colours_are_no_part_of_a_message() {
        assert_eq!(plain("\u{1b}[31mexpected\u{1b}[0m 1\n"), "expected 1");
    }

    #[test]
    fn any_bytes_are_a_report_or_an_error() {
        let formats = [
            ReportFormat::Junit,
            ReportFormat::JestJson,
            ReportFormat::MochaJson,
            ReportFormat::Tap,
            ReportFormat::ExitCode,
        ];
        proptest::proptest!(|(bytes: Vec<u8>, cut in 0_usize..2000)| {
            let real = include_bytes!("fixtures/node.xml");
            for format in formats {
                let _ = read(format, &bytes);
                let _ = read(format, &real[..cut.min(real.len())]);
            }
        });
    }
}
