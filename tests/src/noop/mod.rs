//! Tasks that do nothing, or sleep: what faults and benchmarks give to the real agent loop.
//!
//! A task says in its metadata what happens: `sleep_ms` is how long an attempt takes (nothing at once),
//! `fail` the attempts that fail (`"1,3"`), `ask` those that ask for two more tasks to be done first.

pub mod process;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use codegod_protocol::agent::Phase;
use codegod_protocol::client::{Claimed, now_ms};
use codegod_protocol::evidence::Evidence;
use codegod_protocol::id::TaskId;
use codegod_protocol::result::{Outputs, ResultStatus, TaskResult};
use codegod_protocol::task::Task;
use codegod_worker::executor::{Ending, Executor, Workplace};
use codegod_worker::stop::Stop;
use sha2::{Digest, Sha256};

/// The metadata that says how long an attempt takes, in milliseconds.
pub const SLEEP_MS: &str = "sleep_ms";
/// The metadata that lists the attempts that fail, with commas between.
pub const FAIL: &str = "fail";
/// The metadata that lists the attempts that ask for two more tasks, the second of which needs the first.
pub const ASK: &str = "ask";
/// The number of the first of them, as far as the task that asks knows; a master gives them others.
const FIRST_ASKED: u32 = 1_000_000;

/// Works on tasks by sleeping as long as they say.
pub struct Noop {
    workplace: Workplace,
}

impl Noop {
    /// For an agent.
    #[must_use]
    pub fn new(workplace: Workplace) -> Self {
        Self { workplace }
    }
}

/// The commit that an attempt at a task publishes: made up, the same whoever makes it, and another for
/// every attempt, so that a stored result tells which attempt it is of.
#[must_use]
pub fn commit_of(task: &TaskId, attempt: u32) -> String {
    let digest = Sha256::digest(format!("{task}#{attempt}"));
    digest[..20].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a task asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    sleep: Duration,
    fails: bool,
    asks: bool,
}

impl Wish {
    fn of(task: &Task, attempt: u32) -> anyhow::Result<Self> {
        let sleep = match task.metadata.get(SLEEP_MS) {
            Some(text) => text.parse().with_context(|| format!("{SLEEP_MS}={text:?} of {}", task.id))?,
            None => 0,
        };
        let (fails, asks) = (lists(task, FAIL, attempt)?, lists(task, ASK, attempt)?);
        Ok(Self { sleep: Duration::from_millis(sleep), fails, asks })
    }
}

/// Whether that metadata of a task lists an attempt.
fn lists(task: &Task, what: &str, attempt: u32) -> anyhow::Result<bool> {
    let mut found = false;
    for text in task.metadata.get(what).into_iter().flat_map(|list| list.split(',')) {
        let number: u32 = text.trim().parse().with_context(|| format!("{what}={text:?} of {}", task.id))?;
        found |= number == attempt;
    }
    Ok(found)
}

/// What a task asks for: two tasks like itself that do nothing, one after the other.
fn asked(task: &Task) -> Vec<Task> {
    let one = |number: u32, needs: Vec<TaskId>| Task {
        id: task.goal.task(number),
        title: format!("asked for by {}", task.id),
        needs,
        metadata: Default::default(),
        ..task.clone()
    };
    let first = one(FIRST_ASKED, vec![]);
    let second = one(FIRST_ASKED + 1, vec![first.id.clone()]);
    vec![first, second]
}

impl Executor for Noop {
    type Place = ();

    async fn attempt(&self, claimed: Claimed, stop: Stop) -> Ending {
        let Claimed { task, attempt, .. } = claimed;
        let (started, started_ms) = (Instant::now(), now_ms());
        self.workplace.phase.send_replace(Phase::Acting);
        let wish = Wish::of(&task, attempt);
        let mut error = None;
        if let Ok(Wish { sleep, .. }) = wish
            && !sleep.is_zero()
            && stop.token().run_until_cancelled(tokio::time::sleep(sleep)).await.is_none()
        {
            if let Some(ending) = stop.reason().and_then(Ending::of_cut) {
                return ending;
            }
            error = Some(format!("the attempt ran past its deadline of {} s", task.deadline_seconds));
        }
        let status = match wish {
            Ok(Wish { fails, .. }) if fails || error.is_some() => {
                error.get_or_insert_with(|| format!("attempt {attempt} was to fail"));
                ResultStatus::Failed
            }
            Ok(Wish { asks: true, .. }) => ResultStatus::NeedsFollowUp,
            Ok(_) => ResultStatus::Succeeded,
            Err(unreadable) => {
                error = Some(format!("{unreadable:#}"));
                ResultStatus::FailedForGood
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        let succeeded = status == ResultStatus::Succeeded;
        let evidence = Evidence {
            command: format!("sleep for attempt {attempt} at {}", task.id),
            exit_code: i64::from(!succeeded),
            output: String::new(),
            seconds,
            environment: None,
        };
        let next_steps = if status == ResultStatus::NeedsFollowUp { asked(&task) } else { Vec::new() };
        let commit = commit_of(&task.id, attempt);
        let made = Outputs {
            commit,
            environments: Default::default(),
            images: Default::default(),
            setups: Default::default(),
        };
        Ending::Result(Box::new(TaskResult {
            task: task.id,
            attempt,
            agent: self.workplace.agent.clone(),
            status,
            outputs: succeeded.then_some(made),
            evidence: vec![evidence],
            verdict: None,
            started_ms,
            seconds,
            usage: Default::default(),
            tests: None,
            error,
            next_steps,
            diagnoses: Vec::new(),
        }))
    }

    async fn admission(&self) -> Result<(), String> {
        Ok(())
    }

    async fn close(self) {}
}
