//! Environments and the reaper against the real Docker.

#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use codegod_docker::reaper::{self, Verdict};
use codegod_docker::{CommandSpec, Engine, Error, Labels, Network, Sandbox, environment};
use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::id::GoalId;
use tokio_util::sync::CancellationToken;

fn step(run: &str, reads: &[&str]) -> SetupStep {
    SetupStep {
        run: run.to_owned(),
        workdir: String::new(),
        reads: reads.iter().map(|path| (*path).to_owned()).collect(),
        root: false,
    }
}

async fn ensure(
    engine: &Engine,
    recipe: &Recipe,
    requirements: &str,
) -> Result<environment::Environment, Error> {
    let manifest = |path: &str| (path == "app/requirements.txt").then(|| requirements.as_bytes().to_vec());
    environment::ensure(engine, recipe, &support::labels(), manifest, &CancellationToken::new(), |_| {}).await
}

#[tokio::test]
async fn an_environment_is_built_once_by_two_who_ask_at_once() {
    let (engine, _) = support::workbench().await;
    // A comment of this run's own makes the recipe one that no earlier run has built.
    let requirements = format!("# {}\nflask\n", GoalId::random());
    let mut recipe = Recipe::from_base("codegod/workbench");
    recipe.add(step("python3 -m venv /env/venv", &[]));
    recipe.add(step("pip install -q -r app/requirements.txt && id -u && ls", &["app/requirements.txt"]));
    let (one, two) =
        tokio::join!(ensure(&engine, &recipe, &requirements), ensure(&engine, &recipe, &requirements));
    let (one, two) = (one.expect("builds"), two.expect("waits"));
    assert_eq!(one.image, two.image);
    assert!(one.built != two.built, "built by {} and {}", one.built, two.built);
    let built = if one.built { &one } else { &two };
    assert_eq!(built.evidence.last().expect("ran").output, "10001\napp\n");
    let again = ensure(&engine, &recipe, &requirements).await.expect("is there");
    assert!(!again.built && again.evidence.is_empty());

    let mut longer = recipe.clone();
    longer.add(SetupStep {
        root: true,
        ..step("apt-get update -q && apt-get install -qy --no-install-recommends tree", &[])
    });
    let longer = ensure(&engine, &longer, &requirements).await.expect("builds on the first");
    assert_eq!(longer.evidence.len(), 1);

    let sandbox =
        Sandbox::start(&engine, &longer.image, &support::labels(), Network::None).await.expect("starts");
    let spec =
        CommandSpec::new("python -c 'import flask' && tree --version && touch here", Duration::from_secs(30));
    let output = sandbox.run(&spec, &CancellationToken::new(), |_| {}).await.expect("runs");
    assert_eq!(output.exit_code, 0, "{}", output.text());
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn a_failing_step_is_told_with_its_output() {
    let (engine, _) = support::workbench().await;
    let mut recipe = Recipe::from_base("codegod/workbench");
    recipe.add(step("echo before; cat app/requirements.txt; exit 7", &["app/requirements.txt"]));
    let error = ensure(&engine, &recipe, "flask\n").await.expect_err("fails");
    let Error::StepFailed { evidence } = error else { panic!("{error}") };
    assert_eq!((evidence.exit_code, evidence.output.as_str()), (7, "before\nflask\n"));
    recipe.steps[0].reads = vec!["../../etc/shadow".to_owned()];
    assert!(matches!(ensure(&engine, &recipe, "").await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn the_reaper_removes_orphans_and_keeps_the_living() {
    let (engine, image) = support::workbench().await;
    let (dead, living) = (support::labels(), support::labels());
    let orphan = Sandbox::start(&engine, &image, &dead, Network::None).await.expect("starts");
    let kept = Sandbox::start(&engine, &image, &living, Network::None).await.expect("starts");
    // Only this test's own objects: others may be at work on the same host.
    let judge = |labels: &Labels| if *labels == dead { Verdict::Remove } else { Verdict::Keep };
    let swept = reaper::sweep(&engine, |owner| judge(&owner.labels)).await.expect("sweeps");
    assert_eq!(swept.containers, vec![orphan.id().to_owned()]);
    assert_eq!(swept.failures, Vec::<String>::new());
    let spec = CommandSpec::new("echo alive", Duration::from_secs(10));
    let output = kept.run(&spec, &CancellationToken::new(), |_| {}).await.expect("runs");
    assert_eq!(output.text(), "alive\n");
    orphan.remove().await.expect("is gone already");
    kept.remove().await.expect("is removed");
}
