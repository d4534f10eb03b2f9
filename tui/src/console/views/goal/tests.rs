use codegod_protocol::task::TaskState;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::console::diff::Diff;
use crate::console::fixtures::{State, blocked_task, look};
use crate::console::store::{News, PlanNews};
use crate::console::theme::Theme;

/// The view over a state, as it is when it is opened.
fn opened(state: State) -> (Goal, Store) {
    let (mut view, store) = (Goal::default(), state.store());
    view.settle(&store);
    (view, store)
}

fn picture(view: &Goal, store: &Store, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view.draw(frame, frame.area(), &look(Theme::Dark), store)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..rows).map(row).collect::<Vec<_>>().join("\n")
}

fn act(view: &mut Goal, store: &Store, actions: &[Action]) -> Vec<Request> {
    actions.iter().flat_map(|action| view.act(*action, store).unwrap_or_default()).collect()
}

fn title(view: &Goal, store: &Store) -> String {
    view.row(store).map(|row| row.title.to_string()).unwrap_or_default()
}

/// The titles of the rows that are shown.
fn shown(view: &Goal, store: &Store) -> Vec<String> {
    let open = view.plan(store).unwrap();
    let rows = (0..view.plan.len()).filter_map(|row| view.plan.row(row, open));
    rows.map(|one| {
        let row = &open.rows()[open.tree()[one.place].row];
        let hidden = if one.hidden > 0 { format!(" +{}", one.hidden) } else { String::new() };
        format!("{}{hidden}", row.id.number())
    })
    .collect()
}

#[test]
fn a_task_that_needs_a_person_says_what_it_asks_and_everything_that_led_to_it() {
    let (mut view, mut store) = opened(State::Busy);
    view.open_task(&store.goals.rows[1].id.task(8));
    for news in blocked_task() {
        store.apply(news, 0);
    }
    view.settle(&store);
    insta::assert_snapshot!("blocked_80x24", picture(&view, &store, 80, 20));
    act(&mut view, &store, &[Action::Zoom]);
    insta::assert_snapshot!("blocked_zoomed", picture(&view, &store, 100, 100));
    let (name, text) = view.text(&store).unwrap();
    assert!(
        name.ends_with(".8") && text.contains("step 1 of 30") && text.contains("step 30 of 30"),
        "{text}"
    );
}

#[test]
fn branches_are_closed_and_opened_and_left_goes_up() {
    let (mut view, store) = opened(State::Busy);
    assert_eq!(shown(&view, &store), ["1", "2", "4", "7", "3", "5", "6", "8", "9"]);
    let (left, right) = (Action::Move(Motion::Left), Action::Move(Motion::Right));
    act(&mut view, &store, &[left]);
    assert_eq!(title(&view, &store), "Flask app with one resource", "a leaf's left is what it hangs below");
    act(&mut view, &store, &[left]);
    assert_eq!(shown(&view, &store), ["1", "2 +2", "3", "5", "6", "8", "9"]);
    act(&mut view, &store, &[right, right]);
    assert_eq!(title(&view, &store), "The todos' routes and their tests");
    act(&mut view, &store, &[Action::CloseBranches]);
    assert_eq!(
        (shown(&view, &store), title(&view, &store)),
        (vec!["1 +8".into()], "Project skeleton".into())
    );
    act(&mut view, &store, &[Action::NextError]);
    assert_eq!(title(&view, &store), "The app answers", "what is looked for is found in closed branches too");
    assert_eq!(shown(&view, &store), ["1", "2 +2", "3", "5", "6", "8 +1"]);
    act(&mut view, &store, &[Action::OpenBranches]);
    assert_eq!(shown(&view, &store).len(), 9);
}

#[test]
fn a_filter_leaves_what_has_all_words_and_what_leads_there() {
    let (mut view, store) = opened(State::Busy);
    view.search(Some("first TEST"), &store);
    assert_eq!(
        (shown(&view, &store), title(&view, &store)),
        (vec!["1".into(), "2".into(), "7".into()], "The backend's first tests".into())
    );
    view.search(Some("blocked"), &store);
    assert_eq!(shown(&view, &store), ["1", "3", "6", "8"]);
    assert!(picture(&view, &store, 80, 20).contains("/blocked: 1 of 9"));
    view.search(Some("nothing like that"), &store);
    assert!(picture(&view, &store, 80, 20).contains("no task has that; esc shows all"));
    act(&mut view, &store, &[Action::Back]);
    assert_eq!(shown(&view, &store).len(), 9);
}

#[test]
fn the_newest_goal_that_runs_is_shown_until_a_person_chooses_another() {
    let (mut view, store) = opened(State::Busy);
    assert_eq!(view.goal, Some(store.goals.rows[1].id.clone()));
    assert_eq!(act(&mut view, &store, &[Action::NewerGoal]), []);
    assert!(picture(&view, &store, 80, 20).contains("it waits for a master to plan it"));
    assert_eq!(
        act(&mut view, &store, &[Action::NewerGoal]),
        [Request::Say("this is the newest goal".into())]
    );
    let mut scope = Scope::default();
    view.scope(&mut scope);
    assert_eq!((scope.goal, scope.task), (Some(store.goals.rows[0].id.clone()), None));
}

#[test]
fn a_commit_is_read_once_and_only_while_its_changes_are_shown() {
    let (mut view, mut store) = opened(State::Busy);
    view.open_task(&store.goals.rows[1].id.task(8));
    for news in blocked_task() {
        store.apply(news, 0);
    }
    view.settle(&store);
    assert_eq!(view.asks(), []);
    act(&mut view, &store, &[Action::NextPane]);
    let [Request::Do(Effect::Changes(commit))] = &view.asks()[..] else { panic!("not asked") };
    view.settle(&store);
    assert_eq!(view.asks(), [], "it was asked for already");
    assert!(picture(&view, &store, 80, 20).contains("its commit is being read"));
    let diff = "diff --git a/app.py b/app.py\n--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-old\n+new\n";
    view.take_changes(commit, Ok(Box::new(Read { diff: Diff::read(diff), note: None })));
    insta::assert_snapshot!("changes_80x24", picture(&view, &store, 80, 20));
}

#[test]
fn moving_and_drawing_among_ten_thousand_tasks_touches_only_what_is_shown() {
    let (mut view, mut store) = opened(State::Huge);
    picture(&view, &store, 120, 40);
    assert_eq!((view.plan.len(), view.plan.made), (10_000, 1));
    let moves = [Motion::Top, Motion::PageDown, Motion::Down, Motion::Right, Motion::Bottom, Motion::Up];
    for motion in moves {
        act(&mut view, &store, &[Action::Move(motion)]);
        picture(&view, &store, 120, 40);
    }
    // Tasks that go on change rows and no tree.
    let open = store.goal.as_ref().unwrap();
    let row = TaskRow { state: TaskState::Failed, ..open.rows()[3_000].clone() };
    store.apply(News::Tasks(open.head.id.clone(), vec![row]), 0);
    view.settle(&store);
    assert_eq!(view.plan.made, 1, "the list was made once, when the plan was read");
    let row = |number| store.goal.as_ref().unwrap().row(number).unwrap().clone();
    let grown = TaskRow { id: row(1).id.goal().task(10_001), needs: [10_000].into(), ..row(1) };
    store.apply(News::Tasks(grown.id.goal().clone(), vec![grown]), 0);
    view.settle(&store);
    assert_eq!((view.plan.len(), view.plan.made), (10_001, 2), "and again when the plan grew");
}

#[test]
fn a_goal_without_a_plan_says_in_full_what_it_needs() {
    let (mut view, store) = opened(State::Busy);
    act(&mut view, &store, &[Action::OlderGoal]);
    insta::assert_snapshot!("no_plan_60x12", picture(&view, &store, 60, 12));
}

#[test]
fn a_plan_that_grew_while_nobody_looked_is_shown_as_it_is() {
    let (mut view, mut store) = opened(State::Busy);
    act(&mut view, &store, &[Action::Move(Motion::Left)]);
    let open = store.goal.take().unwrap();
    view.settle(&store);
    let grown = TaskRow { id: open.head.id.task(10), needs: [2].into(), ..open.row(7).unwrap().clone() };
    let rows = open.rows().iter().cloned().chain([grown]).collect();
    let (text, intent, commit) = (open.text.clone(), open.intent.clone(), open.commit.clone());
    let plan = PlanNews { head: open.head.clone(), text, intent, commit, rows };
    store.apply(News::Plan(Box::new(plan)), 0);
    view.settle(&store);
    assert_eq!(shown(&view, &store), ["1", "2", "4", "7", "10", "3", "5", "6", "8", "9"]);
    assert_eq!(title(&view, &store), "Flask app with one resource", "the cursor stands where it stood");
}
