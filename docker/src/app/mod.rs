//! Apps: a user's Dockerfile built into an image, the image run with limits beside its services,
//! and asked over HTTP whether it does what it should.

mod build;
mod context;
mod dockerfile;
mod http;
mod probe;
mod run;

pub(crate) use build::STEPS;
pub use build::{BuildSpec, build_image};
pub use run::{Lifetime, ProbeReport, RunSpec, run_and_probe};
