//! When an image was last used, kept by the Docker daemon itself.
//!
//! Labels can't be changed afterwards, a file of ours is not seen by agents in containers or of another
//! user, and fleets with a Redis each may share a daemon. But the daemon notes when an image was last
//! given a name, survives restarts, and is what all who use its images have in common: so whoever looks
//! an image up gives it the name that it has already, at most once in [`RENEW`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::models::ImageInspect;
use bollard::query_parameters::{RemoveImageOptions, TagImageOptionsBuilder};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::builder::split_name;
use super::engine::Engine;
use super::error::{self, Error};
use super::labels::LABEL;

/// How old a note may become before it is renewed.
pub(crate) const RENEW: Duration = Duration::from_secs(300);

/// A second name, where the daemon notes nothing when an image is given a name again.
const MARK: &str = "codegod/used";

/// When an image was last given a name, in nanoseconds since 1970; 0 when the daemon does not say.
pub(crate) fn last_use(image: &ImageInspect) -> i64 {
    let noted = image.metadata.as_ref().and_then(|metadata| metadata.last_tag_time.as_deref());
    noted.and_then(parse).unwrap_or_default().max(0)
}

/// A time as the daemon writes it, in nanoseconds since 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    i64::try_from(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos()).ok()
}

/// Now, in nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Whether a note is older than `age`; one from the future (another clock) is not.
pub(crate) fn is_older(noted: i64, age: Duration) -> bool {
    now().saturating_sub(noted) > i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)
}

/// Notes that an image that was just looked up is used. Returns whether it is still there: when another
/// process removed it in the meantime, it is not. A note that the daemon refuses (a full disk) is no
/// reason not to use the image.
pub(crate) async fn note(engine: &Engine, name: &str, image: &ImageInspect) -> bool {
    let labels = image.config.as_ref().and_then(|config| config.labels.as_ref());
    if labels.is_none_or(|labels| !labels.contains_key(LABEL)) || !is_older(last_use(image), RENEW) {
        return true;
    }
    let own = image.repo_tags.iter().flatten().find(|tag| !tag.starts_with(MARK));
    let (Some(own), Some(id)) = (own, &image.id) else { return true };
    let own = if name.starts_with("sha256:") { own } else { name };
    note_again(engine, id, own).await.unwrap_or_else(|error| {
        tracing::debug!(%error, "the use of an image is not noted");
        true
    })
}

/// Notes that an image is used, however short ago that was noted. `name` is one of its names. Returns
/// whether it is still there.
pub(crate) async fn note_again(engine: &Engine, id: &str, name: &str) -> Result<bool, Error> {
    if engine.names_images_once().await? { mark(engine, id).await } else { give_name(engine, id, name).await }
}

/// Notes it by a name that is taken away and given anew.
async fn mark(engine: &Engine, id: &str) -> Result<bool, Error> {
    let name = mark_of(id);
    let options = RemoveImageOptions { noprune: true, ..Default::default() };
    let taken = engine.docker().remove_image(&name, Some(options), None).await;
    error::optional(taken, format!("take the name {name} away"))?;
    give_name(engine, id, &name).await
}

/// The second name of an image.
fn mark_of(id: &str) -> String {
    let digest = id.strip_prefix("sha256:").unwrap_or(id);
    format!("{MARK}:{}", digest.get(..16).unwrap_or(digest))
}

/// Gives an image a name; returns whether there is such an image.
async fn give_name(engine: &Engine, image: &str, name: &str) -> Result<bool, Error> {
    let (repo, tag) = split_name(name);
    let options = TagImageOptionsBuilder::default().repo(repo).tag(tag).build();
    let tagged = engine.docker().tag_image(image, Some(options)).await;
    Ok(error::optional(tagged, format!("note the use of {name}"))?.is_some())
}

#[cfg(test)]
mod tests {
    use bollard::models::ImageInspectMetadata;

    use super::*;
    use crate::archive::Archive;
    use crate::settings::Settings;

    fn noted(text: &str) -> i64 {
        let metadata = Some(ImageInspectMetadata { last_tag_time: Some(text.to_owned()) });
        last_use(&ImageInspect { metadata, ..Default::default() })
    }

    #[test]
    fn the_daemons_note_is_read_in_any_zone() {
        assert_eq!(noted("2026-11-21T14:07:57.692774033Z"), noted("2026-11-21T16:07:57.692774033+02:00"));
        assert_eq!(noted("1970-01-01T00:00:01.5Z"), 1_500_000_000);
        for never in ["0001-01-01T00:00:00Z", "", "yesterday"] {
            assert_eq!(noted(never), 0, "{never:?}");
        }
        assert_eq!(last_use(&ImageInspect::default()), 0);
    }

    #[test]
    fn a_clock_that_is_ahead_makes_nothing_old() {
        assert!(is_older(0, RENEW) && is_older(now() - 301_000_000_000, RENEW));
        assert!(!is_older(now() - 10, RENEW) && !is_older(now() + (1 << 50), RENEW));
    }
    #[tokio::test]
    async fn a_use_is_noted_by_a_name_given_again_and_by_a_second_name() {
        let engine = Engine::connect(Settings::from_env().expect("settings")).await.expect("Docker answers");
        let name = format!("codegod/env:{}", codegod_protocol::id::GoalId::random());
        let label = vec![format!("LABEL {LABEL}=env")];
        crate::builder::import(&engine, &name, Archive::new().finish().expect("packs"), label)
            .await
            .expect("imports");
        let id = engine.docker().inspect_image(&name).await.expect("is there").id.expect("has one");
        let seen = || async { last_use(&engine.docker().inspect_image(&id).await.expect("is there")) };
        let first = seen().await;
        assert!(give_name(&engine, &id, &name).await.expect("names"));
        let second = seen().await;
        assert!(mark(&engine, &id).await.expect("names") && mark(&engine, &id).await.expect("names"));
        let third = seen().await;
        assert!(0 < first && first < second && second < third, "{first} {second} {third}");
        for name in [mark_of(&id), name] {
            let options = RemoveImageOptions::default();
            engine.docker().remove_image(&name, Some(options), None).await.expect("is removed");
        }
        assert!(!mark(&engine, &id).await.expect("answers"), "it is gone");
    }
}
