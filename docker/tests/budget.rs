//! The disk budget against the real Docker, on images and volumes of each test's own.

#[path = "support/mod.rs"]
mod support;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use codegod_docker::budget::{self, Budget, Collected, Mode, Request};
use codegod_docker::{CommandSpec, Engine, Error, Network, Sandbox, Settings, environment};
use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::id::GoalId;
use tokio_util::sync::CancellationToken;

const MIB: u64 = 1 << 20;

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("is text").trim().to_owned()
}

/// Environment images of one test's own; what is left of them goes with it.
struct Images(String);

impl Images {
    fn new() -> Self {
        Self(format!("codegod/env:test-{}-", GoalId::random()))
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }

    /// Imports an image with one file of `mib` random MiB.
    fn import(&self, name: &str, mib: u64) -> String {
        let folder = tempfile::tempdir().expect("folder");
        let (tar, name) = (folder.path().join("image.tar"), self.name(name));
        let script = format!(
            "cd {0}; head -c {1} /dev/urandom >file; tar -cf image.tar file",
            folder.path().display(),
            mib * MIB
        );
        assert!(Command::new("sh").args(["-ec", &script]).status().expect("runs").success());
        docker(&[
            "import",
            "-c",
            "LABEL codegod=env",
            "-c",
            "CMD [\"none\"]",
            tar.to_str().expect("is text"),
            &name,
        ]);
        name
    }

    fn left(&self) -> Vec<String> {
        let listed = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "codegod/env"]);
        let mut left: Vec<String> =
            listed.lines().filter_map(|name| Some(name.strip_prefix(&self.0)?.to_owned())).collect();
        left.sort();
        left
    }

    fn request(&self, images: u64, mode: Mode) -> Request {
        let budget = Budget { images, caches: u64::MAX };
        Request { grace: Duration::ZERO, only: Some(self.0.clone()), ..Request::within(budget, mode) }
    }

    fn names(&self, collected: &Collected) -> Vec<String> {
        collected.images.iter().map(|removed| removed.name.replacen(&self.0, "", 1)).collect()
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        for name in self.left() {
            // A test that failed half-way may have left a container.
            let _removed = Command::new("docker").args(["rmi", &self.name(&name)]).output();
        }
    }
}

fn why<'a>(collected: &'a Collected, name: &str) -> &'a str {
    collected.kept.iter().find(|kept| kept.name == name).map_or("not kept", |kept| &kept.why)
}

#[tokio::test]
async fn images_go_least_recently_used_first_until_the_rest_fits_and_never_one_in_use() {
    let engine = support::engine().await;
    let images = Images::new();
    for name in ["a", "b", "c", "d"] {
        images.import(name, 2);
    }
    // Whoever looks an image up makes it the most recently used; a container holds one whoever made it.
    docker(&["tag", &images.name("a"), &images.name("a")]);
    let container = docker(&["create", &images.name("b")]);
    // Others may name what is codegod's; then it is theirs, too.
    docker(&["tag", &images.name("c"), "codegod-test/mine:1"]);

    let dry = budget::collect(&engine, &images.request(5 * MIB, Mode::DryRun)).await.expect("collects");
    assert_eq!((images.names(&dry), dry.images_bytes), (vec!["d".to_owned(), "a".to_owned()], 8 * MIB));
    assert_eq!(images.left(), ["a", "b", "c", "d"], "nothing was removed");

    let all = budget::collect(&engine, &images.request(8 * MIB, Mode::Remove)).await.expect("collects");
    assert_eq!((images.names(&all), why(&all, &images.name("d"))), (vec![], "within the budget"));

    let safe = Request { grace: Duration::from_secs(900), ..images.request(0, Mode::Remove) };
    let safe = budget::collect(&engine, &safe).await.expect("collects");
    assert_eq!((images.names(&safe), why(&safe, &images.name("d"))), (vec![], "used in the last 15 min"));

    let one = budget::collect(&engine, &images.request(6 * MIB, Mode::Remove)).await.expect("collects");
    assert_eq!((images.names(&one), one.freed_bytes()), (vec!["d".to_owned()], 2 * MIB));
    let rest = budget::collect(&engine, &images.request(0, Mode::Remove)).await.expect("collects");
    assert_eq!(images.names(&rest), ["a"]);
    assert_eq!(why(&rest, &images.name("b")), "a container was made from it");
    assert_eq!(rest.failures, Vec::<String>::new());
    assert_eq!(images.left(), ["b", "c"]);

    docker(&["rm", &container]);
    docker(&["rmi", "codegod-test/mine:1"]);
    let short = Request { shortage: 3 * MIB, ..images.request(100 * MIB, Mode::Remove) };
    let short = budget::collect(&engine, &short).await.expect("collects");
    assert_eq!(images.names(&short), ["b", "c"], "a full disk counts for more than the budget");
    assert_eq!(images.left(), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_person_builds_on_an_image_is_theirs_although_it_inherits_the_labels() {
    let engine = support::engine().await;
    let images = Images::new();
    let base = images.import("base", 1);
    let container = docker(&["create", &base]);
    let theirs = format!("codegod-test/{}:1", GoalId::random());
    docker(&["commit", &container, &theirs]);
    docker(&["rm", &container]);
    let request = Request { only: None, ..images.request(u64::MAX, Mode::DryRun) };
    let seen = budget::collect(&engine, &request).await.expect("collects");
    assert_eq!((why(&seen, &base), why(&seen, &theirs)), ("within the budget", "not kept"));
    assert_eq!(docker(&["image", "inspect", "-f", "{{.Config.Labels.codegod}}", &theirs]), "env");
    docker(&["rmi", &theirs]);
}

#[tokio::test]
async fn layers_that_images_share_count_once_and_stay_with_the_last_of_them() {
    let engine = support::engine().await;
    let images = Images::new();
    let base = images.import("base", 3);
    for (name, file) in [("one", "1"), ("two", "22")] {
        let container = docker(&["create", &base]);
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("own");
        std::fs::write(&path, file.repeat(1 << 19)).expect("is written");
        docker(&["cp", path.to_str().expect("is text"), &format!("{container}:/own")]);
        docker(&["commit", &container, &images.name(name)]);
        docker(&["rm", &container]);
    }
    let sizes = 3 * MIB + (MIB >> 1) + MIB;
    let dry = budget::collect(&engine, &images.request(0, Mode::DryRun)).await.expect("collects");
    assert_eq!(dry.images_bytes, sizes);
    assert_eq!(dry.freed_bytes(), sizes);
    // The base is the least recently used, and frees nothing while the others stand on it.
    let one = budget::collect(&engine, &images.request(sizes - 1, Mode::Remove)).await.expect("collects");
    assert_eq!((images.names(&one), one.freed_bytes()), (vec!["one".to_owned()], MIB >> 1));
    let all = budget::collect(&engine, &images.request(0, Mode::Remove)).await.expect("collects");
    assert_eq!(images.names(&all), ["two", "base"]);
    assert_eq!(images.left(), Vec::<String>::new());
}

#[tokio::test]
async fn an_image_that_went_after_it_was_looked_up_is_told_as_gone() {
    let (engine, _) = support::workbench().await;
    let images = Images::new();
    let name = images.import("short-lived", 1);
    let gone = budget::collect(&engine, &images.request(0, Mode::Remove)).await.expect("collects");
    assert_eq!(gone.images.len(), 1);
    let error = Sandbox::start(&engine, &name, &support::labels(), Network::None).await.err().expect("fails");
    assert!(
        matches!(&error, Error::ImageGone { image } if *image == name) && error.is_transient(),
        "{error}"
    );
}

#[tokio::test]
async fn whoever_needs_an_environment_gets_it_although_it_is_removed_all_the_time() {
    let (engine, _) = support::workbench().await;
    let word = GoalId::random();
    let step = |run: String| SetupStep { run, workdir: String::new(), reads: Vec::new(), root: false };
    let mut recipe = Recipe::from_base("codegod/workbench");
    recipe.add(step(format!("echo {word} >/env/one")));
    let (first, cancel) = (recipe.clone(), CancellationToken::new());
    recipe.add(step("echo two >/env/two".to_owned()));
    let ensure = async |recipe: &Recipe| {
        environment::ensure(&engine, recipe, &support::labels(), |_| None, &cancel, |_| {}).await
    };
    let images = [ensure(&first).await.expect("builds").image, ensure(&recipe).await.expect("builds").image];
    let removed = Arc::new(AtomicUsize::new(0));
    // Without the looks before that a collection takes, so that it comes between as often as it can.
    let removing = {
        let (images, cancel, removed) = (images.clone(), cancel.clone(), Arc::clone(&removed));
        std::thread::spawn(move || {
            while !cancel.is_cancelled() {
                for image in &images {
                    let removal = Command::new("docker").args(["rmi", image]).output().expect("docker runs");
                    removed.fetch_add(usize::from(removal.status.success()), Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(400));
            }
        })
    };
    let mut gone = 0;
    for round in 0..40 {
        if round >= 8 && removed.load(Ordering::Relaxed) > 0 {
            break;
        }
        let sandbox = loop {
            let environment = ensure(&recipe).await.expect("is there, or built anew");
            match Sandbox::start(&engine, &environment.image, &support::labels(), Network::None).await {
                Ok(sandbox) => break sandbox,
                Err(Error::ImageGone { .. }) => gone += 1,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(run(&sandbox, "cat /env/one /env/two").await, format!("{word}\ntwo\n"));
        sandbox.remove().await.expect("is removed");
    }
    cancel.cancel();
    removing.join().expect("ends");
    let removed = removed.load(Ordering::Relaxed);
    eprintln!("{removed} removed, {gone} times between looking up and starting");
    for image in &images {
        let _removed = Command::new("docker").args(["rmi", image]).output();
    }
    assert!(removed > 0, "nothing was removed meanwhile");
}

/// A connection with caches of its own, which go with it.
struct Caches(Engine);

impl Caches {
    async fn new() -> Self {
        let mut settings = Settings::from_env().expect("settings");
        settings.cache_prefix = format!("codegod-test-{}", GoalId::random());
        Self(Engine::connect(settings).await.expect("Docker answers"))
    }

    fn prefix(&self) -> &str {
        &self.0.settings().cache_prefix
    }
}

impl Drop for Caches {
    fn drop(&mut self) {
        let listed = Command::new("docker")
            .args(["volume", "ls", "-q", "--filter", &format!("name={}", self.prefix())])
            .output();
        for volume in String::from_utf8_lossy(&listed.expect("docker runs").stdout).lines() {
            let _removed = Command::new("docker").args(["volume", "rm", volume]).output();
        }
    }
}

async fn run(sandbox: &Sandbox, command: &str) -> String {
    let spec = CommandSpec::new(command, Duration::from_secs(30));
    let output = sandbox.run(&spec, &CancellationToken::new(), |_| {}).await.expect("runs");
    assert_eq!(output.exit_code, 0, "{}", output.text());
    output.text()
}

#[tokio::test]
async fn of_caches_in_use_the_files_that_were_not_read_for_longest_go() {
    let (_, image) = support::workbench().await;
    let caches = Caches::new().await;
    let engine = &caches.0;
    let sandbox = Sandbox::start(engine, &image, &support::labels(), Network::None).await.expect("starts");
    let old = "head -c 1048576 /dev/zero >\"$1\"; touch -d \"$2 hours ago\" \"$1\"";
    let write = |path: &str, hours: u32| {
        format!("mkdir -p \"$(dirname '{path}')\"; set -- '{path}' {hours}; {old}; ")
    };
    let files =
        [("/cache/pip/http/a a", 9), ("/cache/npm/_cacache/b", 8), ("/cache/pip/c", 7), ("/cache/npm/d", 0)];
    run(&sandbox, &files.map(|(path, hours)| write(path, hours)).concat()).await;

    let budget = Budget { images: u64::MAX, caches: 5 * MIB / 2 };
    let request =
        |budget, mode| Request { only: Some(caches.prefix().to_owned()), ..Request::within(budget, mode) };
    let dry = budget::collect(engine, &request(budget, Mode::DryRun)).await.expect("collects");
    assert_eq!((dry.caches_bytes, dry.freed_bytes()), (4 * MIB, 3 * MIB / 2));
    let collected = budget::collect(engine, &request(budget, Mode::Remove)).await.expect("collects");
    assert_eq!(collected.failures, Vec::<String>::new());
    let mut freed: Vec<(&str, u64)> = collected
        .caches
        .iter()
        .map(|removed| (removed.name.rsplit('-').next().unwrap_or_default(), removed.bytes))
        .collect();
    freed.sort_unstable();
    assert_eq!(freed, [("npm", MIB), ("pip", MIB)]);
    assert_eq!(run(&sandbox, "find /cache -type f | sort").await, "/cache/npm/d\n/cache/pip/c\n");

    // What was used within the hour stays, even when nothing fits.
    let none = budget::collect(engine, &request(Budget { caches: 0, ..budget }, Mode::Remove))
        .await
        .expect("collects");
    assert_eq!(none.freed_bytes(), MIB);
    assert_eq!(run(&sandbox, "find /cache -type f").await, "/cache/npm/d\n");
    assert_eq!(docker(&["ps", "-aq", "--filter", "name=codegod-cache-cleaner"]), "");
    sandbox.remove().await.expect("is removed");

    // Somebody removed the volumes: the next sandbox has them as they were.
    for kind in ["pip", "npm"] {
        docker(&["volume", "rm", &format!("{}-{kind}", caches.prefix())]);
    }
    let sandbox = Sandbox::start(engine, &image, &support::labels(), Network::None).await.expect("starts");
    run(&sandbox, "touch /cache/pip/x /cache/npm/x").await;
    let label =
        docker(&["volume", "inspect", "-f", "{{.Labels.codegod}}", &format!("{}-pip", caches.prefix())]);
    assert_eq!(label, "cache");
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn what_a_host_holds_is_told_by_family() {
    let (engine, _) = support::workbench().await;
    let images = Images::new();
    images.import("counted", 2);
    let families = budget::holdings(&engine).await.expect("is told");
    let names: Vec<&str> = families.iter().map(|family| family.name).collect();
    let expected = [
        "base images",
        "environments",
        "app images",
        "download caches",
        "containers",
        "repositories of living agents",
        "repositories of dead agents",
    ];
    assert_eq!(names, expected);
    let (base, environments) = (&families[0], &families[1]);
    assert!(base.count > 0 && base.bytes > 50 * MIB, "{base:?}");
    assert!(environments.count > 0 && environments.bytes >= 2 * MIB, "{environments:?}");
    assert_eq!(base.budget, environments.budget);
}
