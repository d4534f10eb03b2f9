//! The console on a real terminal: how it ends, what it leaves behind, what it sends, and what happens to
//! it when its terminal or its Redis goes away.

mod common;
mod ending;
mod lending;
mod living;
mod sending;
