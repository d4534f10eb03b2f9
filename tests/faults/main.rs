//! Faults as a command: `run.sh` builds what this needs.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use codegod_tests::faults::cast::{Fsync, Programs};
use codegod_tests::faults::trouble::Kind;
use codegod_tests::faults::{self, Options};
use codegod_tests::fleet::binary;

/// Reads the command line; the second value is how many runs.
fn options() -> Result<(Options, u32)> {
    let programs = Programs { agent: binary("noop-agent")?, master: binary("codegod-master")? };
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let short = arguments.iter().position(|argument| argument == "--short");
    let seed = u64::from(rand::random::<u32>());
    let mut options = match short.map(|at| arguments.remove(at)) {
        Some(_) => Options::short(seed, programs),
        None => Options::long(seed, programs),
    };
    let mut runs = 1;
    let mut arguments = arguments.into_iter();
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        let unreadable = || format!("{name} {value}");
        match name.as_str() {
            "--seed" => options.seed = value.parse().with_context(unreadable)?,
            "--tasks" => options.tasks = value.parse().with_context(unreadable)?,
            "--workers" => options.size.workers = value.parse().with_context(unreadable)?,
            "--masters" => options.size.masters = value.parse().with_context(unreadable)?,
            "--every" => options.every = seconds(&value).with_context(unreadable)?,
            "--lease" => options.lease = seconds(&value).with_context(unreadable)?,
            "--fsync" => options.fsync = fsync(&value)?,
            "--runs" => runs = value.parse().with_context(unreadable)?,
            "--kinds" => options.kinds = value.split(',').map(kind).collect::<Result<_>>()?,
            _ => bail!("unknown option {name:?}"),
        }
    }
    Ok((options, runs))
}

fn seconds(text: &str) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}

fn kind(word: &str) -> Result<Kind> {
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == word);
    found.with_context(|| format!("{word:?} is none of kill, stop, cut"))
}

fn fsync(word: &str) -> Result<Fsync> {
    let found = [Fsync::EverySecond, Fsync::Always].into_iter().find(|fsync| fsync.name() == word);
    found.with_context(|| format!("{word:?} is neither everysec nor always"))
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program for people")]
async fn main() -> Result<ExitCode> {
    let (options, runs) = options()?;
    let mut good = true;
    for run in 0..runs {
        let options = Options { seed: options.seed + u64::from(run), ..options.clone() };
        eprintln!("seed {}", options.seed);
        let report = faults::run(&options).await?;
        println!("{report}\n");
        good &= report.is_good();
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
