//! How long the tasks of killed agents lay about: from the kill to the lease's end, and to the next attempt.

use std::time::Duration;

use codegod_protocol::id::{AgentId, TaskId};

use super::cast::Part;
use super::history::History;
use super::rules::{Breaks, Rule};
use super::trouble::{Kind, Trouble, Whom};

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

/// A task whose agent was killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The task.
    pub task: TaskId,
    /// The attempt that died.
    pub attempt: u32,
    /// Its agent.
    pub agent: AgentId,
    /// The kill, Unix time in milliseconds.
    pub killed_ms: u64,
    /// When it was taken from the dead agent.
    pub freed_ms: Option<u64>,
    /// When the next attempt began.
    pub claimed_ms: Option<u64>,
    /// Its goal was paused or cancelled, so that nobody was to pick it up.
    pub unwanted: bool,
    /// How many other tasks of its role were claimed between those two moments.
    pub overtaken: u32,
    /// What other troubles excuse.
    pub excused: Duration,
}

impl Orphan {
    /// From the kill to the next attempt, in milliseconds.
    #[must_use]
    pub fn waited_ms(&self) -> Option<u64> {
        Some(self.claimed_ms?.saturating_sub(self.killed_ms))
    }
}

/// Every task that an agent held when it was killed.
#[must_use]
pub fn orphans(history: &History, troubles: &[Trouble], lease: Duration) -> Vec<Orphan> {
    let kills = troubles.iter().filter(|trouble| trouble.kind == Kind::Kill);
    let kills = kills.filter_map(|trouble| Some((trouble.agent.clone()?, trouble.from_ms)));
    let mut orphans: Vec<Orphan> =
        kills.flat_map(|(agent, killed_ms)| orphans_of(history, &agent, killed_ms)).collect();
    for orphan in &mut orphans {
        orphan.excused = orphan.claimed_ms.map_or(Duration::ZERO, |ms| excuse(troubles, orphan, ms, lease));
    }
    orphans
}

fn orphans_of(history: &History, agent: &AgentId, killed_ms: u64) -> Vec<Orphan> {
    let name = agent.to_string();
    let claims = history
        .events
        .iter()
        .enumerate()
        .filter(|(_, happening)| happening.event.kind == "task_claimed" && happening.event.who == name);
    claims.filter_map(|(at, _)| orphan(history, at, agent, killed_ms)).collect()
}

/// What became of the claim at that place, if its agent was killed before it ended.
fn orphan(history: &History, at: usize, agent: &AgentId, killed_ms: u64) -> Option<Orphan> {
    let claim = &history.events[at].event;
    let task = claim.task.clone()?;
    let mut orphan = Orphan {
        attempt: claim.attempt?,
        agent: agent.clone(),
        killed_ms,
        freed_ms: None,
        claimed_ms: None,
        unwanted: false,
        overtaken: 0,
        excused: Duration::ZERO,
        task,
    };
    let role = agent.role();
    for happening in &history.events[at + 1..] {
        let (event, at_ms) = (&happening.event, happening.at_ms);
        let same = event.task.as_ref() == Some(&orphan.task);
        match event.kind.as_str() {
            "lease_expired" | "attempt_released" if same => orphan.freed_ms = Some(at_ms),
            "task_claimed" if same => {
                orphan.claimed_ms = Some(at_ms);
                break;
            }
            "task_claimed" if orphan.freed_ms.is_some() => {
                let theirs = event.who.parse::<AgentId>().is_ok_and(|who| who.role() == role);
                orphan.overtaken += u32::from(theirs);
            }
            "goal_paused" | "goal_cancelled" if event.goal.as_ref() == Some(orphan.task.goal()) => {
                orphan.unwanted = true;
                break;
            }
            "task_succeeded"
            | "attempt_failed"
            | "task_needs_follow_up"
            | "task_failed"
            | "task_cancelled"
                if same =>
            {
                // It was finished before the kill, or cancelled.
                orphan.unwanted = event.kind == "task_cancelled" || orphan.freed_ms.is_some();
                if !orphan.unwanted {
                    return None;
                }
                break;
            }
            _ => {}
        }
    }
    // What was taken from it while it lived was none of the kill's.
    orphan.freed_ms.is_none_or(|freed| freed >= killed_ms).then_some(orphan)
}

/// Judges them: the next attempt begins within one and a half leases, as long as Redis is there and an agent
/// of the role is well.
#[must_use]
pub fn judge(orphans: &[Orphan], lease: Duration) -> Breaks {
    let mut breaks = Breaks::default();
    for orphan in orphans.iter().filter(|orphan| !orphan.unwanted) {
        let Some(claimed) = orphan.claimed_ms else {
            breaks.add(Rule::PickedUp, format!("{} of {} never was", orphan.task, orphan.agent));
            continue;
        };
        let limit = lease * 3 / 2 + SLACK + orphan.excused;
        let waited = Duration::from_millis(claimed.saturating_sub(orphan.killed_ms));
        breaks.unless(waited <= limit, Rule::PickedUp, || {
            let freed = orphan.freed_ms.map(|freed| freed.saturating_sub(orphan.killed_ms));
            format!(
                "{} of {} after {waited:?}, {freed:?} ms of that until it was free, overtaken {} times; \
                 {limit:?} were allowed",
                orphan.task, orphan.agent, orphan.overtaken
            )
        });
    }
    breaks
}

/// What is added to the limit: the time in which Redis was in trouble, and a lease after it, as everybody may
/// renew again before leases count as run out; and in which another agent of the role was.
fn excuse(troubles: &[Trouble], orphan: &Orphan, claimed_ms: u64, lease: Duration) -> Duration {
    let grace = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
    let role = orphan.agent.role();
    let mut spans: Vec<(u64, u64)> = troubles
        .iter()
        .filter_map(|trouble| match (trouble.whom, trouble.part) {
            (Whom::Redis, _) => Some((trouble.from_ms, trouble.till_ms.saturating_add(grace))),
            (_, Some(Part::Worker(of))) if of == role && trouble.agent.as_ref() != Some(&orphan.agent) => {
                Some((trouble.from_ms, trouble.till_ms))
            }
            _ => None,
        })
        .collect();
    spans.sort_unstable();
    let (mut excused, mut seen_ms) = (0, orphan.killed_ms);
    for (from, till) in spans {
        let (from, till) = (from.max(seen_ms), till.min(claimed_ms));
        if from < till {
            excused += till - from;
            seen_ms = till;
        }
    }
    Duration::from_millis(excused)
}
