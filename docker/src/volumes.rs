//! Volumes that all sandboxes of a host share: download caches, and the CA bundle.
//!
//! A volume takes the owner of the folder that it first covers, and root without capabilities can't
//! change that later; so the volumes are given their owner and content through a container that is
//! made for that and never started. The bundle travels in a volume because a path of this host
//! means nothing to a daemon elsewhere.

use bollard::models::{ContainerCreateBody, HostConfig, Mount, VolumeCreateRequest};
use bollard::query_parameters::{CreateContainerOptions, DownloadFromContainerOptionsBuilder};
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

use super::archive::{self, Archive};
use super::builder;
use super::container;
use super::engine::Engine;
use super::error::{self, Error};
use super::labels::{Labels, Purpose};
use super::settings::Settings;

/// Where the CA bundle lies in a sandbox.
pub(crate) const CA_FILE: &str = "/etc/codegod/ca.pem";

/// Who mounts the volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The container that prepares them.
    Preparing,
    /// Sandboxes: the bundle is read-only.
    InUse,
}

/// Whether a volume holds what can be downloaded again.
pub(crate) fn is_download_cache(name: &str) -> bool {
    name.ends_with("-pip") || name.ends_with("-npm")
}

/// The volumes as mounts.
pub(crate) fn mounts(settings: &Settings, access: Access) -> Vec<Mount> {
    let prefix = &settings.cache_prefix;
    let mut mounts = vec![
        container::volume(format!("{prefix}-pip"), "/cache/pip", false),
        container::volume(format!("{prefix}-npm"), "/cache/npm", false),
    ];
    if let Some(bundle) = &settings.ca_bundle {
        let hash: String = Sha256::digest(bundle).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        mounts.push(container::volume(
            format!("{prefix}-ca-{hash}"),
            "/etc/codegod",
            access == Access::InUse,
        ));
    }
    mounts
}

/// Makes the volumes and gives them owner and content, once for each process. `image` is any image
/// that is on the host.
pub(crate) async fn prepare(engine: &Engine, image: &str) -> Result<(), Error> {
    engine.volumes().get_or_try_init(|| prepare_once(engine, image)).await?;
    Ok(())
}

/// Makes the volumes again that were removed.
pub(crate) async fn restore(engine: &Engine) -> Result<(), Error> {
    builder::ensure_empty(engine).await?;
    prepare_once(engine, builder::EMPTY).await
}

async fn prepare_once(engine: &Engine, image: &str) -> Result<(), Error> {
    let mounts = mounts(engine.settings(), Access::Preparing);
    for mount in &mounts {
        let request = VolumeCreateRequest {
            name: mount.source.clone(),
            labels: Some(Labels::default().to_map(Purpose::Cache)),
            ..Default::default()
        };
        let made = engine.docker().create_volume(request).await;
        made.map_err(|error| Error::docker("make a cache volume", error))?;
    }
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["true".into()]),
        labels: Some(engine.owner().to_map(Purpose::Builder)),
        host_config: Some(HostConfig { mounts: Some(mounts), ..Default::default() }),
        ..Default::default()
    };
    let made = engine.docker().create_container(None::<CreateContainerOptions>, body).await;
    let id = made.map_err(|error| Error::docker("make a container to prepare volumes", error))?.id;
    let filled = fill(engine, &id).await;
    engine.remove_container(&id).await?;
    filled
}

async fn fill(engine: &Engine, container: &str) -> Result<(), Error> {
    container::upload(engine, container, "/", archive::layout()?).await?;
    let Some(bundle) = &engine.settings().ca_bundle else { return Ok(()) };
    // Running sandboxes read the file: it is written once and never replaced.
    let options = DownloadFromContainerOptionsBuilder::default().path(CA_FILE).build();
    let there =
        engine.docker().download_from_container(container, Some(options)).try_collect::<Vec<_>>().await;
    if error::optional(there, "look for the CA bundle")?.is_none() {
        let mut archive = Archive::new();
        archive.file("ca.pem", 0, 0o644, bundle)?;
        container::upload(engine, container, "/etc/codegod", archive.finish()?).await?;
    }
    Ok(())
}
