//! Setting up and testing the parts of an existing project.

mod diagnose;
mod make;
mod outcome;
mod package;
mod test;

pub(super) use make::set_up;
pub(super) use package::{build_ahead, build_parts, package_parts};
pub(crate) use test::as_before;
pub(super) use test::test_part;
