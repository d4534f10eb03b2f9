//! An agent's settings, from the environment.

use codegod_protocol::client::{Client, LEASE_MS};
use codegod_protocol::id::Role;
use codegod_protocol::settings::{host_name, variable};

/// An agent's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its role.
    pub role: Role,
    /// `REDIS_URL`.
    pub redis_url: String,
    /// `CODEGOD_PREFIX`.
    pub prefix: String,
    /// `CODEGOD_CAPABILITIES` (comma separated), or what the role can do by itself.
    pub capabilities: Vec<String>,
    /// How long a lease lasts without a heartbeat: `CODEGOD_LEASE_MS`.
    pub lease_ms: u64,
    /// The host's name, as agents and masters say it.
    pub host: String,
}

impl Settings {
    /// Reads the environment for an agent of `role`.
    #[must_use]
    pub fn from_env(role: Role) -> Self {
        let (redis_url, prefix) = Client::settings_from_env();
        let capabilities = variable("CODEGOD_CAPABILITIES").map_or_else(
            || default_capabilities(role).iter().map(|word| (*word).to_owned()).collect(),
            |list| {
                list.split(',')
                    .map(|word| word.trim().to_lowercase())
                    .filter(|word| !word.is_empty())
                    .collect()
            },
        );
        let lease_ms = variable("CODEGOD_LEASE_MS").and_then(|text| text.parse().ok()).unwrap_or(LEASE_MS);
        Self { role, redis_url, prefix, capabilities, lease_ms, host: host_name() }
    }
}

/// What agents of a role can do without being told.
fn default_capabilities(role: Role) -> &'static [&'static str] {
    match role {
        Role::Backend => &["python", "flask", "fastapi", "django", "sqlite", "postgresql"],
        Role::Frontend => &["javascript", "typescript", "node", "vite", "react", "vue"],
        Role::Devops => &["docker", "compose", "ci"],
        Role::Testing => &["python", "javascript", "typescript", "node", "pytest", "vitest", "docker"],
    }
}
