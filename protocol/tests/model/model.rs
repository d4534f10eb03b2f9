//! The model: what the engine's page promises, said as plainly as memory allows. It knows nothing of streams,
//! lists or scripts; what can be derived (what is open, what a task still waits for, whether a goal is over) is
//! derived and never counted.

use std::collections::{BTreeMap, BTreeSet};

use codegod_protocol::client::{LeaseState, PublishOutcome};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};
use codegod_protocol::result::ResultStatus;
use codegod_protocol::task::{Task, TaskState};

/// Where a task stands in its role's order, the greatest first: priority, longest path, and what it asks of an
/// agent (who can do more serves what only he can do first).
pub(crate) type Rank = (u8, u32, String);

/// Where a ready task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In its role's queue; of equals, the smallest turn is first.
    Listed { rank: Rank, turn: i64 },
    /// It waits out a backoff.
    Delayed,
    /// Its goal is paused.
    Parked,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    /// It asked for something to be done first, and nothing has been added for it yet.
    Held,
    Ready(Place),
    Running,
    Succeeded,
    Failed,
    Blocked,
    Cancelled,
}

impl State {
    pub(crate) const fn name(&self) -> TaskState {
        match self {
            State::Waiting | State::Held => TaskState::Waiting,
            State::Ready(_) => TaskState::Ready,
            State::Running => TaskState::Running,
            State::Succeeded => TaskState::Succeeded,
            State::Failed => TaskState::Failed,
            State::Blocked => TaskState::Blocked,
            State::Cancelled => TaskState::Cancelled,
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        !self.name().is_final()
    }
}

/// A task.
#[derive(Debug, Clone)]
pub(crate) struct ModelTask {
    pub(crate) task: Task,
    pub(crate) path: u32,
    pub(crate) needs: BTreeSet<TaskId>,
    /// Who needs it, in the order in which they came to.
    pub(crate) dependents: Vec<TaskId>,
    pub(crate) state: State,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    /// How often it was held.
    pub(crate) rounds: u32,
    pub(crate) agent: Option<AgentId>,
    /// When it was put into its queue, to be taken back in that order.
    pub(crate) queued: i64,
}

/// A goal.
#[derive(Debug, Clone)]
pub(crate) struct ModelGoal {
    pub(crate) state: GoalState,
    pub(crate) paused: bool,
    /// Its deadline is near.
    pub(crate) urgent: bool,
    /// How often its planning began.
    pub(crate) token: u32,
    pub(crate) tasks: Vec<TaskId>,
    /// Set aside, in order.
    pub(crate) parked: Vec<TaskId>,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) goals: BTreeMap<GoalId, ModelGoal>,
    pub(crate) tasks: BTreeMap<TaskId, ModelTask>,
    pub(crate) fleet_paused: bool,
    /// Held tasks that a master was told of.
    pub(crate) follow_ups: u64,
    /// What was counted and told.
    pub(crate) metrics: BTreeMap<&'static str, u64>,
    pub(crate) events: BTreeMap<String, u64>,
    /// How many elements of lists may be there that say nothing any more.
    pub(crate) garbage: u64,
    back: i64,
    front: i64,
}

impl Model {
    pub(crate) fn of(&self, goal: &GoalId) -> impl Iterator<Item = &ModelTask> {
        self.goals[goal].tasks.iter().map(|id| &self.tasks[id])
    }

    pub(crate) fn task(&mut self, id: &TaskId) -> &mut ModelTask {
        self.tasks.get_mut(id).expect("the model knows every task it is asked about")
    }

    pub(crate) fn goal(&mut self, id: &GoalId) -> &mut ModelGoal {
        self.goals.get_mut(id).expect("the model knows every goal it is asked about")
    }

    pub(crate) fn count(&mut self, what: &'static str, by: u64) {
        *self.metrics.entry(what).or_default() += by;
    }

    pub(crate) fn tell(&mut self, event: impl Into<String>) {
        *self.events.entry(event.into()).or_default() += 1;
    }

    /// How many of its needs a task still waits for.
    pub(crate) fn pending(&self, id: &TaskId) -> usize {
        self.tasks[id].needs.iter().filter(|need| self.tasks[need].state != State::Succeeded).count()
    }

    /// What an agent holds, in the order in which it is put back.
    pub(crate) fn held_by(&self, agent: &AgentId) -> Vec<TaskId> {
        self.running(|task| task.agent.as_ref() == Some(agent))
    }

    /// Tasks that run, later ones of a plan before earlier ones: so they stand in their order when they are put back.
    pub(crate) fn running(&self, which: impl Fn(&ModelTask) -> bool) -> Vec<TaskId> {
        let running = self.tasks.iter().filter(|(_, task)| task.state == State::Running && which(task));
        running.map(|(id, _)| id.clone()).rev().collect()
    }

    pub(crate) fn in_order(&self, which: impl Fn(&ModelTask) -> bool) -> Vec<TaskId> {
        let mut found: Vec<(i64, &TaskId)> =
            self.tasks.iter().filter(|(_, task)| which(task)).map(|(id, task)| (task.queued, id)).collect();
        found.sort();
        found.into_iter().map(|(_, id)| id.clone()).collect()
    }

    pub(crate) fn rank(&self, id: &TaskId) -> Rank {
        let ModelTask { task, path, .. } = &self.tasks[id];
        let priority = if self.goals[id.goal()].urgent { 10 } else { task.priority };
        let capabilities: BTreeSet<&str> = task.capabilities.iter().map(String::as_str).collect();
        (priority, *path, capabilities.into_iter().collect::<Vec<_>>().join("+"))
    }

    /// Behind its equals.
    pub(crate) fn enqueue(&mut self, id: &TaskId) {
        let rank = self.rank(id);
        self.back += 1;
        let turn = self.back;
        let task = self.task(id);
        task.queued = turn;
        task.state = State::Ready(Place::Listed { rank, turn });
    }

    /// Before its equals.
    fn put_back(&mut self, id: &TaskId) {
        let rank = self.rank(id);
        self.front -= 1;
        self.back += 1;
        let (turn, queued) = (self.front, self.back);
        let task = self.task(id);
        task.queued = queued;
        task.state = State::Ready(Place::Listed { rank, turn });
    }

    /// What an agent would claim next.
    pub(crate) fn next(&self, role: Role, capabilities: &[String]) -> Option<TaskId> {
        let waiting = self.tasks.iter().filter_map(|(id, task)| match &task.state {
            State::Ready(Place::Listed { rank, turn })
                if task.task.role == role
                    && task.task.capabilities.iter().all(|needed| capabilities.contains(needed)) =>
            {
                Some((rank, std::cmp::Reverse(turn), id))
            }
            _ => None,
        });
        waiting.max().map(|(_, _, id)| id.clone())
    }

    pub(crate) fn claim(
        &mut self,
        agent: &AgentId,
        capabilities: &[String],
        wanted: usize,
    ) -> Vec<(TaskId, u32)> {
        let mut claims = Vec::new();
        while claims.len() < wanted && !self.fleet_paused {
            let Some(id) = self.next(agent.role(), capabilities) else { break };
            if self.goals[id.goal()].state == GoalState::Paused {
                self.task(&id).state = State::Ready(Place::Parked);
                self.goal(id.goal()).parked.push(id);
                continue;
            }
            let task = self.task(&id);
            task.state = State::Running;
            task.attempt += 1;
            task.agent = Some(agent.clone());
            let attempt = task.attempt;
            claims.push((id, attempt));
            self.tell("task_claimed");
        }
        claims
    }

    /// Whether that agent and attempt hold the task.
    pub(crate) fn holds(&self, agent: &AgentId, id: &TaskId, attempt: u32) -> bool {
        let task = &self.tasks[id];
        task.state == State::Running && task.attempt == attempt && task.agent.as_ref() == Some(agent)
    }

    pub(crate) fn publish(
        &mut self,
        agent: &AgentId,
        id: &TaskId,
        attempt: u32,
        status: ResultStatus,
    ) -> PublishOutcome {
        if !self.holds(agent, id, attempt) {
            let task = &self.tasks[id];
            let again = task.attempt == attempt
                && task.agent.as_ref() == Some(agent)
                && (&task.state, status) == (&State::Succeeded, ResultStatus::Succeeded);
            if again {
                return PublishOutcome::Published;
            }
            self.count("stale", 1);
            self.tell("publish_refused");
            return PublishOutcome::Stale;
        }
        let last = attempt >= self.tasks[id].max_attempts;
        match status {
            ResultStatus::Succeeded => self.succeed(id),
            ResultStatus::Failed if !last => {
                self.task(id).state = State::Ready(Place::Delayed);
                self.count("retried", 1);
                self.tell("attempt_failed");
            }
            ResultStatus::Failed | ResultStatus::FailedForGood => self.give_up(id, State::Failed),
            ResultStatus::Blocked => self.give_up(id, State::Blocked),
            ResultStatus::NeedsFollowUp => {
                let task = self.task(id);
                task.state = State::Held;
                task.rounds += 1;
                task.max_attempts += 1;
                self.follow_ups += 1;
                self.tell("task_needs_follow_up");
            }
        }
        PublishOutcome::Published
    }

    fn succeed(&mut self, id: &TaskId) {
        self.task(id).state = State::Succeeded;
        self.count("succeeded", 1);
        self.tell("task_succeeded");
        for dependent in self.tasks[id].dependents.clone() {
            if self.tasks[&dependent].state == State::Waiting && self.pending(&dependent) == 0 {
                self.enqueue(&dependent);
                self.tell("task_ready");
            }
        }
    }

    /// Ends a task without success; what waits for it can't run any more.
    pub(crate) fn give_up(&mut self, id: &TaskId, state: State) {
        let word = if state == State::Failed { "failed" } else { "blocked" };
        self.task(id).state = state;
        self.count(word, 1);
        self.tell(format!("task_{word}"));
        self.cancel_dependents(id);
    }

    fn cancel_dependents(&mut self, id: &TaskId) {
        for dependent in self.tasks[id].dependents.clone() {
            if matches!(self.tasks[&dependent].state, State::Waiting | State::Held) {
                self.task(&dependent).state = State::Cancelled;
                self.count("cancelled", 1);
                self.tell("task_cancelled");
                self.cancel_dependents(&dependent);
            }
        }
    }

    pub(crate) fn renew(&self, agent: &AgentId, id: &TaskId, attempt: u32) -> LeaseState {
        if !self.holds(agent, id, attempt) {
            LeaseState::Lost
        } else if self.fleet_paused || self.goals[id.goal()].state == GoalState::Paused {
            LeaseState::Paused
        } else {
            LeaseState::Held
        }
    }

    /// Back into the queue, as if it had not been claimed.
    pub(crate) fn release(&mut self, id: &TaskId) {
        self.task(id).max_attempts += 1;
        self.put_back(id);
        self.tell("attempt_released");
    }

    /// Its agent died, or was not heard of for too long.
    pub(crate) fn lose(&mut self, id: &TaskId) {
        self.count("expired", 1);
        self.tell("lease_expired");
        let task = &self.tasks[id];
        if task.attempt >= task.max_attempts {
            self.give_up(id, State::Failed);
        } else {
            self.put_back(id);
        }
    }

    /// Goals of which nothing is open any more end.
    pub(crate) fn settle(&mut self) {
        let ids: Vec<GoalId> = self.goals.keys().cloned().collect();
        for id in ids {
            let under_way = matches!(self.goals[&id].state, GoalState::Running | GoalState::Paused);
            if !under_way || self.of(&id).any(|task| task.state.is_open()) {
                continue;
            }
            let has = |state: State| self.of(&id).any(|task| task.state == state);
            let state = if has(State::Failed) {
                GoalState::Failed
            } else if has(State::Blocked) {
                GoalState::Blocked
            } else {
                GoalState::Succeeded
            };
            self.tell(format!("goal_{}", state.name()));
            self.goal(&id).state = state;
        }
    }
}
