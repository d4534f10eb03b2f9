//! What a run says in the end.

use std::fmt;
use std::time::Duration;

use codegod_protocol::client::PLANNING_LEASE_MS;

use super::Options;
use super::cast::Part;
use super::pickup::Orphan;
use super::round::Round;
use super::rules::{Breaks, Rule};
use super::trouble::{Kind, Trouble};

/// How many times the undisturbed time may be taken, besides a lease for each kill.
const TIMES: u32 = 2;

/// Both rounds, judged.
#[derive(Debug)]
pub struct Report {
    options: Options,
    calm: Round,
    troubled: Round,
    late: Breaks,
}

impl Report {
    /// Judges two rounds of one load.
    #[must_use]
    pub fn of(options: &Options, calm: Round, troubled: Round) -> Self {
        let mut report = Self { options: options.clone(), calm, troubled, late: Breaks::default() };
        let (took, allowed) = (report.troubled.took, report.allowed());
        let mut late = Breaks::default();
        late.unless(took <= allowed, Rule::InTime, || format!("{took:.1?}, and {allowed:.1?} were allowed"));
        report.late = late;
        report
    }

    /// How long the second round may take: twice the first, and a lease for each kill; a master's is its lease
    /// on what it plans, and so is what one that was stopped or cut off may have held.
    fn allowed(&self) -> Duration {
        let planning = Duration::from_millis(PLANNING_LEASE_MS);
        let is_master = |trouble: &&Trouble| trouble.part == Some(Part::Master);
        let (kills, others): (Vec<&Trouble>, Vec<&Trouble>) =
            self.troubled.troubles.iter().partition(|trouble| trouble.kind == Kind::Kill);
        let lease = |kill: &&Trouble| if is_master(kill) { planning } else { self.options.lease };
        let held = if others.iter().any(is_master) { planning } else { Duration::ZERO };
        self.calm.took * TIMES + kills.iter().map(lease).sum::<Duration>() + held
    }

    /// Whether every rule was kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.calm.breaks.iter().chain(&self.troubled.breaks).chain([&self.late]).all(Breaks::is_empty)
    }

    /// The troubles, by whom they hit and what they were.
    fn troubles(&self) -> String {
        let row = |who: &str| {
            let counts = Kind::ALL.map(|kind| {
                let hit = |trouble: &&Trouble| trouble.kind == kind && trouble.name.starts_with(who);
                format!("{} {}", self.troubled.troubles.iter().filter(hit).count(), kind.name())
            });
            format!("{who}: {}", counts.join(", "))
        };
        ["worker", "master", "redis"].map(row).join("; ")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { seed, tasks, size, lease, every, fsync, .. } = &self.options;
        writeln!(
            f,
            "seed {seed}: {tasks} tasks, {} workers, {} masters, a lease of {lease:?}, a trouble every {every:?}, \
             appendfsync {}",
            size.workers,
            size.masters,
            fsync.name()
        )?;
        for (name, round) in [("undisturbed", &self.calm), ("disturbed", &self.troubled)] {
            let count = |kind: &str| round.replay.counts.get(kind).copied().unwrap_or(0);
            writeln!(
                f,
                "{name}: {:.1?}; {} claimed, {} succeeded, {} leases ran out, {} handed back, {} publishes \
                 refused, {} times a plan grew, {} goals planned",
                round.took,
                count("task_claimed"),
                count("task_succeeded"),
                count("lease_expired"),
                count("attempt_released"),
                count("publish_refused"),
                count("plan_grown"),
                count("goal_running") + count("goal_blocked"),
            )?;
            write!(f, "{}", Listed(&round.breaks))?;
        }
        writeln!(f, "troubles: {}", self.troubles())?;
        let forgotten = self.troubled.forgotten.len();
        writeln!(
            f,
            "goals that a killed Redis had forgotten to have accepted, submitted again: {forgotten}"
        )?;
        writeln!(f, "tasks of killed agents: {}", waits(&self.troubled.orphans))?;
        let (calm, troubled) = (self.calm.took.as_secs_f64(), self.troubled.took.as_secs_f64());
        let word = if self.late.is_empty() { "ok" } else { "BROKEN" };
        writeln!(
            f,
            "time: {:.2} × undisturbed; {:.1?} allowed (2 × undisturbed and a lease for each kill): {word}",
            troubled / calm.max(0.001),
            self.allowed()
        )?;
        write!(f, "{}", if self.is_good() { "every rule was kept" } else { "RULES WERE BROKEN" })
    }
}

/// Breaks of several kinds as one list.
struct Listed<'a>(&'a [Breaks]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Breaks::default();
        self.0.iter().for_each(|breaks| all.extend(breaks));
        write!(f, "{all}")
    }
}

/// How long they waited, those whom nothing else delayed apart: how many, the median and the longest.
fn waits(orphans: &[Orphan]) -> String {
    let told = |delayed: bool| {
        let some = orphans.iter().filter(|orphan| !orphan.unwanted && orphan.excused.is_zero() != delayed);
        let mut waits: Vec<u64> = some.filter_map(Orphan::waited_ms).collect();
        waits.sort_unstable();
        match (waits.get(waits.len() / 2), waits.last()) {
            (Some(median), Some(longest)) => {
                format!("{} taken up after {median} ms (median), {longest} ms (longest)", waits.len())
            }
            _ => "none".to_owned(),
        }
    };
    format!("{}; where Redis or others of the role were in trouble, too: {}", told(false), told(true))
}
