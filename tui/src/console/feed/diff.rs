//! What a task changed: its commit against what it started from, fetched from Redis and told by git.

use codegod_protocol::client::{Client, Error as ClientError};
use codegod_protocol::goal::GoalKind;
use codegod_protocol::id::TaskId;
use codegod_source::Merge;

use crate::commands::Place;
use crate::error::Error;
use crate::workspace::{fetch, scratch};

/// The largest diff that is shown, in bytes.
const MAX_BYTES: u64 = 2 << 20;
/// Of a larger one, so many files are named.
const MAX_FILES: usize = 1_000;

/// What a task changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diff {
    /// The task.
    pub(crate) task: TaskId,
    /// The commit that it published.
    pub(crate) commit: String,
    /// A unified diff as git prints it, or nothing. Untrusted: not clean.
    pub(crate) text: String,
    /// What a person should know beside it: that nothing changed, or that it is too long to be shown.
    pub(crate) note: Option<String>,
}

/// Loads what a task changed. Git's processes and Redis are waited for on whatever task calls this.
///
/// # Errors
/// A sentence: it has published nothing, or its commits are gone.
pub(crate) async fn load_diff(place: &Place, task: &TaskId) -> Result<Diff, String> {
    load(place, task).await.map_err(|error| crate::sanitize::line(&error.sentence()))
}

async fn load(place: &Place, task: &TaskId) -> Result<Diff, Error> {
    let client = Client::pooled(&place.url, &place.prefix, "console").await?;
    let head = client.goal_head(task.goal()).await?.goal;
    // A verification works on the commits of another goal.
    let goal = match &head.kind {
        GoalKind::Build => &head.id,
        GoalKind::Verify { of } => of,
    };
    let commit = published(&client, task).await?;
    let starts = starts(&client, task, head.workspace.as_ref()).await?;
    let scratch = scratch().await?;
    let repository = &scratch.repository;
    for one in starts.iter().chain([&commit]) {
        fetch(&client, goal, one, repository).await?;
    }
    let wrap = || Error::source("what the task changed can't be told");
    let starts: Vec<&str> = starts.iter().map(String::as_str).collect();
    let (base, mut note) = match repository.merge(&starts).await.map_err(wrap())? {
        Merge::Clean(base) => (base, None),
        Merge::Conflict { ours, files, .. } => {
            (ours, Some(format!("it joins commits that conflict in {}", files.join(", "))))
        }
    };
    if base == commit {
        note = Some("it changed no files".to_owned());
    }
    let text = match repository.diff(&base, &commit, MAX_BYTES).await {
        Ok(text) => text,
        Err(codegod_source::Error::TooLarge { .. }) => {
            let files = repository.changed_files(&base, &commit).await.map_err(wrap())?;
            note = Some(too_long(&files));
            String::new()
        }
        Err(error) => return Err(wrap()(error)),
    };
    Ok(Diff { task: task.clone(), commit, text, note: note.map(|note| crate::sanitize::line(&note)) })
}

fn too_long(files: &[std::path::PathBuf]) -> String {
    let named: Vec<_> = files.iter().take(MAX_FILES).map(|file| file.to_string_lossy()).collect();
    let more = files.len().saturating_sub(MAX_FILES);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("the diff is longer than {} MiB; it changes {}{rest}", MAX_BYTES >> 20, named.join(", "))
}

async fn published(client: &Client, task: &TaskId) -> Result<String, Error> {
    let result = client.result(task).await?;
    let commit = result.and_then(|result| Some(result.outputs?.commit));
    commit.ok_or_else(|| ClientError::NotFound(format!("commit of {task} yet")).into())
}

/// The commits that a task starts from: what its needs published, else the goal's own.
async fn starts(client: &Client, task: &TaskId, workspace: Option<&String>) -> Result<Vec<String>, Error> {
    let mut needs = client.needs(task).await?;
    needs.sort();
    let mut commits = Vec::with_capacity(needs.len());
    for need in &needs {
        commits.push(published(client, need).await?);
    }
    if commits.is_empty() {
        commits.extend(workspace.cloned());
    }
    Ok(commits)
}
