//! A Debian base from nothing but packages, by a bootstrap program of the host.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use bollard::query_parameters::CreateImageOptionsBuilder;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::archive::Archive;
use crate::builder::{self, split_name};
use crate::engine::Engine;
use crate::error::Error;
use crate::settings::Settings;

use super::build::{self, CA_FILE};
use super::definition::{Debian, Definition};

/// The release that [`settings::Apt::sources`](crate::settings::Apt) are for.
const USUAL_SUITE: &str = "bookworm";
/// How much of a bootstrap program's messages an error shows.
const SHOWN: usize = 2000;

/// Builds the base and imports it as the definition's image, or waits for the process that does.
pub(super) async fn ensure(
    engine: &Engine,
    definition: &Definition,
    debian: &Debian,
    name: &str,
) -> Result<String, Error> {
    loop {
        if let Some(id) = engine.image_id(name).await? {
            return Ok(id);
        }
        if let Some(lock) = builder::lock(engine, name).await? {
            let imported = import(engine, definition, debian, name).await;
            lock.remove().await?;
            return imported;
        }
    }
}

async fn import(
    engine: &Engine,
    definition: &Definition,
    debian: &Debian,
    name: &str,
) -> Result<String, Error> {
    let failed = |reason: String| Error::ImageBuild { name: name.to_owned(), reason };
    let folder = tempfile::tempdir().map_err(|source| Error::io("make a temporary folder", source))?;
    let mut child = bootstrap(engine.settings(), debian, folder.path()).map_err(&failed)?;
    let (Some(mut stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed("the bootstrap program has no output".to_owned()));
    };
    let messages = tokio::spawn(async move {
        let mut text = Vec::new();
        // Whatever was read before a failure is still worth showing.
        let _ = stderr.read_to_end(&mut text).await;
        String::from_utf8_lossy(&text[text.len().saturating_sub(SHOWN)..]).into_owned()
    });
    let mut first = vec![0; 64 * 1024];
    let read = stdout.read(&mut first).await.map_err(|source| Error::io("read a bootstrap's tar", source))?;
    if read == 0 {
        return Err(failed(messages.await.unwrap_or_default()));
    }
    first.truncate(read);
    let rest = stream::unfold(stdout, |mut stdout| async {
        let mut chunk = vec![0; 256 * 1024];
        match stdout.read(&mut chunk).await {
            Ok(0) => None,
            Ok(length) => {
                chunk.truncate(length);
                Some((Ok(Bytes::from(chunk)), stdout))
            }
            Err(error) => Some((Err(error), stdout)),
        }
    });
    let extra = extra_files(engine.settings())?;
    let body = stream::iter([Ok(extra), Ok(Bytes::from(first))]).chain(rest);
    let (repo, tag) = split_name(name);
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(repo)
        .tag(tag)
        .changes(build::changes(engine.settings(), definition))
        .build();
    let imported: Result<Vec<_>, _> = engine
        .docker()
        .create_image(Some(options), Some(bollard::body_try_stream(body)), None)
        .try_collect()
        .await;
    let ended = child.wait().await.map_err(|source| Error::io("wait for a bootstrap program", source))?;
    if !ended.success() {
        return Err(failed(messages.await.unwrap_or_default()));
    }
    imported.map_err(|error| Error::docker(format!("import image {name}"), error))?;
    engine.image_id(name).await?.ok_or_else(|| failed("imported, but absent".to_owned()))
}

/// Starts the host's bootstrap program, which writes a tar to its standard output.
fn bootstrap(settings: &Settings, debian: &Debian, folder: &Path) -> Result<Child, String> {
    let packages = debian.packages.join(",");
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap.args(["--variant=minbase", "--format=tar"]).arg(format!("--include={packages}"));
    for line in settings.apt.conf.lines() {
        mmdebstrap.arg(format!("--aptopt={line}"));
    }
    mmdebstrap.args([&debian.suite, "-"]).args(sources(settings, &debian.suite, folder)?);
    // debootstrap takes one archive and no apt options: the image's own apt has them afterwards.
    let mut debootstrap = Command::new("sh");
    debootstrap
        .args([
            "-ec",
            "debootstrap --variant=minbase --include=\"$1\" \"$2\" \"$3/root\" >&2; tar -C \"$3/root\" -c .",
        ])
        .args(["sh", &packages, &debian.suite])
        .arg(folder);
    let mut command = if on_path("mmdebstrap") {
        mmdebstrap
    } else if on_path("debootstrap") {
        debootstrap
    } else {
        return Err("no registry answers, and neither mmdebstrap nor debootstrap is here to build it from \
                    packages: install mmdebstrap"
            .to_owned());
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("start the bootstrap program: {error}"))
}

/// The sources that the release is fetched from: the host's, which say the usual release, written for another.
fn sources(settings: &Settings, suite: &str, folder: &Path) -> Result<Option<PathBuf>, String> {
    let Some(path) = settings.apt.sources.as_deref() else { return Ok(None) };
    let name = path.file_name().filter(|_| suite != USUAL_SUITE);
    let Some(name) = name else { return Ok(Some(path.to_owned())) };
    let text = std::fs::read_to_string(path).map_err(|error| format!("read {}: {error}", path.display()))?;
    let written = folder.join(name);
    std::fs::write(&written, text.replace(USUAL_SUITE, suite))
        .map_err(|error| format!("write {}: {error}", written.display()))?;
    Ok(Some(written))
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Files in front of the bootstrapped ones; their folders take owner and mode from what follows.
fn extra_files(settings: &Settings) -> Result<Bytes, Error> {
    let mut archive = Archive::new();
    if let Some(bundle) = &settings.ca_bundle {
        archive.file(CA_FILE.trim_start_matches('/'), 0, 0o644, bundle)?;
    }
    archive.file(build::APT_FILE.trim_start_matches('/'), 0, 0o644, settings.apt.conf.as_bytes())?;
    archive.prefix()
}
