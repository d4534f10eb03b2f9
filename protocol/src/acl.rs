//! Who may touch which keys: the rules of Redis' access control for each of codegod's components, made
//! from one table, so that `deploy/redis/users.acl.example` and the keys can't drift apart.
//!
//! Redis checks every command inside a script as well, with the rights of whoever runs the script. So a
//! worker's user can publish and claim, but not submit a goal, change the wanted fleet or plan.

/// What a component may do with a family of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rights {
    Nothing,
    Read,
    Write,
}

use Rights::{Nothing, Read, Write};

/// A family of keys, as the first column of the table in [`crate::keys`] names it after the prefix, and
/// what the worker, the master and the console may do with it.
struct Family {
    pattern: &'static str,
    worker: Rights,
    master: Rights,
    console: Rights,
}

const fn family(pattern: &'static str, worker: Rights, master: Rights, console: Rights) -> Family {
    Family { pattern, worker, master, console }
}

const FAMILIES: &[Family] = &[
    family("goals", Nothing, Write, Write),
    family("goals:recent", Nothing, Write, Write),
    family("goals:ended", Write, Write, Write),
    family("goals:paused", Write, Write, Write),
    family("goal:*", Write, Write, Write),
    family("plan:*", Read, Write, Write),
    family("task:*", Write, Write, Write),
    family("results:*", Write, Write, Write),
    family("blobs:*", Write, Write, Write),
    family("queue:*", Write, Write, Write),
    family("queues:*", Write, Write, Write),
    family("leases:*", Write, Write, Write),
    family("upkeep:*", Write, Write, Write),
    family("ready:*", Write, Write, Write),
    family("idle:*", Write, Write, Write),
    family("bell:*", Write, Write, Write),
    family("delayed", Write, Write, Write),
    family("delayed:*", Write, Write, Write),
    family("deadlines", Write, Write, Write),
    family("parked:*", Write, Write, Write),
    family("follow_ups", Write, Write, Write),
    family("dead", Write, Write, Write),
    family("quarantine", Write, Write, Write),
    family("events", Write, Write, Write),
    family("log:*", Write, Write, Write),
    family("metrics:*", Write, Write, Write),
    family("agents:status", Write, Write, Write),
    family("hosts:status", Nothing, Write, Read),
    family("memory:*", Write, Write, Write),
    family("commands:*", Write, Write, Write),
    family("archive", Read, Write, Write),
    family("references:*", Nothing, Write, Write),
    family("fleet", Read, Write, Write),
    family("fleet:desired", Nothing, Read, Write),
    family("fleet:keepers", Nothing, Write, Read),
];

/// What every component may run: the data types that codegod uses, its scripts by their hash, and asking
/// which server this is. No other script, nothing that looks at all keys, empties or configures Redis.
const COMMANDS: &str = "-@all +@hash +@list +@stream +@transaction +@connection -@admin -@dangerous \
    +del +unlink +exists +expire +persist +type +ttl +time +wait +evalsha +script|load +script|exists \
    +info +role +cluster|slots +cluster|keyslot";

/// What those who look after the memory of Redis may run besides. SCAN shows the names of all keys.
const UPKEEP: &str = "+scan +memory|usage";

/// The users of codegod's components.
const USERS: [&str; 3] = ["codegod-worker", "codegod-master", "codegod-console"];

/// A file of users for `aclfile` in redis.conf, for keys under `prefix`. Each password is the word
/// `change-` and the user's name, and the default user, who needs none, is switched off.
#[must_use]
pub fn users_file(prefix: &str) -> String {
    let mut file = "user default off resetkeys resetchannels -@all\n".to_owned();
    for user in USERS {
        let rules: Vec<String> = FAMILIES.iter().filter_map(|family| rule(family, user, prefix)).collect();
        let upkeep = if user == "codegod-worker" { String::new() } else { format!(" {UPKEEP}") };
        let line = format!("user {user} on >change-{user} resetkeys resetchannels {}", rules.join(" "));
        file.push_str(&format!("{line} {COMMANDS}{upkeep}\n"));
    }
    file
}

fn rule(family: &Family, user: &str, prefix: &str) -> Option<String> {
    let rights = match user {
        "codegod-worker" => family.worker,
        "codegod-master" => family.master,
        _ => family.console,
    };
    let pattern = format!("~{}{}", escaped(prefix), family.pattern);
    match rights {
        Nothing => None,
        Read => Some(format!("%R{pattern}")),
        Write => Some(pattern),
    }
}

/// A prefix as part of a pattern: its own characters mean themselves.
fn escaped(prefix: &str) -> String {
    let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '\\');
    let escape = |c: char| if special(c) { vec!['\\', c] } else { vec![c] };
    prefix.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_deploy_is_what_this_table_makes() {
        let example = include_str!("../../deploy/redis/users.acl.example");
        assert_eq!(example, users_file(crate::keys::DEFAULT_PREFIX));
    }

    #[test]
    fn every_key_that_the_key_table_names_has_rules() {
        let table = include_str!("keys.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
        let cells = table.filter_map(|line| line.split(" |").next());
        let keys: Vec<&str> =
            cells.flat_map(|cell| cell.split(", ")).map(|key| key.trim_matches('`')).collect();
        assert!(keys.len() > 15, "the table was not read: {keys:?}");
        assert_eq!(without_rules(&keys), [""; 0]);
    }

    #[test]
    fn every_key_that_a_script_makes_has_rules() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/scripts"))];
        let mut text = String::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    text += &std::fs::read_to_string(path).unwrap();
                }
            }
        }
        let made = text.split("P .. '").skip(1);
        let keys: Vec<&str> = made.filter_map(|rest| rest.split('\'').next()).collect();
        assert!(keys.len() > 15, "the scripts were not read: {keys:?}");
        assert_eq!(without_rules(&keys), [""; 0]);
    }

    fn without_rules<'a>(keys: &[&'a str]) -> Vec<&'a str> {
        let covers = |pattern: &str, key: &str| match pattern.strip_suffix('*') {
            Some(start) => key.starts_with(start),
            None => key == pattern,
        };
        let bare = |key: &&str| !FAMILIES.iter().any(|family| covers(family.pattern, key));
        keys.iter().copied().filter(bare).collect()
    }

    #[test]
    fn a_prefix_means_itself_in_a_pattern() {
        assert_eq!(escaped("{codegod}:"), "{codegod}:");
        assert_eq!(escaped("a*b[c]:"), "a\\*b\\[c\\]:");
    }
}
