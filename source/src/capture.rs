//! A copy of a person's folder as a commit; the folder, its index and its repository stay as they are.
//!
//! Files are read and stored byte for byte by this code, never by `git add`: a filter that the folder's
//! `.gitattributes` names is not run, and a link is never followed.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bundle::unpack;
use crate::git::Git;
use crate::repository::{Kind, Repository, is_id};
use crate::tree::{Contents, temp_dir};
use crate::{Error, paths};

/// Folders that are left out of a folder without git: made by tools, and made again by them.
const MADE_BY_TOOLS: &[&str] = &[
    "node_modules/",
    ".venv/",
    "venv/",
    "__pycache__/",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".tox/",
    "dist/",
    "build/",
    "target/",
    ".next/",
    ".cache/",
    ".DS_Store",
];

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

struct Found {
    path: Vec<u8>,
    kind: Kind,
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
    let mut names = BTreeSet::new();
    match &worktree {
        Some(_) => tracked_and_new(&dir, Vec::new(), &mut names, &mut notes).await?,
        None => names.extend(plain_folder(&dir, repo).await?),
    }
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
    let commit = repo.commit_tree_object(&tree, &parents, "The folder as it was given\n", date).await?;
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
    let pack =
        pack.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &from.objects).input(format!("{head}\n")).run().await;
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

/// The tracked and the untracked files of a work tree; a repository inside it is taken as its files.
async fn tracked_and_new(
    root: &Path,
    prefix: Vec<u8>,
    names: &mut BTreeSet<Vec<u8>>,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let mut folders = vec![prefix];
    while let Some(prefix) = folders.pop() {
        let dir = paths::below(root, &prefix);
        let mut list = Git::within(&dir, "ls-files");
        if let Some(ignore) = personal_ignore_file(&dir).await? {
            let mut exclude = std::ffi::OsString::from("--exclude-from=");
            exclude.push(ignore);
            list = list.arg(exclude);
        }
        let out = list.args(["-z", "--cached", "--others", "--exclude-standard"]).run().await?;
        for name in out.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let name = name.strip_suffix(b"/").unwrap_or(name);
            let path = if prefix.is_empty() { name.to_vec() } else { [&prefix, name].join(&b'/') };
            let full = paths::below(root, &path);
            let is_folder = std::fs::symlink_metadata(&full).is_ok_and(|meta| meta.is_dir());
            if !is_folder {
                names.insert(path);
            } else if full.join(".git").exists() {
                let shown = String::from_utf8_lossy(&path).into_owned();
                notes.push(format!("The repository inside at {shown} was taken as plain files."));
                folders.push(path);
            }
        }
    }
    Ok(())
}

/// The ignore file that the person's own settings name; reading a setting runs nothing.
async fn personal_ignore_file(dir: &Path) -> Result<Option<PathBuf>, Error> {
    let Some(home) = std::env::var_os("HOME") else { return Ok(None) };
    let config = Path::new(&home).join(".gitconfig");
    let ask = Git::within(dir, "config").arg("--file").arg(config);
    let done = ask.args(["--type=path", "--get", "core.excludesFile"]).finish().await?;
    let name = done.stdout.strip_suffix(b"\n").unwrap_or_default().to_vec();
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(&name));
    Ok((done.code == 0 && path.is_file()).then_some(path))
}

async fn plain_folder(dir: &Path, repo: &Repository) -> Result<Vec<Vec<u8>>, Error> {
    let index = temp_dir()?;
    let list = repo.git("ls-files").args(["-z", "--others", "--exclude-standard"]);
    let list = list.args(MADE_BY_TOOLS.iter().map(|name| format!("--exclude={name}")));
    let list = list.env("GIT_WORK_TREE", dir).env("GIT_INDEX_FILE", index.path().join("index"));
    let out = list.directory(dir).run().await?;
    let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty() && !name.ends_with(b"/"));
    Ok(names.map(<[u8]>::to_vec).collect())
}

/// Looks at every file without reading it; what is neither file nor link is left out with a note.
fn measure(
    dir: &Path,
    names: BTreeSet<Vec<u8>>,
    limits: Limits,
    notes: &mut Vec<String>,
) -> Result<Vec<Found>, Error> {
    let (mut found, mut together) = (Vec::new(), 0_u64);
    for path in names {
        let full = paths::below(dir, &path);
        let Ok(meta) = std::fs::symlink_metadata(&full) else { continue };
        if behind_link(dir, &path) {
            continue;
        }
        let what = String::from_utf8_lossy(&path).into_owned();
        let Some(kind) = kind_of(&meta) else {
            notes.push(format!("{what} was left out: it is neither a file nor a link."));
            continue;
        };
        let bytes = meta.len();
        if bytes > limits.file {
            return Err(Error::TooLarge { what, bytes, limit: limits.file });
        }
        together = together.saturating_add(bytes);
        if together > limits.together {
            let what = format!("the folder {}", dir.display());
            return Err(Error::TooLarge { what, bytes: together, limit: limits.together });
        }
        found.push(Found { path, kind });
    }
    Ok(found)
}

async fn store(
    dir: &Path,
    repo: &Repository,
    found: &[Found],
    notes: &mut Vec<String>,
    limits: Limits,
) -> Result<String, Error> {
    let mut contents = Contents::start(repo)?;
    for Found { path, kind } in found {
        let full = paths::below(dir, path);
        match read_bounded(&full, *kind, limits.file) {
            Ok(content) => contents.add(path, *kind, &content).await?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                notes.push(format!("{} went away while the folder was read.", full.display()));
            }
            // Leaving it out would read as its deletion when the result comes back.
            Err(source) => return Err(Error::Io { doing: "read", path: full, source }),
        }
    }
    repo.write_tree(None, &contents.finish().await?).await
}

/// The content of a file, or the target of a link, as a person's folder has it now.
pub(crate) fn read_bounded(path: &Path, kind: Kind, limit: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    if kind == Kind::Symlink {
        return Ok(std::fs::read_link(path)?.as_os_str().as_bytes().to_vec());
    }
    let mut content = Vec::new();
    std::fs::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return Err(std::io::Error::other("it grew while it was read"));
    }
    Ok(content)
}

/// What a file is for git; None for folders, sockets, pipes and devices.
pub(crate) fn kind_of(meta: &Metadata) -> Option<Kind> {
    match meta.file_type() {
        kind if kind.is_symlink() => Some(Kind::Symlink),
        kind if kind.is_file() && meta.permissions().mode() & 0o100 != 0 => Some(Kind::Executable),
        kind if kind.is_file() => Some(Kind::File),
        _ => None,
    }
}

/// Whether a folder on the way to the path is a link, so that the path leads elsewhere.
pub(crate) fn behind_link(dir: &Path, path: &[u8]) -> bool {
    let cuts = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    cuts.map(|(at, _)| paths::below(dir, &path[..at]))
        .any(|folder| std::fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_symlink()))
}
