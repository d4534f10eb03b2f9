//! The sweeper: the reaper's judgement by what Redis knows. What belongs to an agent that is dead, or to a goal that has ended, goes.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use codegod_protocol::client::{self, Client, now_ms};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId};
use tokio_util::sync::CancellationToken;

use crate::budget::Keeper;
use crate::{Engine, Owner, Purpose, folders, reaper};

/// How often the reaper looks, beside at start.
const INTERVAL: Duration = Duration::from_secs(20);
/// How many goals are asked about.
const GOALS: usize = 1_000;

/// Sweeps at once and then every so often, and holds the host to its budget of disk, until told to stop. The
/// container in which it was cleaning then is given up: [`Engine::settled`] waits for it.
pub async fn keep_sweeping(engine: Engine, client: Client, stopped: CancellationToken) {
    let mut keeper = Keeper::new();
    loop {
        sweep(&engine, &client).await;
        if let Some(Err(error)) = stopped.run_until_cancelled(keeper.come_by(&engine)).await {
            tracing::debug!(%error, "the host was not held to its budget");
        }
        if stopped.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
            return;
        }
    }
}

/// Sweeps once. A Redis that does not answer means that nothing is known, so no container is removed.
pub async fn sweep(engine: &Engine, client: &Client) {
    sweep_folders(engine).await;
    let known = match Known::ask(client, engine.owner().fleet.clone()).await {
        Ok(known) => known,
        Err(error) => {
            tracing::debug!(%error, "not sweeping: Redis does not say who lives");
            return;
        }
    };
    match reaper::sweep(engine, |owner| known.judge(owner)).await {
        Ok(swept) => {
            let removed = swept.containers.len() + swept.networks.len() + swept.volumes.len();
            if removed > 0 {
                tracing::info!(containers = ?swept.containers, networks = ?swept.networks, volumes = ?swept.volumes,
                    "removed what nobody needs any more");
            }
            for failure in swept.failures {
                tracing::warn!(failure, "could not be removed; the next sweep tries again");
            }
        }
        Err(error) => tracing::debug!(%error, "not swept"),
    }
}

/// Removes the folders of dead agents; who lives is known from their locks.
async fn sweep_folders(engine: &Engine) {
    let state = engine.settings().state_dir.clone();
    // Mostly there is nothing to remove, and looking is a listing of a handful of names.
    match folders::list(&state) {
        Ok(found) if found.iter().any(|folder| folder.is_abandoned) => {}
        Ok(_) => return,
        Err(error) => {
            tracing::warn!(%error, "the folders of agents were not looked at");
            return;
        }
    }
    match tokio::task::spawn_blocking(move || folders::remove_abandoned(&state)).await {
        Ok(Ok(removed)) => tracing::info!(folders = ?removed, "removed the repositories of dead agents"),
        Ok(Err(error)) => tracing::warn!(%error, "the folders of dead agents were not removed"),
        Err(error) => tracing::error!(%error, "sweeping folders broke"),
    }
}

/// Who lives and which goals are open.
struct Known {
    fleet: Option<String>,
    alive: HashSet<AgentId>,
    goals: HashMap<GoalId, GoalState>,
}

impl Known {
    async fn ask(client: &Client, fleet: Option<String>) -> Result<Self, client::Error> {
        let now = now_ms();
        let agents = client.agents().await?;
        let alive = agents.into_iter().filter(|agent| agent.is_alive(now)).map(|agent| agent.id).collect();
        let goals = client.goals(GOALS).await?.into_iter().map(|view| (view.goal.id, view.state)).collect();
        Ok(Self { fleet, alive, goals })
    }

    fn judge(&self, owner: &Owner) -> reaper::Verdict {
        if owner.labels.fleet != self.fleet || self.fleet.is_none() {
            return reaper::Verdict::Keep;
        }
        if owner.purpose == Some(Purpose::Deployment) {
            // It outlives its goal on purpose.
            return reaper::Verdict::Keep;
        }
        let Some(agent) = &owner.labels.agent else { return reaper::Verdict::Keep };
        let ended = owner
            .labels
            .goal
            .as_ref()
            .and_then(|goal| self.goals.get(goal))
            .is_some_and(|state| state.is_final());
        if ended || !self.alive.contains(agent) { reaper::Verdict::Remove } else { reaper::Verdict::Keep }
    }
}
