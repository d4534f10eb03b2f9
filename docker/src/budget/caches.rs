//! Download caches: their files, those that were not read for the longest time first.

use std::collections::HashMap;
use std::time::Duration;

use bollard::query_parameters::{InspectContainerOptions, RemoveVolumeOptions};
use tokio_util::sync::CancellationToken;

use crate::container::{self, Created, Idle, Network, Privileges, Volumes};
use crate::disk_usage::VolumeUsage;
use crate::engine::Engine;
use crate::error::{self, Error};
use crate::images;
use crate::labels::{Owner, Purpose};
use crate::sandbox::{CommandSpec, Sandbox};
use crate::volumes;

use super::report::{Collected, Mode, Removed, Request};

/// The container that cleans up; its name keeps a second one away.
const NAME: &str = "codegod-cache-cleaner";
/// The longest that cleaning up may take.
const DEADLINE: Duration = Duration::from_secs(300);
/// Prints the bytes that go for each cache and removes what was unread for the longest time. What was
/// written or read in the last hour stays: an installation may be between finding and reading it. What an
/// installer unpacks goes as a whole or not at all: it would take the half of a package for the package.
const CLEAN: &str = r#"set -e
cd "$CACHES"
old="$(mktemp)"
find . -mindepth 2 -type f -printf '%A@ %T@ %s %p\n' | awk -v before="$(($(date +%s) - KEEP * 60))" '
    {
        used = $1 + 0 > $2 + 0 ? $1 + 0 : $2 + 0
        size = $3
        sub(/^[^ ]+ [^ ]+ [^ ]+ /, "")
        whole = $0
        if (match($0, /^\.\/[^\/]+\/(uv\/(archive|builds|environments)-v[0-9]+\/[^\/]+|uv\/sdists-v[0-9]+\/[^\/]+\/[^\/]+\/[^\/]+|uv\/git-v[0-9]+\/[^\/]+\/[^\/]+|_npx\/[^\/]+|node-sass\/[^\/]+|([^\/]+\/)?v[0-9]+\/npm-[^\/]+)\//)) whole = substr($0, 1, RLENGTH - 1)
        if (used > last[whole]) last[whole] = used
        bytes[whole] += size
    }
    END { for (whole in last) if (last[whole] < before) printf "%.0f %.0f %s\n", last[whole], bytes[whole], whole }' | sort -n | awk -v excess="$EXCESS" -v old="$old" '
    excess > 0 { excess -= $2; split($3, part, "/"); freed[part[2]] += $2; sub(/^[^ ]+ [^ ]+ /, ""); print > old }
    END { for (cache in freed) printf "%s %.0f\n", cache, freed[cache] }'
xargs -r -d '\n' rm -rf -- <"$old"
rm -f "$old""#;
/// Minutes that a file is kept after its last use.
const KEEP_MINUTES: u32 = 60;

/// The download caches that a request covers, the largest first.
pub(super) fn covered(volumes: Vec<VolumeUsage>, request: &Request) -> Vec<VolumeUsage> {
    let mut caches: Vec<VolumeUsage> = volumes
        .into_iter()
        .filter(|volume| {
            let owner = Owner::from_map(&volume.labels);
            owner.is_some_and(|owner| owner.purpose == Some(Purpose::Cache))
                && volumes::is_download_cache(&volume.name)
                && request.covers(&volume.name)
        })
        .collect();
    caches.sort_by_key(|volume| (std::cmp::Reverse(volume.usage_data.size), volume.name.clone()));
    caches
}

/// What caches take, in bytes.
pub(super) fn size(volume: &VolumeUsage) -> u64 {
    u64::try_from(volume.usage_data.size).unwrap_or_default()
}

/// Holds the caches to `budget` bytes.
pub(super) async fn hold(
    engine: &Engine,
    caches: &[VolumeUsage],
    budget: u64,
    mode: Mode,
    collected: &mut Collected,
) -> Result<(), Error> {
    let excess = collected.caches_bytes.saturating_sub(budget);
    if excess == 0 {
        return Ok(());
    }
    if mode == Mode::DryRun {
        collected
            .caches
            .push(Removed { name: "the files that were not read for longest".to_owned(), bytes: excess });
        return Ok(());
    }
    match start(engine, caches).await? {
        Cleaner::Ready(sandbox) => {
            let cleaned = clean(&sandbox, caches, excess).await;
            sandbox.remove().await?;
            match cleaned? {
                Ok(removed) => collected.caches.extend(removed),
                Err(said) => collected.failures.push(format!("clean the download caches: {said}")),
            }
        }
        Cleaner::Busy => {}
        Cleaner::NoImage => drop_unused(engine, caches, excess, collected).await?,
    }
    Ok(())
}

enum Cleaner {
    Ready(Sandbox),
    /// Another process is at it.
    Busy,
    /// No image is here to start it from.
    NoImage,
}

/// Starts a container that sees the caches and nothing else.
async fn start(engine: &Engine, caches: &[VolumeUsage]) -> Result<Cleaner, Error> {
    let mut image = None;
    for name in images::current_names()? {
        if image.is_none() && engine.image_id(&name).await?.is_some() {
            image = Some(name);
        }
    }
    let Some(image) = image else { return Ok(Cleaner::NoImage) };
    let path = container::image_path(engine, &image).await?;
    let idle = Idle {
        name: Some(NAME),
        image: &image,
        labels: engine.owner().to_map(Purpose::Builder),
        privileges: Privileges::Dropped,
        volumes: Volumes::Caches(caches.iter().map(|cache| cache.name.clone()).collect()),
        network: Network::None,
    };
    match container::start(engine, idle).await? {
        Created::New(id) => Ok(Cleaner::Ready(Sandbox::attach(engine, id, &image, path, ""))),
        Created::NameTaken => {
            remove_forgotten(engine).await?;
            Ok(Cleaner::Busy)
        }
    }
}

/// Removes the container of a process that died over it.
async fn remove_forgotten(engine: &Engine) -> Result<(), Error> {
    let found = engine.docker().inspect_container(NAME, None::<InspectContainerOptions>).await;
    let Some(found) = error::optional(found, "look at the cleaner of caches")? else { return Ok(()) };
    let made = found.created.and_then(|text| crate::last_use::parse(&text)).unwrap_or_default();
    if crate::last_use::is_older(made, DEADLINE * 2) {
        engine.remove_container(NAME).await?;
    }
    Ok(())
}

/// Removes files and tells how much went of each cache, or what the container said instead.
async fn clean(
    sandbox: &Sandbox,
    caches: &[VolumeUsage],
    excess: u64,
) -> Result<Result<Vec<Removed>, String>, Error> {
    let mut spec = CommandSpec::new(CLEAN, DEADLINE);
    spec.workdir = "/".to_owned();
    spec.env.insert("CACHES".to_owned(), "/caches".to_owned());
    spec.env.insert("EXCESS".to_owned(), excess.to_string());
    spec.env.insert("KEEP".to_owned(), KEEP_MINUTES.to_string());
    let output = sandbox.run(&spec, &CancellationToken::new(), |_| {}).await?;
    if output.exit_code != 0 {
        return Ok(Err(format!("exit code {}: {}", output.exit_code, output.text().trim())));
    }
    Ok(Ok(freed(&output.text(), caches)))
}

/// Reads `<number of the cache> <bytes>` lines.
fn freed(text: &str, caches: &[VolumeUsage]) -> Vec<Removed> {
    let lines: HashMap<usize, u64> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(number, bytes)| Some((number.parse().ok()?, bytes.trim().parse().ok()?)))
        .collect();
    let told = caches.iter().enumerate().filter_map(|(number, cache)| Some((cache, lines.get(&number)?)));
    told.map(|(cache, bytes)| Removed { name: cache.name.clone(), bytes: *bytes }).collect()
}

/// Without an image to look into the caches with, whole ones that no container has go, the largest first.
/// Those that this process uses are made again, empty: Docker by itself would give them to root.
async fn drop_unused(
    engine: &Engine,
    caches: &[VolumeUsage],
    mut excess: u64,
    collected: &mut Collected,
) -> Result<(), Error> {
    let own = |cache: &&VolumeUsage| cache.name.starts_with(&engine.settings().cache_prefix);
    for cache in caches.iter().filter(|cache| cache.usage_data.ref_count == 0).filter(own) {
        if excess == 0 {
            break;
        }
        let gone = engine.docker().remove_volume(&cache.name, None::<RemoveVolumeOptions>).await;
        match error::removed(gone, format!("remove cache {}", cache.name)) {
            Ok(()) => {
                excess = excess.saturating_sub(size(cache));
                collected.caches.push(Removed { name: cache.name.clone(), bytes: size(cache) });
            }
            Err(error) => collected.failures.push(error.to_string()),
        }
    }
    if collected.caches.is_empty() { Ok(()) } else { volumes::restore(engine).await }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Archive;
    use crate::budget::{Budget, collect};
    use crate::builder;
    use crate::small_daemon::SmallDaemon;

    #[test]
    fn what_an_installer_unpacked_goes_as_a_whole_or_stays() {
        let top = tempfile::tempdir().unwrap();
        let files = [
            ("0/uv/archive-v0/used/a.py", "2020-01-01"),
            ("0/uv/archive-v0/used/b.py", "now"),
            ("0/uv/archive-v0/unused/a.py", "2020-01-02"),
            ("0/uv/archive-v0/unused/deep/b c.py", "2020-01-03"),
            ("1/_cacache/content/x", "2020-01-01"),
            ("1/_cacache/content/y", "2021-01-01"),
        ];
        for (path, day) in files {
            let path = top.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "1234567890").unwrap();
            let touched = std::process::Command::new("touch").args(["-d", day]).arg(&path).status().unwrap();
            assert!(touched.success());
        }
        let mut clean = std::process::Command::new("sh");
        clean.args(["-c", CLEAN]).env("CACHES", top.path()).env("EXCESS", "25").env("KEEP", "60");
        let said = clean.output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["0 20", "1 10"]);
        let left = files.map(|(path, _)| top.path().join(path).exists());
        assert_eq!(left, [true, true, false, false, false, true]);
        assert!(!top.path().join("0/uv/archive-v0/unused").exists());
    }

    #[tokio::test]
    async fn without_an_image_to_look_into_them_whole_caches_go_and_are_there_again() {
        let daemon = SmallDaemon::start("32m");
        let engine = daemon.connect().await;
        volumes::restore(&engine).await.expect("are made");
        let prefix = &engine.settings().cache_prefix;
        let folder = |name: &str| daemon.path("disk/volumes").join(format!("{prefix}-{name}/_data"));
        let mut archive = Archive::new();
        archive.file("cache/npm/large", 10001, 0o644, &[7; 3 << 20]).expect("packs");
        archive.file("cache/pip/small", 10001, 0o644, &[7; 1 << 20]).expect("packs");
        let body = bollard::models::ContainerCreateBody {
            image: Some(builder::EMPTY.to_owned()),
            cmd: Some(vec!["none".to_owned()]),
            host_config: Some(bollard::models::HostConfig {
                mounts: Some(volumes::mounts(engine.settings(), volumes::Access::Preparing)),
                ..Default::default()
            }),
            ..Default::default()
        };
        let options = None::<bollard::query_parameters::CreateContainerOptions>;
        let container = engine.docker().create_container(options, body).await.expect("is made").id;
        container::upload(&engine, &container, "/", archive.finish().expect("packs")).await.expect("uploads");

        let request = Request::within(Budget { images: u64::MAX, caches: 2 << 20 }, Mode::Remove);
        let held = collect(&engine, &request).await.expect("collects");
        assert_eq!((held.caches_bytes, held.caches), (4 << 20, vec![]), "a container has them");
        engine.remove_container(&container).await.expect("is removed");
        let collected = collect(&engine, &request).await.expect("collects");
        let npm = Removed { name: format!("{prefix}-npm"), bytes: 3 << 20 };
        assert_eq!((collected.caches, collected.failures), (vec![npm], vec![]));
        let owner = |name| std::os::unix::fs::MetadataExt::uid(&folder(name).metadata().expect("is there"));
        assert_eq!(
            (owner("npm"), folder("npm/large").exists(), folder("pip").join("small").exists()),
            (10001, false, true)
        );
    }

    #[test]
    fn what_the_cleaner_says_is_read_by_number_and_nothing_else_counts() {
        let cache = |name: &str| {
            serde_json::from_value(serde_json::json!({ "Name": name, "Labels": {"codegod": "cache"} }))
                .expect("reads")
        };
        let caches = [cache("a-pip"), cache("a-npm")];
        let removed = Removed { name: "a-npm".to_owned(), bytes: 512 };
        assert_eq!(freed("1 512\n7 3\nrm: what\n0 x\n", &caches), vec![removed]);
        assert_eq!(freed("", &caches), vec![]);
    }
}
