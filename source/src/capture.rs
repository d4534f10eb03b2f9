//! A copy of a person's folder as a commit; the folder, its index and its repository stay as they are.
//!
//! Files are read and stored byte for byte by this code, never by `git add`: a filter that the folder's
//! `.gitattributes` names is not run, and a link is never followed.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::branch::HEAD_TRAILER;
use crate::bundle::unpack;
use crate::files::{measure, note_specials, store};
use crate::git::{Git, alternates};
use crate::listing::{plain_folder, tracked_and_new};
use crate::repository::{Repository, is_id};
use crate::{Error, paths};

/// How much of a folder is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in bytes.
    pub file: u64,
    /// All files together, in bytes.
    pub together: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 100 << 20, together: 256 << 20 }
    }
}

/// A folder's copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The commit that holds the copy; the person's own commit when nothing was changed since.
    pub commit: String,
    /// The commit that was checked out, also when it could not be taken with its history.
    pub head: Option<String>,
    /// What a person should know about the copy, one sentence each.
    pub notes: Vec<String>,
}

/// What the person's repository says about the folder.
struct Worktree {
    head: Option<String>,
    objects: PathBuf,
    is_top: bool,
    is_shallow: bool,
    is_sha1: bool,
}

/// Copies a person's folder into `repo`: its commit with history where there is one, and its uncommitted
/// and untracked files, without what is ignored.
///
/// # Errors
/// [`Error::TooLarge`] names a file above the limits, before anything is read; [`Error::Io`] for a tracked
/// file that can't be read; the errors of git.
pub async fn capture_folder(dir: &Path, repo: &Repository, limits: Limits) -> Result<Captured, Error> {
    let io = |source| Error::Io { doing: "open", path: dir.to_owned(), source };
    let dir = dir.canonicalize().map_err(io)?;
    std::fs::read_dir(&dir).map_err(io)?;
    let mut notes = Vec::new();
    let worktree = worktree(&dir).await?;
    let names = match &worktree {
        Some(_) => tracked_and_new(&dir, &mut notes).await?,
        None => plain_folder(&dir, repo, &mut notes).await?,
    };
    note_specials(&dir, &names, &mut notes);
    let found = measure(&dir, names, limits, &mut notes)?;
    let tree = store(&dir, repo, &found, &mut notes, limits).await?;
    let parent = match &worktree {
        Some(worktree) => history(repo, worktree, &mut notes).await?,
        None => None,
    };
    let head = worktree.and_then(|worktree| worktree.head);
    if let Some(parent) = &parent
        && repo.tree_of(parent).await? == tree
    {
        return Ok(Captured { commit: parent.clone(), head, notes });
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let parents: Vec<&str> = parent.as_deref().into_iter().collect();
    let date = i64::try_from(now).unwrap_or(0);
    let mut message = "The folder as it was given\n".to_owned();
    if let (None, Some(head)) = (&parent, &head) {
        // Where a branch with the result is to stand on.
        message.push_str(&format!("\n{HEAD_TRAILER}{head}\n"));
    }
    let commit = repo.commit_tree_object(&tree, &parents, &message, date).await?;
    Ok(Captured { commit, head, notes })
}

async fn worktree(dir: &Path) -> Result<Option<Worktree>, Error> {
    let ask = |args: &'static [&'static str]| Git::within(dir, "rev-parse").args(args).finish();
    let inside = ask(&["--is-inside-work-tree"]).await?;
    if inside.code != 0 || inside.stdout != b"true\n" {
        return Ok(None);
    }
    let line = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
    let head = line(ask(&["--verify", "--quiet", "HEAD^{commit}"]).await?.stdout);
    let objects = ask(&["--git-path", "objects"]).await?.stdout;
    let objects = objects.strip_suffix(b"\n").unwrap_or(&objects);
    Ok(Some(Worktree {
        head: is_id(&head).then_some(head),
        objects: paths::below(dir, objects),
        is_top: line(ask(&["--show-prefix"]).await?.stdout).is_empty(),
        is_shallow: line(ask(&["--is-shallow-repository"]).await?.stdout) == "true",
        is_sha1: line(ask(&["--show-object-format"]).await?.stdout) == "sha1",
    }))
}

/// Takes the checked-out commit over with its history; None, with a note, when that can't be done.
async fn history(
    repo: &Repository,
    from: &Worktree,
    notes: &mut Vec<String>,
) -> Result<Option<String>, Error> {
    let Some(head) = &from.head else { return Ok(None) };
    let why = match from {
        Worktree { is_top: false, .. } => Some("the folder is a part of its repository"),
        Worktree { is_shallow: true, .. } => Some("the repository is a shallow clone"),
        Worktree { is_sha1: false, .. } => Some("the repository uses SHA-256"),
        _ => None,
    };
    if let Some(why) = why {
        notes.push(format!("The files were taken without their history: {why}."));
        return Ok(None);
    }
    if repo.has(head).await? {
        repo.keep(head).await?;
        return Ok(Some(head.clone()));
    }
    // The person's repository is only a store of objects here: nothing in its configuration is read.
    let pack = repo.git("pack-objects").args(["--quiet", "--revs", "--stdout"]);
    let pack = pack
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates(&[&from.objects]))
        .input(format!("{head}\n"))
        .run()
        .await;
    let taken = match pack {
        Ok(pack) => unpack(repo.git("index-pack"), &pack).await,
        Err(error) => Err(error),
    };
    match taken {
        Ok(()) => {
            repo.keep(head).await?;
            Ok(Some(head.clone()))
        }
        Err(error @ (Error::BadBundle(_) | Error::TooLarge { .. } | Error::Git { .. })) => {
            notes.push(format!("The files were taken without their history: {error}."));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
