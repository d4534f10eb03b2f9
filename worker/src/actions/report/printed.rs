//! What runners say at their end to the person who watches: read where a command leaves no other report,
//! because a Makefile or a script of the project's own starts the runner.

use std::sync::LazyLock;

use codegod_protocol::evidence::TestCounts;
use regex::{Captures, Regex};

use super::{TestReport, plain};

/// Lines that say how many tests passed, failed or were skipped. What follows one another belongs together.
const LINES: [&str; 12] = [
    // mocha
    r"^\s*(?P<passed>\d+) passing(?: \([\d.]+\w+\))?$",
    r"^\s*(?P<failed>\d+) failing$",
    r"^\s*(?P<skipped>\d+) pending$",
    // jest
    r"^Tests:\s+(?P<list>\d+ .*)\b\d+ total$",
    // vitest
    r"^\s+Tests\s+(?P<list>\d+ (?:passed|failed|skipped|todo)\b.*)\(\d+\)$",
    // Node's own, tape
    r"^[ℹ#] pass\s+(?P<passed>\d+)$",
    r"^[ℹ#] fail\s+(?P<failed>\d+)$",
    r"^[ℹ#] (?:skipped|skip|todo)\s+(?P<skipped>\d+)$",
    // ava
    r"^\s+(?P<passed>\d+) tests? passed$",
    r"^\s+(?P<failed>\d+) (?:tests? failed|uncaught exceptions?|unhandled rejections?)$",
    r"^\s+(?P<skipped>\d+) tests? (?:skipped|todo)$",
    // jasmine
    r"^(?P<specs>\d+) specs?, (?P<spec_failures>\d+) failures?(?:, (?P<spec_pending>\d+) pending specs?)?$",
];
/// One number of a list: `3 failed, 2 skipped, 10 passed`.
const ITEM: &str = r"(\d+) (passed|failed|skipped|todo|pending)";
/// How the failed tests are headed: mocha, jest and its like, ava, Node's own.
const FAILURES: &str = r"^(?:  \d+\) (?P<mocha>\S.*)|  ● (?P<jest>.*(?: › ).*)|  ✖ (?P<other>\S.*))$";

static SUMMARIES: LazyLock<Vec<Regex>> =
    LazyLock::new(|| LINES.iter().filter_map(|line| Regex::new(line).ok()).collect());
static ITEMS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ITEM).ok());
static FAILED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FAILURES).ok());

/// What the summaries in a text come to; None when there is none.
pub(super) fn read(text: &str) -> Option<TestReport> {
    let text = super::without_colours(text);
    let mut report = TestReport::default();
    let mut found = false;
    for line in text.lines() {
        for summary in SUMMARIES.iter() {
            if let Some(captures) = summary.captures(line.trim_end()) {
                found = true;
                report.counts += counts(&captures);
                break;
            }
        }
    }
    if !found {
        return None;
    }
    // Naming a failure counts it as well.
    let failed = std::mem::take(&mut report.counts.failed);
    let mut heads = heads(&text).into_iter();
    for _ in 0..failed.min(super::MAX_FAILURES as u64) {
        let (name, message) = heads.next().unwrap_or_default();
        let name = if name.is_empty() { "a test" } else { name };
        report.failed(name, message);
    }
    report.counts.failed = failed;
    Some(report)
}

fn counts(captures: &Captures<'_>) -> TestCounts {
    let number = |name: &str| captures.name(name).and_then(|text| text.as_str().parse::<u64>().ok());
    let mut counts = TestCounts {
        passed: number("passed").unwrap_or_default(),
        failed: number("failed").unwrap_or_default(),
        skipped: number("skipped").unwrap_or_default(),
    };
    if let Some(specs) = number("specs") {
        counts.failed = number("spec_failures").unwrap_or_default();
        counts.skipped = number("spec_pending").unwrap_or_default();
        counts.passed = specs.saturating_sub(counts.failed.saturating_add(counts.skipped));
    }
    let list = captures.name("list").map_or("", |list| list.as_str());
    for item in ITEMS.iter().flat_map(|items| items.captures_iter(list)) {
        let count = item.get(1).and_then(|text| text.as_str().parse::<u64>().ok()).unwrap_or_default();
        let kind = match item.get(2).map_or("", |kind| kind.as_str()) {
            "passed" => &mut counts.passed,
            "failed" => &mut counts.failed,
            _ => &mut counts.skipped,
        };
        *kind = kind.saturating_add(count);
    }
    counts
}

/// The names of the failed tests, each with what follows it.
fn heads(text: &str) -> Vec<(&str, &str)> {
    let Some(failed) = FAILED.as_ref() else { return Vec::new() };
    let mut starts: Vec<(usize, &str)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let name = failed
            .captures(line.trim_end())
            .and_then(|found| ["mocha", "jest", "other"].iter().find_map(|name| found.name(name)));
        starts.extend(name.map(|name| (at, name.as_str())));
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    starts.iter().zip(ends).map(|((from, name), to)| (*name, text.get(*from..to).unwrap_or(name))).collect()
}

/// The end of what was printed, for a command that says nothing else.
pub(super) fn end(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    plain(&lines.get(lines.len().saturating_sub(25)..).unwrap_or_default().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Option<(u64, u64, u64)> {
        read(text).map(|report| (report.counts.passed, report.counts.failed, report.counts.skipped))
    }

    #[test]
    fn the_summaries_of_runners_are_read() {
        let mocha = "  a\n    ✓ works\n    1) breaks\n\n  12 passing (3s)\n  2 pending\n  1 failing\n\n  1) a\n       breaks:\n     Error: no\n";
        assert_eq!(numbers(mocha), Some((12, 1, 2)));
        assert_eq!(
            numbers("Tests:       1 failed, 2 skipped, 1 todo, 10 passed, 14 total\n"),
            Some((10, 1, 3))
        );
        assert_eq!(
            numbers(" Test Files  1 passed (1)\n      Tests  3 failed | 7 passed (10)\n"),
            Some((7, 3, 0))
        );
        assert_eq!(
            numbers("ℹ tests 4\nℹ pass 2\nℹ fail 1\nℹ cancelled 0\nℹ skipped 1\nℹ todo 0\n"),
            Some((2, 1, 1))
        );
        assert_eq!(numbers("\u{1b}[32m  3 tests passed\u{1b}[39m\n"), Some((3, 0, 0)));
        assert_eq!(numbers("12 specs, 2 failures, 1 pending spec\n"), Some((9, 2, 1)));
    }

    #[test]
    fn several_runs_are_added_up_and_failures_are_named() {
        let text = "  2 passing (1s)\n  3 passing (9ms)\n  1 failing\n\n  1) group\n       case:\n     Error: boom\n";
        let report = read(text).unwrap();
        assert_eq!((report.counts.passed, report.counts.failed), (5, 1));
        assert_eq!(report.failures[0].name, "group");
        assert!(report.failures[0].message.contains("boom"));
    }

    #[test]
    fn what_is_no_summary_is_none() {
        for text in ["", "all good\n", "3 passing thoughts remain", "# pass the salt", "Tests: many"] {
            assert_eq!(numbers(text), None, "{text}");
        }
        assert_eq!(numbers("\n  0 passing (1ms)\n"), Some((0, 0, 0)));
    }

    #[test]
    fn numbers_that_nobody_can_count_to_break_nothing() {
        let huge = u64::MAX;
        let text =
            format!("  {huge} passing\n  {huge} passing\nTests: {huge} failed, {huge} failed, 1 total\n");
        let counts = read(&text).expect("a summary").counts;
        assert_eq!((counts.passed, counts.failed), (huge, huge));
    }
}
