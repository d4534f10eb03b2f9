//! `build` and `verify`: a goal handed over, followed to its end, its result taken and reported.

use codegod_protocol::client::{Client, GoalView, now_ms};
use codegod_protocol::goal::{Deployment, GOAL_VERSION, Goal, GoalKind, GoalState, Uncovered};
use codegod_protocol::id::GoalId;
use serde_json::json;

use super::Place;
use crate::cli::Build;
use crate::error::{EXIT_FAILED, Error};
use crate::follow::{Ending, Glyphs, follow};
use crate::origin::Origin;
use crate::output::{Line, Meaning, Out, Stage};
use crate::workspace::{self, HandedOver};
use crate::{input, report};

/// The goal needs a person.
const EXIT_BLOCKED: u8 = 2;
/// The priority of a verification: its user waits for it.
const VERIFY_PRIORITY: u8 = 7;

/// Hands a goal over and, unless detached, follows it. Returns the exit code.
pub(super) async fn build(at: &Place, Build { goal, dir, options }: Build, out: &Out) -> Result<u8, Error> {
    let text = input::goal_text(&goal.join(" "), out.stage())?;
    let folder = dir.as_deref().map(input::folder).transpose()?;
    let new_folder = options.out.as_deref().map(input::new_folder).transpose()?;
    let deadline = |now| options.deadline.map(|deadline| deadline.of_goal(now)).transpose();
    // Settled before anything is copied; counted from when the goal is submitted.
    deadline(now_ms())?;
    let client = at.client().await?;
    if !options.detach {
        someone_works(&client).await?;
    }
    let id = GoalId::random();
    let (mut workspace, mut described) = (None, None);
    if let Some(folder) = &folder {
        let capture = workspace::capture(folder).await?;
        for note in &capture.notes {
            out.say(&Line::new(Meaning::Attention, format!("note: {note}")));
        }
        capture.store(&client, &id).await?;
        workspace = Some(capture.commit);
        described = capture.described;
    }
    let submitted_ms = now_ms();
    let goal = Goal {
        version: GOAL_VERSION,
        id: id.clone(),
        text,
        workspace,
        described,
        priority: options.priority,
        uncovered: if options.without_uncovered { Uncovered::GoOnWithout } else { Uncovered::Block },
        deployment: if options.keep_running { Deployment::LeaveRunning } else { Deployment::CheckOnly },
        kind: GoalKind::Build,
        submitted_ms,
        deadline_ms: deadline(submitted_ms)?,
    };
    let beside = std::env::current_dir().ok();
    Origin { folder, out: new_folder, beside, ..Origin::default() }.remember(&id);
    submit(&client, &goal, options.detach, out).await
}

/// Runs all validations of a goal again. Returns the exit code.
pub(super) async fn verify(at: &Place, of: GoalId, detach: bool, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let view = client.goal_view(&of).await?;
    let commit = match (&view.goal.kind, workspace::result_commit(&view)) {
        (GoalKind::Build, Some(commit)) => commit.to_owned(),
        (GoalKind::Build, None) => return Err(Error::NotVerifiable { goal: of, state: view.state.name() }),
        (GoalKind::Verify { .. }, _) => {
            return Err(Error::NotVerifiable { goal: of, state: "a verification itself" });
        }
    };
    if !detach {
        someone_works(&client).await?;
    }
    let goal = Goal {
        version: GOAL_VERSION,
        id: GoalId::random(),
        text: format!("verify {of}"),
        workspace: Some(commit),
        described: None,
        priority: VERIFY_PRIORITY,
        uncovered: Uncovered::Block,
        deployment: Deployment::CheckOnly,
        kind: GoalKind::Verify { of },
        submitted_ms: now_ms(),
        deadline_ms: None,
    };
    submit(&client, &goal, detach, out).await
}

/// Without a single agent a followed goal would wait for ever, and say nothing.
async fn someone_works(client: &Client) -> Result<(), Error> {
    let now = now_ms();
    match client.agents().await?.iter().any(|agent| agent.is_alive(now)) {
        true => Ok(()),
        false => Err(Error::NoAgents),
    }
}

async fn submit(client: &Client, goal: &Goal, detach: bool, out: &Out) -> Result<u8, Error> {
    let position = client.last_event().await?;
    client.submit_goal(goal).await?;
    let id = &goal.id;
    out.goal(id);
    if client.fleet_paused().await?.is_some() {
        out.say(&Line::new(Meaning::Attention, "the fleet is paused; the goal waits until codegod resume"));
    }
    if detach && out.stage() == Stage::Console && someone_works(client).await.is_err() {
        let text = "no agent runs, so the goal waits; start-agents.sh up starts some";
        out.say(&Line::new(Meaning::Attention, text));
    }
    if detach {
        out.data(&[Line::new(Meaning::Plain, id.as_str())]);
        out.json(&json!({ "goal": id, "status": GoalState::Queued }));
        out.say(&Line::new(
            Meaning::Faint,
            format!("it goes on by itself; codegod show {id} says how far it is"),
        ));
        return Ok(0);
    }
    out.say(&Line::new(Meaning::Faint, format!("goal {id} accepted")));
    let ending = follow(client, id, position, out).await?;
    match ending {
        Ending::Final(view) => finish(client, &view, out).await,
        Ending::Detached(code) => {
            let advice = format!(
                "{id} goes on by itself; codegod show {id} says how far it is, codegod cancel {id} ends it"
            );
            out.say(&Line::new(Meaning::Attention, advice));
            // A goal whose state can't be read just now was at least accepted.
            let state = client.goal_head(id).await.map_or(GoalState::Queued, |view| view.state);
            out.json(&json!({ "goal": id, "status": state }));
            Ok(code)
        }
    }
}

/// Takes the result of a goal that ended unwatched, and says in a line how it ended and where the result is.
/// Returns the exit code.
pub(super) async fn collect(at: &Place, goal: &GoalId, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let view = client.goal_view(goal).await?;
    let mut handed = HandedOver::Nothing;
    if let (Some(mut origin), GoalKind::Build) = (Origin::recall(goal), &view.goal.kind) {
        handed = workspace::hand_over(&client, &view, &mut origin).await?;
    }
    let ended = format!("{goal} {}", view.state.name());
    let ended = report::reason(&view).map_or_else(|| ended.clone(), |why| format!("{ended}: {why}"));
    let text = match handed {
        HandedOver::Branch(branch) => {
            format!("{ended}: its result is the branch {branch}; apply {goal} writes it into your files")
        }
        HandedOver::Folder(path) => format!("{ended}: its result is in {}", path.display()),
        HandedOver::Unchanged => format!("{ended}: nothing needed changing"),
        HandedOver::Nothing => ended,
    };
    out.say(&Line::new(Glyphs::of_locale().goal(view.state).1, text));
    Ok(exit_code(view.state))
}

/// Takes the result of an ended goal and reports. Returns the exit code.
pub(super) async fn finish(client: &Client, view: &GoalView, out: &Out) -> Result<u8, Error> {
    let mut origin = Origin::recall(&view.goal.id);
    let mut failure = None;
    if let (Some(origin), GoalKind::Build) = (&mut origin, &view.goal.kind) {
        match workspace::hand_over(client, view, origin).await {
            Ok(HandedOver::Unchanged) => {
                out.say(&Line::new(Meaning::Good, "nothing needed changing; no branch was made"));
            }
            Ok(HandedOver::Nothing | HandedOver::Branch(_) | HandedOver::Folder(_)) => {}
            // The report is still worth having.
            Err(error) => failure = Some(error),
        }
    }
    print(view, origin.as_ref(), out);
    match failure {
        Some(error) => Err(error),
        None => Ok(exit_code(view.state)),
    }
}

/// Prints the report of a goal, and what can be done next.
pub(super) fn print(view: &GoalView, origin: Option<&Origin>, out: &Out) {
    let report = report::report(view, origin, now_ms());
    out.data(&report::lines(view, &report, &Glyphs::of_locale(), out.columns()));
    if let Some(advice) = advice(view, origin) {
        out.say(&Line::new(Meaning::Faint, advice));
    }
    out.json(&report);
}

fn advice(view: &GoalView, origin: Option<&Origin>) -> Option<String> {
    let id = &view.goal.id;
    let not_covered = view.intent.as_ref().is_some_and(|intent| !intent.not_covered.is_empty());
    match view.state {
        GoalState::Succeeded => {
            let branch = origin?.branch.as_ref()?;
            Some(format!("codegod apply {id} writes it into your files, or: git merge {branch}"))
        }
        GoalState::Blocked if not_covered && view.tasks.is_empty() => Some(
            "say it differently, or go on without that part: codegod build --without-uncovered …".to_owned(),
        ),
        GoalState::Failed | GoalState::Blocked if workspace::result_commit(view).is_some() => {
            let branch = origin?.branch.as_ref()?;
            Some(format!(
                "codegod verify {id} shows it again in fresh containers; codegod apply {id}, or git merge {branch}, \
                 takes what was reached"
            ))
        }
        GoalState::Failed | GoalState::Blocked if !view.tasks.is_empty() => {
            Some("codegod retry TASK gives a failed task all its attempts again".to_owned())
        }
        _ => None,
    }
}

/// The exit code that a goal's state stands for; 0 for one that goes on.
pub(super) fn exit_code(state: GoalState) -> u8 {
    match state {
        GoalState::Queued
        | GoalState::Planning
        | GoalState::Running
        | GoalState::Paused
        | GoalState::Succeeded => 0,
        GoalState::Failed | GoalState::Cancelled => EXIT_FAILED,
        GoalState::Blocked => EXIT_BLOCKED,
    }
}
