//! Test counts from a JUnit XML report.

use codegod_protocol::evidence::TestCounts;
use junit_parser::{TestStatus, TestSuite};

/// Counts the test cases of a report one by one; the totals in its attributes are not believed,
/// because runners disagree on what they include.
///
/// # Errors
/// Why the report can't be read.
pub(super) fn counts(report: &[u8]) -> Result<TestCounts, String> {
    let suites = junit_parser::from_reader(report).map_err(|error| error.to_string())?;
    let mut counts = TestCounts::default();
    for suite in &suites.suites {
        add(suite, &mut counts);
    }
    Ok(counts)
}

fn add(suite: &TestSuite, counts: &mut TestCounts) {
    for case in &suite.cases {
        match &case.status {
            TestStatus::Success => counts.passed += 1,
            TestStatus::Skipped(_) => counts.skipped += 1,
            TestStatus::Error(_) | TestStatus::Failure(_) => counts.failed += 1,
        }
    }
    for nested in &suite.suites {
        add(nested, counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_counted_also_in_nested_suites() {
        let report = br#"<testsuites tests="99"><testsuite name="a"><testcase name="1"/>
            <testcase name="2"><failure message="no"/></testcase><testsuite name="b">
            <testcase name="3"><skipped/></testcase><testcase name="4"><error message="x"/></testcase>
            </testsuite></testsuite></testsuites>"#;
        assert_eq!(counts(report), Ok(TestCounts { passed: 1, failed: 2, skipped: 1 }));
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        assert!(counts(b"not xml at all <").is_err());
    }
}
