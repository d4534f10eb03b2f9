//! What a run has to do: goals of many shapes, made from a seed, and what becomes of them on the way.

use std::time::Duration;

use codegod_protocol::goal::Goal;
use codegod_protocol::id::{GoalId, Role};
use codegod_protocol::task::Task;
use rand::rngs::StdRng;
use rand::seq::{IndexedMutRandom, IndexedRandom};
use rand::{Rng, SeedableRng};

use crate::noop::{ASK, FAIL, SLEEP_MS};
use crate::plans;

/// More attempts than troubles cost a task; one that ends for want of attempts would be a lost one.
const ATTEMPTS: u32 = 30;
/// One in so many goals has a task that always fails.
const DOOMED: usize = 12;
/// One in so many is planned by a master, from its text.
const BY_MASTER: usize = 4;

/// A goal, who plans it, and what happens to it while it runs.
#[derive(Debug, Clone)]
pub struct Order {
    /// The goal.
    pub goal: Goal,
    /// Its plan; none when a master is to plan it.
    pub tasks: Vec<Task>,
    /// What a person does to it.
    pub whim: Whim,
}

/// What a person does to a goal, so long after it was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whim {
    /// Nothing.
    None,
    /// It is cancelled.
    Cancel(Duration),
    /// It is paused, and resumed after the second time.
    Pause(Duration, Duration),
}

/// Whether a task can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It can, however often it has to be tried.
    Succeeds,
    /// All its attempts fail.
    Fails,
    /// It needs one that fails.
    NeverRuns,
}

/// Goals with about `count` tasks between them, the same ones for the same seed but for their ids. A lease
/// is the length that some tasks outlast.
#[must_use]
pub fn make(seed: u64, count: usize, lease: Duration) -> Vec<Order> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut orders, mut made) = (Vec::new(), 0);
    while made < count {
        let mut goal = plans::goal(&format!("sing song {} of {seed}", orders.len()));
        goal.priority = rng.random_range(1..=10);
        let needs = if orders.len() % BY_MASTER == 1 { vec![] } else { shape(&mut rng, count - made) };
        let mut tasks: Vec<Task> = needs
            .iter()
            .zip(1..)
            .map(|(needs, number)| task(&mut rng, &goal.id, number, needs, lease))
            .collect();
        if orders.len() % DOOMED == 7
            && let Some(task) = tasks.choose_mut(&mut rng)
        {
            doom(task);
        }
        if orders.len() % DOOMED == 2
            && let Some(task) = tasks.last_mut()
        {
            task.metadata.insert(SLEEP_MS.to_owned(), (lease * 3 / 2).as_millis().to_string());
        }
        made += tasks.len();
        let whim = whim(&mut rng, orders.len());
        orders.push(Order { goal, tasks, whim });
    }
    orders
}

/// Every eighth goal is cancelled and every eighth paused, those planned by masters sometimes as well.
fn whim(rng: &mut StdRng, at: usize) -> Whim {
    let chance = rng.random_range(0..100);
    let mut ms = |range| Duration::from_millis(rng.random_range(range));
    let (first, second) = (ms(0..1500), ms(200..2000));
    match (at % 8, chance) {
        (3, _) | (1, 0..30) => Whim::Cancel(first),
        (6, _) | (1, 30..60) => Whim::Pause(first, second),
        _ => Whim::None,
    }
}

/// What each task needs, by number.
fn shape(rng: &mut StdRng, at_most: usize) -> Vec<Vec<u32>> {
    let mut size = |range: std::ops::Range<u32>| rng.random_range(range);
    let mut needs: Vec<Vec<u32>> = match size(0..4) {
        // Independent ones.
        0 => vec![vec![]; size(10..70) as usize],
        // A chain.
        1 => (0..size(5..25)).map(|before| if before == 0 { vec![] } else { vec![before] }).collect(),
        // One, many, one.
        2 => {
            let many = size(10..70);
            let middle = (0..many).map(|_| vec![1]);
            std::iter::once(vec![]).chain(middle).chain([(2..many + 2).collect()]).collect()
        }
        // Layers; each task needs some of the layer before.
        _ => layers(rng),
    };
    needs.truncate(at_most.max(1));
    needs
}

fn layers(rng: &mut StdRng) -> Vec<Vec<u32>> {
    let (width, depth) = (rng.random_range(2..7_u32), rng.random_range(3..9_u32));
    let mut needs = Vec::new();
    for layer in 0..depth {
        for _ in 0..width {
            let before: Vec<u32> = (1..=width).map(|at| layer.saturating_sub(1) * width + at).collect();
            let wanted = if layer == 0 { 0 } else { rng.random_range(1..=before.len().min(3)) };
            needs.push(before.choose_multiple(rng, wanted).copied().collect());
        }
    }
    needs
}

fn task(rng: &mut StdRng, goal: &GoalId, number: u32, needs: &[u32], lease: Duration) -> Task {
    let role = *Role::ALL.choose(rng).unwrap_or(&Role::Backend);
    let mut task = plans::task(goal, number, role, needs);
    if rng.random_ratio(3, 10) {
        task.priority = rng.random_range(1..=10);
    }
    task.max_attempts = ATTEMPTS;
    // Longer than the longest trouble: an attempt ends when its work does.
    task.deadline_seconds = 600.max(lease.as_secs() * 20);
    let (what, value) = match rng.random_range(0..1000) {
        0..180 => (SLEEP_MS, rng.random_range(10..500).to_string()),
        180..210 => (FAIL, "1".to_owned()),
        210..222 => (ASK, "1".to_owned()),
        _ => return task,
    };
    task.metadata.insert(what.to_owned(), value);
    task
}

/// Makes a task fail at every attempt; two of them are enough.
fn doom(task: &mut Task) {
    let every: Vec<String> = (1..=ATTEMPTS).map(|attempt| attempt.to_string()).collect();
    task.metadata.insert(FAIL.to_owned(), every.join(","));
    task.max_attempts = 2;
}

impl Order {
    /// What becomes of each task, in order, when nobody cancels the goal.
    #[must_use]
    pub fn fates(&self) -> Vec<Fate> {
        let mut fates: Vec<Fate> = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            let before = |id: &codegod_protocol::id::TaskId| fates.get(id.number() as usize - 1);
            let blocked = task.needs.iter().filter_map(before).any(|fate| *fate != Fate::Succeeds);
            fates.push(match task.max_attempts {
                _ if blocked => Fate::NeverRuns,
                2 => Fate::Fails,
                _ => Fate::Succeeds,
            });
        }
        fates
    }
}

#[cfg(test)]
mod tests {
    use codegod_protocol::plan;

    use super::*;

    #[test]
    fn a_seed_makes_the_same_load_again_and_every_plan_can_be_submitted() {
        let (one, two) = (make(7, 2_000, Duration::from_secs(3)), make(7, 2_000, Duration::from_secs(3)));
        let told = |orders: &[Order]| -> Vec<_> {
            let tasks =
                |order: &Order| order.tasks.iter().map(|task| task.metadata.clone()).collect::<Vec<_>>();
            orders
                .iter()
                .map(|order| (order.goal.text.clone(), order.whim, order.fates(), tasks(order)))
                .collect()
        };
        assert_eq!(told(&one), told(&two));
        assert_ne!(told(&one), told(&make(8, 2_000, Duration::from_secs(3))));
        assert_eq!(one.iter().map(|order| order.tasks.len()).sum::<usize>(), 2_000);
        for order in one.iter().filter(|order| !order.tasks.is_empty()) {
            plan::check(&order.tasks).expect("a plan that holds to the rules");
        }
    }

    #[test]
    fn a_load_holds_something_of_everything() {
        let orders = make(1, 2_000, Duration::from_secs(3));
        let fates: Vec<Fate> = orders.iter().flat_map(Order::fates).collect();
        assert!([Fate::Succeeds, Fate::Fails].iter().all(|fate| fates.contains(fate)));
        assert!(orders.iter().any(|order| order.tasks.is_empty()), "for a master to plan");
        assert!(orders.iter().any(|order| matches!(order.whim, Whim::Cancel(_))));
        assert!(orders.iter().any(|order| matches!(order.whim, Whim::Pause(..))));
        let tasks = || orders.iter().flat_map(|order| &order.tasks);
        assert!(
            [SLEEP_MS, FAIL, ASK].iter().all(|what| tasks().any(|task| task.metadata.contains_key(*what)))
        );
    }
}
