//! The view as a person sees it: lines, the list of whose, and keys.

use codegod_protocol::id::{AgentId, GoalId};
use insta::assert_snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::console::effect::Effect;
use crate::console::keys::Motion;
use crate::console::logs::Record;
use crate::console::store::LogPart;
use crate::console::theme::Theme;
use crate::follow::Glyphs;

fn store() -> Store {
    Store::new("redis://127.0.0.1:6379")
}

fn picture(view: &Logs, columns: u16, rows: u16) -> String {
    let look = Look { theme: Theme::Plain, glyphs: Glyphs::unicode(), now_ms: 0, utc_offset_seconds: 0 };
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view.draw(frame, frame.area(), &look, &store())).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..rows).map(row).collect::<Vec<_>>().join("\n")
}

fn record(ms: u64) -> Record {
    let agent: AgentId = "backend-7k2m9q".parse().unwrap();
    let goal: GoalId = "g-7k2m9qx4".parse().unwrap();
    Record { agent, task: Some(goal.task(2)), level: Default::default(), ms, text: format!("line {ms}") }
}

fn batch(view: &Logs, part: LogPart, range: std::ops::Range<u64>) -> LogBatch {
    let mut scope = Scope::default();
    view.scope(&mut scope);
    LogBatch { opening: scope.opening, part, records: range.map(record).collect() }
}

fn filled() -> Logs {
    let mut view = Logs::default();
    let backlog = batch(&view, LogPart::Backlog, 0..30);
    view.take(backlog);
    view
}

#[test]
fn lines_and_the_list_of_whose_fit_every_screen() {
    let mut view = filled();
    assert_snapshot!("empty", picture(&Logs::default(), 80, 5));
    assert_snapshot!("60x16", picture(&view, 60, 12));
    view.act(Action::Scope, &store());
    assert_snapshot!("60x16_whose", picture(&view, 60, 12));
    assert_snapshot!("80x24_whose", picture(&view, 80, 20));
    assert_snapshot!("120x40_whose", picture(&view, 120, 36));
    assert_snapshot!("200x50_whose", picture(&view, 200, 46));
}

#[test]
fn another_choice_empties_the_log_and_lines_of_the_former_are_not_shown() {
    let mut view = filled();
    let late = batch(&view, LogPart::Live, 30..31);
    view.act(Action::Scope, &store());
    view.act(Action::Move(Motion::Down), &store());
    view.act(Action::Open, &store());
    assert_eq!(view.log.whose(), &LogTarget::Role(codegod_protocol::id::Role::Backend));
    assert_eq!(view.take(late).0, Changed::Nothing);
    assert!(picture(&view, 80, 4).contains("no lines yet"));
}

#[test]
fn coming_back_to_the_view_keeps_the_place_and_doubles_no_line() {
    let mut view = filled();
    view.act(Action::Move(Motion::Top), &store());
    let before = picture(&view, 80, 12);
    let backlog = batch(&view, LogPart::Backlog, 10..40);
    view.take(backlog);
    let (_, text) = view.text(&store()).unwrap();
    assert_eq!(text.lines().count(), 41);
    assert_eq!(
        before.lines().skip(1).collect::<Vec<_>>(),
        picture(&view, 80, 12).lines().skip(1).collect::<Vec<_>>()
    );
    let known = batch(&view, LogPart::Older { is_beginning: false }, 0..10);
    assert_eq!(view.take(known).1.len(), 1, "all of it was known: the page before it is asked for");
    let after_a_gap = batch(&view, LogPart::Backlog, 100..102);
    view.take(after_a_gap);
    let (_, text) = view.text(&store()).unwrap();
    assert!(text.contains("warning: lines before this were not read"), "{text}");
    assert_eq!(text.lines().count(), 44);
}

#[test]
fn older_lines_are_asked_of_the_feed() {
    let mut view = filled();
    picture(&view, 80, 12);
    let asked = view.act(Action::Move(Motion::Top), &store()).unwrap();
    assert!(matches!(&asked[..], [Request::Do(Effect::OlderLogs(older))] if older.count > 0), "{asked:?}");
    let older = batch(&view, LogPart::Older { is_beginning: false }, 0..5);
    let (_, asked) = view.take(older);
    assert_eq!(asked.len(), 1);
}

#[test]
fn a_filter_is_typed_and_a_search_beside_it() {
    let mut view = filled();
    let asked = view.act(Action::FilterLines, &store());
    assert_eq!(asked, Some(vec![Request::LookFor { prompt: "&", text: String::new() }]));
    view.search(Some("line 2"), &store());
    assert_eq!(view.act(Action::Search, &store()), None);
    view.search(Some("25"), &store());
    assert_snapshot!(picture(&view, 80, 14));
    view.act(Action::Back, &store());
    view.act(Action::Back, &store());
    assert_eq!(view.act(Action::Back, &store()), None);
    assert!(view.log.pane().copied().unwrap().contains("line 25"));
    view.search(Some("/(/"), &store());
    assert!(picture(&view, 80, 4).contains("no regular expression: unclosed group"));
}

#[test]
fn a_line_opens_its_task_and_is_copied() {
    let mut view = filled();
    picture(&view, 80, 12);
    view.click(Position::new(10, 3), &store());
    let goal: GoalId = "g-7k2m9qx4".parse().unwrap();
    assert_eq!(view.act(Action::Open, &store()), Some(vec![Request::Go(Target::Task(goal.task(2)))]));
    let copied = view.act(Action::Copy, &store());
    assert_eq!(copied, Some(vec![Request::Do(Effect::Copy("line 21".to_owned()))]));
}

#[test]
fn lines_that_are_shown_are_printed_then_those_that_come() {
    let mut view = filled();
    view.act(Action::FilterLines, &store());
    view.search(Some("9"), &store());
    let [Request::Do(Effect::Stream(lines))] = &view.act(Action::Stream, &store()).unwrap()[..] else {
        panic!("no lines are printed");
    };
    assert_eq!(lines.len(), 4);
    assert!(lines[0].ends_with(" backend-7k2m9q  line 9"), "{lines:?}");
    let live = batch(&view, LogPart::Live, 30..60);
    let (_, asked) = view.take(live);
    let [Request::Do(Effect::Print(lines))] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(lines.len(), 3);
    view.end_stream();
    let live = batch(&view, LogPart::Live, 60..70);
    assert_eq!(view.take(live).1, []);
}
