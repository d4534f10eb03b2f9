//! Every view in every state at every size, as a person would see it.

use super::fixtures::{SIZES, State, picture};
use crossterm::event::{Event, KeyCode};

use super::effect::Effect;
use super::message::Message;
use super::snapshot::plain;
use super::target::ViewName;
use crate::follow::Glyphs;

/// A view in a state at all sizes, one below the other.
fn at_all_sizes(view: ViewName, state: State) -> String {
    let mut text = String::new();
    for size in SIZES {
        let mut app = state.console(view, size);
        app.take_dirty();
        text += &format!("{}×{}\n{}\n", size.0, size.1, plain(&picture(&app, size)));
    }
    text
}

fn in_all_states(view: ViewName) {
    for state in State::ALL {
        let name = format!("{}_{}", view.title().to_lowercase(), state.name());
        insta::assert_snapshot!(name, at_all_sizes(view, state));
    }
}

#[test]
fn the_overview_shows_everything_at_a_glance() {
    in_all_states(ViewName::Overview);
}

#[test]
fn a_goal_shows_its_plan_and_the_task_under_the_cursor() {
    in_all_states(ViewName::Goal);
}

#[test]
fn queues_show_what_waits_what_runs_and_what_was_given_up() {
    in_all_states(ViewName::Queues);
}

#[test]
fn events_show_who_did_what() {
    in_all_states(ViewName::Events);
}

#[test]
fn the_fleet_shows_what_is_wanted_and_what_is_there() {
    in_all_states(ViewName::Fleet);
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_what_helps() {
    let mut text = String::new();
    for size in [(59, 15), (60, 15), (24, 3), (7, 1)] {
        let app = State::Busy.console(ViewName::Overview, size);
        text += &format!("{}×{}\n{}\n", size.0, size.1, plain(&picture(&app, size)));
    }
    insta::assert_snapshot!("small", text);
}

#[test]
fn without_unicode_every_view_is_ascii() {
    for view in ViewName::ALL {
        for state in State::ALL {
            let mut app = state.console(view, (80, 24));
            app.look.glyphs = Glyphs::ascii();
            let text = plain(&picture(&app, (80, 24)));
            assert!(text.is_ascii(), "{text}");
        }
    }
    let mut app = State::Busy.console(ViewName::Overview, (80, 24));
    app.look.glyphs = Glyphs::ascii();
    insta::assert_snapshot!("ascii", plain(&picture(&app, (80, 24))));
}

#[test]
fn logs_show_what_agents_said_and_commands_printed() {
    in_all_states(ViewName::Logs);
}

#[test]
fn agents_show_what_they_do_and_what_the_chosen_one_knows() {
    in_all_states(ViewName::Agents);
}

#[test]
fn a_key_of_another_part_goes_there_and_does_nothing_yet() {
    let mut app = State::Busy.console(ViewName::Overview, (80, 24));
    let press = |app: &mut super::app::App, letter| {
        app.update(Message::Input(Event::Key(KeyCode::Char(letter).into())))
    };
    assert_eq!(press(&mut app, 'w'), []);
    let shown = plain(&picture(&app, (80, 24)));
    assert!(shown.contains("▸ Agents") && shown.contains("the keys now go to the agents"), "{shown}");
    let effects = press(&mut app, 'w');
    assert!(
        matches!(effects.as_slice(), [Effect::Run(words)] if words.starts_with("wipe backend-")),
        "{effects:?}"
    );
}
