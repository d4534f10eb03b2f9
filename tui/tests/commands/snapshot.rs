//! Pictures of the console as plain text, of what a real Redis holds.

use codegod_protocol::client::{NewLine, now_ms};
use codegod_protocol::id::Role;
use codegod_protocol::log::Level;

use crate::common::{World, agent};

#[tokio::test]
async fn a_snapshot_shows_what_redis_holds_and_nothing_that_is_no_text() {
    let world = World::staffed().await;
    let child = world.start(&["build", "--detach", "Build a Flask app"]);
    let goal = world.queued().await;
    world.plan(&goal.id).await;
    drop(child);
    let id = goal.id.to_string();
    for view in ["overview", "goal", "agents", "queues", "logs", "events", "fleet"] {
        let ran = world.run(&["console", "--snapshot", view, "--size", "100x30"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.stdout.lines().count(), 30, "{ran:?}");
        assert!(ran.stdout.starts_with("codegod ● redis"), "{ran:?}");
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= 100), "{ran:?}");
        assert!(!ran.stdout.chars().any(|c| c.is_control() && c != '\n'), "{ran:?}");
    }
    let overview = world.run(&["console", "--snapshot", "overview"]).stdout;
    assert!(
        overview.contains(&format!("{id} running")) && overview.contains("Build a Flask app"),
        "{overview}"
    );
    let events = world.run(&["console", "--snapshot", "events"]).stdout;
    assert!(events.contains("is planned: 2 tasks"), "{events}");
    let queue = world.run(&["console", "--snapshot", "queues", "backend"]).stdout;
    assert!(queue.contains(&format!("{id}.1")), "{queue}");
}

#[tokio::test]
async fn a_snapshot_of_an_agent_shows_its_memory_and_the_log_view_its_lines() {
    let world = World::new().await;
    let status = agent(Role::Backend, now_ms());
    world.client.agent_heartbeat(&status).await.unwrap();
    let id = status.id.to_string();
    let line = NewLine { level: Level::Output, text: "npm ci says \u{1b}[31mhello".to_owned() };
    world.client.append_log(&status.id, "", &[line]).await.unwrap();
    let ran = world.run(&["console", "--snapshot", "agents", &id]);
    assert!(ran.stdout.contains(&format!("{id}: memory")), "{ran:?}");
    assert!(ran.stdout.contains("3 succeeded, 1 failed (75%)"), "{ran:?}");
    let ran = world.run(&["console", "--snapshot", "logs", &id]);
    assert!(ran.stdout.contains("npm ci says hello"), "{ran:?}");
}

#[tokio::test]
async fn without_redis_a_snapshot_is_a_sentence_and_wrong_words_are_bad_usage() {
    let world = World::new().await;
    let nowhere = ["--redis-url", "redis://127.0.0.1:1", "console", "--snapshot", "overview"];
    let ran = world.run(&nowhere);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(69), ""), "{ran:?}");
    assert!(ran.stderr.contains("redis://127.0.0.1:1"), "{ran:?}");
    for wrong in
        [vec!["--snapshot", "kitchen"], vec!["--snapshot", "goal", "cook-7"], vec!["--size", "80x24"]]
    {
        let args: Vec<&str> = ["console"].into_iter().chain(wrong).collect();
        assert_eq!(world.run(&args).code, Some(64), "{args:?}");
    }
}
