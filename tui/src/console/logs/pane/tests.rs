//! What a reader sees of a pane, key by key.

use codegod_protocol::id::AgentId;
use insta::assert_snapshot;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::console::keys::{Action, Motion};
use crate::console::logs::lens::Levels;
use crate::console::logs::record::{Level, Record};
use crate::console::theme::{Focus, Look, Theme};
use crate::follow::Glyphs;

const SMALL: Limits = Limits { lines: 640, bytes: 1 << 20 };

fn look() -> Look {
    Look { theme: Theme::Plain, glyphs: Glyphs::unicode(), now_ms: 0, utc_offset_seconds: 0 }
}

fn record(ms: u64) -> Record {
    let agents = ["backend-7k2m9q", "frontend-4tz0aa", "testing-00000z"];
    let agent: AgentId = agents[usize::try_from(ms % 3).unwrap()].parse().unwrap();
    let (level, text) = match ms % 50 {
        0 => (Level::Error, format!("line {ms}: Error: exit code 1")),
        25 => (Level::Warning, format!("line {ms}: warning: old")),
        10 => (Level::Info, format!("line {ms}: observed: a file")),
        _ => (Level::Output, format!("line {ms}")),
    };
    Record { agent, task: None, level, ms: ms * 1_000, text }
}

fn records(range: std::ops::Range<u64>) -> impl Iterator<Item = Record> {
    range.map(record)
}

fn pane(lines: u64) -> Pane {
    let mut pane = Pane::new(SMALL, "everybody", Authors::Many);
    pane.push(records(0..lines));
    picture(&pane, 80, 12);
    pane
}

/// The whole pane as text.
fn picture(pane: &Pane, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| pane.draw(frame, frame.area(), &look(), Focus::Here)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..rows).map(row).collect::<Vec<_>>().join("\n")
}

/// The lines without the title.
fn lines(pane: &Pane) -> String {
    let picture = picture(pane, 80, 12);
    picture.split_once('\n').unwrap().1.to_owned()
}

fn title(pane: &Pane) -> String {
    picture(pane, 120, 12).lines().next().unwrap().trim_end_matches(['─', ' ']).to_owned()
}

/// The numbers of the lines that are seen.
fn seen(pane: &Pane) -> Vec<u64> {
    let number = |line: &str| line.split("line ").nth(1)?.split([' ', ':']).next()?.parse().ok();
    lines(pane).lines().filter_map(number).collect()
}

fn go(pane: &mut Pane, motions: &[Motion]) {
    for motion in motions {
        pane.go(*motion);
    }
}

#[test]
fn a_pane_follows_the_newest_line() {
    let mut pane = pane(100);
    assert_snapshot!(picture(&pane, 80, 12));
    pane.push(records(100..105));
    assert_eq!(seen(&pane), (94..105).collect::<Vec<_>>());
}

#[test]
fn the_agent_gives_way_on_narrow_screens() {
    let pane = pane(40);
    assert_snapshot!("60x16", picture(&pane, 60, 16));
    assert_snapshot!("80x24", picture(&pane, 80, 24));
    assert_snapshot!("120x40", picture(&pane, 120, 40));
    assert_snapshot!("200x50", picture(&pane, 200, 50));
}

#[test]
fn a_frozen_picture_does_not_move_while_ten_times_the_ring_flows_past() {
    let mut pane = pane(300);
    pane.act(Action::Freeze);
    let before = lines(&pane);
    for start in (300..6_700).step_by(100) {
        pane.push(records(start..start + 100));
        assert_eq!(lines(&pane), before);
    }
    assert_eq!(title(&pane), "▸ everybody · frozen +6 400 new");
    assert_eq!(pane.go(Motion::Up).map(|_| ()), Some(()));
    assert!(lines(&pane).starts_with("6 0"), "{}", lines(&pane));
    assert!(lines(&pane).contains("earlier lines are not held here"));
    pane.act(Action::Freeze);
    assert_eq!(seen(&pane).last(), Some(&6_699));
}

#[test]
fn a_scrolled_picture_does_not_move_either_with_a_filter_and_broken_lines() {
    let mut pane = pane(500);
    pane.filter(Some("!warning"));
    pane.act(Action::Wrap);
    go(&mut pane, &[Motion::PageUp, Motion::Up]);
    let before = lines(&pane);
    pane.push(records(500..6_900));
    assert_eq!(lines(&pane), before);
    pane.filter(None);
    assert_ne!(lines(&pane), before);
}

#[test]
fn a_frozen_picture_of_few_lines_stays_short() {
    let mut pane = pane(3);
    pane.act(Action::Freeze);
    let before = lines(&pane);
    pane.push(records(3..2_000));
    assert_eq!(lines(&pane), before);
}

#[test]
fn scrolling_up_pauses_and_coming_back_follows() {
    let mut pane = pane(100);
    go(&mut pane, &[Motion::Up, Motion::Up]);
    assert_eq!(seen(&pane), (87..98).collect::<Vec<_>>());
    pane.push(records(100..110));
    assert_eq!(seen(&pane), (87..98).collect::<Vec<_>>());
    assert_eq!(title(&pane), "▸ everybody · paused +10 new");
    go(&mut pane, &[Motion::PageDown, Motion::PageDown]);
    assert!(!pane.is_following());
    go(&mut pane, &[Motion::Down]);
    assert!(pane.is_following());
    go(&mut pane, &[Motion::HalfUp]);
    assert_eq!(seen(&pane).first(), Some(&94));
    go(&mut pane, &[Motion::Bottom]);
    assert!(pane.is_following());
}

#[test]
fn a_new_line_leaves_the_sideways_position_alone() {
    let mut pane = pane(100);
    let long = || [Record { text: "a very long line that goes on for some time".to_owned(), ..record(100) }];
    pane.push(long());
    go(&mut pane, &[Motion::Right]);
    pane.push(long());
    assert!(lines(&pane).ends_with("ong line that goes on for some time"), "{}", lines(&pane));
    assert!(title(&pane).contains("from column 9"));
    go(&mut pane, &[Motion::Left, Motion::Left]);
    assert!(lines(&pane).ends_with("a very long line that goes on for some time"));
}

#[test]
fn a_search_counts_and_walks_through_its_matches() {
    let mut pane = pane(400);
    pane.search(Some("error"));
    assert_eq!(title(&pane), "▸ everybody · paused · /error 8/8");
    assert!(seen(&pane).contains(&350));
    pane.act(Action::NextMatch);
    assert_eq!(title(&pane), "▸ everybody · paused · /error 1/8");
    assert!(seen(&pane).contains(&0));
    pane.act(Action::NextMatch);
    pane.act(Action::NextMatch);
    assert_eq!(title(&pane), "▸ everybody · paused · /error 3/8");
    assert!(seen(&pane).contains(&100));
    pane.act(Action::PreviousMatch);
    assert_eq!(pane.copied().unwrap(), "line 50: Error: exit code 1");
    assert_snapshot!(picture(&pane, 80, 12));
    pane.act(Action::Back);
    assert_eq!(title(&pane), "▸ everybody · paused");
    pane.search(Some("nowhere"));
    assert_eq!(title(&pane), "▸ everybody · paused · /nowhere not found");
}

#[test]
fn a_search_in_a_full_ring_is_done_in_steps_and_finds_the_newest_first() {
    let mut pane = Pane::new(Limits::CONSOLE, "everybody", Authors::Many);
    pane.push(records(0..60_000));
    pane.search(Some("/line \\d*50:/"));
    assert!(title(&pane).contains("so far"), "{}", title(&pane));
    assert!(seen(&pane).contains(&59_950));
    let mut steps = 1;
    while pane.work() == Work::More {
        steps += 1;
    }
    assert!((2..10).contains(&steps), "{steps}");
    assert_eq!(title(&pane), "▸ everybody · paused · /line \\d*50:/ 600/600".replace("/line", "//line"));
}

#[test]
fn a_filter_shows_only_its_lines_and_counts_new_ones() {
    let mut pane = pane(400);
    pane.filter(Some("warning"));
    assert_snapshot!(picture(&pane, 80, 12));
    go(&mut pane, &[Motion::Top]);
    pane.push(records(400..500));
    assert!(
        title(&pane).starts_with("▸ everybody · paused +2 new · only warning · 10 lines"),
        "{}",
        title(&pane)
    );
    pane.filter(Some("!line"));
    assert_eq!(lines(&pane).trim_end(), "none of 500 lines is taken by !line; esc shows all");
}

#[test]
fn errors_are_jumped_to_and_levels_are_chosen() {
    let mut pane = pane(400);
    pane.act(Action::NextError);
    assert_eq!(pane.spot().map(|line| line.ms), Some(350_000));
    pane.act(Action::PreviousError);
    assert_eq!(pane.spot().map(|line| line.ms), Some(300_000));
    pane.act(Action::NextError);
    assert_eq!(pane.act(Action::NextError), Some(vec![Ask::Say("no error after this".to_owned())]));
    pane.act(Action::Level);
    pane.act(Action::Level);
    pane.follow();
    assert_eq!(seen(&pane), [0, 50, 100, 150, 200, 250, 300, 350]);
    assert_eq!(pane.lens.levels(), Levels::Errors);
    pane.act(Action::Level);
    assert_eq!(seen(&pane).len(), 11);
}

#[test]
fn marked_lines_are_copied_and_the_pane_follows_again() {
    let mut pane = pane(100);
    pane.act(Action::Mark);
    go(&mut pane, &[Motion::Up, Motion::Up]);
    pane.push(records(100..120));
    assert!(title(&pane).contains("3 lines marked"), "{}", title(&pane));
    let asks = pane.act(Action::Copy).unwrap();
    assert_eq!(asks, [Ask::Copy("line 97\nline 98\nline 99".to_owned())]);
    assert!(pane.is_following());
    pane.act(Action::Mark);
    pane.act(Action::Back);
    assert!(pane.is_following());
}

#[test]
fn without_marks_the_clicked_line_or_the_screen_is_copied() {
    let mut pane = pane(100);
    assert_eq!(pane.copied().unwrap().lines().count(), 11);
    pane.click(3);
    assert_eq!(pane.copied().as_deref(), Some("line 92"));
    pane.push(records(100..150));
    assert_eq!(pane.copied().as_deref(), Some("line 92"));
}

#[test]
fn earlier_lines_are_asked_for_until_the_log_begins() {
    let mut pane = Pane::new(SMALL, "backend-7k2m9q", Authors::One);
    pane.push(records(300..400));
    picture(&pane, 80, 12);
    assert_eq!(pane.go(Motion::Top), Some(Ask::Older));
    assert!(lines(&pane).starts_with("reading earlier lines"));
    assert_eq!(pane.go(Motion::Up), None);
    assert_eq!(pane.prepend(records(200..300).collect(), Rest::Some), Some(Ask::Older));
    assert_eq!(seen(&pane).first(), Some(&200));
    assert_eq!(pane.prepend(records(0..200).collect(), Rest::None), None);
    assert!(lines(&pane).starts_with("the log begins here\n"));
    assert_eq!(seen(&pane).first(), Some(&0));
}

#[test]
fn an_earlier_page_does_not_move_what_is_read() {
    let mut pane = Pane::new(SMALL, "backend-7k2m9q", Authors::One);
    pane.push(records(300..330));
    picture(&pane, 80, 12);
    for _ in 0..30 {
        pane.go(Motion::Up);
    }
    assert_eq!(pane.older, Older::Asked);
    assert_eq!(pane.prepend(records(0..300).collect(), Rest::Some), None);
    assert_eq!(seen(&pane).first(), Some(&300));
    assert_eq!(pane.go(Motion::Up), None);
    assert_eq!(seen(&pane).first(), Some(&299));
}

#[test]
fn long_lines_are_broken_and_scrolled_by_rows() {
    let mut pane = Pane::new(SMALL, "backend-7k2m9q", Authors::One);
    pane.push([Record { text: "abcdefghij日本語".repeat(30), ..record(1) }, record(2)]);
    pane.act(Action::Wrap);
    assert_snapshot!(picture(&pane, 60, 8));
    pane.go(Motion::Up);
    assert_snapshot!(picture(&pane, 60, 8));
    for _ in 0..20 {
        pane.go(Motion::Up);
    }
    assert_snapshot!(picture(&pane, 60, 8));
}

#[test]
fn nothing_in_a_log_breaks_the_picture() {
    let mut pane = Pane::new(SMALL, "backend-7k2m9q", Authors::One);
    let texts = [
        "\u{1b}[2J\u{1b}[31mred\u{1b}[0m",
        "a\tb\u{7}\u{8}",
        "\u{202e}x\u{200b}y",
        "日本語👍🏽",
        "\u{301}\u{301}z",
    ];
    pane.push(texts.map(|text| Record { text: text.to_owned(), ..record(1) }));
    assert_snapshot!(picture(&pane, 60, 8));
}

#[test]
fn a_file_says_when_its_beginning_is_missing() {
    let mut pane = pane(3);
    assert_eq!(pane.text().lines().next(), Some("[earlier lines were not read; codegod logs shows them]"));
    pane.prepend(Vec::new(), Rest::None);
    assert_eq!(
        pane.text().lines().next(),
        Some("1970-01-01T00:00:00Z backend-7k2m9q error: line 0: Error: exit code 1")
    );
}

/// What a person or the feed may do.
#[derive(Debug, Clone)]
enum Step {
    Push(u64),
    Prepend(u64),
    Act(Action),
    Search(String),
    Filter(String),
    Click(u16),
    Size(u16, u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Action as A;
    use Motion as M;
    let motions = [
        M::Up,
        M::Down,
        M::Left,
        M::Right,
        M::PageUp,
        M::PageDown,
        M::HalfUp,
        M::HalfDown,
        M::Top,
        M::Bottom,
    ];
    let acts = [
        A::Follow,
        A::Freeze,
        A::Wrap,
        A::Times,
        A::Level,
        A::NextMatch,
        A::PreviousMatch,
        A::NextError,
        A::PreviousError,
        A::Mark,
        A::Copy,
        A::Back,
    ];
    let actions: Vec<Action> = motions.map(A::Move).into_iter().chain(acts).collect();
    let step = prop_oneof![
        4 => proptest::sample::select(actions).prop_map(Step::Act),
        2 => (0_u64..900).prop_map(Step::Push),
        1 => (0_u64..200).prop_map(Step::Prepend),
        1 => "(line|1|err|zzz|/[0-9]5:/)".prop_map(Step::Search),
        1 => "!?(line|1|err|zzz)".prop_map(Step::Filter),
        1 => (0_u16..30).prop_map(Step::Click),
        1 => (1_u16..130, 1_u16..40).prop_map(|(columns, rows)| Step::Size(columns, rows)),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #[test]
    fn whatever_is_logged_only_printable_cells_are_drawn(
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..12),
        columns in 1_u16..90,
        search in "[a-z]?",
    ) {
        let mut pane = Pane::new(SMALL, "everybody", Authors::Many);
        let record = |bytes: &Vec<u8>| Record { text: String::from_utf8_lossy(bytes).into_owned(), ..record(1) };
        pane.push(texts.iter().map(record));
        pane.search(Some(&search));
        for _ in 0..2 {
            prop_assert!(picture(&pane, columns, 12).chars().all(|c| c == '\n' || !c.is_control()));
            pane.act(Action::Wrap);
        }
    }

    #[test]
    fn whatever_is_done_there_is_a_picture_and_a_stopped_one_stays(steps in steps()) {
        let mut pane = Pane::new(SMALL, "everybody", Authors::Many);
        let (mut next, mut size) = (1_000, (80, 12));
        for step in steps {
            match step {
                Step::Push(count) => {
                    let before = (!pane.is_following()).then(|| picture(&pane, size.0, size.1));
                    let rows = pane.rows(pane.size.get());
                    let full = rows.len() >= usize::from(size.1.saturating_sub(1))
                        && rows.iter().any(|row| row.number().is_some());
                    pane.push(records(next..next + count));
                    next += count;
                    if let Some(before) = before.filter(|_| full) {
                        let after = picture(&pane, size.0, size.1);
                        prop_assert_eq!(before.split_once('\n'). map(|x| x.1), after.split_once('\n').map(|x| x.1));
                    }
                }
                Step::Prepend(count) => {
                    pane.prepend(records(0..count).collect(), Rest::Some);
                }
                Step::Act(action) => {
                    pane.act(action);
                }
                Step::Search(text) => pane.search(Some(&text)),
                Step::Filter(text) => pane.filter(Some(&text)),
                Step::Click(row) => pane.click(row),
                Step::Size(columns, rows) => size = (columns, rows),
            }
            picture(&pane, size.0, size.1);
            let held = pane.size.get();
            prop_assert!(pane.rows(held).len() <= usize::from(held.rows));
            prop_assert!(pane.kept.len() <= usize::from(held.rows) + 4_200);
        }
    }
}
