//! `codegod`: the command line of the workstation. Reads the arguments, runs one command, says what
//! went wrong in one sentence, and ends with that command's exit code.
//!
//! | exit code | means |
//! |---|---|
//! | 0 | done, or the goal succeeded |
//! | 1 | failed (a cancelled goal too) |
//! | 2 | the goal is blocked: it needs a person |
//! | 64 | bad usage or bad input; nothing was submitted |
//! | 69 | something needed (Redis, Docker) is not reachable |
//! | 130, 143 | ctrl-C or SIGTERM ended the watching; the goal goes on |

mod cli;
mod commands;
mod console;
mod deadline;
mod diagnostics;
mod error;
mod follow;
mod input;
mod origin;
mod output;
mod report;
mod sanitize;
mod terminal;
mod text;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Invocation};
use crate::commands::Place;
use crate::error::Error;
use crate::output::{Format, Out};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(usage(&error)),
    };
    let out = Out::new(if cli.json { Format::Json } else { Format::Text });
    text::know_time_zone();
    let _flushed_at_end = diagnostics::start();
    let code = match run(cli, &out) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(error = %error.sentence(), "the command ended with an error");
            out.error(&error);
            error.exit_code()
        }
    };
    ExitCode::from(code)
}

/// Runs the command on a runtime that does not wait for threads that still read the keyboard.
fn run(cli: Cli, out: &Out) -> Result<u8, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| Error::Io { doing: "start the runtime", path: "tokio".into(), source })?;
    let at = Place { url: cli.redis_url, prefix: cli.prefix };
    let result = match cli.what {
        Invocation::Console(args) => runtime.block_on(console::run(at, &args)),
        Invocation::Command(command) => runtime.block_on(commands::run(&at, command, out)),
    };
    runtime.shutdown_background();
    result
}

/// Says what clap has to say; 0 for help and version, 64 for bad usage.
fn usage(error: &clap::Error) -> u8 {
    // Nothing can be said when the terminal itself is gone.
    let _gone = error.print();
    if !error.use_stderr() {
        return 0;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let sentence = error.to_string();
        let first = sentence.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Out::new(Format::Json).error_json(first, "codegod --help lists the commands");
    }
    error::EXIT_USAGE
}
