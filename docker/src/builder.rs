//! Builders: a container in which commands install things, and from which an image is committed.
//!
//! The builder's name is the lock of its image: of several processes that want one image on a host,
//! the first makes the container, the others wait until the image is there or the builder is gone.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{ContainerConfig, ContainerCreateBody};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, CreateImageOptionsBuilder,
    InspectContainerOptions,
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use tokio::time::Instant;

use super::archive::Archive;
use super::container::{self, Created, Idle, Network, Privileges, Volumes};
use super::engine::Engine;
use super::error::{self, Error};
use super::labels::{Labels, Purpose};
use super::sandbox::Sandbox;

/// How often a waiting process looks whether the other's build is done.
const POLL: Duration = Duration::from_millis(250);

/// An image with nothing in it.
pub(crate) const EMPTY: &str = "codegod/empty:1";

/// What came of asking for a builder.
pub(crate) enum Claim {
    /// This process builds.
    Mine(Sandbox),
    /// Another process was at it and is not any more: look again.
    Waited,
}

/// Claims the build of `name` by making its builder from `base`, or waits for whoever has it.
pub(crate) async fn claim(
    engine: &Engine,
    name: &str,
    base: &str,
    labels: &Labels,
    volumes: Volumes,
    ca_file: &'static str,
) -> Result<Claim, Error> {
    let container_name = lock_name(name);
    let path = container::image_path(engine, base).await?;
    let idle = Idle {
        name: Some(&container_name),
        image: base,
        labels: labels.to_map(Purpose::Builder),
        privileges: Privileges::Installing,
        volumes,
        network: Network::Bridge,
    };
    match container::start(engine, idle).await? {
        Created::New(id) => Ok(Claim::Mine(Sandbox::attach(engine, id, base, path, ca_file))),
        Created::NameTaken => {
            wait(engine, name, &container_name).await?;
            Ok(Claim::Waited)
        }
    }
}

/// Claims the build of an image that has no base to make a builder from: the lock is a container of
/// an empty image, never started. Gives the container, or none after waiting for whoever had it.
pub(crate) async fn lock(engine: &Engine, name: &str) -> Result<Option<Sandbox>, Error> {
    ensure_empty(engine).await?;
    let container_name = lock_name(name);
    let body = ContainerCreateBody {
        image: Some(EMPTY.to_owned()),
        cmd: Some(vec!["lock".to_owned()]),
        labels: Some(engine.owner().to_map(Purpose::Builder)),
        ..Default::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(&container_name).build();
    match engine.docker().create_container(Some(options), body).await {
        // As a sandbox it goes away also when the caller is cancelled.
        Ok(made) => Ok(Some(Sandbox::attach(engine, made.id, EMPTY, String::new(), ""))),
        Err(error) if error::status(&error) == Some(409) => {
            wait(engine, name, &container_name).await?;
            Ok(None)
        }
        Err(error) => Err(Error::docker(format!("lock the build of {name}"), error)),
    }
}

/// Makes sure that the image with nothing in it is there.
pub(crate) async fn ensure_empty(engine: &Engine) -> Result<(), Error> {
    match engine.image_id(EMPTY).await? {
        Some(_) => Ok(()),
        None => import(engine, EMPTY, Archive::new().finish()?, Vec::new()).await,
    }
}

/// Makes an image of a tar; `changes` are Dockerfile instructions.
pub(crate) async fn import(
    engine: &Engine,
    name: &str,
    tar: Bytes,
    changes: Vec<String>,
) -> Result<(), Error> {
    let (repo, tag) = split_name(name);
    let options = CreateImageOptionsBuilder::default().from_src("-").repo(repo).tag(tag).changes(changes);
    let imported: Result<Vec<_>, _> = engine
        .docker()
        .create_image(Some(options.build()), Some(bollard::body_full(tar)), None)
        .try_collect()
        .await;
    imported.map(drop).map_err(|error| Error::docker(format!("import image {name}"), error))
}

/// Waits until the image is there or its builder is gone.
async fn wait(engine: &Engine, name: &str, container: &str) -> Result<(), Error> {
    let started = Instant::now();
    let limit = engine.settings().lock_timeout;
    while started.elapsed() < limit {
        if engine.image_id(name).await?.is_some() {
            return Ok(());
        }
        let found = engine.docker().inspect_container(container, None::<InspectContainerOptions>).await;
        if error::optional(found, format!("look at builder {container}"))?.is_none() {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
    Err(Error::LockHeld { name: name.to_owned(), waited: limit })
}

/// The container name that locks the build of an image.
fn lock_name(image: &str) -> String {
    let plain: String =
        image.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    format!("codegod-builder-{plain}")
}

/// Commits a builder as `name` and gives the image's id. `changes` are Dockerfile instructions.
pub(crate) async fn commit(
    engine: &Engine,
    builder: &Sandbox,
    name: &str,
    changes: &[String],
    labels: HashMap<String, String>,
) -> Result<String, Error> {
    let (repo, tag) = split_name(name);
    let options = CommitContainerOptionsBuilder::default()
        .container(builder.id())
        .repo(repo)
        .tag(tag)
        .pause(true)
        .changes(&changes.join("\n"))
        .build();
    let config = ContainerConfig { labels: Some(labels), ..Default::default() };
    let committed = engine.docker().commit_container(options, config).await;
    Ok(committed.map_err(|error| Error::docker(format!("commit image {name}"), error))?.id)
}

/// Repository and tag of an image name; a colon before a slash belongs to a registry's port.
pub(crate) fn split_name(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repo, tag)) if !tag.contains('/') => (repo, tag),
        _ => (name, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_port_is_no_tag() {
        assert_eq!(split_name("python:3.11-slim"), ("python", "3.11-slim"));
        assert_eq!(split_name("localhost:5000/app"), ("localhost:5000/app", "latest"));
        assert_eq!(split_name("localhost:5000/app:1"), ("localhost:5000/app", "1"));
    }
}
