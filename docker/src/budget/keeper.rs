//! When a host is held to its budget: every few minutes, and at once when a disk gets too full for
//! another task. Of all processes that come here, one does it.

use std::time::{Duration, Instant};

use crate::admission::Floors;
use crate::builder;
use crate::engine::Engine;
use crate::error::{self, Error};
use crate::host::{Disk, Locality};
use crate::last_use;

use super::collect::collect;
use super::report::{Budget, GRACE, Mode, Request};

/// How often, by whichever process on the daemon.
const PERIOD: Duration = Duration::from_secs(300);
/// How often while a disk is too full.
const PERIOD_WHEN_FULL: Duration = Duration::from_secs(60);

/// One process's part in it.
pub(crate) struct Keeper {
    locality: Option<Locality>,
    looked: Option<Instant>,
    grace: Duration,
}

impl Keeper {
    pub(crate) fn new() -> Self {
        Self { locality: None, looked: None, grace: GRACE }
    }

    /// Comes by; mostly there is nothing to do. Costs one look at the disk, and rarely a question.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub(crate) async fn come_by(&mut self, engine: &Engine) -> Result<(), Error> {
        let shortage = self.shortage(engine).await?;
        let period = if shortage > 0 { PERIOD_WHEN_FULL } else { PERIOD };
        if self.looked.is_some_and(|looked| looked.elapsed() < period) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        match claim(engine, period).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // On a disk without a byte left not even that can be written down; it is needed most then.
            Err(error) if shortage > 0 => {
                tracing::debug!(%error, "looking after the disk without a note of it")
            }
            Err(error) => return Err(error),
        }
        let within = Request::within(Budget::of(engine).await?, Mode::Remove);
        let request = Request { shortage, grace: self.grace, ..within };
        let collected = collect(engine, &request).await?;
        if collected.freed_bytes() > 0 {
            tracing::info!(images = ?collected.images, caches = ?collected.caches, freed_bytes = collected.freed_bytes(),
                "removed what was used least recently");
        } else if shortage > 0 {
            tracing::warn!(shortage, "the disk is too full, and nothing of codegod's can go");
        }
        for failure in collected.failures {
            tracing::warn!(failure, "could not be removed; tried again in some minutes");
        }
        Ok(())
    }

    /// How many bytes the daemon's disk is short of what must be free, where that can be seen; 0 when
    /// there are enough.
    async fn shortage(&mut self, engine: &Engine) -> Result<u64, Error> {
        let locality = match &mut self.locality {
            Some(locality) => locality,
            unknown => unknown.insert(Locality::ask(engine).await?),
        };
        let Some(folder) = locality.data_folder(&engine.settings().state_dir) else { return Ok(0) };
        let disk = Disk::of(folder)?;
        Ok(Floors::of(engine.settings()).disk(disk.total_bytes).saturating_sub(disk.free_bytes))
    }
}

/// Whether nobody was here within the period; then everybody else is told that this process is.
async fn claim(engine: &Engine, period: Duration) -> Result<bool, Error> {
    let found = engine.docker().inspect_image(builder::EMPTY).await;
    let found = error::optional(found, "ask when the disk was looked at")?;
    let Some(id) = found.as_ref().and_then(|image| image.id.as_ref()) else {
        // The first on this daemon: to have made it is the note.
        builder::ensure_empty(engine).await?;
        return Ok(true);
    };
    // Half of it, or two processes whose turns lie close would each wait for the other's.
    if found.as_ref().is_some_and(|image| !last_use::is_older(last_use::last_use(image), period / 2)) {
        return Ok(false);
    }
    last_use::note_again(engine, id, builder::EMPTY).await
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
