//! What agents do, and what time and their death do to them.

use anyhow::{Context, Result, bail, ensure};
use codegod_protocol::client::{Claim, LeaseState, PublishOutcome, Worker};
use codegod_protocol::id::{AgentId, Role, TaskId};
use codegod_protocol::result::{ResultStatus, TaskResult};
use proptest::sample::Index;

use super::super::fixtures;
use super::super::model::{Place, State};
use super::super::operations::Fault;
use super::{Agent, Attempt, World};

impl World {
    pub(super) async fn turn(
        &mut self,
        agent: usize,
        asked: &[(Index, ResultStatus, Fault)],
        wanted: usize,
    ) -> Result<()> {
        let id = self.agents[agent].id.clone();
        let held = self.heard_by(&id);
        let mut results: Vec<TaskResult> = Vec::new();
        for (index, status, fault) in asked.iter().filter(|_| !held.is_empty()) {
            let task = &held[index.index(held.len())];
            let claim = self.attempts.iter().rev().find(|attempt| attempt.claimed.task.id == *task);
            let claimed = &claim.context("the model runs what nobody claimed")?.claimed;
            let mut result = fixtures::result(claimed, &id, *status);
            result.attempt += u32::from(*fault == Fault::WrongAttempt);
            results.extend((*fault == Fault::Twice).then(|| result.clone()));
            results.push(result);
        }
        self.publish_and_claim(agent, &results, wanted).await.map(|_| ())
    }

    pub(super) async fn publish_and_claim(
        &mut self,
        agent: usize,
        results: &[TaskResult],
        wanted: usize,
    ) -> Result<usize> {
        let worker = &mut self.agents[agent];
        let turn = self.client.turn(&mut worker.worker, results, wanted).await?;
        let (id, capabilities) = (worker.id.clone(), worker.capabilities.clone());
        let mut publish =
            |result: &TaskResult| self.model.publish(&id, &result.task, result.attempt, result.status);
        let should: Vec<PublishOutcome> = results.iter().map(&mut publish).collect();
        ensure!(turn.outcomes == should, "outcomes are {:?}, should be {should:?}", turn.outcomes);
        self.model.settle();
        let late = if wanted > 0 { self.told_late(&id) } else { None };
        let mut should: Vec<(TaskId, u32)> = late.into_iter().collect();
        should.extend(self.model.claim(&id, &capabilities, wanted - should.len()));
        let mut claims = Vec::new();
        for claim in turn.claims {
            let Claim::Task(claimed) = claim else { bail!("a claim that can't be read: {claim:?}") };
            claims.push((claimed.task.id.clone(), claimed.attempt));
            let task = &self.model.tasks[&claimed.task.id].task;
            ensure!(claimed.task == *task && claimed.goal.id == task.goal, "claimed is another: {claimed:?}");
            self.attempts.push(Attempt { claimed: *claimed, agent: id.clone() });
        }
        ensure!(claims == should, "claims of {id} are {claims:?}, should be {should:?}");
        ensure!(turn.paused == self.model.fleet_paused, "paused: {}", turn.paused);
        ensure!(!turn.ask_again, "so little stood in the way");
        Ok(claims.len())
    }

    pub(super) async fn late(&mut self, attempt: &Index, status: ResultStatus) -> Result<()> {
        if self.attempts.is_empty() {
            return Ok(());
        }
        let Attempt { claimed, agent } = &self.attempts[attempt.index(self.attempts.len())];
        let outcome = self.client.publish(&fixtures::result(claimed, agent, status)).await?;
        let should = self.model.publish(agent, &claimed.task.id, claimed.attempt, status);
        ensure!(outcome == should, "a late {status:?} of {agent}: {outcome:?}, should be {should:?}");
        Ok(())
    }

    /// Renews whatever the agent ever claimed.
    pub(super) async fn renew(&mut self, agent: usize) -> Result<()> {
        let id = &self.agents[agent].id;
        let known: Vec<(TaskId, u32)> = self
            .attempts
            .iter()
            .filter(|attempt| attempt.agent == *id)
            .map(|attempt| (attempt.claimed.task.id.clone(), attempt.claimed.attempt))
            .collect();
        let states = self.client.renew_leases(id, &known).await?;
        let should: Vec<LeaseState> =
            known.iter().map(|(task, attempt)| self.model.renew(id, task, *attempt)).collect();
        ensure!(states == should, "leases {known:?} are {states:?}, should be {should:?}");
        Ok(())
    }

    pub(super) async fn release(&mut self, attempt: &Index) -> Result<()> {
        if self.attempts.is_empty() {
            return Ok(());
        }
        let Attempt { claimed, agent } = &self.attempts[attempt.index(self.attempts.len())];
        let task = &claimed.task.id;
        let state = self.client.release(agent, task, claimed.attempt, "its agent ends").await?;
        let holds = self.model.holds(agent, task, claimed.attempt);
        ensure!((state == LeaseState::Held) == holds, "handing back: {state:?}, should be {holds}");
        if holds {
            self.model.release(task);
        }
        Ok(())
    }

    pub(super) async fn recover(&mut self, agent: usize, known: u16) -> Result<()> {
        let id = &self.agents[agent].id;
        let (held, heard) = (self.model.held_by(id), self.heard_by(id));
        self.unheard.remove(id);
        let knows = |at: usize, task: &TaskId| known >> (at % 16) & 1 == 1 && heard.contains(task);
        let (keeps, gives): (Vec<_>, Vec<_>) =
            held.into_iter().enumerate().partition(|(at, task)| knows(*at, task));
        let keeps: Vec<TaskId> = keeps.into_iter().map(|(_, task)| task).collect();
        let given = self.client.recover(id, &keeps).await?;
        ensure!(given == gives.len() as u64, "{given} were handed back, should be {gives:?}");
        gives.iter().for_each(|(_, task)| self.model.release(task));
        Ok(())
    }

    pub(super) async fn die(&mut self, agent: usize) -> Result<()> {
        let Agent { id, capabilities, .. } = &self.agents[agent];
        let new = AgentId::random(id.role());
        let new =
            Agent { worker: Worker::new(&new, capabilities), id: new, capabilities: capabilities.clone() };
        let dead = std::mem::replace(&mut self.agents[agent], new).id;
        self.client.remove_agent(&dead).await?;
        self.unheard.remove(&dead);
        for task in self.model.held_by(&dead) {
            self.model.lose(&task);
        }
        Ok(())
    }

    pub(super) async fn expire(&mut self, testing: bool, which: u16) -> Result<()> {
        let role = if testing { Role::Testing } else { Role::Backend };
        let running = self.model.running(|task| task.task.role == role);
        let chosen = running.into_iter().enumerate().filter(|(at, _)| which >> (at % 16) & 1 == 1);
        let late: Vec<TaskId> = chosen.map(|(_, task)| task).collect();
        self.clock.let_leases_run_out(role, &late)?;
        let ticked = self.clock.tick(&self.client, role).await?;
        ensure!(ticked.expired == late.len() as u64, "{ticked:?}, should have ended {late:?}");
        late.iter().for_each(|task| self.model.lose(task));
        Ok(())
    }

    pub(super) async fn backoff_over(&mut self, which: u16) -> Result<()> {
        let delayed = State::Ready(Place::Delayed);
        let delayed: Vec<TaskId> = self.model.in_order(|task| task.state == delayed);
        let chosen = delayed.into_iter().enumerate().filter(|(at, _)| which >> (at % 16) & 1 == 1);
        let due: Vec<TaskId> = chosen.map(|(_, task)| task).collect();
        self.clock.let_backoffs_end(&due)?;
        let ticked = self.clock.tick(&self.client, Role::Devops).await?;
        ensure!(ticked.released == due.len() as u64, "{ticked:?}, should have let go {due:?}");
        due.iter().for_each(|task| self.model.enqueue(task));
        Ok(())
    }

    /// Every agent succeeds with all that it holds and takes more, one at a time as agents do at work; how many
    /// that were.
    pub(super) async fn publish_all(&mut self) -> Result<usize> {
        let mut published = 0;
        self.hear().await?;
        for agent in 0..self.agents.len() {
            loop {
                let results = self.successes(agent);
                published += results.len().min(1);
                let claimed = self.publish_and_claim(agent, &results[..results.len().min(1)], 1).await?;
                self.hear().await?;
                if results.is_empty() && claimed == 0 {
                    break;
                }
            }
        }
        Ok(published)
    }

    /// A success for each task that the agent holds.
    fn successes(&self, agent: usize) -> Vec<TaskResult> {
        let id = &self.agents[agent].id;
        let held = self.heard_by(id);
        let its = self.attempts.iter().filter(|attempt| {
            let Attempt { claimed, agent } = attempt;
            held.contains(&claimed.task.id)
                && agent == id
                && self.model.holds(id, &claimed.task.id, claimed.attempt)
        });
        its.map(|attempt| fixtures::result(&attempt.claimed, id, ResultStatus::Succeeded)).collect()
    }
}
