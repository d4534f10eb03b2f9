//! Folders as they are found: strange names, foreign owners, other people's settings, sizes.
#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use codegod_source::{Error, Limits, Repository, capture_folder, to_branch};
use common::{git, names, places, project, write};

/// Where a test that runs in a process of its own finds its place.
const PLACE: &str = "CODEGOD_TEST_PLACE";
const NOBODY: u32 = 65534;

/// Runs one of the ignored tests of this file in a process of its own.
fn alone(test: &str, place: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(PLACE, place);
    command
}

fn ends_well(mut command: Command) {
    let done = command.output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && text.contains("1 passed"), "{text}");
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").unwrap().lines().any(|line| line.starts_with("Uid:\t0\t"))
}

#[tokio::test]
async fn names_that_are_no_text_are_taken_and_sockets_and_pipes_are_noted() {
    let (_place, dir, repo) = places().await;
    let head = project(&dir, &[("a", "a\n"), ("tracked", "t\n")]);
    let odd = OsStr::from_bytes(b"caf\xe9 \n\"x");
    fs::write(dir.join(odd), "odd").unwrap();
    write(&dir, "sub/b", "b");
    let _socket = std::os::unix::net::UnixListener::bind(dir.join("sub/socket")).unwrap();
    assert!(Command::new("mkfifo").arg(dir.join("pipe")).status().unwrap().success());
    fs::remove_file(dir.join("tracked")).unwrap();
    assert!(Command::new("mkfifo").arg(dir.join("tracked")).status().unwrap().success());
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    let note = |what: &str| format!("{what} was left out: it is neither a file nor a link.");
    assert_eq!(captured.notes, [note("pipe"), note("sub/socket"), note("tracked")]);
    let paths: Vec<PathBuf> =
        repo.list(&captured.commit).await.unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, [Path::new("a"), Path::new(odd), Path::new("sub/b")]);
    to_branch(&dir, &repo, &captured.commit, "r").await.unwrap();
    assert_eq!(git(&dir, &["rev-parse", "r~1"]), head);
}

#[tokio::test]
async fn a_submodule_is_taken_as_plain_files_and_said_so() {
    let (place, dir, repo) = places().await;
    let other = place.path().join("other");
    fs::create_dir(&other).unwrap();
    project(&other, &[("lib", "l\n"), (".gitignore", "junk\n")]);
    project(&dir, &[("a", "a\n")]);
    git(&dir, &["submodule", "--quiet", "add", other.to_str().unwrap(), "deep/mod"]);
    git(&dir, &["commit", "-qm", "module"]);
    write(&dir, "deep/mod/new", "n");
    write(&dir, "deep/mod/junk", "j");
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!(captured.notes, ["The repository inside at deep/mod was taken as plain files."]);
    let expected = [".gitmodules", "a", "deep/mod/.gitignore", "deep/mod/lib", "deep/mod/new"];
    assert_eq!(names(&repo, &captured.commit).await, expected);
}

#[tokio::test]
async fn a_folder_of_somebody_else_is_taken_and_gets_its_branch() {
    let (_place, dir, repo) = places().await;
    let head = project(&dir, &[("a", "a\n")]);
    if !is_root() {
        eprintln!("skipped: giving a folder away needs root");
        return;
    }
    let given = Command::new("chown").args(["-R", &NOBODY.to_string()]).arg(&dir).status().unwrap();
    assert!(given.success());
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!((&captured.commit, captured.notes), (&head, vec![]));
    to_branch(&dir, &repo, &head, "r").await.unwrap();
}

#[tokio::test]
async fn what_can_not_be_read_is_named() {
    let (place, dir, _repo) = places().await;
    project(&dir, &[("a", "a\n")]);
    write(&dir, "closed/b", "b");
    fs::set_permissions(dir.join("closed"), PermissionsExt::from_mode(0o000)).unwrap();
    let mut command = alone("unreadable_as_nobody", place.path());
    if is_root() {
        let given = Command::new("chown").args(["-R", &NOBODY.to_string()]).arg(place.path()).status();
        assert!(given.unwrap().success());
        command.uid(NOBODY).gid(NOBODY);
        if command.output().is_err() {
            eprintln!("skipped: nobody may not run this test's program where it lies");
            fs::set_permissions(dir.join("closed"), PermissionsExt::from_mode(0o755)).unwrap();
            return;
        }
    }
    ends_well(command);
    fs::set_permissions(dir.join("closed"), PermissionsExt::from_mode(0o755)).unwrap();
}

#[tokio::test]
#[ignore = "run by what_can_not_be_read_is_named, as somebody who is not root"]
async fn unreadable_as_nobody() {
    // Alone it has nothing to look at: the test that starts it gives it a place, and fails when it does.
    let Some(place) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
    let dir = place.join("project");
    let repo = Repository::open_or_init(place.join("goal.git")).await.unwrap();
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!(captured.notes, ["A folder was left out: 'closed/': Permission denied."]);
    let secret = dir.join("secret");
    fs::write(&secret, "s").unwrap();
    fs::set_permissions(&secret, PermissionsExt::from_mode(0o000)).unwrap();
    let error = capture_folder(&dir, &repo, Limits::default()).await.unwrap_err();
    fs::set_permissions(&secret, PermissionsExt::from_mode(0o644)).unwrap();
    fs::remove_file(&secret).unwrap();
    assert_eq!(error.to_string(), format!("read {}", dir.canonicalize().unwrap().join("secret").display()));
    assert!(matches!(error, Error::Io { doing: "read", path, .. } if path.ends_with("project/secret")));
}

#[tokio::test]
async fn settings_at_home_run_nothing_and_the_ignore_file_they_name_counts() {
    let (place, dir, _repo) = places().await;
    project(&dir, &[("a", "a\n")]);
    for name in ["named-by-include", "usual-place", "kept"] {
        write(&dir, name, "x");
    }
    let home = place.path().join("home");
    write(&home, ".config/git/ignore", "usual-place\n");
    let mark = place.path().join("ran");
    let evil = format!("touch {}", mark.display());
    let hooks = home.join("hooks");
    write(&hooks, "reference-transaction", &format!("#!/bin/sh\n{evil}\n"));
    fs::set_permissions(hooks.join("reference-transaction"), PermissionsExt::from_mode(0o755)).unwrap();
    let mut config = format!(
        "[core]\nhooksPath = {}\nfsmonitor = {evil}\nautocrlf = true\npager = {evil}\n[commit]\ngpgSign = true\n\
         [gpg]\nprogram = {evil}\n[init]\ntemplateDir = {}\n[user]\nname = other\n[alias]\nconfig = !{evil}\n",
        hooks.display(),
        home.display(),
    );
    write(&home, ".gitconfig", &config);
    let run = |expected: &str| {
        let mut command = alone("with_settings_at_home", place.path());
        command.env("HOME", &home).env_remove("XDG_CONFIG_HOME").env("EXPECTED", expected);
        ends_well(command);
    };
    run("a kept named-by-include");
    // Once a file is named, git does not look in the usual place any more.
    write(&home, "more", "[core]\nexcludesFile = ~/my-ignores\n");
    write(&home, "my-ignores", "named-by-include\n");
    config.push_str("[include]\npath = more\n");
    write(&home, ".gitconfig", &config);
    run("a kept usual-place");
    assert!(!mark.exists());
}

#[tokio::test]
#[ignore = "run by settings_at_home_run_nothing_and_the_ignore_file_they_name_counts, with that home"]
async fn with_settings_at_home() {
    // Alone it has nothing to look at: the test that starts it gives it a place, and fails when it does.
    let Some(place) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
    let dir = place.join("project");
    let repo = Repository::open_or_init(place.join("goal.git")).await.unwrap();
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    assert_eq!(names(&repo, &captured.commit).await.join(" "), std::env::var("EXPECTED").unwrap());
    to_branch(&dir, &repo, &captured.commit, &format!("r{}", captured.commit)).await.unwrap();
    // Without git the same ignore files count.
    let plain = tempfile::tempdir().unwrap();
    for name in ["a", "named-by-include", "usual-place", "kept"] {
        write(plain.path(), name, "x");
    }
    let captured = capture_folder(plain.path(), &repo, Limits::default()).await.unwrap();
    assert_eq!(names(&repo, &captured.commit).await.join(" "), std::env::var("EXPECTED").unwrap());
}

#[tokio::test]
async fn a_huge_file_is_refused_at_once_and_named_with_its_size_and_the_limit() {
    let (_place, dir, repo) = places().await;
    project(&dir, &[("a", "a\n")]);
    fs::File::create(dir.join("huge.bin")).unwrap().set_len(2 << 30).unwrap();
    let start = Instant::now();
    let error = capture_folder(&dir, &repo, Limits::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "huge.bin is too large: 2147483648 bytes or more, the limit is 104857600");
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn many_files_are_taken_in_bounded_time() {
    let (_place, dir, repo) = places().await;
    let count: usize =
        std::env::var("CODEGOD_TEST_FILES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    for number in 0..count {
        write(&dir, &format!("d{}/f{number}", number % 100), &format!("{number}\n"));
    }
    let start = Instant::now();
    let captured = capture_folder(&dir, &repo, Limits::default()).await.unwrap();
    let took = start.elapsed();
    eprintln!("{count} files in {took:?}");
    assert_eq!(repo.list(&captured.commit).await.unwrap().len(), count);
    assert!(took < Duration::from_secs(60), "{took:?}");
}
