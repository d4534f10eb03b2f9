//! Starting an agent: settings → connect → announce → run → drain.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;
use codegod_protocol::agent::{AgentStatus, Phase};
use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{Client, Worker, now_ms};
use codegod_protocol::id::{AgentId, Role};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{Agent, knowledge, pulse::Pulse, status::Status};
use crate::attempt::InDocker;
use crate::executor::{Executor, Workplace};
use crate::settings::Settings;

/// The first and the longest wait between two tries to take a turn while Redis is in trouble. What runs
/// out meanwhile is leases, so it is short.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);
/// The exit code for "something needed is not reachable" (EX_UNAVAILABLE of sysexits.h).
const UNREACHABLE: u8 = 69;

/// What the binary of each role does: [`main_with`] its settings and Docker.
#[must_use]
pub fn main(role: Role) -> ExitCode {
    main_with(Settings::from_env(role), InDocker::start)
}

/// What every agent's binary does: logs to standard error as `LOG_LEVEL` says, and runs an agent until it
/// is told to end. `hire` makes the executor, once Redis answers.
#[must_use]
pub fn main_with<E: Executor>(
    settings: Settings,
    hire: impl AsyncFnOnce(Workplace) -> anyhow::Result<E>,
) -> ExitCode {
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime could not be started");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve(settings, hire)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(UNREACHABLE)
        }
    }
}

async fn serve<E: Executor>(
    settings: Settings,
    hire: impl AsyncFnOnce(Workplace) -> anyhow::Result<E>,
) -> anyhow::Result<()> {
    let id = AgentId::random(settings.role);
    let client = Client::connect(&settings.redis_url, &settings.prefix, &id.to_string())
        .await
        .context("connecting to Redis (set REDIS_URL)")?;
    let (phase, phases) = watch::channel(Phase::Starting);
    let memory = Arc::new(Mutex::new(knowledge::fresh(settings.role)));
    let workplace = Workplace {
        agent: id.clone(),
        settings,
        client: client.clone(),
        memory: Arc::clone(&memory),
        phase,
        container: watch::Sender::new(None),
    };
    let executor = hire(workplace.clone()).await?;
    let (drain, shutdown) = (CancellationToken::new(), CancellationToken::new());
    tokio::spawn(on_signals(drain.clone(), shutdown.clone())?);
    let listener = client.listener().await?;
    let status = Status::new(status(&workplace));
    let pulse = Pulse::start(&workplace, &status, phases, drain.clone());
    tracing::info!(agent.id = %id, redis = client.url(), "ready");

    let Workplace { settings, phase, .. } = workplace;
    let agent = Agent {
        worker: Worker::new(&id, &settings.capabilities),
        id,
        settings,
        client,
        listener,
        executor,
        memory,
        phase,
        status,
        pulse,
        backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
        in_doubt: AtomicBool::new(false),
        drain,
        shutdown,
    };
    // On a thread of the runtime, beside the connection that it talks to all the time: on the main thread,
    // each answer would have to wake another one.
    tokio::spawn(agent.run()).await.context("the agent broke")
}

fn status(workplace: &Workplace) -> AgentStatus {
    let settings = &workplace.settings;
    AgentStatus {
        id: workplace.agent.clone(),
        role: settings.role,
        capabilities: settings.capabilities.clone(),
        host: settings.host.clone(),
        pid: std::process::id(),
        phase: Phase::Starting,
        current_task: None,
        title: None,
        attempt: None,
        phase_since_ms: 0,
        container: None,
        note: None,
        usage: Default::default(),
        succeeded: 0,
        failed: 0,
        started_ms: now_ms(),
        heartbeat_ms: now_ms(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The first signal to end lets the task at hand finish (drain); the second, and SIGTERM from the
/// start, throws the attempt away: another agent takes it up.
fn on_signals(
    drain: CancellationToken,
    shutdown: CancellationToken,
) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {
                    if drain.is_cancelled() {
                        shutdown.cancel();
                    }
                    drain.cancel();
                }
                _ = terminate.recv() => {
                    drain.cancel();
                    shutdown.cancel();
                }
                // The terminal that started the fleet has gone; the fleet stays.
                _ = hang_up.recv() => {}
            }
        }
    })
}
