//! What is typed: the line behind `:`, the field for a goal, questions, the keys and commands, and what
//! commands answer. One table of commands serves all of it, and it is the command line's.

mod complete;
mod desk;
mod dialog;
mod field;
mod help;
mod history;
mod known;
mod palette;
mod pane;
mod prompt;
mod prompt_draw;
mod run;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod together;
mod words;

pub(crate) use desk::Desk;
pub(crate) use dialog::{Asked, Dialog};
pub(crate) use help::help;
pub(crate) use history::{Keep, Past, keep};
pub(crate) use palette::{Palette, Typed};
pub(crate) use pane::{Pane, Read};
pub(crate) use prompt::{Draft, Prompt, Written};
pub(crate) use run::{Tell, Told, collect, run};
pub(crate) use table::{Effects, Order, effects};
