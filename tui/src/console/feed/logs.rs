//! Log lines, while a log is on the screen: the newest there are, then what comes, and older pages when they are
//! asked for.

use std::sync::Arc;
use std::time::Duration;

use codegod_protocol::client::{Client, Error, Listener, StreamPosition};
use codegod_protocol::id::AgentId;
use tokio::sync::{mpsc, watch};

use super::News;
use super::backwards::Backwards;
use super::lines::{Wanted, record, sources, time};
use super::scope::{LogScope, OlderLogs, Scope};
use super::shared::{Gone, Shared};
use crate::console::logs::Record;
use crate::console::store::news::{LogBatch, LogPart};

/// How many lines are told when a log is opened.
const BACKLOG: usize = 2_000;
/// The most of one older page.
const OLDER: usize = 10_000;
/// How long one read waits.
const WAIT_MS: usize = 30_000;
/// How long to wait after a read, so that what comes meanwhile is told together.
const TOGETHER: Duration = Duration::from_millis(100);
/// A read that gives so many is followed by the next at once: more is waiting.
const MANY: usize = 2_000;
/// The wait before a log that can't be read is tried again.
const RETRY: Duration = Duration::from_secs(2);
const WHAT: &str = "the log";

/// What is on the screen of logs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    scope: LogScope,
    opening: u64,
}

fn open(scope: &Scope) -> Option<Open> {
    Some(Open { scope: scope.logs.clone()?, opening: scope.opening })
}

/// Why reading a log ended.
enum End {
    /// Something else is on the screen.
    Closed,
    /// It can't be read.
    Failed(Error),
}

/// Reads logs until the console is gone.
pub(super) async fn keep_reading<M: From<News> + Send + 'static>(
    shared: Shared<M>,
    older: mpsc::Receiver<OlderLogs>,
) {
    let scope = shared.scope.clone();
    let mut reader = Reader { shared, scope, older, unreadable: false };
    // The console is gone when this ends.
    let Err(Gone) = reader.run().await;
}

struct Reader<M> {
    shared: Shared<M>,
    scope: watch::Receiver<Arc<Scope>>,
    older: mpsc::Receiver<OlderLogs>,
    unreadable: bool,
}

impl<M: From<News>> Reader<M> {
    async fn run(&mut self) -> Result<std::convert::Infallible, Gone> {
        loop {
            let wanted = open(&self.scope.borrow_and_update());
            let Some(wanted) = wanted else {
                self.scope.changed().await.map_err(|_| Gone)?;
                continue;
            };
            let client = self.shared.client().await?;
            match self.read(&client, &wanted).await? {
                End::Closed => {}
                End::Failed(error) => self.failed(error).await?,
            }
        }
    }

    async fn failed(&mut self, error: Error) -> Result<(), Gone> {
        if error.trouble().is_some_and(|trouble| trouble.is_passing()) {
            self.shared.doubt();
        } else {
            self.unreadable = true;
            let why = crate::sanitize::line(&crate::error::Error::from(error).sentence());
            self.shared.tell(News::Unreadable { what: WHAT, why }).await?;
        }
        tokio::time::sleep(RETRY).await;
        Ok(())
    }

    async fn tell(&mut self, open: &Open, part: LogPart, records: Vec<Record>) -> Result<(), Gone> {
        if std::mem::take(&mut self.unreadable) {
            self.shared.tell(News::Readable { what: WHAT }).await?;
        }
        self.shared.tell(News::Logs(LogBatch { opening: open.opening, part, records })).await
    }

    /// Opens a log and follows it until it is closed.
    async fn read(&mut self, client: &Client, open: &Open) -> Result<End, Gone> {
        let mut listed = self.shared.agents.subscribe();
        let now = Arc::clone(&listed.borrow_and_update());
        let (wanted, agents) = match sources(client, &open.scope, &now).await {
            Ok(found) => found,
            Err(error) => return Ok(End::Failed(error)),
        };
        let mut backwards = Backwards::new(&agents, wanted.clone());
        let backlog = match backwards.take(client, BACKLOG).await {
            Ok((records, _)) => records,
            Err(error) => return Ok(End::Failed(error)),
        };
        self.tell(open, LogPart::Backlog, backlog).await?;
        let positions = backwards.ends();
        let mut log = Log { client, open, wanted, positions, backwards };
        let mut listener = None;
        loop {
            if let Some(end) = self.follow(&mut log, &mut listener, &mut listed).await? {
                return Ok(end);
            }
        }
    }

    /// Waits for lines, for another scope, for new agents, or until an older page is asked for.
    async fn follow(
        &mut self,
        log: &mut Log<'_>,
        listener: &mut Option<Listener>,
        listed: &mut watch::Receiver<Arc<Vec<AgentId>>>,
    ) -> Result<Option<End>, Gone> {
        let lines = tokio::select! {
            lines = log.next(listener) => lines,
            changed = self.scope.changed() => {
                changed.map_err(|_| Gone)?;
                let same = open(&self.scope.borrow_and_update()).as_ref() == Some(log.open);
                return Ok((!same).then_some(End::Closed));
            }
            Ok(()) = listed.changed() => {
                let now = Arc::clone(&listed.borrow_and_update());
                log.add(&now);
                return Ok(None);
            }
            Some(asked) = self.older.recv() => return self.older_page(log, &asked).await,
        };
        match lines {
            Ok(records) if records.is_empty() => Ok(None),
            Ok(records) => {
                let many = records.len() >= MANY;
                self.tell(log.open, LogPart::Live, records).await?;
                if !many {
                    tokio::time::sleep(TOGETHER).await;
                }
                Ok(None)
            }
            Err(error) => Ok(Some(End::Failed(error))),
        }
    }

    async fn older_page(&mut self, log: &mut Log<'_>, asked: &OlderLogs) -> Result<Option<End>, Gone> {
        if asked.opening != log.open.opening {
            return Ok(None);
        }
        match log.backwards.take(log.client, asked.count.min(OLDER)).await {
            Ok((records, is_beginning)) => {
                self.tell(log.open, LogPart::Older { is_beginning }, records).await?;
                Ok(None)
            }
            Err(error) => Ok(Some(End::Failed(error))),
        }
    }
}

/// A log that is open.
struct Log<'a> {
    client: &'a Client,
    open: &'a Open,
    wanted: Wanted,
    positions: Vec<(AgentId, StreamPosition)>,
    backwards: Backwards,
}

impl Log<'_> {
    /// The lines that come next.
    async fn next(&mut self, listener: &mut Option<Listener>) -> Result<Vec<Record>, Error> {
        if self.positions.is_empty() {
            // Nobody is there yet; the list of agents tells when.
            std::future::pending::<()>().await;
        }
        let listener = match listener {
            Some(listener) => listener,
            None => listener.insert(self.client.listener().await?),
        };
        let mut lines = listener.logs(&mut self.positions, WAIT_MS).await?;
        lines.retain(|(_, line)| self.wanted.includes(line));
        lines.sort_by_key(|(_, line)| time(line));
        Ok(lines.into_iter().map(|(agent, line)| record(agent, line)).collect())
    }

    /// Follows agents that came since from their first line.
    fn add(&mut self, listed: &[AgentId]) {
        let meant = |agent: &&AgentId| match &self.open.scope {
            LogScope::All | LogScope::Goal(_) | LogScope::Task(_) => true,
            LogScope::Role(role) => agent.role() == *role,
            LogScope::Agent(one) => *agent == one,
        };
        let known: std::collections::HashSet<AgentId> =
            self.positions.iter().map(|(agent, _)| agent.clone()).collect();
        let new = listed.iter().filter(meant).filter(|agent| !known.contains(*agent));
        let new: Vec<(AgentId, StreamPosition)> =
            new.map(|agent| (agent.clone(), "0-0".to_owned())).collect();
        self.positions.extend(new);
    }
}
