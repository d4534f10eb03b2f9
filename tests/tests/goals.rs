//! Whole goals: a sentence in, a tested app out, with real Redis, Docker, pip and npm.

use std::time::Duration;

use codegod_protocol::client::GoalView;
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::Role;
use codegod_tests::fleet::{Fleet, told};

type Result<T = ()> = anyhow::Result<T>;

const LONG: Duration = Duration::from_secs(900);

/// Builds a goal that a playbook covers, with a fleet of its own, and looks at what is left.
async fn succeeds(text: &str) -> Result<GoalView> {
    let fleet = Fleet::one_of_each().await?;
    let goal = fleet.submit(text).await?;
    let view = fleet.ended(&goal, LONG).await?;
    eprintln!("{text}\n{}", told(&view));
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(view)
}

/// When a role worked on a goal: from the first start to the last end, Unix milliseconds.
fn span(view: &GoalView, role: Role) -> (u64, u64) {
    let times = view.tasks.iter().filter(|task| task.task.role == role).map(|task| {
        let result = task.result.as_ref().expect("a succeeded task has a result");
        (result.started_ms, result.started_ms + (result.seconds * 1000.0) as u64)
    });
    times.fold((u64::MAX, 0), |(first, last), (start, end)| (first.min(start), last.max(end)))
}

#[tokio::test(flavor = "multi_thread")]
async fn flask_and_react_become_a_tested_app() -> Result {
    let view = succeeds("Build a Flask + React app").await?;
    let (backend, frontend) = (span(&view, Role::Backend), span(&view, Role::Frontend));
    assert!(backend.0 < frontend.1 && frontend.0 < backend.1, "the lanes overlap: {backend:?} {frontend:?}");
    let last =
        view.tasks.last().and_then(|task| task.result.as_ref()).expect("the closing verification's result");
    let tests = last.tests.expect("it ran tests");
    assert!(tests.passed >= 10 && tests.failed == 0 && tests.skipped == 0, "{tests:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: run by ./start-agents.sh test --full"]
async fn fastapi_with_postgresql_keeps_books_and_authors() -> Result {
    let view = succeeds("Create a FastAPI backend for books and authors with PostgreSQL").await?;
    let names: Vec<String> = view
        .intent
        .map(|intent| intent.resources.into_iter().map(|resource| resource.name).collect())
        .unwrap_or_default();
    assert_eq!(names, ["book", "author"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: run by ./start-agents.sh test --full"]
async fn vue_with_a_contact_form() -> Result {
    succeeds("Vue frontend with a contact form").await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: run by ./start-agents.sh test --full"]
async fn django_and_react_with_todos_and_sign_in() -> Result {
    succeeds("Django + React app with todos and sign-in").await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: run by ./start-agents.sh test --full"]
async fn a_flask_api() -> Result {
    succeeds("Build a Flask API").await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: run by ./start-agents.sh test --full"]
async fn a_free_sentence_about_recipes() -> Result {
    let text =
        "a small web service in Python that keeps recipes and ingredients, with a React page to browse them";
    succeeds(text).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_playbook_covers_is_blocked_at_once_with_what_to_configure() -> Result {
    let fleet = Fleet::start(&[]).await?;
    for text in ["Write me a Kubernetes operator in Go", "Build a Flask app with Stripe payments"] {
        let goal = fleet.submit(text).await?;
        let view = fleet.ended(&goal, Duration::from_secs(5)).await?;
        let said = view.error.unwrap_or_default();
        assert_eq!(view.state, GoalState::Blocked, "{said}");
        assert!(said.contains("CODEGOD_PLAYBOOKS"), "{said}");
        assert!(view.tasks.is_empty());
    }
    Ok(())
}
