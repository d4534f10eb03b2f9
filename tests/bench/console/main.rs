//! What the console costs: processor, wake-ups, bytes to the terminal, memory, and how long a person waits.
//! `tests/bench/console.sh` builds and runs it.

mod load;
mod meter;
mod options;
mod scenes;
mod table;

use std::process::ExitCode;

use anyhow::Result;

use crate::options::Options;
use crate::table::Table;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<ExitCode> {
    let options = Options::read(std::env::args().skip(1))?;
    let mut table = Table::begin();
    for (name, scene) in scenes::ALL {
        if options.wants(name) {
            scene.measure(&options, &mut table).await?;
        }
    }
    Ok(if table.end() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
