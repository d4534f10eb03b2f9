//! The reaper: removes what nobody living owns. Sandboxes, builders, apps, networks and volumes are
//! found by label; caches and images stay.

use std::collections::{HashMap, HashSet};

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveVolumeOptions,
};

use super::engine::Engine;
use super::error::{self, Error};
use super::labels::{LABEL, Owner, Purpose};

/// What the judge says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its owner lives.
    Keep,
    /// Nobody needs it any more.
    Remove,
}

/// What a sweep removed, by name or id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Containers.
    pub containers: Vec<String>,
    /// Networks.
    pub networks: Vec<String>,
    /// Volumes.
    pub volumes: Vec<String>,
    /// What could not be removed, with the reason; the next sweep tries again.
    pub failures: Vec<String>,
}

/// Asks `judge` about every labelled container, network and volume and removes what it says.
/// Caches are not asked about. Kept deployments are: the judge knows whether they were told to end.
///
/// # Errors
/// When the daemon does not list its objects. A refused removal is in [`Swept::failures`].
pub async fn sweep(engine: &Engine, judge: impl Fn(&Owner) -> Verdict) -> Result<Swept, Error> {
    let condemned = |labels: &HashMap<String, String>| {
        Owner::from_map(labels).is_some_and(|owner| is_ours(&owner) && judge(&owner) == Verdict::Remove)
    };
    let filters = HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
    let docker = engine.docker();
    let mut swept = Swept::default();

    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = docker.list_containers(Some(options)).await;
    let mut deployed = HashSet::new();
    for container in listed.map_err(|error| Error::docker("list codegod's containers", error))? {
        let owner = container.labels.as_ref().and_then(Owner::from_map);
        deployed.extend(owner.filter(is_deployment).and_then(|owner| owner.labels.goal));
        if let (Some(id), true) = (container.id, condemned(&container.labels.unwrap_or_default())) {
            let removed = engine.remove_container(&id).await;
            note(removed, id, &mut swept.containers, &mut swept.failures);
        }
    }
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    let listed = docker.list_networks(Some(options)).await;
    for network in listed.map_err(|error| Error::docker("list codegod's networks", error))? {
        let labels = network.labels.unwrap_or_default();
        // A deployment is ended by removing its container; its network then serves nobody.
        let deserted = Owner::from_map(&labels).is_some_and(|owner| {
            is_deployment(&owner)
                && owner.labels.goal.as_ref().is_some_and(|goal| !deployed.contains(goal))
                && judge(&Owner { purpose: Some(Purpose::App), ..owner }) == Verdict::Remove
        });
        if let (Some(id), true) = (network.id, deserted || condemned(&labels)) {
            let removed = error::removed(docker.remove_network(&id).await, format!("remove network {id}"));
            note(removed, id, &mut swept.networks, &mut swept.failures);
        }
    }
    let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
    let listed = docker.list_volumes(Some(options)).await;
    let listed = listed.map_err(|error| Error::docker("list codegod's volumes", error))?;
    for volume in listed.volumes.unwrap_or_default() {
        if condemned(&volume.labels) {
            let removed = docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await;
            let removed = error::removed(removed, format!("remove volume {}", volume.name));
            note(removed, volume.name, &mut swept.volumes, &mut swept.failures);
        }
    }
    Ok(swept)
}

fn is_deployment(owner: &Owner) -> bool {
    owner.purpose == Some(Purpose::Deployment)
}

/// Whether codegod made the object to be removed some day. Caches stay; and a container with the
/// purpose of an image only inherited its image's labels: a person started it.
fn is_ours(owner: &Owner) -> bool {
    match owner.purpose {
        Some(Purpose::Sandbox | Purpose::Builder | Purpose::App | Purpose::Deployment) => true,
        Some(Purpose::Cache | Purpose::Env | Purpose::Image) | None => false,
    }
}

fn note(removed: Result<(), Error>, name: String, done: &mut Vec<String>, failures: &mut Vec<String>) {
    match removed {
        Ok(()) => done.push(name),
        Err(error) => failures.push(error.to_string()),
    }
}
