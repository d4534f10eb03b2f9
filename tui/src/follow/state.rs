//! What is known of a goal that is being followed. Pure: views and events go in, nothing else.

use std::collections::HashMap;

use codegod_protocol::client::{GoalView, TaskView};
use codegod_protocol::event::Event;
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};
use codegod_protocol::intent::Intent;
use codegod_protocol::task::TaskState;
use serde_json::Value;

/// What an event asks of whoever follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// It was not about this goal, or says nothing new.
    Nothing,
    /// The picture changed.
    Changed,
    /// The event does not say enough: read the goal again.
    Reload,
}

/// A goal that is being followed.
#[derive(Debug, Clone)]
pub(super) struct Follow {
    pub(super) goal: GoalId,
    pub(super) text: String,
    pub(super) state: GoalState,
    pub(super) intent: Option<Intent>,
    pub(super) submitted_ms: u64,
    pub(super) ended_ms: Option<u64>,
    pub(super) tasks: Vec<Row>,
    /// Why Redis can't be reached at present.
    pub(super) lost: Option<String>,
}

/// A task of it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: TaskId,
    pub(super) role: Role,
    pub(super) title: String,
    pub(super) state: TaskState,
    pub(super) needs: Vec<TaskId>,
    pub(super) attempt: u32,
    pub(super) agent: Option<AgentId>,
    pub(super) started_ms: Option<u64>,
    pub(super) seconds: Option<f64>,
    pub(super) error: Option<String>,
    /// The running attempt's phase.
    pub(super) phase: Option<String>,
    /// What its action is expected to do.
    pub(super) doing: Option<String>,
    /// The newest line of its agent's log.
    pub(super) log: Option<String>,
}

impl Follow {
    /// From a goal as read.
    pub(super) fn new(view: &GoalView) -> Self {
        let mut follow = Self {
            goal: view.goal.id.clone(),
            text: view.goal.text.clone(),
            state: view.state,
            intent: None,
            submitted_ms: view.goal.submitted_ms,
            ended_ms: None,
            tasks: Vec::new(),
            lost: None,
        };
        follow.refresh(view);
        follow
    }

    /// Takes over what was read; what only events tell (phases, log lines) is kept for attempts that
    /// go on.
    pub(super) fn refresh(&mut self, view: &GoalView) {
        let mut known: HashMap<TaskId, Row> = self.tasks.drain(..).map(|row| (row.id.clone(), row)).collect();
        self.tasks = view.tasks.iter().map(|task| row(task, known.remove(&task.task.id))).collect();
        self.state = view.state;
        self.intent.clone_from(&view.intent);
        self.ended_ms = view.ended_ms;
        self.lost = None;
    }

    /// Takes an event in; `now_ms` is when it was received.
    pub(super) fn apply(&mut self, event: &Event, now_ms: u64) -> Effect {
        if event.goal.as_ref() != Some(&self.goal) {
            return Effect::Nothing;
        }
        let Some(task) = &event.task else { return self.apply_to_goal(event, now_ms) };
        let Some(row) = self.tasks.iter_mut().find(|row| row.id == *task) else { return Effect::Reload };
        row.apply(event, now_ms)
    }

    fn apply_to_goal(&mut self, event: &Event, now_ms: u64) -> Effect {
        // Paused before it has a plan, it keeps its state.
        if matches!(event.kind.as_str(), "goal_paused" | "goal_resumed") {
            return Effect::Reload;
        }
        let Some(word) = event.kind.strip_prefix("goal_") else { return Effect::Nothing };
        let Ok(state) = serde_json::from_value::<GoalState>(Value::String(word.to_owned())) else {
            return Effect::Nothing;
        };
        self.state = state;
        if state.is_final() {
            self.ended_ms = Some(now_ms);
        }
        // A plan, an intent or an end: more than the event says.
        if state == GoalState::Running || state.is_final() { Effect::Reload } else { Effect::Changed }
    }

    /// The tasks that run, with the agents that do.
    pub(super) fn running(&self) -> impl Iterator<Item = (&TaskId, &AgentId)> {
        let running = self.tasks.iter().filter(|row| row.state == TaskState::Running);
        running.filter_map(|row| Some((&row.id, row.agent.as_ref()?)))
    }

    /// Notes the newest log line of a task. Returns whether it is new.
    pub(super) fn note_log(&mut self, task: &TaskId, line: String) -> bool {
        let Some(row) = self.tasks.iter_mut().find(|row| row.id == *task) else { return false };
        let is_new = row.log.as_deref() != Some(&line);
        row.log = Some(line);
        is_new
    }
}

fn row(view: &TaskView, known: Option<Row>) -> Row {
    let same = known.filter(|row| row.attempt == view.attempts && view.state == TaskState::Running);
    let (phase, doing, log) = same.map_or((None, None, None), |row| (row.phase, row.doing, row.log));
    Row {
        id: view.task.id.clone(),
        role: view.task.role,
        title: view.task.title.clone(),
        state: view.state,
        needs: view.needs.clone(),
        attempt: view.attempts,
        agent: view.agent.clone(),
        started_ms: view.started_ms,
        seconds: view.result.as_ref().filter(|_| view.state.is_final()).map(|result| result.seconds),
        error: view.error.clone().filter(|_| view.state != TaskState::Succeeded),
        phase,
        doing,
        log,
    }
}

impl Row {
    fn apply(&mut self, event: &Event, now_ms: u64) -> Effect {
        let text = |name: &str| event.data.get(name).and_then(Value::as_str).map(str::to_owned);
        match event.kind.as_str() {
            "task_claimed" => {
                self.state = TaskState::Running;
                self.attempt = event.attempt.unwrap_or(self.attempt + 1);
                self.agent = event.who.parse().ok();
                self.started_ms = Some(now_ms);
                (self.phase, self.doing, self.log, self.error) = (None, None, None, None);
            }
            "phase" if self.is_current(event) => {
                self.phase = text("phase");
                self.doing = None;
            }
            "action_started" if self.is_current(event) => {
                self.doing = text("expect").or_else(|| text("action"))
            }
            "task_ready" => self.state = TaskState::Ready,
            "task_succeeded" => {
                self.end(TaskState::Succeeded, None);
                self.seconds = event.data.get("seconds").and_then(Value::as_f64);
            }
            "task_failed" => self.end(TaskState::Failed, text("error")),
            "task_blocked" => self.end(TaskState::Blocked, text("error")),
            "task_cancelled" => self.end(TaskState::Cancelled, None),
            "attempt_failed" => self.end(TaskState::Ready, text("error")),
            "attempt_released" => self.end(TaskState::Ready, text("reason")),
            "task_needs_follow_up" => self.end(TaskState::Waiting, text("error")),
            "lease_expired" => self.error = Some("its agent died; another takes it over".to_owned()),
            "plan_grown" | "task_retried" => return Effect::Reload,
            _ => return Effect::Nothing,
        }
        Effect::Changed
    }

    /// Whether the event is of the attempt that runs, not of one that lost its lease.
    fn is_current(&self, event: &Event) -> bool {
        event.attempt.is_none_or(|attempt| attempt == self.attempt)
    }

    fn end(&mut self, state: TaskState, error: Option<String>) {
        self.state = state;
        self.error = error;
        (self.phase, self.doing, self.log) = (None, None, None);
    }
}
