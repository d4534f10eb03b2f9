//! What this host has and how busy it is, told every few seconds: its processors, memory, disk and Docker, its
//! graphics cards, and the model server that its agents ask. What is not there is told as not there.

mod gpu;
mod http;
mod machine;
mod model;

use std::time::Duration;

use codegod_protocol::client::{Client, Error, now_ms};
use codegod_protocol::host::{HOST_SECONDS, HostStatus};
use codegod_protocol::settings::variable;
use tokio_util::sync::CancellationToken;

use self::gpu::Cards;
use self::machine::Machine;
use self::model::Model;
use crate::fleet::HOST_LEASE_SECONDS;
use crate::settings::Settings;

/// Tells what the host has until told to stop, while this master is the one that looks after it.
pub(crate) async fn keep_telling(client: Client, settings: Settings, stop: CancellationToken) {
    let mut looks = Looks {
        host: settings.host.clone(),
        machine: Machine::default(),
        cards: Cards::default(),
        model: variable("VLLM_API_URL").map(|url| Model::at(&url)),
    };
    let mut tells = false;
    while stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(HOST_SECONDS))).await.is_some() {
        match looks.tell(&client).await {
            Ok(told) => tells = told,
            Err(error) => tracing::debug!(%error, "what the host has could not be told"),
        }
    }
    if tells && let Err(error) = client.forget_host(&settings.host).await {
        tracing::debug!(%error, "the host could not be taken off the list");
    }
}

struct Looks {
    host: String,
    machine: Machine,
    cards: Cards,
    model: Option<Model>,
}

impl Looks {
    /// Returns whether this master is the one that tells.
    async fn tell(&mut self, client: &Client) -> Result<bool, Error> {
        if !client.lease_host(&self.host, HOST_LEASE_SECONDS).await? {
            return Ok(false);
        }
        let status = self.look().await;
        client.tell_host(&status).await.map(|()| true)
    }

    async fn look(&mut self) -> HostStatus {
        let asked_model = async {
            match &mut self.model {
                Some(model) => Some(model.ask().await),
                None => None,
            }
        };
        let (machine, gpus, model) = tokio::join!(self.machine.look(), self.cards.look(), asked_model);
        HostStatus { host: self.host.clone(), gpus, model, heartbeat_ms: now_ms(), ..machine }
    }
}
