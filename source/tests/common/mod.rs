//! What the tests of the crate share: places, the real git, and tars written by hand.
#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]
#![cfg_attr(test, expect(dead_code, reason = "no test needs all of it"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use codegod_source::{Message, Repository};

pub(crate) const LIMIT: u64 = 1 << 20;

/// Runs git as a person would, without the settings of whoever runs the tests.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let done = Command::new("git")
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(["-c", "user.name=p", "-c", "user.email=p@localhost", "-c", "protocol.file.allow=always"])
        .args(["-c", "safe.directory=*"])
        .args(args)
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
}

/// An empty folder and a goal's repository.
pub(crate) async fn places() -> (tempfile::TempDir, PathBuf, Repository) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("project");
    fs::create_dir(&dir).unwrap();
    let repo = Repository::open_or_init(place.path().join("goal.git")).await.unwrap();
    (place, dir, repo)
}

pub(crate) fn write(dir: &Path, path: &str, text: &str) {
    let full = dir.join(path);
    fs::create_dir_all(full.parent().unwrap()).unwrap();
    fs::write(full, text).unwrap();
}

/// A repository with the files in its first commit; gives the commit.
pub(crate) fn project(dir: &Path, files: &[(&str, &str)]) -> String {
    git(dir, &["init", "-q", "-b", "main"]);
    for (path, text) in files {
        write(dir, path, text);
    }
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-qm", "first"]);
    git(dir, &["rev-parse", "HEAD"])
}

/// One entry of a tar: its type, mode, path, link and content, written into the header byte for byte.
pub(crate) fn entry(kind: u8, mode: u32, path: &[u8], link: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut tar = tar::Builder::new(Vec::new());
    tar.append(&header, content).unwrap();
    let mut bytes = tar.into_inner().unwrap();
    bytes.truncate(bytes.len() - 1024);
    bytes
}

/// A tar of plain files.
pub(crate) fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
    files.iter().flat_map(|(path, text)| entry(b'0', 0o644, path.as_bytes(), b"", text.as_bytes())).collect()
}

pub(crate) async fn commit(repo: &Repository, parents: &[&str], files: &[(&str, &str)]) -> String {
    let message = Message { subject: "work".into(), trailers: vec![("Codegod-Goal".into(), "g".into())] };
    repo.commit_tar(parents, &tar_of(files), &message, 1000, LIMIT).await.unwrap()
}

/// A commit on top of `base` in which these files are written.
pub(crate) async fn commit_files(repo: &Repository, base: &str, files: &[(&str, &str)]) -> String {
    let mut tar = repo.to_tar(base, 0, 0, LIMIT).await.unwrap();
    tar.truncate(tar.len() - 1024);
    tar.extend(tar_of(files));
    let message = Message { subject: "work".into(), trailers: Vec::new() };
    repo.commit_tar(&[base], &tar, &message, 1000, LIMIT).await.unwrap()
}

/// The paths of a commit, lossily decoded.
pub(crate) async fn names(repo: &Repository, commit: &str) -> Vec<String> {
    let entries = repo.list(commit).await.unwrap();
    entries.into_iter().map(|entry| entry.path.to_string_lossy().into_owned()).collect()
}
