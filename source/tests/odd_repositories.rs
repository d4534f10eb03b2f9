//! Repositories as they are found: submodules, no work tree, Git LFS, long histories, large folders.

mod common;

use std::fs;

use codegod_source::{Limits, capture_folder, to_branch};
use common::{commit_files, git, places, project, write};

#[tokio::test]
async fn a_branch_with_a_result_has_the_submodules_again_and_only_what_was_changed() {
    let (place, dir, repo) = places().await;
    let other = place.path().join("other");
    fs::create_dir(&other).unwrap();
    project(&other, &[("lib", "l\n")]);
    project(&dir, &[("a", "a\n"), ("deep/b", "b\n")]);
    git(&dir, &["submodule", "--quiet", "add", other.to_str().unwrap(), "deep/mod"]);
    git(&dir, &["submodule", "--quiet", "add", other.to_str().unwrap(), "only/mod"]);
    git(&dir, &["commit", "-qm", "modules"]);
    git(&dir, &["submodule", "--quiet", "deinit", "-f", "only/mod"]);
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!(
        captured.notes,
        [
            "The repository inside at deep/mod was taken as plain files.",
            "The submodule only/mod is empty here; git submodule update --init brings its files."
        ]
    );
    let changed = commit_files(&repo, &captured.commit, &[("a", "changed\n"), ("deep/new", "n\n")]).await;
    to_branch(&dir, &repo, &changed, "r").await.unwrap();
    assert_eq!(git(&dir, &["rev-parse", "r~1"]), git(&dir, &["rev-parse", "HEAD"]));
    assert_eq!(git(&dir, &["diff", "--name-status", "HEAD", "r"]), "M\ta\nA\tdeep/new");
}

#[tokio::test]
async fn a_bare_repository_gives_its_commit_and_gets_its_branch() {
    let (place, dir, repo) = places().await;
    let head = project(&dir, &[("a", "a\n")]);
    let bare = place.path().join("bare.git");
    git(&dir, &["clone", "--quiet", "--bare", ".", bare.to_str().unwrap()]);
    let captured = capture_folder(&bare, &repo, Limits::default()).await.unwrap();
    assert_eq!(captured.commit, head);
    let changed = commit_files(&repo, &head, &[("a", "changed\n")]).await;
    to_branch(&bare, &repo, &changed, "r").await.unwrap();
    assert_eq!(git(&bare, &["rev-parse", "r"]), changed);
}

#[tokio::test]
async fn what_a_person_should_know_of_a_folder_is_noted() {
    let (_place, dir, repo) = places().await;
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12\n";
    project(&dir, &[("a", "a\n"), ("data/x.bin", pointer), (".gitignore", ".env\n")]);
    git(&dir, &["tag", "v1.2.3"]);
    write(&dir, ".env", "SECRET=1");
    write(&dir, "data/.env", "SECRET=2");
    write(&dir, "data/local.py", "taken, for nothing ignores it");
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!(
        captured.notes,
        [
            "Left out, for git ignores it: .env, data/.env.",
            "Git LFS keeps the content of data/x.bin, and it is not here; git lfs pull brings it."
        ]
    );
    let described = captured.described.unwrap();
    assert!(described.starts_with("v1.2.3-0-g"), "{described}");
}

#[tokio::test]
async fn a_history_that_is_large_stays_where_it_is() {
    let (_place, dir, repo) = places().await;
    project(&dir, &[("a", "a\n")]);
    let mut state = 1_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let noise: Vec<u8> = (0..5 << 20).flat_map(|_| random()).collect();
    fs::write(dir.join("noise"), noise).unwrap();
    git(&dir, &["add", "noise"]);
    git(&dir, &["commit", "-qm", "noise"]);
    git(&dir, &["rm", "-q", "noise"]);
    git(&dir, &["commit", "-qm", "gone"]);
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert!(captured.notes[0].starts_with("The files were taken without their history: it takes "));
    let changed = commit_files(&repo, &captured.commit, &[("a", "changed\n")]).await;
    to_branch(&dir, &repo, &changed, "r").await.unwrap();
    assert_eq!(git(&dir, &["rev-parse", "r~1"]), git(&dir, &["rev-parse", "HEAD"]));
}

#[tokio::test]
async fn what_makes_a_folder_too_large_is_named() {
    let (_place, dir, repo) = places().await;
    for (path, size) in
        [("data/raw/one", 3 << 20), ("data/raw/two", 6 << 20), ("data/small", 10), ("b", 1 << 20)]
    {
        write(&dir, path, "");
        fs::File::options().write(true).open(dir.join(path)).unwrap().set_len(size).unwrap();
    }
    let limits = Limits { file: 100 << 20, together: 5 << 20 };
    let error = capture_folder(&dir, &repo, limits).await.unwrap_err().to_string();
    let folder = dir.canonicalize().unwrap();
    let expected = format!(
        "the folder {} (most of it: data/raw/two 6 MB, data/raw/one 3 MB) is too large: 10485770 bytes or more, \
         the limit is 5242880",
        folder.display()
    );
    assert_eq!(error, expected);
}
