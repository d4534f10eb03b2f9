//! Files of a workspace that are not in a commit yet, and tar archives that carry them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

use bytes::Bytes;
use tar::{Archive, Builder, EntryType, Header};

pub use codegod_reasoner::shell::quote;

use crate::error::Error;

/// The user and group that own the workspace in a sandbox.
pub const AGENT_UID: u64 = 10001;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What it holds.
    pub content: Vec<u8>,
    /// Whether it may be executed.
    pub executable: bool,
}

/// Written files by path.
pub type Overlay = BTreeMap<String, Written>;

/// A path as it is used everywhere: relative to the workspace, without `.` and `..`.
///
/// # Errors
/// [`Error::Invalid`] for an absolute path, one that leaves the workspace, or one in `.git`.
pub fn clean_path(path: &str) -> Result<String, Error> {
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(Error::Invalid(format!("path {path:?} leaves the workspace")));
            }
        }
    }
    if path.contains('\0') || parts.iter().any(|part| part.eq_ignore_ascii_case(".git")) {
        return Err(Error::Invalid(format!("path {path:?} is not one of the workspace's files")));
    }
    Ok(parts.join("/"))
}

/// A path below a folder; an empty folder is the workspace.
#[must_use]
pub fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() || folder == "." { path.to_owned() } else { format!("{folder}/{path}") }
}

/// The archive of a commit with the written files laid over it. Entries of the commit are copied byte for
/// byte: their names need not be text.
///
/// # Errors
/// [`Error::Invalid`] when the archive can't be read.
pub fn lay_over(commit: &[u8], overlay: &Overlay, owner: u64) -> Result<Bytes, Error> {
    let broken = |error: std::io::Error| Error::Invalid(format!("pack the workspace: {error}"));
    let mut builder = Builder::new(Vec::with_capacity(commit.len()));
    copy_others(commit, overlay, &mut builder).map_err(broken)?;
    let mut folders = std::collections::BTreeSet::new();
    for (path, written) in overlay {
        for folder in ancestors(path) {
            if folders.insert(folder.to_owned()) {
                let mut header = header(EntryType::Directory, 0o755, owner, 0);
                builder.append_data(&mut header, format!("{folder}/"), [].as_slice()).map_err(broken)?;
            }
        }
        let mode = if written.executable { 0o755 } else { 0o644 };
        let mut header = header(EntryType::Regular, mode, owner, written.content.len() as u64);
        builder.append_data(&mut header, path, written.content.as_slice()).map_err(broken)?;
    }
    Ok(builder.into_inner().map_err(broken)?.into())
}

/// Copies the entries of an archive that the written files do not replace.
fn copy_others(commit: &[u8], overlay: &Overlay, builder: &mut Builder<Vec<u8>>) -> std::io::Result<()> {
    let mut archive = Archive::new(commit);
    // Long names stand in entries of their own, before the one that they are for.
    let mut names: Vec<(Header, Vec<u8>)> = Vec::new();
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        let header = entry.header().clone();
        if matches!(header.entry_type(), EntryType::GNULongName | EntryType::GNULongLink) {
            names.push((header, content));
            continue;
        }
        let long = names.iter().find(|(header, _)| header.entry_type() == EntryType::GNULongName);
        let path = long.map_or_else(|| entry.path_bytes().into_owned(), |(_, name)| name.clone());
        let path = path.strip_suffix(b"\0").unwrap_or(&path);
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let is_replaced = std::str::from_utf8(path).is_ok_and(|path| overlay.contains_key(path));
        for (header, name) in names.drain(..).filter(|_| !is_replaced) {
            builder.append(&header, name.as_slice())?;
        }
        if !is_replaced {
            builder.append(&header, content.as_slice())?;
        }
    }
    Ok(())
}

/// The archive of written files alone.
///
/// # Errors
/// [`Error::Invalid`] when a path can't be packed.
pub fn pack(overlay: &Overlay, owner: u64) -> Result<Bytes, Error> {
    lay_over(&[0; 1024], overlay, owner)
}

fn header(kind: EntryType, mode: u32, owner: u64, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// The folders above a path, outermost first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_the_workspace() {
        assert_eq!(clean_path("./a//b").unwrap(), "a/b");
        for path in ["/etc/passwd", "../x", "a/../../x", ".git/config", "sub/.GIT/hooks/x", "a\0b"] {
            assert!(clean_path(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn written_files_replace_those_of_the_commit() {
        let file = |text: &str| Written { content: text.as_bytes().to_vec(), executable: false };
        let commit =
            pack(&Overlay::from([("a".into(), file("old")), ("d/b".into(), file("kept"))]), 0).unwrap();
        let laid = lay_over(&commit, &Overlay::from([("a".into(), file("new"))]), AGENT_UID).unwrap();
        let mut archive = Archive::new(&laid[..]);
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            if entry.header().entry_type().is_file() {
                files.insert(entry.path().unwrap().to_string_lossy().into_owned(), text);
            }
        }
        assert_eq!(files, BTreeMap::from([("a".into(), "new".into()), ("d/b".into(), "kept".into())]));
    }

    #[test]
    fn names_that_are_no_text_and_long_ones_are_copied_as_they_are() {
        use std::os::unix::ffi::OsStrExt;
        let mut commit = Builder::new(Vec::new());
        let long = format!("{}/caf", "folder/".repeat(40)).into_bytes();
        let names: [&[u8]; 3] = [b"caf\xe9", &[&long[..], b"\xe9"].concat(), &long];
        for name in names {
            let mut header = header(EntryType::Regular, 0o755, 7, 3);
            commit.append_data(&mut header, std::ffi::OsStr::from_bytes(name), &b"old"[..]).unwrap();
        }
        let mut link = header(EntryType::Symlink, 0o777, 7, 0);
        link.set_link_name_literal(b"a/../\xe9").unwrap();
        link.set_path("link").unwrap();
        link.set_cksum();
        commit.append(&link, &[][..]).unwrap();
        let commit = commit.into_inner().unwrap();
        let over = Written { content: b"new".to_vec(), executable: false };
        let overlay = Overlay::from([(String::from_utf8(long.clone()).unwrap(), over)]);
        let laid = lay_over(&commit, &overlay, AGENT_UID).unwrap();
        let mut found = BTreeMap::new();
        for entry in Archive::new(&laid[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = entry.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default();
            entry.read_to_end(&mut text).unwrap();
            if !entry.header().entry_type().is_dir() {
                found.insert(entry.path_bytes().into_owned(), text);
            }
        }
        let expected: [(&[u8], &[u8]); 4] =
            [(names[0], b"old"), (names[1], b"old"), (names[2], b"new"), (b"link", b"a/../\xe9")];
        let owned = |(name, text): (&[u8], &[u8])| (name.to_vec(), text.to_vec());
        assert_eq!(found, expected.into_iter().map(owned).collect::<BTreeMap<_, _>>());
    }
}
