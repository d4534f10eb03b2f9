//! Setting up and testing the parts of an existing project.

mod diagnose;
mod make;
mod outcome;
mod test;

pub(super) use make::set_up;
pub(crate) use test::as_before;
pub(super) use test::test_part;
