//! Redis: which it is, whether it keeps what it accepts, and what of the fleet's waits for a person.

use codegod_docker::host::Size;
use codegod_protocol::client::{Client, LEASE_MS, ServerFacts, now_ms};
use codegod_protocol::settings::variable;

use super::{Finding, Health, bad, good};
use crate::commands::{Place, counted};
use crate::error::Error;
use crate::text::clock;

/// The oldest Redis.
const REDIS_FLOOR: u32 = 7;
/// A memory as full as this is worth a warning, in percent.
const NEARLY_FULL: u64 = 80;

/// Looks at Redis and, where it answers, at the fleet that lives in it.
pub(super) async fn look(at: &Place) -> Vec<Finding> {
    match ask(at).await {
        Ok(findings) => findings,
        Err(error) => vec![bad("redis", Health::Missing, error.sentence(), error.hint())],
    }
}

async fn ask(at: &Place) -> Result<Vec<Finding>, Error> {
    let client = at.client().await?;
    let facts = client.server_facts().await?;
    let mut findings = vec![server(&client.url(), &facts)];
    findings.extend(kept(&facts));
    findings.push(memory(&facts));
    findings.extend(fleet(&client).await?);
    Ok(findings)
}

fn server(url: &str, facts: &ServerFacts) -> Finding {
    let version = facts.version.as_deref().unwrap_or("of an unknown version");
    let name = facts.valkey.as_ref().map_or_else(|| version.to_owned(), |valkey| format!("Valkey {valkey}"));
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let mut fact = format!("{name} at {url}");
    if scheme.ends_with("+sentinel") {
        fact.push_str(", by sentinels");
    }
    if facts.is_cluster {
        fact.push_str(", a Cluster");
    }
    if scheme.starts_with("rediss") {
        fact.push_str(", over TLS");
    }
    if let Some(user) = &facts.user {
        fact.push_str(&format!(", as user {user}"));
    }
    if let Some(replicas @ 1..) = facts.replicas {
        fact.push_str(&format!(", {}", counted(replicas, "replica")));
    }
    let major = version.split('.').next().and_then(|number| number.parse::<u32>().ok());
    // A server that does not say its version is given the benefit of the doubt.
    if major.is_some_and(|major| major < REDIS_FLOOR) {
        return bad("redis", Health::Missing, fact, "install Redis 7.0 or newer, or Valkey");
    }
    good("redis", fact)
}

/// Whether what it accepts outlives a restart; nothing when it does not say.
fn kept(facts: &ServerFacts) -> Option<Finding> {
    Some(match (facts.append_only?, facts.append_only_works) {
        (false, _) => bad(
            "kept",
            Health::Warning,
            "appendonly is off: what was accepted is lost when Redis ends",
            "redis-cli config set appendonly yes, and the same in redis.conf",
        ),
        (true, Some(false)) => bad(
            "kept",
            Health::Missing,
            "its append-only file can't be written",
            "make room on its disk; nothing new is accepted until then",
        ),
        (true, _) => good("kept", "in an append-only file"),
    })
}

fn memory(facts: &ServerFacts) -> Finding {
    let used = facts.used_memory_bytes.unwrap_or(0);
    let limit = facts.max_memory_bytes.filter(|limit| *limit > 0);
    let room = match limit {
        Some(limit) => format!("{} of {} used", Size(used), Size(limit)),
        None => format!("{} used, no maxmemory", Size(used)),
    };
    let policy = facts.eviction.as_deref().unwrap_or("noeviction");
    let fact = format!("{room}, {policy}");
    if policy != "noeviction" {
        // Without a limit nothing is evicted yet.
        let health = if limit.is_some() { Health::Missing } else { Health::Warning };
        let advice =
            "redis-cli config set maxmemory-policy noeviction: any other drops tasks when memory is full";
        return bad("memory", health, fact, advice);
    }
    if limit.is_some_and(|limit| used.saturating_mul(100) / limit >= NEARLY_FULL) {
        return bad("memory", Health::Warning, fact, "codegod gc clears up; or raise maxmemory");
    }
    good("memory", fact)
}

async fn fleet(client: &Client) -> Result<Vec<Finding>, Error> {
    let now = now_ms();
    let alive = client.agents().await?.iter().filter(|agent| agent.is_alive(now)).count() as u64;
    let lease_ms = variable("CODEGOD_LEASE_MS").and_then(|text| text.parse().ok()).unwrap_or(LEASE_MS);
    let fact = format!("{}; leases of {} s", counted(alive, "agent"), lease_ms / 1000);
    let mut findings = vec![match client.fleet_paused().await? {
        Some(since) => bad(
            "fleet",
            Health::Warning,
            format!("paused for {}; {fact}", clock(since, now)),
            "codegod resume lets it go on",
        ),
        None => good("fleet", fact),
    }];
    let (dead, quarantined) = client.count_letters().await?;
    findings.push(if dead + quarantined == 0 {
        good("given up", "nothing; nothing put aside")
    } else {
        bad(
            "given up",
            Health::Warning,
            format!("{}; put aside: {}", counted(dead, "task"), counted(quarantined, "entry")),
            "codegod dead and codegod quarantine list them",
        )
    });
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(append_only: bool, eviction: &str, max_memory_bytes: u64) -> ServerFacts {
        ServerFacts {
            version: Some("7.0.15".to_owned()),
            append_only: Some(append_only),
            eviction: Some(eviction.to_owned()),
            max_memory_bytes: Some(max_memory_bytes),
            used_memory_bytes: Some(90 << 20),
            ..ServerFacts::default()
        }
    }

    #[test]
    fn a_redis_that_loses_or_drops_what_it_accepted_is_told() {
        assert_eq!(kept(&facts(true, "noeviction", 0)).map(|found| found.health), Some(Health::Good));
        assert_eq!(kept(&facts(false, "noeviction", 0)).map(|found| found.health), Some(Health::Warning));
        assert_eq!(kept(&ServerFacts::default()).map(|found| found.health), None);
        let memory = |policy, limit| memory(&facts(true, policy, limit)).health;
        assert_eq!(memory("noeviction", 0), Health::Good);
        assert_eq!(memory("noeviction", 1 << 30), Health::Good);
        assert_eq!(memory("noeviction", 100 << 20), Health::Warning);
        assert_eq!(memory("allkeys-lru", 0), Health::Warning);
        assert_eq!(memory("allkeys-lru", 1 << 30), Health::Missing);
    }

    #[test]
    fn how_redis_is_reached_is_told() {
        let facts = ServerFacts {
            user: Some("codegod-console".to_owned()),
            replicas: Some(1),
            valkey: Some("8.1.0".to_owned()),
            ..facts(true, "noeviction", 0)
        };
        assert_eq!(
            server("rediss+sentinel://h:26379/m", &facts).fact,
            "Valkey 8.1.0 at rediss+sentinel://h:26379/m, by sentinels, over TLS, as user codegod-console, 1 replica"
        );
        let old = ServerFacts { version: Some("6.2.1".to_owned()), ..ServerFacts::default() };
        assert_eq!(server("redis://h", &old).health, Health::Missing);
    }
}
