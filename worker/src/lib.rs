//! worker

pub mod docker;
