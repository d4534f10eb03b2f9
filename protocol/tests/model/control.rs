//! The model's other half: goals and plans, and what people do to them.

use std::collections::BTreeSet;

use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::{GoalId, TaskId};
use codegod_protocol::task::Task;

use super::model::{Model, ModelGoal, ModelTask, Place, State};

/// What came of growing a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grown {
    Done,
    Conflict,
    Stale,
    /// It needs something that can't succeed any more.
    Impossible,
}

impl Model {
    pub(crate) fn submit_goal(&mut self, goal: &Goal) {
        let new = ModelGoal {
            state: GoalState::Queued,
            paused: false,
            urgent: goal.deadline_ms.is_some(),
            token: 0,
            tasks: vec![],
            parked: vec![],
        };
        self.goals.insert(goal.id.clone(), new);
        self.tell("goal_queued");
    }

    /// The token, or the state in which the goal can't be planned.
    pub(crate) fn begin_planning(&mut self, id: &GoalId) -> Result<u32, GoalState> {
        let goal = self.goal(id);
        if !matches!(goal.state, GoalState::Queued | GoalState::Planning) {
            return Err(goal.state);
        }
        goal.state = GoalState::Planning;
        goal.token += 1;
        let token = goal.token;
        self.tell("goal_planning");
        Ok(token)
    }

    /// Whether what was planned under that token is accepted.
    pub(crate) fn may_plan(&self, id: &GoalId, token: u32) -> bool {
        let goal = &self.goals[id];
        goal.state == GoalState::Planning && goal.token == token
    }

    pub(crate) fn submit_plan(&mut self, id: &GoalId, token: u32, tasks: &[(Task, u32)]) -> bool {
        if !self.may_plan(id, token) {
            return false;
        }
        let goal = self.goal(id);
        goal.state = if goal.paused { GoalState::Paused } else { GoalState::Running };
        self.add(tasks);
        // What needs nothing is queued, longest path first.
        let mut roots: Vec<(u32, TaskId)> = tasks
            .iter()
            .filter(|(task, _)| task.needs.is_empty())
            .map(|(task, path)| (*path, task.id.clone()))
            .collect();
        roots.sort_by_key(|(path, id)| (std::cmp::Reverse(*path), id.number()));
        self.tell("goal_running");
        for (_, root) in roots {
            self.enqueue(&root);
        }
        true
    }

    fn add(&mut self, tasks: &[(Task, u32)]) {
        self.count("submitted", tasks.len() as u64);
        for (task, path) in tasks {
            let new = ModelTask {
                needs: task.needs.iter().cloned().collect(),
                path: *path,
                dependents: vec![],
                state: State::Waiting,
                attempt: 0,
                max_attempts: task.max_attempts,
                rounds: 0,
                agent: None,
                queued: 0,
                task: task.clone(),
            };
            self.goal(&task.goal).tasks.push(task.id.clone());
            self.tasks.insert(task.id.clone(), new);
        }
        for (task, _) in tasks {
            for need in task.needs.iter().collect::<BTreeSet<_>>() {
                self.task(need).dependents.push(task.id.clone());
            }
        }
    }

    pub(crate) fn end_goal(&mut self, id: &GoalId, token: u32, state: GoalState) -> bool {
        if !self.may_plan(id, token) {
            return false;
        }
        self.goal(id).state = state;
        self.tell(format!("goal_{}", state.name()));
        true
    }

    /// Adds tasks, given with their paths, and the paths of older tasks that have grown.
    pub(crate) fn grow(
        &mut self,
        id: &GoalId,
        held: Option<(&TaskId, u32)>,
        added: &[(Task, u32)],
        older: &[(TaskId, u32)],
    ) -> Grown {
        let goal = &self.goals[id];
        let is_held = |(task, round): (&TaskId, u32)| {
            self.tasks[task].state == State::Held && self.tasks[task].rounds == round
        };
        let under_way = matches!(goal.state, GoalState::Running | GoalState::Paused);
        if !under_way || held.is_some_and(|held| !is_held(held)) {
            return Grown::Stale;
        }
        if added.first().is_none_or(|(task, _)| task.id.number() as usize != goal.tasks.len() + 1) {
            return Grown::Conflict;
        }
        let over = |need: &TaskId| {
            let state = self.tasks.get(need).map(|task| &task.state);
            matches!(state, Some(State::Failed | State::Blocked | State::Cancelled))
        };
        if added.iter().any(|(task, _)| task.needs.iter().any(over)) {
            return Grown::Impossible;
        }
        self.add(added);
        self.tell("plan_grown");
        if let Some((held, _)) = held {
            for (task, _) in added {
                self.task(&task.id).dependents.push(held.clone());
                self.task(held).needs.insert(task.id.clone());
            }
            self.task(held).state = State::Waiting;
        }
        for (task, path) in older {
            self.lengthen(task, *path);
        }
        for (task, _) in added {
            if self.pending(&task.id) == 0 {
                self.enqueue(&task.id);
            }
        }
        Grown::Done
    }

    /// A ready task moves up with its path, behind those that are there already.
    fn lengthen(&mut self, id: &TaskId, path: u32) {
        self.task(id).path = path;
        let State::Ready(Place::Listed { rank, .. }) = &self.tasks[id].state else { return };
        self.garbage += 1;
        if *rank != self.rank(id) {
            let queued = self.tasks[id].queued;
            self.enqueue(id);
            // It keeps its entry.
            self.task(id).queued = queued;
        }
    }

    /// Whether that could be done.
    pub(crate) fn give_up_held(&mut self, id: &TaskId, round: u32) -> bool {
        let task = &self.tasks[id];
        if task.state != State::Held || task.rounds != round {
            return false;
        }
        self.give_up(id, State::Blocked);
        true
    }

    /// Whether that could be done.
    pub(crate) fn cancel(&mut self, id: &GoalId) -> bool {
        if self.goals[id].state.is_final() {
            return false;
        }
        let goal = self.goal(id);
        goal.state = GoalState::Cancelled;
        goal.parked.clear();
        for task in self.goals[id].tasks.clone() {
            let state = &self.tasks[&task].state;
            if state.is_open() {
                self.garbage += u64::from(matches!(state, State::Ready(Place::Listed { .. })));
                self.task(&task).state = State::Cancelled;
                self.count("cancelled", 1);
                self.tell("task_cancelled");
            }
        }
        self.tell("goal_cancelled");
        true
    }

    /// Whether that changed anything, or the goal has ended.
    pub(crate) fn pause(&mut self, id: &GoalId) -> Option<bool> {
        let goal = self.goal(id);
        if goal.state.is_final() {
            return None;
        }
        if goal.paused {
            return Some(false);
        }
        goal.paused = true;
        if goal.state == GoalState::Running {
            goal.state = GoalState::Paused;
        }
        self.tell("goal_paused");
        Some(true)
    }

    /// Whether that changed anything, or the goal has ended.
    pub(crate) fn resume(&mut self, id: &GoalId) -> Option<bool> {
        let goal = self.goal(id);
        if goal.state.is_final() {
            return None;
        }
        if !goal.paused {
            return Some(false);
        }
        goal.paused = false;
        if goal.state == GoalState::Paused {
            goal.state = GoalState::Running;
        }
        for task in std::mem::take(&mut goal.parked) {
            self.enqueue(&task);
        }
        self.tell("goal_resumed");
        Some(true)
    }

    pub(crate) fn pause_fleet(&mut self, pause: bool) -> bool {
        if self.fleet_paused == pause {
            return false;
        }
        self.fleet_paused = pause;
        self.tell(if pause { "fleet_paused" } else { "fleet_resumed" });
        true
    }

    /// A person's retry: the task has its attempts again, and what was cancelled because of it waits again,
    /// unless something else that it needs can't succeed. Whether that could be done.
    pub(crate) fn retry(&mut self, id: &TaskId) -> bool {
        let over = matches!(self.tasks[id].state, State::Failed | State::Blocked);
        if !over || self.goals[id.goal()].state == GoalState::Cancelled {
            return false;
        }
        let task = self.task(id);
        task.max_attempts = task.attempt + 3;
        self.task(id).state = State::Waiting;
        if self.pending(id) == 0 {
            self.enqueue(id);
        }
        self.reopen_dependents(id);
        let goal = self.goal(id.goal());
        // A pause that still stands stays; one that the goal's end made meaningless does not come back.
        if goal.state.is_final() {
            goal.state = GoalState::Running;
            goal.paused = false;
        }
        self.tell("task_retried");
        true
    }

    fn reopen_dependents(&mut self, id: &TaskId) {
        for dependent in self.tasks[id].dependents.clone() {
            let hopeless = |need: &TaskId| {
                matches!(self.tasks[need].state, State::Failed | State::Blocked | State::Cancelled)
            };
            let task = &self.tasks[&dependent];
            if task.state == State::Cancelled && !task.needs.iter().any(hopeless) {
                self.task(&dependent).state = State::Waiting;
                self.reopen_dependents(&dependent);
            }
        }
    }
}
