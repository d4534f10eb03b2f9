//! Upkeep: tasks whose backoff is over go back to their queues; what the dead left behind is removed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use codegod_docker::{Engine, Labels, Settings, sweeper};
use codegod_protocol::client::{Client, Ticked};
use codegod_protocol::id::Role;
use tokio_util::sync::CancellationToken;

/// How often is looked; agents at work look as well.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often is said again what only a person can mend.
const REMINDER: Duration = Duration::from_secs(60);

/// Does what time alone brings about in every role's queue, until told to stop. Without a master, agents
/// do it when they ask for work; with one it also happens when all of them are busy.
pub(crate) async fn keep_ticking(client: Client, lease_ms: u64, stop: CancellationToken) {
    let mut told: BTreeMap<Role, Instant> = BTreeMap::new();
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        for role in Role::ALL {
            match client.tick(role, lease_ms).await {
                Ok(ticked) if ticked == Ticked::default() => {}
                Ok(Ticked { expired, released, aged, quarantined }) => {
                    tracing::info!(%role, expired, released, aged, quarantined, "time has passed");
                }
                // Nothing but a person can mend it, and the queue stands still until then.
                Err(error) if error.is_wrong_type() => {
                    if told.get(&role).is_none_or(|when| when.elapsed() > REMINDER) {
                        told.insert(role, Instant::now());
                        let error = anyhow::Error::from(error);
                        tracing::error!(%role, "a key of the queue is of another type: {error:#}");
                    }
                }
                Err(error) => tracing::debug!(%error, "a queue could not be looked after"),
            }
        }
    }
}

/// How long until a Docker that was not there is looked for again.
const DOCKER_RETRY: Duration = Duration::from_secs(60);

/// Removes what the dead left behind on this host, until told to stop. A host without Docker has nothing
/// to be swept; it is looked for again now and then.
pub(crate) async fn keep_sweeping(client: Client, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match engine(&client).await {
            Ok(engine) => {
                sweeper::keep_sweeping(engine.clone(), client, stop).await;
                return engine.settled().await;
            }
            Err(error) => {
                tracing::info!("not sweeping: {error:#}");
                let _ended_early = stop.run_until_cancelled(tokio::time::sleep(DOCKER_RETRY)).await;
            }
        }
    }
}

/// Removes what the agents of this host left behind, once they have ended.
pub(crate) async fn sweep_last(client: &Client) {
    match engine(client).await {
        Ok(engine) => sweeper::sweep(&engine, client).await,
        Err(error) => tracing::info!("not sweeping: {error:#}"),
    }
}

async fn engine(client: &Client) -> anyhow::Result<Engine> {
    let fleet = Some(client.fleet_id().await?);
    let engine = Engine::connect(Settings::from_env()?).await?;
    Ok(engine.owned_by(Labels { fleet, ..Labels::default() }))
}
