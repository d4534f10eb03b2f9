//! A result written into the person's own files: all or nothing, and never over their changes.
#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use codegod_source::{Applied, Error, Limits, apply, capture_folder};
use common::{LIMIT, commit, entry, places, write};

/// What lies in a folder, sorted.
fn everything(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                todo.push(entry.path());
            }
            found.push(entry.path().strip_prefix(dir).unwrap().to_owned());
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_file_becomes_a_folder_and_a_folder_a_file_and_rights_are_kept() {
    let (_place, dir, repo) = places().await;
    for (path, text) in [("f", "f"), ("d/x", "x"), ("d/y/z", "z"), ("secret", "s"), ("run", "r")] {
        write(&dir, path, text);
    }
    fs::set_permissions(dir.join("secret"), PermissionsExt::from_mode(0o600)).unwrap();
    let base = capture_folder(&dir, &repo, Limits::default()).await.unwrap().commit;
    let tar = [
        entry(b'0', 0o644, b"d", b"", b"now a file"),
        entry(b'0', 0o644, b"f/in", b"", b"in"),
        entry(b'2', 0o777, b"link", b"d", b""),
        entry(b'0', 0o755, b"run", b"", b"r"),
        entry(b'0', 0o644, b"secret", b"", b"t"),
    ];
    let done = repo.commit_tar(&[&base], &tar.concat(), &Default::default(), 1, LIMIT).await.unwrap();
    let applied = apply(&dir, &repo, &base, &done).await.unwrap();
    let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
    let expected = Applied {
        written: paths(&["d", "f/in", "link", "run", "secret"]),
        removed: paths(&["d/x", "d/y/z", "f"]),
    };
    assert_eq!(applied, expected);
    assert_eq!(everything(&dir), paths(&["d", "f", "f/in", "link", "run", "secret"]));
    let mode = |path: &str| fs::metadata(dir.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("secret"), mode("run")), (0o600, 0o755));
    assert_eq!(apply(&dir, &repo, &base, &done).await.unwrap(), Applied::default());
}

#[tokio::test]
async fn whatever_the_person_put_in_the_way_is_named_and_nothing_is_written() {
    let (_place, dir, repo) = places().await;
    write(&dir, "a", "a");
    write(&dir, "gone", "g");
    let base = capture_folder(&dir, &repo, Limits::default()).await.unwrap().commit;
    let files = [("a", "2"), ("file/in", "x"), ("folder", "x"), ("link/in", "x"), ("ok", "x")];
    let done = commit(&repo, &[&base], &files).await;
    write(&dir, "file", "mine");
    write(&dir, "folder/mine", "mine");
    fs::create_dir(dir.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", dir.join("link")).unwrap();
    write(&dir, "gone", "changed");
    let before = everything(&dir);
    let Err(Error::WouldOverwrite { files }) = apply(&dir, &repo, &base, &done).await else {
        panic!("not refused")
    };
    assert_eq!(files, ["file/in", "folder", "gone", "link/in"]);
    assert_eq!(everything(&dir), before);
    assert_eq!(fs::read_to_string(dir.join("a")).unwrap(), "a");
}

/// A mounted file system that goes away with the test.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_leaves_everything_as_it_was() {
    let (_place, dir, repo) = places().await;
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&dir).output();
    if !mount.is_ok_and(|done| done.status.success()) {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let _mounted = Mounted(dir.clone());
    write(&dir, "a", "a");
    write(&dir, "gone", "g");
    let base = capture_folder(&dir, &repo, Limits::default()).await.unwrap().commit;
    let done =
        commit(&repo, &[&base], &[("a", "2"), ("b", "b"), ("sub/large", &"x".repeat(400 << 10))]).await;
    let Err(Error::Io { doing, path, source }) = apply(&dir, &repo, &base, &done).await else {
        panic!("not refused")
    };
    assert_eq!((doing, path.strip_prefix(&dir).unwrap()), ("write", Path::new("sub/large")));
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(everything(&dir), [PathBuf::from("a"), PathBuf::from("gone")]);
    assert_eq!(fs::read_to_string(dir.join("a")).unwrap(), "a");
    let full = codegod_source::to_new_folder(&dir.join("new"), &repo, &done).await;
    assert!(full.is_err(), "{full:?}");
    assert_eq!(everything(&dir), [PathBuf::from("a"), PathBuf::from("gone")]);
}
