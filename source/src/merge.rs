//! Joining commits: the same inputs give the same commit id on every host.

use std::collections::BTreeMap;

use crate::Error;
use crate::git::Git;
use crate::repository::Repository;
use crate::tree::Staged;

/// The largest file that is joined line by line, in bytes.
const LINES_LIMIT: u64 = 8 << 20;

/// What joining commits gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The commit that holds all of them.
    Clean(String),
    /// Two sides changed the same lines.
    Conflict {
        /// The commit that holds what could be joined before.
        ours: String,
        /// The commit that can't be joined to it.
        theirs: String,
        /// The files in conflict.
        files: Vec<String>,
    },
}

/// Two conflicting commits joined by keeping the lines of both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnionMerge {
    /// The merge commit.
    pub commit: String,
    /// The files in which both sides were kept.
    pub files: Vec<String>,
}

/// A tree with conflicts: per path, the mode and object of base, ours and theirs.
struct Conflicted {
    tree: String,
    files: BTreeMap<Vec<u8>, [Option<(String, String)>; 3]>,
}

impl Repository {
    /// Joins commits in the order given, which decides the ids of the merges that it makes: callers sort, so
    /// that every host that joins the same commits makes the same commit. Those that another one already
    /// contains are left out. None at all gives the empty root commit, one gives itself.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`]; [`Error::Git`] when git fails for a reason other than a conflict.
    pub async fn merge(&self, commits: &[&str]) -> Result<Merge, Error> {
        for commit in commits {
            self.require(commit).await?;
        }
        let mut parts = self.independent(commits).await?.into_iter();
        let Some(mut ours) = parts.next() else {
            return self.empty_root().await.map(Merge::Clean);
        };
        for theirs in parts {
            let joined = self.merge_trees(&ours, &theirs).await?;
            if !joined.files.is_empty() {
                let files =
                    joined.files.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
                return Ok(Merge::Conflict { ours, theirs, files });
            }
            ours = self.merge_commit(&joined.tree, &ours, &theirs).await?;
        }
        Ok(Merge::Clean(ours))
    }

    /// Joins two commits, keeping the lines of both sides, ours first, where they conflict.
    ///
    /// # Errors
    /// [`Error::NotMergeable`] names binary files, and files that one side deleted, or that differ in mode or
    /// type; then nothing is made.
    pub async fn union(&self, ours: &str, theirs: &str) -> Result<UnionMerge, Error> {
        self.require(ours).await?;
        self.require(theirs).await?;
        let joined = self.merge_trees(ours, theirs).await?;
        let (mut staged, mut files, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (path, sides) in &joined.files {
            let name = String::from_utf8_lossy(path).into_owned();
            match self.union_file(sides).await? {
                Some((mode, object)) => {
                    staged.push(Staged { path: path.clone(), mode, object });
                    files.push(name);
                }
                None => refused.push(name),
            }
        }
        if !refused.is_empty() {
            return Err(Error::NotMergeable { files: refused });
        }
        let tree = self.write_tree(Some(&joined.tree), &staged).await?;
        let commit = self.merge_commit(&tree, ours, theirs).await?;
        Ok(UnionMerge { commit, files })
    }

    /// The commit without parents and files that every goal from nothing starts from.
    async fn empty_root(&self) -> Result<String, Error> {
        let tree = self.git("mktree").text().await?;
        self.commit_tree_object(&tree, &[], "Start from nothing\n", 0).await
    }

    async fn independent(&self, commits: &[&str]) -> Result<Vec<String>, Error> {
        if commits.is_empty() {
            return Ok(Vec::new());
        }
        let text = self.git("merge-base").arg("--independent").args(commits).text().await?;
        let mut kept: Vec<String> = Vec::new();
        for commit in commits {
            if text.lines().any(|line| line == *commit) && !kept.iter().any(|known| known == commit) {
                kept.push((*commit).to_owned());
            }
        }
        Ok(kept)
    }

    async fn merge_commit(&self, tree: &str, ours: &str, theirs: &str) -> Result<String, Error> {
        let date = self.date_of(ours).await?.max(self.date_of(theirs).await?);
        let message = format!("Merge {} into {}\n", &theirs[..12], &ours[..12]);
        self.commit_tree_object(tree, &[ours, theirs], &message, date).await
    }

    async fn merge_trees(&self, ours: &str, theirs: &str) -> Result<Conflicted, Error> {
        let args = ["--write-tree", "-z", "--no-messages", "--allow-unrelated-histories", ours, theirs];
        let done = self.git("merge-tree").args(args).finish().await?;
        match done.code {
            0 | 1 => parse_conflicts(&done.stdout, done.code == 1),
            _ => Err(done.failed("merge-tree")),
        }
    }

    /// Joins one file; None when it can't be joined line by line.
    async fn union_file(
        &self,
        [base, ours, theirs]: &[Option<(String, String)>; 3],
    ) -> Result<Option<(String, String)>, Error> {
        let (Some(ours), Some(theirs)) = (ours, theirs) else { return Ok(None) };
        if ours.0 != theirs.0 || !ours.0.starts_with("100") {
            return Ok(None);
        }
        let dir = tempfile::tempdir().map_err(|source| Error::Io {
            doing: "make a folder in",
            path: std::env::temp_dir(),
            source,
        })?;
        let mut names = Vec::new();
        for (name, side) in [("ours", Some(ours)), ("base", base.as_ref()), ("theirs", Some(theirs))] {
            let content = match side {
                Some((_, object)) => {
                    self.git("cat-file").args(["blob", object]).limit(LINES_LIMIT).run().await?
                }
                None => Vec::new(),
            };
            if content.contains(&0) {
                return Ok(None);
            }
            let path = dir.path().join(name);
            std::fs::write(&path, content).map_err(|source| Error::Io {
                doing: "write",
                path: path.clone(),
                source,
            })?;
            names.push(path);
        }
        let joined =
            Git::anywhere("merge-file").args(["-p", "--union", "--quiet"]).args(&names).run().await?;
        let object =
            self.git("hash-object").args(["-w", "--no-filters", "--stdin"]).input(joined).text().await?;
        Ok(Some((ours.0.clone(), object)))
    }
}

/// Reads `<tree>\0` and then `<mode> <object> <stage>\t<path>\0` for each conflicting side.
fn parse_conflicts(out: &[u8], conflicted: bool) -> Result<Conflicted, Error> {
    let bad = |detail: &str| Error::Answer { command: "merge-tree".to_owned(), detail: detail.to_owned() };
    let mut fields = out.split(|byte| *byte == 0 || (!conflicted && *byte == b'\n'));
    let tree = String::from_utf8_lossy(fields.next().unwrap_or_default()).into_owned();
    let mut files: BTreeMap<Vec<u8>, [Option<(String, String)>; 3]> = BTreeMap::new();
    for field in fields.take_while(|field| !field.is_empty()) {
        let tab = field.iter().position(|byte| *byte == b'\t').ok_or_else(|| bad("no path"))?;
        let head = String::from_utf8_lossy(&field[..tab]).into_owned();
        let words: Vec<&str> = head.split(' ').collect();
        let [mode, object, stage] = words[..] else { return Err(bad("not three words")) };
        let stage: usize = stage.parse().map_err(|_| bad("no stage"))?;
        let sides = files.entry(field[tab + 1..].to_vec()).or_default();
        *sides.get_mut(stage.wrapping_sub(1)).ok_or_else(|| bad("unknown stage"))? =
            Some((mode.to_owned(), object.to_owned()));
    }
    if conflicted && files.is_empty() {
        return Err(bad("a conflict without files"));
    }
    Ok(Conflicted { tree, files })
}
