//! Running an app's image with limits beside its services, and probing it.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkCreateRequest, NetworkingConfig, PortBinding,
};
use bollard::query_parameters::{CreateContainerOptions, StartContainerOptions};
use codegod_protocol::action::{Probe, Service};
use codegod_protocol::evidence::Evidence;
use codegod_protocol::id::GoalId;
use tokio_util::sync::CancellationToken;

use crate::container::{self, Privileges};
use crate::engine::Engine;
use crate::error::{self, Error};
use crate::images;
use crate::labels::{Labels, Purpose};
use crate::siblings;

use super::probe;

/// How long an app or a service may take until it answers.
const READY: Duration = Duration::from_secs(60);

/// What happens to the app once it was probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// It is removed with its services and network.
    UntilProbed,
    /// It goes on running when all probes passed, as a deployment; else it is removed.
    Kept,
}

/// An app to run and what to ask it.
#[derive(Debug, Clone)]
pub struct RunSpec {
    /// Its image, on this host.
    pub image: String,
    /// The port it listens on inside.
    pub port: u16,
    /// Its environment variables.
    pub env: BTreeMap<String, String>,
    /// What to ask it once it answers.
    pub probes: Vec<Probe>,
    /// What must run beside it, reached by name.
    pub services: Vec<Service>,
    /// The port of this host that it is published to; any free one unless given.
    pub publish: Option<u16>,
    /// What happens to it afterwards.
    pub lifetime: Lifetime,
    /// Whose it is.
    pub labels: Labels,
}

/// What came of the probes.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeReport {
    /// Start, services and each probe, in order; on failure also the app's log.
    pub evidence: Vec<Evidence>,
    /// Whether the app answered and every probe passed.
    pub passed: bool,
    /// Where it answered (`127.0.0.1:49153`), when it did.
    pub address: Option<String>,
}

/// What was made and must be removed.
struct Stage<'a> {
    engine: &'a Engine,
    spec: &'a RunSpec,
    network: String,
    containers: Vec<String>,
    evidence: Vec<Evidence>,
}

/// Runs an app with its services on a network of their own, published to this host only, waits until
/// it answers and sends each probe once. An app that fails is a report, not an error. Everything is
/// removed afterwards, unless the app passed and is to be kept.
///
/// # Errors
/// [`Error::Cancelled`], a service image that can't be had, or a failing daemon.
pub async fn run_and_probe(
    engine: &Engine,
    spec: &RunSpec,
    cancel: &CancellationToken,
    mut on_output: impl FnMut(&[u8]) + Send,
) -> Result<ProbeReport, Error> {
    // A name of its own, for services of two apps that are probed at once must not meet.
    let network = format!("codegod-app-{}", GoalId::random());
    let mut stage = Stage { engine, spec, network, containers: Vec::new(), evidence: Vec::new() };
    let result = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::Cancelled),
        result = stage.perform(&mut on_output) => result,
    };
    let passed = matches!(&result, Ok(Some(_))) && stage.evidence.iter().all(Evidence::succeeded);
    if !passed && result.is_ok() {
        stage.add_log().await;
    }
    if !(passed && spec.lifetime == Lifetime::Kept) {
        stage.clear().await?;
    }
    let address = result?;
    for evidence in &stage.evidence {
        on_output(format!("{}: {}\n", evidence.command, evidence.output).as_bytes());
    }
    Ok(ProbeReport { evidence: stage.evidence, passed, address })
}

impl Stage<'_> {
    /// Everything up to the last probe; gives the address when the app answered.
    async fn perform(&mut self, on_output: &mut (dyn FnMut(&[u8]) + Send)) -> Result<Option<String>, Error> {
        let request = NetworkCreateRequest {
            name: self.network.clone(),
            labels: Some(self.spec.labels.to_map(self.purpose())),
            ..Default::default()
        };
        let made = self.engine.docker().create_network(request).await;
        made.map_err(|error| Error::docker("make an app's network", error))?;
        for service in &self.spec.services {
            let mut progress = |line: &str| on_output(format!("{line}\n").as_bytes());
            images::ensure(self.engine, &service.image, &mut progress).await?;
            let id = self.start(&service.image, &service.env, Some(&service.name), None).await?;
            let answer = siblings::answers(self.engine, service, &id).await;
            let answers = answer.succeeded();
            self.evidence.push(answer);
            if !answers {
                return Ok(None);
            }
        }
        let port = self.spec.port;
        let id = self.start(&self.spec.image, &self.spec.env, None, Some(port)).await?;
        let addresses = self.addresses(&id).await?;
        let started = Instant::now();
        let path = self.spec.probes.first().map_or("/", |probe| probe.path.as_str());
        let answering = probe::first_answering(&addresses, path, started + READY).await;
        self.evidence.push(Evidence {
            command: format!("run {} and wait until port {port} answers", self.spec.image),
            exit_code: i64::from(answering.is_err()),
            output: answering.clone().map_or_else(|error| error, |address| format!("{address} answers")),
            seconds: started.elapsed().as_secs_f64(),
            environment: None,
        });
        let Ok(address) = answering else { return Ok(None) };
        for probe in &self.spec.probes {
            self.evidence.push(probe::send(&address, probe).await);
        }
        Ok(Some(address))
    }

    fn purpose(&self) -> Purpose {
        match self.spec.lifetime {
            Lifetime::UntilProbed => Purpose::App,
            Lifetime::Kept => Purpose::Deployment,
        }
    }

    async fn start(
        &mut self,
        image: &str,
        env: &BTreeMap<String, String>,
        alias: Option<&str>,
        port: Option<u16>,
    ) -> Result<String, Error> {
        let endpoint =
            EndpointSettings { aliases: alias.map(|name| vec![name.to_owned()]), ..Default::default() };
        let published = port.map(|port| {
            let binding = PortBinding {
                host_ip: Some("127.0.0.1".to_owned()),
                host_port: Some(self.spec.publish.unwrap_or(0).to_string()),
            };
            HashMap::from([(format!("{port}/tcp"), Some(vec![binding]))])
        });
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            env: Some(env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(self.spec.labels.to_map(self.purpose())),
            exposed_ports: port.map(|port| vec![format!("{port}/tcp")]),
            host_config: Some(HostConfig {
                network_mode: Some(self.network.clone()),
                port_bindings: published,
                ..container::limited(self.engine.settings(), Privileges::Dropped)
            }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(self.network.clone(), endpoint)])),
            }),
            ..Default::default()
        };
        let docker = self.engine.docker();
        let made = docker.create_container(None::<CreateContainerOptions>, body).await;
        let id = made.map_err(|error| Error::docker(format!("make a container of {image}"), error))?.id;
        self.containers.push(id.clone());
        let started = docker.start_container(&id, None::<StartContainerOptions>).await;
        started.map_err(|error| Error::docker(format!("start a container of {image}"), error))?;
        Ok(id)
    }

    /// Where the app can be reached: the published port, and its own address for when this process
    /// runs in a container, where 127.0.0.1 is not the Docker host.
    async fn addresses(&self, id: &str) -> Result<Vec<String>, Error> {
        let inspected = self.engine.docker().inspect_container(id, None).await;
        let inspected = inspected.map_err(|error| Error::docker("look up an app's address", error))?;
        let settings = inspected.network_settings.unwrap_or_default();
        let key = format!("{}/tcp", self.spec.port);
        let bindings = settings.ports.and_then(|mut ports| ports.remove(&key)).flatten().unwrap_or_default();
        let published = bindings.into_iter().filter_map(|binding| binding.host_port);
        let mut addresses: Vec<String> = published.map(|port| format!("127.0.0.1:{port}")).collect();
        let own =
            settings.networks.unwrap_or_default().into_values().filter_map(|network| network.ip_address);
        addresses.extend(own.filter(|ip| !ip.is_empty()).map(|ip| format!("{ip}:{}", self.spec.port)));
        Ok(addresses)
    }

    /// Adds the end of the last container's log: that of the app, or of the service that failed.
    async fn add_log(&mut self) {
        let Some(id) = self.containers.last() else { return };
        let output = siblings::last_words(self.engine, id).await;
        self.evidence.push(Evidence {
            command: format!("log of {}", self.spec.image),
            exit_code: 0,
            output,
            seconds: 0.0,
            environment: None,
        });
    }

    async fn clear(&self) -> Result<(), Error> {
        for id in &self.containers {
            self.engine.remove_container(id).await?;
        }
        let removed = self.engine.docker().remove_network(&self.network).await;
        error::removed(removed, format!("remove network {}", self.network))
    }
}
