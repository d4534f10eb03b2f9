//! Diagnosis: what a failing command said → what is believed, how sure, what would prove it wrong, and what
//! follows. The rules are data (`playbooks/diagnosis/`), this is what reads and applies them.

use codegod_protocol::action::Action;
use codegod_protocol::setup::{Setup, SetupChange};

/// What was being done when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The pins were resolved.
    Resolve,
    /// The environment was made.
    Install,
    /// The sources were prepared.
    Prepare,
    /// The tests ran.
    Test,
}

/// A failure as it was seen.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// What was being done.
    pub stage: Stage,
    /// The command.
    pub command: &'a str,
    /// Its exit code.
    pub exit_code: i64,
    /// What it printed; for tests also the messages of the failing ones in the report.
    pub output: &'a str,
}

/// What a rule makes of a failure.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The rule's name.
    pub rule: String,
    /// The line or lines that it saw.
    pub saw: String,
    /// What it believes, one sentence.
    pub believes: String,
    /// 0 to 1.
    pub confidence: f64,
    /// What would prove it wrong.
    pub disproved_by: String,
    /// What follows.
    pub remedy: Remedy,
}

/// What follows from a diagnosis.
#[derive(Debug, Clone, PartialEq)]
pub enum Remedy {
    /// The setup changes; the person's files stay as they are.
    Setup {
        /// How.
        changes: Vec<SetupChange>,
    },
    /// A file of the person's changes a little, in a commit of its own.
    Edit {
        /// How the setup changes with it; may be empty.
        changes: Vec<SetupChange>,
        /// The commit's subject, also the title of its task: "Require Flask".
        title: String,
        /// What is done to the files.
        actions: Vec<Action>,
    },
    /// Nothing that codegod may do by itself: a person reads what is believed.
    Person,
}

/// What the rules make of a failure, the surest first; empty when none applies.
#[must_use]
pub fn diagnose(_setup: &Setup, _failure: &Failure<'_>) -> Vec<Diagnosis> {
    Vec::new()
}
