//! The executor of the four roles: every attempt in sandboxes of the host's Docker, from a repository of
//! its goal on this host.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use codegod_docker::admission::{Admission, Gate, Place};
use codegod_docker::{self as docker, AgentFolder, Engine, Labels, Meter, sweeper};
use codegod_protocol::client::Claimed;
use codegod_protocol::result::ResultStatus;
use codegod_source::Repository;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::executor::{Ending, Executor, HandBack, Workplace, failure};
use crate::journal::Journal;
use crate::stop::Stop;

/// Works on tasks in Docker.
pub struct InDocker {
    workplace: Workplace,
    engine: Engine,
    gate: Gate,
    /// Where the goals' repositories lie; held, so that nobody takes them for a dead agent's.
    folder: AgentFolder,
    /// Set when an attempt found the daemon gone, so that an idle agent asks Docker nothing.
    docker_away: AtomicBool,
    swept: CancellationToken,
    sweeper: JoinHandle<()>,
}

impl InDocker {
    /// Connects to Docker and starts to sweep away what nobody living owns.
    ///
    /// # Errors
    /// When a setting can't be used, or Docker or Redis do not answer.
    pub async fn start(workplace: Workplace) -> anyhow::Result<Self> {
        let client = &workplace.client;
        let owner = Labels {
            fleet: Some(client.fleet_id().await.context("asking Redis for the fleet's id")?),
            agent: Some(workplace.agent.clone()),
            ..Labels::default()
        };
        let engine = Engine::connect(docker::Settings::from_env()?).await?.owned_by(owner);
        let folder = AgentFolder::take(&engine.settings().state_dir, &workplace.agent)?;
        let swept = CancellationToken::new();
        let sweeper = tokio::spawn(sweeper::keep_sweeping(engine.clone(), client.clone(), swept.clone()));
        let (gate, docker_away) = (Gate::new(&engine), AtomicBool::new(false));
        Ok(Self { workplace, engine, gate, folder, docker_away, swept, sweeper })
    }
}

impl Executor for InDocker {
    type Place = Place;

    async fn attempt(&self, claimed: Claimed, stop: Stop) -> Ending {
        let Claimed { task, goal, attempt } = claimed;
        let Workplace { agent, client, memory, phase, container, .. } = self.workplace.clone();
        let journal = Journal::open(client.clone(), agent.clone(), &task, attempt, memory, phase);
        let folder = self.folder.path().join(format!("{}.git", goal.id));
        let repository = match Repository::open_or_init(folder).await {
            Ok(repository) => repository,
            Err(error) => {
                let said = format!("the goal's repository can't be opened on this host: {error}");
                tracing::error!(task.id = %task.id, "{said}");
                journal.close().await;
                let failed = failure(&agent, task.id, attempt, ResultStatus::Failed, said);
                return Ending::Result(Box::new(failed));
            }
        };
        let (engine, meter) = (self.engine.clone(), Meter::new(&self.engine, &agent));
        let (inputs, setups) = Default::default();
        let mut context =
            Context { engine, client, repository, journal, agent, goal, task, attempt, inputs, setups, stop };
        let ended = tokio::select! {
            ended = super::run(&mut context) => ended,
            never = meter.keep_reading(&container) => match never {},
        };
        container.send_replace(None);
        context.journal.close().await;
        if matches!(ended, Ending::HandedBack(HandBack::DockerAway)) {
            self.docker_away.store(true, Ordering::Relaxed);
        }
        ended
    }

    async fn admission(&self) -> Result<Place, String> {
        if self.docker_away.load(Ordering::Relaxed) {
            if !self.engine.answers().await {
                return Err("waiting for Docker: the daemon does not answer".to_owned());
            }
            self.docker_away.store(false, Ordering::Relaxed);
        }
        match self.gate.check().await {
            Admission::Open(place) => Ok(place),
            Admission::Closed { reason } => Err(reason),
        }
    }

    async fn close(self) {
        // The sweeper first: what it is at may be in a container, too.
        self.swept.cancel();
        if let Err(error) = self.sweeper.await {
            tracing::error!(%error, "the sweeper broke");
        }
        // Sandboxes are removed while the next task is worked on; the last ones are waited for.
        self.engine.settled().await;
        let folder = self.folder;
        match tokio::task::spawn_blocking(|| folder.remove()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the repositories are left to the sweeper"),
            Err(error) => tracing::error!(%error, "removing the repositories broke"),
        }
    }
}
