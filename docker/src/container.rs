//! Containers that stand idle and take commands: limits, mounts, and the environment of commands.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    ResourcesUlimits,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, StartContainerOptions, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;

use super::engine::Engine;
use super::error::{self, Error, status};
use super::labels::{Labels, Purpose};
use super::last_use;
use super::rooted;
use super::settings::Settings;
use super::volumes;

/// The search path of an image that names none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Names that compose files give to servers. Those that run beside a sandbox share its network, so all of them
/// are the container itself.
const SIBLINGS: [&str; 8] =
    ["db", "database", "postgres", "postgresql", "mysql", "mariadb", "redis", "mongo"];

/// What a container can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// The default bridge: everything outside.
    #[default]
    Bridge,
    /// Nothing.
    None,
}

impl Network {
    fn mode(self) -> &'static str {
        match self {
            Network::Bridge => "bridge",
            Network::None => "none",
        }
    }
}

/// What processes in a container may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privileges {
    /// Nothing: all capabilities dropped.
    Dropped,
    /// Docker's default capabilities, so that root can install packages.
    Installing,
}

/// Which shared volumes a container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Volumes {
    /// Download caches and the CA bundle.
    Shared,
    /// None: everything that is written is committed.
    None,
    /// These volumes alone, at `/caches/0` and so on.
    Caches(Vec<String>),
}

/// A container to be made.
pub(crate) struct Idle<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) image: &'a str,
    pub(crate) labels: HashMap<String, String>,
    pub(crate) privileges: Privileges,
    pub(crate) volumes: Volumes,
    pub(crate) network: Network,
}

/// How the making of a named container ended.
pub(crate) enum Created {
    /// Its id.
    New(String),
    /// Another process made one of that name first.
    NameTaken,
}

/// Makes a container whose process 1 waits for ever as root, and starts it. Commands run beside it
/// as another user, so that killing all of that user's processes leaves the container up.
pub(crate) async fn start(engine: &Engine, idle: Idle<'_>) -> Result<Created, Error> {
    let image = idle.image.to_owned();
    let doing = || format!("make a container of {image}");
    let body = ContainerCreateBody {
        image: Some(image.clone()),
        entrypoint: Some(vec![]),
        cmd: Some(vec!["sleep".into(), "infinity".into()]),
        user: Some("0:0".into()),
        working_dir: Some("/".into()),
        labels: Some(idle.labels),
        host_config: Some(HostConfig {
            network_mode: Some(idle.network.mode().to_owned()),
            extra_hosts: Some(SIBLINGS.iter().map(|name| format!("{name}:127.0.0.1")).collect()),
            mounts: Some(match idle.volumes {
                Volumes::Shared => volumes::mounts(engine.settings(), volumes::Access::InUse),
                Volumes::None => Vec::new(),
                Volumes::Caches(names) => {
                    let numbered = names.into_iter().enumerate();
                    numbered.map(|(number, name)| volume(name, &format!("/caches/{number}"), false)).collect()
                }
            }),
            ..limited(engine.settings(), idle.privileges)
        }),
        ..Default::default()
    };
    let options = idle.name.map(|name| CreateContainerOptionsBuilder::default().name(name).build());
    let id = match engine.docker().create_container(options, body).await {
        Ok(created) => created.id,
        Err(error) if idle.name.is_some() && status(&error) == Some(409) => return Ok(Created::NameTaken),
        Err(error) => return Err(Error::docker(doing(), error)),
    };
    if let Err(error) = engine.docker().start_container(&id, None::<StartContainerOptions>).await {
        engine.remove_container(&id).await?;
        return Err(Error::docker(format!("start a container of {}", idle.image), error));
    }
    Ok(Created::New(id))
}

/// The limits that every container of codegod has.
pub(crate) fn limited(settings: &Settings, privileges: Privileges) -> HostConfig {
    let ulimit = |name: &str, soft: i64, hard: i64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(soft),
        hard: Some(hard),
    };
    let log = [("max-size", "1m"), ("max-file", "1")];
    HostConfig {
        init: Some(true),
        cap_drop: match privileges {
            Privileges::Dropped => Some(vec!["ALL".into()]),
            Privileges::Installing => None,
        },
        security_opt: Some(vec!["no-new-privileges:true".into()]),
        pids_limit: Some(settings.limits.pids),
        memory: Some(settings.limits.memory_bytes),
        memory_swap: Some(settings.limits.memory_bytes),
        nano_cpus: Some(settings.limits.nano_cpus),
        shm_size: Some(64 << 20),
        ipc_mode: Some("private".into()),
        ulimits: Some(vec![
            ulimit("nofile", 8192, 16384),
            ulimit("core", 0, 0),
            // Per file: one runaway log must not fill the host's disk.
            ulimit("fsize", 8 << 30, 8 << 30),
        ]),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(log.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()),
        }),
        oom_score_adj: Some(500),
        ..Default::default()
    }
}

/// A named volume at a path. Should it be gone, Docker makes it anew with the labels that it had.
pub(crate) fn volume(name: String, target: &str, read_only: bool) -> Mount {
    let labels = Labels::default().to_map(Purpose::Cache);
    Mount {
        volume_options: Some(MountVolumeOptions { labels: Some(labels), ..Default::default() }),
        typ: Some(MountType::VOLUME),
        source: Some(name),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        ..Default::default()
    }
}

/// Unpacks a tar into a folder of a container; owners are those of the tar.
pub(crate) async fn upload(engine: &Engine, container: &str, path: &str, tar: Bytes) -> Result<(), Error> {
    let (tar, at) = rooted::unpacked_at(tar, path)?;
    let options = UploadToContainerOptionsBuilder::default().path(at).build();
    engine
        .docker()
        .upload_to_container(container, Some(options), bollard::body_full(tar))
        .await
        .map_err(|error| Error::docker(format!("upload files to {path}"), error))
}

/// The search path that an image sets; the image counts as used now.
pub(crate) async fn image_path(engine: &Engine, image: &str) -> Result<String, Error> {
    let gone = || Error::ImageGone { image: image.to_owned() };
    let inspected =
        error::optional(engine.docker().inspect_image(image).await, format!("look up image {image}"))?;
    let inspected = inspected.ok_or_else(gone)?;
    if !last_use::note(engine, image, &inspected).await {
        return Err(gone());
    }
    let env = inspected.config.and_then(|config| config.env).unwrap_or_default();
    let path = env.iter().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
    Ok(path.to_owned())
}

fn pair(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// The variables by which programs find trusted certificates, all naming `path`.
pub(crate) fn certificate_variables(path: &str) -> Vec<String> {
    ["PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"]
        .iter()
        .chain(&["NODE_EXTRA_CA_CERTS", "npm_config_cafile"])
        .map(|name| pair(name, path))
        .collect()
}

/// The environment of commands that run as the agent's user.
pub(crate) fn agent_env(settings: &Settings, image_path: &str) -> Vec<String> {
    let mut env = vec![
        pair("HOME", "/home/agent"),
        pair("USER", "agent"),
        pair("LANG", "C.UTF-8"),
        pair("VIRTUAL_ENV", "/env/venv"),
        pair("PATH", &format!("/env/venv/bin:/home/agent/.local/bin:{image_path}")),
        pair("PIP_CACHE_DIR", "/cache/pip"),
        pair("npm_config_cache", "/cache/npm"),
    ];
    env.extend(quiet());
    env.extend(network_env(settings, settings.ca_bundle.is_some().then_some(volumes::CA_FILE)));
    env
}

/// The environment of commands that run as root, for installing packages.
pub(crate) fn root_env(settings: &Settings, image_path: &str, ca_file: &str) -> Vec<String> {
    let mut env = vec![
        pair("HOME", "/root"),
        pair("LANG", "C.UTF-8"),
        pair("PATH", image_path),
        pair("DEBIAN_FRONTEND", "noninteractive"),
        pair("PIP_NO_CACHE_DIR", "1"),
        pair("PIP_ROOT_USER_ACTION", "ignore"),
    ];
    env.extend(quiet());
    env.extend(network_env(settings, settings.ca_bundle.is_some().then_some(ca_file)));
    env
}

/// No advice, and a request to npm's registry that gets no answer is made again after a minute, not after five.
fn quiet() -> [String; 5] {
    [
        pair("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        pair("npm_config_update_notifier", "false"),
        pair("npm_config_fund", "false"),
        pair("npm_config_audit", "false"),
        pair("npm_config_fetch_timeout", "60000"),
    ]
}

fn network_env(settings: &Settings, ca_file: Option<&str>) -> Vec<String> {
    let mut env: Vec<String> = settings.proxies.iter().map(|(name, value)| pair(name, value)).collect();
    env.extend(ca_file.map(certificate_variables).unwrap_or_default());
    env
}
