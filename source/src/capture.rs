//! A copy of a person's folder as a commit; the folder, its index and its repository stay as they are.
//!
//! Files are read and stored byte for byte by this code, never by `git add`: a filter that the folder's
//! `.gitattributes` names is not run, and a link is never followed.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::branch::HEAD_TRAILER;
use crate::bundle::unpack;
use crate::files::{measure, note_left_out, store};
use crate::git::{Git, alternates};
use crate::listing::{Listing, plain_folder, tracked_and_new};
use crate::repository::{Repository, is_id};
use crate::{Error, paths};

/// A history that takes more, in bytes, stays where it is: nothing but the files is needed.
const LARGE_HISTORY: u64 = 32 << 20;

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
    /// What the nearest tag before it is, as `git describe --tags --long` says it (`v1.2.3-4-g0123abc`).
    pub described: Option<String>,
    /// What a person should know about the copy, one sentence each.
    pub notes: Vec<String>,
}

/// What the person's repository says about the folder.
struct Worktree {
    dir: PathBuf,
    head: Option<String>,
    described: Option<String>,
    objects: PathBuf,
    is_bare: bool,
    is_top: bool,
    has_submodules: bool,
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
    let mut worktree = worktree(&dir).await?;
    if let Some(bare) = worktree.take_if(|worktree| worktree.is_bare) {
        return bare_commit(bare, repo, notes).await;
    }
    let Listing { names, submodules } = match &worktree {
        Some(_) => tracked_and_new(&dir, &mut notes).await?,
        None => Listing { names: plain_folder(&dir, repo, &mut notes).await?, submodules: false },
    };
    if let Some(worktree) = &mut worktree {
        worktree.has_submodules = submodules;
    }
    note_left_out(&dir, &names, &mut notes);
    let found = measure(&dir, names, limits, &mut notes)?;
    let tree = store(&dir, repo, &found, &mut notes, limits).await?;
    let parent = match &worktree {
        Some(worktree) => history(repo, worktree, &mut notes).await?,
        None => None,
    };
    let (head, described) = worktree.map_or((None, None), |worktree| (worktree.head, worktree.described));
    if let Some(parent) = &parent
        && repo.tree_of(parent).await? == tree
    {
        return Ok(Captured { commit: parent.clone(), head, described, notes });
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
    Ok(Captured { commit, head, described, notes })
}

/// The commit that a bare repository's HEAD names: it has no other files.
async fn bare_commit(bare: Worktree, repo: &Repository, mut notes: Vec<String>) -> Result<Captured, Error> {
    match history(repo, &bare, &mut notes).await? {
        Some(commit) => {
            notes.push(
                "The folder is a bare repository: the commit that its HEAD names was taken.".to_owned(),
            );
            Ok(Captured { commit, head: bare.head, described: bare.described, notes })
        }
        None => {
            let why = notes.pop().unwrap_or_else(|| "It has none.".to_owned());
            Err(Error::NoFiles { dir: bare.dir, why })
        }
    }
}

async fn worktree(dir: &Path) -> Result<Option<Worktree>, Error> {
    let ask = |args: &'static [&'static str]| Git::within(dir, "rev-parse").args(args).finish();
    let inside = ask(&["--is-inside-work-tree"]).await?;
    let is_bare = ask(&["--is-bare-repository"]).await?.stdout == b"true\n";
    if inside.code != 0 || (inside.stdout != b"true\n" && !is_bare) {
        return Ok(None);
    }
    let line = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
    let head = line(ask(&["--verify", "--quiet", "HEAD^{commit}"]).await?.stdout);
    let objects = ask(&["--git-path", "objects"]).await?.stdout;
    let objects = objects.strip_suffix(b"\n").unwrap_or(&objects);
    let describe = Git::within(dir, "describe").args(["--tags", "--long", "--match", "*[0-9]*"]);
    let described = line(describe.finish().await?.stdout);
    Ok(Some(Worktree {
        dir: dir.to_owned(),
        head: is_id(&head).then_some(head),
        described: (!described.is_empty()).then_some(described),
        objects: paths::below(dir, objects),
        is_bare,
        has_submodules: false,
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
    if from.has_submodules {
        // The files take the place of the submodules; a branch with the result has those again.
        return Ok(None);
    }
    let large = size_of_history(&from.dir).await?.filter(|bytes| *bytes > LARGE_HISTORY);
    if let (Some(bytes), false) = (large, from.is_bare) {
        notes.push(format!("The files were taken without their history: it takes {} MB.", bytes >> 20));
        return Ok(None);
    }
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

/// What the repository of a folder takes, in bytes.
async fn size_of_history(dir: &Path) -> Result<Option<u64>, Error> {
    let done = Git::within(dir, "count-objects").arg("-v").finish().await?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let kilobytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    let loose = kilobytes("size:");
    Ok(kilobytes("size-pack:").map(|packed| packed.saturating_add(loose.unwrap_or(0)).saturating_mul(1024)))
}
