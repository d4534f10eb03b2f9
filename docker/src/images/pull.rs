//! Pulling: short, because a host without a registry must not wait for one.

use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::builder::split_name;
use crate::engine::Engine;

use super::Progress;

/// How long a registry may take to say anything at all.
const FIRST_ANSWER: Duration = Duration::from_secs(15);
/// How long a pull that is under way may be silent.
const SILENCE: Duration = Duration::from_secs(120);

/// Pulls an image; the error says in words why it can't be had.
pub(super) async fn pull(engine: &Engine, name: &str, on_progress: Progress<'_>) -> Result<(), String> {
    let (repo, tag) = split_name(name);
    let options = CreateImageOptionsBuilder::default().from_image(repo).tag(tag).build();
    let mut stream = Box::pin(engine.docker().create_image(Some(options), None, None));
    let mut patience = FIRST_ANSWER;
    let mut last = String::new();
    loop {
        let next = timeout(patience, stream.next()).await;
        match next.map_err(|_| format!("the registry said nothing for {} s", patience.as_secs()))? {
            None => return Ok(()),
            Some(Err(error)) => return Err(error.to_string()),
            Some(Ok(info)) => {
                if let Some(detail) = info.error_detail.and_then(|detail| detail.message) {
                    return Err(detail);
                }
                if let Some(status) = info.status.filter(|status| *status != last) {
                    on_progress(&format!("pulling {name}: {status}"));
                    last = status;
                }
            }
        }
        patience = SILENCE;
    }
}
