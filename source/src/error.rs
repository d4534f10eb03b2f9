//! Everything that can go wrong with a goal's files.

use std::io;
use std::path::PathBuf;

/// Why an operation on files or commits failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The git command could not be started, or its pipes broke.
    #[error("run git {command}")]
    Spawn {
        /// The git subcommand.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// Git ended with an exit code that means failure.
    #[error("git {command} ended with {code}: {stderr}")]
    Git {
        /// The git subcommand.
        command: String,
        /// Its exit code; -1 when a signal ended it.
        code: i32,
        /// What it wrote to its standard error, cut to a bounded length.
        stderr: String,
    },
    /// Git did not end in time and was killed.
    #[error("git {command} did not end within {seconds} s")]
    Deadline {
        /// The git subcommand.
        command: String,
        /// The time it was given.
        seconds: u64,
    },
    /// Git answered in a form that is not understood.
    #[error("understand the answer of git {command}: {detail}")]
    Answer {
        /// The git subcommand.
        command: String,
        /// What was unexpected.
        detail: String,
    },
    /// The text is not a full commit id, or the repository has no such commit.
    #[error("{0:?} is no commit of this repository")]
    NoSuchCommit(String),
    /// A bundle builds on commits that are not here; import those first.
    #[error("the bundle builds on commits that are not here: {}", .0.join(", "))]
    MissingPrerequisites(Vec<String>),
    /// The bytes are not a git bundle of the kind that is accepted.
    #[error("read a bundle: {0}")]
    BadBundle(String),
    /// A repository without a work tree, and without a commit that could be taken.
    #[error("{} is a bare repository, and its commit can't be taken: {why}", dir.display())]
    NoFiles {
        /// The repository.
        dir: PathBuf,
        /// Why, a sentence.
        why: String,
    },
    /// Something is larger than its limit.
    #[error("{what} is too large: {bytes} bytes or more, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size, or the number of bytes seen before giving up.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file conflicts in a way that keeping the lines of both sides can't solve.
    #[error("these files can't be joined line by line: {}", .files.join(", "))]
    NotMergeable {
        /// The files, in the order of git.
        files: Vec<String>,
    },
    /// An entry of a tar, tree or folder is not allowed.
    #[error("refuse {path:?}: {reason}")]
    UnsafeEntry {
        /// The path as it was given, lossily decoded.
        path: String,
        /// Why it is refused.
        reason: String,
    },
    /// Reading or writing a file of a person's folder failed.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A tar could not be read or written.
    #[error("{doing} a tar")]
    Tar {
        /// What was being done, as a verb.
        doing: &'static str,
        /// What the tar library said.
        source: io::Error,
    },
    /// The branch exists and holds something else, or is checked out.
    #[error("branch {branch} is already there at {at}")]
    BranchTaken {
        /// The branch's name.
        branch: String,
        /// The commit it points to.
        at: String,
    },
    /// The name is not one that git allows for a branch.
    #[error("{0:?} is no name for a branch")]
    BadBranch(String),
    /// The folder is not part of a git work tree.
    #[error("{} is not in a git repository", .0.display())]
    NotGit(PathBuf),
    /// The repository names its objects by SHA-256, which commits of a goal can't be added to.
    #[error("{} is a git repository with SHA-256 names, which can't take a SHA-1 commit", .0.display())]
    OtherHash(PathBuf),
    /// The target folder exists and is not empty.
    #[error("{} already exists and is not empty", .0.display())]
    FolderTaken(PathBuf),
    /// Files of the person changed since they were captured, and the result changes them too.
    #[error("these files were changed since the goal began and would be overwritten: {}", .files.join(", "))]
    WouldOverwrite {
        /// The files, sorted.
        files: Vec<String>,
    },
}
