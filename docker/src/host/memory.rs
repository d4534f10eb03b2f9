//! How much memory there is for containers: what the kernel can give, within the limits of the control
//! group that they lie in.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// Memory for containers on this host, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What processes can still take without swapping.
    pub available: u64,
    /// All that there is.
    pub total: u64,
}

impl Memory {
    /// Reads `/proc/meminfo`, and what the control groups of Docker's containers leave of it.
    ///
    /// # Errors
    /// When the kernel does not tell (no Linux).
    pub fn read(groups: &ControlGroups) -> Result<Self, Error> {
        let text = std::fs::read_to_string("/proc/meminfo")
            .map_err(|source| Error::io("read /proc/meminfo", source))?;
        let host = parse_meminfo(&text).ok_or_else(|| {
            Error::Invalid("/proc/meminfo does not say how much memory is there".to_owned())
        })?;
        Ok(groups.headroom().map_or(host, |group| Self {
            available: host.available.min(group.available),
            total: host.total.min(group.total),
        }))
    }
}

fn parse_meminfo(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory { available: field("MemAvailable")?, total: field("MemTotal")? })
}

/// The control groups in which the daemon puts containers, where they can be seen from here.
///
/// A limit on the group of *this* process says nothing about sandboxes: the daemon makes them elsewhere.
/// Only when its containers appear below the groups that are visible here (the usual host, and a daemon
/// inside the same container) do the limits on the way down to them count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlGroups {
    version: Version,
    /// From the visible root down to the folder that holds the containers' groups; empty when unseen.
    path: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl ControlGroups {
    /// Looks for the groups of Docker's containers.
    #[must_use]
    pub fn find() -> Self {
        Self::below(Path::new("/sys/fs/cgroup"))
    }

    fn below(root: &Path) -> Self {
        let (version, root) = if root.join("cgroup.controllers").exists() {
            (Version::Two, root.to_path_buf())
        } else {
            (Version::One, root.join("memory"))
        };
        // By the cgroupfs driver, else by systemd's.
        let found =
            ["docker", "system.slice"].map(|name| root.join(name)).into_iter().find(|path| path.is_dir());
        Self { version, path: found.map(|group| vec![root, group]).unwrap_or_default() }
    }

    /// What the tightest limit on the way down to the containers leaves; none without a limit.
    fn headroom(&self) -> Option<Memory> {
        let limits = self.path.iter().filter_map(|group| {
            let total = number(&group.join(self.limit_file()))?;
            Some(Memory { available: total.saturating_sub(self.used(group)?), total })
        });
        // Version 1 says "no limit" by a number near 2^63.
        limits.filter(|group| group.total < 1 << 60).min_by_key(|group| group.available)
    }

    /// What a container uses in bytes, without the part of the page cache that the kernel would give
    /// away; none when its group is not visible here.
    #[must_use]
    pub fn used_by(&self, container: &str) -> Option<u64> {
        let parent = self.path.last()?;
        let names = [container.to_owned(), format!("docker-{container}.scope")];
        names.iter().find_map(|name| self.used(&parent.join(name)))
    }

    fn used(&self, group: &Path) -> Option<u64> {
        let (usage, inactive) = match self.version {
            Version::One => ("memory.usage_in_bytes", "total_inactive_file"),
            Version::Two => ("memory.current", "inactive_file"),
        };
        let used = number(&group.join(usage))?;
        let stat = std::fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let cache = stat.lines().find_map(|line| line.strip_prefix(inactive)?.trim().parse::<u64>().ok());
        Some(used.saturating_sub(cache.unwrap_or_default()))
    }

    fn limit_file(&self) -> &'static str {
        match self.version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        }
    }
}

fn number(file: &Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(folder: &Path, files: &[(&str, &str)]) {
        std::fs::create_dir_all(folder).expect("is made");
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect("is written");
        }
    }

    #[test]
    fn the_kernels_figures_are_read() {
        let text = "MemTotal:       24684096 kB\nMemFree:  1 kB\nMemAvailable:   2 kB\n";
        assert_eq!(parse_meminfo(text), Some(Memory { available: 2048, total: 24_684_096 * 1024 }));
        for text in ["", "MemTotal: 1 kB\n", "MemTotal: x kB\nMemAvailable: 1 kB\n"] {
            assert_eq!(parse_meminfo(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_limit_above_the_containers_counts_on_both_versions() {
        let (one, two) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        let unlimited =
            [("memory.limit_in_bytes", "9223372036854771712\n"), ("memory.usage_in_bytes", "700\n")];
        group(&one.path().join("memory"), &unlimited);
        let stat = "cache 9\ninactive_file 7\ntotal_inactive_file 50\n";
        let limited =
            [("memory.limit_in_bytes", "1000\n"), ("memory.usage_in_bytes", "300\n"), ("memory.stat", stat)];
        group(&one.path().join("memory/docker"), &limited);
        group(&one.path().join("memory/docker/abc"), &limited[1..]);
        let groups = ControlGroups::below(one.path());
        assert_eq!(groups.headroom(), Some(Memory { available: 750, total: 1000 }));
        assert_eq!((groups.used_by("abc"), groups.used_by("other")), (Some(250), None));

        let current = [("memory.current", "300\n"), ("memory.stat", "inactive_file 100\n")];
        group(
            two.path(),
            &[("cgroup.controllers", "memory\n"), ("memory.max", "2000\n"), current[0], current[1]],
        );
        group(&two.path().join("system.slice"), &[("memory.max", "max\n"), current[0]]);
        group(&two.path().join("system.slice/docker-abc.scope"), &current);
        let groups = ControlGroups::below(two.path());
        assert_eq!(groups.headroom(), Some(Memory { available: 1800, total: 2000 }));
        assert_eq!(groups.used_by("abc"), Some(200));
    }

    #[test]
    fn a_limit_on_this_process_alone_says_nothing_about_sandboxes() {
        let own = tempfile::tempdir().expect("folder");
        group(
            own.path(),
            &[("cgroup.controllers", ""), ("memory.max", "1000\n"), ("memory.current", "999\n")],
        );
        assert_eq!(ControlGroups::below(own.path()).headroom(), None);
    }
}
