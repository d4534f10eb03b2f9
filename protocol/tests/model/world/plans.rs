//! What masters and people do: goals, plans, pausing, retrying.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use codegod_protocol::client::{
    Error, Growth, GrowthOutcome, Planning, PlanningOutcome, PlanningToken, now_ms,
};
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::{GoalId, TaskId};
use codegod_protocol::task::Task;
use proptest::sample::Index;

use super::super::control::Grown;
use super::super::model::State;
use super::super::operations::{Aim, GoalSketch, TaskSketch};
use super::super::{fixtures, sketch};
use super::{World, done};

impl World {
    pub(super) fn pick(&self, goal: &Index) -> GoalId {
        self.goals[goal.index(self.goals.len())].clone()
    }

    /// Of goals that wait to be planned, when there are any.
    pub(super) fn unplanned(&self, goal: &Index) -> GoalId {
        let fit: Vec<&GoalId> =
            self.goals.iter().filter(|id| self.model.goals[*id].state == GoalState::Planning).collect();
        if fit.is_empty() { self.pick(goal) } else { fit[goal.index(fit.len())].clone() }
    }

    pub(super) fn pick_task(&self, task: &Index, aim: Aim, fit: impl Fn(&State) -> bool) -> Option<TaskId> {
        // Not in the order of ids, which are random: the same life must go the same way again.
        let tasks = self.goals.iter().flat_map(|goal| &self.model.goals[goal].tasks);
        let chosen: Vec<&TaskId> =
            tasks.filter(|id| aim == Aim::Any || fit(&self.model.tasks[*id].state)).collect();
        (!chosen.is_empty()).then(|| chosen[task.index(chosen.len())].clone())
    }

    pub(super) async fn submit_goal(&mut self, sketch: &GoalSketch) -> Result<()> {
        let mut goal: Goal = fixtures::goal();
        goal.deadline_ms = sketch.urgent.then(now_ms);
        self.client.submit_goal(&goal).await?;
        let again = self.client.submit_goal(&goal).await;
        ensure!(matches!(again, Err(Error::WrongState { .. })), "a goal was taken twice: {again:?}");
        self.model.submit_goal(&goal);
        self.sketches.insert(goal.id.clone(), sketch.clone());
        self.goals.push(goal.id);
        Ok(())
    }

    pub(super) async fn begin_planning(&mut self, goal: &GoalId) -> Result<()> {
        let should = self.model.begin_planning(goal);
        match (self.client.begin_planning(goal).await?, should) {
            (Planning::Begun(token), Ok(_)) => {
                self.tokens.entry(goal.clone()).or_default().push(token);
            }
            (Planning::Superseded(state), Err(should)) if state == should.name() => {}
            other => bail!("beginning to plan: {other:?}"),
        }
        Ok(())
    }

    /// The newest token of a goal, or the one before, and its number.
    pub(super) fn token(&self, goal: &GoalId, stale: bool) -> Option<(PlanningToken, u32)> {
        let tokens = self.tokens.get(goal)?;
        let number = tokens.len().checked_sub(usize::from(stale))?;
        let token = tokens.get(number.checked_sub(1)?)?.clone();
        Some((token, u32::try_from(number).ok()?))
    }

    pub(super) async fn submit_plan(&mut self, goal: &GoalId, stale: bool) -> Result<()> {
        let Some((token, number)) = self.token(goal, stale) else { return Ok(()) };
        let tasks = sketch::plan(goal, &self.sketches[goal].plan);
        let only: Vec<Task> = tasks.iter().map(|(task, _)| task.clone()).collect();
        let reply = self.client.submit_plan(goal, &token, &fixtures::intent(), &only).await?;
        let should = self.model.submit_plan(goal, number, &tasks);
        ensure!((reply == PlanningOutcome::Accepted) == should, "submitting a plan: {reply:?}");
        Ok(())
    }

    pub(super) async fn end_goal(&mut self, goal: &GoalId, stale: bool, state: GoalState) -> Result<()> {
        let Some((token, number)) = self.token(goal, stale) else { return Ok(()) };
        let reply = self.client.end_goal(goal, &token, state, "no plan", None).await?;
        let should = self.model.end_goal(goal, number, state);
        ensure!((reply == PlanningOutcome::Accepted) == should, "ending a goal: {reply:?}");
        Ok(())
    }

    pub(super) async fn cancel(&mut self, goal: &GoalId) -> Result<()> {
        let reply = done(self.client.cancel_goal(goal).await)?;
        let should = self.model.cancel(goal);
        ensure!(reply.is_some() == should, "cancelling {goal}: {reply:?}");
        Ok(())
    }

    pub(super) async fn pause(&mut self, goal: &GoalId, pause: bool) -> Result<()> {
        let (reply, should) = if pause {
            (self.client.pause_goal(goal).await, self.model.pause(goal))
        } else {
            (self.client.resume_goal(goal).await, self.model.resume(goal))
        };
        let reply = done(reply)?;
        ensure!(reply == should, "pausing ({pause}) {goal}: {reply:?}, should be {should:?}");
        Ok(())
    }

    pub(super) async fn pause_fleet(&mut self, pause: bool) -> Result<()> {
        let changed =
            if pause { self.client.pause_fleet().await? } else { self.client.resume_fleet().await? };
        ensure!(changed == self.model.pause_fleet(pause), "pausing ({pause}) the fleet: {changed}");
        Ok(())
    }

    pub(super) async fn retry(&mut self, task: &Index, aim: Aim) -> Result<()> {
        let over = |state: &State| matches!(state, State::Failed | State::Blocked);
        let Some(task) = self.pick_task(task, aim, over) else { return Ok(()) };
        let reply = done(self.client.retry_task(&task).await)?;
        ensure!(reply.is_some() == self.model.retry(&task), "retrying {task}: {reply:?}");
        Ok(())
    }

    pub(super) async fn grow(
        &mut self,
        goal: &Index,
        held: Option<&(Index, Aim)>,
        added: &[TaskSketch],
        number_off: u32,
    ) -> Result<()> {
        let held = held.and_then(|(index, aim)| self.pick_task(index, *aim, |state| *state == State::Held));
        let goal = held.as_ref().map_or_else(|| self.pick(goal), |held| held.goal().clone());
        let shape: BTreeMap<TaskId, BTreeSet<TaskId>> =
            self.model.of(&goal).map(|task| (task.task.id.clone(), task.needs.clone())).collect();
        let round = held.as_ref().map_or(0, |held| self.model.tasks[held].rounds);
        let (added, all) = sketch::growth(&goal, held.as_ref(), &shape, added, number_off);
        let older: Vec<(TaskId, u32)> = all
            .iter()
            .filter(|(id, path)| self.model.tasks.get(id).is_some_and(|task| task.path != **path))
            .map(|(id, path)| (id.clone(), *path))
            .collect();
        let tasks: Vec<Task> = added.iter().map(|(task, _)| task.clone()).collect();
        let new = added.iter().map(|(task, path)| (task.id.clone(), *path));
        let paths: Vec<(TaskId, u32)> = older.iter().cloned().chain(new).collect();
        let text = round.to_string();
        let growth = Growth { held: held.as_ref().map(|held| (held, &*text)), added: &tasks, paths: &paths };
        let is = match self.client.grow_plan(&goal, &growth).await {
            Ok(GrowthOutcome::Grown) => Grown::Done,
            Ok(GrowthOutcome::Conflict) => Grown::Conflict,
            Ok(GrowthOutcome::Stale) => Grown::Stale,
            Err(Error::Undecodable { .. }) => Grown::Impossible,
            Err(error) => return Err(error.into()),
        };
        let should = self.model.grow(&goal, held.as_ref().map(|held| (held, round)), &added, &older);
        ensure!(is == should, "growing {goal} for {held:?}: {is:?}, should be {should:?}");
        Ok(())
    }

    pub(super) async fn give_up(&mut self, task: &Index, aim: Aim, round_off: u32) -> Result<()> {
        let Some(task) = self.pick_task(task, aim, |state| *state == State::Held) else { return Ok(()) };
        let round = self.model.tasks[&task].rounds + round_off;
        let reply = done(self.client.give_up(&task, &round.to_string(), "it can't be").await)?;
        ensure!(reply.is_some() == self.model.give_up_held(&task, round), "giving up {task}: {reply:?}");
        Ok(())
    }
}
