//! `verify`: all validations of a goal again, in fresh containers, on what it published.

use std::time::Duration;

use codegod_protocol::client::GoalView;
use codegod_protocol::goal::{GoalKind, GoalState};
use codegod_protocol::id::GoalId;
use codegod_protocol::task::TaskKind;
use codegod_tests::files::Files;
use codegod_tests::fleet::{Fleet, told};
use codegod_tests::plans;

type Result<T = ()> = anyhow::Result<T>;

const LIMIT: Duration = Duration::from_secs(300);

/// Verifies `of` on a commit, as `codegod verify` does.
async fn verified(fleet: &Fleet, of: &GoalId, commit: &str) -> Result<GoalView> {
    let mut goal = plans::goal("verify");
    goal.kind = GoalKind::Verify { of: of.clone() };
    goal.workspace = Some(commit.to_owned());
    let goal = fleet.submit_goal(goal).await?;
    let view = fleet.ended(&goal, LIMIT).await?;
    eprintln!("{}", told(&view));
    Ok(view)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_is_verified_and_a_broken_commit_is_not() -> Result {
    let fleet = Fleet::one_of_each().await?;
    let goal = fleet.submit("Build a Flask API").await?;
    let view = fleet.ended(&goal, LIMIT).await?;
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    let closing = view.tasks.iter().find(|task| task.task.kind == TaskKind::Verification);
    let closing = closing.and_then(|task| task.result.clone()).expect("a closing verification");
    let commit = view.commit.clone().expect("a published commit");

    let again = verified(&fleet, &goal, &commit).await?;
    assert_eq!(again.state, GoalState::Succeeded, "{}\n{}", told(&again), fleet.logs());
    let verdict = again.tasks[0].result.clone().and_then(|result| result.verdict).expect("a verdict");
    let first = closing.verdict.expect("a verdict");
    assert_eq!(verdict.checks.len(), first.checks.len(), "every check is made again");
    assert_eq!(again.tasks[0].result.as_ref().and_then(|result| result.tests), closing.tests);

    let files = Files::fetch(&fleet.client, &goal, &commit).await?;
    let broken = files
        .publish_edit(&fleet.client, &goal, &commit, "backend/app/health.py", |text| {
            text.replace("\"ok\"", "\"ko\"")
        })
        .await?;
    assert_eq!(files.changed(&commit, &broken).await?, ["backend/app/health.py"]);
    let refused = verified(&fleet, &goal, &broken).await?;
    assert_eq!(refused.state, GoalState::Failed, "{}\n{}", told(&refused), fleet.logs());
    let result = refused.tasks[0].result.clone().expect("a result");
    let verdict = result.verdict.expect("a verdict");
    let failed: Vec<_> = verdict.checks.iter().filter(|check| !check.passed).collect();
    assert!(!failed.is_empty() && failed.len() < verdict.checks.len(), "what failed is named: {verdict:?}");
    assert!(failed.iter().all(|check| check.evidence.exit_code != 0));
    assert!(result.tests.expect("tests ran").failed > 0);
    assert_eq!(fleet.client.goal_head(&goal).await?.commit, Some(commit), "the goal itself is untouched");
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_verified_is_said_in_a_sentence() -> Result {
    let fleet = Fleet::start(&[]).await?;
    let unknown = GoalId::random();
    let view = verified(&fleet, &unknown, &"0".repeat(40)).await?;
    assert_eq!((view.state, view.error), (GoalState::Failed, Some(format!("there is no goal {unknown}"))));
    let blocked = fleet.submit("Write me a Kubernetes operator in Go").await?;
    fleet.ended(&blocked, LIMIT).await?;
    let view = verified(&fleet, &blocked, &"0".repeat(40)).await?;
    assert_eq!(view.state, GoalState::Failed);
    assert!(view.error.is_some_and(|said| said.contains("was never planned")));
    Ok(())
}
