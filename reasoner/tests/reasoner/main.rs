//! What the reasoner promises to the other crates.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

mod built_in;
mod common;
mod diagnosis;
mod graphs;
mod kits;
mod library;
mod plan;
mod reasoning;
