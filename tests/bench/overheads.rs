//! What each round trip of an attempt costs by itself, with nothing in it: the price of sandboxes.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use codegod_docker::{CommandSpec, Engine, Labels, Network, Sandbox, Settings, images};
use tokio_util::sync::CancellationToken;

use crate::report::median;

/// How often each is done.
const ROUNDS: usize = 9;
/// The size of the archive that is uploaded, in bytes: that of a small app's sources.
const UPLOAD_BYTES: usize = 128 * 1024;

/// Milliseconds of each, collected over the rounds.
#[derive(Default)]
struct Times(Vec<(&'static str, Vec<f64>)>);

impl Times {
    fn add(&mut self, what: &'static str, since: Instant) {
        let ms = since.elapsed().as_secs_f64() * 1000.0;
        match self.0.iter_mut().find(|(known, _)| *known == what) {
            Some((_, all)) => all.push(ms),
            None => self.0.push((what, vec![ms])),
        }
    }
}

/// Measures all of them; the medians as a table.
///
/// # Errors
/// Docker is away or refuses.
pub(crate) async fn table() -> Result<String> {
    let engine = Engine::connect(Settings::from_env()?).await?;
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        let at = Instant::now();
        let image = images::ensure(&engine, images::WORKBENCH, &mut |line| eprintln!("{line}")).await?;
        times.add("find an image", at);
        round(&engine, image.as_str(), &mut times).await?;
    }
    let mut text = String::from("      ms  round trip\n");
    for (what, all) in times.0 {
        let _infallible = writeln!(text, "{:8.1}  {what}", median(all));
    }
    Ok(text)
}

async fn round(engine: &Engine, image: &str, times: &mut Times) -> Result<()> {
    let cancel = CancellationToken::new();
    let at = Instant::now();
    let sandbox = Sandbox::start(engine, image, &Labels::default(), Network::Bridge).await?;
    times.add("start a sandbox", at);
    let at = Instant::now();
    sandbox.upload(archive().into(), "/workspace").await?;
    times.add("upload the sources", at);
    let nothing = CommandSpec::new("true", Duration::from_secs(60));
    let at = Instant::now();
    let output = sandbox.run(&nothing, &cancel, |_| {}).await?;
    times.add("run a command", at);
    ensure!(output.exit_code == 0, "`true` failed");
    let pack = CommandSpec::new("tar -cf - .", Duration::from_secs(60));
    let at = Instant::now();
    let raw = sandbox.run_raw(&pack, &cancel, 16 << 20).await?;
    times.add("read the sources back", at);
    ensure!(raw.exit_code == 0 && raw.stdout.len() > UPLOAD_BYTES, "the sources did not come back");
    let at = Instant::now();
    sandbox.usage().await?;
    times.add("ask for its use of CPU and memory", at);
    let at = Instant::now();
    sandbox.remove().await?;
    times.add("remove the sandbox", at);
    Ok(())
}

/// An archive of one file.
fn archive() -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(UPLOAD_BYTES as u64);
    header.set_mode(0o644);
    let mut builder = tar::Builder::new(Vec::new());
    // Writing to memory does not fail; were it to, the round that reads the file back says so.
    let _checked_later = builder.append_data(&mut header, "sources", vec![b'x'; UPLOAD_BYTES].as_slice());
    builder.into_inner().unwrap_or_default()
}
