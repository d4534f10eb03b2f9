//! One command in a running container, from its start to its exit code, with a deadline.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::error::Error;

/// What is left in the pipes once everything was killed is read for at most this long; the engine
/// itself cuts after 2 s.
const DRAIN: Duration = Duration::from_millis(2500);

/// Which of its two streams a command wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pipe {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How the wait for a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It ended by itself, with this exit code.
    Exited(i64),
    /// Its deadline came; it still runs.
    TimedOut,
    /// The caller cancelled; it still runs.
    Cancelled,
    /// The sink refused more; it still runs.
    Refused,
}

type Output = std::pin::Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// A started command.
pub(crate) struct Running {
    engine: Engine,
    id: String,
    output: Output,
}

/// Starts `command` in `container`.
pub(crate) async fn start(
    engine: &Engine,
    container: &str,
    command: Vec<String>,
    user: &str,
    workdir: &str,
    env: Vec<String>,
) -> Result<Running, Error> {
    let config = ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        user: Some(user.to_owned()),
        working_dir: Some(workdir.to_owned()),
        env: Some(env),
        cmd: Some(command),
        ..Default::default()
    };
    let doing = || format!("run a command in container {container}");
    let exec = engine
        .docker()
        .create_exec(container, config)
        .await
        .map_err(|error| Error::docker(doing(), error))?;
    match engine.docker().start_exec(&exec.id, None::<StartExecOptions>).await {
        Ok(StartExecResults::Attached { output, .. }) => {
            Ok(Running { engine: engine.clone(), id: exec.id, output })
        }
        Ok(StartExecResults::Detached) => Err(Error::Invalid(format!("{}: it was detached", doing()))),
        Err(error) => Err(Error::docker(doing(), error)),
    }
}

impl Running {
    /// Reads until the command ends, `deadline` comes, `cancel` fires or `sink` answers `false`.
    pub(crate) async fn wait(
        &mut self,
        deadline: Instant,
        cancel: &CancellationToken,
        sink: &mut (dyn FnMut(Pipe, Bytes) -> bool + Send),
    ) -> Result<Ending, Error> {
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(Ending::Cancelled),
                () = tokio::time::sleep_until(deadline) => return Ok(Ending::TimedOut),
                next = self.output.next() => match next {
                    Some(Ok(message)) => {
                        if !feed(message, sink) {
                            return Ok(Ending::Refused);
                        }
                    }
                    Some(Err(error)) => return Err(Error::docker("read a command's output", error)),
                    None => return self.exit_code().await.map(Ending::Exited),
                },
            }
        }
    }

    /// Reads what is left after everything was killed.
    pub(crate) async fn drain(&mut self, sink: &mut (dyn FnMut(Pipe, Bytes) -> bool + Send)) {
        let rest = async {
            while let Some(Ok(message)) = self.output.next().await {
                if !feed(message, sink) {
                    break;
                }
            }
        };
        // Running out of time here only loses output that came too late anyway.
        let _ = timeout(DRAIN, rest).await;
    }

    async fn exit_code(&mut self) -> Result<i64, Error> {
        for _ in 0..20 {
            let state = self.engine.docker().inspect_exec(&self.id).await;
            let state = state.map_err(|error| Error::docker("ask for a command's exit code", error))?;
            if let (Some(code), Some(false)) = (state.exit_code, state.running) {
                return Ok(code);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Error::Invalid("the container stopped while a command ran in it".to_owned()))
    }
}

fn feed(message: LogOutput, sink: &mut (dyn FnMut(Pipe, Bytes) -> bool + Send)) -> bool {
    match message {
        LogOutput::StdOut { message } | LogOutput::Console { message } => sink(Pipe::Out, message),
        LogOutput::StdErr { message } => sink(Pipe::Err, message),
        LogOutput::StdIn { .. } => true,
    }
}
