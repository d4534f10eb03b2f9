//! The goal that is open: its tasks in order, as a tree, and the longest path that is left. Light: of each task
//! only what a row shows, so that ten thousand are no burden.

use codegod_protocol::agent::Phase;
use codegod_protocol::evidence::TestCounts;
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, Role, TaskId};
use codegod_protocol::intent::Intent;
use codegod_protocol::task::{TaskKind, TaskState};

use super::tree::{Graph, is_open};
use super::{Change, Changed, Estimate, Fleet, GoalRow, Happening, Pace, Place, PlanNews};
use crate::text::seconds_between;

/// A task of the open goal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskRow {
    /// Its id.
    pub(crate) id: TaskId,
    /// Who does it.
    pub(crate) role: Role,
    /// What kind of task it is.
    pub(crate) kind: TaskKind,
    /// A few words.
    pub(crate) title: Box<str>,
    /// How far it is.
    pub(crate) state: TaskState,
    /// The numbers of the tasks that it needs.
    pub(crate) needs: Box<[u32]>,
    /// How many attempts were started.
    pub(crate) attempts: u32,
    /// How many there may be.
    pub(crate) max_attempts: u32,
    /// Who holds or held it.
    pub(crate) agent: Option<AgentId>,
    /// The running attempt's phase.
    pub(crate) phase: Option<Phase>,
    /// What the running action is expected to do.
    pub(crate) doing: Option<Box<str>>,
    /// When the last attempt began, Unix time in milliseconds.
    pub(crate) started_ms: Option<u64>,
    /// When it ended.
    pub(crate) ended_ms: Option<u64>,
    /// How long it took.
    pub(crate) seconds: Option<f64>,
    /// Why it is in this state.
    pub(crate) error: Option<Box<str>>,
    /// The tests that its validation ran.
    pub(crate) tests: Option<TestCounts>,
}

/// The goal that is open.
#[derive(Debug, Clone)]
pub(crate) struct OpenGoal {
    /// The goal.
    pub(crate) head: GoalRow,
    /// Its whole sentence, line by line.
    pub(crate) text: Vec<String>,
    /// How it was understood.
    pub(crate) intent: Option<Intent>,
    /// The newest published commit.
    pub(crate) commit: Option<String>,
    /// How long it will take; none while nothing was measured.
    pub(crate) left: Option<Estimate>,
    /// Counts up from 1 whenever the tree is another.
    pub(crate) shape: u64,
    /// Counts up whenever a row says something else.
    pub(crate) told: u64,
    rows: Vec<TaskRow>,
    order: Vec<Place>,
    critical: Vec<usize>,
    is_critical: Vec<bool>,
}

impl OpenGoal {
    /// A goal as read; what only events tell of running attempts is taken over from before.
    pub(super) fn new(plan: PlanNews, known: Option<Self>) -> Self {
        let PlanNews { head, text, intent, commit, mut rows } = plan;
        rows.sort_by_key(|row| row.id.number());
        if let Some(known) = &known {
            for row in &mut rows {
                if let Some(old) = known.row(row.id.number()) {
                    keep_told(row, old);
                }
            }
        }
        let order = Graph::new(&rows).tree();
        let is_same = known.as_ref().is_some_and(|known| known.order == order);
        let mut goal = Self {
            shape: known.as_ref().map_or(0, |known| known.shape) + u64::from(!is_same),
            told: known.as_ref().map_or(0, |known| known.told) + 1,
            order,
            is_critical: vec![false; rows.len()],
            critical: Vec::new(),
            left: None,
            head,
            text,
            intent,
            commit,
            rows,
        };
        goal.count();
        goal
    }

    /// Its tasks by number.
    pub(crate) fn rows(&self) -> &[TaskRow] {
        &self.rows
    }

    /// The tasks in the order of the tree.
    pub(crate) fn tree(&self) -> &[Place] {
        &self.order
    }

    /// The rows on the longest path that is left, the first to be done first.
    pub(crate) fn critical_path(&self) -> &[usize] {
        &self.critical
    }

    /// Whether a row lies on it.
    pub(crate) fn is_critical(&self, row: usize) -> bool {
        self.is_critical.get(row).copied().unwrap_or(false)
    }

    /// A task by its number.
    pub(crate) fn row(&self, number: u32) -> Option<&TaskRow> {
        self.rows.get(self.place(number)?)
    }

    fn place(&self, number: u32) -> Option<usize> {
        self.rows.binary_search_by_key(&number, |row| row.id.number()).ok()
    }

    /// Tasks that were read again, or are new.
    pub(super) fn replace(&mut self, rows: Vec<TaskRow>) -> Changed {
        let (mut changed, mut other_graph) = (false, false);
        for mut row in rows {
            match self.place(row.id.number()) {
                Some(at) => {
                    let Some(known) = self.rows.get_mut(at) else { continue };
                    keep_told(&mut row, known);
                    other_graph |= known.needs != row.needs;
                    changed |= *known != row;
                    *known = row;
                }
                None => {
                    self.rows.push(row);
                    self.rows.sort_by_key(|row| row.id.number());
                    (changed, other_graph) = (true, true);
                }
            }
        }
        if other_graph {
            self.order = Graph::new(&self.rows).tree();
            self.shape += 1;
        }
        if changed {
            self.told += 1;
            self.count();
        }
        Changed::when(changed)
    }

    /// What an event says of the goal or one of its tasks.
    pub(super) fn apply(&mut self, happening: &Happening) -> Changed {
        if happening.goal.as_ref() != Some(&self.head.id) {
            return Changed::Nothing;
        }
        let Some(task) = &happening.task else { return Changed::when(self.head.apply(happening)) };
        let Some(at) = self.place(task.number()) else { return Changed::Nothing };
        let Some(row) = self.rows.get_mut(at) else { return Changed::Nothing };
        let before = row.state;
        row.apply(happening);
        if row.state != before {
            let after = row.state;
            self.told += 1;
            self.recount(before, after);
        }
        Changed::Something
    }

    /// The phases of running tasks, as their agents say: events told them only to those who listened then.
    pub(super) fn take_phases(&mut self, fleet: &Fleet) {
        let goal = self.head.id.clone();
        let of_this = fleet.agents.iter().filter_map(|agent| {
            let task = agent.current_task.as_ref().filter(|task| *task.goal() == goal)?;
            Some((task.number(), agent))
        });
        for (number, agent) in of_this {
            let Some(at) = self.place(number) else { continue };
            let Some(row) = self.rows.get_mut(at) else { continue };
            if row.state == TaskState::Running && row.agent.as_ref() == Some(&agent.id) {
                row.phase = Some(agent.phase);
            }
        }
    }

    /// Finds the longest path that is left, and how long the goal will take.
    pub(super) fn measure(&mut self, pace: &Pace, fleet: &Fleet, now_ms: u64) {
        let graph = Graph::new(&self.rows);
        let known = Role::ALL.map(|role| self.expected(role, pace));
        let any = known.iter().any(Option::is_some);
        let seconds = |role: Role| {
            let at = Role::ALL.into_iter().position(|one| one == role);
            at.and_then(|at| known.get(at).copied().flatten()).unwrap_or(1.0).max(0.001)
        };
        let cost: Vec<f64> = self.rows.iter().map(|row| row.cost(seconds(row.role), now_ms)).collect();
        let (path, longest) = graph.longest(&cost);
        self.is_critical = vec![false; self.rows.len()];
        for row in &path {
            if let Some(flag) = self.is_critical.get_mut(*row) {
                *flag = true;
            }
        }
        self.critical = path;
        let going = self.head.state == GoalState::Running && !self.critical.is_empty();
        let widest =
            Role::ALL.into_iter().map(|role| self.work(role, &cost, fleet, now_ms)).fold(0.0, f64::max);
        self.left = (going && any).then_some(Estimate { seconds: longest.max(widest) });
    }

    /// What a role's open tasks take when its agents share them.
    fn work(&self, role: Role, cost: &[f64], fleet: &Fleet, now_ms: u64) -> f64 {
        let all: f64 =
            self.rows.iter().zip(cost).filter(|(row, _)| row.role == role).map(|(_, cost)| cost).sum();
        let agents = u32::try_from(fleet.alive(role, now_ms)).unwrap_or(u32::MAX);
        all / f64::from(agents.max(1))
    }

    /// What a task of a role takes: as measured in this goal, else anywhere.
    fn expected(&self, role: Role, pace: &Pace) -> Option<f64> {
        let done = self.rows.iter().filter(|row| row.role == role && row.state == TaskState::Succeeded);
        let (count, sum) =
            done.filter_map(|row| row.seconds).fold((0_u32, 0.0), |(count, sum), one| (count + 1, sum + one));
        if count > 0 { Some(sum / f64::from(count)) } else { pace.seconds(role) }
    }

    fn count(&mut self) {
        let of = |state: TaskState| self.rows.iter().filter(|row| row.state == state).count() as u64;
        let (succeeded, failed) = (of(TaskState::Succeeded), of(TaskState::Failed));
        let (blocked, cancelled, running) =
            (of(TaskState::Blocked), of(TaskState::Cancelled), of(TaskState::Running));
        // An archived goal has counts and no tasks.
        if !self.rows.is_empty() {
            let head = &mut self.head;
            (head.total, head.succeeded, head.failed) = (self.rows.len() as u64, succeeded, failed);
            (head.blocked, head.cancelled, head.running) = (blocked, cancelled, running);
        }
    }

    fn recount(&mut self, before: TaskState, after: TaskState) {
        for (state, step) in [(before, -1_i64), (after, 1)] {
            let head = &mut self.head;
            let count = match state {
                TaskState::Succeeded => &mut head.succeeded,
                TaskState::Failed => &mut head.failed,
                TaskState::Blocked => &mut head.blocked,
                TaskState::Cancelled => &mut head.cancelled,
                TaskState::Running => &mut head.running,
                TaskState::Waiting | TaskState::Ready => continue,
            };
            *count = count.saturating_add_signed(step);
        }
    }
}

/// What is read of a running attempt does not tell what events told of it.
fn keep_told(row: &mut TaskRow, known: &TaskRow) {
    if row.state == TaskState::Running && row.attempts == known.attempts {
        row.phase = row.phase.or(known.phase);
        row.doing = row.doing.take().or_else(|| known.doing.clone());
    }
    if row.attempts == known.attempts {
        row.tests = row.tests.or(known.tests);
        row.seconds = row.seconds.or(known.seconds.filter(|_| row.state == known.state));
    }
}

impl TaskRow {
    /// What it still takes.
    fn cost(&self, expected: f64, now_ms: u64) -> f64 {
        if !is_open(self.state) {
            return 0.0;
        }
        let spent = match (self.state, self.started_ms) {
            (TaskState::Running, Some(started)) => seconds_between(started, now_ms),
            _ => 0.0,
        };
        // What takes longer than others did is not done for that.
        (expected - spent).max(expected / 10.0)
    }

    fn apply(&mut self, happening: &Happening) {
        let is_current = happening.attempt.is_none_or(|attempt| attempt == self.attempts);
        match &happening.change {
            Change::Claimed => {
                self.state = TaskState::Running;
                self.attempts = happening.attempt.unwrap_or(self.attempts + 1);
                self.agent = happening.who.parse().ok();
                self.started_ms = Some(happening.ms);
                (self.ended_ms, self.seconds, self.error, self.tests) = (None, None, None, None);
                (self.phase, self.doing) = (None, None);
            }
            Change::Phase(phase) if is_current => (self.phase, self.doing) = (Some(*phase), None),
            Change::Doing(what) if is_current => self.doing = Some(what.clone()),
            Change::Done if is_current => self.doing = None,
            Change::Ready => self.end(TaskState::Ready, None, None),
            Change::Succeeded { seconds } => {
                self.end(TaskState::Succeeded, None, Some(happening.ms));
                self.seconds = *seconds;
            }
            Change::Ended { state, error } => {
                let ended = state.is_final().then_some(happening.ms);
                self.end(*state, error.clone(), ended);
                self.seconds = None;
            }
            Change::LeaseExpired => self.error = Some(happening.sentence.clone()),
            Change::Phase(_) | Change::Doing(_) | Change::Done => {}
            Change::Nothing
            | Change::Goal { .. }
            | Change::GoalPaused
            | Change::GoalResumed
            | Change::Plan => {}
        }
    }

    fn end(&mut self, state: TaskState, error: Option<Box<str>>, ended_ms: Option<u64>) {
        (self.state, self.error, self.ended_ms) = (state, error, ended_ms);
        (self.phase, self.doing) = (None, None);
    }
}
