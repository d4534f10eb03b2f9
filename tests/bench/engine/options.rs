//! What is asked for.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use codegod_tests::redis_server::RedisServer;

/// The groups of rows, by name.
pub(crate) const GROUPS: [&str; 5] = ["throughput", "latency", "plans", "agents", "idle"];

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    quick: bool,
    append_only: bool,
    /// Where the JSON goes.
    pub(crate) json: Option<PathBuf>,
    only: Vec<String>,
}

impl Options {
    /// Reads the arguments.
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--append-only" => options.append_only = true,
                "--json" => options.json = Some(arguments.next().context("--json needs a file")?.into()),
                name if GROUPS.contains(&name) => options.only.push(argument),
                other => {
                    bail!("{other:?} is none of --quick, --append-only, --json FILE, {}", GROUPS.join(", "))
                }
            }
        }
        Ok(options)
    }

    /// Whether a group of rows is to be measured.
    pub(crate) fn wants(&self, group: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == group)
    }

    /// One of two sizes.
    pub(crate) fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// How often everything is measured.
    pub(crate) fn runs(&self) -> u32 {
        self.pick(1, 3)
    }

    /// A Redis of the benchmark's own. As those who measure other queues have it, it writes no append-only file
    /// unless asked to; with one, it does not rewrite it in the middle of a measurement.
    pub(crate) fn redis(&self) -> Result<RedisServer> {
        let file = if self.append_only { "yes" } else { "no" };
        RedisServer::start_with(&["--appendonly", file, "--auto-aof-rewrite-percentage", "0"])
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        let file = if self.append_only { "with" } else { "without" };
        let length = if self.quick { "a short run: figures are rough; " } else { "" };
        format!("{length}medians of {}; Redis {file} an append-only file", self.runs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Options> {
        Options::read(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn everything_is_measured_unless_groups_are_named() -> Result<()> {
        assert!(GROUPS.iter().all(|group| read("--quick").is_ok_and(|options| options.wants(group))));
        let some = read("--json out.json latency idle")?;
        let wanted: Vec<&str> = GROUPS.into_iter().filter(|group| some.wants(group)).collect();
        assert_eq!(
            (wanted, some.json, some.quick),
            (vec!["latency", "idle"], Some("out.json".into()), false)
        );
        Ok(())
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(read("--quickly").is_err());
        assert!(read("--json").is_err());
    }
}
