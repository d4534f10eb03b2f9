//! Evidence, findings and verdicts: what was seen, and the command and output that show it.

use serde::{Deserialize, Serialize};

/// The most output kept with one piece of evidence, in bytes: head and tail, the middle left out.
pub const MAX_OUTPUT_BYTES: usize = 16 * 1024;

/// One command (or Docker API call, or file operation) that was really executed, and what it gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The command as it could be typed, or the operation in words.
    pub command: String,
    /// Exit code; for an operation without one, 0 for done and 1 for not.
    pub exit_code: i64,
    /// What it printed, standard output and error together, capped at [`MAX_OUTPUT_BYTES`].
    pub output: String,
    /// How long it took.
    pub seconds: f64,
    /// The environment image it ran in, when it ran in a sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

impl Evidence {
    /// Whether the command ended with exit code 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.exit_code == 0
    }
}

/// One observed fact, named so that hypotheses can refer to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The name hypotheses use.
    pub id: String,
    /// The fact in words.
    pub fact: String,
    /// What shows it.
    pub evidence: Evidence,
}

/// The outcome of validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Passed or failed.
    pub passed: bool,
    /// One sentence: what was shown.
    pub summary: String,
    /// Each check that was made, in order.
    pub checks: Vec<CheckOutcome>,
}

/// One check of a validation and how it came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckOutcome {
    /// What it shows when it passes.
    pub title: String,
    /// Passed or failed.
    pub passed: bool,
    /// What shows it.
    pub evidence: Evidence,
    /// Test counts, when it ran tests and a machine-readable report was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestCounts>,
}

/// How many tests passed, failed (errors included) and were skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCounts {
    /// Passed.
    pub passed: u64,
    /// Failed or ended in an error.
    pub failed: u64,
    /// Skipped.
    pub skipped: u64,
}

impl std::ops::AddAssign for TestCounts {
    fn add_assign(&mut self, other: Self) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed = self.failed.saturating_add(other.failed);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }
}

/// Caps `output` at [`MAX_OUTPUT_BYTES`], keeping head and tail and saying how much was left out.
#[must_use]
pub fn cap_output(output: &[u8]) -> String {
    if output.len() <= MAX_OUTPUT_BYTES {
        return String::from_utf8_lossy(output).into_owned();
    }
    let half = MAX_OUTPUT_BYTES / 2;
    let left_out = output.len() - 2 * half;
    format!(
        "{}\n[… {left_out} bytes left out …]\n{}",
        String::from_utf8_lossy(&output[..half]),
        String::from_utf8_lossy(&output[output.len() - half..])
    )
}
