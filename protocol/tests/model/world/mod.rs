//! One life of a fleet: each operation is done to Redis through the typed client and to the model, and what
//! came of it must be the same.

mod bells;
mod plans;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use codegod_protocol::client::{Claimed, Client, Command, Error, Listener, PlanningToken, Worker};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};

use super::clock::Clock;
use super::look::Dump;
use super::model::{Model, Place, State};
use super::operations::{GoalSketch, Operation};

/// The prefix of every key.
pub(crate) const PREFIX: &str = "codegod:";

/// One of the fleet's workers.
struct Agent {
    id: AgentId,
    capabilities: Vec<String>,
    worker: Worker,
}

impl Agent {
    fn new(role: Role, capabilities: &[&str]) -> Self {
        let capabilities: Vec<String> = capabilities.iter().map(|&word| word.to_owned()).collect();
        let id = AgentId::random(role);
        Self { worker: Worker::new(&id, &capabilities), id, capabilities }
    }
}

/// A claim that was made at some time.
struct Attempt {
    claimed: Claimed,
    agent: AgentId,
}

/// The fleet, its Redis and its model.
pub(crate) struct World {
    client: Client,
    clock: Clock,
    model: Model,
    listener: Listener,
    agents: Vec<Agent>,
    attempts: Vec<Attempt>,
    /// Agents that waited to be rung for when was last looked.
    waiting: BTreeSet<AgentId>,
    /// What bells brought to agents that did not listen yet, with the attempt.
    unheard: BTreeMap<AgentId, (TaskId, u32)>,
    /// Goals in the order in which they came, what is to be planned for them, and the tokens given out.
    goals: Vec<GoalId>,
    sketches: BTreeMap<GoalId, GoalSketch>,
    tokens: BTreeMap<GoalId, Vec<PlanningToken>>,
}

impl World {
    /// A fleet that has not begun, on an empty Redis.
    pub(crate) async fn new(client: Client, clock: Clock) -> Result<Self> {
        let agents = vec![
            Agent::new(Role::Backend, &[]),
            Agent::new(Role::Backend, &["flask"]),
            Agent::new(Role::Backend, &["react", "flask"]),
            Agent::new(Role::Testing, &[]),
            Agent::new(Role::Testing, &["react"]),
        ];
        Ok(Self {
            listener: client.listener().await?,
            client,
            clock,
            model: Model::default(),
            agents,
            attempts: vec![],
            waiting: BTreeSet::new(),
            unheard: BTreeMap::new(),
            goals: vec![],
            sketches: BTreeMap::new(),
            tokens: BTreeMap::new(),
        })
    }

    /// A goal that is submitted and planned at once.
    pub(crate) async fn begin(&mut self, sketch: &GoalSketch) -> Result<()> {
        self.submit_goal(sketch).await?;
        let goal = self.goals[self.goals.len() - 1].clone();
        self.begin_planning(&goal).await?;
        self.submit_plan(&goal, false).await
    }

    /// Does one thing, and compares everything after it.
    pub(crate) async fn step(&mut self, operation: &Operation) -> Result<()> {
        self.apply(operation).await?;
        self.agree().await
    }

    /// Compares what can be seen with the model.
    pub(crate) async fn agree(&mut self) -> Result<()> {
        self.model.settle();
        self.hear().await?;
        self.clock.stop()?;
        let dump = self.clock.dump()?;
        dump.must_agree(&self.model)?;
        self.somebody_comes_for_what_is_ready(&dump)?;
        for queue in self.client.queues().await? {
            let of = |is: fn(&State) -> bool| {
                let tasks = self.model.tasks.values();
                tasks.filter(|task| task.task.role == queue.role && is(&task.state)).count() as u64
            };
            let listed = of(|state| matches!(state, State::Ready(Place::Listed { .. })));
            let should = (listed, of(|state| *state == State::Running), self.model.fleet_paused);
            ensure!(
                (queue.ready, queue.in_flight, queue.paused) == should,
                "{queue:?}, should be {should:?}"
            );
        }
        Ok(())
    }

    /// Of those that can take a ready task, not all wait to be rung for.
    fn somebody_comes_for_what_is_ready(&self, dump: &Dump) -> Result<()> {
        for (id, task) in &self.model.tasks {
            let handed_out = matches!(task.state, State::Ready(Place::Listed { .. }))
                && self.model.goals[id.goal()].state == GoalState::Running
                && !self.model.fleet_paused;
            let wanted = &task.task.capabilities;
            let mut fit = self.agents.iter().filter(|agent| {
                agent.id.role() == task.task.role
                    && wanted.iter().all(|word| agent.capabilities.contains(word))
            });
            let asleep = fit.clone().count() > 0 && fit.all(|agent| dump.waits(&agent.id));
            ensure!(!handed_out || !asleep, "{id} is ready, and nobody was rung for: {dump:#?}");
        }
        Ok(())
    }

    /// Compares each goal as people are shown it.
    pub(crate) async fn views_agree(&self) -> Result<()> {
        for (id, goal) in &self.model.goals {
            let view = self.client.goal_view(id).await?;
            ensure!(view.state == goal.state, "goal {id} is shown as {:?}", view.state);
            ensure!(view.tasks.len() == goal.tasks.len(), "goal {id} is shown with {:?}", view.tasks);
            for (shown, task) in view.tasks.iter().zip(self.model.of(id)) {
                let is = (&shown.task, shown.state, shown.attempts, shown.agent.as_ref());
                let should = (&task.task, task.state.name(), task.attempt, task.agent.as_ref());
                ensure!(is == should, "shown is {is:?}, should be {should:?}");
            }
            let succeeded = self.model.of(id).filter(|task| task.state == State::Succeeded).count() as u64;
            ensure!(view.succeeded == succeeded, "{} of {id} succeeded, not {succeeded}", view.succeeded);
            let ended_well = view.state == GoalState::Succeeded;
            ensure!(!ended_well || view.commit == Some("c".repeat(40)), "{id} has no commit: {view:?}");
        }
        Ok(())
    }

    async fn apply(&mut self, operation: &Operation) -> Result<()> {
        match operation {
            Operation::SubmitGoal(sketch) => self.submit_goal(sketch).await,
            Operation::BeginPlanning(goal) => self.begin_planning(&self.pick(goal)).await,
            Operation::SubmitPlan { goal, stale } => self.submit_plan(&self.unplanned(goal), *stale).await,
            Operation::EndGoal { goal, stale, failed } => {
                let state = if *failed { GoalState::Failed } else { GoalState::Blocked };
                self.end_goal(&self.unplanned(goal), *stale, state).await
            }
            Operation::Turn { agent, results, wanted } => {
                self.turn(agent.index(self.agents.len()), results, *wanted).await
            }
            Operation::Late { attempt, status } => self.late(attempt, *status).await,
            Operation::Renew(agent) => self.renew(agent.index(self.agents.len())).await,
            Operation::Release(attempt) => self.release(attempt).await,
            Operation::Recover { agent, known } => self.recover(agent.index(self.agents.len()), *known).await,
            Operation::Die(agent) => self.die(agent.index(self.agents.len())).await,
            Operation::Expire { testing, which } => self.expire(*testing, *which).await,
            Operation::BackoffOver(which) => self.backoff_over(*which).await,
            Operation::Cancel(goal) => self.cancel(&self.pick(goal)).await,
            Operation::Pause(goal) => self.pause(&self.pick(goal), true).await,
            Operation::Resume(goal) => self.pause(&self.pick(goal), false).await,
            Operation::PauseFleet => self.pause_fleet(true).await,
            Operation::ResumeFleet => self.pause_fleet(false).await,
            Operation::Retry { task, aim } => self.retry(task, *aim).await,
            Operation::Grow { goal, held, added, number_off } => {
                self.grow(goal, held.as_ref(), added, *number_off).await
            }
            Operation::GiveUp { task, aim, round_off } => self.give_up(task, *aim, *round_off).await,
            Operation::Wipe(agent) => {
                let agent = &self.agents[agent.index(self.agents.len())].id;
                self.client.tell(agent, Command::Wipe).await?;
                Ok(self.client.delete_memory(agent).await?)
            }
        }
    }

    /// Lets everything come to its end, and looks at what is left.
    pub(crate) async fn finish(&mut self) -> Result<()> {
        self.pause_fleet(false).await?;
        self.hear().await?;
        for goal in self.goals.clone() {
            self.pause(&goal, false).await?;
            self.hear().await?;
            if self.model.goals[&goal].state == GoalState::Queued {
                self.begin_planning(&goal).await?;
            }
            self.submit_plan(&goal, false).await?;
            self.hear().await?;
        }
        self.agents.push(Agent::new(Role::Backend, &["flask", "react"]));
        self.agents.push(Agent::new(Role::Testing, &["flask", "react"]));
        while self.model.tasks.values().any(|task| task.state.is_open()) {
            let before = self.attempts.len();
            let held = self.model.in_order(|task| task.state == State::Held);
            for task in &held {
                let round = self.model.tasks[task].rounds;
                self.client.give_up(task, &round.to_string(), "it is late").await?;
                self.model.give_up_held(task, round);
            }
            self.backoff_over(u16::MAX).await?;
            let published = self.publish_all().await?;
            self.agree().await?;
            let moved = published + held.len() + self.attempts.len() - before;
            ensure!(moved > 0, "nothing goes on any more: {:#?}", self.model.tasks);
        }
        self.agree().await?;
        self.views_agree().await?;
        for agent in 0..self.agents.len() {
            self.publish_and_claim(agent, &[], 5).await?;
            self.hear().await?;
        }
        self.backoff_over(u16::MAX).await?;
        self.clock.let_delays_of_the_cancelled_end(&self.client).await?;
        let over = self.model.goals.values().all(|goal| goal.state.is_final());
        ensure!(over, "goals without an end: {:?}", self.model.goals);
        self.clock.dump()?.must_be_empty()
    }
}

/// What was done, or none when its state does not allow it.
fn done<T>(reply: Result<T, Error>) -> Result<Option<T>> {
    match reply {
        Ok(value) => Ok(Some(value)),
        Err(Error::WrongState { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
