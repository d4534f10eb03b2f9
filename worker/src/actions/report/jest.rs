//! Jest's `--json`, which vitest writes too.

use serde::Deserialize;

use super::TestReport;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    test_results: Vec<File>,
    #[serde(default)]
    test_exec_error: Option<ExecError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    assertion_results: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    #[serde(default)]
    full_name: Option<String>,
    #[serde(default)]
    title: Option<String>,
    status: String,
    #[serde(default)]
    failure_messages: Option<Vec<Option<String>>>,
}

#[derive(Deserialize)]
struct ExecError {
    #[serde(default)]
    message: String,
}

pub(super) fn read(report: &[u8]) -> Result<TestReport, String> {
    let report: Report = serde_json::from_value(super::json(report)?).map_err(|error| error.to_string())?;
    let mut read = TestReport { files: u64::try_from(report.test_results.len()).ok(), ..Default::default() };
    for file in &report.test_results {
        for test in &file.assertion_results {
            add(&mut read, test);
        }
        let told = file.assertion_results.iter().any(|test| test.status == "failed");
        if file.status.as_deref() == Some("failed") && !told {
            // It could not be loaded, or a hook around its tests failed.
            read.failed(&file.name, file.message.as_deref().unwrap_or_default());
        }
    }
    if let Some(error) = report.test_exec_error {
        read.failed("the run", &error.message);
    }
    Ok(read)
}

fn add(read: &mut TestReport, test: &Test) {
    match test.status.as_str() {
        "passed" => read.passed(),
        "failed" => {
            let name = test.full_name.as_deref().or(test.title.as_deref()).unwrap_or_default();
            let messages: Vec<&str> =
                test.failure_messages.iter().flatten().flatten().map(String::as_str).collect();
            read.failed(name, &messages.join("\n"));
        }
        // pending, skipped, todo, disabled
        _ => read.skipped(),
    }
}

#[cfg(test)]
mod tests {
    use codegod_protocol::evidence::TestCounts;

    use super::*;

    #[test]
    fn a_file_that_can_not_be_loaded_is_a_failure_of_its_own() {
        let report = br#"{"numFailedTests":1,"numPassedTests":1,"success":false,"testResults":[
            {"name":"/w/a.test.js","status":"failed","message":"  * adds\n\n  expected 1","assertionResults":[
              {"fullName":"math adds","title":"adds","status":"failed","failureMessages":["Error: \u001b[2mexpect(\u001b[22m1\u001b[2m)\u001b[22m"]},
              {"fullName":"math subtracts","status":"passed","failureMessages":[]},
              {"fullName":"math later","status":"todo"},{"fullName":"math never","status":"pending"}]},
            {"name":"/w/b.test.js","status":"failed","message":"Cannot find module 'x' from 'b.test.js'","assertionResults":[]}]}"#;
        let read = read(report).expect("read");
        assert_eq!(read.counts, TestCounts { passed: 1, failed: 2, skipped: 2 });
        assert_eq!(read.files, Some(2));
        assert_eq!(read.failures[0].message, "Error: expect(1)");
        assert_eq!(read.failures[1].name, "/w/b.test.js");
    }

    #[test]
    fn a_report_among_other_output_is_found() {
        let report = b"> test\n{ a: 1 }\nhello\n{\"testResults\":[]}\n";
        assert_eq!(read(report).expect("read").files, Some(0));
        assert!(read(b"{\"testResults\":[").is_err());
    }
}
