//! A plan's graph: the order in which it is drawn as a tree, and its longest remaining path. Both cost as much
//! as the plan has tasks and needs.

use codegod_protocol::task::TaskState;

use super::TaskRow;

/// The deepest level whose rails are drawn.
const RAILS: u32 = 63;

/// A task's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which of the plan's rows it is.
    pub(crate) row: usize,
    /// How deep it stands, from 0.
    pub(crate) depth: u32,
    /// Whether it is the last below its parent.
    pub(crate) is_last: bool,
    /// The levels (bit 1 is the first below the top) at which a rail passes by to a later task.
    rails: u64,
}

impl Place {
    /// Whether a rail passes by at a level above its own.
    pub(crate) fn has_rail(&self, level: u32) -> bool {
        level <= RAILS && self.rails & (1 << level) != 0
    }
}

/// A plan's graph by the places of its rows.
pub(super) struct Graph {
    /// Row → rows that it needs.
    needs: Vec<Vec<usize>>,
    /// Rows, each after all that it needs; what waits for itself is left out.
    order: Vec<usize>,
}

impl Graph {
    pub(super) fn new(rows: &[TaskRow]) -> Self {
        let place = |number: &u32| rows.binary_search_by_key(number, |row| row.id.number()).ok();
        let needs: Vec<Vec<usize>> =
            rows.iter().map(|row| row.needs.iter().filter_map(place).collect()).collect();
        let mut dependents = vec![Vec::new(); rows.len()];
        for (row, needs) in needs.iter().enumerate() {
            for need in needs {
                dependents[*need].push(row);
            }
        }
        let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
        let mut order: Vec<usize> = (0..rows.len()).filter(|row| open[*row] == 0).collect();
        let mut next = 0;
        while let Some(row) = order.get(next).copied() {
            next += 1;
            for dependent in &dependents[row] {
                open[*dependent] -= 1;
                if open[*dependent] == 0 {
                    order.push(*dependent);
                }
            }
        }
        Self { needs, order }
    }

    /// The rows as a tree: each stands under the one of its needs that comes last.
    pub(super) fn tree(&self) -> Vec<Place> {
        let count = self.needs.len();
        let mut level = vec![0_u32; count];
        let mut parent = vec![None; count];
        for row in &self.order {
            let last = self.needs[*row].iter().copied().max_by_key(|need| (level[*need], *need));
            parent[*row] = last;
            level[*row] = last.map_or(0, |need| level[need] + 1);
        }
        let mut children = vec![Vec::new(); count];
        let mut roots = Vec::new();
        for (row, parent) in parent.iter().enumerate() {
            match parent {
                Some(parent) => children[*parent].push(row),
                None => roots.push(row),
            }
        }
        walk(&roots, &children)
    }

    /// The longest path through what is not done, by what each task still takes: its rows from the first to
    /// the last, and what they take together.
    pub(super) fn longest(&self, cost: &[f64]) -> (Vec<usize>, f64) {
        // The longest way from the start to each row's end, and the need that it leads through.
        let mut ways: Vec<(f64, Option<usize>)> = vec![(0.0, None); self.needs.len()];
        let mut best: Option<usize> = None;
        for row in &self.order {
            let mut before = (0.0, None);
            for need in &self.needs[*row] {
                if ways[*need].0 > before.0 {
                    before = (ways[*need].0, Some(*need));
                }
            }
            ways[*row] = (before.0 + cost[*row], before.1);
            if cost[*row] > 0.0 && best.is_none_or(|best| ways[*row].0 > ways[best].0) {
                best = Some(*row);
            }
        }
        let total = best.map_or(0.0, |best| ways[best].0);
        let mut path = Vec::new();
        while let Some(row) = best {
            if cost[row] > 0.0 {
                path.push(row);
            }
            best = ways[row].1;
        }
        path.reverse();
        (path, total)
    }
}

fn walk(roots: &[usize], children: &[Vec<usize>]) -> Vec<Place> {
    let mut places = Vec::with_capacity(children.len());
    let mut stack = Vec::new();
    let push = |stack: &mut Vec<Place>, rows: &[usize], depth: u32, rails: u64| {
        for (at, row) in rows.iter().enumerate().rev() {
            stack.push(Place { row: *row, depth, is_last: at + 1 == rows.len(), rails });
        }
    };
    push(&mut stack, roots, 0, 0);
    while let Some(place) = stack.pop() {
        places.push(place);
        let passes = !place.is_last && place.depth > 0 && place.depth <= RAILS;
        let rails = if passes { place.rails | (1 << place.depth) } else { place.rails };
        push(&mut stack, &children[place.row], place.depth + 1, rails);
    }
    places
}

/// Whether a task still has to be done.
pub(super) fn is_open(state: TaskState) -> bool {
    !state.is_final()
}
