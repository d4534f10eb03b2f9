//! Settings of the Docker side: limits, caches, the CA bundle, proxies and apt, from the environment.
//!
//! Whatever is not set follows the host: a machine behind a corporate proxy has its bundle, proxy
//! variables and apt sources set up already, and containers need the same.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codegod_protocol::settings::variable;

use super::host::parse_size;

/// Where distributions keep the bundle of trusted certificates.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Proxy variables that are passed on, in both cases.
const PROXY_NAMES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable's value is not one that it may have.
    #[error("{name}={value:?}: {expected}")]
    Value {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A file that a variable names can't be read.
    #[error("{name}: read {}: {source}", path.display())]
    File {
        /// The variable.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// What one container may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Memory in bytes; there is no swap beside it.
    pub memory_bytes: i64,
    /// CPUs, in billionths.
    pub nano_cpus: i64,
    /// Processes and threads.
    pub pids: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 4 << 30, nano_cpus: 2_000_000_000, pids: 1024 }
    }
}

/// How the host's apt reaches its archives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Apt {
    /// A sources file for the Debian release that images are built from; none leaves the release's
    /// usual archives.
    pub sources: Option<PathBuf>,
    /// Lines for an `apt.conf.d` file: proxies, checks.
    pub conf: String,
}

/// Settings of the Docker side.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The daemon's address (`DOCKER_HOST`); none is the usual socket.
    pub host: Option<String>,
    /// Limits of each container.
    pub limits: Limits,
    /// Certificates that containers trust, PEM; none leaves each image's own.
    pub ca_bundle: Option<Vec<u8>>,
    /// Proxy variables passed on to commands, name and value.
    pub proxies: Vec<(String, String)>,
    /// apt in containers.
    pub apt: Apt,
    /// Prefix of the cache volumes' names (`<prefix>-pip`, `<prefix>-npm`).
    pub cache_prefix: String,
    /// The largest tar that is taken in or given out, in bytes.
    pub max_tar_bytes: usize,
    /// The longest wait for another process's build of the same image.
    pub lock_timeout: Duration,
    /// Memory that must be free before a task is claimed, in bytes; none leaves it to the rule of
    /// [`super::admission`].
    pub min_free_memory: Option<u64>,
    /// Disk that must be free before a task is claimed, in bytes; none leaves it to the rule of
    /// [`super::admission`].
    pub min_free_disk: Option<u64>,
    /// What codegod's images may take on the host, in bytes; none leaves it to the rule of
    /// [`super::budget`].
    pub image_budget: Option<u64>,
    /// What download caches may take on the host, in bytes; none leaves it to the rule of
    /// [`super::budget`].
    pub cache_budget: Option<u64>,
    /// Where codegod's processes keep files: `CODEGOD_STATE_DIR`, else `$XDG_STATE_HOME/codegod`, else
    /// `~/.local/state/codegod`.
    pub state_dir: PathBuf,
}

impl Settings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// [`SettingsError`] naming the variable whose value can't be used.
    pub fn from_env() -> Result<Self, SettingsError> {
        let defaults = Limits::default();
        let limits = Limits {
            memory_bytes: parsed(
                "CODEGOD_SANDBOX_MEMORY",
                "a size such as 2g or 512m, at least 64m",
                |text| i64::try_from(parse_size(text)?).ok().filter(|bytes| *bytes >= 64 << 20),
            )?
            .unwrap_or(defaults.memory_bytes),
            nano_cpus: parsed("CODEGOD_SANDBOX_CPUS", "a number of CPUs such as 1.5, above 0", parse_cpus)?
                .unwrap_or_else(|| defaults.nano_cpus.min(host_cpus())),
            pids: parsed("CODEGOD_SANDBOX_PIDS", "a whole number, at least 16", |text| {
                text.parse::<i64>().ok().filter(|pids| *pids >= 16)
            })?
            .unwrap_or(defaults.pids),
        };
        Ok(Self {
            host: variable("DOCKER_HOST"),
            limits,
            ca_bundle: ca_bundle()?,
            proxies: proxies(),
            apt: apt()?,
            cache_prefix: parsed("CODEGOD_CACHE_PREFIX", "letters, digits and dashes", volume_name)?
                .unwrap_or_else(|| "codegod-cache".to_owned()),
            max_tar_bytes: parsed("CODEGOD_MAX_SOURCE", "a size such as 256m", parse_size)?
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(512 << 20),
            lock_timeout: Duration::from_secs(1800),
            min_free_memory: size("CODEGOD_MIN_FREE_MEMORY")?,
            min_free_disk: size("CODEGOD_MIN_FREE_DISK")?,
            image_budget: size("CODEGOD_IMAGE_BUDGET")?,
            cache_budget: size("CODEGOD_CACHE_BUDGET")?,
            state_dir: state_dir(),
        })
    }
}

fn size(name: &'static str) -> Result<Option<u64>, SettingsError> {
    parsed(name, "a size such as 2GiB or 512MiB", parse_size)
}

fn state_dir() -> PathBuf {
    variable("CODEGOD_STATE_DIR")
        .map(PathBuf::from)
        .or_else(|| variable("XDG_STATE_HOME").map(|folder| PathBuf::from(folder).join("codegod")))
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/state/codegod")))
        .unwrap_or_else(|| env::temp_dir().join("codegod"))
}

fn parsed<T>(
    name: &'static str,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, SettingsError> {
    match variable(name) {
        None => Ok(None),
        Some(value) => parse(value.trim()).map(Some).ok_or(SettingsError::Value { name, value, expected }),
    }
}

fn parse_cpus(text: &str) -> Option<i64> {
    let cpus: f64 = text.parse().ok()?;
    if !(0.01..=1024.0).contains(&cpus) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 1024e9, which an i64 holds")]
    let nano = (cpus * 1e9) as i64;
    Some(nano)
}

/// The daemon refuses a limit above the CPUs it has.
fn host_cpus() -> i64 {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    i64::try_from(cpus).unwrap_or(1).saturating_mul(1_000_000_000)
}

fn volume_name(text: &str) -> Option<String> {
    let good = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (good && text.starts_with(|first: char| first.is_ascii_alphanumeric())).then(|| text.to_owned())
}

fn ca_bundle() -> Result<Option<Vec<u8>>, SettingsError> {
    let name = "CODEGOD_CA_BUNDLE";
    if let Ok(path) = env::var(name) {
        if path.is_empty() {
            return Ok(None);
        }
        let path = PathBuf::from(path);
        return std::fs::read(&path).map(Some).map_err(|source| SettingsError::File { name, path, source });
    }
    let usual = variable("SSL_CERT_FILE").into_iter().chain(BUNDLES.map(str::to_owned));
    Ok(usual.filter_map(|path| std::fs::read(path).ok()).find(|bytes| !bytes.is_empty()))
}

/// Both cases of each name: curl reads the lower one only, other programs the upper.
fn proxies() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in PROXY_NAMES {
        let lower = name.to_ascii_lowercase();
        if let Some(value) = variable(name).or_else(|| variable(&lower)) {
            found.push((name.to_owned(), value.clone()));
            found.push((lower, value));
        }
    }
    found
}

fn apt() -> Result<Apt, SettingsError> {
    let sources = match variable("CODEGOD_APT_SOURCES") {
        Some(path) => Some(PathBuf::from(path)),
        None => host_sources(),
    };
    let conf = match env::var("CODEGOD_APT_CONF") {
        Ok(path) if path.is_empty() => String::new(),
        Ok(path) => {
            let path = PathBuf::from(path);
            std::fs::read_to_string(&path).map_err(|source| SettingsError::File {
                name: "CODEGOD_APT_CONF",
                path,
                source,
            })?
        }
        Err(_) => host_conf(),
    };
    Ok(Apt { sources, conf })
}

/// The host's own sources, when the host runs the release that images are built from.
fn host_sources() -> Option<PathBuf> {
    let release = std::fs::read_to_string("/etc/os-release").ok()?;
    if !release.lines().any(|line| line == "VERSION_CODENAME=bookworm")
        || !release.lines().any(|line| line == "ID=debian")
    {
        return None;
    }
    ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]
        .into_iter()
        .map(Path::new)
        .find(|path| path.is_file())
        .map(Path::to_path_buf)
}

/// The option for how often apt asks again for what it could not fetch.
const RETRIES: &str = "Acquire::Retries ";

/// How the host's apt fetches (proxies, time-outs, checks), without its hooks and folders. Where the host leaves
/// it open, a download that fails is tried again: one lost connection shall not fail an image.
fn host_conf() -> String {
    let dump = std::process::Command::new("apt-config").arg("dump").output();
    let mut conf =
        dump.map(|output| fetching_options(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default();
    if !conf.contains(RETRIES) {
        conf.push_str(RETRIES);
        conf.push_str("\"3\";\n");
    }
    conf
}

fn fetching_options(dump: &str) -> String {
    let prefixes = ["Acquire::http::", "Acquire::https::", "Acquire::Check-", RETRIES, "Acquire::ForceIPv"];
    dump.lines()
        .filter(|line| prefixes.iter().any(|prefix| line.starts_with(prefix)) && !line.ends_with("\"\";"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_a_positive_number() {
        assert_eq!(parse_cpus("1.5"), Some(1_500_000_000));
        for wrong in ["0", "-1", "NaN", "inf", "two"] {
            assert_eq!(parse_cpus(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn of_the_hosts_apt_only_how_it_fetches_is_taken() {
        let dump = "Acquire::http::Proxy \"http://proxy:3128\";\nAcquire::https::CAInfo \"\";\n\
                    Acquire::Check-Date \"false\";\nDPkg::Post-Invoke:: \"rm -rf /\";\n";
        assert_eq!(
            fetching_options(dump),
            "Acquire::http::Proxy \"http://proxy:3128\";\nAcquire::Check-Date \"false\";\n"
        );
    }
}
