//! A person at the console, in tmux, beside a real fleet: everything is asked for with keys and read off the
//! screen.

use std::process::Command;
use std::time::Duration;

use codegod_protocol::goal::GoalState;
use codegod_protocol::id::Role;
use codegod_tests::fleet::{Fleet, binary, told};
use codegod_tests::tmux::Tmux;

type Result<T = ()> = anyhow::Result<T>;

const SIZE: (u16, u16) = (120, 40);
const SOON: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(900);

/// Opens the console of a fleet in `folder`, where results are written.
async fn console(fleet: &Fleet, folder: &std::path::Path) -> Result<Tmux> {
    let mut command = Command::new(binary("codegod")?);
    command.arg("console").current_dir(folder);
    command.env("REDIS_URL", fleet.redis.url()).env("CODEGOD_STATE_DIR", fleet.state_dir());
    command.env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR").env_remove("LOG_LEVEL");
    let tmux = Tmux::start(&command, SIZE)?;
    tmux.wait("a connection", SOON, |screen| {
        let head = screen.lines().next()?;
        (head.contains("redis ") && head.contains("ms")).then_some(())
    })
    .await?;
    Ok(tmux)
}

/// Types a command into the palette.
async fn run(tmux: &Tmux, line: &str) -> Result {
    tmux.types(":")?;
    tmux.shows("Hand over a goal").await?;
    tmux.types(line)?;
    tmux.shows(line).await?;
    tmux.presses("Enter")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: run by ./start-agents.sh test --full"]
async fn a_goal_is_typed_watched_and_its_result_read_off_the_screen() -> Result {
    let fleet = Fleet::one_of_each().await?;
    let folder = tempfile::tempdir()?;
    let tmux = console(&fleet, folder.path()).await?;
    tmux.types("b")?;
    tmux.shows("New goal").await?;
    tmux.types("Build a Flask + React app")?;
    tmux.shows("Flask + React app").await?;
    tmux.presses("Enter")?;
    // Its view opens by itself, and shows who does what.
    tmux.wait("the plan", Duration::from_secs(60), |screen| {
        let works = ["backend", "frontend", "devops", "testing"].iter().all(|role| screen.contains(role));
        (works && screen.contains("running")).then_some(())
    })
    .await?;
    let ended = tmux
        .wait("the end of the goal", LONG, |screen| {
            let head: String = screen.lines().take(6).collect();
            ["succeeded", "failed", "blocked", "cancelled"].into_iter().find(|state| head.contains(state))
        })
        .await?;
    let goals = fleet.client.goals(1).await?;
    let goal = goals.into_iter().next().map(|view| view.goal.id).expect("the goal that was typed");
    let view = fleet.client.goal_view(&goal).await?;
    assert_eq!(ended, "succeeded", "{}\n{}\n{}", tmux.screen()?, told(&view), fleet.logs());
    assert_eq!(view.state, GoalState::Succeeded);
    // The result is written where the console was started, as after `codegod build`.
    let written = fleet
        .wait_for("the result's folder", SOON, async || {
            // It is put together under a name with a dot, and then named.
            let entries = std::fs::read_dir(folder.path())?.flatten();
            let named = |entry: &std::fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
            Ok(entries.filter(named).map(|entry| entry.path()).next())
        })
        .await?;
    assert!(written.read_dir()?.count() > 2, "{}", written.display());
    let name = written.file_name().unwrap_or_default().to_string_lossy().into_owned();
    tmux.shows(&name).await?;
    tmux.types("q")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_scaled_agents_wiped_and_goals_cancelled_from_the_screen() -> Result {
    let fleet = Fleet::start(&[(Role::Testing, 1)]).await?;
    let folder = tempfile::tempdir()?;
    let tmux = console(&fleet, folder.path()).await?;

    run(&tmux, "scale testing 2").await?;
    tmux.types("7")?;
    fleet
        .wait_for("a second agent", SOON, async || Ok((fleet.processes().await?.len() == 2).then_some(())))
        .await?;
    tmux.wait("two of two", SOON, |screen| {
        let row = screen.lines().find(|line| line.contains("testing") && line.contains('2'))?;
        (row.matches('2').count() >= 2).then_some(())
    })
    .await?;

    let agent = fleet.client.agents().await?.into_iter().next().expect("an agent").id;
    run(&tmux, &format!("wipe {agent}")).await?;
    // It says what it would do, and the answer that harms nothing is marked.
    tmux.shows(&format!("Wipe {agent}?")).await?;
    tmux.presses("Enter")?;
    tmux.wait("no dialog", SOON, |screen| (!screen.contains("Wipe ")).then_some(())).await?;
    run(&tmux, &format!("wipe {agent}")).await?;
    tmux.shows(&format!("Wipe {agent}?")).await?;
    tmux.types("y")?;
    tmux.wait("the outcome", SOON, |screen| screen.contains("told").then_some(())).await?;

    // Nobody of its roles is there, so it waits.
    tmux.types("b")?;
    tmux.shows("New goal").await?;
    tmux.types("Build a Flask + React app")?;
    tmux.presses("Enter")?;
    let goal = fleet
        .wait_for("the goal", SOON, async || {
            Ok(fleet.client.goals(1).await?.into_iter().next().map(|view| view.goal.id))
        })
        .await?;
    tmux.shows(goal.as_str()).await?;
    tmux.types("x")?;
    tmux.shows("Cancel").await?;
    tmux.types("y")?;
    fleet
        .wait_for("the end of the goal", SOON, async || {
            Ok((fleet.client.goal_view(&goal).await?.state == GoalState::Cancelled).then_some(()))
        })
        .await?;
    tmux.shows("cancelled").await?;
    tmux.types("q")?;
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}
