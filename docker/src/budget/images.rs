//! The images of a host: whose each is, when it was last used, and taking one away.

use std::collections::HashSet;

use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveImageOptions};

use crate::app::STEPS;
use crate::disk_usage::ImageUsage;
use crate::engine::Engine;
use crate::error::{self, Error};
use crate::images;
use crate::labels::{NAME, Owner, Purpose};
use crate::last_use;

use super::layers::{Chain, Standing};
use super::report::Request;

/// Names under which codegod makes images; only these it takes away.
const REPOSITORIES: [&str; 2] = ["codegod/", "codegod-app/"];

/// An image and what is to be said of it.
pub(super) struct Image {
    pub(super) id: String,
    /// Its names; empty when it has none any more.
    pub(super) tags: Vec<String>,
    pub(super) kind: Kind,
    pub(super) chain: Chain,
    /// Why it stays whatever the budget is.
    pub(super) stays: Option<String>,
    /// Whether the daemon is to remove unnamed parents, too: the steps of a Dockerfile.
    has_steps: bool,
}

/// What an image is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Base,
    Environment,
    App,
    Stranger,
}

impl Image {
    pub(super) fn name(&self) -> &str {
        self.tags.first().unwrap_or(&self.id)
    }
}

/// Everything that decides about an image beside the image.
pub(super) struct Surroundings<'a> {
    pub(super) request: &'a Request,
    in_use: HashSet<String>,
    current: Vec<String>,
}

impl<'a> Surroundings<'a> {
    pub(super) async fn look(engine: &Engine, request: &'a Request) -> Result<Self, Error> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let listed = engine.docker().list_containers(Some(options)).await;
        let listed = listed.map_err(|error| Error::docker("ask which images are in use", error))?;
        let in_use = listed.into_iter().filter_map(|container| container.image_id).collect();
        Ok(Self { request, in_use, current: images::current_names()? })
    }

    /// Whether codegod gave an image one of its names.
    fn is_own(&self, usage: &ImageUsage, name: &String) -> bool {
        REPOSITORIES.iter().any(|repository| name.starts_with(repository))
            || usage.labels.get(NAME) == Some(name)
            || self.current.contains(name)
    }

    fn kind(&self, usage: &ImageUsage) -> Kind {
        // The steps of a failed build have their base's labels or none, but a name that only codegod gives.
        let is_step = |name: &String| name.split_once(':').is_some_and(|(repository, _)| repository == STEPS);
        if usage.repo_tags.iter().any(|name| is_step(name) && self.request.covers(name)) {
            return Kind::App;
        }
        let Some(owner) = Owner::from_map(&usage.labels) else { return Kind::Stranger };
        // Whatever a person builds on one of codegod's images inherits its labels.
        if !usage.repo_tags.is_empty() && !usage.repo_tags.iter().any(|name| self.is_own(usage, name)) {
            return Kind::Stranger;
        }
        let covered = usage.repo_tags.iter().any(|tag| self.request.covers(tag))
            || (usage.repo_tags.is_empty() && self.request.only.is_none());
        match owner.purpose {
            _ if !covered => Kind::Stranger,
            Some(Purpose::Env) => Kind::Environment,
            Some(Purpose::Image) if usage.labels.contains_key(NAME) => Kind::App,
            Some(Purpose::Image) => Kind::Base,
            _ => Kind::Stranger,
        }
    }

    /// Why an image stays whatever the budget is.
    fn stays(&self, usage: &ImageUsage, kind: Kind, last_used: i64) -> Option<String> {
        if usage.repo_tags.iter().any(|tag| self.current.contains(tag)) {
            return Some("a base image of this version".to_owned());
        }
        if let Some(other) = usage.repo_tags.iter().find(|name| !self.is_own(usage, name)) {
            return Some(format!("somebody named it {other}"));
        }
        if usage.repo_tags.is_empty() && kind == Kind::Base {
            return Some("it has no name that says whose it is".to_owned());
        }
        if self.in_use.contains(&usage.id) {
            return Some("a container was made from it".to_owned());
        }
        let grace = self.request.grace;
        (!last_use::is_older(last_used, grace))
            .then(|| format!("used in the last {} min", grace.as_secs() / 60))
    }
}

/// Looks at every image; none when it went meanwhile.
pub(super) async fn look(
    engine: &Engine,
    mut usage: ImageUsage,
    surroundings: &Surroundings<'_>,
) -> Result<Option<Image>, Error> {
    usage.repo_tags.retain(|tag| tag != "<none>:<none>");
    let inspected = engine.docker().inspect_image(&usage.id).await;
    let Some(inspected) = error::optional(inspected, format!("look at image {}", usage.id))? else {
        return Ok(None);
    };
    let last_used = last_use::last_use(&inspected);
    let kind = surroundings.kind(&usage);
    let stays = (kind != Kind::Stranger).then(|| surroundings.stays(&usage, kind, last_used)).flatten();
    let standing = match (kind, &stays) {
        (Kind::Stranger, _) => Standing::Stranger,
        (_, Some(_)) => Standing::Kept,
        (_, None) => Standing::Evictable,
    };
    let bytes = |bytes: i64| u64::try_from(bytes).unwrap_or_default();
    let chain = Chain {
        layers: inspected.root_fs.and_then(|root| root.layers).unwrap_or_default(),
        size: bytes(usage.size),
        shared: bytes(usage.shared_size),
        last_used,
        standing,
    };
    Ok(Some(Image { id: usage.id, tags: usage.repo_tags, kind, chain, stays, has_steps: kind == Kind::App }))
}

/// What came of taking an image away.
pub(super) enum Taken {
    /// It is gone.
    Gone,
    /// It is needed again, or still.
    Needed(String),
}

/// Takes an image away unless it was used since it was looked at: all its names, then itself. Docker
/// refuses while a container is made from it.
pub(super) async fn take_away(engine: &Engine, image: &Image) -> Result<Taken, Error> {
    let doing = || format!("remove image {}", image.name());
    let inspected = error::optional(engine.docker().inspect_image(&image.id).await, doing())?;
    let Some(now) = inspected else { return Ok(Taken::Gone) };
    if last_use::last_use(&now) != image.chain.last_used {
        return Ok(Taken::Needed("used a moment ago".to_owned()));
    }
    let names = if image.tags.is_empty() { std::slice::from_ref(&image.id) } else { &image.tags[..] };
    for name in names {
        let options = RemoveImageOptions { noprune: !image.has_steps, ..Default::default() };
        match engine.docker().remove_image(name, Some(options), None).await {
            Err(error) if error::status(&error) == Some(409) => {
                return Ok(Taken::Needed("a container was made from it".to_owned()));
            }
            removed => error::optional(removed, doing())?,
        };
    }
    Ok(Taken::Gone)
}
