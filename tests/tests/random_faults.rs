//! Faults at random, in short: a fleet of processes that do nothing or sleep, hit every half a second. The
//! long run is a command, `tests/faults/run.sh`.

use std::path::PathBuf;

use codegod_tests::faults::cast::Programs;
use codegod_tests::faults::{self, Options};
use codegod_tests::fleet::binary;

/// The seed of the run that is always the same: everybody is killed, stopped and cut off in it.
const SEED: u64 = 2;

fn programs() -> anyhow::Result<Programs> {
    let agent = PathBuf::from(env!("CARGO_BIN_EXE_noop-agent"));
    Ok(Programs { agent, master: binary("codegod-master")? })
}

async fn every_rule_is_kept(seed: u64) -> anyhow::Result<()> {
    let report = faults::run(&Options::short(seed, programs()?)).await?;
    eprintln!("{report}");
    assert!(report.is_good(), "with the seed {seed}:\n{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_is_kept_while_everybody_is_killed_stopped_and_cut_off() -> anyhow::Result<()> {
    every_rule_is_kept(SEED).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "another seed every time: what it finds is not the fault of the change at hand"]
async fn every_rule_is_kept_from_any_seed() -> anyhow::Result<()> {
    every_rule_is_kept(u64::from(rand::random::<u32>())).await
}
