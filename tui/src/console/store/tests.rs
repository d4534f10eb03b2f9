//! What news make of the store.

use codegod_protocol::agent::{AgentStatus, Phase};
use codegod_protocol::event::Event;
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};
use codegod_protocol::task::{TaskKind, TaskState};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::details::Letters;
use super::events::EVENTS;
use super::*;

const NOW: u64 = 1_700_000_000_000;

fn goal_id() -> GoalId {
    "g-7k2m9qx4".parse().unwrap()
}

fn head(state: GoalState) -> GoalRow {
    GoalRow {
        id: goal_id(),
        text: "Build it".into(),
        verifies: None,
        state,
        priority: 5,
        total: 0,
        succeeded: 0,
        failed: 0,
        blocked: 0,
        cancelled: 0,
        running: 0,
        submitted_ms: NOW - 60_000,
        planned_ms: Some(NOW - 50_000),
        ended_ms: None,
        paused_ms: None,
        deadline_ms: None,
        error: None,
    }
}

fn row(number: u32, role: Role, needs: &[u32]) -> TaskRow {
    TaskRow {
        id: goal_id().task(number),
        role,
        kind: TaskKind::Work,
        title: format!("Task {number}").into(),
        state: TaskState::Waiting,
        needs: needs.into(),
        attempts: 0,
        max_attempts: 3,
        agent: None,
        phase: None,
        doing: None,
        started_ms: None,
        ended_ms: None,
        seconds: None,
        error: None,
        tests: None,
    }
}

fn plan(rows: Vec<TaskRow>) -> News {
    let head = head(GoalState::Running);
    News::Plan(Box::new(PlanNews { head, text: Vec::new(), intent: None, commit: None, rows }))
}

fn happened(kind: &str, who: &str, task: Option<u32>, attempt: Option<u32>, data: Value) -> Happening {
    let goal = Some(goal_id());
    let task = task.map(|number| goal_id().task(number));
    let event = Event { kind: kind.into(), who: who.into(), goal, task, attempt, data };
    Happening::new(&event, NOW)
}

fn events(happenings: Vec<Happening>) -> News {
    News::Events { happenings, left_out: 0 }
}

fn agent(role: Role, phase: Phase, task: Option<TaskId>) -> AgentStatus {
    serde_json::from_value(json!({
        "id": AgentId::random(role), "role": role, "capabilities": [], "host": "h", "pid": 1, "phase": phase,
        "current_task": task, "usage": { "cpu_seconds": 0.0, "peak_memory_bytes": 0, "output_bytes": 0 },
        "succeeded": 0, "failed": 0, "started_ms": 1, "heartbeat_ms": NOW, "version": "0",
        "phase_since_ms": NOW,
    }))
    .unwrap()
}

fn fleet(agents: Vec<AgentStatus>) -> News {
    News::Fleet(Box::new(FleetNews { agents, ..FleetNews::default() }))
}

/// The tree as text: number, depth, and the levels that rails pass by.
fn drawn(goal: &OpenGoal) -> Vec<String> {
    let line = |place: &Place| {
        let rails: String =
            (1..place.depth).map(|level| if place.has_rail(level) { '|' } else { ' ' }).collect();
        let corner = match (place.depth, place.is_last) {
            (0, _) => "",
            (_, true) => "`",
            (_, false) => "+",
        };
        format!("{rails}{corner}{}", goal.rows()[place.row].id.number())
    };
    goal.tree().iter().map(line).collect()
}

#[test]
fn a_plan_is_a_tree_in_which_each_task_stands_under_the_last_that_it_needs() {
    let mut store = Store::new("redis://h");
    let rows = vec![
        row(1, Role::Backend, &[]),
        row(2, Role::Backend, &[1]),
        row(3, Role::Backend, &[2]),
        row(4, Role::Frontend, &[1]),
        row(5, Role::Testing, &[3, 4]),
        row(6, Role::Devops, &[]),
    ];
    store.apply(plan(rows), NOW);
    assert_eq!(drawn(store.goal.as_ref().unwrap()), ["1", "+2", "|`3", "| `5", "`4", "6"]);
}

#[test]
fn the_longest_way_that_is_left_goes_by_what_tasks_take() {
    let mut store = Store::new("redis://h");
    // Two frontend tasks in a row are fewer than three backend tasks, and take longer.
    store.pace.add(Role::Backend, 1.0);
    store.pace.add(Role::Frontend, 30.0);
    let rows = vec![
        row(1, Role::Backend, &[]),
        row(2, Role::Backend, &[1]),
        row(3, Role::Backend, &[2]),
        row(4, Role::Frontend, &[]),
        row(5, Role::Frontend, &[4]),
        row(6, Role::Testing, &[3, 5]),
    ];
    store.apply(plan(rows), NOW);
    let goal = store.goal.as_ref().unwrap();
    assert_eq!(goal.critical_path(), [3, 4, 5]);
    assert!(goal.is_critical(3) && !goal.is_critical(0));
    assert_eq!(goal.left, Some(Estimate { seconds: 61.0 }));

    // What is done does not count any more.
    let done =
        |number| happened("task_succeeded", "frontend-7k2m9q", Some(number), None, json!({ "seconds": 2.0 }));
    store.apply(events(vec![done(4), done(5)]), NOW);
    let goal = store.goal.as_ref().unwrap();
    assert_eq!(goal.critical_path(), [0, 1, 2, 5]);
    assert_eq!((goal.head.succeeded, goal.head.total), (2, 6));
}

#[test]
fn events_move_a_task_on_and_those_of_a_lost_attempt_do_not() {
    let mut store = Store::new("redis://h");
    store.apply(plan(vec![row(1, Role::Backend, &[])]), NOW);
    let of = |kind, attempt, data| happened(kind, "backend-7k2m9q", Some(1), Some(attempt), data);
    let row = |store: &Store| store.goal.as_ref().unwrap().row(1).unwrap().clone();
    store.apply(
        events(vec![
            of("task_claimed", 2, Value::Null),
            of("phase", 2, json!({ "phase": "acting" })),
            of("action_started", 2, json!({ "action": "run_tests", "expect": "they pass\u{1b}[0m" })),
            of("phase", 1, json!({ "phase": "observing" })),
            of("action_started", 1, json!({ "action": "other", "expect": "too late" })),
        ]),
        NOW,
    );
    let running = row(&store);
    assert_eq!(
        (running.state, running.attempts, running.phase),
        (TaskState::Running, 2, Some(Phase::Acting))
    );
    assert_eq!(running.doing.as_deref(), Some("they pass"));
    assert_eq!(store.goal.as_ref().unwrap().head.running, 1);

    // What is read of it again says nothing of that, and takes nothing away.
    let read = TaskRow { phase: None, doing: None, ..running.clone() };
    assert_eq!(store.apply(News::Tasks(goal_id(), vec![read.clone()]), NOW), Changed::Nothing);
    store.apply(plan(vec![read]), NOW);
    assert_eq!(row(&store), running);

    store.apply(events(vec![of("attempt_failed", 2, json!({ "error": "no network" }))]), NOW);
    let again = row(&store);
    assert_eq!((again.state, again.phase, again.doing), (TaskState::Ready, None, None));
    assert_eq!(again.error.as_deref(), Some("no network"));
    assert_eq!(store.goal.as_ref().unwrap().head.running, 0);
}

#[test]
fn a_task_that_was_added_finds_its_place() {
    let mut store = Store::new("redis://h");
    store.apply(plan(vec![row(1, Role::Backend, &[]), row(2, Role::Testing, &[1])]), NOW);
    let grown = vec![row(3, Role::Backend, &[1]), row(2, Role::Testing, &[1, 3])];
    assert_eq!(store.apply(News::Tasks(goal_id(), grown), NOW), Changed::Something);
    assert_eq!(drawn(store.goal.as_ref().unwrap()), ["1", "`3", " `2"]);
    // Tasks of a goal that is no longer open are of no interest.
    let other = News::Tasks(GoalId::random(), vec![row(9, Role::Backend, &[])]);
    assert_eq!(store.apply(other, NOW), Changed::Nothing);
}

#[test]
fn what_needs_a_person_is_listed_with_the_command_that_helps() {
    let mut store = Store::new("redis://h");
    let task = goal_id().task(1);
    let mut stuck = agent(Role::Backend, Phase::Acting, Some(task.clone()));
    stuck.phase_since_ms = NOW - 400_000;
    let (mut dead, mut waiting) =
        (agent(Role::Frontend, Phase::Idle, None), agent(Role::Devops, Phase::Idle, None));
    dead.heartbeat_ms = NOW - 60_000;
    waiting.note = Some("waiting for memory: 1.2 GiB free".to_owned());
    store.apply(fleet(vec![stuck.clone(), dead.clone(), waiting.clone()]), NOW);
    let mut blocked = row(2, Role::Backend, &[]);
    (blocked.state, blocked.error) = (TaskState::Blocked, Some("which port?".into()));
    store.apply(plan(vec![row(1, Role::Backend, &[]), blocked]), NOW);
    let waits =
        QueueRow { role: Role::Testing, ready: 3, in_flight: 0, oldest_ms: Some(NOW - 9_000), paused: false };
    store.apply(News::Queues(vec![waits]), NOW);
    store.apply(News::Letters(Box::new(Letters { dead: 1, ..Letters::default() })), NOW);
    let listed: Vec<(Severity, String, Option<&str>)> = store
        .attention
        .iter()
        .map(|one| (one.severity, one.sentence.clone(), one.command.as_deref()))
        .collect();
    let expected = [
        (
            Severity::Urgent,
            "3 testing tasks wait, and no such agent lives".to_owned(),
            "scale testing 1".to_owned(),
        ),
        (Severity::Urgent, "needs a person: which port?".to_owned(), format!("retry {}.2", goal_id())),
        (
            Severity::Warning,
            "has not been heard of for 1m 00s; its task goes to another".to_owned(),
            format!("logs {}", dead.id),
        ),
        (Severity::Warning, "acting for 6m 40s without a sign".to_owned(), format!("logs {}", stuck.id)),
        (Severity::Warning, "1 task was given up".to_owned(), "dead".to_owned()),
        (Severity::Notice, "waiting for memory: 1.2 GiB free".to_owned(), format!("logs {}", waiting.id)),
    ];
    let expected: Vec<(Severity, String, Option<&str>)> = expected
        .iter()
        .map(|(severity, sentence, command)| (*severity, sentence.clone(), Some(command.as_str())))
        .collect();
    assert_eq!(listed, expected);

    // A line of its log is a sign, and so is an event.
    let last_log_ms = [(stuck.id.clone(), NOW - 1_000)].into();
    let news = FleetNews { agents: vec![stuck.clone()], last_log_ms, ..FleetNews::default() };
    store.apply(News::Fleet(Box::new(news)), NOW);
    assert!(!store.attention.iter().any(|one| one.target == Target::Agent(stuck.id.clone())));
    // Time alone makes it dead.
    assert_eq!(store.tick(NOW + 20_000), Changed::Something);
    assert_eq!(store.attention[2].target, Target::Agent(stuck.id));
}

#[test]
fn events_are_kept_in_a_ring_whose_numbers_only_grow() {
    let mut store = Store::new("redis://h");
    let one = |_| happened("task_succeeded", "backend-7k2m9q", Some(1), Some(1), json!({ "seconds": 2.0 }));
    for _ in 0..3 {
        store.apply(events((0..EVENTS).map(one).collect()), NOW);
    }
    assert_eq!((store.events.rows().len(), store.events.first()), (EVENTS, 2 * EVENTS as u64));
    assert_eq!(store.events.rate.series(NOW + 1_000, 1), [3 * EVENTS as u64]);
    assert_eq!(store.queues.finished(Role::Backend).unwrap().series(NOW + 1_000, 1), [3 * EVENTS as u64]);
    assert_eq!(store.pace.seconds(Role::Backend), Some(2.0));
    assert_eq!(store.events.last_of("backend-7k2m9q"), Some(NOW));
}

#[test]
fn goals_keep_their_order_and_change_alone() {
    let mut store = Store::new("redis://h");
    let (first, second) = (GoalId::random(), GoalId::random());
    let rows = [&first, &second].map(|id| GoalRow { id: id.clone(), ..head(GoalState::Queued) });
    let order = Some(vec![second.clone(), first.clone()]);
    store.apply(News::Goals(GoalsNews { order, rows: rows.to_vec() }), NOW);
    let ids = |store: &Store| store.goals.rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&store), [second.clone(), first.clone()]);
    let ran = GoalRow { total: 4, succeeded: 3, state: GoalState::Running, ..rows[0].clone() };
    let news = || News::Goals(GoalsNews { order: None, rows: vec![ran.clone()] });
    assert_eq!(store.apply(news(), NOW), Changed::Something);
    assert_eq!(store.apply(news(), NOW), Changed::Nothing);
    // Three of four took 50 seconds.
    let left = store.goals.get(&first).unwrap().time_left(NOW).unwrap().seconds;
    assert!((left - 50.0 / 3.0).abs() < 0.01, "{left}");
    store.apply(News::Goals(GoalsNews { order: Some(vec![first.clone()]), rows: Vec::new() }), NOW);
    assert_eq!((ids(&store), store.goals.get(&second)), (vec![first], None));
}

#[test]
fn ten_thousand_tasks_and_a_flood_of_events_are_taken_in() {
    let mut store = Store::new("redis://h");
    let layer = |number: u32| if number > 100 { vec![number - 100, number - 99] } else { vec![] };
    let rows = (1..=10_000).map(|number| row(number, Role::Backend, &layer(number))).collect();
    store.apply(plan(rows), NOW);
    store.apply(fleet((0..1_000).map(|_| agent(Role::Backend, Phase::Acting, None)).collect()), NOW);
    let goal = store.goal.as_ref().unwrap();
    assert_eq!((goal.tree().len(), goal.critical_path().len()), (10_000, 101));
    let begun = std::time::Instant::now();
    for batch in 0_u32..40 {
        let of =
            |i| happened("task_claimed", "backend-7k2m9q", Some(batch * 250 + i + 1), Some(1), Value::Null);
        store.apply(events((0_u32..250).map(of).collect()), NOW);
    }
    assert_eq!(store.goal.as_ref().unwrap().head.running, 10_000);
    // Two seconds' worth at 5,000 a second; a bound against something that grows with everything it knows.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

proptest! {
    #[test]
    fn whatever_a_plan_looks_like_each_task_is_drawn_once(
        needs in proptest::collection::vec(proptest::collection::vec(0_u32..40, 0..4), 0..30)
    ) {
        let rows = needs.iter().zip(1..).map(|(needs, number)| row(number, Role::Backend, needs)).collect();
        let mut store = Store::new("redis://h");
        store.apply(plan(rows), NOW);
        let goal = store.goal.as_ref().unwrap();
        let mut drawn: Vec<usize> = goal.tree().iter().map(|place| place.row).collect();
        drawn.sort_unstable();
        prop_assert_eq!(drawn, (0..needs.len()).collect::<Vec<_>>());
        prop_assert!(goal.critical_path().len() <= needs.len());
    }

    #[test]
    fn whatever_an_event_says_its_sentence_is_printable(
        kind in ".{0,30}", who in any::<String>(), text in any::<String>(), known in 0_usize..6
    ) {
        let kinds = ["observed", "reasoned", "task_failed", "action_started", "validated", "goal_blocked"];
        let kind = if kind.len() % 2 == 0 { kinds[known] } else { &kind };
        let data = json!({ "fact": text, "conclusion": text, "error": text, "expect": text, "summary": text });
        let happening = happened(kind, &who, Some(1), None, data);
        for said in [&happening.sentence, &happening.kind, &happening.who] {
            prop_assert_eq!(crate::sanitize::line(said), said.trim_end());
        }
    }
}
