//! Mocha's `json` reporter.

use serde::Deserialize;

use super::TestReport;

#[derive(Deserialize)]
struct Report {
    passes: Vec<Test>,
    failures: Vec<Test>,
    #[serde(default)]
    pending: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    #[serde(default)]
    full_title: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    err: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    message: Option<serde_json::Value>,
    #[serde(default)]
    stack: Option<String>,
}

pub(super) fn read(report: &[u8]) -> Result<TestReport, String> {
    let report: Report = serde_json::from_value(super::json(report)?).map_err(|error| error.to_string())?;
    let mut read = TestReport::default();
    for test in &report.failures {
        read.failed(&test.full_title, &message(test));
    }
    report.passes.iter().for_each(|_| read.passed());
    report.pending.iter().for_each(|_| read.skipped());
    let all = report.passes.iter().chain(&report.failures).chain(&report.pending);
    let files: std::collections::BTreeSet<&str> = all.filter_map(|test| test.file.as_deref()).collect();
    read.files = u64::try_from(files.len()).ok().filter(|files| *files > 0);
    Ok(read)
}

fn message(test: &Test) -> String {
    let Some(error) = &test.err else { return String::new() };
    let message = error
        .message
        .as_ref()
        .map(|message| message.as_str().map_or_else(|| message.to_string(), str::to_owned));
    match (message, &error.stack) {
        (Some(message), Some(stack)) if !stack.contains(&message) => format!("{message}\n{stack}"),
        (_, Some(stack)) => stack.clone(),
        (Some(message), None) => message,
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use codegod_protocol::evidence::TestCounts;

    use super::*;

    #[test]
    fn the_report_is_read_also_when_tests_print() {
        let report = br#"something a test printed
{
  "stats": { "suites": 1, "tests": 3, "passes": 1, "pending": 1, "failures": 1 },
  "tests": [],
  "pending": [ { "title": "later", "fullTitle": "math later", "file": "/w/test/a.js", "err": {} } ],
  "failures": [ { "title": "adds", "fullTitle": "math adds", "file": "/w/test/a.js",
    "err": { "message": "expected 1", "stack": "AssertionError: expected 1\n    at Context.<anonymous>" } } ],
  "passes": [ { "title": "ok", "fullTitle": "math ok", "file": "/w/test/b.js", "err": {} } ]
}
bye
"#;
        let read = read(report).expect("read");
        assert_eq!(read.counts, TestCounts { passed: 1, failed: 1, skipped: 1 });
        assert_eq!((read.files, read.failures[0].name.as_str()), (Some(2), "math adds"));
        assert!(read.failures[0].message.starts_with("AssertionError: expected 1"));
    }
}
