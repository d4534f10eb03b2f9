//! What stays between two typings: earlier lines, and a goal that was not handed over yet.

use super::history::{History, Past};
use super::prompt::Draft;

/// The desk.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Earlier commands.
    pub(crate) commands: History,
    /// Earlier goals.
    pub(crate) goals: History,
    /// What was written and not handed over.
    pub(crate) draft: Draft,
}

impl Desk {
    /// The desk as it was left. Reads two small files, so it is for the start.
    pub(crate) fn read() -> Self {
        Self { commands: History::read(Past::Commands), goals: History::read(Past::Goals), ..Self::default() }
    }
}
