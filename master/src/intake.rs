//! Intake: goals are claimed, understood, planned, checked and submitted; or end with the reason why not.

use std::time::Duration;

use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{
    Client, Error, GoalEntry, Listener, PLANNING_LEASE_MS, Planning, PlanningOutcome, PlanningToken,
};
use codegod_protocol::environment;
use codegod_protocol::goal::{Goal, GoalKind, GoalState};
use codegod_protocol::id::GoalId;
use codegod_protocol::intent::{Intent, ProjectType};
use codegod_protocol::plan::Plan;
use codegod_protocol::setup;
use codegod_reasoner::intent::understand;
use codegod_reasoner::planner::{self, PlanFailure};
use codegod_reasoner::playbook::Library;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;
use crate::survey;

/// How long a read waits: also the longest the master takes to end.
const WAIT_MS: usize = 1_000;
/// How often a master that plans says that it still does.
const RENEWAL: Duration = Duration::from_millis(PLANNING_LEASE_MS / 5);

/// Plans goals until told to stop. A read that waits is let finish: dropped, it would take an entry
/// along.
pub(crate) async fn keep_planning(
    client: Client,
    mut listener: Listener,
    settings: Settings,
    library: Library,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        match listener.goals(&settings.name, WAIT_MS).await {
            Ok(entries) => {
                backoff.reset();
                for entry in entries {
                    if let Err(error) = handle(&client, &library, &entry).await {
                        // Not acknowledged: it is read again, by this master or another.
                        let error = anyhow::Error::from(error);
                        tracing::warn!(goal.id = entry.goal, "a goal could not be planned now: {error:#}");
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "waiting for Redis");
                let _ended_early = stop.run_until_cancelled(backoff.wait()).await;
            }
        }
    }
}

async fn handle(client: &Client, library: &Library, entry: &GoalEntry) -> Result<(), Error> {
    let Ok(id) = entry.goal.parse::<GoalId>() else {
        return put_aside(client, entry, "it names no goal").await;
    };
    let begun = match client.begin_planning(&id).await {
        // It would be read again and again, and nothing would come of it.
        Err(error) if error.is_wrong_type() => {
            return put_aside(client, entry, "a key of its goal is of another type").await;
        }
        begun => begun?,
    };
    let token = match begun {
        Planning::Begun(token) => token,
        Planning::Superseded(state) if state == "unknown" => {
            return put_aside(client, entry, "there is no such goal").await;
        }
        Planning::Superseded(state) => {
            tracing::info!(goal.id = %id, state, "not planned: it is not waiting for that");
            return client.acknowledge_goal(&entry.entry).await;
        }
    };
    let submitted = tokio::select! {
        submitted = understand_and_submit(client, library, &id, &token) => submitted?,
        () = lose_planning(client, &id, &token, &entry.entry) => {
            tracing::warn!(goal.id = %id, "another master plans it, or it was cancelled");
            return Ok(());
        }
    };
    if let PlanningOutcome::Superseded(state) = submitted {
        tracing::warn!(goal.id = %id, state, "what was planned is thrown away");
    }
    client.acknowledge_goal(&entry.entry).await
}

async fn put_aside(client: &Client, entry: &GoalEntry, reason: &str) -> Result<(), Error> {
    tracing::warn!(entry = entry.entry, reason, "an entry of the goals is put aside");
    client.put_goal_aside(&entry.entry, reason).await.map(|_| ())
}

/// Says again and again that the goal is being planned; returns when it is not this master's any more.
async fn lose_planning(client: &Client, goal: &GoalId, token: &PlanningToken, entry: &str) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        match client.renew_planning(goal, token, entry).await {
            Ok(true) => {}
            Ok(false) => return,
            // The token fences: if another has begun meanwhile, nothing of this can be submitted.
            Err(error) => tracing::warn!(goal.id = %goal, %error, "the planning lease could not be renewed"),
        }
    }
}

async fn understand_and_submit(
    client: &Client,
    library: &Library,
    id: &GoalId,
    token: &PlanningToken,
) -> Result<PlanningOutcome, Error> {
    let outcome = match client.goal(id).await {
        Ok(goal) => plan(client, library, &goal).await?,
        Err(Error::Undecodable { what, reason }) => {
            let reason = format!("{what} can't be read: {reason}");
            client.quarantine("goals", id.as_str(), &reason).await?;
            Planned::Ended { state: GoalState::Failed, reason, intent: None }
        }
        Err(error) => return Err(error),
    };
    let submitted = match &outcome {
        Planned::Plan(plan) => {
            tracing::info!(goal.id = %id, tasks = plan.tasks.len(), "planned");
            client.submit_plan(id, token, &plan.intent, &plan.tasks).await
        }
        Planned::Ended { state, reason, intent } => {
            tracing::info!(goal.id = %id, state = state.name(), reason, "ended without a plan");
            client.end_goal(id, token, *state, reason, intent.as_deref()).await
        }
    };
    match submitted {
        // A plan that breaks a rule breaks it at every try.
        Err(error @ Error::Undecodable { .. }) => {
            client.end_goal(id, token, GoalState::Failed, &error.to_string(), None).await
        }
        other => other,
    }
}

/// What planning came to.
enum Planned {
    /// A plan.
    Plan(Box<Plan>),
    /// None, and why.
    Ended {
        /// The goal's last state.
        state: GoalState,
        /// A sentence for people.
        reason: String,
        /// How far it was understood.
        intent: Option<Box<Intent>>,
    },
}

async fn plan(client: &Client, library: &Library, goal: &Goal) -> Result<Planned, Error> {
    match &goal.kind {
        GoalKind::Build => {
            let intent = understand(&goal.text, goal.workspace.is_some(), &library.vocabulary());
            match (intent.project, &goal.workspace) {
                (ProjectType::Existing, Some(commit)) => existing(client, goal, commit, intent).await,
                _ => Ok(outcome(planner::plan(goal, &intent, library), Some(intent))),
            }
        }
        GoalKind::Verify { of } => verification(client, goal, of).await,
    }
}

/// A goal about the project in its folder: it is looked at, then each part of it is planned.
async fn existing(client: &Client, goal: &Goal, commit: &str, intent: Intent) -> Result<Planned, Error> {
    match survey::of_goal(client, goal, commit).await {
        Ok(picture) => Ok(outcome(planner::existing(goal, &intent, picture), Some(intent))),
        Err(error) => match error.downcast::<Error>() {
            Ok(error) if error.trouble().is_some() => Err(error),
            Ok(error) => Ok(unseen(&error.into(), intent)),
            Err(error) => Ok(unseen(&error, intent)),
        },
    }
}

fn unseen(error: &anyhow::Error, intent: Intent) -> Planned {
    let reason = format!("The project can't be looked at: {error:#}.");
    Planned::Ended { state: GoalState::Failed, reason, intent: Some(Box::new(intent)) }
}

fn outcome(planned: Result<Plan, PlanFailure>, intent: Option<Intent>) -> Planned {
    match planned {
        Ok(plan) => Planned::Plan(Box::new(plan)),
        Err(failure) => {
            let state = match &failure {
                PlanFailure::NotCovered { .. }
                | PlanFailure::NoPlaybook { .. }
                | PlanFailure::NeedsWorkspace { .. } => GoalState::Blocked,
                PlanFailure::Render(_) | PlanFailure::Misfit(_) | PlanFailure::Rule(_) => GoalState::Failed,
            };
            Planned::Ended { state, reason: failure.to_string(), intent: intent.map(Box::new) }
        }
    }
}

/// A goal that verifies another: all of that one's validations, on the commit that it published.
async fn verification(client: &Client, goal: &Goal, of: &GoalId) -> Result<Planned, Error> {
    let failed = |reason: String| Planned::Ended { state: GoalState::Failed, reason, intent: None };
    if goal.workspace.is_none() {
        return Ok(failed(format!("{of} has no published commit to verify")));
    }
    let view = match client.goal_view(of).await {
        Ok(view) => view,
        Err(Error::NotFound(what)) => return Ok(failed(format!("there is no {what}"))),
        Err(error) => return Err(error),
    };
    let Some(intent) = view.intent.filter(|_| !view.tasks.is_empty()) else {
        return Ok(failed(format!("{of} was never planned, so there is nothing that could be verified")));
    };
    let outputs = || view.tasks.iter().filter_map(|task| task.result.as_ref()?.outputs.as_ref());
    let environments = environment::join(outputs().map(|outputs| outputs.environments.clone()));
    let setups = setup::join(outputs().map(|outputs| outputs.setups.clone()));
    let plan = Plan { intent: intent.clone(), tasks: view.tasks.into_iter().map(|task| task.task).collect() };
    Ok(outcome(planner::verification(goal, &plan, (environments, setups)), Some(intent)))
}
