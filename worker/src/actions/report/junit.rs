//! JUnit XML, in the dialects of pytest, node, mocha and others. Read leniently: durations, dates and
//! totals are of no interest, and some runners put cases outside of any suite.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;

use super::TestReport;

/// The class name that node gives every test.
const NODES_CLASS: &str = "test";

/// What is known of the case that is being read.
#[derive(Default)]
struct Case {
    name: String,
    /// What its failure's attribute says.
    failure: Option<String>,
    /// What stands in its failure.
    text: String,
    skipped: bool,
}

#[derive(Default)]
struct Reading {
    report: TestReport,
    files: BTreeSet<String>,
    case: Option<Case>,
    /// Whether text belongs to the failure of the case.
    in_failure: bool,
    has_suites: bool,
}

pub(super) fn read(report: &str) -> Result<TestReport, String> {
    let mut reader = Reader::from_str(report);
    let mut reading = Reading::default();
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => {
                depth += 1;
                reading.begin(&tag);
            }
            Event::Empty(tag) => {
                reading.begin(&tag);
                reading.end(tag.name());
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                reading.end(tag.name());
            }
            Event::Text(text) => reading.text(&text),
            Event::CData(text) => reading.text(&text),
            Event::GeneralRef(name) => reading.text(entity(&name)),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if depth > 0 {
        return Err("it ends in the middle".to_owned());
    }
    if !reading.has_suites {
        return Err("it has no test suites".to_owned());
    }
    reading.report.files = u64::try_from(reading.files.len()).ok().filter(|files| *files > 0);
    Ok(reading.report)
}

impl Reading {
    fn begin(&mut self, tag: &BytesStart<'_>) {
        match tag.name().0 {
            "testsuites" | "testrun" => self.has_suites = true,
            "testsuite" => {
                self.has_suites = true;
                self.files.extend(attribute(tag, "file"));
            }
            "testcase" => {
                self.files.extend(attribute(tag, "file"));
                self.case = Some(Case { name: name(tag), ..Case::default() });
            }
            "failure" | "error" => {
                if let Some(case) = &mut self.case {
                    let message = attribute(tag, "message").unwrap_or_default();
                    // A second one (pytest: the test failed, then its teardown) adds nothing.
                    self.in_failure = case.failure.is_none();
                    case.failure.get_or_insert(message);
                }
            }
            "skipped" => {
                if let Some(case) = &mut self.case {
                    case.skipped = true;
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: QName<'_>) {
        match tag.0 {
            "failure" | "error" => self.in_failure = false,
            "testcase" => {
                let Some(case) = self.case.take() else { return };
                // A test that is known not to work yet may have failed besides.
                match (case.skipped, case.failure) {
                    (true, _) => self.report.skipped(),
                    (false, Some(message)) => {
                        let both = format!("{}\n{}", message.trim(), case.text.trim());
                        self.report.failed(&case.name, &both);
                    }
                    (false, None) => self.report.passed(),
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_failure
            && let Some(case) = &mut self.case
            && case.text.len() < 4 * super::MAX_MESSAGE_CHARS
        {
            case.text.push_str(text);
        }
    }
}

fn name(tag: &BytesStart<'_>) -> String {
    let name = attribute(tag, "name").unwrap_or_default();
    match attribute(tag, "classname").filter(|class| !class.is_empty() && class != NODES_CLASS) {
        Some(class) => format!("{class}::{name}"),
        None => name,
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let value =
        tag.attributes().with_checks(false).flatten().find(|attribute| attribute.key.0 == name)?.value;
    // Control characters are written as references that XML does not know: better raw than not at all.
    Some(quick_xml::escape::unescape(&value).map_or_else(|_| value.to_string(), |text| text.into_owned()))
}

fn entity(name: &str) -> &str {
    match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        "#10" => "\n",
        _ => " ",
    }
}

#[cfg(test)]
mod tests {
    use codegod_protocol::evidence::TestCounts;

    use super::super::FailedTest;
    use super::*;

    #[test]
    fn cases_are_counted_also_in_nested_suites() {
        let report = r#"<testsuites tests="99"><testsuite name="a"><testcase name="1"/>
            <testcase name="2"><failure message="no"/></testcase><testsuite name="b">
            <testcase name="3"><skipped/></testcase><testcase name="4"><error message="x"/></testcase>
            </testsuite></testsuite></testsuites>"#;
        assert_eq!(read(report).expect("read").counts, TestCounts { passed: 1, failed: 2, skipped: 1 });
    }

    #[test]
    fn what_is_no_report_or_ends_in_the_middle_is_an_error() {
        for report in ["not xml at all <", "", "<html></html>", "<testsuites><testsuite name=\"a\">"] {
            assert!(read(report).is_err(), "{report:?}");
        }
    }

    #[test]
    fn nodes_report_has_cases_outside_of_suites_and_failing_todos() {
        let read = read(include_str!("fixtures/node.xml")).expect("read");
        assert_eq!(read.counts, TestCounts { passed: 3, failed: 3, skipped: 3 });
        let names: Vec<&str> = read.failures.iter().map(|failed| failed.name.as_str()).collect();
        assert_eq!(names, ["breaks red", "inner fails", "/work/b.test.js"]);
        assert!(read.failures[0].message.starts_with("1 == 2\n[Error [ERR_TEST_FAILURE]: 1 == 2]"));
    }

    #[test]
    fn pytests_report_tells_what_failed() {
        let report = r#"<?xml version="1.0"?><testsuites><testsuite name="pytest" errors="1" tests="2">
            <testcase classname="tests.test_a.TestA" name="test_x[1-2]" time="0.1"><failure
            message="AssertionError: assert 1 &lt; 0&#10;more">def test_x():
&gt;   assert 1 &lt; 0</failure><error message="failed on teardown"/></testcase>
            <testcase classname="" name="tests.test_b"><error message="collection failure">E   ModuleNotFoundError: No module named 'yaml'</error></testcase>
            </testsuite></testsuites>"#;
        let read = read(report).expect("read");
        assert_eq!(read.counts, TestCounts { passed: 0, failed: 2, skipped: 0 });
        assert_eq!(
            read.failures,
            [
                FailedTest {
                    name: "tests.test_a.TestA::test_x[1-2]".into(),
                    message: "AssertionError: assert 1 < 0\nmore\ndef test_x():\n>   assert 1 < 0".into()
                },
                FailedTest {
                    name: "tests.test_b".into(),
                    message: "collection failure\nE   ModuleNotFoundError: No module named 'yaml'".into()
                }
            ]
        );
    }

    #[test]
    fn files_are_counted_where_the_report_names_them() {
        let report = r#"<testsuite name="Mocha Tests"><testcase classname="a" name="x" file="/w/a.js"/>
            <testcase classname="a" name="y" file="/w/a.js"/><testcase classname="b" name="z" file="/w/b.js"/></testsuite>"#;
        assert_eq!(read(report).expect("read").files, Some(2));
    }
}
