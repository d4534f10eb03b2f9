//! Files on their way in and out: a folder captured and stored with its goal, and a goal's result
//! fetched and handed over as a branch or a folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use codegod_protocol::client::{Client, GoalView};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::GoalId;
use codegod_protocol::intent::ProjectType;
use codegod_protocol::result::Outputs;
use codegod_protocol::task::TaskKind;
use codegod_source::{Limits, Repository, bundle_prerequisites, capture_folder, to_branch, to_new_folder};

use crate::error::Error;
use crate::origin::Origin;

/// The largest bundle that is stored or taken, in bytes: Redis holds values up to 512 MiB.
const MAX_BUNDLE_BYTES: u64 = 384 << 20;
/// How many commits a bundle may build on one after another before the chain counts as endless.
const MAX_BUNDLES: usize = 10_000;
/// How many names are tried for a new folder.
const MAX_NAMES: u32 = 1000;

/// A repository that lives as long as the command.
pub(crate) struct Scratch {
    pub(crate) repository: Repository,
    // Removed when dropped.
    _folder: tempfile::TempDir,
}

/// Makes an empty repository.
///
/// # Errors
/// [`Error::Io`], [`Error::Source`].
pub(crate) async fn scratch() -> Result<Scratch, Error> {
    let folder = tempfile::Builder::new().prefix("codegod-").tempdir().map_err(|source| Error::Io {
        doing: "make a folder in",
        path: std::env::temp_dir(),
        source,
    })?;
    let repository = Repository::open_or_init(folder.path().join("goal.git"))
        .await
        .map_err(Error::source("make a repository"))?;
    Ok(Scratch { repository, _folder: folder })
}

/// A folder's copy, ready to travel.
pub(crate) struct Capture {
    /// The commit that holds it.
    pub(crate) commit: String,
    /// What the nearest tag before it is, when there is one.
    pub(crate) described: Option<String>,
    /// What a person should know about it.
    pub(crate) notes: Vec<String>,
    bundle: Vec<u8>,
}

/// Copies a folder into a commit and packs it; nothing is sent yet.
///
/// # Errors
/// [`Error::Source`], for example for a file above the limits.
pub(crate) async fn capture(dir: &Path) -> Result<Capture, Error> {
    let scratch = scratch().await?;
    let captured = capture_folder(dir, &scratch.repository, Limits::default())
        .await
        .map_err(Error::source("the folder can't be taken"))?;
    let bundle = scratch
        .repository
        .export_bundle(&captured.commit, &[], MAX_BUNDLE_BYTES)
        .await
        .map_err(Error::source("the folder's history can't be packed"))?
        .unwrap_or_default();
    let codegod_source::Captured { commit, described, notes, .. } = captured;
    Ok(Capture { commit, described, notes, bundle })
}

impl Capture {
    /// Stores the copy with its goal, before that is submitted.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub(crate) async fn store(&self, client: &Client, goal: &GoalId) -> Result<(), Error> {
        Ok(client.store_bundle(goal, &self.commit, &self.bundle).await?)
    }
}

/// Brings a commit and all that it builds on from Redis into the repository.
///
/// # Errors
/// [`Error::Client`], [`Error::Source`].
pub(crate) async fn fetch(
    client: &Client,
    goal: &GoalId,
    commit: &str,
    repo: &Repository,
) -> Result<(), Error> {
    let wrap = || Error::source("the result can't be fetched");
    let mut wanted = vec![commit.to_owned()];
    let mut seen = HashSet::new();
    while let Some(next) = wanted.last().cloned() {
        if repo.has(&next).await.map_err(wrap())? {
            wanted.pop();
            continue;
        }
        let bundle = client.bundle(goal, &next).await?;
        let mut missing = Vec::new();
        for commit in bundle_prerequisites(&bundle).map_err(wrap())? {
            if !repo.has(&commit).await.map_err(wrap())? {
                missing.push(commit);
            }
        }
        if missing.is_empty() {
            repo.import_bundle(&bundle, MAX_BUNDLE_BYTES).await.map_err(wrap())?;
            wanted.pop();
        } else if !seen.insert(next.clone()) || seen.len() > MAX_BUNDLES {
            let why = format!("the bundle of {next} builds on itself");
            return Err(wrap()(codegod_source::Error::BadBundle(why)));
        } else {
            wanted.extend(missing);
        }
    }
    Ok(())
}

/// What became of a goal's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HandedOver {
    /// There is nothing to hand over: no success, or no commit.
    Nothing,
    /// The result equals what was given.
    Unchanged,
    /// A branch was added to the folder's repository.
    Branch(String),
    /// A folder was written.
    Folder(PathBuf),
}

/// The commit to hand over: a succeeded goal's result; of an existing project also the best state that was
/// reached, when its tests fail all the same.
pub(crate) fn result_commit(view: &GoalView) -> Option<&str> {
    let existing = view.intent.as_ref().is_some_and(|intent| intent.project == ProjectType::Existing);
    match view.state {
        GoalState::Succeeded => view.commit.as_deref(),
        GoalState::Failed | GoalState::Blocked if existing => {
            verified(view).map(|outputs| outputs.commit.as_str()).or(view.commit.as_deref())
        }
        GoalState::Failed
        | GoalState::Blocked
        | GoalState::Cancelled
        | GoalState::Queued
        | GoalState::Planning
        | GoalState::Running
        | GoalState::Paused => None,
    }
}

/// What the closing verification looked at, whether it passed or not.
pub(crate) fn verified(view: &GoalView) -> Option<&Outputs> {
    let closing = view.tasks.iter().filter(|task| task.task.kind == TaskKind::Verification);
    closing.filter_map(|task| task.result.as_ref()?.outputs.as_ref()).next_back()
}

/// Hands a goal's result over, once: as branch `codegod/<goal>` of the folder it was made for
/// when that is the top of a git repository, else as a new folder. Remembers where.
///
/// # Errors
/// [`Error::Client`], [`Error::Source`].
pub(crate) async fn hand_over(
    client: &Client,
    view: &GoalView,
    origin: &mut Origin,
) -> Result<HandedOver, Error> {
    let Some(commit) = result_commit(view) else { return Ok(HandedOver::Nothing) };
    if let Some(branch) = &origin.branch {
        return Ok(HandedOver::Branch(branch.clone()));
    }
    if let Some(path) = &origin.path {
        return Ok(HandedOver::Folder(path.clone()));
    }
    if view.goal.workspace.as_deref() == Some(commit) {
        return Ok(HandedOver::Unchanged);
    }
    let goal = &view.goal.id;
    let scratch = scratch().await?;
    fetch(client, goal, commit, &scratch.repository).await?;
    let mut done = None;
    if let (None, Some(folder)) = (&origin.out, &origin.folder) {
        done = on_a_branch(folder, &scratch.repository, commit, goal).await?.map(HandedOver::Branch);
    }
    let done = match done {
        Some(done) => done,
        None => {
            let path = new_folder(view, origin);
            to_new_folder(&path, &scratch.repository, commit)
                .await
                .map_err(Error::source("the result can't be written"))?;
            HandedOver::Folder(path)
        }
    };
    match &done {
        HandedOver::Branch(branch) => origin.branch = Some(branch.clone()),
        HandedOver::Folder(path) => origin.path = Some(path.clone()),
        HandedOver::Nothing | HandedOver::Unchanged => {}
    }
    origin.remember(goal);
    Ok(done)
}

/// Adds a result as a branch of the repository that a folder belongs to; none when it belongs to no
/// repository, or to one whose hashes are of another kind.
async fn on_a_branch(
    folder: &Path,
    repository: &Repository,
    commit: &str,
    goal: &GoalId,
) -> Result<Option<String>, Error> {
    let branch = format!("codegod/{goal}");
    match to_branch(folder, repository, commit, &branch).await {
        Ok(_) => Ok(Some(branch)),
        Err(codegod_source::Error::NotGit(_) | codegod_source::Error::OtherHash(_)) => Ok(None),
        Err(source) => Err(Error::Source { doing: "the branch can't be added", source }),
    }
}

/// Where a result goes that needs a folder: `--out`, or a name that is free beside the given folder or
/// in the folder where `build` was run.
fn new_folder(view: &GoalView, origin: &Origin) -> PathBuf {
    if let Some(out) = &origin.out {
        return out.clone();
    }
    let (parent, name) = match &origin.folder {
        Some(folder) => {
            let name = folder.file_name().map_or_else(|| "folder".into(), |name| name.to_string_lossy());
            (folder.parent().unwrap_or(folder).to_owned(), format!("{name}-codegod"))
        }
        None => {
            let name = view.intent.as_ref().map_or("app", |intent| &intent.name);
            (origin.beside.clone().unwrap_or_else(|| PathBuf::from(".")), safe_name(name))
        }
    };
    let numbered =
        |number: u32| parent.join(if number == 1 { name.clone() } else { format!("{name}-{number}") });
    let is_free = |path: &PathBuf| std::fs::symlink_metadata(path).is_err();
    (1..MAX_NAMES)
        .map(numbered)
        .find(is_free)
        .unwrap_or_else(|| parent.join(format!("{name}-{}", view.goal.id)))
}

/// A folder name made of a name that came from elsewhere.
fn safe_name(name: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let safe: String = name.chars().filter(allowed).take(64).collect();
    let safe = safe.trim_start_matches('-');
    if safe.is_empty() { "app".to_owned() } else { safe.to_owned() }
}

/// Writes what a goal changed into a folder.
///
/// # Errors
/// [`Error::Source`] naming every file that the person changed meanwhile.
pub(crate) async fn apply(
    client: &Client,
    view: &GoalView,
    dir: &Path,
) -> Result<codegod_source::Applied, Error> {
    let commit = result_commit(view);
    let (Some(commit), Some(base)) = (commit, view.goal.workspace.as_deref()) else {
        return Err(Error::NoResult { goal: view.goal.id.clone(), state: view.state.name() });
    };
    let scratch = scratch().await?;
    fetch(client, &view.goal.id, base, &scratch.repository).await?;
    fetch(client, &view.goal.id, commit, &scratch.repository).await?;
    codegod_source::apply(dir, &scratch.repository, base, commit)
        .await
        .map_err(Error::source("the result can't be applied"))
}

#[cfg(test)]
mod tests {
    use super::safe_name;

    #[test]
    fn a_name_from_elsewhere_never_leaves_its_folder() {
        assert_eq!(safe_name("../../etc/passwd"), "etcpasswd");
        assert_eq!(safe_name("-rf"), "rf");
        assert_eq!(safe_name("…"), "app");
        assert_eq!(safe_name("flask-react-app"), "flask-react-app");
    }
}
