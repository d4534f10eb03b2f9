//! `dead`, `retry --all-dead` and `quarantine`: what was given up or put aside, and the way back.

use codegod_protocol::client::{self, DeadLetter, Quarantined, now_ms};
use serde_json::json;

use super::{Place, confirmed, counted};
use crate::error::{EXIT_FAILED, Error};
use crate::output::{Line, Meaning, Out};
use crate::sanitize;
use crate::text::{clock, table};

/// Lists the tasks that were given up.
pub(super) async fn dead(at: &Place, count: u32, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let letters = client.dead_letters(count as usize).await?;
    let (all, _) = client.count_letters().await?;
    if letters.is_empty() {
        out.say(&Line::new(Meaning::Faint, "no task was given up"));
    } else {
        let now = now_ms();
        let row = |letter: &DeadLetter| {
            let title = letter.title.as_deref().unwrap_or("(its goal is gone)");
            let ago = format!("{} ago", clock(letter.at_ms, now));
            vec![letter.task.to_string(), ago, sanitize::line(title), sanitize::line(&letter.reason)]
        };
        let rows: Vec<Vec<String>> = letters.iter().map(row).collect();
        out.data(&headed(table(&["TASK", "GIVEN UP", "TITLE", "WHY"], &rows, 3, out.columns())));
        say_more(letters.len(), all, out);
        let advice =
            "codegod retry TASK gives one all its attempts again, codegod retry --all-dead each of them";
        out.say(&Line::new(Meaning::Faint, advice));
    }
    out.json(&json!({ "total": all, "dead": letters }));
    Ok(0)
}

/// Gives every task that was given up all its attempts again. Returns 1 when none could have them.
pub(super) async fn retry_all(at: &Place, yes: bool, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let letters = client.dead_letters(usize::MAX).await?;
    let question = format!("Give {} all their attempts again?", counted(letters.len() as u64, "task"));
    if !confirmed(yes || letters.is_empty(), "trying every dead task again", &question, out).await? {
        return Ok(0);
    }
    let (mut retried, mut refused) = (Vec::new(), Vec::new());
    // Oldest first: those that came first are waited for the longest.
    for letter in letters.iter().rev() {
        match client.retry_task(&letter.task).await {
            Ok(()) => retried.push(letter.task.to_string()),
            Err(error @ (client::Error::WrongState { .. } | client::Error::NotFound(_))) => {
                out.say(&Line::new(Meaning::Attention, format!("not tried again: {error}")));
                refused.push(json!({ "task": letter.task, "why": error.to_string() }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let text = match retried.len() {
        0 if refused.is_empty() => "no task was given up".to_owned(),
        0 => "none can be tried again".to_owned(),
        _ => format!("will be tried again: {}", retried.join(", ")),
    };
    out.data(&[Line::new(Meaning::Plain, text)]);
    let code = if retried.is_empty() && !refused.is_empty() { EXIT_FAILED } else { 0 };
    out.json(&json!({ "retried": retried, "refused": refused }));
    Ok(code)
}

/// Lists what could not be read.
pub(super) async fn quarantine(at: &Place, count: u32, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let entries = client.quarantined(count as usize).await?;
    let (_, all) = client.count_letters().await?;
    if entries.is_empty() {
        out.say(&Line::new(Meaning::Faint, "nothing was put aside"));
    } else {
        let now = now_ms();
        let row = |entry: &Quarantined| {
            let ago = format!("{} ago", clock(entry.at_ms, now));
            let text = [&entry.from, &entry.reason, &entry.entry].map(|text| sanitize::line(text));
            let [from, reason, held] = text;
            vec![ago, from, reason, held]
        };
        let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
        out.data(&headed(table(&["PUT ASIDE", "FROM", "WHY", "ENTRY"], &rows, 3, out.columns())));
        say_more(entries.len(), all, out);
        out.say(&Line::new(Meaning::Faint, "nothing waits for it; codegod quarantine --clear deletes it"));
    }
    out.json(&json!({ "total": all, "quarantined": entries }));
    Ok(0)
}

/// Deletes what could not be read; what is put aside while a person thinks stays.
pub(super) async fn clear_quarantine(at: &Place, yes: bool, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let (_, all) = client.count_letters().await?;
    let mut cleared = 0;
    if let Some(newest) = client.quarantined(1).await?.first() {
        let question = format!("Delete {} that could not be read?", counted(all, "entry"));
        if !confirmed(yes, "deleting what was put aside", &question, out).await? {
            return Ok(0);
        }
        cleared = client.clear_quarantine(&newest.position).await?;
    }
    out.data(&[Line::new(Meaning::Plain, format!("deleted: {}", counted(cleared, "entry")))]);
    out.json(&json!({ "cleared": cleared }));
    Ok(0)
}

fn say_more(shown: usize, all: u64, out: &Out) {
    let more = all.saturating_sub(shown as u64);
    if more > 0 {
        out.say(&Line::new(Meaning::Faint, format!("and {more} older; -n {all} lists all")));
    }
}

fn headed(table: Vec<String>) -> Vec<Line> {
    let meaning = |i: usize| if i == 0 { Meaning::Strong } else { Meaning::Plain };
    table.into_iter().enumerate().map(|(i, text)| Line::new(meaning(i), text)).collect()
}
