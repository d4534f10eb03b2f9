//! Versions of packages that are added to a manifest, and the lock file that goes with them: both are what
//! the project's own package manager makes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use codegod_docker::CommandSpec;
use serde_json::Value;

use crate::bench::Bench;
use crate::bench::files::{join, quote};
use crate::error::Error;

/// The longest that asking the registry may take.
const ASK_DEADLINE: Duration = Duration::from_secs(60);
/// The longest that writing a lock file may take.
const LOCK_DEADLINE: Duration = Duration::from_secs(300);
/// What brings each lock file up to its manifest. Packages themselves are installed later.
const LOCKS: [(&str, &str); 4] = [
    ("package-lock.json", "npm install --package-lock-only --ignore-scripts --no-audit --no-fund"),
    ("npm-shrinkwrap.json", "npm install --package-lock-only --ignore-scripts --no-audit --no-fund"),
    ("pnpm-lock.yaml", include_str!("lock-pnpm.sh")),
    ("yarn.lock", include_str!("lock-yarn.sh")),
];

/// The package that a pointer into a manifest is about.
pub(super) fn package(pointer: &str) -> Option<String> {
    let (list, name) = pointer.strip_prefix('/')?.split_once('/')?;
    let is_list = ["dependencies", "devDependencies", "optionalDependencies"].contains(&list);
    is_list.then(|| name.replace("~1", "/").replace("~0", "~"))
}

/// The same values, with `*` and bare ranges of packages made to what the registry has now.
pub(super) async fn chosen(
    bench: &mut Bench<'_>,
    workdir: &str,
    set: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, Error> {
    let mut chosen = set.clone();
    for (pointer, value) in &mut chosen {
        if let Some(name) = package(pointer).filter(|_| value.as_str() == Some("*"))
            && let Some(version) = newest(bench, workdir, &name).await?
        {
            *value = Value::String(format!("^{version}"));
        }
    }
    Ok(chosen)
}

async fn newest(bench: &mut Bench<'_>, workdir: &str, name: &str) -> Result<Option<String>, Error> {
    let run = format!("npm view {} version", quote(name));
    let spec = CommandSpec { workdir: workdir.to_owned(), ..CommandSpec::new(run, ASK_DEADLINE) };
    let asked = bench.run_raw(&spec, 4096).await?;
    let version = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    let is_version = version.split('.').count() >= 3
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    Ok(Some(version).filter(|_| asked.exit_code == 0 && is_version))
}

/// Brings the lock file beside a manifest up to it, and says so; a lock that can't be renewed stays as it is.
pub(super) async fn lock(bench: &mut Bench<'_>, workdir: &str) -> Result<String, Error> {
    for (name, run) in LOCKS {
        if !bench.has(&join(workdir, name)).await? {
            continue;
        }
        let spec = CommandSpec { workdir: workdir.to_owned(), ..CommandSpec::new(run, LOCK_DEADLINE) };
        let ran = bench.run(&spec).await?;
        return Ok(match ran.exit_code {
            0 => format!("; {name} was renewed"),
            _ => format!("; {name} could not be renewed and stays as it is"),
        });
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_that_renew_locks_are_scripts() {
        for (name, run) in LOCKS {
            let checked = std::process::Command::new("sh").args(["-n", "-c", run]).status().unwrap();
            assert!(checked.success(), "{name}");
        }
    }

    #[test]
    fn pointers_into_lists_of_packages_name_one() {
        assert_eq!(package("/dependencies/@x~1y").as_deref(), Some("@x/y"));
        assert_eq!(package("/devDependencies/jest").as_deref(), Some("jest"));
        assert_eq!(package("/scripts/test"), None);
        assert_eq!(package("/main"), None);
    }
}
