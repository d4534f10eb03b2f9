//! `doctor`: what is set, what is reachable, and what to do about what is not.

mod host;
mod redis;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use super::Place;
use crate::error::Error;
use crate::output::{Line, Meaning, Out};

/// How long each thing may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The oldest git that merges without a work tree.
const GIT_FLOOR: (u32, u32) = (2, 38);
/// Where a host's certificates usually are.
const CA_BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/// Settings whose value may be shown.
const SHOWN: [&str; 20] = [
    "VLLM_API_URL",
    "LOG_LEVEL",
    "DOCKER_HOST",
    "CODEGOD_PREFIX",
    "CODEGOD_PLAYBOOKS",
    "CODEGOD_STATE_DIR",
    "CODEGOD_LEASE_MS",
    "CODEGOD_KEEP_GOALS",
    "CODEGOD_KEEP_DAYS",
    "CODEGOD_KEEP_EVENTS",
    "CODEGOD_SANDBOX_MEMORY",
    "CODEGOD_SANDBOX_CPUS",
    "CODEGOD_SANDBOX_PIDS",
    "CODEGOD_MIN_FREE_MEMORY",
    "CODEGOD_MIN_FREE_DISK",
    "CODEGOD_IMAGE_BUDGET",
    "CODEGOD_CACHE_BUDGET",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
];
/// Settings of which only whether they are set may be shown.
const SECRET: [&str; 4] = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "VLLM_API_KEY"];

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    Good,
    /// Codegod works without it, or not as well.
    Warning,
    /// Codegod can't work without it.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    health: Health,
    fact: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

fn good(name: &'static str, fact: impl Into<String>) -> Finding {
    Finding { name, health: Health::Good, fact: fact.into(), advice: None }
}

fn bad(name: &'static str, health: Health, fact: impl Into<String>, advice: &'static str) -> Finding {
    Finding { name, health, fact: fact.into(), advice: Some(advice) }
}

/// Looks at everything.
///
/// # Errors
/// [`Error::Missing`] when something is missing without which nothing works.
pub(super) async fn doctor(at: &Place, out: &Out) -> Result<u8, Error> {
    let mut findings = redis::look(at).await;
    findings.extend(host::docker().await);
    findings.push(git().await);
    findings.push(host::disk());
    findings.push(certificates());
    findings.extend(playbooks().await);
    findings.push(models());
    out.data(&findings.iter().flat_map(lines).collect::<Vec<_>>());
    let settings = settings();
    out.data(&[Line::new(Meaning::Plain, format!("  settings   {}", settings.join(", ")))]);
    out.json(&json!({ "findings": findings, "settings": settings }));
    let missing: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.health == Health::Missing)
        .map(|finding| finding.name)
        .collect();
    if missing.is_empty() { Ok(0) } else { Err(Error::Missing(missing.join(", "))) }
}

fn lines(finding: &Finding) -> Vec<Line> {
    let (meaning, word) = match finding.health {
        Health::Good => (Meaning::Good, "ok"),
        Health::Warning => (Meaning::Attention, "! "),
        Health::Missing => (Meaning::Bad, "NO"),
    };
    let mut lines = vec![Line::new(meaning, format!("{word} {:<10} {}", finding.name, finding.fact))];
    lines.extend(finding.advice.map(|advice| Line::new(Meaning::Plain, format!("   {:<10} → {advice}", ""))));
    lines
}

/// What a short command prints, or nothing when it fails.
async fn output(program: &str, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let done = timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}

async fn git() -> Finding {
    const INSTALL: &str = "install git 2.38 or newer";
    let Some(said) = output("git", &["--version"]).await else {
        return bad("git", Health::Missing, "not found", INSTALL);
    };
    let version = said.trim().trim_start_matches("git version ").to_owned();
    match version_of(&version) {
        Some(found) if found < GIT_FLOOR => bad("git", Health::Missing, version, INSTALL),
        _ => good("git", version),
    }
}

fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', ' ']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn certificates() -> Finding {
    let set = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let found = set.into_iter().chain(CA_BUNDLES.map(PathBuf::from)).find(|path| path.is_file());
    match found {
        Some(path) => good("CA bundle", path.display().to_string()),
        None => {
            bad("CA bundle", Health::Warning, "not found", "install ca-certificates, or set SSL_CERT_FILE")
        }
    }
}

/// What the master that lies beside this program says it knows.
#[derive(Deserialize)]
struct Known {
    playbooks: Vec<String>,
    problems: Vec<String>,
}

async fn playbooks() -> Vec<Finding> {
    let said = match std::env::current_exe().map(|own| own.with_file_name("codegod-master")) {
        Ok(master) => output(&master.to_string_lossy(), &["playbooks"]).await,
        Err(_) => None,
    };
    let Some(known) = said.and_then(|said| serde_json::from_str::<Known>(&said).ok()) else {
        let advice = "nothing to do when the master runs elsewhere; else build it: start-agents.sh up";
        return vec![bad("playbooks", Health::Warning, "no codegod-master beside this program", advice)];
    };
    let mut findings = vec![if known.playbooks.is_empty() {
        bad("playbooks", Health::Missing, "none", "name a folder of playbooks in CODEGOD_PLAYBOOKS")
    } else {
        good("playbooks", format!("{}: {}", known.playbooks.len(), known.playbooks.join(", ")))
    }];
    let broken = "mend it; the other playbooks work without it";
    findings
        .extend(known.problems.into_iter().map(|problem| bad("playbooks", Health::Warning, problem, broken)));
    findings
}

fn models() -> Finding {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let set: Vec<&str> = ["VLLM_API_URL"].into_iter().chain(SECRET).filter(is_set).collect();
    if set.is_empty() {
        return good("models", "none configured; playbooks need none".to_owned());
    }
    let advice = "nothing to do: goals that no playbook covers end blocked, with or without it";
    bad(
        "models",
        Health::Warning,
        format!("{} is set, but this version asks no model yet", set.join(", ")),
        advice,
    )
}

/// The settings that are in force; of secrets only that they are set.
fn settings() -> Vec<String> {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let shown = SHOWN.iter().filter_map(|name| Some(format!("{name}={}", without_password(&value(name)?))));
    let secret = SECRET.iter().filter_map(|name| value(name).map(|_| format!("{name}=***")));
    let all: Vec<String> = shown.chain(secret).collect();
    if all.is_empty() { vec!["all as they come".to_owned()] } else { all }
}

/// A URL with `***` for who signs in with what.
fn without_password(value: &str) -> String {
    match value.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://***@{host}"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(version_of("2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert!(version_of("2.9.1") < Some(GIT_FLOOR));
    }

    #[test]
    fn a_proxy_password_never_shows() {
        assert_eq!(without_password("http://me:s3cret@proxy:3128"), "http://***@proxy:3128");
        assert_eq!(without_password("/a/folder"), "/a/folder");
    }
}
