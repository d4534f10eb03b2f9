//! Plans made by hand for whole-system tests: small tasks whose commands the test chooses.

use codegod_protocol::action::Action;
use codegod_protocol::goal::Goal;
use codegod_protocol::id::{GoalId, Role};
use codegod_protocol::plan::Plan;
use codegod_protocol::task::{Check, Hypothesis, Step, Task};
use codegod_reasoner::planner;

use crate::plans;

/// A task that does `actions` and is done when every one of the commands `checks` ends with 0.
#[must_use]
pub fn task(
    goal: &GoalId,
    number: u32,
    role: Role,
    needs: &[u32],
    actions: Vec<Action>,
    checks: &[&str],
) -> Task {
    let steps =
        actions.into_iter().map(|action| Step { action, expect: "It works.".to_owned(), confidence: 0.9 });
    let mut task = plans::task(goal, number, role, needs);
    task.procedure.problem = "The test wants it.".to_owned();
    task.procedure.hypotheses = vec![Hypothesis {
        cause: "Nobody has done it yet.".to_owned(),
        when: None,
        confidence: 0.9,
        disproved_by: None,
        steps: steps.collect(),
    }];
    task.procedure.validate = checks
        .iter()
        .map(|command| Check {
            title: format!("`{command}` ends with 0"),
            action: run(command),
            environment: None,
            repeat: true,
        })
        .collect();
    task
}

/// A command that every role may run.
#[must_use]
pub fn run(command: &str) -> Action {
    Action::ValidateOutput {
        run: command.to_owned(),
        workdir: String::new(),
        matches: None,
        deadline_seconds: 300,
    }
}

/// Writing a file.
#[must_use]
pub fn write(path: &str, content: &str) -> Action {
    Action::WriteFile { path: path.to_owned(), content: content.to_owned(), executable: false }
}

/// The tasks and, after those that nobody needs, the closing verification that a planner adds.
///
/// # Errors
/// When no check may be repeated.
pub fn closed(goal: &Goal, mut tasks: Vec<Task>) -> anyhow::Result<Vec<Task>> {
    let of = Plan { intent: plans::intent(), tasks: tasks.clone() };
    let mut closing = planner::verification(goal, &of, Default::default())?.tasks;
    let needed: Vec<_> = tasks.iter().flat_map(|task| task.needs.clone()).collect();
    let last = u32::try_from(tasks.len())? + 1;
    for task in &mut closing {
        task.id = goal.id.task(last);
        task.needs = tasks.iter().map(|task| task.id.clone()).filter(|id| !needed.contains(id)).collect();
    }
    tasks.extend(closing);
    Ok(tasks)
}
