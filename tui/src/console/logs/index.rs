//! Which lines of a ring count for a filter or a search. The newest are looked at first, a bounded number
//! of them at a time, so that a key never waits for a hundred thousand lines.

use std::collections::VecDeque;

use super::record::{Line, Number};
use super::ring::Ring;

/// How much is looked at in one go: a line costs one and one more for each of these bytes.
const BYTES_PER_COST: usize = 32;

/// The lines that count, among those that were looked at.
#[derive(Debug)]
pub(super) struct Index {
    hits: VecDeque<Number>,
    /// What was looked at: from here …
    low: Number,
    /// … up to, without, here.
    high: Number,
}

impl Index {
    /// Nothing was looked at yet.
    pub(super) fn new(ring: &Ring) -> Self {
        Self { hits: VecDeque::new(), low: ring.end(), high: ring.end() }
    }

    /// Looks at lines that were not looked at yet, at most for that cost. What is left of it is returned.
    pub(super) fn work(
        &mut self,
        ring: &Ring,
        counts: impl Fn(&Line<'_>) -> bool,
        mut budget: usize,
    ) -> usize {
        self.forget(ring);
        while self.high < ring.end() && budget > 0 {
            self.look(ring, self.high, &counts, &mut budget, VecDeque::push_back);
            self.high = self.high.plus(1);
        }
        while self.low > ring.first() && budget > 0 {
            self.low = self.low.minus(1);
            self.look(ring, self.low, &counts, &mut budget, VecDeque::push_front);
        }
        budget
    }

    fn look(
        &mut self,
        ring: &Ring,
        number: Number,
        counts: impl Fn(&Line<'_>) -> bool,
        budget: &mut usize,
        add: impl Fn(&mut VecDeque<Number>, Number),
    ) {
        let Some(line) = ring.line(number) else { return };
        *budget = budget.saturating_sub(1 + line.text.len() / BYTES_PER_COST);
        if counts(&line) {
            add(&mut self.hits, number);
        }
    }

    /// Lets go of lines that the ring does not hold any more.
    pub(super) fn forget(&mut self, ring: &Ring) {
        let first = ring.first();
        while self.hits.front().is_some_and(|hit| *hit < first) {
            self.hits.pop_front();
        }
        self.low = self.low.max(first);
        self.high = self.high.max(first);
    }

    /// Whether all lines were looked at.
    pub(super) fn is_done(&self, ring: &Ring) -> bool {
        self.low <= ring.first() && self.high >= ring.end()
    }

    /// Whether all lines from `number` on were looked at.
    pub(super) fn reaches(&self, number: Number) -> bool {
        self.low <= number
    }

    /// How much of the ring was looked at, in per cent.
    pub(super) fn percent(&self, ring: &Ring) -> u64 {
        let all = ring.len().max(1) as u64;
        (self.high.since(self.low) * 100 / all).min(99)
    }

    /// How many count, as far as is known.
    pub(super) fn len(&self) -> usize {
        self.hits.len()
    }

    /// How many of those come before `number`.
    pub(super) fn before(&self, number: Number) -> usize {
        self.hits.partition_point(|hit| *hit < number)
    }

    /// The first that counts, from `number` on.
    pub(super) fn at_or_after(&self, number: Number) -> Option<Number> {
        self.hits.get(self.before(number)).copied()
    }

    /// The last that counts before `number`.
    pub(super) fn last_before(&self, number: Number) -> Option<Number> {
        self.hits.get(self.before(number).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::logs::record::{Level, Record};
    use crate::console::logs::ring::Limits;

    fn push(ring: &mut Ring, range: std::ops::Range<u64>) {
        let agent: codegod_protocol::id::AgentId = "testing-7k2m9q".parse().unwrap();
        let record = |ms: u64| Record {
            agent: agent.clone(),
            task: None,
            level: Level::Output,
            ms,
            text: format!("line {ms}"),
        };
        ring.push(range.map(record), |_| {});
    }

    fn hits(index: &Index, ring: &Ring) -> Vec<u64> {
        index.hits.iter().filter_map(|hit| ring.line(*hit)).map(|line| line.ms).collect()
    }

    #[test]
    fn the_newest_lines_are_looked_at_first_and_each_step_is_bounded() {
        let mut ring = Ring::new(Limits { lines: 5_000, bytes: 1 << 20 });
        push(&mut ring, 0..1_000);
        let mut index = Index::new(&ring);
        let counts = |line: &Line<'_>| line.ms.is_multiple_of(100);
        assert_eq!(index.work(&ring, counts, 250), 0);
        assert_eq!(hits(&index, &ring), [800, 900]);
        assert!(!index.is_done(&ring));
        assert_eq!(index.percent(&ring), 25);
        push(&mut ring, 1_000..1_101);
        while !index.is_done(&ring) {
            index.work(&ring, counts, 250);
        }
        assert_eq!(hits(&index, &ring), (0..=11).map(|n| n * 100).collect::<Vec<_>>());
    }

    #[test]
    fn lines_that_went_do_not_count() {
        let mut ring = Ring::new(Limits { lines: 640, bytes: 1 << 20 });
        push(&mut ring, 0..600);
        let mut index = Index::new(&ring);
        let counts = |line: &Line<'_>| line.ms.is_multiple_of(100);
        index.work(&ring, counts, usize::MAX);
        push(&mut ring, 600..900);
        index.work(&ring, counts, usize::MAX);
        assert_eq!(hits(&index, &ring), [300, 400, 500, 600, 700, 800]);
        assert!(index.is_done(&ring));
    }
}
