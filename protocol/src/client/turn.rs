//! A worker's turn: publish what is done and claim what comes next, in one round trip.

use super::goals::decode_goal;
use super::{Client, Error, decode, encode, scripts};
use crate::backoff::Backoff;
use crate::goal::Goal;
use crate::id::{AgentId, GoalId, IdError, TaskId};
use crate::result::{ResultStatus, TaskResult};
use crate::task::{TASK_VERSION, Task};

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The wait after a first failed attempt; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// How many results one turn may carry, and how many tasks it may claim.
pub const MAX_BATCH: usize = 256;

/// After how long, in milliseconds, a queue is to be looked after again; and how often a worker asks whether it is.
const UPKEEP_DUE_MS: u64 = 250;
/// How many goals a worker remembers.
const MAX_KNOWN_GOALS: usize = 32;

/// Who takes a turn.
#[derive(Debug, Clone)]
pub struct Worker {
    pub(super) agent: AgentId,
    name: String,
    capabilities: String,
    /// It may stand on the list of the idle, with a task that it has not heard of.
    pub(super) idle: bool,
    /// When it last asked whether somebody looks after the queue.
    looked: Option<Instant>,
    /// Goals that it has been told of; a goal does not change.
    goals: HashMap<GoalId, Result<Goal, String>>,
}

impl Worker {
    /// A worker of the agent's role that has these capabilities.
    #[must_use]
    pub fn new(agent: &AgentId, capabilities: &[String]) -> Self {
        let capabilities = format!("+{}+", capabilities.join("+"));
        Self {
            agent: agent.clone(),
            name: agent.to_string(),
            capabilities,
            idle: true,
            looked: None,
            goals: HashMap::new(),
        }
    }

    /// What it asks of a turn besides publishing and claiming, as the script's page tells.
    fn asks(&mut self, results: &[TaskResult], wanted: usize) -> &'static str {
        let due = Duration::from_millis(UPKEEP_DUE_MS);
        let looks = self.looked.is_none_or(|looked| looked.elapsed() >= due);
        if looks {
            self.looked = Some(Instant::now());
        }
        let one_success = matches!(results, [result] if result.status == ResultStatus::Succeeded);
        match (self.idle, looks) {
            (true, true) => "idle look",
            (true, false) => "idle",
            (false, true) => "look",
            (false, false) if one_success && wanted == 1 => "steady",
            (false, false) => "",
        }
    }

    /// Forgets goals when it knows too many, but not those that it has just worked for: the script takes those for
    /// known.
    fn forget_goals(&mut self, results: &[TaskResult]) {
        if self.goals.len() > MAX_KNOWN_GOALS {
            self.goals.retain(|goal, _| results.iter().any(|result| result.task.goal() == goal));
        }
    }

    /// As the script takes them: each between spaces.
    fn known_goals(&self) -> String {
        let mut known = String::from(" ");
        for goal in self.goals.keys() {
            known.push_str(goal.as_str());
            known.push(' ');
        }
        known
    }

    /// What a bell brought: a task with its goal, as scripts write them (`lib/event.lua`); nothing when somebody
    /// merely rang.
    pub(super) fn brought(&mut self, bytes: &[u8]) -> Option<Result<Claim, Error>> {
        let at = bytes.iter().position(|byte| *byte == b'\n')?;
        let head = std::str::from_utf8(&bytes[..at]).ok()?;
        let [task, attempt, goal, length] = head.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let (json, goal_json) = bytes[at + 1..].split_at_checked(length.parse().ok()?)?;
        let [json, goal_json] = [json, goal_json].map(|json| String::from_utf8_lossy(json).into_owned());
        // Left out where the script was told that it is known.
        if !goal_json.is_empty() {
            self.learn(&[goal.to_owned(), goal_json]);
        }
        Some(claim(&[task.to_owned(), attempt.to_owned(), json], &self.goals))
    }

    /// Remembers goals: each its id and its JSON.
    fn learn(&mut self, goals: &[String]) {
        for pair in goals.chunks_exact(2) {
            if let Ok(id) = pair[0].parse() {
                self.goals.insert(id, decode_goal(&pair[1]).map_err(|error| error.to_string()));
            }
        }
    }

    /// The agent.
    #[must_use]
    pub fn agent(&self) -> &AgentId {
        &self.agent
    }
}

/// What came of a turn.
#[derive(Debug)]
pub struct Turn {
    /// For each result, in order.
    pub outcomes: Vec<PublishOutcome>,
    /// What was claimed; at most as many as wanted.
    pub claims: Vec<Claim>,
    /// Nobody has looked after the role's queue lately: call [`Client::tick`]. It is asked for a few times a second.
    pub upkeep_due: bool,
    /// The fleet is paused: nothing is handed out.
    pub paused: bool,
    /// So much stood in the way that looking was broken off: ask again at once.
    pub ask_again: bool,
}

/// What a worker got.
#[derive(Debug)]
pub enum Claim {
    /// An attempt at a task.
    Task(Box<Claimed>),
    /// An attempt at something that this worker can't read; it must be published as failed for good.
    Undecodable {
        /// The task.
        task: TaskId,
        /// The attempt that was started.
        attempt: u32,
        /// Why it can't be read.
        reason: String,
    },
}

/// An attempt at a task.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The task.
    pub task: Task,
    /// Its goal.
    pub goal: Goal,
    /// The attempt: the fencing token.
    pub attempt: u32,
}

/// What came of publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishOutcome {
    /// Stored, and everything that follows from it done; also when that was at an earlier call whose
    /// answer was lost.
    Published,
    /// The attempt does not hold its task's lease any more; nothing was changed.
    Stale,
}

/// What the script answers: one flat list, because each table in an answer costs Redis as much as a command.
struct Reply {
    upkeep_due: bool,
    paused: bool,
    ask_again: bool,
    outcomes: Vec<PublishOutcome>,
    /// Task, attempt, JSON of each.
    claims: Vec<String>,
    /// Goal, JSON of each.
    goals: Vec<String>,
}

impl Reply {
    fn read(reply: Vec<Vec<u8>>) -> Result<Self, Error> {
        let text = |bytes: Vec<u8>| match String::from_utf8(bytes) {
            Ok(text) => text,
            // What is no text can't be read as JSON later, and spoils nothing else.
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        let mut reply: Vec<String> = reply.into_iter().map(text).collect();
        let unreadable = || Error::Undecodable {
            what: "the answer to a turn".to_owned(),
            reason: format!("{:?}", reply.first()),
        };
        let head = reply.first().ok_or_else(unreadable)?;
        let mut words = head.split(' ');
        let mut next = || words.next().and_then(|word| word.parse::<u64>().ok());
        let (now, looked_after) = (next(), next());
        let Some(now) = now else { return Err(unreadable()) };
        let (Some(paused), Some(again), Some(claims)) = (next(), next(), next()) else {
            return Err(unreadable());
        };
        let claims = usize::try_from(claims).map_err(|_| unreadable())?;
        let outcome = |word| match word {
            "stale" => PublishOutcome::Stale,
            _ => PublishOutcome::Published,
        };
        let outcomes = words.map(outcome).collect();
        if reply.len() <= claims * 3 {
            return Err(unreadable());
        }
        let goals = reply.split_off(1 + claims * 3);
        let claims = reply.split_off(1);
        Ok(Self {
            upkeep_due: looked_after.is_some_and(|at| now.saturating_sub(at) > UPKEEP_DUE_MS),
            paused: paused == 1,
            ask_again: again == 1,
            outcomes,
            claims,
            goals,
        })
    }
}

impl Client {
    /// A worker's turn: publishes `results` (each commit's bundle must have been stored before) and claims
    /// up to `wanted` tasks (both at most [`MAX_BATCH`]), in one round trip. A worker that got fewer than it
    /// wanted is rung for when something comes ([`super::Listener::wait_for_bell`]).
    ///
    /// Results may be published again when an answer was lost: what is there already is not stored twice.
    ///
    /// # Errors
    /// [`Error::Redis`]; [`Error::Undecodable`] for a result that can't be written.
    pub async fn turn(
        &self,
        worker: &mut Worker,
        results: &[TaskResult],
        wanted: usize,
    ) -> Result<Turn, Error> {
        let published = results.iter().map(Published::new).collect::<Result<Vec<_>, _>>()?;
        let wanted = wanted.min(MAX_BATCH);
        worker.forget_goals(results);
        let asks = worker.asks(results, wanted);
        let reply: Vec<Vec<u8>> = self
            .script_as(&worker.name, &scripts::TURN, |s| {
                s.arg(worker.agent.role().name()).arg(&worker.capabilities);
                s.arg(wanted).arg(asks).arg(worker.known_goals());
                for (result, published) in results.iter().zip(&published) {
                    published.add_to(s, result);
                }
            })
            .await?;
        let Reply { upkeep_due, paused, ask_again, outcomes, claims, goals } = Reply::read(reply)?;
        worker.learn(&goals);
        let claims =
            claims.chunks_exact(3).map(|part| claim(part, &worker.goals)).collect::<Result<Vec<_>, _>>()?;
        if wanted > 0 {
            worker.idle = claims.len() < wanted;
        }
        Ok(Turn { outcomes, claims, upkeep_due, paused, ask_again })
    }

    /// Claims the next ready task of the worker's role, if there is one; publishes nothing.
    ///
    /// # Errors
    /// [`Error::Redis`].
    pub async fn claim(&self, worker: &mut Worker) -> Result<Option<Claim>, Error> {
        Ok(self.turn(worker, &[], 1).await?.claims.pop())
    }

    /// Publishes one attempt's result; claims nothing.
    ///
    /// # Errors
    /// [`Error::Redis`]; [`Error::Undecodable`] for a result that can't be written.
    pub async fn publish(&self, result: &TaskResult) -> Result<PublishOutcome, Error> {
        let mut worker = Worker::new(&result.agent, &[]);
        // It claims nothing, so it has nothing to do with who waits.
        worker.idle = false;
        let turn = self.turn(&mut worker, std::slice::from_ref(result), 0).await?;
        let none =
            || Error::Undecodable { what: "the answer to a publish".into(), reason: "it is empty".into() };
        turn.outcomes.first().copied().ok_or_else(none)
    }
}

/// What of a result travels beside its JSON, so that no script has to read that.
struct Published {
    json: String,
    detail: String,
}

impl Published {
    fn new(result: &TaskResult) -> Result<Self, Error> {
        let detail = if result.status == ResultStatus::Succeeded {
            success(result)?
        } else {
            let reason = result.error.as_deref().unwrap_or_else(|| result.status.name());
            format!("{} {} {reason}", result.status.name(), backoff_ms(result.attempt))
        };
        Ok(Self { json: encode("a result", result)?, detail })
    }

    fn add_to(&self, script: &mut redis::ScriptInvocation<'_>, result: &TaskResult) {
        script.arg(result.task.goal().as_str()).arg(result.task.number()).arg(result.attempt);
        script.arg(&self.detail).arg(&self.json);
    }
}

/// The event of a success; the script takes the commit out of it by `"commit":"…"`. Ids have no character that JSON
/// would want escaped.
fn success(result: &TaskResult) -> Result<String, Error> {
    let commit = result.outputs.as_ref().map_or("", |outputs| outputs.commit.as_str());
    if !commit.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let reason = format!("{commit:?} is not a commit's id");
        return Err(Error::Undecodable { what: "a result".to_owned(), reason });
    }
    let seconds = if result.seconds.is_finite() { result.seconds } else { 0.0 };
    let TaskResult { task, attempt, agent, .. } = result;
    let goal = task.goal();
    Ok(format!(
        "{{\"kind\":\"task_succeeded\",\"who\":\"{agent}\",\"goal\":\"{goal}\",\"task\":\"{task}\",\"attempt\":{attempt},\
         \"data\":{{\"seconds\":{seconds:.3},\"commit\":\"{commit}\"}}}}"
    ))
}

fn claim(part: &[String], goals: &HashMap<GoalId, Result<Goal, String>>) -> Result<Claim, Error> {
    let unreadable = |reason: String| Error::Undecodable { what: "the answer to a claim".to_owned(), reason };
    let task: TaskId = part[0].parse().map_err(|error: IdError| unreadable(error.to_string()))?;
    let attempt = part[1].parse().map_err(|_| unreadable(format!("attempt {:?}", part[1])))?;
    let goal = match goals.get(task.goal()) {
        Some(Ok(goal)) => Ok(goal.clone()),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err("its goal is gone".to_owned()),
    };
    Ok(match (decode_task(&part[2], &task), goal) {
        (Ok(task), Ok(goal)) => Claim::Task(Box::new(Claimed { task, goal, attempt })),
        (Err(error), _) => Claim::Undecodable { task, attempt, reason: error.to_string() },
        (_, Err(reason)) => Claim::Undecodable { task, attempt, reason },
    })
}

/// Reads a task that must be `id`.
pub(super) fn decode_task(json: &str, id: &TaskId) -> Result<Task, Error> {
    let task: Task = decode("a task", json)?;
    let reason = if task.version != TASK_VERSION {
        format!("version {} is not known here", task.version)
    } else if task.id != *id {
        format!("it says that it is {}", task.id)
    } else {
        return Ok(task);
    };
    Err(Error::Undecodable { what: "a task".to_owned(), reason })
}

impl Claim {
    /// The task of which it is an attempt.
    #[must_use]
    pub fn task(&self) -> &TaskId {
        match self {
            Claim::Task(claimed) => &claimed.task.id,
            Claim::Undecodable { task, .. } => task,
        }
    }
}

impl ResultStatus {
    /// The status's word, as in its JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ResultStatus::Succeeded => "succeeded",
            ResultStatus::Failed => "failed",
            ResultStatus::FailedForGood => "failed_for_good",
            ResultStatus::NeedsFollowUp => "needs_follow_up",
            ResultStatus::Blocked => "blocked",
        }
    }
}

/// Exponential, with jitter, so that tasks that failed together do not come back together.
fn backoff_ms(attempt: u32) -> u64 {
    let delay = Backoff::new(FIRST_BACKOFF, MAX_BACKOFF).after(attempt.saturating_sub(1)).next_delay();
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}
