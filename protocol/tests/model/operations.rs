//! What may happen, as values that proptest makes and shrinks. What an operation is about is chosen from what
//! there is when it is its turn ([`Index`]), so that leaving one out makes no nonsense of the others.

use codegod_protocol::result::ResultStatus;
use proptest::prelude::*;
use proptest::sample::Index;

/// A task of a plan to be.
#[derive(Debug, Clone)]
pub(crate) struct TaskSketch {
    pub(crate) testing: bool,
    pub(crate) priority: u8,
    /// Which of the two capabilities it asks for: bits.
    pub(crate) capabilities: u8,
    pub(crate) max_attempts: u32,
    /// Which of the tasks before it it needs: bits, counted back from it.
    pub(crate) needs: u16,
}

/// A goal to be.
#[derive(Debug, Clone)]
pub(crate) struct GoalSketch {
    pub(crate) urgent: bool,
    pub(crate) plan: Vec<TaskSketch>,
}

/// What is wrong with a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// It names an attempt that nobody has begun.
    WrongAttempt,
    /// It is there twice.
    Twice,
}

/// Which tasks an operation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Those that it is meant for; it does nothing when there are none.
    Fit,
    /// All.
    Any,
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    SubmitGoal(GoalSketch),
    BeginPlanning(Index),
    SubmitPlan {
        goal: Index,
        stale: bool,
    },
    EndGoal {
        goal: Index,
        stale: bool,
        failed: bool,
    },
    Turn {
        agent: Index,
        results: Vec<(Index, ResultStatus, Fault)>,
        wanted: usize,
    },
    /// An attempt of any time publishes, in its own agent's name.
    Late {
        attempt: Index,
        status: ResultStatus,
    },
    Renew(Index),
    Release(Index),
    /// Keeps those of its tasks whose bits are set.
    Recover {
        agent: Index,
        known: u16,
    },
    Die(Index),
    /// The leases of those running tasks of a role whose bits are set run out.
    Expire {
        testing: bool,
        which: u16,
    },
    BackoffOver(u16),
    Cancel(Index),
    Pause(Index),
    Resume(Index),
    PauseFleet,
    ResumeFleet,
    Retry {
        task: Index,
        aim: Aim,
    },
    Grow {
        goal: Index,
        held: Option<(Index, Aim)>,
        added: Vec<TaskSketch>,
        number_off: u32,
    },
    GiveUp {
        task: Index,
        aim: Aim,
        round_off: u32,
    },
    Wipe(Index),
}

fn index() -> impl Strategy<Value = Index> {
    any::<Index>()
}

fn aim() -> impl Strategy<Value = Aim> {
    prop_oneof![6 => Just(Aim::Fit), 1 => Just(Aim::Any)]
}

fn status() -> impl Strategy<Value = ResultStatus> {
    prop_oneof![
        10 => Just(ResultStatus::Succeeded),
        5 => Just(ResultStatus::Failed),
        1 => Just(ResultStatus::FailedForGood),
        1 => Just(ResultStatus::Blocked),
        5 => Just(ResultStatus::NeedsFollowUp),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![8 => Just(Fault::Nothing), 1 => Just(Fault::WrongAttempt), 1 => Just(Fault::Twice)]
}

fn task() -> impl Strategy<Value = TaskSketch> {
    let capabilities = prop_oneof![5 => Just(0u8), 1 => Just(1), 1 => Just(2), 1 => Just(3)];
    let priority = prop_oneof![3 => Just(5u8), 1 => Just(1), 1 => Just(9), 1 => Just(10)];
    // Few needs each, mostly of what stands close before.
    let needs = (any::<u16>(), any::<u16>()).prop_map(|(a, b)| a & b);
    (prop::bool::weighted(0.25), priority, capabilities, 1u32..=3, needs).prop_map(
        |(testing, priority, capabilities, max_attempts, needs)| TaskSketch {
            testing,
            priority,
            capabilities,
            max_attempts,
            needs,
        },
    )
}

pub(crate) fn goal() -> impl Strategy<Value = GoalSketch> {
    (prop::bool::weighted(0.15), prop::collection::vec(task(), 1..=12))
        .prop_map(|(urgent, plan)| GoalSketch { urgent, plan })
}

fn work() -> impl Strategy<Value = Operation> {
    let results = prop::collection::vec((index(), status(), fault()), 0..=4);
    prop_oneof![
        20 => (index(), results, prop_oneof![1 => Just(0usize), 8 => 1usize..=5])
            .prop_map(|(agent, results, wanted)| Operation::Turn { agent, results, wanted }),
        2 => (index(), status()).prop_map(|(attempt, status)| Operation::Late { attempt, status }),
        1 => index().prop_map(Operation::Renew),
        2 => index().prop_map(Operation::Release),
        1 => (index(), any::<u16>()).prop_map(|(agent, known)| Operation::Recover { agent, known }),
        1 => index().prop_map(Operation::Die),
        2 => (any::<bool>(), any::<u16>()).prop_map(|(testing, which)| Operation::Expire { testing, which }),
        3 => any::<u16>().prop_map(Operation::BackoffOver),
        1 => index().prop_map(Operation::Wipe),
    ]
}

fn planning() -> impl Strategy<Value = Operation> {
    let added = prop::collection::vec(task(), 1..=3);
    let number_off = prop_oneof![8 => Just(0u32), 1 => Just(1)];
    let held = prop::option::weighted(0.7, (index(), aim()));
    prop_oneof![
        1 => goal().prop_map(Operation::SubmitGoal),
        2 => index().prop_map(Operation::BeginPlanning),
        2 => (index(), prop::bool::weighted(0.2))
            .prop_map(|(goal, stale)| Operation::SubmitPlan { goal, stale }),
        1 => (index(), prop::bool::weighted(0.5), any::<bool>())
            .prop_map(|(goal, stale, failed)| Operation::EndGoal { goal, stale, failed }),
        8 => (index(), held, added, number_off)
            .prop_map(|(goal, held, added, number_off)| Operation::Grow { goal, held, added, number_off }),
        2 => (index(), aim(), prop_oneof![4 => Just(0u32), 1 => Just(1)])
            .prop_map(|(task, aim, round_off)| Operation::GiveUp { task, aim, round_off }),
    ]
}

fn control() -> impl Strategy<Value = Operation> {
    prop_oneof![
        1 => index().prop_map(Operation::Cancel),
        3 => index().prop_map(Operation::Pause),
        3 => index().prop_map(Operation::Resume),
        1 => Just(Operation::PauseFleet),
        3 => Just(Operation::ResumeFleet),
        5 => (index(), aim()).prop_map(|(task, aim)| Operation::Retry { task, aim }),
    ]
}

/// A life of a fleet: the goals that it begins with, and what then happens.
pub(crate) fn life() -> impl Strategy<Value = (Vec<GoalSketch>, Vec<Operation>)> {
    let operation = prop_oneof![8 => work(), 3 => planning(), 2 => control()];
    (prop::collection::vec(goal(), 1..=2), prop::collection::vec(operation, 1..=120))
}

/// A task that hardly ever needs others or asks for something.
fn plain_task() -> impl Strategy<Value = TaskSketch> {
    let plain = prop_oneof![9 => Just(0u16), 1 => Just(u16::MAX)];
    (task(), plain).prop_map(|(task, odd)| TaskSketch {
        testing: false,
        capabilities: task.capabilities & u8::try_from(odd & 1).unwrap_or(0),
        needs: task.needs & odd,
        ..task
    })
}

/// A life of plain work: one success is published after the other, each with a claim. Little else happens.
pub(crate) fn plain_life() -> impl Strategy<Value = (Vec<GoalSketch>, Vec<Operation>)> {
    let goal =
        prop::collection::vec(plain_task(), 4..=16).prop_map(|plan| GoalSketch { urgent: false, plan });
    let turn = (index(), index(), fault()).prop_map(|(agent, task, fault)| Operation::Turn {
        agent,
        results: vec![(task, ResultStatus::Succeeded, fault)],
        wanted: 1,
    });
    let operation = prop_oneof![60 => turn, 3 => work(), 1 => planning(), 1 => control()];
    (prop::collection::vec(goal, 1..=3), prop::collection::vec(operation, 10..=60))
}
