//! Upkeep: tasks whose backoff is over go back to their queues; what the dead left behind is removed.

use std::time::Duration;

use codegod_docker::{Engine, Labels, Settings, sweeper};
use codegod_protocol::client::Client;
use tokio_util::sync::CancellationToken;

/// How often is looked; idle agents look as well.
const INTERVAL: Duration = Duration::from_millis(500);

/// Looks after delayed tasks until told to stop.
pub(crate) async fn keep_releasing(client: Client, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        match client.release_delayed().await {
            Ok(0) => {}
            Ok(released) => tracing::info!(released, "delayed tasks are ready again"),
            Err(error) => tracing::debug!(%error, "delayed tasks could not be looked at"),
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
            Ok(engine) => return sweeper::keep_sweeping(engine, client, stop).await,
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
