//! Handing a result back as a branch of the person's repository.
//!
//! A result that was made on the person's own history is added as it is. One that was made on a copy
//! without history (a sub-folder, a shallow clone) is grafted: each of its commits is written anew, on
//! top of the commit that was checked out and with that commit's files around the folder.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Error;
use crate::bundle::unpack;
use crate::git::{Git, alternates};
use crate::repository::{Repository, is_id};
use crate::tree::temp_dir;

/// The trailer by which a copy without history says which commit was checked out.
pub(crate) const HEAD_TRAILER: &str = "Codegod-Head: ";

/// What became of the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchResult {
    /// It was made.
    Created,
    /// It was moved forward to a commit that contains its old one.
    Forwarded,
    /// It held the commit already.
    Unchanged,
}

/// Adds the commit as branch `branch` to the person's repository; work tree, index and HEAD stay untouched.
///
/// `dir` is the folder that was captured. When it was captured without its history, the branch holds the
/// same commits grafted onto the commit that was checked out then (or is now, when that one is gone), with
/// the result in the folder's place; their ids then differ from `commit`. Only a repository without any
/// commit gets a branch with a root of its own.
///
/// # Errors
/// [`Error::NotGit`], [`Error::BadBranch`]; [`Error::OtherHash`] for a repository that uses SHA-256;
/// [`Error::BranchTaken`] when the branch holds something that the commit does not contain, or is checked
/// out; then nothing is written.
pub async fn to_branch(
    dir: &Path,
    repo: &Repository,
    commit: &str,
    branch: &str,
) -> Result<BranchResult, Error> {
    let theirs = Theirs::open(dir, repo).await?;
    let name = format!("refs/heads/{branch}");
    if branch.starts_with('-') || Git::anywhere("check-ref-format").arg(&name).finish().await?.code != 0 {
        return Err(Error::BadBranch(branch.to_owned()));
    }
    // Also refuses a tree that holds a path which must not be written.
    repo.list(commit).await?;
    let (old, is_checked_out) = theirs.branch(&name).await?;
    let (base, tip) = match theirs.base(repo, commit).await? {
        Base::Shared => (theirs.head().await?, commit.to_owned()),
        Base::Graft(base) => {
            let tip = theirs.graft(repo, commit, &base).await?;
            (Some(base), tip)
        }
    };
    let taken = |at: &str| Err(Error::BranchTaken { branch: branch.to_owned(), at: at.to_owned() });
    match &old {
        Some(old) if *old == tip => return Ok(BranchResult::Unchanged),
        Some(old) if is_checked_out || !theirs.contains(&tip, old).await? => return taken(old),
        None if is_checked_out => return taken("HEAD"),
        _ => {}
    }
    theirs.receive(&tip, base.as_deref()).await?;
    let expected = old.clone().unwrap_or_else(|| "0".repeat(40));
    let update = Git::within(&theirs.dir, "update-ref");
    update.args(["-m", "codegod: result", &name, &tip, &expected]).run().await?;
    Ok(if old.is_none() { BranchResult::Created } else { BranchResult::Forwarded })
}

/// What a branch is to stand on.
enum Base {
    /// The result's own history, or nothing in a repository without commits.
    Shared,
    /// This commit of the person's.
    Graft(String),
}

/// A person's repository. What is made on the way lies in a store of its own until nothing can be refused
/// any more.
struct Theirs {
    dir: PathBuf,
    git_dir: PathBuf,
    store: TempDir,
    alternates: OsString,
    /// The path from the top of the work tree to `dir`, without `/` at its end.
    prefix: Vec<u8>,
}

impl Theirs {
    async fn open(dir: &Path, repo: &Repository) -> Result<Self, Error> {
        let dir =
            dir.canonicalize().map_err(|source| Error::Io { doing: "open", path: dir.to_owned(), source })?;
        let ask = |args: &'static [&'static str]| Git::within(&dir, "rev-parse").args(args).finish();
        let git_dir = ask(&["--absolute-git-dir"]).await?;
        if git_dir.code != 0 {
            return Err(Error::NotGit(dir));
        }
        let git_dir = OsString::from_vec(one_line(git_dir.stdout)).into();
        if ask(&["--show-object-format"]).await?.stdout != b"sha1\n" {
            return Err(Error::OtherHash(dir));
        }
        let objects = one_line(ask(&["--git-path", "objects"]).await?.stdout);
        let objects = dir.join(OsString::from_vec(objects));
        let mut prefix = one_line(ask(&["--show-prefix"]).await?.stdout);
        prefix.pop_if(|byte| *byte == b'/');
        let alternates = alternates(&[&objects, &repo.path().join("objects")]);
        Ok(Self { store: temp_dir()?, dir, git_dir, alternates, prefix })
    }

    /// A command in their repository that sees the goal's commits as well and writes into the store.
    fn git(&self, name: &str) -> Git {
        Git::within(&self.dir, name)
            .env("GIT_OBJECT_DIRECTORY", self.store.path())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.alternates.clone())
    }

    /// The branch's commit, and whether it is checked out somewhere.
    async fn branch(&self, name: &str) -> Result<(Option<String>, bool), Error> {
        let format = "--format=%(objectname) %(refname) %(worktreepath)";
        let lines = Git::within(&self.dir, "for-each-ref").args([format, name]).text().await?;
        for line in lines.lines() {
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            if words.get(1) == Some(&name) {
                return Ok((
                    words.first().map(ToString::to_string),
                    words.get(2).is_some_and(|p| !p.is_empty()),
                ));
            }
        }
        let unborn = Git::within(&self.dir, "symbolic-ref").args(["--quiet", "HEAD"]).finish().await?;
        Ok((None, one_line(unborn.stdout) == name.as_bytes()))
    }

    /// The commit that is checked out.
    async fn head(&self) -> Result<Option<String>, Error> {
        self.known("HEAD").await
    }

    /// The full id of a commit of theirs.
    async fn known(&self, commit: &str) -> Result<Option<String>, Error> {
        let asked = Git::within(&self.dir, "rev-parse").args(["--verify", "--quiet"]);
        let done = asked.arg(format!("{commit}^{{commit}}")).finish().await?;
        let id = String::from_utf8_lossy(&one_line(done.stdout)).into_owned();
        let is_there =
            is_id(&id) && Git::within(&self.dir, "cat-file").args(["-e", &id]).finish().await?.code == 0;
        Ok(is_there.then_some(id))
    }

    async fn base(&self, repo: &Repository, commit: &str) -> Result<Base, Error> {
        let roots = repo.git("rev-list").args(["--max-parents=0", commit]).text().await?;
        let mut captured_on = None;
        for root in roots.lines() {
            if self.known(root).await?.is_some() {
                return Ok(Base::Shared);
            }
            let body = repo.git("log").args(["-1", "--format=%B", root]).text().await?;
            let head = body.lines().find_map(|line| line.strip_prefix(HEAD_TRAILER));
            if let Some(head) = head.filter(|head| is_id(head))
                && captured_on.is_none()
            {
                captured_on = self.known(head).await?;
            }
        }
        let base = if captured_on.is_some() { captured_on } else { self.head().await? };
        Ok(base.map_or(Base::Shared, Base::Graft))
    }

    async fn contains(&self, tip: &str, old: &str) -> Result<bool, Error> {
        Ok(self.git("merge-base").args(["--is-ancestor", old, tip]).finish().await?.code == 0)
    }

    /// Writes all commits that lead to `commit` anew on top of `base`; gives the last one.
    async fn graft(&self, repo: &Repository, commit: &str, base: &str) -> Result<String, Error> {
        let base_tree = self.git("rev-parse").arg(format!("{base}^{{tree}}")).text().await?;
        let submodules = self.submodules(base).await?;
        let list = repo.git("rev-list").args(["--reverse", "--topo-order", "--parents", commit]);
        let (list, mut made) = (list.text().await?, HashMap::<String, String>::new());
        for line in list.lines() {
            let mut ids = line.split(' ');
            let Some(id) = ids.next() else { continue };
            let inner = format!("040000 tree {}", repo.tree_of(id).await?);
            let mut tree = self.graft_tree(Some(&base_tree), &self.prefix, &inner).await?;
            // Their files were taken in their place, but are not the repository's own.
            for (path, entry) in &submodules {
                tree = self.graft_tree(Some(&tree), path, entry).await?;
            }
            let mut parents: Vec<String> = ids.filter_map(|parent| made.get(parent).cloned()).collect();
            if parents.is_empty() {
                if tree == base_tree {
                    made.insert(id.to_owned(), base.to_owned());
                    continue;
                }
                parents.push(base.to_owned());
            }
            let raw = repo.git("cat-file").args(["commit", id]).run().await?;
            let write = self.git("hash-object").args(["-t", "commit", "-w", "--stdin"]);
            made.insert(id.to_owned(), write.input(rewritten(&raw, &tree, &parents)).text().await?);
        }
        made.remove(commit).ok_or_else(|| Error::NoSuchCommit(commit.to_owned()))
    }

    /// The submodules of a commit that lie in the folder: each one's path, and its entry in a tree.
    async fn submodules(&self, commit: &str) -> Result<Vec<(Vec<u8>, String)>, Error> {
        let out = self.git("ls-tree").args(["-r", "-z", "--full-tree", commit]).run().await?;
        let lines = out.split(|byte| *byte == 0).filter(|line| line.starts_with(b"160000 "));
        let found = lines.filter_map(|line| {
            let tab = line.iter().position(|byte| *byte == b'\t')?;
            let path = line.get(tab + 1..)?;
            let below = self.prefix.is_empty()
                || path.strip_prefix(self.prefix.as_slice()).is_some_and(|rest| rest.starts_with(b"/"));
            below.then(|| (path.to_vec(), String::from_utf8_lossy(&line[..tab]).into_owned()))
        });
        Ok(found.collect())
    }

    /// The tree `outer` with the entry `inner` (`040000 tree …`) at `prefix`, in the place of what was there;
    /// without a prefix the tree that `inner` names.
    async fn graft_tree(&self, outer: Option<&str>, prefix: &[u8], inner: &str) -> Result<String, Error> {
        // From the innermost folder outwards; each level needs the tree that it replaces an entry of.
        let parts: Vec<&[u8]> = prefix.split(|b| *b == b'/').filter(|part| !part.is_empty()).collect();
        let (mut levels, mut level) = (Vec::new(), outer.map(str::to_owned));
        for part in &parts {
            let lines = match &level {
                Some(tree) => self.git("ls-tree").args(["-z", "--full-tree", tree]).run().await?,
                None => Vec::new(),
            };
            let (mut others, mut next) = (Vec::new(), None);
            for line in lines.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
                let tab = line.iter().position(|byte| *byte == b'\t').unwrap_or(0);
                if line.get(tab + 1..) != Some(*part) {
                    others.extend_from_slice(line);
                    others.push(0);
                } else if let Some(id) = line[..tab].strip_prefix(b"040000 tree ") {
                    next = Some(String::from_utf8_lossy(id).into_owned());
                }
            }
            levels.push((*part, others));
            level = next;
        }
        let mut entry = inner.to_owned();
        for (part, mut lines) in levels.into_iter().rev() {
            lines.extend_from_slice(format!("{entry}\t").as_bytes());
            lines.extend_from_slice(part);
            lines.push(0);
            let tree = self.git("mktree").args(["-z", "--missing"]).input(lines).text().await?;
            entry = format!("040000 tree {tree}");
        }
        Ok(entry.rsplit(' ').next().unwrap_or_default().to_owned())
    }

    /// Takes over what leads to `tip` and not to `base`.
    async fn receive(&self, tip: &str, base: Option<&str>) -> Result<(), Error> {
        let pack = self.git("pack-objects").args(["--quiet", "--revs", "--stdout", "--thin"]);
        let without = base.map_or(String::new(), |base| format!("^{base}\n"));
        let pack = pack.input(format!("{tip}\n{without}")).run().await?;
        // Named rather than found: in a sub-folder index-pack does not see the objects that are there.
        unpack(Git::on(&self.git_dir, "index-pack"), &pack).await
    }
}

/// A commit object with another tree and other parents; a signature would not hold any more.
fn rewritten(raw: &[u8], tree: &str, parents: &[String]) -> Vec<u8> {
    let end = raw.windows(2).position(|pair| pair == b"\n\n").unwrap_or(raw.len());
    let (head, message) = raw.split_at(end);
    let mut new = format!("tree {tree}\n").into_bytes();
    for parent in parents {
        new.extend_from_slice(format!("parent {parent}\n").as_bytes());
    }
    let kept: [&[u8]; 3] = [b"author ", b"committer ", b"encoding "];
    for line in head.split(|byte| *byte == b'\n').filter(|line| kept.iter().any(|k| line.starts_with(k))) {
        new.extend_from_slice(line);
        new.push(b'\n');
    }
    new.extend_from_slice(message.get(1..).unwrap_or(b"\n"));
    new
}

/// An answer without the line end that follows it.
fn one_line(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.pop_if(|byte| *byte == b'\n');
    bytes
}
