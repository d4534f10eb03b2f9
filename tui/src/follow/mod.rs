//! Following a goal: a state that events change, pictures of it, and the loop that joins both to
//! Redis, the terminal and signals.

mod draw;
mod glyphs;
mod plain;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod watch;

pub(crate) use draw::understood;
pub(crate) use glyphs::Glyphs;
pub(crate) use watch::{Ending, follow};
