//! The master: plans goals, adds follow-up tasks to running plans, and keeps the fleet at its size.
//!
//! Settings → connect → announce → run → drain. Plans advance without it (see the protocol crate's
//! `turn.lua`), so any number of masters may run, and any of them may die.

mod fleet;
mod growth;
mod host;
mod intake;
mod knowledge;
mod memory;
mod settings;
mod survey;
mod upkeep;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use codegod_protocol::client::Client;
use codegod_reasoner::playbook::Library;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::settings::Settings;

/// The exit code for "something needed is not reachable" (EX_UNAVAILABLE of sysexits.h).
const UNREACHABLE: u8 = 69;
/// The exit code for a command line that makes no sense (EX_USAGE).
const WRONG_USE: u8 = 64;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("playbooks") => return print(&knowledge::told()),
        Some(other) => {
            let _unheard = writeln!(std::io::stderr(), "codegod-master knows `playbooks` and no {other:?}");
            return ExitCode::from(WRONG_USE);
        }
    }
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime could not be started");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(UNREACHABLE)
        }
    }
}

fn print(line: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn serve() -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    let client = Client::connect(&settings.redis_url, &settings.prefix, &settings.name)
        .await
        .context("connecting to Redis (set REDIS_URL)")?;
    let library = Library::standard();
    for problem in &library.problems {
        tracing::warn!("a playbook is skipped: {problem}");
    }
    let stop = CancellationToken::new();
    let mut work = JoinSet::new();
    work.spawn(intake::keep_planning(
        client.clone(),
        client.listener().await?,
        settings.clone(),
        library,
        stop.clone(),
    ));
    work.spawn(growth::keep_growing(
        client.clone(),
        client.listener().await?,
        settings.clone(),
        stop.clone(),
    ));
    work.spawn(upkeep::keep_ticking(client.clone(), settings.lease_ms, stop.clone()));
    work.spawn(upkeep::keep_sweeping(client.clone(), stop.clone()));
    work.spawn(memory::keep_collecting(client.clone(), settings.retention.clone(), stop.clone()));
    work.spawn(fleet::keep_size(client.clone(), settings.clone(), stop.clone()));
    work.spawn(host::keep_telling(client.clone(), settings.clone(), stop.clone()));
    tracing::info!(master = settings.name, redis = client.url(), host = settings.host, "ready");

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // The terminal that started the master has gone; the master stays.
            _ = hang_up.recv() => {}
            Some(ended) = work.join_next() => {
                stop.cancel();
                ended.context("a part of the master broke")?;
                anyhow::bail!("a part of the master ended by itself");
            }
        }
    }
    tracing::info!("ending");
    stop.cancel();
    while let Some(ended) = work.join_next().await {
        ended.context("a part of the master broke")?;
    }
    upkeep::sweep_last(&client).await;
    Ok(())
}
