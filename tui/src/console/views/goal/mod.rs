//! A goal: how far it is, its plan as a tree, and everything about the task under the cursor: what its agent
//! saw, thought and did, what its commit changed, its log.

mod acts;
mod branches;
mod changes;
mod details;
mod draw;
mod head;
mod reasons;
#[cfg(test)]
mod tests;
mod tree;

use std::cell::Cell;

use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{GoalId, TaskId};
use codegod_protocol::task::TaskState;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::View;
use crate::console::commits::Changes as Read;
use crate::console::effect::{Commit, Effect, Request};
use crate::console::feed::Scope;
use crate::console::keys::{Action, Context, Motion};
use crate::console::logs::{Limits, Log};
use crate::console::store::details::OpenTask;
use crate::console::store::{Changed, LogBatch, OpenGoal, Store, TaskRow};
use crate::console::target::LogTarget;
use crate::console::theme::Look;
use crate::console::widgets::Page;
use branches::Branches;
use changes::Changes;

/// A part of the view. All but the plan share one place on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    /// The plan.
    #[default]
    Plan,
    /// What is known of the task.
    Task,
    /// What its commit changed.
    Changes,
    /// Its log.
    Log,
}

const PARTS: [Part; 4] = [Part::Plan, Part::Task, Part::Changes, Part::Log];

/// The view.
#[derive(Debug)]
pub(crate) struct Goal {
    goal: Option<GoalId>,
    /// A task that was asked for before its plan was read.
    wanted: Option<u32>,
    focus: Part,
    /// Which part has the place beside the plan.
    beside: Part,
    zoomed: bool,
    plan: Branches,
    page: Page,
    /// What the page tells of, and what it was made of.
    told: Option<(TaskId, u64)>,
    changes: Changes,
    log: Option<Log>,
    asks: Vec<Request>,
    /// Written by drawing: where the part beside the plan is.
    side: Cell<Rect>,
}

impl Default for Goal {
    fn default() -> Self {
        Self {
            goal: None,
            wanted: None,
            focus: Part::Plan,
            beside: Part::Task,
            zoomed: false,
            plan: Branches::default(),
            page: Page::default(),
            told: None,
            changes: Changes::default(),
            log: None,
            asks: Vec::new(),
            side: Cell::default(),
        }
    }
}

/// What is held of a task's log.
const TASK_LOG: Limits = Limits { lines: 20_000, bytes: 6 << 20 };

impl Goal {
    /// Shows a goal.
    pub(crate) fn open(&mut self, goal: GoalId) {
        self.goal = Some(goal);
        self.focus = Part::Plan;
    }

    /// Shows a task in its goal.
    pub(crate) fn open_task(&mut self, task: &TaskId) {
        self.open(task.goal().clone());
        (self.wanted, self.focus, self.beside) = (Some(task.number()), Part::Task, Part::Task);
    }

    /// Whether lines are for the log of this view.
    pub(crate) fn asked_for(&self, batch: &LogBatch) -> bool {
        self.log.as_ref().is_some_and(|log| log.is_for(batch))
    }

    /// Takes lines in.
    pub(crate) fn take_lines(&mut self, batch: LogBatch) -> (Changed, Vec<Request>) {
        self.log.as_mut().map_or((Changed::Nothing, Vec::new()), |log| log.take(batch))
    }

    /// Lines that come are not printed any more.
    pub(crate) fn end_stream(&mut self) {
        if let Some(log) = &mut self.log {
            log.end_stream();
        }
    }

    /// Whether a search or a filter is not done yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.log.as_ref().is_some_and(Log::is_busy)
    }

    /// Lets it go on for a bounded time.
    pub(crate) fn go_on(&mut self) {
        if let Some(log) = &mut self.log {
            log.go_on();
        }
    }

    /// What a commit changed was read, or could not be.
    pub(crate) fn take_changes(&mut self, of: &Commit, read: Result<Box<Read>, String>) {
        let note = self.changes.take(of, read);
        self.asks.extend(note.map(Request::Say));
    }

    /// The plan that is shown, once it was read.
    fn plan<'a>(&self, store: &'a Store) -> Option<&'a OpenGoal> {
        open_plan(self.goal.as_ref(), store)
    }

    /// The task under the cursor.
    fn row<'a>(&self, store: &'a Store) -> Option<&'a TaskRow> {
        self.plan.chosen(self.plan(store)?)
    }

    /// The goal to show while a person chose none: the newest that runs, else the newest.
    fn choose(&mut self, store: &Store) {
        if self.goal.is_none() {
            let rows = &store.goals.rows;
            let chosen = rows.iter().find(|row| row.state == GoalState::Running).or(rows.first());
            self.goal = chosen.map(|row| row.id.clone());
        }
    }

    /// Shows the goal that is `older` places behind this one in the list, or before it.
    fn step(&mut self, older: isize, store: &Store) -> Vec<Request> {
        let rows = &store.goals.rows;
        let at = rows.iter().position(|row| Some(&row.id) == self.goal.as_ref());
        let next = at.map_or(Some(0), |at| at.checked_add_signed(older));
        match next.and_then(|next| rows.get(next)) {
            Some(row) => {
                self.open(row.id.clone());
                self.settle(store);
                Vec::new()
            }
            None => vec![Request::Say(
                if older > 0 { "no older goal is listed" } else { "this is the newest goal" }.to_owned(),
            )],
        }
    }

    /// Brings what tells of the task up to date.
    fn look_at_task(&mut self, store: &Store) {
        let Some((open, row)) = self.plan(store).and_then(|open| Some((open, self.plan.chosen(open)?)))
        else {
            return;
        };
        let task = store.task.as_ref().filter(|task| task.task.id == row.id);
        let fingerprint = details::fingerprint(row, task, open);
        let known = self.told.as_ref().filter(|(id, _)| *id == row.id).map(|(_, made_of)| *made_of);
        if known != Some(fingerprint) {
            let passages = details::passages(row, task, open, details::Output::Tail);
            match known {
                Some(_) => self.page.show(passages),
                None => self.page.begin(passages),
            }
            self.told = Some((row.id.clone(), fingerprint));
        }
        self.look_beside(&row.id.clone(), task);
    }

    /// The same for changes and log, which cost something to read, while they are shown.
    fn look_beside(&mut self, id: &TaskId, task: Option<&OpenTask>) {
        match self.beside {
            Part::Changes => {
                let wanted = self.changes.look_at(id, task);
                self.asks.extend(wanted.map(|commit| Request::Do(Effect::Changes(commit))));
            }
            Part::Log => {
                let whose = LogTarget::Task(id.clone());
                self.log.get_or_insert_with(|| Log::new(TASK_LOG, whose.clone())).open(whose);
            }
            Part::Plan | Part::Task => {}
        }
    }

    fn focus_on(&mut self, part: Part) {
        self.focus = part;
        if part != Part::Plan {
            self.beside = part;
        }
    }

    fn next_part(&mut self, step: usize) {
        let at = PARTS.iter().position(|part| *part == self.focus).unwrap_or_default();
        self.focus_on(PARTS[(at + step) % PARTS.len()]);
    }
}

/// The plan of a goal, once it was read.
fn open_plan<'a>(goal: Option<&GoalId>, store: &'a Store) -> Option<&'a OpenGoal> {
    store.goal.as_ref().filter(|open| Some(&open.head.id) == goal)
}

impl View for Goal {
    fn contexts(&self, store: &Store) -> Vec<Context> {
        let Some(row) = self.row(store) else {
            let goal = self.goal.as_ref().map(|_| [Context::Goal, Context::Plan]);
            return goal.into_iter().flatten().collect();
        };
        let first: &[Context] = match self.focus {
            Part::Plan => &[],
            Part::Task | Part::Changes => &[Context::Lines],
            Part::Log => &[Context::Log, Context::Lines],
        };
        let needs_person = matches!(row.state, TaskState::Failed | TaskState::Blocked);
        let (before, after) =
            if needs_person { (Some(Context::Task), None) } else { (None, Some(Context::Task)) };
        let goal = [Context::Goal, Context::Plan];
        let rest = after.into_iter().chain([Context::Panes, Context::Rows]);
        first.iter().copied().chain(before).chain(goal).chain(rest).collect()
    }

    fn settle(&mut self, store: &Store) {
        self.choose(store);
        let open = open_plan(self.goal.as_ref(), store);
        if let Some(open) = open {
            self.plan.settle(open);
            if let Some(wanted) = self.wanted.take_if(|wanted| open.row(*wanted).is_some()) {
                self.plan.reveal(wanted, open);
                self.plan.settle(open);
            }
        } else {
            self.plan.forget();
        }
        self.look_at_task(store);
    }

    fn act(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        let requests = match self.act_in_part(action, store) {
            Some(requests) => requests,
            None => self.act_in_view(action, store)?,
        };
        self.look_at_task(store);
        Some(requests)
    }

    fn click(&mut self, at: Position, store: &Store) -> Vec<Request> {
        let side = self.side.get();
        if side.contains(at) {
            self.focus_on(self.beside);
            match self.beside {
                Part::Changes => self.changes.pane.click(at),
                Part::Log => self.log.iter_mut().for_each(|log| log.click(at)),
                Part::Plan | Part::Task => {}
            }
        } else if let Some(open) = open_plan(self.goal.as_ref(), store)
            && self.plan.click(at, open)
        {
            self.focus = Part::Plan;
        }
        self.look_at_task(store);
        Vec::new()
    }

    fn wheel(&mut self, at: Position, rows: i16, store: &Store) {
        if self.side.get().contains(at) {
            match self.beside {
                Part::Changes => self.changes.pane.scroll(isize::from(rows)),
                Part::Log => self.asks = self.log.as_mut().map(|log| log.wheel(rows)).unwrap_or_default(),
                Part::Plan | Part::Task => self.page.scroll(isize::from(rows)),
            }
        } else if let Some(open) = open_plan(self.goal.as_ref(), store) {
            let motion = if rows < 0 { Motion::Up } else { Motion::Down };
            for _ in 0..rows.unsigned_abs() {
                self.plan.go(motion, open);
            }
            self.look_at_task(store);
        }
    }

    fn asks(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.asks)
    }

    fn search(&mut self, text: Option<&str>, store: &Store) {
        match self.focus {
            Part::Plan => {
                let open = open_plan(self.goal.as_ref(), store);
                if let Some(open) = open {
                    self.plan.search(text, open);
                    self.look_at_task(store);
                }
            }
            Part::Task => self.page.search(text),
            Part::Changes => {
                // What is no regular expression yet goes on being typed.
                self.changes.pane.search(text).ok();
            }
            Part::Log => self.log.iter_mut().for_each(|log| log.search(text)),
        }
    }

    fn scope(&self, scope: &mut Scope) {
        scope.goal.clone_from(&self.goal);
        scope.task =
            self.told.as_ref().map(|(id, _)| id.clone()).filter(|id| Some(id.goal()) == self.goal.as_ref());
        if let Some(log) = self.log.as_ref().filter(|_| self.beside == Part::Log) {
            log.scope(scope);
        }
    }

    fn copied(&self, store: &Store) -> Option<String> {
        match self.focus {
            Part::Plan => self.row(store).map(|row| row.id.to_string()),
            Part::Task => Some(self.page.plain()),
            Part::Changes => self.changes.plain(),
            Part::Log => self.log.as_ref()?.pane().copied(),
        }
    }

    fn text(&self, store: &Store) -> Option<(String, String)> {
        let open = self.plan(store)?;
        let row = self.plan.chosen(open);
        match self.focus {
            Part::Plan => Some((open.head.id.to_string(), draw::plain(open))),
            Part::Task => {
                let row = row?;
                let task = store.task.as_ref().filter(|task| task.task.id == row.id);
                let passages = details::passages(row, task, open, details::Output::All);
                let text = passages.iter().map(|passage| passage.plain() + "\n").collect::<String>();
                Some((row.id.to_string(), format!("{} {}\n{text}", row.id, row.title)))
            }
            Part::Changes => Some((format!("{}-changes", row?.id), self.changes.plain()?)),
            Part::Log => self.log.as_ref().map(Log::text),
        }
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
        draw::draw(self, frame, area, look, store);
    }
}
