//! Playbooks: knowledge as data.
pub mod schema;
