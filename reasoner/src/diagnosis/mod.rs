//! Diagnosis: what a failing command said → what is believed, how sure, what would prove it wrong, and what
//! follows. The rules are data (`playbooks/diagnosis/`), this is what reads and applies them.
//!
//! A rule sees text (`seen`) and asks what is known of the project (`when`). What it names in a remedy comes
//! from the failing command's output, which anybody may have written: patterns therefore only let through
//! what a name may hold, and nothing of a match reaches a shell unquoted.

mod conclude;
mod facts;
mod lockstep;
mod manifest;
mod modules;
mod names;
mod packages;
mod rule;
mod rules;
mod schema;
mod settings;
mod text;
mod versions;

use codegod_protocol::action::Action;
use codegod_protocol::setup::SetupChange;
use serde::{Deserialize, Serialize};

pub use rules::Rules;

/// What was being done when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// What it believes, one sentence; one for each thing when it saw several of a kind.
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
