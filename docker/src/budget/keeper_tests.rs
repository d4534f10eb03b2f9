//! The keeper on the host's daemon, and on one of its own whose disk is small and full.

use std::path::Path;

use super::*;
use crate::admission::{Admission, Gate};
use crate::archive::Archive;
use crate::settings::Settings;
use crate::small_daemon::{SmallDaemon, done};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn of_all_processes_on_a_daemon_one_comes_by_within_a_period() {
    let connect = || async { Engine::connect(Settings::from_env().expect("settings")).await };
    let (one, two) = (connect().await.expect("answers"), connect().await.expect("answers"));
    assert!(claim(&one, Duration::ZERO).await.expect("answers"));
    assert!(!claim(&two, PERIOD).await.expect("answers"));
    assert!(!claim(&one, PERIOD).await.expect("answers"));
    assert!(claim(&two, Duration::ZERO).await.expect("answers"));
}

async fn import(engine: &Engine, name: &str) {
    let mut archive = Archive::new();
    // No two alike: layers with the same content are one.
    let content = name.as_bytes().repeat(usize::try_from(8 * MIB).expect("fits") / name.len());
    archive.file("file", 0, 0o644, &content).expect("packs");
    let tar = archive.finish().expect("packs");
    builder::import(engine, name, tar, vec!["LABEL codegod=env".to_owned()]).await.expect("imports");
}

async fn left(engine: &Engine) -> Vec<String> {
    let listed = engine.docker().list_images(None::<bollard::query_parameters::ListImagesOptions>).await;
    let names = listed.expect("lists").into_iter().flat_map(|image| image.repo_tags);
    let mut left: Vec<String> =
        names.filter_map(|name| Some(name.strip_prefix("codegod/env:")?.to_owned())).collect();
    left.sort();
    left
}

fn fill(file: &Path, bytes: u64) {
    done(&["fallocate", "-l", &bytes.to_string(), file.to_str().expect("is text")]);
}

#[tokio::test]
async fn a_full_disk_closes_the_host_until_the_images_used_least_recently_are_gone() {
    let daemon = SmallDaemon::start("96m");
    let engine = daemon.connect().await;
    let (gate, mut keeper) = (Gate::new(&engine), Keeper { grace: Duration::ZERO, ..Keeper::new() });
    for name in ["a", "b", "c", "d"] {
        import(&engine, &format!("codegod/env:{name}")).await;
    }
    assert!(matches!(gate.check().await, Admission::Open(_)));
    keeper.come_by(&engine).await.expect("comes by");
    assert_eq!(left(&engine).await, ["a", "b", "c", "d"], "there is room");

    let disk = Disk::of(&daemon.path("disk")).expect("is told");
    fill(&daemon.path("disk/filler"), disk.free_bytes - 4 * MIB);
    let Admission::Closed { reason } = gate.check().await else { panic!("it is full") };
    let folder = daemon.path("disk");
    let said = format!("free at {}, 16.0 MiB must be (CODEGOD_MIN_FREE_DISK)", folder.display());
    assert!(reason.starts_with("waiting for disk: ") && reason.ends_with(&said), "{reason}");
    // Twelve MiB are short, and an image is eight. The claim is this process's own, so it is made anew.
    keeper = Keeper { grace: Duration::ZERO, ..Keeper::new() };
    age_the_claim(&engine).await;
    keeper.come_by(&engine).await.expect("comes by");
    assert_eq!(left(&engine).await, ["c", "d"]);
    assert!(matches!(gate.check().await, Admission::Open(_)));

    // Almost nothing left: enough for Docker to write down what it removes, and no more.
    age_the_claim(&engine).await;
    let disk = Disk::of(&daemon.path("disk")).expect("is told");
    fill(&daemon.path("disk/rest"), disk.free_bytes - (128 << 10));
    keeper = Keeper { grace: Duration::ZERO, ..Keeper::new() };
    keeper.come_by(&engine).await.expect("comes by");
    assert_eq!(left(&engine).await, Vec::<String>::new());
}

/// Takes the note of the last look away, as time does.
async fn age_the_claim(engine: &Engine) {
    let removed = engine.docker().remove_image(
        builder::EMPTY,
        None::<bollard::query_parameters::RemoveImageOptions>,
        None,
    );
    removed.await.expect("is removed");
}
