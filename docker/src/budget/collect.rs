//! Holding a host to its budget, once.

use crate::disk_usage;
use crate::engine::Engine;
use crate::error::Error;

use super::caches;
use super::images::{self, Image, Kind, Surroundings, Taken};
use super::layers::{self, Chain};
use super::report::{Collected, Kept, Mode, Removed, Request};

/// Holds the host's images and download caches to a budget and tells what went, what stays and why.
/// It asks Docker to measure its volumes, which takes as long as reading through them.
///
/// # Errors
/// When the daemon does not answer. What it refuses to remove is in [`Collected::failures`].
pub async fn collect(engine: &Engine, request: &Request) -> Result<Collected, Error> {
    let usage = disk_usage::ask(engine).await?;
    let surroundings = Surroundings::look(engine, request).await?;
    let images = look(engine, usage.images, &surroundings).await?;
    let mut collected = Collected::default();
    hold_images(engine, &images, request, &mut collected).await;

    let caches = caches::covered(usage.volumes, request);
    collected.caches_bytes = caches.iter().map(caches::size).sum();
    let still_short = request.shortage.saturating_sub(collected.freed_bytes());
    let budget = request.budget.caches.min(collected.caches_bytes.saturating_sub(still_short));
    if let Err(error) = caches::hold(engine, &caches, budget, request.mode, &mut collected).await {
        collected.failures.push(error.to_string());
    }
    let gone = |name: &str| {
        collected.caches.iter().filter(|removed| removed.name == name).map(|gone| gone.bytes).sum()
    };
    let kept = caches.iter().map(|cache| {
        let gone: u64 = gone(&cache.name);
        let why = if gone > 0 { "its newer files" } else { "within the budget" };
        Kept {
            name: cache.name.clone(),
            bytes: caches::size(cache).saturating_sub(gone),
            why: why.to_owned(),
        }
    });
    let kept: Vec<Kept> = kept.collect();
    collected.kept.extend(kept);
    Ok(collected)
}

/// Looks at every image of the host.
pub(super) async fn look(
    engine: &Engine,
    usage: Vec<disk_usage::ImageUsage>,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Image>, Error> {
    let mut images = Vec::with_capacity(usage.len());
    for usage in usage {
        images.extend(images::look(engine, usage, surroundings).await?);
    }
    // Of layers that several families have, the earlier is told to have them.
    images.sort_by_key(|image| match image.kind {
        Kind::Stranger => 0,
        Kind::Base => 1,
        Kind::Environment => 2,
        Kind::App => 3,
    });
    Ok(images)
}

async fn hold_images(engine: &Engine, images: &[Image], request: &Request, collected: &mut Collected) {
    let chains: Vec<Chain> = images.iter().map(|image| image.chain.clone()).collect();
    let used = layers::choose(&chains, u64::MAX).used;
    collected.images_bytes = used;
    let budget = request.budget.images.min(used.saturating_sub(request.shortage));
    let choice = layers::choose(&chains, budget);
    let sizes = layers::attribute(&chains);
    let mut whys: Vec<Option<String>> = images.iter().map(|image| image.stays.clone()).collect();
    let mut gone = vec![false; images.len()];
    for (index, bytes) in choice.evict {
        let image = &images[index];
        let taken = match request.mode {
            Mode::DryRun => Ok(Taken::Gone),
            Mode::Remove => images::take_away(engine, image).await,
        };
        match taken {
            Ok(Taken::Gone) => {
                gone[index] = true;
                collected.images.push(Removed { name: image.name().to_owned(), bytes });
            }
            Ok(Taken::Needed(why)) => whys[index] = Some(why),
            Err(error) => collected.failures.push(error.to_string()),
        }
    }
    let ours = (0..images.len()).filter(|index| images[*index].kind != Kind::Stranger && !gone[*index]);
    collected.kept = ours
        .map(|index| Kept {
            name: images[index].name().to_owned(),
            bytes: sizes[index],
            why: whys[index].take().unwrap_or_else(|| "within the budget".to_owned()),
        })
        .collect();
}
