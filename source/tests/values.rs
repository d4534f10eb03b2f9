//! A goal's repository with the real git: tars, merges and bundles.
#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

use codegod_source::{Error, Merge, Message, Repository, bundle_prerequisites};

const LIMIT: u64 = 1 << 20;

fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        header.set_cksum();
        tar.append(&header, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

async fn repo() -> (tempfile::TempDir, Repository) {
    let dir = tempfile::tempdir().unwrap();
    let repo = Repository::open_or_init(dir.path().join("goal.git")).await.unwrap();
    (dir, repo)
}

async fn commit(repo: &Repository, parents: &[&str], files: &[(&str, &str)]) -> String {
    let message = Message { subject: "work".into(), trailers: vec![("Codegod-Goal".into(), "g".into())] };
    repo.commit_tar(parents, &tar_of(files), &message, 1000, LIMIT).await.unwrap()
}

#[tokio::test]
async fn both_sides_of_a_conflict_are_kept_by_union() {
    let (_dir, repo) = repo().await;
    let Merge::Clean(root) = repo.merge(&[]).await.unwrap() else { panic!("the root conflicts") };
    let base = commit(&repo, &[&root], &[("f", "1\n2\n3\n")]).await;
    let ours = commit(&repo, &[&base], &[("f", "1\nours\n3\n")]).await;
    let theirs = commit(&repo, &[&base], &[("f", "1\ntheirs\n3\n")]).await;
    let conflict = Merge::Conflict { ours: ours.clone(), theirs: theirs.clone(), files: vec!["f".into()] };
    assert_eq!(repo.merge(&[&base, &ours, &theirs]).await.unwrap(), conflict);
    let union = repo.union(&ours, &theirs).await.unwrap();
    let text = repo.read_file(&union.commit, "f", LIMIT).await.unwrap();
    assert_eq!(text.as_deref(), Some(b"1\nours\ntheirs\n3\n".as_slice()));
}

#[tokio::test]
async fn the_same_merge_in_two_repositories_has_the_same_id_and_travels_as_a_bundle() {
    let ((_one, first), (_two, second)) = (repo().await, repo().await);
    let base = commit(&first, &[], &[("a", "a")]).await;
    let left = commit(&first, &[&base], &[("a", "a"), ("b", "b")]).await;
    let right = commit(&first, &[&base], &[("a", "a"), ("c", "c")]).await;
    let whole = first.export_bundle(&left, &[], LIMIT).await.unwrap().unwrap();
    let rest = first.export_bundle(&right, &[&base], LIMIT).await.unwrap().unwrap();
    assert_eq!(bundle_prerequisites(&rest).unwrap(), std::slice::from_ref(&base));
    let missing = second.import_bundle(&rest, LIMIT).await.unwrap_err();
    assert!(matches!(missing, Error::MissingPrerequisites(ids) if ids == [base.clone()]));
    second.import_bundle(&whole, LIMIT).await.unwrap();
    second.import_bundle(&rest, LIMIT).await.unwrap();
    let merged = first.merge(&[&left, &right]).await.unwrap();
    assert_eq!(merged, second.merge(&[&left, &right]).await.unwrap());
    assert_eq!(first.export_bundle(&base, &[&left], LIMIT).await.unwrap(), None);
    assert!(second.import_bundle(&whole[..whole.len() - 30], LIMIT).await.is_err());
}

#[tokio::test]
async fn a_tar_comes_back_as_it_was_and_export_ignore_hides_nothing() {
    let (_dir, repo) = repo().await;
    let files = [(".gitattributes", "secret export-ignore\n"), ("d/x", "x"), ("secret", "s")];
    let first = commit(&repo, &[], &files).await;
    let tar = repo.to_tar(&first, 10001, 10001, LIMIT).await.unwrap();
    let again = repo.commit_tar(&[&first], &tar, &Message::default(), 2000, LIMIT).await.unwrap();
    assert_eq!(again, first);
    let tight = repo.to_tar(&first, 0, 0, 3).await.unwrap_err();
    assert!(matches!(tight, Error::TooLarge { limit: 3, .. }));
}

#[tokio::test]
async fn an_evil_tar_is_refused() {
    let (_dir, repo) = repo().await;
    for path in ["/etc/passwd", "../x", "a/../../x", ".git/config", "a/.GiT/hooks/x", "git~1/x", ".git. /x"] {
        let tar = tar_of(&[(path, "x")]);
        let done = repo.commit_tar(&[], &tar, &Message::default(), 0, LIMIT).await;
        assert!(matches!(done, Err(Error::UnsafeEntry { .. })), "{path}: {done:?}");
    }
}
