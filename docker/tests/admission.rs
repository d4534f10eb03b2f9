//! Admission on the real host: disks, memory, and several who decide at the same moment.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use codegod_docker::admission::{Admission, Gate};
use codegod_docker::host::{ControlGroups, Memory};
use codegod_docker::{Engine, Settings};

async fn gate(change: impl FnOnce(&mut Settings)) -> Gate {
    let mut settings = Settings::from_env().expect("settings");
    change(&mut settings);
    Gate::new(&Engine::connect(settings).await.expect("Docker answers"))
}

fn reason(admission: &Admission) -> &str {
    match admission {
        Admission::Open(_) => "open",
        Admission::Closed { reason } => reason,
    }
}

/// A small disk of its own, until dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let options = format!("size={size},mode=0777");
        as_root(&["mount", "-t", "tmpfs", "-o", &options, "none", path(folder.path())]);
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        as_root(&["umount", path(self.0.path())]);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("is text")
}

/// Runs a command as root: directly, else by sudo as continuous integration has it.
fn as_root(command: &[&str]) {
    let direct = Command::new(command[0]).args(&command[1..]).output().expect("starts");
    if !direct.status.success() {
        let sudo = Command::new("sudo").arg("-n").args(command).status();
        assert!(sudo.is_ok_and(|status| status.success()), "{command:?} needs root: {direct:?}");
    }
}

#[tokio::test]
async fn a_host_with_room_is_open_until_its_disk_is_full() {
    let disk = SmallDisk::mount("8m");
    let state = disk.0.path().to_path_buf();
    let gate = gate(|settings| {
        settings.state_dir.clone_from(&state);
        settings.min_free_disk = Some(1 << 20);
        settings.min_free_memory = Some(1 << 20);
    })
    .await;
    let open = gate.check().await;
    assert_eq!(reason(&open), "open");
    drop(open);
    std::fs::write(state.join("filler"), vec![b'x'; (7 << 20) + (1 << 19)]).expect("is written");
    let said = reason(&gate.check().await).to_owned();
    assert!(
        said.starts_with("waiting for disk: ") && said.ends_with("1.0 MiB must be (CODEGOD_MIN_FREE_DISK)"),
        "{said}"
    );
    assert!(said.contains(&format!("KiB free at {}", state.display())), "{said}");
    std::fs::remove_file(state.join("filler")).expect("is removed");
    assert_eq!(reason(&gate.check().await), "open");
}

#[tokio::test]
async fn a_host_without_memory_says_what_is_free_and_asks_docker_rarely() {
    let state = tempfile::tempdir().expect("folder");
    let gate = gate(|settings| {
        settings.state_dir = state.path().to_path_buf();
        settings.min_free_memory = Some(1 << 50);
    })
    .await;
    let said = reason(&gate.check().await).to_owned();
    assert!(said.starts_with("waiting for memory: ") && said.contains(" free on this host"), "{said}");
    assert!(said.ends_with("; 1024 TiB must be (CODEGOD_MIN_FREE_MEMORY)"), "{said}");
    // Nothing is asked again within a second: a hundred decisions cost less than a hundred questions.
    let started = Instant::now();
    for _ in 0..100 {
        assert!(matches!(gate.check().await, Admission::Closed { .. }));
    }
    let each = started.elapsed() / 100;
    eprintln!("{each:?} each");
    assert!(each < Duration::from_millis(5), "{each:?}");
}

#[tokio::test]
async fn of_many_who_ask_at_once_no_more_are_let_in_than_fit() {
    let state = tempfile::tempdir().expect("folder");
    let memory = Memory::read(&ControlGroups::find()).expect("is read");
    let limit = memory.total / 8;
    // Each is expected to take a quarter of its limit: room for three, and a half of one.
    let floor = memory.available - limit / 4 * 7 / 2 + limit / 4;
    let mut gates = Vec::new();
    for _ in 0..12 {
        let gate = gate(|settings| {
            settings.state_dir = state.path().to_path_buf();
            settings.limits.memory_bytes = i64::try_from(limit).expect("fits");
            settings.min_free_memory = Some(floor);
        });
        gates.push(gate.await);
    }
    let asking = gates.into_iter().map(|gate| tokio::spawn(async move { gate.check().await }));
    let asked: Vec<_> = asking.collect();
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.expect("answers"));
    }
    let open = answers.iter().filter(|answer| matches!(answer, Admission::Open(_))).count();
    // Sandboxes of other tests on this host take places, too, so fewer are right as well.
    assert!(open <= 3, "{open} were let in");
    for answer in &answers {
        let said = reason(answer);
        assert!(said == "open" || said.starts_with("waiting for memory: "), "{said}");
    }
}
