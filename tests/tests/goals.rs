//! Whole goals: a sentence in, a tested app out, with real Redis, Docker, pip and npm.

use std::time::Duration;

use codegod_protocol::goal::GoalState;
use codegod_tests::fleet::{Fleet, told};

type Result<T = ()> = anyhow::Result<T>;

const LONG: Duration = Duration::from_secs(900);

#[tokio::test(flavor = "multi_thread")]
async fn flask_and_react_become_a_tested_app() -> Result {
    let fleet = Fleet::one_of_each().await?;
    let goal = fleet.submit("Build a Flask + React app").await?;
    let view = fleet.ended(&goal, LONG).await?;
    println!("{}", told(&view));
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}
