//! Test Anything Protocol: of tests within tests, those without any of their own count. Whatever else is
//! printed in between is no matter.

use std::sync::LazyLock;

use regex::Regex;

use super::TestReport;

/// A test's line: indentation, `not`, the rest with number and description.
static TEST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^( *)(not )?ok\b *(\d+)? *(?:- )?(.*)$").ok());
static PLAN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^1\.\.(\d+)\s*(#.*)?$").ok());
static DIRECTIVE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)\s#\s*(skip|todo)\b.*$").ok());

/// What has been seen so far.
#[derive(Default)]
struct Reading {
    report: TestReport,
    /// For each level that is open, how many tests it has.
    seen: Vec<u64>,
    /// For each level that is open, how many tests had failed when it was opened.
    failed_before: Vec<u64>,
    planned: Option<u64>,
    /// The indentation of the explanation that is being skipped, and what it says.
    explanation: Option<String>,
    bailed: bool,
}

pub(super) fn read(report: &str) -> TestReport {
    let mut reading = Reading { seen: vec![0], failed_before: vec![0], ..Default::default() };
    for line in report.lines() {
        reading.line(line);
    }
    reading.finish()
}

impl Reading {
    fn line(&mut self, line: &str) {
        if let Some(indentation) = &self.explanation {
            let over = line.trim_end() == format!("{indentation}...");
            if over {
                self.explanation = None;
            } else {
                self.explain(line);
            }
            return;
        }
        let content = line.trim();
        if content == "---" && line.starts_with(' ') {
            self.explanation = line.split_once("---").map(|(indentation, _)| indentation.to_owned());
        } else if line.starts_with("Bail out!") {
            self.bailed = true;
            self.report.failed("the run", content);
        } else if let Some(found) = PLAN.as_ref().and_then(|plan| plan.captures(line)) {
            self.planned = found.get(1).and_then(|count| count.as_str().parse().ok());
        } else if let Some(found) = TEST.as_ref().and_then(|test| test.captures(line)) {
            let part = |number: usize| found.get(number).map_or("", |part| part.as_str());
            self.test(part(1).len(), part(2).is_empty(), part(4));
        } else if content == "}" {
            self.close(line.len() - line.trim_start().len());
        }
    }

    /// What stands below a failed test explains it.
    fn explain(&mut self, line: &str) {
        if self.report.counts.failed > 0
            && let Some(last) = self.report.failures.last_mut()
            && last.message.len() < super::MAX_MESSAGE_CHARS
        {
            last.message.push_str(line.trim_end());
            last.message.push('\n');
        }
    }

    fn test(&mut self, indentation: usize, passed: bool, description: &str) {
        let level = indentation / 4;
        self.open(level);
        let before = self.failed_before.get(level + 1).copied();
        let parent = self.seen.len() > level + 1;
        self.seen.truncate(level + 1);
        self.failed_before.truncate(level + 1);
        if let Some(seen) = self.seen.get_mut(level) {
            *seen += 1;
        }
        let directed =
            DIRECTIVE.as_ref().is_some_and(|directive| directive.is_match(&format!(" {description}")));
        let (name, opens) = match description.trim_end().strip_suffix('{') {
            Some(name) => (name, true),
            None => (description, false),
        };
        if opens {
            // Its tests follow; whether it failed by itself is seen only by them.
            return;
        }
        match (passed, directed, parent) {
            (_, true, _) => self.report.skipped(),
            (true, false, false) => self.report.passed(),
            (false, false, false) => self.report.failed(name, ""),
            (true, false, true) => {}
            // Its own tests tell already, unless none of them failed.
            (false, false, true) => {
                if before == Some(self.report.counts.failed) {
                    self.report.failed(name, "");
                }
            }
        }
    }

    fn open(&mut self, level: usize) {
        // Nobody nests a thousand deep; what only looks like it is text.
        while self.seen.len() <= level.min(64) {
            self.seen.push(0);
            self.failed_before.push(self.report.counts.failed);
        }
    }

    /// A group in braces ends.
    fn close(&mut self, indentation: usize) {
        let level = indentation / 4;
        self.seen.truncate(level + 1);
        self.failed_before.truncate(level + 1);
    }

    fn finish(mut self) -> TestReport {
        let top = self.seen.first().copied().unwrap_or_default();
        match self.planned {
            _ if self.bailed => {}
            None => self.report.failed("the run", "it was cut short: its report has no plan"),
            Some(planned) if planned > top => {
                self.report.failed("the run", &format!("{planned} tests were planned, {top} ran"));
            }
            Some(_) => {}
        }
        for failed in &mut self.report.failures {
            failed.message = super::plain(&failed.message);
        }
        self.report
    }
}

#[cfg(test)]
mod tests {
    use codegod_protocol::evidence::TestCounts;

    use super::*;

    #[test]
    fn flat_assertions_are_counted_with_their_directives() {
        let report = "TAP version 13\n# math\nok 1 adds\nnot ok 2 subtracts\n  ---\n    operator: equal\n    ok: 1\n  ...\n\
            ok 3 later # SKIP no time\nnot ok 4 - known # TODO some day\n\n1..4\n# tests 4\n# pass 2\n";
        let read = read(report);
        assert_eq!(read.counts, TestCounts { passed: 1, failed: 1, skipped: 2 });
        assert_eq!(read.failures[0].name, "subtracts");
        assert_eq!(read.failures[0].message, "operator: equal\n    ok: 1");
    }

    #[test]
    fn of_nested_tests_the_innermost_count() {
        let report = "TAP version 14\n# Subtest: test/a.js\n    # Subtest: group\n        ok 1 - one\n        not ok 2 - two\n\
        \x20       1..2\n    not ok 1 - group # time=3ms\n    ok 2 - alone\n    1..2\nnot ok 1 - test/a.js # time=9ms\n\
            # Subtest: test/b.js\n    1..0\nnot ok 2 - test/b.js\nok 3 - test/c.js {\n    ok 1 - in braces\n    1..1\n}\n1..3\n";
        let read = read(report);
        assert_eq!(read.counts, TestCounts { passed: 3, failed: 2, skipped: 0 });
        assert_eq!(read.failures[1].name, "test/b.js");
    }

    #[test]
    fn a_run_that_was_cut_short_failed() {
        assert_eq!(read("ok 1 a\n").counts, TestCounts { passed: 1, failed: 1, skipped: 0 });
        assert_eq!(read("1..3\nok 1 a\n").failures[0].message, "3 tests were planned, 1 ran");
        assert_eq!(read("Bail out! no database\n").counts.failed, 1);
        assert_eq!(read("").counts.failed, 1);
    }
}
