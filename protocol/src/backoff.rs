//! The wait between two tries: doubled each time, spread by chance, capped. One for every loop that
//! waits for Redis, so that a fleet that lost it together does not come back in step.

use std::time::Duration;

use rand::Rng;

/// Counts tries and says how long to wait before the next.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    /// Waits about `first` before the second try, twice as long before each further one, never longer
    /// than `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0 }
    }

    /// How long to wait now. Each call counts a try.
    pub fn next_delay(&mut self) -> Duration {
        let delay = spread(self.full_delay(), rand::rng().random());
        self.tries = self.tries.saturating_add(1);
        delay
    }

    /// Waits; dropping the future is safe.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.next_delay()).await;
    }

    /// How many tries failed since the last [`Backoff::reset`].
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// The same after so many tries that failed.
    #[must_use]
    pub const fn after(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    /// A try succeeded: the next wait is the first again.
    pub const fn reset(&mut self) {
        self.tries = 0;
    }

    fn full_delay(&self) -> Duration {
        let factor = 2u32.saturating_pow(self.tries);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

impl Default for Backoff {
    /// From a tenth of a second to five: what waiting for Redis takes.
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(5))
    }
}

/// A delay between half of `full` and all of it; `chance` is in 0..1.
fn spread(full: Duration, chance: f64) -> Duration {
    full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_start_again_after_a_reset() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(500));
        let full: Vec<u128> = (0..5)
            .map(|_| {
                let full = backoff.full_delay();
                let delay = backoff.next_delay();
                assert!(delay >= full / 2 && delay <= full, "{delay:?} of {full:?}");
                full.as_millis()
            })
            .collect();
        assert_eq!(full, [100, 200, 400, 500, 500]);
        assert_eq!(backoff.tries(), 5);
        backoff.reset();
        assert_eq!(backoff.full_delay(), Duration::from_millis(100));
    }

    #[test]
    fn chance_spreads_a_delay_over_its_upper_half() {
        let full = Duration::from_secs(4);
        assert_eq!(spread(full, 0.0), Duration::from_secs(2));
        assert_eq!(spread(full, 0.5), Duration::from_secs(3));
        assert_eq!(spread(full, 1.0), full);
    }

    #[test]
    fn a_million_tries_wait_no_longer_than_the_longest() {
        let mut backoff = Backoff { tries: 1_000_000, ..Backoff::default() };
        assert!(backoff.next_delay() <= Duration::from_secs(5));
    }
}
