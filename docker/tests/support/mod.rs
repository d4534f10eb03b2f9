//! What the Docker tests share: a connection, labels of a test of its own, and clearing up.

use codegod_docker::{Engine, Labels, Settings, images};
use codegod_protocol::id::GoalId;

/// A connection with the host's settings.
pub(crate) async fn engine() -> Engine {
    Engine::connect(Settings::from_env().expect("settings")).await.expect("Docker answers")
}

/// A connection and the workbench's id.
pub(crate) async fn workbench() -> (Engine, String) {
    let engine = engine().await;
    let id = images::ensure(&engine, images::WORKBENCH, &mut |line| eprintln!("{line}")).await;
    (engine, id.expect("the workbench is built").to_string())
}

/// Labels of a goal that no other test has.
pub(crate) fn labels() -> Labels {
    Labels { goal: Some(GoalId::random()), ..Labels::default() }
}
