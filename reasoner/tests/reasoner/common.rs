//! Goals, intents and libraries for tests.

use std::path::PathBuf;

use codegod_protocol::goal::{Deployment, GOAL_VERSION, Goal, GoalKind, Uncovered};
use codegod_protocol::intent::{Feature, FeatureKind, Intent, ProjectType};
use codegod_reasoner::playbook::Library;

/// A goal with a fixed id.
pub(crate) fn goal(text: &str) -> Goal {
    Goal {
        version: GOAL_VERSION,
        id: "g-00000000".parse().unwrap(),
        text: text.to_owned(),
        workspace: None,
        described: None,
        priority: 5,
        uncovered: Uncovered::Block,
        deployment: Deployment::CheckOnly,
        kind: GoalKind::Build,
        submitted_ms: 0,
        deadline_ms: None,
    }
}

/// The intent of the fixture, with this stack and these features beside keeping resources.
pub(crate) fn intent(backend: Option<&str>, frontend: Option<&str>, features: &[FeatureKind]) -> Intent {
    let text = include_str!("../fixtures/recipe-keeper.json");
    let mut intent: Intent = serde_json::from_str(text).unwrap();
    intent.project = match (backend, frontend) {
        (Some(_), Some(_)) => ProjectType::FullStack,
        (Some(_), None) => ProjectType::BackendOnly,
        (None, Some(_)) => ProjectType::FrontendOnly,
        (None, None) => ProjectType::Unknown,
    };
    intent.stack.backend = backend.map(str::to_owned);
    intent.stack.frontend = frontend.map(str::to_owned);
    intent.stack.database = backend.map(|_| "sqlite".to_owned());
    let feature = |kind: &FeatureKind| Feature { kind: *kind, priority: 5, acceptance: Vec::new() };
    intent.features = [FeatureKind::Resources].iter().chain(features).map(feature).collect();
    intent
}

/// The playbooks of the fixtures.
pub(crate) fn fixtures() -> Library {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/playbooks");
    let library = Library::load(&[folder]);
    assert_eq!(library.problems, []);
    library
}
