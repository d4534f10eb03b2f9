//! Tars in and out: every tree comes back as it was, and nothing evil gets in.
#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

mod common;

use std::collections::BTreeMap;

use codegod_source::{Error, Kind, Message, Repository};
use common::{LIMIT, entry, places};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Paths and what is there: kind and content, or the target of a link.
type Tree = BTreeMap<Vec<u8>, (u8, Vec<u8>)>;

/// A tar of the tree by the tar crate's own way for long names.
fn tar_of(tree: &Tree) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    let os = |bytes: &[u8]| std::path::PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
    let mut tar = tar::Builder::new(Vec::new());
    for (path, (kind, content)) in tree {
        let mut header = tar::Header::new_gnu();
        header.set_mode(if *kind == 1 { 0o755 } else { 0o644 });
        if *kind == 2 {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, os(path), os(content)).unwrap();
        } else {
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, os(path), content.as_slice()).unwrap();
        }
    }
    tar.into_inner().unwrap()
}

fn part() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => b'a'..=b'e', 1 => 0x80_u8..=0xff, 1 => Just(b' '), 1 => Just(b'\n'), 1 => Just(b'"')];
    let short = prop::collection::vec(byte.clone(), 1..6);
    // Names never end in a space or a dot, and never begin with one: those are look-alikes' business.
    let wrapped = |bytes: Vec<u8>| [b"n".as_slice(), &bytes, b"x"].concat();
    prop_oneof![6 => short.prop_map(wrapped), 1 => prop::collection::vec(byte, 101..180).prop_map(wrapped)]
}

fn tree() -> impl Strategy<Value = Tree> {
    let path = prop::collection::vec(part(), 1..9).prop_map(|parts| parts.join(&b'/'));
    let content = prop::collection::vec(any::<u8>(), 0..700);
    let target = prop::collection::vec(b'a'..=b'z', 1..140);
    let what =
        prop_oneof![(0_u8..=1, content), target.prop_map(|target| (2_u8, target)), Just((0, Vec::new())),];
    prop::collection::btree_map(path, what, 0..12).prop_map(|tree| {
        let is_below_another = |path: &Vec<u8>| {
            let cuts = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
            cuts.map(|(at, _)| &path[..at]).any(|above| tree.contains_key(above))
        };
        tree.iter().filter(|(path, _)| !is_below_another(path)).map(|(p, w)| (p.clone(), w.clone())).collect()
    })
}

/// What a tar holds, read by the tar crate; its folders left out.
fn untar(tar: &[u8]) -> Tree {
    use std::io::Read;
    let mut tree = Tree::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        assert_eq!((entry.header().uid().unwrap(), entry.header().gid().unwrap()), (10001, 10002));
        let kind = entry.header().entry_type();
        let path = entry.path_bytes().into_owned();
        if kind.is_symlink() {
            let target = entry.link_name_bytes().unwrap().into_owned();
            tree.insert(path, (2, target));
        } else if kind.is_file() {
            let executable = entry.header().mode().unwrap() & 0o100 != 0;
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            tree.insert(path, (u8::from(executable), content));
        }
    }
    tree
}

#[test]
fn every_tree_comes_back_from_a_commit_as_it_was() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_place, _dir, repo) = runtime.block_on(places());
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let holds = |tree: Tree| {
        let back = runtime.block_on(async {
            let message = Message::default();
            let commit = repo.commit_tar(&[], &tar_of(&tree), &message, 7, LIMIT).await.unwrap();
            let tar = repo.to_tar(&commit, 10001, 10002, LIMIT).await.unwrap();
            let again = repo.commit_tar(&[&commit], &tar, &message, 8, LIMIT).await.unwrap();
            assert_eq!(again, commit);
            tar
        });
        prop_assert_eq!(untar(&back), tree);
        Ok(())
    };
    runner.run(&tree(), holds).unwrap();
}

async fn refused(repo: &Repository, tar: &[u8]) -> String {
    match repo.commit_tar(&[], tar, &Message::default(), 0, LIMIT).await {
        Err(Error::UnsafeEntry { path, reason }) => format!("{path}: {reason}"),
        other => format!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn devices_pipes_and_links_out_of_the_tar_are_refused() {
    let (_place, _dir, repo) = places().await;
    let neither = "x: it is neither file, folder nor link";
    for kind in [b'3', b'4', b'6'] {
        assert_eq!(refused(&repo, &entry(kind, 0o644, b"x", b"", b"")).await, neither);
    }
    let hard = "x: it is a hard link to a file that is not in the tar";
    for target in ["/etc/shadow", "../../etc/shadow", "later"] {
        assert_eq!(refused(&repo, &entry(b'1', 0o644, b"x", target.as_bytes(), b"")).await, hard);
    }
    let below = [entry(b'2', 0o777, b"l", b"/etc", b""), entry(b'0', 0o644, b"l/passwd", b"", b"x")].concat();
    assert_eq!(refused(&repo, &below).await, "l/passwd: it lies below a file or link");
    // Docker gives a file with two names as a link to the first one; it becomes a copy.
    let twice = [entry(b'0', 0o644, b"a", b"", b"same"), entry(b'1', 0o644, b"b", b"a", b"")].concat();
    let commit = repo.commit_tar(&[], &twice, &Message::default(), 0, LIMIT).await.unwrap();
    let entries = repo.list(&commit).await.unwrap();
    assert!(entries.iter().all(|entry| entry.kind == Kind::File && entry.object == entries[0].object));
}

#[tokio::test]
async fn what_some_file_system_takes_for_dot_git_is_refused() {
    let (_place, _dir, repo) = places().await;
    for path in [
        ".git",
        ".GIT/config",
        "a/.Git/hooks/x",
        ".g\u{200c}it/x",
        "\u{feff}.git/x",
        ".gi\u{202e}t/x",
        "git~1/x",
        "GIT~1",
        ".git./x",
        ".git ../x",
        ".git::$INDEX_ALLOCATION/x",
        ".git:x",
        "a\\.git\\config",
        "..",
        "a/../b",
        "/a",
        "a//b",
    ] {
        let answer = refused(&repo, &entry(b'0', 0o644, path.as_bytes(), b"", b"x")).await;
        assert!(!answer.starts_with("not refused"), "{path:?}: {answer}");
    }
    for path in [".gitmodules", "a/.GITMODULES", "gitmod~1", "GI7EBA~1"] {
        let answer = refused(&repo, &entry(b'2', 0o777, path.as_bytes(), b"x", b"")).await;
        assert!(answer.contains("must not be a link"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_file_that_every_other_host_would_refuse_is_refused_when_it_is_committed() {
    let (_place, _dir, repo) = places().await;
    let evil = [
        (".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = -u./payload\n".to_owned()),
        (".gitmodules", "[submodule \"../../x\"]\n\tpath = x\n\turl = https://example.org/x\n".to_owned()),
        ("GITMOD~1", "[submodule \"x\"]\n\tpath = -x\n\turl = https://example.org/x\n".to_owned()),
        (".gitattributes", format!("{} text\n", "a".repeat(3000))),
    ];
    for (path, text) in &evil {
        let answer = refused(&repo, &entry(b'0', 0o644, path.as_bytes(), b"", text.as_bytes())).await;
        assert!(answer.starts_with(&format!("{path}: git would not accept it")), "{path}: {answer}");
    }
    let honest = "[submodule \"x\"]\n\tpath = x\n\turl = https://example.org/x\n";
    let tar = entry(b'0', 0o644, b".gitmodules", b"", honest.as_bytes());
    let commit = repo.commit_tar(&[], &tar, &Message::default(), 0, LIMIT).await.unwrap();
    let bundle = repo.export_bundle(&commit, &[], LIMIT).await.unwrap().unwrap();
    let (_place, _dir, other) = places().await;
    other.import_bundle(&bundle, LIMIT).await.unwrap();
}
