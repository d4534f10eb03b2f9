//! What is typed, through the whole console: from keys to what is done.

use codegod_protocol::goal::GoalState;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::oneshot;

use super::{Dialog, Past};
use crate::console::app::{Access, App};
use crate::console::effect::Effect;
use crate::console::fixtures::{State, picture};
use crate::console::message::Message;
use crate::console::overlay::Overlay;
use crate::console::snapshot::plain;
use crate::console::target::ViewName;
use crate::output::{Answer, Question};

const SIZE: (u16, u16) = (80, 24);

fn console() -> App {
    State::Busy.console(ViewName::Overview, SIZE)
}

fn press(app: &mut App, code: KeyCode) -> Vec<Effect> {
    app.update(Message::Input(Event::Key(KeyEvent::new(code, KeyModifiers::NONE))))
}

fn types(app: &mut App, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|letter| press(app, KeyCode::Char(letter))).collect()
}

fn shown(app: &App) -> String {
    plain(&picture(app, SIZE))
}

fn asks(text: &str) -> (Message, oneshot::Receiver<Answer>) {
    let (answer, answered) = oneshot::channel();
    let dialog = Dialog::new(Question { text: text.to_owned(), answer });
    (Message::Overlay(Box::new(Overlay::Dialog(dialog))), answered)
}

#[test]
fn a_typed_command_is_run_and_kept() {
    let mut app = console();
    assert_eq!(types(&mut app, ":scale backend 4"), []);
    let done = press(&mut app, KeyCode::Enter);
    let line = "scale backend 4".to_owned();
    assert_eq!(done, [Effect::Keep(Past::Commands, line.clone()), Effect::Run(line)]);
    types(&mut app, ":");
    press(&mut app, KeyCode::Up);
    assert!(shown(&app).contains(":scale backend 4"));
}

#[test]
fn a_typed_view_is_shown_and_quit_leaves() {
    let mut app = console();
    types(&mut app, ":queues");
    press(&mut app, KeyCode::Enter);
    assert_eq!(app.current, ViewName::Queues);
    types(&mut app, ":q");
    assert_eq!(press(&mut app, KeyCode::Enter).last(), Some(&Effect::Quit(0)));
}

#[test]
fn a_console_that_only_looks_refuses_what_changes_something_and_says_so() {
    let mut app = console();
    app.access = Access::ReadOnly;
    types(&mut app, ":wipe");
    let done = press(&mut app, KeyCode::Enter);
    assert!(!done.iter().any(|effect| matches!(effect, Effect::Run(_))), "{done:?}");
    assert!(shown(&app).contains("this console only looks"));
    types(&mut app, ":doctor");
    assert!(press(&mut app, KeyCode::Enter).contains(&Effect::Run("doctor".to_owned())));
    types(&mut app, "b");
    assert!(app.overlay.is_none());
}

#[test]
fn a_question_waits_until_what_is_typed_is_done_and_no_key_answers_it_by_accident() {
    let mut app = console();
    types(&mut app, ":dr");
    let (message, mut answered) = asks("Let backend-7k2m9q end?");
    app.update(message);
    types(&mut app, "y");
    assert!(answered.try_recv().is_err());
    press(&mut app, KeyCode::Esc);
    assert!(shown(&app).contains("Let backend-7k2m9q end?"));
    press(&mut app, KeyCode::Char('y'));
    assert_eq!(answered.try_recv(), Ok(Answer::Yes));
    assert!(app.overlay.is_none());
}

#[test]
fn two_questions_are_asked_one_after_the_other() {
    let mut app = console();
    let ((one, mut first), (two, mut second)) = (asks("One?"), asks("Two?"));
    app.update(one);
    app.update(two);
    press(&mut app, KeyCode::Char('y'));
    press(&mut app, KeyCode::Char('n'));
    assert_eq!((first.try_recv(), second.try_recv()), (Ok(Answer::Yes), Ok(Answer::No)));
}

#[test]
fn a_draft_outlives_the_field_until_its_goal_was_handed_over() {
    let mut app = console();
    types(&mut app, "b");
    types(&mut app, "a shop");
    press(&mut app, KeyCode::Esc);
    types(&mut app, "b");
    let done = press(&mut app, KeyCode::Enter);
    assert!(done.contains(&Effect::Run("build -- 'a shop'".to_owned())), "{done:?}");
    types(&mut app, "b");
    assert!(shown(&app).contains("a shop"), "it may have been refused");
    press(&mut app, KeyCode::Esc);
    let goal = app.store.goals.rows[0].id.clone();
    app.update(Message::Started(goal));
    types(&mut app, "b");
    assert!(!shown(&app).contains("a shop"));
}

#[test]
fn the_result_of_a_goal_that_was_handed_over_from_here_is_taken_once() {
    let mut app = console();
    let ended = |app: &App| {
        app.store
            .goals
            .rows
            .iter()
            .find(|goal| goal.state == GoalState::Succeeded)
            .map(|goal| goal.id.clone())
    };
    let goal = ended(&app).expect("a goal of the busy state has ended");
    app.update(Message::Started(goal.clone()));
    let news = || Message::News(Box::new(crate::console::store::News::Connection(Default::default())));
    assert_eq!(app.update(news()), [Effect::Collect(goal)]);
    assert_eq!(app.update(news()), []);
}
