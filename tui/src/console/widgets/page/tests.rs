use codegod_protocol::task::TaskState;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::console::theme::Theme;
use crate::follow::Glyphs;
use crate::output::Meaning;

fn look() -> Look {
    Look { theme: Theme::Dark, glyphs: Glyphs::unicode(), now_ms: 65_000, utc_offset_seconds: 0 }
}

fn rows(page: &Page, columns: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, height)).unwrap();
    terminal.draw(|frame| page.draw(frame, frame.area(), &look())).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect()
}

fn numbered(lines: usize) -> Vec<Passage> {
    (0..lines).map(|line| Passage::new(Meaning::Plain, format!("line {line}"))).collect()
}

fn page(lines: usize) -> Page {
    let mut page = Page::default();
    page.begin(numbered(lines));
    rows(&page, 20, 4);
    page
}

#[test]
fn rows_hang_below_what_leads_them_and_clocks_run_behind_the_text() {
    let mut page = Page::default();
    page.begin(vec![
        Passage::new(Meaning::Plain, "one two three four").under("1. "),
        Passage::new(Meaning::Faint, "printed by a command").printed(),
        Passage::new(Meaning::Busy, "runs and runs").marked(TaskState::Running).since(60_000),
    ]);
    let expected = ["1. one two", "   three four", "│ printed by", "│ a command", "▶ runs and", "  runs  5s"];
    assert_eq!(rows(&page, 14, 6), expected);
}

#[test]
fn it_scrolls_as_far_as_its_last_row() {
    let mut page = page(10);
    page.act(Action::Move(Motion::PageDown));
    assert_eq!(rows(&page, 20, 4)[0], "line 3");
    page.act(Action::Move(Motion::Bottom));
    page.scroll(5);
    assert_eq!(rows(&page, 20, 4), ["line 6", "line 7", "line 8", "line 9"]);
    assert_eq!(rows(&page, 20, 12)[0], "line 0", "a larger screen leaves no rows unused");
}

#[test]
fn a_reader_keeps_the_place_and_at_the_end_sees_what_is_added() {
    let mut page = page(10);
    page.scroll(2);
    page.show(numbered(20));
    assert_eq!(rows(&page, 20, 4)[0], "line 2");
    page.act(Action::Move(Motion::Bottom));
    page.show(numbered(30));
    assert_eq!(rows(&page, 20, 4)[3], "line 29");
}

#[test]
fn a_search_goes_from_match_to_match_and_says_where_there_are_no_more() {
    let mut page = page(40);
    page.search(Some("LINE 1"));
    assert_eq!(page.search_state(), Some(("LINE 1", 0)), "capital letters find only themselves");
    page.search(Some("e 2"));
    assert_eq!((page.search_state(), page.progress().0), (Some(("e 2", 11)), 2));
    assert_eq!(page.act(Action::NextMatch), Some(None));
    assert_eq!(page.progress().0, 20);
    assert_eq!(page.act(Action::PreviousMatch), Some(None));
    assert_eq!(page.act(Action::PreviousMatch), Some(Some("there are no more that way")));
    assert_eq!(page.act(Action::Back), Some(None));
    assert_eq!(page.act(Action::Back), None);
}
