//! How long a goal takes beside the same work done by hand, and a second identical goal beside the
//! first: measured in one run, with warm download caches. `run.sh` builds what this needs.

mod by_hand;
mod goals;
mod overheads;
mod report;
mod salt;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use report::{Measured, table, timeline};

/// What is asked for.
struct Options {
    runs: u32,
    warm_up: bool,
    steps: bool,
}

fn options() -> Result<Options> {
    let mut options = Options { runs: 1, warm_up: true, steps: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-n" => options.runs = arguments.next().context("-n needs a number")?.parse()?,
            "--no-warm-up" => options.warm_up = false,
            "--steps" => options.steps = true,
            other => bail!("unknown option {other:?}"),
        }
    }
    Ok(options)
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program for people")]
async fn main() -> Result<ExitCode> {
    if std::env::args().nth(1).as_deref() == Some("goals") {
        println!("{}", serde_json::to_string(&goals::both().await?)?);
        return Ok(ExitCode::SUCCESS);
    }
    if std::env::args().nth(1).as_deref() == Some("overheads") {
        println!("{}\n{}", load(), overheads::table().await?);
        return Ok(ExitCode::SUCCESS);
    }
    let options = options()?;
    if options.warm_up {
        eprintln!("warming the download caches");
        by_hand::run().await?;
    }
    let mut runs = Vec::new();
    for number in 0..options.runs {
        println!("run {}, {}", number + 1, load());
        let (by_hand, goals) = pair(number % 2 == 1).await?;
        println!("{}", timeline("by hand", &by_hand.spans));
        println!("{}", timeline("first goal", &goals.first.spans));
        println!("{}", timeline("second goal", &goals.second.spans));
        if options.steps {
            println!("{}", timeline("first goal, by task", &goals.steps[0]));
            println!("{}", timeline("second goal, by task", &goals.steps[1]));
        }
        runs.push(Measured { by_hand, first: goals.first, second: goals.second });
    }
    let (text, met) = table(&runs);
    println!("{text}{}", load());
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One of each; which comes first alternates, so that a machine that gets busier favours neither.
async fn pair(goals_first: bool) -> Result<(report::Timed, goals::Goals)> {
    if goals_first {
        let goals = goals::run()?;
        return Ok((by_hand::run().await?, goals));
    }
    let by_hand = by_hand::run().await?;
    Ok((by_hand, goals::run()?))
}

/// How busy the machine is: others' work makes every number larger.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let average: Vec<&str> = load.split(' ').take(3).collect();
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("load average {} on {cpus} CPUs", average.join(" "))
}
