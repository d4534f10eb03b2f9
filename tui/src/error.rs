//! Everything that ends a command early: one sentence, an exit code and a way out.

use std::path::PathBuf;

use codegod_protocol::client::{self, Trouble};
use codegod_protocol::id::GoalId;

/// Bad usage or bad input.
pub(crate) const EXIT_USAGE: u8 = 64;
/// Something needed is not reachable.
pub(crate) const EXIT_UNAVAILABLE: u8 = 69;
/// The command, or its goal, failed.
pub(crate) const EXIT_FAILED: u8 = 1;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nothing was asked for.
    #[error("the goal is empty")]
    EmptyGoal,
    /// Too much was asked for.
    #[error("the goal is longer than {limit} bytes, which is the limit")]
    GoalTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The goal is not plain text.
    #[error("the goal is not plain text: {0}")]
    NotText(String),
    /// The folder is missing or something else.
    #[error("{} {problem}", path.display())]
    BadFolder {
        /// As given.
        path: PathBuf,
        /// What is wrong with it, as the rest of the sentence.
        problem: &'static str,
    },
    /// No such agent is on the list.
    #[error("there is no {0}")]
    NoSuchAgent(String),
    /// The console needs a terminal.
    #[error("the console needs a terminal, and there is none")]
    NoTerminal,
    /// A question had to be asked and nobody can answer it.
    #[error("{0} is asked before it is done, and there is no terminal to ask in")]
    Unconfirmed(&'static str),
    /// A goal can't be done in the past.
    #[error("the deadline is {0} ago")]
    PastDeadline(String),
    /// The goal has no result to hand out.
    #[error("{goal} has no result to apply: it is {state}")]
    NoResult {
        /// The goal.
        goal: GoalId,
        /// Its state's word.
        state: &'static str,
    },
    /// The folder for the result is not known.
    #[error("{0} was not started on a folder of this machine")]
    NoFolder(GoalId),
    /// A goal that only verifies another has nothing to verify.
    #[error("{goal} can't be verified: it is {state}")]
    NotVerifiable {
        /// The goal.
        goal: GoalId,
        /// Its state's word.
        state: &'static str,
    },
    /// Nobody is there to work on a goal.
    #[error("no agent is running, so nobody would work on the goal; it was not submitted")]
    NoAgents,
    /// Agents did not end in time.
    #[error("still there after {seconds} s: {agents}")]
    NotDrained {
        /// How long was waited.
        seconds: u64,
        /// Who is left, separated by commas.
        agents: String,
    },
    /// Something needed is missing; the sentences were printed already.
    #[error("something needed is missing: {0}")]
    Missing(String),
    /// Redis.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// Files and commits.
    #[error("{doing}")]
    Source {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: codegod_source::Error,
    },
    /// A file or a terminal.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Wraps an error of the files and commits with what was being done.
    pub(crate) fn source(doing: &'static str) -> impl Fn(codegod_source::Error) -> Self {
        move |source| Self::Source { doing, source }
    }

    /// The exit code that it ends the program with.
    pub(crate) fn exit_code(&self) -> u8 {
        use codegod_source::Error as Files;
        match self {
            Self::EmptyGoal
            | Self::GoalTooLong { .. }
            | Self::NotText(_)
            | Self::BadFolder { .. }
            | Self::NoSuchAgent(_)
            | Self::Unconfirmed(_)
            | Self::NoTerminal
            | Self::PastDeadline(_)
            | Self::NoResult { .. }
            | Self::NoFolder(_)
            | Self::NotVerifiable { .. } => EXIT_USAGE,
            Self::Client(client::Error::Url { .. } | client::Error::NotFound(_)) => EXIT_USAGE,
            Self::Client(client::Error::WrongState { .. } | client::Error::Undecodable { .. }) => EXIT_FAILED,
            Self::Client(_) | Self::Missing(_) | Self::NoAgents => EXIT_UNAVAILABLE,
            Self::Source { source, .. } => match source {
                Files::TooLarge { .. } | Files::UnsafeEntry { .. } | Files::FolderTaken(_) => EXIT_USAGE,
                Files::Spawn { .. } => EXIT_UNAVAILABLE,
                _ => EXIT_FAILED,
            },
            Self::NotDrained { .. } | Self::Io { .. } => EXIT_FAILED,
        }
    }

    /// What the person can do about it.
    pub(crate) fn hint(&self) -> &'static str {
        use codegod_source::Error as Files;
        match self {
            Self::EmptyGoal => "say what to build, for example: codegod build \"Build a Flask + React app\"",
            Self::GoalTooLong { .. } => "say it in fewer words; files belong in a folder given with --in",
            Self::NotText(_) => "give it as UTF-8 text without control characters",
            Self::BadFolder { .. } => "give an existing folder with --in",
            Self::NoSuchAgent(_) => "codegod status lists the agents",
            Self::Unconfirmed(_) => "add --yes",
            Self::NoTerminal => {
                "codegod status, and codegod console --snapshot overview, print what there is"
            }
            Self::PastDeadline(_) => "give one that is to come, as 30m, 2h or 2026-11-21T18:00:00Z",
            Self::NoResult { .. } => {
                "only goals that succeeded have one, and projects that were set up; codegod show says what happened"
            }
            Self::NoFolder(_) => "name the folder with --in",
            Self::NotVerifiable { .. } => {
                "only a build goal that succeeded can be verified, or one that set a project up"
            }
            Self::NoAgents => {
                "start the fleet with ./start-agents.sh up; codegod doctor says what is missing; --detach submits all the same"
            }
            Self::NotDrained { .. } => "wait longer, or end them with start-agents.sh down",
            Self::Missing(_) => "follow the advice above and run codegod doctor again",
            Self::Client(client::Error::Url { .. }) => "set REDIS_URL, or give --redis-url",
            Self::Client(client::Error::NotFound(_)) => "codegod goals and codegod status list what there is",
            Self::Client(client::Error::WrongState { .. }) => "codegod show says how far it is",
            Self::Client(client::Error::Undecodable { .. }) => {
                "it was perhaps written by another version of codegod; use the same version everywhere"
            }
            Self::Client(error) => match error.trouble() {
                None | Some(Trouble::Unreachable) => {
                    "start it with start-agents.sh up, or set REDIS_URL to one that runs"
                }
                Some(trouble) => trouble.advice(),
            },
            Self::Source { source, .. } => match source {
                Files::TooLarge { .. } => "leave it out with a .gitignore, or give a smaller folder",
                Files::WouldOverwrite { .. } => {
                    "keep or undo your changes in these files first; the branch holds the result"
                }
                Files::FolderTaken(_) => "give another folder with --out",
                Files::Spawn { .. } => "install git 2.38 or newer",
                Files::BranchTaken { .. } => "rename or delete that branch, then codegod show",
                _ => "codegod doctor checks what is needed",
            },
            Self::Io { .. } => "check the path, its permissions and the free space",
        }
    }

    /// The error and what caused it, in one sentence.
    pub(crate) fn sentence(&self) -> String {
        if let Self::Client(error @ client::Error::Redis { doing, .. }) = self
            && let Some(trouble) = error.trouble().filter(|trouble| *trouble != Trouble::Other)
        {
            return format!("{trouble}, while {doing}");
        }
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.contains(&said) {
                text.push_str(": ");
                text.push_str(&said);
            }
            cause = error.source();
        }
        text
    }
}
