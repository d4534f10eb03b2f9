//! Agents: worker processes that take ready tasks from Redis and do them in Docker containers.
//!
//! `agent` is the process, `attempt` one try at a task, `actions` what an agent can do, `docker` the
//! only part that knows containers.

pub mod actions;
pub mod agent;
pub mod attempt;
pub mod error;
pub mod settings;
