//! Reads what commits changed, one at a time: a person who moves on over many tasks has only the last one read.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::diff::Diff;
use super::effect::Commit;
use super::feed::diff::load_diff;
use super::message::Message;
use crate::commands::Place;

/// How long somebody must look at a task before its commit is read.
const LOOKED_AT: Duration = Duration::from_millis(150);
/// What takes longer will not come.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a commit changed.
#[derive(Debug)]
pub(crate) struct Changes {
    /// The changes, ready to be drawn.
    pub(crate) diff: Diff,
    /// What a person should know beside them.
    pub(crate) note: Option<String>,
}

/// Reads one commit at a time.
pub(super) struct Commits {
    place: Place,
    to: mpsc::Sender<Message>,
    reading: Option<JoinHandle<()>>,
}

impl Commits {
    /// One that reports to `to`.
    pub(super) fn new(place: Place, to: mpsc::Sender<Message>) -> Self {
        Self { place, to, reading: None }
    }

    /// Reads a commit, in place of the one that is being read.
    pub(super) fn read(&mut self, commit: Commit) {
        if let Some(reading) = self.reading.take() {
            reading.abort();
        }
        let (place, to) = (self.place.clone(), self.to.clone());
        self.reading = Some(tokio::spawn(async move {
            tokio::time::sleep(LOOKED_AT).await;
            let read = match tokio::time::timeout(DEADLINE, load_diff(&place, &commit.task)).await {
                Ok(read) => read.map(|read| {
                    let note = read.note;
                    Box::new(Changes { diff: Diff::read(&read.text), note })
                }),
                Err(_) => Err(format!("it could not be read within {} s", DEADLINE.as_secs())),
            };
            let _console_gone = to.send(Message::Changes(commit, read)).await;
        }));
    }
}
