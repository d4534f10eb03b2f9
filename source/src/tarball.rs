//! The files of a commit as a tar for a container, and a container's tar as a commit.
//!
//! Not by `git archive`: a `.gitattributes` of the project could hide files from it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use tar::{Archive, Builder, EntryType, Header};

use crate::repository::{Entry, Kind, Repository};
use crate::tree::{Contents, Message};
use crate::{Error, paths};

/// A file read from a tar.
type Files = BTreeMap<Vec<u8>, (Kind, Vec<u8>)>;

impl Repository {
    /// All files of a commit as a tar, owned by `uid` and `gid`, dated by the commit. Folders are entries
    /// of their own, so that an upload gives them the same owner; a submodule is an empty folder.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`]; [`Error::TooLarge`] when the contents have more than `limit` bytes together.
    pub async fn to_tar(&self, commit: &str, uid: u64, gid: u64, limit: u64) -> Result<Vec<u8>, Error> {
        let entries = self.list(commit).await?;
        let bytes = entries.iter().map(|entry| entry.size).sum();
        if bytes > limit {
            return Err(Error::TooLarge { what: format!("commit {commit}"), bytes, limit });
        }
        let contents = self.contents(&entries, bytes).await?;
        let mtime = u64::try_from(self.date_of(commit).await?).unwrap_or(0);
        write_tar(&entries, &contents, Owner { uid, gid, mtime })
            .map_err(|source| Error::Tar { doing: "write", source })
    }

    /// Makes a commit whose files are exactly those of the tar, on top of `parents`. When the first parent
    /// has the same files and is the only one, it is given back itself.
    ///
    /// `date` is in seconds since 1970, `limit` counts the bytes of all contents together.
    ///
    /// # Errors
    /// [`Error::UnsafeEntry`] for absolute paths, `..`, anything in `.git`, devices, pipes and links to
    /// nowhere; [`Error::TooLarge`]; [`Error::Tar`] for a broken tar; [`Error::NoSuchCommit`].
    pub async fn commit_tar(
        &self,
        parents: &[&str],
        tar: &[u8],
        message: &Message,
        date: i64,
        limit: u64,
    ) -> Result<String, Error> {
        for parent in parents {
            self.require(parent).await?;
        }
        let files = read_tar(tar, limit)?;
        let mut contents = Contents::start(self)?;
        for (path, (kind, content)) in &files {
            contents.add(path, *kind, content).await?;
        }
        let tree = self.write_tree(None, &contents.finish().await?).await?;
        if let [parent] = parents
            && self.tree_of(parent).await? == tree
        {
            return Ok((*parent).to_owned());
        }
        self.commit_tree_object(&tree, parents, &message.text(), date).await
    }

    /// The contents of entries, one after the other, submodules left out.
    pub(crate) async fn contents(&self, entries: &[Entry], bytes: u64) -> Result<Vec<Vec<u8>>, Error> {
        let mut wanted = String::new();
        for entry in entries.iter().filter(|entry| entry.kind != Kind::Submodule) {
            wanted.push_str(&entry.object);
            wanted.push('\n');
        }
        // Each answer has a line before and a line end after the content.
        let limit = bytes + 80 * entries.len() as u64;
        let out = self.git("cat-file").arg("--batch").input(wanted).limit(limit).run().await?;
        let bad = || Error::Answer { command: "cat-file".to_owned(), detail: "it ends too early".to_owned() };
        let (mut at, mut contents) = (0, Vec::with_capacity(entries.len()));
        for entry in entries {
            if entry.kind == Kind::Submodule {
                contents.push(Vec::new());
                continue;
            }
            let head =
                out.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\n')).ok_or_else(bad)?;
            let start = at + head + 1;
            let end = start + usize::try_from(entry.size).map_err(|_| bad())?;
            contents.push(out.get(start..end).ok_or_else(bad)?.to_vec());
            at = end + 1;
        }
        Ok(contents)
    }
}

#[derive(Clone, Copy)]
struct Owner {
    uid: u64,
    gid: u64,
    mtime: u64,
}

impl Owner {
    fn header(self, kind: EntryType, mode: u32, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(self.uid);
        header.set_gid(self.gid);
        header.set_mtime(self.mtime);
        header.set_size(size);
        header
    }
}

fn write_tar(entries: &[Entry], contents: &[Vec<u8>], owner: Owner) -> std::io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    let mut folders = BTreeSet::new();
    for (entry, content) in entries.iter().zip(contents) {
        let path = entry.path.as_os_str().as_bytes();
        for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            add_folder(&mut tar, &mut folders, &path[..at], owner)?;
        }
        let size = content.len() as u64;
        match entry.kind {
            Kind::Submodule => add_folder(&mut tar, &mut folders, path, owner)?,
            Kind::Symlink => {
                append(&mut tar, owner.header(EntryType::Symlink, 0o777, 0), path, content, &[])?
            }
            Kind::File => {
                append(&mut tar, owner.header(EntryType::Regular, 0o644, size), path, b"", content)?
            }
            Kind::Executable => {
                append(&mut tar, owner.header(EntryType::Regular, 0o755, size), path, b"", content)?;
            }
        }
    }
    tar.into_inner()
}

fn add_folder(
    tar: &mut Builder<Vec<u8>>,
    known: &mut BTreeSet<Vec<u8>>,
    path: &[u8],
    owner: Owner,
) -> std::io::Result<()> {
    if !known.insert(path.to_vec()) {
        return Ok(());
    }
    let name = [path, b"/"].concat();
    append(tar, owner.header(EntryType::Directory, 0o755, 0), &name, b"", &[])
}

/// Adds an entry byte for byte; the tar crate's own way would rewrite paths such as a link's `a/../b`.
fn append(
    tar: &mut Builder<Vec<u8>>,
    mut header: Header,
    path: &[u8],
    link: &[u8],
    data: &[u8],
) -> std::io::Result<()> {
    for (kind, text) in [(b'K', link), (b'L', path)] {
        if text.len() > 100 {
            let mut long = Header::new_gnu();
            long.as_old_mut().name[..13].copy_from_slice(b"././@LongLink");
            long.set_entry_type(EntryType::new(kind));
            long.set_size(text.len() as u64 + 1);
            long.set_cksum();
            tar.append(&long, [text, b"\0"].concat().as_slice())?;
        }
    }
    let old = header.as_old_mut();
    for (field, text) in [(&mut old.name, path), (&mut old.linkname, link)] {
        let length = text.len().min(100);
        field[..length].copy_from_slice(&text[..length]);
    }
    header.set_cksum();
    tar.append(&header, data)
}

fn read_tar(tar: &[u8], limit: u64) -> Result<Files, Error> {
    let broken = |source| Error::Tar { doing: "read", source };
    let (mut files, mut bytes) = (Files::new(), 0_u64);
    let mut archive = Archive::new(tar);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let raw = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let path = plain(&raw);
        if kind.is_dir() {
            if !path.is_empty() && path != b"." {
                paths::check(path)?;
            }
            continue;
        }
        paths::check(path)?;
        let file = if kind.is_symlink() {
            let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
            (Kind::Symlink, target)
        } else if kind.is_hard_link() {
            let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
            let known = files.get(plain(&target)).cloned();
            known.ok_or_else(|| {
                paths::unsafe_entry(&raw, "it is a hard link to a file that is not in the tar")
            })?
        } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            let executable = entry.header().mode().map_err(broken)? & 0o100 != 0;
            let mut content = Vec::new();
            let rest = limit.saturating_sub(bytes).saturating_add(1);
            (&mut entry).take(rest).read_to_end(&mut content).map_err(broken)?;
            (if executable { Kind::Executable } else { Kind::File }, content)
        } else {
            return Err(paths::unsafe_entry(&raw, "it is neither file, folder nor link"));
        };
        bytes = bytes.saturating_add(file.1.len() as u64);
        if bytes > limit {
            return Err(Error::TooLarge { what: "the workspace".to_owned(), bytes, limit });
        }
        files.insert(path.to_vec(), file);
    }
    check_nesting(&files)?;
    Ok(files)
}

/// A path without a leading `./` and a trailing `/`.
fn plain(path: &[u8]) -> &[u8] {
    let mut path = path;
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    path.strip_suffix(b"/").unwrap_or(path)
}

/// No file may lie below another file or below a link.
fn check_nesting(files: &Files) -> Result<(), Error> {
    for path in files.keys() {
        for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            if files.contains_key(&path[..at]) {
                return Err(paths::unsafe_entry(path, "it lies below a file or link"));
            }
        }
    }
    for (path, (kind, target)) in files {
        if *kind == Kind::Symlink && (target.is_empty() || target.contains(&0)) {
            return Err(paths::unsafe_entry(path, "its link leads nowhere"));
        }
    }
    Ok(())
}
