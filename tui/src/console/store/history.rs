//! Counts per second over the last two minutes, for sparklines.

use std::collections::VecDeque;

/// How many seconds are kept.
pub(crate) const SECONDS: usize = 120;

/// Counts per second; the newest [`SECONDS`] are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// The second, Unix time, that the last count is of.
    newest: u64,
    counts: VecDeque<u32>,
}

impl History {
    /// Counts `count` things that happened at `ms`. What is older than all that is kept counts for nothing.
    pub(crate) fn add(&mut self, ms: u64, count: u32) {
        let second = ms / 1000;
        if self.counts.is_empty() {
            self.newest = second;
            self.counts.push_back(0);
        }
        let gap = usize::try_from(second.saturating_sub(self.newest)).unwrap_or(usize::MAX);
        if gap > 0 {
            if gap >= SECONDS {
                self.counts.clear();
            }
            let zeros = gap.min(SECONDS);
            self.counts.extend(std::iter::repeat_n(0, zeros));
            let excess = self.counts.len().saturating_sub(SECONDS);
            self.counts.drain(..excess);
            self.newest = second;
        }
        let back = usize::try_from(self.newest.saturating_sub(second)).unwrap_or(usize::MAX);
        let at = self.counts.len().checked_sub(back.saturating_add(1));
        if let Some(slot) = at.and_then(|at| self.counts.get_mut(at)) {
            *slot = slot.saturating_add(count);
        }
    }

    /// The counts of the `seconds` seconds before the one that `now_ms` is in, the oldest first.
    pub(crate) fn series(&self, now_ms: u64, seconds: usize) -> Vec<u64> {
        let end = now_ms / 1000;
        let length = u64::try_from(seconds).unwrap_or(0);
        (0..length).map(|i| self.at((end + i).saturating_sub(length))).collect()
    }

    /// How many there were in the `seconds` seconds before the one that `now_ms` is in, per second.
    pub(crate) fn per_second(&self, now_ms: u64, seconds: usize) -> f64 {
        let sum: u64 = self.series(now_ms, seconds).iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "counts of two minutes stay far below 2^52")]
        let (sum, seconds) = (sum as f64, seconds.max(1) as f64);
        sum / seconds
    }

    fn at(&self, second: u64) -> u64 {
        let Some(back) = self.newest.checked_sub(second).and_then(|back| usize::try_from(back).ok()) else {
            return 0;
        };
        let at = self.counts.len().checked_sub(back.saturating_add(1));
        at.and_then(|at| self.counts.get(at)).map_or(0, |count| u64::from(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stand_in_their_seconds_and_silence_is_zero() {
        let mut history = History::default();
        history.add(10_000, 1);
        history.add(10_900, 2);
        history.add(13_100, 5);
        history.add(12_000, 1);
        assert_eq!(history.series(14_000, 5), [0, 3, 0, 1, 5]);
        assert_eq!(history.series(16_500, 4), [1, 5, 0, 0]);
        assert!((history.per_second(14_000, 4) - 2.25).abs() < 1e-9);
    }

    #[test]
    fn what_is_older_than_two_minutes_is_forgotten() {
        let mut history = History::default();
        history.add(1_000, 7);
        history.add(1_000_000, 1);
        history.add(1_000, 7);
        assert_eq!(history.series(1_001_000, SECONDS).iter().sum::<u64>(), 1);
        assert!(history.counts.len() <= SECONDS);
    }
}
