//! Agents: worker processes that take ready tasks from Redis and do them in Docker containers.
//!
//! `agent` is the process, `executor` the seam to the work, `attempt` one try at a task in Docker, `actions`
//! what an agent can do, `bench` where it does it, `journal` where it is written down.

pub mod actions;
pub mod agent;
pub mod attempt;
pub mod bench;
pub mod context;
pub mod error;
pub mod executor;
pub mod journal;
mod lines;
pub mod settings;
pub mod stop;
