//! What bells bring: whoever makes a task ready gives it to an agent that waits. Which one that is, the model can't
//! know; that the agent waited, and that the task was the first that it could take, it can.

use anyhow::{Context, Result, bail, ensure};
use codegod_protocol::client::Claim;
use codegod_protocol::id::{AgentId, TaskId};

use super::{Attempt, World};

impl World {
    /// Has the model give the tasks out that bells brought, and every other agent listen to its own.
    pub(super) async fn hear(&mut self) -> Result<()> {
        let mut brought = self.clock.dump()?.brought(&self.model);
        while !brought.is_empty() {
            let first = brought.iter().position(|(task, agent)| self.first_for(agent).as_ref() == Some(task));
            let at = first.with_context(|| format!("none of {brought:?} is the first of any queue"))?;
            let (task, agent) = brought.swap_remove(at);
            self.bring(&task, &agent).await?;
        }
        let dump = self.clock.dump()?;
        self.waiting =
            self.agents.iter().filter(|agent| dump.waits(&agent.id)).map(|agent| agent.id.clone()).collect();
        Ok(())
    }

    fn place_of(&self, agent: &str) -> Option<usize> {
        self.agents.iter().position(|known| known.id.to_string() == agent)
    }

    fn first_for(&self, agent: &str) -> Option<TaskId> {
        let agent = &self.agents[self.place_of(agent)?];
        self.model.next(agent.id.role(), &agent.capabilities)
    }

    async fn bring(&mut self, task: &TaskId, agent: &str) -> Result<()> {
        let at = self.place_of(agent).with_context(|| format!("{task} was brought to {agent}"))?;
        let agent = &mut self.agents[at];
        ensure!(self.waiting.remove(&agent.id), "{task} was brought to {}, who did not wait", agent.id);
        let given = self.model.claim(&agent.id, &agent.capabilities, 1);
        let [(is, attempt)] = given.as_slice() else { bail!("{task} was brought, should be {given:?}") };
        ensure!(is == task, "{task} was brought, should be {is}");
        if task.number().is_multiple_of(2) {
            self.unheard.insert(agent.id.clone(), (task.clone(), *attempt));
            return Ok(());
        }
        let heard = self.listener.wait_for_bell(&mut agent.worker, 1).await?;
        let Some(Claim::Task(claimed)) = heard else { bail!("{task} was brought, heard was {heard:?}") };
        let is = (&claimed.task, claimed.attempt, &claimed.goal.id);
        let should = (&self.model.tasks[task].task, *attempt, task.goal());
        ensure!(is == should, "heard was {is:?}, should be {should:?}");
        self.attempts.push(Attempt { claimed: *claimed, agent: agent.id.clone() });
        Ok(())
    }

    /// What the agent holds and knows of.
    pub(super) fn heard_by(&self, agent: &AgentId) -> Vec<TaskId> {
        let mut held = self.model.held_by(agent);
        if let Some((task, attempt)) = self.unheard.get(agent)
            && self.model.holds(agent, task, *attempt)
        {
            held.retain(|held| held != task);
        }
        held
    }

    /// What the agent's next turn tells it of that its bell brought.
    pub(super) fn told_late(&mut self, agent: &AgentId) -> Option<(TaskId, u32)> {
        let (task, attempt) = self.unheard.remove(agent)?;
        self.model.holds(agent, &task, attempt).then_some((task, attempt))
    }
}
