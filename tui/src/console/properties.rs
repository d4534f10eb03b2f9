//! What holds for every screen: whatever texts arrive, whatever is pressed.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::fixtures::{NOW, SIZES, State, console, look, nasty, picture, told, with_text};
use super::message::Message;
use super::snapshot::plain;
use super::store::clean_line;
use super::target::ViewName;
use super::theme::Theme;

/// Each cell of the picture shows something printable, and what is wide has its second cell.
fn is_printable(picture: &Buffer) -> bool {
    let area = picture.area();
    (area.top()..area.bottom()).all(|y| {
        let mut covered = 0;
        (area.left()..area.right()).all(|x| {
            let symbol = picture[(x, y)].symbol();
            let fits = if covered > 0 { symbol.trim().is_empty() } else { x + wide(symbol) <= area.right() };
            covered = if covered > 0 { covered - 1 } else { wide(symbol).saturating_sub(1) };
            fits && !symbol.chars().any(char::is_control)
        })
    })
}

fn wide(symbol: &str) -> u16 {
    u16::try_from(symbol.width()).unwrap_or(u16::MAX)
}

/// Where the picture without the text shows something, the picture with it shows the same: the text moved
/// nothing and covers nothing.
fn moved(without: &Buffer, with: &Buffer) -> Option<(u16, u16)> {
    let area = without.area();
    let mut cells =
        (area.top()..area.bottom()).flat_map(|y| (area.left()..area.right()).map(move |x| (x, y)));
    cells.find(|at| {
        let (before, after) = (without[*at].symbol(), with[*at].symbol());
        before != " " && before != after && before != "…" && after != "…"
    })
}

/// A key that means something somewhere, a letter, the mouse, another size.
fn event() -> impl Strategy<Value = Event> {
    let codes = vec![
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
    ];
    let press = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
    let mouse =
        |kind, (column, row)| Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    let kinds = vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
        MouseEventKind::Moved,
    ];
    prop_oneof![
        6 => proptest::sample::select(codes).prop_map(move |code| press(code, KeyModifiers::NONE)),
        9 => proptest::char::range(' ', '~').prop_map(move |c| press(KeyCode::Char(c), KeyModifiers::NONE)),
        2 => proptest::char::range('a', 'z').prop_map(move |c| press(KeyCode::Char(c), KeyModifiers::CONTROL)),
        2 => (proptest::sample::select(kinds), (0_u16..210, 0_u16..60)).prop_map(move |(kind, at)| mouse(kind, at)),
        1 => (0_u16..220, 0_u16..70).prop_map(|(columns, rows)| Event::Resize(columns, rows)),
        1 => "\\PC{0,20}".prop_map(Event::Paste),
    ]
}

/// Presses all that, looking at each picture; returns the last.
fn press_all(state: State, view: ViewName, events: Vec<Event>) {
    let mut size = (80, 24);
    let mut app = state.console(view, size);
    for event in events {
        if let Event::Resize(columns, rows) = event {
            size = (columns.max(1), rows.max(1));
        }
        app.update(Message::Input(event));
        assert!(is_printable(&picture(&app, size)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_text_leaves_rules_and_columns_where_they_are(
        text in "(\\PC|[\t\u{1b}\u{301}\u{200d}\u{fe0f}日👍🏽ﷺ]){0,60}",
        size in proptest::sample::select(SIZES.to_vec()),
    ) {
        let text = clean_line(&text);
        for view in ViewName::ALL {
            let pictures = ["", text.as_ref()].map(|text| {
                let mut app = console(told(with_text(text)), size);
                app.go(super::target::Target::View(view));
                picture(&app, size)
            });
            prop_assert!(is_printable(&pictures[1]), "{text:?}\n{}", plain(&pictures[1]));
            // Running text that gets longer does move what comes after it.
            let is_running_text = matches!(view, ViewName::Agents | ViewName::Goal);
            let place = moved(&pictures[0], &pictures[1]).filter(|_| !is_running_text);
            prop_assert!(place.is_none(), "{place:?} {text:?}\n{}", plain(&pictures[1]));
        }
    }

    #[test]
    fn whatever_is_pressed_the_picture_is_whole(
        state in proptest::sample::select(vec![State::Empty, State::Busy, State::Lost]),
        view in proptest::sample::select(ViewName::ALL.to_vec()),
        events in proptest::collection::vec(event(), 1..40),
    ) {
        press_all(state, view, events);
    }
}

#[test]
fn whatever_is_pressed_a_thousand_agents_are_no_trouble() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for view in ViewName::ALL {
        let events = proptest::collection::vec(event(), 60..61).new_tree(&mut runner).expect("a strategy");
        press_all(State::Huge, view, events.current());
    }
}

#[test]
fn without_colour_the_selection_still_differs_from_the_rest() {
    for view in ViewName::ALL {
        let mut app = State::Busy.console(view, (80, 24));
        app.look = look(Theme::Plain);
        let picture = picture(&app, (80, 24));
        let cell = |x, y| &picture[(x, y)];
        let coloured = picture.content().iter().find(|c| c.fg != Color::Reset || c.bg != Color::Reset);
        assert!(coloured.is_none(), "{view:?} {coloured:?}");
        let reversed = |y: &u16| cell(1, *y).modifier.contains(Modifier::REVERSED);
        let rows: Vec<u16> = (2..22).filter(reversed).collect();
        assert!(rows.len() <= 1, "{view:?}: one row is selected, not {rows:?}");
        assert!(!rows.is_empty() || view == ViewName::Logs, "{view:?}:\n{}", plain(&picture));
    }
}

#[test]
fn the_cursor_of_a_typed_search_stays_on_the_screen() {
    let (mut terminal, size) = (super::fixtures::terminal((60, 16)), (60, 16));
    let mut app = State::Busy.console(ViewName::Overview, size);
    for letter in "/".chars().chain(nasty(3).chars().cycle().take(200)) {
        let key = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE);
        app.update(Message::Input(Event::Key(key)));
        terminal.draw(|frame| super::draw::draw(&app, frame)).expect("drawing into memory");
        let Position { x, y } = terminal.get_cursor_position().expect("a cursor in memory");
        assert!(x < size.0 && y < size.1, "{x} {y}");
    }
    assert!(app.look.now_ms == NOW);
}
