//! Logs of many agents read backwards as one, in order of time: page by page of each, merged.

use std::collections::{BinaryHeap, VecDeque};

use codegod_protocol::client::{Client, Error, LogLine, StreamPosition};
use codegod_protocol::id::AgentId;
use futures_util::future::try_join_all;

use super::lines::{Wanted, record, time};
use crate::console::logs::Record;

/// The smallest and the largest page that is read of one log.
const SMALLEST_PAGE: usize = 20;
const LARGEST_PAGE: usize = 1_000;
/// How many lines are looked through for those that are wanted, at one asking.
const MOST: usize = 200_000;

/// A log on its way backwards.
struct Source {
    agent: AgentId,
    /// Where the next page ends; `+` is the log's end.
    before: StreamPosition,
    /// The newest line there was at the start.
    end: Option<StreamPosition>,
    /// Lines that were read and not taken, the oldest first.
    page: VecDeque<LogLine>,
    /// Whether nothing older is left.
    ended: bool,
}

/// The logs of several agents, backwards.
pub(super) struct Backwards {
    sources: Vec<Source>,
    wanted: Wanted,
}

impl Backwards {
    /// From the ends of the logs of `agents`.
    pub(super) fn new(agents: &[AgentId], wanted: Wanted) -> Self {
        let source = |agent: &AgentId| Source {
            agent: agent.clone(),
            before: "+".to_owned(),
            end: None,
            page: VecDeque::new(),
            ended: false,
        };
        Self { sources: agents.iter().map(source).collect(), wanted }
    }

    /// The next `count` lines back in time, the oldest first, and whether nothing older is left.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub(super) async fn take(&mut self, client: &Client, count: usize) -> Result<(Vec<Record>, bool), Error> {
        let page = (2 * count / self.sources.len().max(1)).clamp(SMALLEST_PAGE, LARGEST_PAGE);
        let (mut records, mut looked) = (Vec::with_capacity(count), 0);
        // The newest line of each log; a log without one is read on before anything older is taken.
        let mut heads: BinaryHeap<((u64, u64), usize)> = BinaryHeap::new();
        let mut unread: Vec<usize> = (0..self.sources.len()).collect();
        while records.len() < count && looked < MOST {
            looked += self.read_on(client, &unread, page).await?;
            heads.extend(unread.drain(..).filter_map(|at| Some((self.head(at)?, at))));
            let Some((_, at)) = heads.pop() else { break };
            let Some(source) = self.sources.get_mut(at) else { continue };
            let Some(line) = source.page.pop_back() else { continue };
            if self.wanted.includes(&line) {
                records.push(record(source.agent.clone(), line));
            }
            match self.head(at) {
                Some(head) => heads.push((head, at)),
                None => unread.push(at),
            }
        }
        records.reverse();
        let ended = self.sources.iter().all(|source| source.ended && source.page.is_empty());
        Ok((records, ended))
    }

    /// Where to follow each log from: after the newest line that was seen.
    pub(super) fn ends(&self) -> Vec<(AgentId, StreamPosition)> {
        let end = |source: &Source| source.end.clone().unwrap_or_else(|| "0-0".to_owned());
        self.sources.iter().map(|source| (source.agent.clone(), end(source))).collect()
    }

    fn head(&self, at: usize) -> Option<(u64, u64)> {
        self.sources.get(at)?.page.back().map(time)
    }

    /// Reads the next page of the logs that have none left, all in one round trip.
    async fn read_on(&mut self, client: &Client, which: &[usize], page: usize) -> Result<usize, Error> {
        let open: Vec<usize> = which
            .iter()
            .copied()
            .filter(|at| self.sources.get(*at).is_some_and(|source| source.page.is_empty() && !source.ended))
            .collect();
        if open.is_empty() {
            return Ok(0);
        }
        let sources = open.iter().filter_map(|at| self.sources.get(*at));
        let pages = try_join_all(sources.map(|one| client.log_before(&one.agent, &one.before, page))).await?;
        let mut read = 0;
        for (at, lines) in open.into_iter().zip(pages) {
            let Some(source) = self.sources.get_mut(at) else { continue };
            read += lines.len();
            let (from, _) = self.wanted.span;
            // Everything older was written before what is wanted began.
            let too_old = lines.first().is_some_and(|line| time(line).0 < from);
            source.ended = lines.len() < page || too_old;
            if source.end.is_none() {
                source.end = lines.last().map(|line| line.position.clone());
            }
            if let Some(first) = lines.first() {
                source.before.clone_from(&first.position);
            }
            source.page = lines.into();
        }
        Ok(read)
    }
}
