//! Faults as a tool: a fleet of real processes on a real Redis, hit again and again at random from a seed,
//! and afterwards every rule of the engine checked on the event stream.
//!
//! A run has two rounds of the same load: one undisturbed, one with troubles. Whoever is killed is started
//! again, as a supervisor would; Redis comes back with its append-only file.

pub mod audit;
pub mod cast;
pub mod gate;
pub mod history;
pub mod leftovers;
pub mod load;
pub mod pickup;
pub mod replay;
pub mod report;
pub mod round;
pub mod rules;
pub mod submit;
pub mod trouble;

#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::Result;

use cast::{Fsync, Programs, Size};
use report::Report;
use round::Round;
use trouble::{Kind, Weather};

/// What a run is to be like.
#[derive(Debug, Clone)]
pub struct Options {
    /// What load and troubles are made from.
    pub seed: u64,
    /// How many tasks there are at least; some ask for more.
    pub tasks: usize,
    /// How many processes.
    pub size: Size,
    /// The time between two troubles.
    pub every: Duration,
    /// What may happen.
    pub kinds: Vec<Kind>,
    /// The length of a lease.
    pub lease: Duration,
    /// When Redis writes.
    pub fsync: Fsync,
    /// The programs.
    pub programs: Programs,
}

impl Options {
    /// A run of a quarter of a minute, for tests.
    #[must_use]
    pub fn short(seed: u64, programs: Programs) -> Self {
        Self {
            seed,
            tasks: 400,
            size: Size { workers: 8, masters: 2 },
            every: Duration::from_millis(600),
            kinds: Kind::ALL.to_vec(),
            lease: Duration::from_secs(2),
            fsync: Fsync::EverySecond,
            programs,
        }
    }

    /// The bar's run: ten thousand tasks, a trouble every second.
    #[must_use]
    pub fn long(seed: u64, programs: Programs) -> Self {
        Self {
            tasks: 10_000,
            size: Size { workers: 8, masters: 3 },
            every: Duration::from_secs(1),
            lease: Duration::from_secs(3),
            ..Self::short(seed, programs)
        }
    }

    /// Troubles of these kinds, as the options have it.
    fn weather(&self, kinds: &[Kind]) -> Weather {
        Weather { seed: self.seed, every: self.every, kinds: kinds.to_vec(), lease: self.lease }
    }
}

/// Runs both rounds and judges them.
///
/// # Errors
/// When the processes can't be started, or Redis can't be read in the end. A rule that was broken is no
/// error: it stands in the report.
pub async fn run(options: &Options) -> Result<Report> {
    let calm = Round::play(options, &options.weather(&[])).await?;
    let troubled = Round::play(options, &options.weather(&options.kinds)).await?;
    Ok(Report::of(options, calm, troubled))
}
