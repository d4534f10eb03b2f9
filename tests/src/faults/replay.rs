//! The event stream played again: every event is judged by what came before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use codegod_protocol::event::Event;
use codegod_protocol::id::{GoalId, TaskId};

use super::history::History;
use super::rules::{Breaks, Rule};

/// A task as the events tell it.
#[derive(Debug, Clone, Default)]
pub struct Life {
    /// The number of its newest attempt.
    pub attempt: u32,
    /// Who has it: the attempt and its agent.
    pub holder: Option<(u32, String)>,
    /// How it ended, by the word of its state.
    pub ended: Option<String>,
    /// Attempts that did not count: handed back, or they asked for more.
    pub free: u32,
    /// What it needs.
    needs: Vec<TaskId>,
    allowed: u32,
}

/// A goal as the events tell it.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// How it ended, by the word of its state.
    pub ended: Option<String>,
    /// How many tasks its plan has.
    pub total: u64,
    planned: bool,
    paused: bool,
}

/// The events played up to some point.
#[derive(Debug, Default)]
pub struct Replay {
    /// Every task of which something was heard.
    pub lives: BTreeMap<TaskId, Life>,
    /// Every goal of which something was heard.
    pub courses: BTreeMap<GoalId, Course>,
    /// How many events there are of each kind.
    pub counts: HashMap<String, u64>,
    /// Tasks whose question has not been answered.
    asking: BTreeSet<TaskId>,
    /// What was wrong.
    pub breaks: Breaks,
}

impl Replay {
    /// Plays all events.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut replay = Self::default();
        for (id, end) in &history.tasks {
            let needs = end.task.needs.clone();
            let life = Life { needs, allowed: end.task.max_attempts, ..Life::default() };
            replay.lives.insert(id.clone(), life);
        }
        for happening in &history.events {
            replay.play(&happening.event);
        }
        for task in std::mem::take(&mut replay.asking) {
            let over = replay.courses.get(task.goal()).is_some_and(|course| course.ended.is_some());
            let ended = replay.lives.get(&task).is_some_and(|life| life.ended.is_some());
            replay.breaks.unless(over && ended, Rule::Answered, || format!("{task} was never answered"));
        }
        replay
    }

    fn play(&mut self, event: &Event) {
        *self.counts.entry(event.kind.clone()).or_default() += 1;
        match (&event.task, &event.goal) {
            (Some(task), _) if event.kind != "plan_grown" => self.play_task(task, event),
            (_, Some(goal)) => self.play_goal(goal, event),
            _ => {}
        }
    }

    fn play_task(&mut self, task: &TaskId, event: &Event) {
        let course = self.courses.entry(task.goal().clone()).or_default().clone();
        let needs_met = self.lives.get(task).is_some_and(|life| {
            life.needs.iter().all(|need| {
                self.lives.get(need).is_some_and(|life| life.ended.as_deref() == Some("succeeded"))
            })
        });
        let life = self.lives.entry(task.clone()).or_default();
        let breaks = &mut self.breaks;
        let told = || format!("{} of {task} by {}, attempt {:?}", event.kind, event.who, event.attempt);
        let happens = matches!(
            event.kind.as_str(),
            "task_claimed"
                | "task_succeeded"
                | "attempt_failed"
                | "task_needs_follow_up"
                | "task_failed"
                | "task_blocked"
                | "task_cancelled"
                | "lease_expired"
                | "attempt_released"
                | "task_ready"
        );
        if happens && event.kind == "task_succeeded" {
            let twice = life.ended.as_deref() == Some("succeeded");
            breaks.unless(!twice, Rule::OnlyOnce, told);
        } else if happens {
            breaks.unless(life.ended.is_none(), Rule::NothingAfterTheEnd, told);
        }
        // A cancelled goal says so after its tasks were.
        breaks.unless(!happens || course.ended.is_none(), Rule::NothingAfterTheEnd, told);
        let attempt = event.attempt.unwrap_or(0);
        let by_holder = life.holder.as_ref() == Some(&(attempt, event.who.clone()));
        match event.kind.as_str() {
            "task_claimed" => {
                breaks.unless(life.holder.is_none(), Rule::OneHolder, told);
                breaks.unless(attempt == life.attempt + 1, Rule::Attempts, told);
                breaks.unless(attempt <= life.allowed + life.free, Rule::Attempts, told);
                breaks.unless(needs_met, Rule::NeedsFirst, told);
                breaks.unless(!course.paused, Rule::Paused, told);
                life.attempt = attempt;
                life.holder = Some((attempt, event.who.clone()));
            }
            "task_succeeded" => {
                breaks.unless(by_holder, Rule::HolderOnly, told);
                life.end("succeeded");
            }
            "attempt_failed" => {
                breaks.unless(by_holder, Rule::HolderOnly, told);
                life.holder = None;
            }
            "task_needs_follow_up" => {
                breaks.unless(by_holder, Rule::HolderOnly, told);
                breaks.unless(self.asking.insert(task.clone()), Rule::Answered, told);
                life.holder = None;
                life.free += 1;
            }
            "lease_expired" => {
                let agent = event.data.get("agent").and_then(|agent| agent.as_str()).unwrap_or_default();
                let holder = life.holder.take();
                breaks.unless(holder == Some((attempt, agent.to_owned())), Rule::HolderOnly, told);
            }
            "attempt_released" => {
                let held = life.holder.take().map(|(attempt, _)| attempt);
                breaks.unless(held == Some(attempt), Rule::HolderOnly, told);
                life.free += 1;
            }
            // Its own attempt's end, or nobody's: a lease that ran out, a question that can't be answered.
            "task_failed" | "task_blocked" => {
                breaks.unless(life.holder.is_none() || by_holder, Rule::HolderOnly, told);
                life.end(&event.kind["task_".len()..]);
            }
            "task_cancelled" => life.end("cancelled"),
            _ => {}
        }
    }

    fn play_goal(&mut self, goal: &GoalId, event: &Event) {
        let course = self.courses.entry(goal.clone()).or_default();
        let breaks = &mut self.breaks;
        let told = || format!("{} of {goal} by {}", event.kind, event.who);
        match event.kind.as_str() {
            "goal_running" => {
                breaks.unless(!std::mem::replace(&mut course.planned, true), Rule::OnlyOnce, told);
                course.total += event.data.get("tasks").and_then(|tasks| tasks.as_u64()).unwrap_or(0);
            }
            "goal_paused" => course.paused = true,
            "goal_resumed" => course.paused = false,
            "goal_succeeded" | "goal_failed" | "goal_cancelled" | "goal_blocked" => {
                breaks.unless(course.ended.is_none(), Rule::OnlyOnce, told);
                course.ended = Some(event.kind["goal_".len()..].to_owned());
            }
            "plan_grown" => self.grow(event),
            _ => {}
        }
    }

    fn grow(&mut self, event: &Event) {
        let added: Vec<TaskId> = event
            .data
            .get("added")
            .and_then(|added| added.as_array())
            .into_iter()
            .flatten()
            .filter_map(|id| id.as_str()?.parse().ok())
            .collect();
        if let Some(course) = event.goal.as_ref().and_then(|goal| self.courses.get_mut(goal)) {
            course.total += added.len() as u64;
        }
        if let Some(held) = &event.task {
            let told = || format!("the plan grew for {held}, which had not asked");
            self.breaks.unless(self.asking.remove(held), Rule::Answered, told);
            if let Some(life) = self.lives.get_mut(held) {
                life.needs.extend(added);
            }
        }
    }
}

impl Life {
    fn end(&mut self, state: &str) {
        self.ended = Some(state.to_owned());
        self.holder = None;
    }
}
