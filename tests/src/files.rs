//! A goal's files in tests: folders given to a goal, and commits read back out of Redis.

use std::path::Path;

use anyhow::{Context, Result, bail};
use codegod_protocol::client::Client;
use codegod_protocol::goal::Goal;
use codegod_protocol::id::GoalId;
use codegod_source::{Limits, Repository, bundle_prerequisites, capture_folder, to_new_folder};

/// The largest bundle, in bytes.
const LIMIT: u64 = 64 << 20;

/// A goal's commits, fetched from Redis.
pub struct Files {
    /// The commits.
    pub repository: Repository,
    folder: tempfile::TempDir,
}

impl Files {
    /// Fetches a commit and all that it builds on.
    ///
    /// # Errors
    /// When Redis or git fail, or a bundle is missing.
    pub async fn fetch(client: &Client, goal: &GoalId, commit: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let repository = Repository::open_or_init(folder.path().join("goal.git")).await?;
        let mut todo = vec![commit.to_owned()];
        while let Some(wanted) = todo.last().cloned() {
            if repository.has(&wanted).await? {
                todo.pop();
                continue;
            }
            let bundle = client.bundle(goal, &wanted).await?;
            let mut missing = Vec::new();
            for prerequisite in bundle_prerequisites(&bundle)? {
                if !repository.has(&prerequisite).await? {
                    missing.push(prerequisite);
                }
            }
            if missing.iter().any(|commit| todo.contains(commit)) {
                bail!("the bundles of {wanted} build on one another");
            }
            if missing.is_empty() {
                repository.import_bundle(&bundle, LIMIT).await?;
            }
            todo.extend(missing);
        }
        Ok(Self { repository, folder })
    }

    /// A text file of a commit.
    ///
    /// # Errors
    /// When the commit has no such file.
    pub async fn text(&self, commit: &str, path: &str) -> Result<String> {
        let content = self.repository.read_file(commit, path, LIMIT).await?;
        let content = content.with_context(|| format!("{commit} has no {path}"))?;
        Ok(String::from_utf8(content)?)
    }

    /// The files that differ between two commits.
    ///
    /// # Errors
    /// When git fails.
    pub async fn changed(&self, from: &str, to: &str) -> Result<Vec<String>> {
        let files = self.repository.changed_files(from, to).await?;
        Ok(files.into_iter().map(|path| path.to_string_lossy().into_owned()).collect())
    }

    /// A commit after `commit` in which `path` holds what `edit` makes of it; its bundle is stored with
    /// the goal, as if a task had published it.
    ///
    /// # Errors
    /// When Redis or git fail.
    pub async fn publish_edit(
        &self,
        client: &Client,
        goal: &GoalId,
        commit: &str,
        path: &str,
        edit: impl FnOnce(String) -> String,
    ) -> Result<String> {
        let folder = self.folder.path().join("edited");
        to_new_folder(&folder, &self.repository, commit).await?;
        let text = std::fs::read_to_string(folder.join(path))?;
        std::fs::write(folder.join(path), edit(text))?;
        let edited = capture_folder(&folder, &self.repository, Limits::default()).await?.commit;
        let bundle = self.repository.export_bundle(&edited, &[commit], LIMIT).await?;
        client.store_bundle(goal, &edited, &bundle.context("the edit changed nothing")?).await?;
        Ok(edited)
    }
}

/// Gives a goal a copy of a folder to work on, as the command line does with `--in`. Returns the commit.
///
/// # Errors
/// When Redis or git fail.
pub async fn give_folder(client: &Client, goal: &mut Goal, folder: &Path) -> Result<String> {
    let scratch = tempfile::tempdir()?;
    let repository = Repository::open_or_init(scratch.path().join("goal.git")).await?;
    let captured = capture_folder(folder, &repository, Limits::default()).await?;
    let bundle = repository.export_bundle(&captured.commit, &[], LIMIT).await?;
    client.store_bundle(&goal.id, &captured.commit, &bundle.context("the folder is empty")?).await?;
    goal.workspace = Some(captured.commit.clone());
    Ok(captured.commit)
}

/// Writes files, by path and text, into a new folder.
///
/// # Errors
/// When they can't be written.
pub fn folder_of(files: &[(&str, &str)]) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().context("a path without a folder")?)?;
        std::fs::write(path, text)?;
    }
    Ok(folder)
}
