//! The terminal that the console runs on: taking it over and giving it back, whatever happens; what a
//! person types; when a picture may be drawn; programs that borrow the terminal for a while.
//!
//! [`Session`] is all of it in one value, owned by the task that draws:
//!
//! - [`Session::next`] waits for what happens on the terminal, and says when a picture is due;
//! - [`Session::draw`] draws one, in a single write that never blocks: a terminal that does not read
//!   keeps its last picture and costs nothing but that;
//! - [`Session::lend`], [`Session::suspend`], [`Session::copy`] and [`Session::plain`] are what a key asks for;
//! - dropping it, or [`Session::close`], gives the terminal back.
//!
//! The terminal is never asked anything: answers may never come.

mod clipboard;
mod display;
mod external;
mod frames;
mod guard;
mod input;
mod panics;
mod plain;
mod session;
mod signals;
mod tty;

pub(crate) use clipboard::Copied;
pub(crate) use external::{External, Outcome};
pub(crate) use frames::Urgency;
pub(crate) use guard::Mouse;
pub(crate) use session::{Occurrence, Session, Suspended};
