//! Looking: once a second, in one round trip, at everything that has no events, and at what events named of what
//! is on the screen. It also finds out whether Redis answers, and says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{Client, Error, Glances, now_ms};

use super::News;
use super::glanced::Seen;
use super::open::Opened;
use super::shared::{Gone, Shared};
use crate::console::store::Connection;
use crate::console::store::goals::GOALS;

/// How long between two looks.
const PERIOD: Duration = Duration::from_secs(1);
/// How long while nothing changes: after [`QUIET`] looks that told nothing.
const LONG_PERIOD: Duration = Duration::from_secs(2);
const QUIET: u32 = 5;
/// A look that was asked for comes so long after the last at the earliest.
const SHORTEST: Duration = Duration::from_millis(200);
/// Looking takes one part in so many of the time at most.
const SHARE: u32 = 20;
/// The first and the longest wait before a Redis that is away is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// What looks.
struct Looks<M> {
    shared: Shared<M>,
    client: Option<Client>,
    glances: Glances,
    connection: Connection,
    lost: Option<u64>,
    backoff: Backoff,
    seen: Seen<M>,
    opened: Opened,
    /// How many looks told nothing, one after the other.
    quiet: u32,
    /// How long the last look took, without what is open.
    took: Duration,
}

/// Looks until the console is gone.
pub(super) async fn keep_looking<M: From<News> + Send + 'static>(shared: Shared<M>) {
    let mut looks = Looks {
        seen: Seen::nothing(shared.clone()),
        shared,
        client: None,
        glances: Glances::default(),
        connection: Connection::Connecting,
        lost: None,
        backoff: Backoff::new(RETRY_FIRST, RETRY_LONGEST),
        opened: Opened::default(),
        quiet: 0,
        took: Duration::ZERO,
    };
    // The console is gone when this ends.
    let Err(Gone) = looks.run().await;
}

impl<M: From<News>> Looks<M> {
    async fn run(&mut self) -> Result<std::convert::Infallible, Gone> {
        loop {
            let start = Instant::now();
            let looked = self.look(start).await?;
            let wait = match looked {
                Ok(()) => self.period().max(self.took * SHARE).saturating_sub(start.elapsed()),
                Err(error) => self.lose(error).await?,
            };
            self.rest(wait).await?;
        }
    }

    /// How long until the next look: longer while nothing changes and nothing is open.
    fn period(&mut self) -> Duration {
        let quiet = !self.seen.take_told() && self.shared.scope.borrow().is_light();
        self.quiet = if quiet { self.quiet.saturating_add(1) } else { 0 };
        if self.quiet > QUIET { LONG_PERIOD } else { PERIOD }
    }

    /// Waits until it is time again, something else is on the screen, or somebody asks.
    async fn rest(&mut self, wait: Duration) -> Result<(), Gone> {
        let shortest = tokio::time::Instant::now() + SHORTEST.max(self.took * SHARE).min(wait);
        tokio::select! {
            // The usual case has one timer: each costs a wake-up or two.
            () = tokio::time::sleep(wait) => return Ok(()),
            () = self.shared.nudge.notified() => {}
            changed = self.shared.scope.changed() => changed.map_err(|_| Gone)?,
        }
        self.quiet = 0;
        tokio::time::sleep_until(shortest).await;
        Ok(())
    }

    async fn look(&mut self, start: Instant) -> Result<Result<(), Error>, Gone> {
        let client = match self.connected().await {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        let heard = self.shared.take_heard();
        let asked = Instant::now();
        let glance = match client.glance(&mut self.glances, GOALS).await {
            Ok(glance) => glance,
            Err(error) => return Ok(Err(error)),
        };
        self.answered(&client, asked.elapsed()).await?;
        let taken = self.seen.take(&client, glance, &heard).await?;
        // What is open is read rarely, or bounds itself.
        self.took = start.elapsed();
        if taken.is_err() {
            return Ok(taken);
        }
        let scope = Arc::clone(&self.shared.scope.borrow_and_update());
        self.opened.look(&self.shared, &client, &scope, &self.glances, &heard).await
    }

    async fn connected(&mut self) -> Result<Client, Error> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let place = &self.shared.place;
        let client = Client::connect(&place.url, &place.prefix, "console").await?;
        Ok(self.client.insert(client).clone())
    }

    /// Redis answered.
    async fn answered(&mut self, client: &Client, after: Duration) -> Result<(), Gone> {
        let took = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let known = match self.connection {
            Connection::Connected { round_trip_ms } => Some(round_trip_ms),
            Connection::Connecting | Connection::Lost { .. } => None,
        };
        // What is within a factor of two is the same: figures that flicker tell nothing.
        let is_same = known.is_some_and(|known| took <= known * 2 + 3 && known <= took * 2 + 3);
        if !is_same {
            self.connection = Connection::Connected { round_trip_ms: took };
            self.shared.tell(News::Connection(self.connection.clone())).await?;
        }
        if known.is_none() {
            self.backoff.reset();
            self.lost = None;
            self.seen.doubt();
            self.opened = Opened::default();
        }
        self.shared.client.send_if_modified(|shared| {
            let was_gone = shared.is_none();
            *shared = Some(client.clone());
            was_gone
        });
        Ok(())
    }

    /// Redis does not answer: says why. Returns how long to wait.
    async fn lose(&mut self, error: Error) -> Result<Duration, Gone> {
        self.shared.client.send_if_modified(|client| client.take().is_some());
        let wait = self.backoff.next_delay();
        let since_ms = *self.lost.get_or_insert_with(now_ms);
        let retry_at_ms = now_ms() + u64::try_from(wait.as_millis()).unwrap_or(0);
        let error = crate::error::Error::from(error);
        let (why, advice) = (crate::sanitize::line(&error.sentence()), error.hint());
        self.connection = Connection::Lost { why, advice, since_ms, retry_at_ms };
        self.shared.tell(News::Connection(self.connection.clone())).await?;
        Ok(wait)
    }
}
