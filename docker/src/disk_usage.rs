//! What images and volumes take on the daemon's disk, as `/system/df` tells.
//!
//! The client library reads only the form of the newest daemons. So it is asked for the form that every
//! daemon speaks, by a request of its own, over whatever connection the library has.

use std::collections::HashMap;

use bollard::Docker;
use hyper::Uri;
use hyper::http::uri::PathAndQuery;
use serde::{Deserialize, Deserializer};

use super::engine::Engine;
use super::error::Error;

/// The last version of the API with this form.
const LAST: usize = 51;
/// The first version that can be asked for a part.
const PARTS: usize = 42;

/// The daemon's answer, as far as it is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DiskUsage {
    /// Every image with a name or without children.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) images: Vec<ImageUsage>,
    /// Every volume.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) volumes: Vec<VolumeUsage>,
}

/// An image's part.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ImageUsage {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) labels: HashMap<String, String>,
    #[serde(default)]
    pub(crate) size: i64,
    #[serde(default)]
    pub(crate) shared_size: i64,
}

/// A volume's part.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VolumeUsage {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) labels: HashMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) usage_data: VolumeFigures,
}

/// What a volume takes and who has it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VolumeFigures {
    /// In bytes; -1 when unknown.
    #[serde(default)]
    pub(crate) size: i64,
    /// Containers, running or not, that mount it; -1 when unknown.
    #[serde(default)]
    pub(crate) ref_count: i64,
}

/// `null` for nothing, as the daemon writes it.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Asks the daemon. It walks through every volume for that, so it is not to be asked often.
pub(crate) async fn ask(engine: &Engine) -> Result<DiskUsage, Error> {
    let minor = engine.docker().client_version().minor_version.min(LAST);
    let parts = if minor >= PARTS { "?type=image&type=volume" } else { "" };
    let path = format!("/v1.{minor}/system/df{parts}");
    let path = path.parse().map_err(|_| Error::Invalid(format!("{path} is no path")))?;
    let answer = elsewhere(engine.docker(), path).ping().await;
    let answer = answer.map_err(|error| Error::docker("ask Docker what its disk holds", error))?;
    serde_json::from_str(&answer)
        .map_err(|error| Error::Invalid(format!("Docker's answer about its disk can't be read: {error}")))
}

/// The same connection, with requests that go to `path`.
fn elsewhere(docker: &Docker, path: PathAndQuery) -> Docker {
    docker.clone().with_request_modifier(move |mut request| {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(path.clone());
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        request
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_nulls() {
        let text = r#"{"LayersSize": 5, "Images": [{"Id": "sha256:a", "RepoTags": null, "Labels": null, "Size": 7,
            "SharedSize": 3, "Containers": 0, "New": {}}], "Volumes": null, "BuildCache": null}"#;
        let usage: DiskUsage = serde_json::from_str(text).expect("reads");
        assert_eq!((usage.images[0].size, usage.images[0].shared_size, usage.volumes.len()), (7, 3, 0));
        let text = r#"{"Images": null, "Volumes": [{"Name": "v", "Labels": {"a": "b"}, "UsageData": null}]}"#;
        let usage: DiskUsage = serde_json::from_str(text).expect("reads");
        assert_eq!(usage.volumes[0].usage_data.size, 0);
    }
}
