//! The events stream: one blocking reader. At rest it wakes every half minute; under a flood it takes what came in
//! the last twentieth of a second at once.

use std::time::Duration;

use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{Client, Error, Listener, StreamPosition, TimedEvent};

use super::News;
use super::shared::{Gone, Shared};
use crate::console::store::happening::{Change, Happening};

/// How long one read waits.
const WAIT_MS: usize = 30_000;
/// How long to wait after a read, so that what comes meanwhile is told together.
const TOGETHER: Duration = Duration::from_millis(50);
/// How many entries of the past are read at the start.
const PAST: usize = 1_000;
/// A read that gives so many is followed by the next at once.
const FULL: usize = 1_000;
/// The longest wait before events that can't be read are tried again.
const RETRY_LONGEST: Duration = Duration::from_secs(5);
const WHAT: &str = "the events";

/// Reads events until the console is gone.
pub(super) async fn keep_reading<M: From<News> + Send + 'static>(shared: Shared<M>) {
    let mut reader = Reader { shared, position: None, backoff: Backoff::default(), unreadable: false };
    // The console is gone when this ends.
    let Err(Gone) = reader.run().await;
}

struct Reader<M> {
    shared: Shared<M>,
    position: Option<StreamPosition>,
    backoff: Backoff,
    unreadable: bool,
}

impl<M: From<News>> Reader<M> {
    async fn run(&mut self) -> Result<std::convert::Infallible, Gone> {
        loop {
            let client = self.shared.client().await?;
            let Err(error) = self.read(&client).await?;
            self.failed(error).await?;
        }
    }

    /// Redis is away, which the look finds out as well, or the events are no stream of ours.
    async fn failed(&mut self, error: Error) -> Result<(), Gone> {
        if error.trouble().is_some_and(|trouble| trouble.is_passing()) {
            self.shared.doubt();
        } else {
            self.unreadable = true;
            let why = crate::sanitize::line(&crate::error::Error::from(error).sentence());
            self.shared.tell(News::Unreadable { what: WHAT, why }).await?;
        }
        tokio::time::sleep(self.backoff.next_delay().min(RETRY_LONGEST)).await;
        Ok(())
    }

    async fn read(&mut self, client: &Client) -> Result<Result<std::convert::Infallible, Error>, Gone> {
        let mut listener = match client.listener().await {
            Ok(listener) => listener,
            Err(error) => return Ok(Err(error)),
        };
        let mut position = match self.position.take() {
            Some(position) => position,
            None => match client.newest_events(PAST).await {
                Ok((past, position)) => {
                    self.tell(past).await?;
                    position
                }
                Err(error) => return Ok(Err(error)),
            },
        };
        let error = loop {
            match self.read_once(&mut listener, &mut position).await? {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        self.position = Some(position);
        Ok(Err(error))
    }

    async fn read_once(
        &mut self,
        listener: &mut Listener,
        position: &mut StreamPosition,
    ) -> Result<Result<(), Error>, Gone> {
        let events = match listener.timed_events(position, WAIT_MS).await {
            Ok(events) => events,
            Err(error) => return Ok(Err(error)),
        };
        self.backoff.reset();
        if std::mem::take(&mut self.unreadable) {
            self.shared.tell(News::Readable { what: WHAT }).await?;
        }
        let count = events.len();
        self.tell(events).await?;
        if count > 0 && count < FULL {
            tokio::time::sleep(TOGETHER).await;
        }
        Ok(Ok(()))
    }

    async fn tell(&self, events: Vec<TimedEvent>) -> Result<(), Gone> {
        if events.is_empty() {
            return Ok(());
        }
        let happenings: Vec<Happening> =
            events.iter().map(|timed| Happening::new(&timed.event, timed.ms)).collect();
        for happening in &happenings {
            self.shared.note(happening);
        }
        // A plan, or a goal's new state, is shown at once.
        if happenings.iter().any(|one| matches!(one.change, Change::Plan | Change::Goal { .. })) {
            self.shared.nudge.notify_one();
        }
        self.shared.tell(News::Events { happenings, left_out: 0 }).await
    }
}
