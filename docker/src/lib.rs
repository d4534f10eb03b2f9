//! Everything that codegod does with Docker: images, sandboxes, environments, apps, and the reaper.
//!
//! Callers see values (an image's id, a command's output, evidence), never the client library, so
//! that how a command gets into a container can change without them.

pub mod admission;
pub mod app;
mod archive;
pub mod budget;
mod builder;
mod capture;
pub mod connection;
mod container;
mod disk_usage;
mod engine;
pub mod environment;
mod error;
mod exec;
mod folders;
pub mod host;
pub mod images;
mod labels;
mod last_use;
mod meter;
pub mod reaper;
mod rooted;
mod sandbox;
mod settings;
mod siblings;
#[cfg(test)]
mod small_daemon;
pub mod sweeper;
mod usage;
mod volumes;

pub use capture::CommandOutput;
pub use container::Network;
pub use engine::{Engine, EngineInfo};
pub use error::Error;
pub use folders::AgentFolder;
pub use labels::{LABEL, Labels, Owner, Purpose};
pub use meter::Meter;
pub use sandbox::{CommandSpec, RawOutput, Sandbox, User};
pub use settings::{Apt, Limits, Settings, SettingsError};
pub use siblings::Siblings;
