//! Everything that changes the console's state.

use codegod_protocol::id::GoalId;
use crossterm::event::Event;

use super::commits::Changes;
use super::effect::Commit;
use super::overlay::Overlay;
use super::store::News;
use crate::output::Line;

/// A change that came from outside the state.
pub(crate) enum Message {
    /// A key, the mouse, a paste, a new size.
    Input(Event),
    /// A second passed; what time it is, Unix time in milliseconds.
    Second(u64),
    /// Redis told something.
    News(Box<News>),
    /// A command, or something else outside, said one line.
    Said(Line),
    /// A command asks a question or has more to show than a line.
    Overlay(Box<Overlay>),
    /// A goal was handed over from here.
    Started(GoalId),
    /// What a commit changed was read, or could not be.
    Changes(Commit, Result<Box<Changes>, String>),
    /// The console is on the screen again, after lines that were printed.
    StreamEnded,
    /// Something that takes longer than keys should wait is to go on.
    GoOn,
}

impl From<News> for Message {
    fn from(news: News) -> Self {
        Self::News(Box::new(news))
    }
}
