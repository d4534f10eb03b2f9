//! What a ring holds, what it lets go of, and that it says so.

use codegod_protocol::id::{AgentId, GoalId, Role};
use proptest::prelude::*;

use super::*;
use crate::console::logs::record::Level;

const SMALL: Limits = Limits { lines: 640, bytes: 1 << 20 };

fn record(agent: &AgentId, ms: u64) -> Record {
    let level = if ms.is_multiple_of(100) { Level::Error } else { Level::Output };
    Record { agent: agent.clone(), task: None, level, ms, text: format!("line {ms}") }
}

fn agent() -> AgentId {
    "backend-7k2m9q".parse().unwrap()
}

fn filled(limits: Limits, lines: u64) -> Ring {
    let (mut ring, agent) = (Ring::new(limits), agent());
    ring.push((0..lines).map(|ms| record(&agent, ms)), |_| {});
    ring
}

fn all(ring: &Ring) -> Vec<u64> {
    let numbers = ring.first().0..ring.end().0;
    numbers.map(|number| ring.line(Number(number)).unwrap().ms).collect()
}

#[test]
fn the_oldest_lines_go_and_are_counted() {
    let (mut ring, agent) = (Ring::new(SMALL), agent());
    let mut gone = Vec::new();
    for ms in 0..2_000 {
        ring.push([record(&agent, ms)], |chunk| gone.extend(chunk.lines().map(|line| line.ms)));
        assert!(ring.len() <= SMALL.lines);
    }
    assert!(ring.len() > SMALL.lines - 11);
    assert_eq!(ring.evicted() + ring.len() as u64, 2_000);
    gone.extend(all(&ring));
    assert_eq!(gone, (0..2_000).collect::<Vec<_>>());
}

#[test]
fn a_line_keeps_its_number_and_its_author() {
    let mut ring = Ring::new(SMALL);
    let agents: Vec<AgentId> = (0..40).map(|_| AgentId::random(Role::Testing)).collect();
    let task = GoalId::random().task(3);
    for (ms, agent) in (0..).zip(agents.iter().cycle().take(500)) {
        ring.push([Record { task: Some(task.clone()), ..record(agent, ms) }], |_| {});
    }
    let line = ring.line(Number::START.plus(321)).unwrap();
    assert_eq!((line.agent, line.task, line.ms, line.text), (&agents[1], Some(&task), 321, "line 321"));
    assert_eq!(ring.line(Number::START.minus(1)), None);
    assert_eq!(ring.line(ring.end()), None);
}

#[test]
fn older_pages_go_before_what_is_held_as_far_as_there_is_room() {
    let (mut ring, agent) = (Ring::new(SMALL), agent());
    ring.push((600..800).map(|ms| record(&agent, ms)), |_| {});
    let anchor = ring.first();
    assert_eq!(ring.prepend((400..600).map(|ms| record(&agent, ms)).collect()), 200);
    assert_eq!(all(&ring), (400..800).collect::<Vec<_>>());
    assert_eq!(ring.line(anchor).unwrap().ms, 600);
    let added = ring.prepend((0..400).map(|ms| record(&agent, ms)).collect()) as u64;
    assert!((230..=240).contains(&added), "{added}");
    assert_eq!(all(&ring), (400 - added..800).collect::<Vec<_>>());
    ring.push((800..900).map(|ms| record(&agent, ms)), |_| {});
    assert!(ring.evicted() > 0);
    assert_eq!(ring.prepend(vec![record(&agent, 1)]), 0);
}

#[test]
fn errors_are_found_both_ways() {
    let ring = filled(SMALL, 1_000);
    let at = |ms: u64| Number::START.plus(ms);
    let after: Vec<u64> = ring.errors_after(at(500)).map(|line| line.ms).collect();
    assert_eq!(after, [600, 700, 800, 900]);
    let before: Vec<u64> = ring.errors_before(at(700)).map(|line| line.ms).collect();
    assert_eq!(before, [600, 500, 400]);
    assert_eq!(ring.errors_before(ring.end()).next().unwrap().ms, 900);
}

#[test]
fn three_million_lines_take_no_more_than_the_first_hundred_thousand() {
    let (mut ring, agent) = (Ring::new(Limits::CONSOLE), agent());
    let text = "x".repeat(90);
    let mut most = 0;
    for batch in 0..3_000_u64 {
        let lines =
            (0..1_000).map(|line| Record { text: text.clone(), ..record(&agent, batch * 1_000 + line) });
        ring.push(lines, |_| {});
        most = most.max(ring.bytes());
    }
    assert_eq!(ring.evicted() + ring.len() as u64, 3_000_000);
    assert!(ring.len() > 99_000, "{}", ring.len());
    assert!(most <= 12 << 20, "{most} bytes");
}

#[test]
fn long_lines_are_bounded_by_their_bytes() {
    let (mut ring, agent) = (Ring::new(Limits::CONSOLE), agent());
    let text = "日".repeat(2_000);
    for ms in 0..20_000 {
        ring.push([Record { text: text.clone(), ..record(&agent, ms) }], |_| {});
        assert!(ring.bytes() <= Limits::CONSOLE.bytes);
    }
    assert!(ring.len() > 3_500, "{}", ring.len());
}

proptest! {
    #[test]
    fn whatever_comes_the_limits_hold_and_no_line_is_lost_silently(
        pages in proptest::collection::vec((any::<bool>(), 0_usize..300, 0_usize..400), 1..20)
    ) {
        let limits = Limits { lines: 500, bytes: 40_000 };
        let (mut ring, agent) = (Ring::new(limits), agent());
        let mut total = 0;
        for (older, lines, length) in pages {
            let page: Vec<_> =
                (0..lines as u64).map(|ms| Record { text: "y".repeat(length), ..record(&agent, ms) }).collect();
            total += if older { ring.prepend(page) } else { let n = page.len(); ring.push(page, |_| {}); n };
            prop_assert_eq!(ring.evicted() + ring.len() as u64, total as u64);
            prop_assert!(ring.len() <= limits.lines && ring.bytes() <= limits.bytes + 8_192);
            for number in ring.first().0..ring.end().0 {
                prop_assert_eq!(ring.line(Number(number)).map(|line| line.number.0), Some(number));
            }
        }
    }
}
