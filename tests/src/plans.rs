//! Small goals, plans and results for tests of the engine.

use codegod_protocol::action::Action;
use codegod_protocol::client::{Claimed, now_ms};
use codegod_protocol::goal::{GOAL_VERSION, Goal};
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_protocol::intent::{Intent, ProjectType, Stack};
use codegod_protocol::result::{Outputs, ResultStatus, TaskResult};
use codegod_protocol::task::{Check, Procedure, TASK_VERSION, Task, TaskKind};

/// A goal with an empty workspace.
#[must_use]
pub fn goal(text: &str) -> Goal {
    Goal {
        version: GOAL_VERSION,
        id: GoalId::random(),
        text: text.to_owned(),
        workspace: None,
        described: None,
        priority: 5,
        uncovered: Default::default(),
        deployment: Default::default(),
        kind: Default::default(),
        submitted_ms: now_ms(),
        deadline_ms: None,
    }
}

/// An intent that says nothing.
#[must_use]
pub fn intent() -> Intent {
    Intent {
        project: ProjectType::Unknown,
        name: "test".into(),
        title: "Test".into(),
        stack: Stack::default(),
        resources: vec![],
        features: vec![],
        constraints: vec![],
        symptom: None,
        understood: vec![],
        not_covered: vec![],
        picture: None,
    }
}

/// A task that checks for a file, for `role`, needing the tasks with those numbers.
#[must_use]
pub fn task(goal: &GoalId, number: u32, role: Role, needs: &[u32]) -> Task {
    let look = Action::ReadFile { path: "README.md".into() };
    Task {
        version: TASK_VERSION,
        id: goal.task(number),
        goal: goal.clone(),
        parent: None,
        role,
        capabilities: vec![],
        title: format!("task {number}"),
        description: String::new(),
        kind: TaskKind::Work,
        needs: needs.iter().map(|number| goal.task(*number)).collect(),
        priority: 5,
        deadline_seconds: 60,
        max_attempts: 3,
        environment: None,
        environments: Default::default(),
        setups: Default::default(),
        procedure: Procedure {
            validate: vec![Check {
                title: "there is a README".into(),
                action: look,
                environment: None,
                repeat: true,
            }],
            ..Procedure::default()
        },
        metadata: Default::default(),
    }
}

/// The result that an attempt publishes.
#[must_use]
pub fn result(claimed: &Claimed, agent: &AgentId, status: ResultStatus) -> TaskResult {
    let succeeded = status == ResultStatus::Succeeded;
    TaskResult {
        task: claimed.task.id.clone(),
        attempt: claimed.attempt,
        agent: agent.clone(),
        status,
        outputs: succeeded.then(|| Outputs {
            commit: "c".repeat(40),
            environments: Default::default(),
            images: Default::default(),
            setups: Default::default(),
        }),
        evidence: vec![],
        verdict: None,
        started_ms: now_ms(),
        seconds: 0.1,
        usage: Default::default(),
        tests: None,
        error: (!succeeded).then(|| "it did not work".to_owned()),
        next_steps: vec![],
        diagnoses: vec![],
    }
}
