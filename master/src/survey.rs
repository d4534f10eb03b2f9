//! The survey of a goal's project: its commit, fetched into a repository that lives as long as the survey,
//! seen by the reasoner.

use anyhow::Context;
use codegod_protocol::client::Client;
use codegod_protocol::goal::Goal;
use codegod_protocol::setup::Picture;
use codegod_reasoner::survey::{self, EntryKind, Tree};
use codegod_source::{Entry, Kind, Repository};
use time::{Duration, OffsetDateTime};

/// The largest bundle that is taken, in bytes: Redis holds values up to 512 MiB.
const MAX_BUNDLE_BYTES: u64 = 384 << 20;
/// A project that was not changed for as long may not know of what it needs as it is now.
const QUIET: Duration = Duration::days(30);
/// How much content is read, in bytes.
const MAX_CONTENT_BYTES: u64 = 96 << 20;

/// Surveys the commit that a goal starts from.
///
/// # Errors
/// Why the commit can't be looked at; inner errors of Redis are [`codegod_protocol::client::Error`].
pub(crate) async fn of_goal(client: &Client, goal: &Goal, commit: &str) -> anyhow::Result<Picture> {
    let bundle = client.bundle(&goal.id, commit).await.context("fetching the project's files")?;
    let folder = tempfile::Builder::new().prefix("codegod-survey-").tempdir().context("making a folder")?;
    let repository = Repository::open_or_init(folder.path().join("goal.git")).await?;
    repository.import_bundle(&bundle, MAX_BUNDLE_BYTES).await.context("unpacking the project's files")?;
    drop(bundle);
    let entries = repository.list(commit).await.context("listing the project's files")?;
    let mut tree = Tree::of_paths(entries.iter().map(|entry| (entry.path.clone(), seen(entry))));
    let wanted = tree.wanted();
    let by_path: std::collections::HashMap<&str, &Entry> =
        entries.iter().filter_map(|entry| Some((entry.path.to_str()?, entry))).collect();
    let found: Vec<&Entry> = wanted.iter().filter_map(|path| by_path.get(path.as_str()).copied()).collect();
    let contents = repository.read_many(&found, MAX_CONTENT_BYTES).await.context("reading its manifests")?;
    for (entry, content) in found.iter().zip(contents) {
        if let (Some(path), Some(content)) = (entry.path.to_str(), content) {
            tree.add(path, &content);
        }
    }
    if let Some(said) = &goal.described {
        tree.describe(said);
    }
    if let Some(day) = last_change(&repository, commit).await? {
        tree.dated(&day);
    }
    Ok(survey::survey(&tree))
}

/// The day on which the project was last changed by somebody, if that is a while ago.
async fn last_change(repository: &Repository, commit: &str) -> anyhow::Result<Option<String>> {
    let history = repository.log(commit, 2).await.context("reading the project's history")?;
    // What is on top of it is the copy of a folder with changes that nobody committed.
    let last = history.iter().rev().min_by_key(|entry| entry.date).map_or(0, |entry| entry.date);
    let Ok(then) = OffsetDateTime::from_unix_timestamp(last) else { return Ok(None) };
    let is_quiet = OffsetDateTime::now_utc() - then > QUIET;
    Ok(is_quiet.then(|| then.date().to_string()))
}

fn seen(entry: &Entry) -> survey::Entry {
    let kind = match entry.kind {
        Kind::File | Kind::Executable => EntryKind::File,
        Kind::Symlink => EntryKind::Link,
        Kind::Submodule => EntryKind::Submodule,
    };
    survey::Entry { kind, bytes: entry.size }
}
