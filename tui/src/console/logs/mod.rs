//! Logs: the lines that are held, and the pane that shows them.

mod draw;
mod hunt;
mod index;
mod lens;
mod log;
mod pane;
mod pattern;
mod record;
mod ring;
mod wrap;

pub(crate) use log::{Log, title};
pub(crate) use pattern::{NoPattern, Pattern};
pub(crate) use record::Record;
pub(crate) use ring::Limits;
pub(crate) use wrap::from_column;
