//! The plans that are measured.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use codegod_protocol::client::{Client, Growth, GrowthOutcome, Planning, PlanningOutcome};
use codegod_protocol::id::{GoalId, Role};
use codegod_protocol::keys::DEFAULT_PREFIX;
use codegod_protocol::task::Task;
use codegod_tests::plans;

use crate::turns::now_ns;

/// The role whose tasks are measured.
pub(crate) const ROLE: Role = Role::Backend;
/// The other role, where two are needed; also of the task that keeps a growing plan open.
pub(crate) const OTHER: Role = Role::Testing;
/// How many tasks of [`Shape::Lanes`] are ready at any time.
const LANES: u32 = 16;
/// How many tasks stand in a layer of [`Shape::Layers`].
const LAYER: u32 = 100;

/// How the tasks of a plan hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing needs anything.
    Flat,
    /// Each needs the one before it.
    Chain,
    /// As a chain, with two roles in turns.
    TwoRoles,
    /// One, then all but the first and the last, then the last.
    Fan,
    /// Sixteen chains side by side.
    Lanes,
    /// Layers of a hundred, in which each task needs two of the layer before.
    Layers,
}

impl Shape {
    /// Every shape with its name.
    const ALL: [(&str, Shape); 6] = [
        ("flat", Shape::Flat),
        ("chain", Shape::Chain),
        ("two-roles", Shape::TwoRoles),
        ("fan", Shape::Fan),
        ("lanes", Shape::Lanes),
        ("layers", Shape::Layers),
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, shape)| *shape == self).map_or("", |(name, _)| name)
    }

    /// The shape of that name.
    pub(crate) fn of(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, shape)| *shape).with_context(|| format!("no plan has the shape {name:?}"))
    }

    /// The numbers of the tasks that task `number` of `n` needs; numbers count from 1.
    pub(crate) fn needs(self, number: u32, n: u32) -> Vec<u32> {
        match self {
            Shape::Flat => vec![],
            Shape::Chain | Shape::TwoRoles => (number > 1).then(|| number - 1).into_iter().collect(),
            Shape::Fan if number == 1 => vec![],
            Shape::Fan if number == n => (2..n).collect(),
            Shape::Fan => vec![1],
            Shape::Lanes => number.checked_sub(LANES).filter(|need| *need > 0).into_iter().collect(),
            Shape::Layers if number <= LAYER => vec![],
            Shape::Layers => {
                let first = (number - 1) / LAYER * LAYER - LAYER + 1;
                let place = (number - 1) % LAYER;
                vec![first + place, first + (place + 1) % LAYER]
            }
        }
    }
}

/// Task `number` of a plan, with the time at which it was handed over, for its record.
fn task(goal: &GoalId, number: u32, role: Role, needs: &[u32], handed_ns: u64) -> Task {
    let mut task = plans::task(goal, number, role, needs);
    let fields = [("i", u64::from(number)), ("tenq", handed_ns)];
    task.metadata = fields.map(|(name, value)| (name.to_owned(), value.to_string())).into();
    task
}

/// All tasks of a plan.
pub(crate) fn tasks(goal: &GoalId, shape: Shape, n: u32) -> Vec<Task> {
    let role = |number: u32| if shape == Shape::TwoRoles && number.is_multiple_of(2) { OTHER } else { ROLE };
    (1..=n).map(|number| task(goal, number, role(number), &shape.needs(number, n), 0)).collect()
}

/// A client of the benchmark's own.
pub(crate) async fn client(url: &str) -> Result<Client> {
    Ok(Client::connect(url, DEFAULT_PREFIX, "bench").await?)
}

/// Submits a plan. Returns how many seconds that took, from the tasks in memory to the plan in Redis.
pub(crate) async fn submit(client: &Client, shape: Shape, n: u32) -> Result<f64> {
    let goal = plans::goal("a plan of tasks that do nothing");
    let tasks = tasks(&goal.id, shape, n);
    client.submit_goal(&goal).await?;
    let began = Instant::now();
    lay_down(client, &goal.id, &tasks).await?;
    Ok(began.elapsed().as_secs_f64())
}

async fn lay_down(client: &Client, goal: &GoalId, tasks: &[Task]) -> Result<()> {
    let Planning::Begun(token) = client.begin_planning(goal).await? else { bail!("{goal} is taken") };
    let outcome = client.submit_plan(goal, &token, &plans::intent(), tasks).await?;
    ensure!(outcome == PlanningOutcome::Accepted, "the plan was not taken: {outcome:?}");
    Ok(())
}

/// A plan that runs and grows by one task at a time.
pub(crate) struct Growing {
    client: Client,
    goal: GoalId,
    next: u32,
}

impl Growing {
    /// One that a task of the other role keeps open.
    pub(crate) async fn start(client: Client) -> Result<Self> {
        let goal = plans::goal("a plan that grows");
        client.submit_goal(&goal).await?;
        lay_down(&client, &goal.id, &[plans::task(&goal.id, 1, OTHER, &[])]).await?;
        Ok(Self { client, goal: goal.id, next: 2 })
    }

    /// Adds a task that can begin at once.
    pub(crate) async fn add(&mut self) -> Result<()> {
        let added = [task(&self.goal, self.next, ROLE, &[], now_ns())];
        let outcome =
            self.client.grow_plan(&self.goal, &Growth { held: None, added: &added, paths: &[] }).await?;
        ensure!(outcome == GrowthOutcome::Grown, "the plan did not grow: {outcome:?}");
        self.next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_needs_only_tasks_that_come_before() {
        for (_, shape) in Shape::ALL {
            for number in 1..=250 {
                assert!(shape.needs(number, 250).iter().all(|need| (1..number).contains(need)), "{shape:?}");
            }
        }
    }

    #[test]
    fn layers_need_two_of_the_layer_before_and_a_fan_meets_in_its_last() {
        assert_eq!(Shape::Layers.needs(100, 250), [0_u32; 0]);
        assert_eq!(Shape::Layers.needs(101, 250), [1, 2]);
        assert_eq!(Shape::Layers.needs(200, 250), [100, 1]);
        assert_eq!(Shape::Layers.needs(201, 250), [101, 102]);
        assert_eq!(Shape::Fan.needs(5, 5), [2, 3, 4]);
        assert_eq!(Shape::Lanes.needs(17, 50), [1]);
    }
}
