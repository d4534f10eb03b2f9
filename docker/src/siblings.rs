//! Services beside a sandbox: containers that share its network, so that tests find their database at
//! `localhost`, as on a developer's machine. They have its labels and go when it goes.

use std::time::{Duration, Instant};

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptions, LogsOptionsBuilder, StartContainerOptions};
use codegod_protocol::action::Service;
use codegod_protocol::evidence::{Evidence, cap_output};
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::container::{self, Privileges};
use crate::engine::Engine;
use crate::error::Error;
use crate::exec::{self, Ending};
use crate::images;
use crate::labels::{Labels, Purpose};
use crate::sandbox::Sandbox;

/// How long a service may take until it answers.
const READY: Duration = Duration::from_secs(60);
/// How long one question may take.
const ASK_DEADLINE: Duration = Duration::from_secs(10);
/// How long is waited between two questions.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// The services of one sandbox. Dropped, they are removed in the background.
pub struct Siblings {
    engine: Engine,
    containers: Vec<String>,
}

impl Siblings {
    /// Starts services in the network of `sandbox`, one after the other, and waits until each answers. Gives
    /// what shows it; a service that does not answer is a failing piece of evidence, with its last words.
    ///
    /// # Errors
    /// An image that can't be had, or a failing daemon.
    pub async fn start(
        sandbox: &Sandbox,
        services: &[Service],
        labels: &Labels,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(Self, Vec<Evidence>), Error> {
        let mut siblings = Self { engine: sandbox.engine.clone(), containers: Vec::new() };
        let mut evidence = Vec::with_capacity(services.len());
        for service in services {
            images::ensure(&siblings.engine, &service.image, progress).await?;
            let id = siblings.make(sandbox, service, labels).await?;
            evidence.push(answers(&siblings.engine, service, &id).await);
        }
        Ok((siblings, evidence))
    }

    async fn make(&mut self, sandbox: &Sandbox, service: &Service, labels: &Labels) -> Result<String, Error> {
        let body = ContainerCreateBody {
            image: Some(service.image.clone()),
            env: Some(service.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(labels.to_map(Purpose::Sandbox)),
            host_config: Some(HostConfig {
                network_mode: Some(format!("container:{}", sandbox.id())),
                ..container::limited(self.engine.settings(), Privileges::Dropped)
            }),
            ..Default::default()
        };
        let doing = |what: &str| format!("{what} a container of {}", service.image);
        let docker = self.engine.docker();
        let made = docker.create_container(None::<CreateContainerOptions>, body).await;
        let id = made.map_err(|error| Error::docker(doing("make"), error))?.id;
        self.containers.push(id.clone());
        let started = docker.start_container(&id, None::<StartContainerOptions>).await;
        started.map_err(|error| Error::docker(doing("start"), error))?;
        Ok(id)
    }
}

impl Drop for Siblings {
    fn drop(&mut self) {
        // Best effort, without anyone waiting: the reaper is the guarantee.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        for id in std::mem::take(&mut self.containers) {
            let (engine, removals) = (self.engine.clone(), self.engine.removals().clone());
            let removal = async move {
                if let Err(error) = engine.remove_container(&id).await {
                    tracing::warn!(container = id, %error, "a service could not be removed");
                }
            };
            removals.spawn_on(removal, &runtime);
        }
    }
}

/// Asks a service's ready command until it exits 0.
pub(crate) async fn answers(engine: &Engine, service: &Service, container: &str) -> Evidence {
    let started = Instant::now();
    let mut output = Vec::new();
    let mut ready = false;
    while !ready && started.elapsed() < READY {
        output.clear();
        let command = vec!["sh".to_owned(), "-c".to_owned(), service.ready.clone()];
        match exec::start(engine, container, command, "", "", Vec::new()).await {
            Ok(mut running) => {
                let deadline = tokio::time::Instant::now() + ASK_DEADLINE;
                let mut sink = |_, bytes: bytes::Bytes| {
                    output.extend_from_slice(&bytes);
                    output.len() < 1 << 20
                };
                let ending = running.wait(deadline, &CancellationToken::new(), &mut sink).await;
                ready = matches!(ending, Ok(Ending::Exited(0)));
            }
            Err(error) if !is_running(engine, container).await => {
                output = format!("{error}\n{}", last_words(engine, container).await).into_bytes();
                break;
            }
            Err(error) => output = error.to_string().into_bytes(),
        }
        if !ready {
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
    Evidence {
        command: format!("{}: {}", service.name, service.ready),
        exit_code: i64::from(!ready),
        output: cap_output(&output),
        seconds: started.elapsed().as_secs_f64(),
        environment: None,
    }
}

/// Whether a container runs; one that can't be looked at counts as running, for it may soon.
async fn is_running(engine: &Engine, container: &str) -> bool {
    let looked = engine.docker().inspect_container(container, None).await;
    looked.ok().and_then(|container| container.state?.running).unwrap_or(true)
}

/// The end of a container's log.
pub(crate) async fn last_words(engine: &Engine, container: &str) -> String {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail("200").build();
    let mut stream = Box::pin(engine.docker().logs(container, Some(options)));
    let mut log = Vec::new();
    while let Some(Ok(message)) = stream.next().await {
        log.extend_from_slice(&message.into_bytes());
    }
    cap_output(&log)
}
