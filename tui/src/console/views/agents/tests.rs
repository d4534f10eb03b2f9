//! The agents, key by key.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::console::app::App;
use crate::console::feed::scope::LogScope;
use crate::console::fixtures::{State, picture};
use crate::console::message::Message;
use crate::console::snapshot::plain;
use crate::console::target::ViewName;

fn press(app: &mut App, keys: &str) {
    for letter in keys.chars() {
        let code = match letter {
            '\t' => KeyCode::Tab,
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            letter => KeyCode::Char(letter),
        };
        app.update(Message::Input(Event::Key(KeyEvent::new(code, KeyModifiers::NONE))));
    }
}

fn screen(app: &App) -> String {
    plain(&picture(app, (80, 24)))
}

#[test]
fn an_agents_memory_is_one_key_away_from_the_overview() {
    let mut app = State::Busy.console(ViewName::Overview, (80, 24));
    press(&mut app, "\tm");
    assert_eq!(app.current, ViewName::Agents);
    assert!(screen(&app).contains("▸ backend-7k2m9q: memory"), "{}", screen(&app));
    // The feed reads what has just been opened.
    State::Busy.tell(&mut app);
    let screen = screen(&app);
    assert!(screen.contains("1. write_file: app/todos.py is there"), "{screen}");
}

#[test]
fn what_is_on_the_screen_is_what_is_read() {
    let mut app = State::Busy.console(ViewName::Agents, (80, 24));
    let agent = Some("backend-w81f0c".parse().unwrap());
    press(&mut app, "j");
    let scope = app.scope();
    assert_eq!(scope.agent, agent);
    assert_eq!(scope.logs, agent.map(LogScope::Agent));
    assert!(screen(&app).contains("its memory is being read"));
}

#[test]
fn a_filter_keeps_what_fits_and_escape_brings_the_rest_back() {
    let mut app = State::Huge.console(ViewName::Agents, (80, 24));
    press(&mut app, "/testing-0000z7\n");
    let found = screen(&app);
    assert!(found.contains("Agents 1 of 1000"), "{found}");
    assert!(found.contains("testing-0000z7: memory"), "{found}");
    press(&mut app, "\u{1b}");
    let all = screen(&app);
    assert!(all.contains("Agents 1000"), "{all}");
    assert!(all.contains("testing-0000z7: memory"), "the cursor stays on its agent\n{all}");
}

#[test]
fn tab_goes_from_the_list_to_memory_and_log_and_keys_go_with_it() {
    let mut app = State::Busy.console(ViewName::Agents, (80, 24));
    let first = screen(&app);
    press(&mut app, "\tjj");
    let scrolled = screen(&app);
    assert!(scrolled.contains("▸ backend-7k2m9q: memory") && first != scrolled, "{scrolled}");
    press(&mut app, "\t");
    assert!(screen(&app).contains("▸ backend-7k2m9q · following"), "{}", screen(&app));
    press(&mut app, "\t");
    assert!(screen(&app).contains("▸ Agents 6"), "{}", screen(&app));
    press(&mut app, "mzG");
    assert!(screen(&app).contains("Core knowledge (2)"), "{}", screen(&app));
}

#[test]
fn a_search_in_a_memory_counts_the_lines_that_have_it() {
    let mut app = State::Busy.console(ViewName::Agents, (80, 24));
    press(&mut app, "m/python\n");
    assert!(screen(&app).contains("\"python\" in 5 lines"), "{}", screen(&app));
}
