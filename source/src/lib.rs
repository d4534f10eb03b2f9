//! The state of the files: a goal's repository, its commits, merges and bundles.
//!
//! [`Repository`] is a goal's own bare repository; [`capture_folder`] copies a person's folder into
//! it, and [`to_branch`], [`to_new_folder`] and [`apply`] hand a result back. All of it is done by the
//! `git` command (2.38 or newer), which never sees the configuration, hooks or filters of anybody.

mod apply;
mod blobs;
mod branch;
mod bundle;
mod capture;
mod error;
mod files;
mod git;
mod handover;
mod listing;
mod merge;
mod paths;
mod repository;
mod tarball;
mod tree;

pub use apply::{Applied, apply};
pub use branch::{BranchResult, to_branch};
pub use bundle::bundle_prerequisites;
pub use capture::{Captured, Limits, capture_folder};
pub use error::Error;
pub use handover::to_new_folder;
pub use merge::{Merge, UnionMerge};
pub use repository::{Entry, Kind, LogEntry, Repository};
pub use tree::Message;
