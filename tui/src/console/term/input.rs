//! What a person types, clicks and pastes. Nothing is read while another program has the terminal.

use std::io;

use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_util::StreamExt;

/// The keyboard and the mouse; closed while another program reads them.
#[derive(Debug, Default)]
pub(super) struct Input {
    stream: Option<EventStream>,
}

impl Input {
    /// Begins to read.
    pub(super) fn open(&mut self) {
        self.stream = Some(EventStream::new());
    }

    /// Stops reading.
    pub(super) fn close(&mut self) {
        self.stream = None;
    }

    /// The next event; never while closed.
    ///
    /// # Errors
    /// When the terminal can't be read any more.
    pub(super) async fn next(&mut self) -> io::Result<Event> {
        let Some(stream) = &mut self.stream else { return std::future::pending().await };
        loop {
            match stream.next().await {
                Some(Ok(event)) if is_release(&event) => {}
                Some(event) => return event,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

/// Some terminals tell of keys that are let go; nothing here depends on that.
fn is_release(event: &Event) -> bool {
    matches!(event, Event::Key(key) if key.kind == KeyEventKind::Release)
}
