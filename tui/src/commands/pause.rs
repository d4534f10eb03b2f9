//! `pause` and `resume`: of one goal, or of the whole fleet.

use codegod_protocol::client::Client;
use codegod_protocol::id::GoalId;
use serde_json::json;

use super::{Place, confirmed, counted};
use crate::error::Error;
use crate::output::{Line, Meaning, Out};

/// Pauses a goal, or the fleet.
pub(super) async fn pause(at: &Place, goal: Option<GoalId>, yes: bool, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    if let Some(goal) = goal {
        let changed = client.pause_goal(&goal).await?;
        let text = if changed {
            format!(
                "{goal} is paused: its running attempts are handed back within seconds and begin again after \
                 codegod resume {goal}"
            )
        } else {
            format!("{goal} is paused already; codegod resume {goal} lets it go on")
        };
        return said(Some(&goal), true, changed, text, out);
    }
    let question = format!(
        "Pause the whole fleet? Handed back, to begin again after codegod resume: {}.",
        counted(in_flight(&client).await?, "running attempt")
    );
    if !confirmed(yes, "pausing the whole fleet", &question, out).await? {
        return Ok(0);
    }
    let changed = client.pause_fleet().await?;
    let text = if changed {
        "the fleet is paused: running attempts are handed back within seconds and begin again after codegod resume"
    } else {
        "the fleet is paused already; codegod resume lets it go on"
    };
    said(None, true, changed, text.to_owned(), out)
}

/// Lets a goal, or the fleet, go on.
pub(super) async fn resume(at: &Place, goal: Option<GoalId>, yes: bool, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let Some(goal) = goal else {
        let question = "Let the whole fleet go on?";
        if !confirmed(yes, "letting the whole fleet go on", question, out).await? {
            return Ok(0);
        }
        let changed = client.resume_fleet().await?;
        let text = if changed { "the fleet goes on" } else { "the fleet is not paused" };
        return said(None, false, changed, text.to_owned(), out);
    };
    let changed = client.resume_goal(&goal).await?;
    let text = if changed { format!("{goal} goes on") } else { format!("{goal} is not paused") };
    if client.fleet_paused().await?.is_some() {
        out.say(&Line::new(Meaning::Attention, "the fleet is paused, too; codegod resume lets it go on"));
    }
    said(Some(&goal), false, changed, text, out)
}

async fn in_flight(client: &Client) -> Result<u64, Error> {
    Ok(client.queues().await?.iter().map(|queue| queue.in_flight).sum())
}

fn said(goal: Option<&GoalId>, paused: bool, changed: bool, text: String, out: &Out) -> Result<u8, Error> {
    out.data(&[Line::new(Meaning::Plain, text)]);
    out.json(&json!({ "goal": goal, "paused": paused, "changed": changed }));
    Ok(0)
}
