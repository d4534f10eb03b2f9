//! The rules of plans, on random graphs: longest paths agree with the plain way to compute them, and a circle
//! is refused.

use std::collections::BTreeSet;

use codegod_protocol::id::{GoalId, Role, TaskId};
use codegod_protocol::plan::{self, PlanError};
use codegod_protocol::task::Task;
use proptest::prelude::*;

use super::fixtures;
use super::sketch::{Shape, longest_path};

/// Tasks without a circle whose numbers say nothing of their order: each needs some of those before it.
fn plan_without_circle() -> impl Strategy<Value = (GoalId, Vec<Task>)> {
    let order = (1usize..=14).prop_flat_map(|n| {
        let numbers: Vec<u32> = (1u32..).take(n).collect();
        (Just(numbers).prop_shuffle(), prop::collection::vec(any::<u16>(), n), Just(n).prop_perturb(|n, _| n))
    });
    order.prop_map(|(numbers, needs, _)| {
        let goal = GoalId::random();
        let tasks = numbers.iter().enumerate().map(|(at, number)| {
            let needed = numbers[..at].iter().enumerate().filter(|(bit, _)| needs[at] >> bit & 1 == 1);
            let needed: Vec<u32> = needed.map(|(_, number)| *number).collect();
            fixtures::task(&goal, *number, Role::Backend, &needed)
        });
        let mut tasks: Vec<Task> = tasks.collect();
        tasks.sort_by(|a, b| a.id.cmp(&b.id));
        (goal, tasks)
    })
}

fn shape(tasks: &[Task]) -> Shape {
    tasks.iter().map(|task| (task.id.clone(), task.needs.iter().cloned().collect())).collect()
}

/// The tasks that a task needs, at whatever distance.
fn ancestors(shape: &Shape, of: &TaskId) -> BTreeSet<TaskId> {
    shape[of].iter().flat_map(|need| ancestors(shape, need).into_iter().chain([need.clone()])).collect()
}

proptest! {
    #[test]
    fn longest_paths_are_those_that_the_plain_way_finds((_, tasks) in plan_without_circle()) {
        let shape = shape(&tasks);
        let paths = plan::check(&tasks).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let plain = shape.keys().map(|id| (id.clone(), longest_path(&shape, id))).collect();
        prop_assert_eq!(paths, plain);
    }

    #[test]
    fn a_circle_of_any_length_is_refused(
        (_, mut tasks) in plan_without_circle(),
        last in any::<prop::sample::Index>(),
        first in any::<prop::sample::Index>(),
    ) {
        // Closed by letting a task need one that needs it, or itself.
        let shape = shape(&tasks);
        let last = tasks[last.index(tasks.len())].id.clone();
        let mut circle: Vec<TaskId> = ancestors(&shape, &last).into_iter().collect();
        circle.push(last.clone());
        let first = circle[first.index(circle.len())].clone();
        let closing = tasks.iter_mut().find(|task| task.id == first);
        closing.ok_or_else(|| TestCaseError::fail("the first is gone"))?.needs.push(last);
        prop_assert!(matches!(plan::check(&tasks), Err(PlanError::Cycle(_))));
    }
}
