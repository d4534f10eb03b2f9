//! Files of a workspace that are not in a commit yet, and tar archives that carry them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

use bytes::Bytes;
use tar::{Archive, Builder, EntryType, Header};

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

/// The archive of a commit with the written files laid over it.
///
/// # Errors
/// [`Error::Invalid`] when the archive can't be read.
pub fn lay_over(commit: &[u8], overlay: &Overlay, owner: u64) -> Result<Bytes, Error> {
    let broken = |error: std::io::Error| Error::Invalid(format!("pack the workspace: {error}"));
    let mut builder = Builder::new(Vec::with_capacity(commit.len()));
    let mut archive = Archive::new(commit);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        if overlay.contains_key(path.trim_end_matches('/')) {
            continue;
        }
        let mut header = entry.header().clone();
        if let Some(target) = entry.link_name().map_err(broken)?.map(|name| name.into_owned()) {
            builder.append_link(&mut header, &path, target).map_err(broken)?;
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(broken)?;
        builder.append_data(&mut header, &path, content.as_slice()).map_err(broken)?;
    }
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

/// Quotes a text for `sh`.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:@%+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
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
    fn quoting_survives_a_shell() {
        for text in ["plain-1.txt", "two words", "it's", "$(rm -rf /)", "", "a\nb"] {
            let out =
                std::process::Command::new("sh").arg("-c").arg(format!("printf %s {}", quote(text))).output();
            assert_eq!(String::from_utf8(out.unwrap().stdout).unwrap(), text);
        }
    }
}
