//! Joining commits: what conflicts, what can be kept, and that every host makes the same commit.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed helper fails its test")]

mod common;

use codegod_source::{Error, Merge, Message, Repository};
use common::{LIMIT, commit, entry, places};

/// A conflict of two changes of one base, each given as a tar.
async fn conflict(repo: &Repository, base: &[u8], ours: &[u8], theirs: &[u8]) -> (Vec<String>, Error) {
    let put = async |parents: &[&str], tar: &[u8]| {
        repo.commit_tar(parents, tar, &Message::default(), 1, LIMIT).await.unwrap()
    };
    let base = put(&[], base).await;
    let (ours, theirs) = (put(&[&base], ours).await, put(&[&base], theirs).await);
    let Merge::Conflict { files, .. } = repo.merge(&[&ours, &theirs]).await.unwrap() else {
        panic!("no conflict")
    };
    (files, repo.union(&ours, &theirs).await.unwrap_err())
}

fn file(path: &str, text: &[u8]) -> Vec<u8> {
    entry(b'0', 0o644, path.as_bytes(), b"", text)
}

#[tokio::test]
async fn union_refuses_what_has_no_lines_to_keep_and_names_it() {
    let (_place, _dir, repo) = places().await;
    let other = || file("z", b"z");
    let long = b"1\n2\n3\n4\n5\n6\n7\n8\n";
    /// What it is, base, ours, theirs, and how the names of the files begin.
    type Case<'a> = (&'a str, Vec<u8>, Vec<u8>, Vec<u8>, &'a [&'a str]);
    let cases: [Case; 5] = [
        ("binary", file("f", b"\0a"), file("f", b"\0b"), file("f", b"\0c"), &["f"]),
        ("delete and modify", [file("f", b"a"), other()].concat(), other(), file("f", b"b"), &["f"]),
        (
            "a file and a link",
            file("f", b"a"),
            file("f", b"b"),
            entry(b'2', 0o777, b"f", b"elsewhere", b""),
            &["f", "f~"],
        ),
        ("renamed two ways", file("f", long), file("g", long), file("h", long), &["f", "g", "h"]),
        (
            "renamed and deleted",
            [file("f", long), other()].concat(),
            [file("g", long), other()].concat(),
            other(),
            &["g"],
        ),
    ];
    for (what, base, ours, theirs, expected) in cases {
        let (files, error) = conflict(&repo, &base, &ours, &theirs).await;
        assert!(files.iter().all(|file| expected.iter().any(|e| file.starts_with(e))), "{what}: {files:?}");
        let Error::NotMergeable { files: refused } = error else { panic!("{what}: {error}") };
        assert_eq!(refused, files, "{what}");
    }
}

#[tokio::test]
async fn an_added_exec_bit_and_changed_lines_join_cleanly_and_two_added_files_by_union() {
    let (_place, _dir, repo) = places().await;
    let put = async |parents: &[&str], tar: &[u8]| {
        repo.commit_tar(parents, tar, &Message::default(), 1, LIMIT).await.unwrap()
    };
    let base = put(&[], &file("f", b"a\n")).await;
    let ours = put(&[&base], &[file("f", b"b\n"), file("n", b"1\n")].concat()).await;
    let theirs = put(&[&base], &[entry(b'0', 0o755, b"f", b"", b"a\n"), file("n", b"2\n")].concat()).await;
    let union = repo.union(&ours, &theirs).await.unwrap();
    assert_eq!(union.files, ["n"]);
    let entries = repo.list(&union.commit).await.unwrap();
    assert_eq!(entries[0].kind, codegod_source::Kind::Executable);
    let text = repo.read_file(&union.commit, "n", LIMIT).await.unwrap().unwrap();
    assert_eq!(text, b"1\n2\n");
}

#[tokio::test]
async fn five_commits_joined_in_the_same_order_are_the_same_commit_on_every_host() {
    let (_one, _dir, first) = places().await;
    let (_two, _dir, second) = places().await;
    let mut ids = Vec::new();
    for repo in [&first, &second] {
        let base = commit(repo, &[], &[("base", "b\n")]).await;
        let mut sides = Vec::new();
        for name in ["v", "w", "x", "y", "z"] {
            sides.push(commit(repo, &[&base], &[("base", "b\n"), (name, name)]).await);
        }
        let mut given: Vec<&str> = sides.iter().map(String::as_str).collect();
        // What another one contains and what is named twice changes nothing.
        given.extend([base.as_str(), sides[0].as_str()]);
        ids.push(repo.merge(&given).await.unwrap());
    }
    assert_eq!(ids[0], ids[1]);
    let Merge::Clean(id) = &ids[0] else { panic!("a conflict") };
    assert_eq!(common::names(&first, id).await, ["base", "v", "w", "x", "y", "z"]);
}
