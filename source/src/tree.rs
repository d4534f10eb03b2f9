//! Writing trees and commits from contents, without a work tree: nothing untrusted touches the host's files.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::process::{Child, ChildStdin};

use crate::bundle::unpack;
use crate::git::{DEADLINE, Git, alternates};
use crate::repository::{Kind, Repository};
use crate::{Error, paths};

/// How many bytes of files are given to git at once.
const PIPED_TOGETHER: usize = 256 << 10;

/// What a commit says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// One line that says what was done.
    pub subject: String,
    /// Names and values such as `Codegod-Goal`, written below the subject in this order.
    pub trailers: Vec<(String, String)>,
}

impl Message {
    /// The message as git stores it; line breaks inside a part become spaces.
    pub(crate) fn text(&self) -> String {
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut text = line(&self.subject);
        text.push('\n');
        if !self.trailers.is_empty() {
            text.push('\n');
        }
        for (name, value) in &self.trailers {
            text.push_str(&format!("{}: {}\n", line(name), line(value)));
        }
        text.replace('\0', "")
    }
}

/// A line for git's index.
pub(crate) struct Staged {
    pub(crate) path: Vec<u8>,
    pub(crate) mode: String,
    pub(crate) object: String,
}

/// Writes contents into a repository, one after the other, through one git process.
pub(crate) struct Contents {
    child: Child,
    stdin: BufWriter<ChildStdin>,
    marks: PathBuf,
    _dir: TempDir,
    files: Vec<(Vec<u8>, Kind)>,
}

impl Contents {
    pub(crate) fn start(repo: &Repository) -> Result<Self, Error> {
        let dir = temp_dir()?;
        let marks = dir.path().join("marks");
        let mut export = std::ffi::OsString::from("--export-marks=");
        export.push(&marks);
        let mut git = repo.git("fast-import").args(["--quiet", "--done"]).arg(export);
        let mut child = git.spawn()?;
        let stdin = child.stdin.take().ok_or_else(|| broken(std::io::ErrorKind::BrokenPipe.into()))?;
        // Small files by the thousand would be as many wake-ups of git.
        let stdin = BufWriter::with_capacity(PIPED_TOGETHER, stdin);
        Ok(Self { child, stdin, marks, _dir: dir, files: Vec::new() })
    }

    /// Adds one file; the path is checked.
    pub(crate) async fn add(&mut self, path: &[u8], kind: Kind, content: &[u8]) -> Result<(), Error> {
        paths::check(path)?;
        if kind == Kind::Symlink {
            paths::check_link(path)?;
        }
        self.files.push((path.to_vec(), kind));
        let mut block = format!("blob\nmark :{}\ndata {}\n", self.files.len(), content.len()).into_bytes();
        block.extend_from_slice(content);
        block.push(b'\n');
        match tokio::time::timeout(DEADLINE, self.stdin.write_all(&block)).await {
            Ok(written) => written.map_err(broken),
            Err(_) => Err(late()),
        }
    }

    /// Ends the writing and gives the index lines of all files.
    pub(crate) async fn finish(mut self) -> Result<Vec<Staged>, Error> {
        let end = async {
            self.stdin.write_all(b"done\n").await?;
            self.stdin.flush().await?;
            drop(self.stdin);
            self.child.wait_with_output().await
        };
        let done = tokio::time::timeout(DEADLINE, end).await.map_err(|_| late())?.map_err(broken)?;
        if !done.status.success() {
            return Err(Error::Git {
                command: "fast-import".to_owned(),
                code: done.status.code().unwrap_or(-1),
                stderr: String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            });
        }
        let text = match self.files.is_empty() {
            true => String::new(),
            false => std::fs::read_to_string(&self.marks).map_err(broken)?,
        };
        let mut staged = Vec::new();
        for line in text.lines() {
            let found = line.strip_prefix(':').and_then(|line| line.split_once(' '));
            let known = found.and_then(|(mark, object)| Some((mark.parse::<usize>().ok()?, object)));
            let file = known.and_then(|(mark, object)| Some((self.files.get(mark.checked_sub(1)?)?, object)));
            if let Some(((path, kind), object)) = file {
                let mode = kind.mode().to_owned();
                staged.push(Staged { path: path.clone(), mode, object: object.to_owned() });
            }
        }
        Ok(staged)
    }
}

impl Repository {
    /// Writes a tree: the files of `base` (none: the empty tree) with the staged ones put over them.
    pub(crate) async fn write_tree(&self, base: Option<&str>, staged: &[Staged]) -> Result<String, Error> {
        let dir = temp_dir()?;
        let index = dir.path().join("index");
        let git = |name: &str| -> Git { self.git(name).env("GIT_INDEX_FILE", &index) };
        match base {
            Some(tree) => git("read-tree").arg(tree).run().await?,
            None => git("read-tree").arg("--empty").run().await?,
        };
        let mut lines = Vec::new();
        for file in staged {
            lines.extend_from_slice(format!("{} {}\t", file.mode, file.object).as_bytes());
            lines.extend_from_slice(&file.path);
            lines.push(0);
        }
        git("update-index").args(["-z", "--index-info"]).input(lines).run().await?;
        git("write-tree").text().await
    }

    /// Lets git check a tree as it will check the bundle that brings it to another host, so that none is
    /// published that every other host refuses: for what a `.gitmodules` or `.gitattributes` in it says.
    pub(crate) async fn check_tree(&self, tree: &str) -> Result<(), Error> {
        let format = "--format=%(objecttype) %(objectname)%x09%(path)";
        let out = self.git("ls-tree").args(["-r", "-t", "-z", "--full-tree", format, tree]).run().await?;
        let text = String::from_utf8_lossy(&out).into_owned();
        let mut wanted = format!("{tree}\n");
        for line in text.split('\0').filter_map(|line| line.strip_prefix("tree ")) {
            wanted.push_str(line.split('\t').next().unwrap_or_default());
            wanted.push('\n');
        }
        let pack = self.git("pack-objects").args(["--quiet", "--stdout"]).input(wanted).run().await?;
        let store = temp_dir()?;
        let check = self.git("index-pack").env("GIT_OBJECT_DIRECTORY", store.path());
        let check =
            check.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates(&[&self.git_dir.join("objects")]));
        match unpack(check, &pack).await {
            Err(Error::BadBundle(why)) => {
                let named = |line: &&str| line.split(['\t', ' ']).nth(1).is_some_and(|id| why.contains(id));
                let path = text.split('\0').find(named).and_then(|line| Some(line.split_once('\t')?.1));
                let path = path.unwrap_or("the files").to_owned();
                Err(Error::UnsafeEntry { path, reason: format!("git would not accept it: {why}") })
            }
            done => done,
        }
    }

    /// Makes and keeps a commit of a tree that is here, after git's checks of the tree.
    pub(crate) async fn commit_tree_object(
        &self,
        tree: &str,
        parents: &[&str],
        message: &str,
        date: i64,
    ) -> Result<String, Error> {
        self.check_tree(tree).await?;
        let mut git = self.git("commit-tree").arg(tree);
        for parent in parents {
            git = git.args(["-p", parent]);
        }
        let commit = git.args(["-F", "-"]).date(date).input(message).text().await?;
        self.keep(&commit).await?;
        Ok(commit)
    }
}

pub(crate) fn temp_dir() -> Result<TempDir, Error> {
    tempfile::tempdir().map_err(|source| Error::Io {
        doing: "make a folder in",
        path: std::env::temp_dir(),
        source,
    })
}

fn broken(source: std::io::Error) -> Error {
    Error::Spawn { command: "fast-import".to_owned(), source }
}

fn late() -> Error {
    Error::Deadline { command: "fast-import".to_owned(), seconds: DEADLINE.as_secs() }
}
