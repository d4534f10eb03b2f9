//! Building an app's image with the daemon's own builder.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use bollard::models::BuildInfo;
use bollard::query_parameters::{BuildImageOptionsBuilder, TagImageOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::capture::{Capture, CommandOutput};
use crate::connection;
use crate::engine::Engine;
use crate::error::Error;
use crate::images;
use crate::labels::{Labels, NAME, Purpose};

use super::{context, dockerfile};

/// The name that the steps of failed builds have; the tag is the step's id.
pub(crate) const STEPS: &str = "codegod-app/steps";

/// An image to build.
#[derive(Debug, Clone)]
pub struct BuildSpec {
    /// The files, as a tar.
    pub context: Bytes,
    /// The Dockerfile's path among them.
    pub dockerfile: String,
    /// The image's name and tag.
    pub tag: String,
    /// Build arguments beside the proxy variables.
    pub build_args: BTreeMap<String, String>,
    /// Whose it is.
    pub labels: Labels,
}

/// How much of a failed build's end is searched for a lost connection, in bytes.
const END: usize = 4096;

/// Builds an app's image, its base images ensured first. A Dockerfile that fails is an output with
/// exit code 1, not an error; where the network was lost it is built once more, from the step that
/// failed. `on_output` is given the builder's output as it comes.
///
/// # Errors
/// [`Error::Cancelled`], [`Error::TooLarge`], a base image that can't be had, or a failing daemon.
pub async fn build_image(
    engine: &Engine,
    spec: &BuildSpec,
    cancel: &CancellationToken,
    mut on_output: impl FnMut(&[u8]) + Send,
) -> Result<CommandOutput, Error> {
    let limit = engine.settings().max_tar_bytes;
    if spec.context.len() > limit {
        return Err(Error::TooLarge { what: "the build's files".to_owned(), limit });
    }
    let started = Instant::now();
    let mut capture = Capture::default();
    let mut end = Vec::new();
    let mut tries = 0;
    let exit_code = loop {
        let mut sink = |bytes: &[u8]| {
            on_output(bytes);
            capture.push(bytes);
            end.extend_from_slice(bytes);
            end.drain(..end.len().saturating_sub(END));
        };
        let exit_code = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Error::Cancelled),
            built = build(engine, spec, &mut sink) => built?,
        };
        tries += 1;
        if exit_code == 0 || tries == 2 {
            break exit_code;
        }
        let Some(sign) = connection::lost(&String::from_utf8_lossy(&end)) else { break exit_code };
        let note = format!("[{sign}: the network was lost in that step, which is tried once more]\n");
        on_output(note.as_bytes());
        capture.push(note.as_bytes());
    };
    Ok(CommandOutput {
        exit_code,
        total_bytes: capture.total(),
        output: capture.into_bytes(),
        seconds: started.elapsed().as_secs_f64(),
        timed_out: false,
        out_of_memory: false,
    })
}

async fn build(
    engine: &Engine,
    spec: &BuildSpec,
    sink: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<i64, Error> {
    let Some(text) = context::find_file(&spec.context, &spec.dockerfile)? else {
        sink(format!("there is no {}\n", spec.dockerfile).as_bytes());
        return Ok(1);
    };
    for image in dockerfile::base_images(&text, &spec.build_args) {
        images::ensure(engine, &image, &mut |line| sink(format!("{line}\n").as_bytes())).await?;
    }
    let mut args: HashMap<String, String> = engine.settings().proxies.iter().cloned().collect();
    args.extend(spec.build_args.clone());
    // Not `App`: containers inherit an image's labels, and one that a person starts of this image must
    // not look like a leftover of the goal.
    let mut labels = spec.labels.to_map(Purpose::Image);
    labels.insert(NAME.to_owned(), spec.tag.clone());
    let options = BuildImageOptionsBuilder::default()
        .dockerfile(&spec.dockerfile)
        .t(&spec.tag)
        .rm(true)
        .forcerm(true)
        .buildargs(&args)
        .labels(&labels)
        .build();
    let body = bollard::body_full(context::with_own_ignore(&spec.context, &spec.dockerfile)?);
    let mut stream = Box::pin(engine.docker().build_image(options, None, Some(body)));
    let mut step = None;
    let exit_code = follow(&mut stream, spec, &mut step, sink).await?;
    if let (true, Some(step)) = (exit_code != 0, step) {
        keep_steps(engine, &step).await;
    }
    Ok(exit_code)
}

/// Gives the last step of a build that failed a name: the next try goes on from there, and the disk's
/// budget finds it. Without one, nobody could tell later whose it was.
async fn keep_steps(engine: &Engine, step: &str) {
    let docker = engine.docker();
    let named = async {
        // The first step is the base image, which has names.
        if docker.inspect_image(step).await?.repo_tags.unwrap_or_default().is_empty() {
            let options = TagImageOptionsBuilder::default().repo(STEPS).tag(step).build();
            docker.tag_image(step, Some(options)).await?;
        }
        Ok::<(), bollard::errors::Error>(())
    };
    if let Err(error) = named.await {
        tracing::debug!(%error, "the steps of a failed build have no name");
    }
}

/// Reads the builder's messages to the end; `step` is the image after the last step that succeeded.
async fn follow(
    stream: &mut (impl Stream<Item = Result<BuildInfo, bollard::errors::Error>> + Unpin),
    spec: &BuildSpec,
    step: &mut Option<String>,
    sink: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<i64, Error> {
    while let Some(message) = stream.next().await {
        match message {
            Ok(info) => {
                if let Some(text) = info.stream.or(info.status) {
                    *step = step_of(&text).or(step.take());
                    sink(text.as_bytes());
                }
                if let Some(detail) = info.error_detail {
                    sink(format!("{}\n", detail.message.unwrap_or_default()).as_bytes());
                    return Ok(1);
                }
            }
            Err(bollard::errors::Error::DockerStreamError { error }) => {
                sink(format!("{error}\n").as_bytes());
                return Ok(1);
            }
            Err(bollard::errors::Error::DockerResponseServerError { status_code, message })
                if status_code < 500 || message.contains("ockerfile") =>
            {
                sink(format!("{message}\n").as_bytes());
                return Ok(1);
            }
            Err(error) => return Err(Error::docker(format!("build image {}", spec.tag), error)),
        }
    }
    Ok(0)
}

/// The image that a message of the builder names as a step's result.
fn step_of(text: &str) -> Option<String> {
    let id = text.trim().strip_prefix("---> ")?;
    (id.len() >= 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}
