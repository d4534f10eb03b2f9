//! Images: one that is on the host is used, else pulled, else built on the spot from a definition.
//!
//! The definitions (`deploy/images`) let a host without a registry work: everything comes from
//! Debian packages and the package indexes of Python and npm.

mod bootstrap;
mod build;
mod definition;
mod pull;

use std::fmt;

use super::engine::Engine;
use super::error::Error;
pub(crate) use build::host_files;
use definition::Definition;

/// Images with this label have the folders that a sandbox needs, with their owner.
pub(crate) const LAYOUT_LABEL: &str = "codegod.layout";

/// The image in which most environments begin.
pub const WORKBENCH: &str = "codegod/workbench";

/// An image's content-addressed id (`sha256:…`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageId(String);

impl ImageId {
    /// The id as Docker takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is said about the progress of an image, a line at a time.
pub type Progress<'a> = &'a mut (dyn FnMut(&str) + Send);

/// Makes sure that an image is on the host and gives its id: looked up (about 1 ms), else pulled,
/// else built from codegod's definition of that name. Several processes that ask at once build once.
///
/// # Errors
/// [`Error::ImageUnavailable`] when it can't be pulled and has no definition, [`Error::ImageBuild`]
/// when building it fails.
pub async fn ensure(engine: &Engine, name: &str, on_progress: Progress<'_>) -> Result<ImageId, Error> {
    let definition = definition::find(name)?;
    let local = definition.as_ref().map_or_else(|| name.to_owned(), Definition::local_name);
    if let Some(id) = engine.image_id(&local).await? {
        return Ok(ImageId(id));
    }
    let pulled = match &definition {
        Some(definition) if !definition.pull => Err("it is codegod's own".to_owned()),
        Some(_) | None => pull::pull(engine, name, on_progress).await,
    };
    match (pulled, definition) {
        (Ok(()), _) => match engine.image_id(name).await? {
            Some(id) => Ok(ImageId(id)),
            None => Err(Error::ImageUnavailable {
                name: name.to_owned(),
                reason: "pulled, but absent".to_owned(),
            }),
        },
        (Err(reason), None) => Err(Error::ImageUnavailable { name: name.to_owned(), reason }),
        (Err(reason), Some(definition)) => {
            on_progress(&format!("building {local} ({reason})"));
            build::build(engine, &definition, &local, on_progress).await.map(ImageId)
        }
    }
}

/// The names under which the images of this version's definitions are found.
pub(crate) fn current_names() -> Result<Vec<String>, Error> {
    let definitions = definition::NAMES.iter().map(|name| definition::find(name));
    definitions.filter_map(|found| found.map(|found| Some(found?.local_name())).transpose()).collect()
}

/// The names that codegod has definitions for.
#[must_use]
pub fn defined() -> Vec<&'static str> {
    definition::NAMES.to_vec()
}
