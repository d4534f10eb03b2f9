//! What is asked of a collection, and what it tells.

use std::time::Duration;

use serde::Serialize;

use crate::engine::Engine;
use crate::error::Error;
use crate::host::{Disk, Locality};

/// How long an image is safe after it was looked up, unless said otherwise. Longer than the note of a use may
/// be old (see `last_use.rs`) and than an attempt takes from looking an image up to starting a container.
pub const GRACE: Duration = Duration::from_secs(900);
/// What images may take unless the settings say, in bytes; a quarter of a small disk.
const IMAGES: u64 = 20 << 30;
/// What download caches may take unless the settings say, in bytes.
const CACHES: u64 = 5 << 30;

/// What a host is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes for images.
    pub images: u64,
    /// Bytes for download caches.
    pub caches: u64,
}

impl Budget {
    /// The settings' budget, or what suits the daemon's disk.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn of(engine: &Engine) -> Result<Self, Error> {
        let settings = engine.settings();
        let locality = Locality::ask(engine).await?;
        let images = match (settings.image_budget, locality.data_folder(&settings.state_dir)) {
            (Some(set), _) => set,
            (None, Some(folder)) => IMAGES.min(Disk::of(folder)?.total_bytes / 4),
            (None, None) => IMAGES,
        };
        Ok(Self { images, caches: settings.cache_budget.unwrap_or(CACHES) })
    }
}

/// Whether something is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What does not fit is removed.
    Remove,
    /// It is only told what would be.
    DryRun,
}

/// What to collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What to hold the host to.
    pub budget: Budget,
    /// Bytes that must come free even where the budget is kept: a disk is full.
    pub shortage: u64,
    /// Whether something is removed.
    pub mode: Mode,
    /// How long an image is safe after it was used.
    pub grace: Duration,
    /// Only images and volumes whose names begin so; all others count as somebody else's.
    pub only: Option<String>,
}

impl Request {
    /// Everything of codegod's, held to a budget.
    #[must_use]
    pub fn within(budget: Budget, mode: Mode) -> Self {
        Self { budget, shortage: 0, mode, grace: GRACE, only: None }
    }

    pub(super) fn covers(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.starts_with(only))
    }
}

/// Something that was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The image, by name or id, or the volume whose oldest files went.
    pub name: String,
    /// How much that freed.
    pub bytes: u64,
}

/// Something that could have gone, but stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The image, by name or id, or the volume.
    pub name: String,
    /// What it takes in bytes, a layer that several have counted for the first of them.
    pub bytes: u64,
    /// Why it stays.
    pub why: String,
}

/// What came of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// What the images took before, in bytes.
    pub images_bytes: u64,
    /// What the download caches took before, in bytes.
    pub caches_bytes: u64,
    /// The images that went, in order.
    pub images: Vec<Removed>,
    /// The caches of which files went.
    pub caches: Vec<Removed>,
    /// What stays, and why.
    pub kept: Vec<Kept>,
    /// What could not be removed, with the reason; the next collection tries again.
    pub failures: Vec<String>,
}

impl Collected {
    /// How much came free, in bytes.
    #[must_use]
    pub fn freed_bytes(&self) -> u64 {
        self.images.iter().chain(&self.caches).map(|removed| removed.bytes).sum()
    }
}

/// What one kind of thing takes on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Family {
    /// The kind, as it is shown.
    pub name: &'static str,
    /// How many there are.
    pub count: usize,
    /// What they take in bytes.
    pub bytes: u64,
    /// What they may take, where there is a budget. Image families share one.
    pub budget: Option<u64>,
}
