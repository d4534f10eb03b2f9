//! Which tasks of the plan are shown, and where the cursor stands: branches are closed and opened, and a
//! text leaves only the tasks that have it and what leads to them.
//!
//! What is shown is a list of places in the tree. It is made when the tree or what is looked for becomes
//! another; opening and closing a branch touches that branch, moving touches nothing.

use std::collections::HashSet;

use codegod_protocol::id::GoalId;
use codegod_protocol::task::TaskState;
use ratatui::layout::Position;

use crate::console::keys::Motion;
use crate::console::store::{OpenGoal, TaskRow};
use crate::console::widgets::List;

/// What no tree's number is.
const NO_SHAPE: u64 = 0;

/// The shown part of a plan.
#[derive(Debug, Default)]
pub(super) struct Branches {
    /// Which tree all of this was made of.
    of: Option<(GoalId, u64)>,
    /// Place → the place that it hangs below; its own for those at the top.
    above: Vec<usize>,
    /// Place → behind the last place of its branch.
    end: Vec<usize>,
    /// The numbers of tasks whose branches are closed.
    closed: HashSet<u32>,
    filter: Option<Filter>,
    /// The places that are shown.
    shown: Vec<usize>,
    /// The cursor, on the number of a task.
    pub(super) list: List<u32>,
    /// How many times what is shown was made anew.
    #[cfg(test)]
    pub(super) made: usize,
}

/// What tasks must have to be shown.
#[derive(Debug)]
struct Filter {
    typed: String,
    /// What the rows said when they were looked at.
    told: u64,
    /// How many tasks have it.
    found: usize,
}

/// A row about to be drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// The place in the tree.
    pub(super) place: usize,
    /// How many tasks are hidden below it.
    pub(super) hidden: usize,
}

impl Branches {
    /// How many rows are shown.
    pub(super) fn len(&self) -> usize {
        self.shown.len()
    }

    /// What a row shows.
    pub(super) fn row(&self, row: usize, goal: &OpenGoal) -> Option<Shown> {
        let place = *self.shown.get(row)?;
        let closed = self.filter.is_none() && self.closed.contains(&number(goal, place)?);
        Some(Shown { place, hidden: if closed { self.end[place] - place - 1 } else { 0 } })
    }

    /// What is looked for, and how many tasks have it.
    pub(super) fn filter(&self) -> Option<(&str, usize)> {
        self.filter.as_ref().map(|filter| (filter.typed.as_str(), filter.found))
    }

    /// The task under the cursor.
    pub(super) fn chosen<'a>(&self, goal: &'a OpenGoal) -> Option<&'a TaskRow> {
        let place = goal.tree().get(*self.shown.get(self.list.cursor())?)?;
        goal.rows().get(place.row)
    }

    /// The plan is not known at present: when it is again, all is made anew. What was closed and looked for, and
    /// where the cursor stood, stays.
    pub(super) fn forget(&mut self) {
        if let Some((_, shape)) = &mut self.of {
            *shape = NO_SHAPE;
        }
    }

    /// The plan changed, or another is open.
    pub(super) fn settle(&mut self, goal: &OpenGoal) {
        let other_goal = self.of.as_ref().is_none_or(|(id, _)| *id != goal.head.id);
        if other_goal {
            *self = Self::default();
        }
        let other_tree = self.of.as_ref().is_none_or(|(_, shape)| *shape != goal.shape);
        if other_tree {
            self.of = Some((goal.head.id.clone(), goal.shape));
            self.measure(goal);
        }
        if other_tree || self.filter.as_ref().is_some_and(|filter| filter.told != goal.told) {
            self.make(goal);
        }
        if other_goal {
            self.begin(goal);
        }
        self.stand(goal);
    }

    /// Where a person begins to look: what runs, else what went wrong, else the first.
    fn begin(&mut self, goal: &OpenGoal) {
        let first = |wanted: fn(TaskState) -> bool| {
            let place = goal.tree().iter().find(|place| wanted(goal.rows()[place.row].state));
            place.map(|place| goal.rows()[place.row].id.number())
        };
        let wrong = |state| matches!(state, TaskState::Failed | TaskState::Blocked);
        if let Some(number) = first(|state| state == TaskState::Running).or_else(|| first(wrong)) {
            self.list.hold(number);
        }
    }

    /// Puts the cursor on the row that it holds.
    fn stand(&mut self, goal: &OpenGoal) {
        let Self { list, shown, .. } = self;
        list.settle(shown.len(), |row| shown.get(row).and_then(|at| number(goal, *at)).unwrap_or_default());
    }

    /// Finds out what hangs below what.
    fn measure(&mut self, goal: &OpenGoal) {
        let tree = goal.tree();
        (self.above, self.end) = ((0..tree.len()).collect(), vec![tree.len(); tree.len()]);
        // The places from the top down to the one that is looked at.
        let mut way: Vec<usize> = Vec::new();
        for (at, place) in tree.iter().enumerate() {
            while way.last().is_some_and(|last| tree[*last].depth >= place.depth) {
                if let Some(last) = way.pop() {
                    self.end[last] = at;
                }
            }
            self.above[at] = way.last().copied().unwrap_or(at);
            way.push(at);
        }
    }

    /// Finds out what is shown.
    fn make(&mut self, goal: &OpenGoal) {
        #[cfg(test)]
        {
            self.made += 1;
        }
        match self.filter.take() {
            None => self.shown = self.open_in(0..goal.tree().len(), goal),
            Some(filter) => self.sift(filter, goal),
        }
    }

    /// Leaves the tasks that have all words, and what they hang below.
    fn sift(&mut self, mut filter: Filter, goal: &OpenGoal) {
        let words: Vec<String> = filter.typed.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let mut wanted = vec![false; goal.tree().len()];
        filter.found = 0;
        for (at, place) in goal.tree().iter().enumerate() {
            if has_all(&goal.rows()[place.row], goal.is_critical(place.row), &words) {
                filter.found += 1;
                let mut up = at;
                while !std::mem::replace(&mut wanted[up], true) {
                    up = self.above[up];
                }
            }
        }
        self.shown = (0..wanted.len()).filter(|at| wanted[*at]).collect();
        filter.told = goal.told;
        self.filter = Some(filter);
    }

    /// The places of a part of the tree that no closed branch hides.
    fn open_in(&self, part: std::ops::Range<usize>, goal: &OpenGoal) -> Vec<usize> {
        let (mut shown, mut at) = (Vec::with_capacity(part.len()), part.start);
        while at < part.end {
            shown.push(at);
            let closed = number(goal, at).is_some_and(|number| self.closed.contains(&number));
            at = if closed { self.end[at] } else { at + 1 };
        }
        shown
    }

    /// Leaves only tasks that have the text; none or an empty one takes the filter away.
    pub(super) fn search(&mut self, typed: Option<&str>, goal: &OpenGoal) {
        let typed = typed.map(str::trim).filter(|typed| !typed.is_empty());
        self.filter = typed.map(|typed| Filter { typed: typed.to_owned(), told: goal.told, found: 0 });
        self.make(goal);
        if self.filter.is_some() {
            self.hold_first(goal);
        } else if let Some(number) = self.list.held().copied() {
            self.reveal(number, goal);
        }
        self.stand(goal);
    }

    /// Puts the cursor on the first task that has what is looked for, unless it stands on one.
    fn hold_first(&mut self, goal: &OpenGoal) {
        let Some(filter) = &self.filter else { return };
        let words: Vec<String> = filter.typed.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let fits = |row: &TaskRow, at: usize| has_all(row, goal.is_critical(at), &words);
        let held = self.list.held().and_then(|number| goal.row(*number));
        let here = held.is_some_and(|row| {
            let at = goal.rows().binary_search_by_key(&row.id.number(), |row| row.id.number());
            at.is_ok_and(|at| fits(row, at))
        });
        if here {
            return;
        }
        let rows = self.shown.iter().filter_map(|place| Some(goal.tree().get(*place)?.row));
        let first = rows.into_iter().find(|row| fits(&goal.rows()[*row], *row));
        if let Some(first) = first {
            self.list.hold(goal.rows()[first].id.number());
        }
    }

    /// Moves the cursor, or closes and opens its branch.
    pub(super) fn go(&mut self, motion: Motion, goal: &OpenGoal) {
        match motion {
            Motion::Left => self.close(goal),
            Motion::Right => self.open(goal),
            motion => {
                let Self { list, shown, .. } = self;
                let number = |row: usize| shown.get(row).and_then(|at| number(goal, *at)).unwrap_or_default();
                list.go(motion, shown.len(), number);
            }
        }
    }

    /// Puts the cursor on the row that was drawn there. Returns whether there is one.
    pub(super) fn click(&mut self, at: Position, goal: &OpenGoal) -> bool {
        let Self { list, shown, .. } = self;
        let number = |row: usize| shown.get(row).and_then(|at| number(goal, *at)).unwrap_or_default();
        list.click(at, shown.len(), number)
    }

    /// Closes the branch; where there is none, goes to what it hangs below.
    fn close(&mut self, goal: &OpenGoal) {
        let row = self.list.cursor();
        let Some(at) = self.shown.get(row).copied() else { return };
        let Some(number) = number(goal, at) else { return };
        let has_branch = self.end[at] > at + 1;
        if has_branch && self.filter.is_none() && self.closed.insert(number) {
            let end = self.shown.partition_point(|place| *place < self.end[at]);
            self.shown.drain(row + 1..end);
        } else {
            self.hold_place(self.above[at], goal);
        }
    }

    /// Opens the branch; where it is open, goes into it.
    fn open(&mut self, goal: &OpenGoal) {
        let row = self.list.cursor();
        let Some(at) = self.shown.get(row).copied() else { return };
        let Some(number) = number(goal, at) else { return };
        if self.filter.is_none() && self.closed.remove(&number) {
            let opened = self.open_in(at + 1..self.end[at], goal);
            self.shown.splice(row + 1..row + 1, opened);
        } else if self.shown.get(row + 1).is_some_and(|below| self.above[*below] == at && *below != at) {
            self.go(Motion::Down, goal);
        }
    }

    /// Closes or opens all branches.
    pub(super) fn set_all(&mut self, branches: All, goal: &OpenGoal) {
        match branches {
            All::Open => self.closed.clear(),
            All::Closed => {
                let with_branch = (0..self.end.len()).filter(|at| self.end[*at] > at + 1);
                self.closed = with_branch.filter_map(|at| number(goal, at)).collect();
                let mut top = self.shown.get(self.list.cursor()).copied().unwrap_or_default();
                while self.above.get(top).is_some_and(|above| *above != top) {
                    top = self.above[top];
                }
                self.hold_place(top, goal);
            }
        }
        self.make(goal);
        self.stand(goal);
    }

    fn hold_place(&mut self, at: usize, goal: &OpenGoal) {
        let Some(number) = number(goal, at) else { return };
        if let Ok(row) = self.shown.binary_search(&at) {
            self.list.put(row, number);
        } else {
            self.list.hold(number);
        }
    }

    /// Goes to the next task in such a state, in closed branches too; behind the last the first comes.
    /// Returns whether there is one.
    pub(super) fn next(&mut self, wanted: impl Fn(TaskState) -> bool, goal: &OpenGoal) -> bool {
        let tree = goal.tree();
        let here = self.shown.get(self.list.cursor()).copied().unwrap_or_default();
        let others = (1..=tree.len()).map(|step| (here + step) % tree.len());
        let fits = |at: &usize| wanted(goal.rows()[tree[*at].row].state);
        let Some(found) = others.into_iter().find(fits).and_then(|at| number(goal, at)) else { return false };
        self.reveal(found, goal);
        self.stand(goal);
        true
    }

    /// Puts the cursor on a task, and opens or lets go of what hides it.
    pub(super) fn reveal(&mut self, task: u32, goal: &OpenGoal) {
        self.list.hold(task);
        let place = goal.tree().iter().position(|place| goal.rows()[place.row].id.number() == task);
        let Some(place) = place else { return };
        if self.shown.binary_search(&place).is_ok() {
            return;
        }
        self.filter = None;
        let mut up = place;
        while self.above[up] != up {
            up = self.above[up];
            if let Some(number) = number(goal, up) {
                self.closed.remove(&number);
            }
        }
        self.make(goal);
    }
}

/// All branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum All {
    /// Are opened.
    Open,
    /// Are closed.
    Closed,
}

/// The number of the task at a place of the tree.
fn number(goal: &OpenGoal, place: usize) -> Option<u32> {
    Some(goal.rows().get(goal.tree().get(place)?.row)?.id.number())
}

/// Whether all words stand in what a row shows.
fn has_all(row: &TaskRow, is_critical: bool, words: &[String]) -> bool {
    let title = row.title.to_lowercase();
    let has = |word: &String| {
        title.contains(word.as_str())
            || row.state.name().starts_with(word.as_str())
            || row.role.name().starts_with(word.as_str())
            || (is_critical && "critical".starts_with(word.as_str()))
            || row.agent.as_ref().is_some_and(|agent| agent.to_string().contains(word.as_str()))
            || row.error.as_ref().is_some_and(|error| error.to_lowercase().contains(word.as_str()))
            || word.parse() == Ok(row.id.number())
    };
    words.iter().all(has)
}
