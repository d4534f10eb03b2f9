//! What each kind of thing takes on a host, for people.

use std::collections::HashMap;
use std::path::Path;

use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::disk_usage;
use crate::engine::Engine;
use crate::error::Error;
use crate::folders;
use crate::labels::LABEL;

use super::images::{Kind, Surroundings};
use super::report::{Budget, Family, Mode, Request};
use super::{caches, collect, layers};

/// What each kind of thing takes on this host: images, download caches, containers, and the folders of
/// living and dead agents below the state folder. Docker measures volumes for that, which takes as long
/// as reading through them.
///
/// # Errors
/// When the daemon does not answer.
pub async fn holdings(engine: &Engine) -> Result<Vec<Family>, Error> {
    let budget = Budget::of(engine).await?;
    let request = Request::within(budget, Mode::DryRun);
    let usage = disk_usage::ask(engine).await?;
    let surroundings = Surroundings::look(engine, &request).await?;
    let images = collect::look(engine, usage.images, &surroundings).await?;
    let chains: Vec<_> = images.iter().map(|image| image.chain.clone()).collect();
    let sizes = layers::attribute(&chains);
    let family = |name, kind| {
        let of = images.iter().zip(&sizes).filter(|(image, _)| image.kind == kind);
        let (count, bytes) = (of.clone().count(), of.map(|(_, bytes)| bytes).sum());
        Family { name, count, bytes, budget: Some(budget.images) }
    };
    let caches = caches::covered(usage.volumes, &request);
    let mut families = vec![
        family("base images", Kind::Base),
        family("environments", Kind::Environment),
        family("app images", Kind::App),
        Family {
            name: "download caches",
            count: caches.len(),
            bytes: caches.iter().map(caches::size).sum(),
            budget: Some(budget.caches),
        },
        containers(engine).await?,
    ];
    let state = engine.settings().state_dir.clone();
    let folders = tokio::task::spawn_blocking(move || of_agents(&state)).await;
    families.extend(folders.map_err(|_| Error::Cancelled)??);
    Ok(families)
}

/// Containers of codegod, and what they wrote.
async fn containers(engine: &Engine) -> Result<Family, Error> {
    let filters = HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
    let options = ListContainersOptionsBuilder::default().all(true).size(true).filters(&filters).build();
    let listed = engine.docker().list_containers(Some(options)).await;
    let listed = listed.map_err(|error| Error::docker("list codegod's containers", error))?;
    let written = listed.iter().filter_map(|container| u64::try_from(container.size_rw?).ok());
    Ok(Family { name: "containers", count: listed.len(), bytes: written.sum(), budget: None })
}

fn of_agents(state_dir: &Path) -> Result<[Family; 2], Error> {
    let mut families = ["repositories of living agents", "repositories of dead agents"].map(|name| Family {
        name,
        count: 0,
        bytes: 0,
        budget: None,
    });
    for folder in folders::list(state_dir)? {
        let family = &mut families[usize::from(folder.is_abandoned)];
        family.count += 1;
        family.bytes += folders::size(&folder.path);
    }
    Ok(families)
}
