//! What an agent does with the tasks it claims: the seam between the agent (claims, leases, publishing,
//! pulse) and the work (Docker, or nothing at all in fault tests and benchmarks).

use std::sync::Arc;

use codegod_protocol::agent::{ContainerUse, Phase};
use codegod_protocol::client::{Claimed, Client, now_ms};
use codegod_protocol::id::{AgentId, TaskId};
use codegod_protocol::memory::Memory;
use codegod_protocol::result::{ResourceUsage, ResultStatus, TaskResult};
use tokio::sync::{Mutex, watch};

use crate::settings::Settings;
use crate::stop::{Cut, Stop};

/// The agent that an executor works for, and what the two share.
#[derive(Clone)]
pub struct Workplace {
    /// The agent.
    pub agent: AgentId,
    /// Its settings.
    pub settings: Settings,
    /// Redis.
    pub client: Client,
    /// What the agent knows. Whoever changes it stores it.
    pub memory: Arc<Mutex<Memory>>,
    /// What the agent is doing, for its status.
    pub phase: watch::Sender<Phase>,
    /// What its containers use at present, for its status.
    pub container: watch::Sender<Option<ContainerUse>>,
}

/// Does the tasks that an agent claims, one at a time.
pub trait Executor: Send + Sync + 'static {
    /// Leave to work on one task. The agent holds it until the attempt has ended, and drops it when there
    /// was no task.
    type Place: Send;

    /// Works on a task until it is done, or soon after `stop` was cut. Publishes nothing: the agent does.
    fn attempt(&self, claimed: Claimed, stop: Stop) -> impl Future<Output = Ending> + Send;

    /// Whether a task could be worked on now. Asked before every claim, so it must be cheap, and it may be
    /// dropped when it takes too long.
    ///
    /// # Errors
    /// What is waited for, a clause for people, details after a colon: "waiting for Docker: the daemon does
    /// not answer".
    fn admission(&self) -> impl Future<Output = Result<Self::Place, String>> + Send;

    /// Ends what it keeps running and waits, within bounds, for what is still being cleared away. The
    /// agent claims nothing more.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// How an attempt ended.
#[derive(Debug)]
pub enum Ending {
    /// With a result to publish.
    Result(Box<TaskResult>),
    /// Through no fault of its task: it is handed back and does not count.
    HandedBack(HandBack),
    /// Somebody else has the task, or its goal was cancelled: nothing is published.
    ThrownAway,
}

impl Ending {
    /// What an attempt that was cut comes to; none when it is to publish a failure, because its task took
    /// longer than it may.
    #[must_use]
    pub const fn of_cut(cut: Cut) -> Option<Self> {
        match cut {
            Cut::LeaseLost => Some(Ending::ThrownAway),
            Cut::Paused => Some(Ending::HandedBack(HandBack::Paused)),
            Cut::Shutdown => Some(Ending::HandedBack(HandBack::Shutdown)),
            Cut::Deadline => None,
        }
    }
}

/// Why an attempt is handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandBack {
    /// Its agent ends.
    Shutdown,
    /// Its goal or the fleet was paused.
    Paused,
    /// The Docker daemon is away.
    DockerAway,
    /// It was brought to an idle agent whose host has no room for it any more.
    NoRoom,
}

impl HandBack {
    /// The reason for people.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            HandBack::Shutdown => "its agent ends",
            HandBack::Paused => "it was paused",
            HandBack::DockerAway => "Docker is away",
            HandBack::NoRoom => "its agent's host has no room for it",
        }
    }
}

/// The result of an attempt that came to nothing, with the reason for people.
#[must_use]
pub fn failure(
    agent: &AgentId,
    task: TaskId,
    attempt: u32,
    status: ResultStatus,
    error: String,
) -> TaskResult {
    TaskResult {
        task,
        attempt,
        agent: agent.clone(),
        status,
        outputs: None,
        evidence: Vec::new(),
        verdict: None,
        started_ms: now_ms(),
        seconds: 0.0,
        usage: ResourceUsage::default(),
        tests: None,
        error: Some(error),
        next_steps: Vec::new(),
        diagnoses: Vec::new(),
    }
}
