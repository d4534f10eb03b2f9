//! What travels between codegod's processes, and the typed client that carries it over Redis.
//!
//! Everything that the master, the workers and the console say to one another is a type of this
//! crate, and every Redis key and server-side script is made here. The words are those of
//! `ARCHITECTURE.md`; nothing in this crate knows Docker, a terminal or a playbook.

pub mod acl;
pub mod action;
pub mod agent;
pub mod backoff;
pub mod client;
pub mod engine;
pub mod environment;
pub mod event;
pub mod evidence;
pub mod goal;
pub mod host;
pub mod id;
pub mod intent;
pub mod keys;
pub mod log;
pub mod memory;
pub mod plan;
pub mod result;
pub mod settings;
pub mod setup;
pub mod task;
