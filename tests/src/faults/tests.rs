//! Made-up histories: a good one breaks no rule, and each rule can be broken.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use codegod_protocol::client::Claimed;
use codegod_protocol::event::Event;
use codegod_protocol::id::{AgentId, Role, TaskId};
use codegod_protocol::result::{Outputs, ResultStatus};
use serde_json::{Value, json};

use super::audit::audit;
use super::cast::Part;
use super::history::{Happening, History, TaskEnd};
use super::load::{Order, Whim};
use super::pickup;
use super::replay::Replay;
use super::rules::{Breaks, Rule};
use super::trouble::{Kind, Trouble, Whom};
use crate::noop::commit_of;
use crate::plans;

/// A goal of two tasks, the second of which needs the first, and two agents.
struct Story {
    order: Order,
    agents: [AgentId; 2],
    events: Vec<Event>,
}

impl Story {
    fn new() -> Self {
        let goal = plans::goal("a story");
        let mut tasks =
            vec![plans::task(&goal.id, 1, Role::Backend, &[]), plans::task(&goal.id, 2, Role::Backend, &[1])];
        tasks.iter_mut().for_each(|task| task.max_attempts = 3);
        let agents = [AgentId::random(Role::Backend), AgentId::random(Role::Backend)];
        let mut story = Self { order: Order { goal, tasks, whim: Whim::None }, agents, events: vec![] };
        story.goal("running", json!({ "tasks": 2 }));
        story
    }

    /// One in which the second task's first agent died.
    fn good() -> Self {
        let mut story = Self::new();
        story.task("task_claimed", 1, 1, 0).task("task_succeeded", 1, 1, 0);
        story.task("task_claimed", 2, 1, 0).task("lease_expired", 2, 1, 0);
        story.task("task_claimed", 2, 2, 1).task("task_succeeded", 2, 2, 1);
        story.goal("succeeded", Value::Null);
        story
    }

    fn id(&self, number: u32) -> TaskId {
        self.order.goal.id.task(number)
    }

    fn goal(&mut self, what: &str, data: Value) -> &mut Self {
        let goal = Some(self.order.goal.id.clone());
        let (kind, who) = (format!("goal_{what}"), "a master".to_owned());
        self.events.push(Event { kind, who, goal, task: None, attempt: None, data });
        self
    }

    fn task(&mut self, kind: &str, number: u32, attempt: u32, agent: usize) -> &mut Self {
        let who = self.agents[agent].to_string();
        self.events.push(Event {
            kind: kind.to_owned(),
            data: json!({ "agent": who }),
            who,
            goal: Some(self.order.goal.id.clone()),
            task: Some(self.id(number)),
            attempt: Some(attempt),
        });
        self
    }

    /// Takes out the event at that place.
    fn without(mut self, at: usize) -> Self {
        self.events.remove(at);
        self
    }

    /// Puts the last event at that place.
    fn last_to(mut self, at: usize) -> Self {
        let last = self.events.pop().expect("an event");
        self.events.insert(at, last);
        self
    }

    fn ended(&self, number: u32, agent: usize, attempt: u32) -> TaskEnd {
        let task = self.order.tasks[number as usize - 1].clone();
        let claimed = Claimed { task: task.clone(), goal: self.order.goal.clone(), attempt };
        let mut result = plans::result(&claimed, &self.agents[agent], ResultStatus::Succeeded);
        let commit = commit_of(&task.id, attempt);
        result.outputs = Some(Outputs {
            commit,
            environments: Default::default(),
            images: Default::default(),
            setups: Default::default(),
        });
        let fields = fields(&[("state", "succeeded"), ("attempt", &attempt.to_string())]);
        TaskEnd { task, fields, result: Some(result) }
    }

    /// The hashes are those of the good story, whatever the events say.
    fn history(&self) -> History {
        let goal = fields(&[("state", "succeeded"), ("open", "0"), ("total", "2")]);
        let tasks = [(self.id(1), self.ended(1, 0, 1)), (self.id(2), self.ended(2, 1, 2))];
        let metrics = [("submitted", 2), ("succeeded", 2), ("expired", 1)];
        History {
            events: (0..).zip(&self.events).map(|(at, event)| happening(at * 1000, event)).collect(),
            goals: BTreeMap::from([(self.order.goal.id.clone(), goal)]),
            tasks: BTreeMap::from(tasks),
            metrics: metrics.map(|(name, count)| (name.to_owned(), count)).into(),
        }
    }

    fn played(&self) -> Vec<Rule> {
        Replay::of(&self.history()).breaks.rules()
    }
}

fn fields(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn happening(at_ms: u64, event: &Event) -> Happening {
    Happening { at_ms, event: event.clone() }
}

fn audited(story: &Story, history: &History) -> Vec<Rule> {
    audit(std::slice::from_ref(&story.order), history, &Replay::of(history)).rules()
}

#[test]
fn a_good_story_breaks_no_rule() {
    let story = Story::good();
    assert_eq!(story.played(), []);
    assert_eq!(audited(&story, &story.history()), []);
}

#[test]
fn a_second_success_is_one_too_many() {
    let mut story = Story::good();
    story.task("task_succeeded", 2, 2, 1);
    assert_eq!(story.last_to(7).played(), [Rule::OnlyOnce, Rule::HolderOnly]);
}

#[test]
fn a_late_agent_may_not_publish() {
    let mut story = Story::new();
    story.task("task_claimed", 1, 1, 0).task("lease_expired", 1, 1, 0);
    story.task("task_claimed", 1, 2, 1).task("task_succeeded", 1, 1, 0);
    assert_eq!(story.played(), [Rule::HolderOnly]);
}

#[test]
fn a_task_has_one_holder_at_a_time() {
    // The lease that ran out before the second claim is left out.
    assert_eq!(Story::good().without(4).played(), [Rule::OneHolder]);
}

#[test]
fn attempts_count_up_by_one_and_not_beyond_their_limit() {
    let mut story = Story::new();
    story.task("task_claimed", 1, 2, 0);
    assert_eq!(story.played(), [Rule::Attempts], "the first is not the second");
    let tried = |end: &str| {
        let mut story = Story::new();
        for attempt in 1..=3 {
            story.task("task_claimed", 1, attempt, 0).task(end, 1, attempt, 0);
        }
        story.task("task_claimed", 1, 4, 0);
        story.played()
    };
    assert_eq!(tried("attempt_failed"), [Rule::Attempts]);
    assert_eq!(tried("attempt_released"), [], "what was handed back does not count");
}

#[test]
fn nothing_begins_before_what_it_needs() {
    let mut story = Story::new();
    story.task("task_claimed", 1, 1, 0).task("task_claimed", 2, 1, 1);
    assert_eq!(story.played(), [Rule::NeedsFirst]);
}

#[test]
fn what_was_added_to_a_plan_is_needed_as_well_and_every_question_is_answered_once() {
    let mut story = Story::new();
    story.task("task_claimed", 1, 1, 0).task("task_needs_follow_up", 1, 1, 0);
    assert_eq!(story.played(), [Rule::Answered], "it is still waiting");
    let goal = Some(story.order.goal.id.clone());
    let (held, added) = (Some(story.id(1)), json!({ "added": [story.id(3)] }));
    let kind = "plan_grown".to_owned();
    story.events.push(Event { kind, who: "a master".into(), goal, task: held, attempt: None, data: added });
    assert_eq!(story.played(), []);
    story.task("task_claimed", 1, 2, 0);
    assert_eq!(story.played(), [Rule::NeedsFirst]);
    let again = story.events[3].clone();
    story.events.push(again);
    assert_eq!(story.played(), [Rule::NeedsFirst, Rule::Answered]);
}

#[test]
fn nothing_happens_after_an_end_or_in_a_pause() {
    let mut story = Story::new();
    story.task("task_cancelled", 1, 0, 0).goal("cancelled", Value::Null).task("task_succeeded", 1, 1, 0);
    assert_eq!(story.played(), [Rule::HolderOnly, Rule::NothingAfterTheEnd]);
    let mut story = Story::new();
    story.goal("paused", Value::Null).task("task_claimed", 1, 1, 0);
    assert_eq!(story.played(), [Rule::Paused]);
    let mut story = Story::new();
    story.goal("paused", Value::Null).goal("resumed", Value::Null).task("task_claimed", 1, 1, 0);
    assert_eq!(story.played(), []);
}

#[test]
fn a_goal_is_planned_and_ends_once() {
    let mut story = Story::good();
    story.goal("failed", Value::Null);
    assert_eq!(story.played(), [Rule::OnlyOnce]);
    let mut story = Story::new();
    story.goal("running", json!({ "tasks": 2 }));
    assert_eq!(story.played(), [Rule::OnlyOnce]);
}

#[test]
fn what_never_ends_is_lost() {
    let mut story = Story::good();
    story.events.truncate(6);
    let mut history = story.history();
    history.metrics = fields_of_metrics(&[("submitted", 2), ("succeeded", 1), ("expired", 1)]);
    let broken = audited(&story, &history);
    assert_eq!(broken, [Rule::NothingLost, Rule::AsPlanned, Rule::HashesAgree]);
}

fn fields_of_metrics(pairs: &[(&str, u64)]) -> HashMap<String, u64> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn hashes_results_and_metrics_are_held_against_the_events() {
    let story = Story::good();
    let mut history = story.history();
    history.metrics.insert("stale".to_owned(), 1);
    assert_eq!(audited(&story, &history), [Rule::MetricsAgree]);
    let mut history = story.history();
    history.tasks.insert(story.id(2), story.ended(2, 0, 1));
    assert_eq!(audited(&story, &history), [Rule::HashesAgree], "the result of a late attempt");
    let mut history = story.history();
    if let Some(goal) = history.goals.get_mut(&story.order.goal.id) {
        goal.insert("open".to_owned(), "1".to_owned());
    }
    assert_eq!(audited(&story, &history), [Rule::HashesAgree]);
}

/// A kill of the story's first agent, or what happened to Redis.
fn trouble(agent: Option<&AgentId>, from_ms: u64, till_ms: u64) -> Trouble {
    Trouble {
        kind: Kind::Kill,
        whom: agent.map_or(Whom::Redis, |_| Whom::Member(0)),
        part: agent.map(|agent| Part::Worker(agent.role())),
        name: "somebody".to_owned(),
        agent: agent.cloned(),
        from_ms,
        till_ms,
    }
}

fn picked_up(story: &Story, troubles: &[Trouble]) -> (Vec<pickup::Orphan>, Breaks) {
    let lease = Duration::from_millis(100);
    let orphans = pickup::orphans(&story.history(), troubles, lease);
    let breaks = pickup::judge(&orphans, lease);
    (orphans, breaks)
}

#[test]
fn the_task_of_a_killed_agent_is_picked_up_in_time_or_there_is_a_reason() {
    let story = Story::good();
    // It was claimed at 3 s, taken back at 4 s and claimed again at 5 s.
    let kill = |at_ms| trouble(Some(&story.agents[0]), at_ms, at_ms);
    let (orphans, breaks) = picked_up(&story, &[kill(3_500)]);
    let [orphan] = orphans.as_slice() else { panic!("{orphans:?}") };
    assert_eq!((&orphan.task, orphan.waited_ms()), (&story.id(2), Some(1_500)));
    assert_eq!(breaks.rules(), [], "2150 ms are allowed: one and a half leases and 2 s");

    let mut late = Story::good();
    for _ in 0..2 {
        late.goal("looked_at", Value::Null);
        late = late.last_to(5);
    }
    let kill = trouble(Some(&late.agents[0]), 3_500, 3_500);
    assert_eq!(picked_up(&late, std::slice::from_ref(&kill)).1.rules(), [Rule::PickedUp]);
    let away = trouble(None, 3_600, 6_000);
    assert_eq!(picked_up(&late, &[kill, away]).1.rules(), [], "Redis was away");
}

#[test]
fn what_an_agent_had_finished_before_it_was_killed_is_nobodys_to_pick_up() {
    let story = Story::good();
    // Its first task ended at 2 s; the second was taken from it at 4 s.
    let kill = trouble(Some(&story.agents[0]), 5_500, 5_500);
    assert_eq!(picked_up(&story, &[kill]).0, []);
}
