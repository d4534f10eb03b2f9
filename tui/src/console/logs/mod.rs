//! Logs: the lines that are held, and the pane that shows them.

mod record;
mod ring;

pub(crate) use record::Record;
