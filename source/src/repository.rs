//! A goal's own repository: opening it and reading from it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::git::Git;
use crate::{Error, paths};

/// A bare repository of codegod's own. Cheap to clone; several tasks may use it at once.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) git_dir: PathBuf,
}

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link; its content is its target.
    Symlink,
    /// A commit of another repository; it has no content here.
    Submodule,
}

impl Kind {
    /// Git's octal mode of the entry.
    pub(crate) fn mode(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Submodule => "160000",
        }
    }

    pub(crate) fn from_mode(mode: &str) -> Option<Self> {
        match mode {
            "100644" | "100664" => Some(Self::File),
            "100755" => Some(Self::Executable),
            "120000" => Some(Self::Symlink),
            "160000" => Some(Self::Submodule),
            _ => None,
        }
    }
}

/// One file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies, relative to the root.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// The id of its content.
    pub object: String,
    /// The size of its content in bytes; 0 for a submodule.
    pub size: u64,
}

/// One line of a commit's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The commit's id.
    pub commit: String,
    /// Its parents' ids, first parent first.
    pub parents: Vec<String>,
    /// When it was committed, in seconds since 1970.
    pub date: i64,
    /// The first line of its message.
    pub subject: String,
    /// The rest of its message, trailers included.
    pub body: String,
}

impl Repository {
    /// Opens the bare repository at `path`, made on the spot when there is none.
    ///
    /// # Errors
    /// [`Error::Git`] when git can't make or read it, [`Error::Spawn`] when git is missing.
    pub async fn open_or_init(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        std::fs::create_dir_all(path)
            .and_then(|()| path.canonicalize())
            .map(|git_dir| Self { git_dir })
            .map_err(|source| Error::Io { doing: "make", path: path.to_owned(), source })?
            .init()
            .await
    }

    async fn init(self) -> Result<Self, Error> {
        let init = self.git("init").args(["--quiet", "--bare", "--template=", "--object-format=sha1"]);
        init.args(["--initial-branch=main"]).run().await?;
        Ok(self)
    }

    /// Where the repository lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.git_dir
    }

    pub(crate) fn git(&self, name: &str) -> Git {
        Git::on(&self.git_dir, name)
    }

    /// Whether the commit is here. A text that is not a full commit id never is.
    ///
    /// # Errors
    /// [`Error::Spawn`] and [`Error::Deadline`].
    pub async fn has(&self, commit: &str) -> Result<bool, Error> {
        if !is_id(commit) {
            return Ok(false);
        }
        Ok(self.git("cat-file").args(["-e", &format!("{commit}^{{commit}}")]).finish().await?.code == 0)
    }

    pub(crate) async fn require(&self, commit: &str) -> Result<(), Error> {
        if self.has(commit).await? { Ok(()) } else { Err(Error::NoSuchCommit(commit.to_owned())) }
    }

    /// Holds on to a commit by a reference of its own, which is also what a bundle needs.
    pub(crate) async fn keep(&self, commit: &str) -> Result<(), Error> {
        self.git("update-ref").args([&reference(commit), commit]).run().await.map(drop)
    }

    pub(crate) async fn tree_of(&self, commit: &str) -> Result<String, Error> {
        self.require(commit).await?;
        self.git("rev-parse").args(["--verify", &format!("{commit}^{{tree}}")]).text().await
    }

    /// The committer's date of a commit, in seconds since 1970.
    pub(crate) async fn date_of(&self, commit: &str) -> Result<i64, Error> {
        self.require(commit).await?;
        let text = self.git("log").args(["-1", "--format=%ct", commit]).text().await?;
        Ok(text.parse().unwrap_or(0))
    }

    /// All files of a commit, in git's order.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`]; [`Error::UnsafeEntry`] for a path that must not be written anywhere.
    pub async fn list(&self, commit: &str) -> Result<Vec<Entry>, Error> {
        self.require(commit).await?;
        let out = self.git("ls-tree").args(["-r", "-z", "-l", "--full-tree", commit]).run().await?;
        out.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(parse_entry).collect()
    }

    /// The content of a regular file; None when the commit has no such file.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`]; [`Error::TooLarge`] when it has more than `limit` bytes.
    pub async fn read_file(
        &self,
        commit: &str,
        path: impl AsRef<Path>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.require(commit).await?;
        let path = path.as_ref();
        if paths::check(path.as_os_str().as_bytes()).is_err() {
            return Ok(None);
        }
        let lines =
            self.git("ls-tree").args(["-z", "-l", "--full-tree", commit, "--"]).arg(path).run().await?;
        let entries = lines.split(|byte| *byte == 0).filter(|line| line.windows(6).any(|w| w == b" blob "));
        let found = entries.filter_map(|line| parse_entry(line).ok()).find(|entry| entry.path == path);
        let Some(entry) = found.filter(|entry| matches!(entry.kind, Kind::File | Kind::Executable)) else {
            return Ok(None);
        };
        if entry.size > limit {
            return Err(Error::TooLarge { what: path.display().to_string(), bytes: entry.size, limit });
        }
        self.git("cat-file").args(["blob", &entry.object]).limit(limit).run().await.map(Some)
    }

    /// The changes from one commit to another as a unified diff, for people; undecodable bytes are replaced.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`]; [`Error::TooLarge`] above `limit` bytes.
    pub async fn diff(&self, from: &str, to: &str, limit: u64) -> Result<String, Error> {
        self.require(from).await?;
        self.require(to).await?;
        let diff =
            self.git("diff").args(["--no-ext-diff", "--no-textconv", "--no-color", "-M", from, to, "--"]);
        Ok(String::from_utf8_lossy(&diff.limit(limit).run().await?).into_owned())
    }

    /// The files that differ between two commits; a rename counts as both names.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`].
    pub async fn changed_files(&self, from: &str, to: &str) -> Result<Vec<PathBuf>, Error> {
        self.require(from).await?;
        self.require(to).await?;
        let args = ["-r", "-z", "--name-only", "--no-renames", from, to];
        let out = self.git("diff-tree").args(args).run().await?;
        let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| PathBuf::from(OsString::from_vec(name.to_vec()))).collect())
    }

    /// The newest `count` commits that lead to a commit, itself first.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`].
    pub async fn log(&self, commit: &str, count: usize) -> Result<Vec<LogEntry>, Error> {
        self.require(commit).await?;
        let format = "--format=%H%x1f%P%x1f%ct%x1f%s%x1f%b";
        let out = self.git("log").args(["-z", "--no-color", format, &format!("-{count}"), commit, "--"]);
        let text = String::from_utf8_lossy(&out.run().await?).into_owned();
        Ok(text.split('\0').filter_map(parse_log).collect())
    }
}

/// The reference that keeps a commit.
pub(crate) fn reference(commit: &str) -> String {
    format!("refs/codegod/{commit}")
}

/// Whether the text is a full SHA-1 object id; nothing else is ever passed to git as a commit.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn parse_log(text: &str) -> Option<LogEntry> {
    let mut fields = text.splitn(5, '\u{1f}');
    Some(LogEntry {
        commit: fields.next().filter(|id| is_id(id.trim()))?.trim().to_owned(),
        parents: fields.next()?.split_whitespace().map(str::to_owned).collect(),
        date: fields.next()?.parse().unwrap_or(0),
        subject: fields.next()?.to_owned(),
        body: fields.next()?.trim_end().to_owned(),
    })
}

/// Reads `<mode> <type> <object> <size>\t<path>`.
fn parse_entry(line: &[u8]) -> Result<Entry, Error> {
    let bad = || Error::Answer {
        command: "ls-tree".to_owned(),
        detail: String::from_utf8_lossy(line).into_owned(),
    };
    let tab = line.iter().position(|byte| *byte == b'\t').ok_or_else(bad)?;
    let (head, path) = (String::from_utf8_lossy(&line[..tab]).into_owned(), &line[tab + 1..]);
    paths::check(path)?;
    let mut words = head.split_whitespace();
    let kind = words.next().and_then(Kind::from_mode).ok_or_else(bad)?;
    let object = words.nth(1).ok_or_else(bad)?.to_owned();
    let size = words.next().and_then(|size| size.parse().ok()).unwrap_or(0);
    Ok(Entry { path: PathBuf::from(OsString::from_vec(path.to_vec())), kind, object, size })
}
