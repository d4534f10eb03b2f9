//! What the engine costs beside what Redis itself can do, measured in one run on one machine: a table of ratios
//! with the bars that codegod holds itself to. `engine.sh` builds what this needs.

mod bare;
mod child;
mod crew;
mod idle;
mod latency;
mod meter;
mod options;
mod plan;
mod plans;
mod report;
mod throughput;
mod turns;

use std::process::ExitCode;

use anyhow::{Context, Result};

use options::{GROUPS, Options};
use report::{Group, Report};

#[expect(clippy::print_stdout, reason = "a program for people")]
fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, words)) = arguments.split_first()
        && first == "child"
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(child::run(words))?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::read(arguments.into_iter())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let report = runtime.block_on(measure(&options))?;
    println!("{}", report.table());
    if let Some(file) = &options.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, json).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(if report.met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(options: &Options) -> Result<Report> {
    let mut setting = vec![options.words(), version(options).await?, format!("before: {}", meter::load())];
    let mut groups: Vec<Group> = Vec::new();
    for name in GROUPS.into_iter().filter(|name| options.wants(name)) {
        eprintln!("{name}: {}", meter::load());
        groups.push(match name {
            "throughput" => throughput::measure(options).await?,
            "latency" => latency::measure(options).await?,
            "plans" => plans::measure(options).await?,
            "agents" => idle::thousand(options).await?,
            _ => idle::processes(options).await?,
        });
    }
    setting.push(format!("after: {}", meter::load()));
    Ok(Report::new(setting, groups))
}

/// Of the Redis that is measured.
async fn version(options: &Options) -> Result<String> {
    let server = options.redis()?;
    Ok(format!("Redis {}", plan::client(&server.url()).await?.server_version().await?))
}
