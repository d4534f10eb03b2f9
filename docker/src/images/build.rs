//! Building an image from its definition: files and commands in a builder, then a commit.

use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::archive::{self, Archive};
use crate::builder::{self, Claim};
use crate::container::{self, Volumes};
use crate::engine::Engine;
use crate::error::Error;
use crate::labels::{Labels, Purpose};
use crate::sandbox::{CommandSpec, Sandbox, User};
use crate::settings::Settings;

use super::definition::{Base, Definition};
use super::{LAYOUT_LABEL, Progress, bootstrap};

/// Where the host's CA bundle lies in images that are built here: `docker build` on them has no
/// other way to trust a proxy that looks into TLS.
pub(super) const CA_FILE: &str = "/etc/ssl/certs/codegod-ca.pem";
/// How apt fetches, as on the host.
pub(super) const APT_FILE: &str = "/etc/apt/apt.conf.d/80codegod";
/// The longest that one setup command may take.
const COMMAND_DEADLINE: Duration = Duration::from_secs(1200);

/// Builds `definition` as the image `name`, or waits for the process that does.
pub(super) async fn build(
    engine: &Engine,
    definition: &Definition,
    name: &str,
    on_progress: Progress<'_>,
) -> Result<String, Error> {
    let base = match &definition.base {
        Base::Debian(debian) => return bootstrap::ensure(engine, definition, debian, name).await,
        // Boxed, because an image's base is ensured in the same way as the image.
        Base::Image(base) => Box::pin(super::ensure(engine, base, &mut *on_progress)).await?,
    };
    loop {
        if let Some(id) = engine.image_id(name).await? {
            return Ok(id);
        }
        let labels = engine.owner().clone();
        match builder::claim(engine, name, base.as_str(), &labels, Volumes::None, CA_FILE).await? {
            Claim::Waited => {}
            Claim::Mine(sandbox) => {
                let built = fill_and_commit(engine, definition, name, &sandbox, on_progress).await;
                sandbox.remove().await?;
                return built;
            }
        }
    }
}

async fn fill_and_commit(
    engine: &Engine,
    definition: &Definition,
    name: &str,
    sandbox: &Sandbox,
    on_progress: Progress<'_>,
) -> Result<String, Error> {
    sandbox.upload(files(engine.settings(), definition)?, "/").await?;
    if definition.layout {
        sandbox.upload(archive::layout()?, "/").await?;
    }
    for command in &definition.setup {
        let first = command.lines().next().unwrap_or_default();
        on_progress(&format!("{name}: {first}"));
        let spec = CommandSpec {
            workdir: "/".to_owned(),
            user: User::Root,
            ..CommandSpec::new(format!("set -e\n{command}"), COMMAND_DEADLINE)
        };
        let output = sandbox.run(&spec, &CancellationToken::new(), |_| {}).await?;
        if output.exit_code != 0 {
            let evidence = output.evidence(first, None);
            return Err(Error::ImageBuild {
                name: name.to_owned(),
                reason: format!("`{first}` ended with exit code {}: {}", output.exit_code, evidence.output),
            });
        }
    }
    let mut labels = Labels::default().to_map(Purpose::Image);
    labels.insert("codegod.definition".to_owned(), definition.hash.clone());
    if definition.layout {
        labels.insert(LAYOUT_LABEL.to_owned(), "1".to_owned());
    }
    builder::commit(engine, sandbox, name, &changes(engine.settings(), definition), labels).await
}

/// The definition's files, with the host's CA bundle and apt configuration.
fn files(settings: &Settings, definition: &Definition) -> Result<Bytes, Error> {
    let mut archive = Archive::new();
    if let Some(bundle) = &settings.ca_bundle {
        archive.file(CA_FILE.trim_start_matches('/'), 0, 0o644, bundle)?;
    }
    if !settings.apt.conf.is_empty() {
        archive.file(APT_FILE.trim_start_matches('/'), 0, 0o644, settings.apt.conf.as_bytes())?;
    }
    for file in &definition.files {
        let mode = if file.executable { 0o755 } else { 0o644 };
        archive.file(file.path.trim_start_matches('/'), 0, mode, file.content.as_bytes())?;
    }
    archive.finish()
}

/// The Dockerfile instructions that describe the image.
pub(super) fn changes(settings: &Settings, definition: &Definition) -> Vec<String> {
    let list = |words: &[String]| serde_json::Value::from(words.to_vec()).to_string();
    let mut changes: Vec<String> =
        definition.env.iter().map(|(name, value)| format!("ENV {name}={}", quoted(value))).collect();
    if settings.ca_bundle.is_some() {
        changes.extend(container::certificate_variables(CA_FILE).iter().map(|pair| format!("ENV {pair}")));
    }
    changes.push(format!("ENTRYPOINT {}", list(&definition.entrypoint)));
    changes.push(format!("CMD {}", list(&definition.cmd)));
    changes.extend(definition.ports.iter().map(|port| format!("EXPOSE {port}")));
    changes.push(format!("USER {}", if definition.user.is_empty() { "root" } else { &definition.user }));
    changes
        .push(format!("WORKDIR {}", if definition.workdir.is_empty() { "/" } else { &definition.workdir }));
    changes
}

fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

/// The host's apt configuration, for a builder on somebody else's image.
pub(crate) fn host_files(settings: &Settings) -> Result<Option<Bytes>, Error> {
    if settings.apt.conf.is_empty() {
        return Ok(None);
    }
    let mut archive = Archive::new();
    archive.file(APT_FILE.trim_start_matches('/'), 0, 0o644, settings.apt.conf.as_bytes())?;
    archive.finish().map(Some)
}
