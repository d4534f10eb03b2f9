//! A result comes back as a branch on top of what the person had checked out, whatever was captured.

mod common;

use std::fs;

use codegod_source::{BranchResult, Error, Limits, capture_folder, to_branch};
use common::{commit, git, places, project, write};

#[tokio::test]
async fn a_sub_folder_is_grafted_at_its_place_onto_the_commit_that_was_checked_out() {
    let (_place, dir, repo) = places().await;
    let head = project(&dir, &[("top", "t\n"), ("deep/app/a", "a\n"), ("deep/other", "o\n")]);
    let sub = dir.join("deep/app");
    write(&sub, "new", "mine\n");
    let base = capture_folder(&sub, &repo, Limits::default()).await.unwrap();
    assert_eq!(base.head, Some(head.clone()));
    assert_eq!(
        base.notes,
        ["The files were taken without their history: the folder is a part of its repository."]
    );
    let left = commit(&repo, &[&base.commit], &[("a", "better\n"), ("new", "mine\n")]).await;
    let done = commit(&repo, &[&left], &[("a", "better\n"), ("b", "b\n")]).await;
    // The person goes on meanwhile; the branch stands on what was captured.
    write(&dir, "later", "l\n");
    git(&dir, &["add", "later"]);
    git(&dir, &["commit", "-qm", "later"]);
    let now = git(&dir, &["rev-parse", "HEAD"]);
    assert_eq!(to_branch(&sub, &repo, &left, "codegod/g1").await.unwrap(), BranchResult::Created);
    assert_eq!(to_branch(&sub, &repo, &done, "codegod/g1").await.unwrap(), BranchResult::Forwarded);
    assert_eq!(to_branch(&sub, &repo, &done, "codegod/g1").await.unwrap(), BranchResult::Unchanged);
    assert!(matches!(to_branch(&sub, &repo, &left, "codegod/g1").await, Err(Error::BranchTaken { .. })));
    assert_eq!(git(&dir, &["merge-base", "codegod/g1", "main"]), head);
    assert_eq!(git(&dir, &["diff", "--name-status", &head, "codegod/g1"]), "M\tdeep/app/a\nA\tdeep/app/b");
    assert_eq!(git(&dir, &["rev-list", "--count", "--max-parents=0", "--all"]), "1");
    assert_eq!(
        git(&dir, &["log", "-1", "--format=%(trailers:key=Codegod-Goal,valueonly)", "codegod/g1"]),
        "g"
    );
    assert_eq!(git(&dir, &["rev-parse", "HEAD"]), now);
    assert_eq!(git(&dir, &["status", "--porcelain"]), "?? deep/app/new");
    git(&dir, &["fsck", "--strict"]);
}

#[tokio::test]
async fn an_untracked_sub_folder_becomes_new_files() {
    let (_place, dir, repo) = places().await;
    let head = project(&dir, &[("top", "t\n")]);
    write(&dir, "x/y/f", "f\n");
    let sub = dir.join("x/y");
    let base = capture_folder(&sub, &repo, Limits::default()).await.unwrap().commit;
    let done = commit(&repo, &[&base], &[("f", "f\n"), ("g", "g\n")]).await;
    to_branch(&sub, &repo, &done, "r").await.unwrap();
    assert_eq!(git(&dir, &["diff", "--name-status", &head, "r"]), "A\tx/y/f\nA\tx/y/g");
}

#[tokio::test]
async fn a_shallow_clone_gets_the_result_on_its_own_head() {
    let (place, origin, repo) = places().await;
    project(&origin, &[("a", "a\n")]);
    write(&origin, "b", "b\n");
    git(&origin, &["add", "b"]);
    git(&origin, &["commit", "-qm", "second"]);
    // A colon in the path must not part it.
    let url = format!("file://{}", origin.display());
    git(place.path(), &["clone", "-q", "--depth=1", &url, "shal:low"]);
    let dir = place.path().join("shal:low");
    let head = git(&dir, &["rev-parse", "HEAD"]);
    let base = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!(
        base.notes,
        ["The files were taken without their history: the repository is a shallow clone."]
    );
    let left = commit(&repo, &[&base.commit], &[("a", "a\n"), ("b", "b\n"), ("c", "c\n")]).await;
    let right = commit(&repo, &[&base.commit], &[("a", "2\n"), ("b", "b\n")]).await;
    let codegod_source::Merge::Clean(done) = repo.merge(&[&left, &right]).await.unwrap() else {
        panic!("not refused")
    };
    assert_eq!(to_branch(&dir, &repo, &done, "r").await.unwrap(), BranchResult::Created);
    assert_eq!(git(&dir, &["rev-parse", "r~2"]), head);
    assert_eq!(git(&dir, &["diff", "--name-status", &head, "r"]), "M\ta\nA\tc");
    git(&dir, &["fsck", "--strict"]);
}

#[tokio::test]
async fn detached_unborn_and_a_linked_work_tree() {
    let (place, dir, repo) = places().await;
    git(&dir, &["init", "-q", "-b", "main"]);
    write(&dir, "a", "a\n");
    let unborn = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!((unborn.head, unborn.notes), (None, vec![]));
    let taken = to_branch(&dir, &repo, &unborn.commit, "main").await;
    assert!(matches!(taken, Err(Error::BranchTaken { .. })), "{taken:?}");
    assert_eq!(to_branch(&dir, &repo, &unborn.commit, "r").await.unwrap(), BranchResult::Created);
    assert_eq!(git(&dir, &["rev-parse", "r"]), unborn.commit);

    git(&dir, &["add", "a"]);
    git(&dir, &["commit", "-qm", "first"]);
    git(&dir, &["checkout", "-q", "--detach"]);
    let head = git(&dir, &["rev-parse", "HEAD"]);
    let detached = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!((&detached.commit, &detached.head), (&head, &Some(head.clone())));
    let done = commit(&repo, &[&head], &[("a", "2\n")]).await;
    assert_eq!(to_branch(&dir, &repo, &head, "d").await.unwrap(), BranchResult::Created);
    assert_eq!(to_branch(&dir, &repo, &done, "d").await.unwrap(), BranchResult::Forwarded);
    assert_eq!(git(&dir, &["rev-parse", "HEAD", "d~1"]), format!("{head}\n{head}"));

    let linked = place.path().join("linked");
    git(&dir, &["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
    let next = commit(&repo, &[&head], &[("a", "3\n")]).await;
    assert_eq!(capture_folder(&linked, &repo, Limits::default()).await.unwrap().commit, head);
    assert!(matches!(to_branch(&dir, &repo, &next, "side").await, Err(Error::BranchTaken { .. })));
    assert_eq!(to_branch(&linked, &repo, &next, "w").await.unwrap(), BranchResult::Created);
    assert_eq!(git(&dir, &["rev-parse", "w~1"]), head);
}

#[tokio::test]
async fn what_can_not_take_the_branch_is_said_and_left_alone() {
    let (_place, dir, repo) = places().await;
    write(&dir, "a", "a\n");
    let base = capture_folder(&dir, &repo, Limits::default()).await.unwrap().commit;
    assert!(matches!(to_branch(&dir, &repo, &base, "r").await, Err(Error::NotGit(_))));
    git(&dir, &["init", "-q", "--object-format=sha256"]);
    assert!(matches!(to_branch(&dir, &repo, &base, "r").await, Err(Error::OtherHash(_))));
    fs::remove_dir_all(dir.join(".git")).unwrap();
    let head = project(&dir, &[("a", "a\n")]);
    for bad in ["-x", "a..b", "a b", ""] {
        assert!(matches!(to_branch(&dir, &repo, &base, bad).await, Err(Error::BadBranch(_))), "{bad}");
    }
    // A folder that became a repository later: the result stands on its commit all the same.
    let done = commit(&repo, &[&base], &[("a", "2\n")]).await;
    to_branch(&dir, &repo, &done, "r").await.unwrap();
    assert_eq!(git(&dir, &["rev-parse", "r~1"]), head);
    // Somebody's own work under that name is never lost.
    git(&dir, &["branch", "mine"]);
    let other = commit(&repo, &[], &[("z", "z\n")]).await;
    to_branch(&dir, &repo, &other, "mine").await.unwrap();
    assert!(matches!(to_branch(&dir, &repo, &done, "mine").await, Err(Error::BranchTaken { .. })));
    assert_eq!(git(&dir, &["rev-parse", "mine~1"]), head);
}
