//! A person's folder in and a result out, with the real git.
#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use codegod_source::{
    BranchResult, Error, Limits, Message, Repository, apply, capture_folder, to_branch, to_new_folder,
};

const LIMIT: u64 = 1 << 20;

fn git(dir: &Path, args: &[&str]) -> String {
    let author = ["-c", "user.name=p", "-c", "user.email=p@localhost"];
    let done = Command::new("git").current_dir(dir).args(author).args(args).output().unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}

async fn places() -> (tempfile::TempDir, std::path::PathBuf, Repository) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("project");
    fs::create_dir(&dir).unwrap();
    let repo = Repository::open_or_init(place.path().join("goal.git")).await.unwrap();
    (place, dir, repo)
}

fn project(dir: &Path) -> String {
    git(dir, &["init", "-q", "-b", "main"]);
    fs::write(dir.join("a"), "a\n").unwrap();
    fs::write(dir.join(".gitignore"), "ignored\n").unwrap();
    git(dir, &["add", "."]);
    git(dir, &["commit", "-qm", "first"]);
    git(dir, &["rev-parse", "HEAD"])
}

/// The captured files with `a` changed and `new` added, as a container would give them back.
async fn result(repo: &Repository, base: &str) -> String {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in [(".gitignore", "ignored\n"), ("a", "better\n"), ("sub/new", "new\n")] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    repo.commit_tar(&[base], &tar, &Message::default(), 5, LIMIT).await.unwrap()
}

#[tokio::test]
async fn a_clean_work_tree_is_captured_as_its_own_commit_and_changes_on_top_of_it() {
    let (_place, dir, repo) = places().await;
    let head = project(&dir);
    let clean = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!((clean.commit, clean.notes), (head.clone(), vec![]));
    fs::write(dir.join("a"), "dirty\n").unwrap();
    fs::write(dir.join("new"), "new\n").unwrap();
    fs::write(dir.join("ignored"), "x").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", dir.join("link")).unwrap();
    let index = fs::read(dir.join(".git/index")).unwrap();
    let dirty = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!(index, fs::read(dir.join(".git/index")).unwrap());
    let names: Vec<_> = repo.list(&dirty.commit).await.unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(names, [".gitignore", "a", "link", "new"].map(std::path::PathBuf::from));
    assert_eq!(repo.log(&dirty.commit, 5).await.unwrap()[0].parents, [head]);
}

#[tokio::test]
async fn no_filter_monitor_or_hook_of_the_folder_is_run() {
    let (place, dir, repo) = places().await;
    project(&dir);
    let mark = place.path().join("ran");
    let evil = format!("touch {}; cat", mark.display());
    for key in ["filter.x.clean", "filter.x.smudge", "core.fsmonitor", "diff.x.textconv", "diff.external"] {
        git(&dir, &["config", key, &evil]);
    }
    fs::write(dir.join(".gitattributes"), "* filter=x diff=x\n").unwrap();
    for hook in ["reference-transaction", "post-checkout", "post-index-change"] {
        let path = dir.join(".git/hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\ntouch {}\n", mark.display())).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    to_branch(&dir, &repo, &captured.commit, "codegod/g1").await.unwrap();
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_result_comes_back_as_a_branch_a_folder_and_by_apply() {
    let (place, dir, repo) = places().await;
    project(&dir);
    let base = capture_folder(&dir, &repo, Limits::default()).await.unwrap().commit;
    let done = result(&repo, &base).await;
    assert_eq!(to_branch(&dir, &repo, &done, "codegod/g1").await.unwrap(), BranchResult::Created);
    assert_eq!(to_branch(&dir, &repo, &done, "codegod/g1").await.unwrap(), BranchResult::Unchanged);
    assert!(matches!(to_branch(&dir, &repo, &base, "codegod/g1").await, Err(Error::BranchTaken { .. })));
    assert_eq!(git(&dir, &["status", "--porcelain"]), "");
    let new = place.path().join("new");
    to_new_folder(&new, &repo, &done).await.unwrap();
    assert_eq!(git(&new, &["rev-parse", "main"]), done);
    assert_eq!(git(&new, &["status", "--porcelain"]), "");
    assert!(matches!(to_new_folder(&new, &repo, &done).await, Err(Error::FolderTaken(_))));
    fs::write(dir.join("a"), "mine\n").unwrap();
    let refused = apply(&dir, &repo, &base, &done).await.unwrap_err();
    assert!(matches!(refused, Error::WouldOverwrite { files } if files == ["a"]));
    fs::write(dir.join("a"), "a\n").unwrap();
    apply(&dir, &repo, &base, &done).await.unwrap();
    assert_eq!(fs::read_to_string(dir.join("sub/new")).unwrap(), "new\n");
}

#[tokio::test]
async fn a_plain_folder_leaves_out_what_tools_made_and_names_a_file_that_is_too_large() {
    let (_place, dir, repo) = places().await;
    fs::create_dir(dir.join("node_modules")).unwrap();
    fs::write(dir.join("node_modules/x"), "x").unwrap();
    fs::write(dir.join("app.py"), "x").unwrap();
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    let entries = repo.list(&captured.commit).await.unwrap();
    assert_eq!((entries.len(), captured.head), (1, None));
    fs::File::create(dir.join("huge")).unwrap().set_len(2 << 30).unwrap();
    let error = capture_folder(&dir, &repo, Limits::default()).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { what, .. } if what == "huge"));
}
