//! The decision: figures in, a reason out. No effects.

use crate::host::{Disk, Memory, Size};
use crate::settings::Settings;

/// What must stay beside an attempt's own need when the settings do not say, in bytes.
const SLACK: u64 = 256 << 20;
/// The most disk that must be free when the settings do not say, in bytes.
const DISK_FLOOR: u64 = 5 << 30;
/// Fewer files than this can be used up by a single `npm install`.
const MIN_FREE_FILES: u64 = 50_000;

/// What was seen of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Its memory.
    pub memory: Memory,
    /// Attempts that were let in and have not ended, as far as seen from here.
    pub places: usize,
    /// What each running sandbox of codegod uses in bytes; 0 when that can't be seen.
    pub sandboxes: Vec<u64>,
    /// The disks that an attempt writes to.
    pub disks: Vec<Disk>,
}

/// What must be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floors {
    /// The memory limit of a sandbox in bytes.
    pub limit: u64,
    /// `CODEGOD_MIN_FREE_MEMORY` in bytes.
    pub memory: Option<u64>,
    /// `CODEGOD_MIN_FREE_DISK` in bytes.
    pub disk: Option<u64>,
}

impl Floors {
    /// Those of the settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            limit: u64::try_from(settings.limits.memory_bytes).unwrap_or_default(),
            memory: settings.min_free_memory,
            disk: settings.min_free_disk,
        }
    }

    /// What an attempt is expected to take on a host with `total` bytes of memory.
    #[must_use]
    pub fn need(&self, total: u64) -> u64 {
        self.limit.min(total / 2) / 4
    }

    /// What must be free on a host with `total` bytes of memory.
    #[must_use]
    pub fn memory(&self, total: u64) -> u64 {
        self.memory.unwrap_or_else(|| self.need(total) + SLACK)
    }

    /// What must be free on a disk of `total` bytes.
    #[must_use]
    pub fn disk(&self, total: u64) -> u64 {
        self.disk.unwrap_or_else(|| DISK_FLOOR.min(total / 20))
    }
}

impl Figures {
    /// Memory that running attempts are expected to take beside what they use already, in bytes.
    #[must_use]
    pub fn promised(&self, need: u64) -> u64 {
        let attempts = self.places.max(self.sandboxes.len()) as u64;
        let used: u64 = self.sandboxes.iter().map(|used| (*used).min(need)).sum();
        attempts.saturating_mul(need).saturating_sub(used)
    }
}

/// Why nothing more may be claimed on a host, as a sentence with figures; none when it may.
#[must_use]
pub fn decide(figures: &Figures, floors: &Floors) -> Option<String> {
    figures
        .disks
        .iter()
        .find_map(|disk| short_of_disk(disk, floors))
        .or_else(|| short_of_memory(figures, floors))
}

fn short_of_disk(disk: &Disk, floors: &Floors) -> Option<String> {
    let (folder, floor) = (disk.folder.display(), floors.disk(disk.total_bytes));
    if disk.free_bytes < floor {
        let (free, floor) = (Size(disk.free_bytes), Size(floor));
        return Some(format!(
            "waiting for disk: {free} free at {folder}, {floor} must be (CODEGOD_MIN_FREE_DISK)"
        ));
    }
    let files = disk.free_files.filter(|files| *files < MIN_FREE_FILES)?;
    // A disk made for few files is small, and not full because of that.
    (disk.total_bytes >= DISK_FLOOR)
        .then(|| format!("waiting for disk: only {files} more files can be made at {folder}"))
}

fn short_of_memory(figures: &Figures, floors: &Floors) -> Option<String> {
    let total = figures.memory.total;
    let (promised, floor) = (figures.promised(floors.need(total)), floors.memory(total));
    if figures.memory.available.saturating_sub(promised) >= floor {
        return None;
    }
    let running = match promised {
        0 => String::new(),
        promised => format!(", of which running attempts may still take {}", Size(promised)),
    };
    let (available, floor) = (Size(figures.memory.available), Size(floor));
    Some(format!(
        "waiting for memory: {available} free on this host{running}; {floor} must be (CODEGOD_MIN_FREE_MEMORY)"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    fn host(available: u64, total: u64) -> Figures {
        Figures { memory: Memory { available, total }, places: 0, sandboxes: Vec::new(), disks: Vec::new() }
    }

    fn floors(limit: u64) -> Floors {
        Floors { limit, memory: None, disk: None }
    }

    fn disk(free_bytes: u64, total_bytes: u64, free_files: Option<u64>) -> Disk {
        Disk { folder: "/var/lib/docker".into(), free_bytes, total_bytes, free_files }
    }

    #[test]
    fn four_small_attempts_with_large_limits_run_on_a_small_host() {
        let mut figures = host(3200 * MIB, 4 * GIB);
        let floors = floors(2 * GIB);
        let mut let_in = 0;
        while decide(&figures, &floors).is_none() {
            let_in += 1;
            figures.places += 1;
            figures.sandboxes.push(300 * MIB);
            figures.memory.available -= 300 * MIB;
        }
        assert_eq!(let_in, 5);
        assert_eq!(
            decide(&figures, &floors).as_deref(),
            Some(
                "waiting for memory: 1.6 GiB free on this host, of which running attempts may still take 1.0 GiB; \
                 768 MiB must be (CODEGOD_MIN_FREE_MEMORY)"
            )
        );
    }

    #[test]
    fn those_let_in_at_the_same_moment_count_before_they_use_anything() {
        let mut figures = host(3200 * MIB, 4 * GIB);
        let mut let_in = 0;
        while decide(&figures, &floors(2 * GIB)).is_none() {
            let_in += 1;
            figures.places += 1;
        }
        assert_eq!(let_in, 5);
    }

    #[test]
    fn a_host_without_attempts_says_what_is_free() {
        let said = decide(&host(GIB + 200 * MIB, 8 * GIB), &floors(4 * GIB));
        assert_eq!(
            said.as_deref(),
            Some("waiting for memory: 1.1 GiB free on this host; 1.2 GiB must be (CODEGOD_MIN_FREE_MEMORY)")
        );
        let set = Floors { memory: Some(GIB), ..floors(4 * GIB) };
        assert_eq!(decide(&host(GIB + 200 * MIB, 8 * GIB), &set), None);
    }

    #[test]
    fn a_full_disk_is_told_before_memory() {
        let mut figures = host(0, 8 * GIB);
        figures.disks = vec![disk(9 * GIB, 100 * GIB, Some(1 << 20)), disk(GIB + 150 * MIB, 100 * GIB, None)];
        let said = decide(&figures, &floors(GIB));
        assert_eq!(
            said.as_deref(),
            Some(
                "waiting for disk: 1.1 GiB free at /var/lib/docker, 5.0 GiB must be (CODEGOD_MIN_FREE_DISK)"
            )
        );
        figures.disks[1] = disk(9 * GIB, 100 * GIB, Some(49_999));
        let said = decide(&figures, &floors(GIB));
        assert_eq!(
            said.as_deref(),
            Some("waiting for disk: only 49999 more files can be made at /var/lib/docker")
        );
    }

    proptest! {
        #[test]
        fn whoever_is_let_in_leaves_the_floor_once_all_took_what_was_expected(
            total in 256 * MIB..64 * GIB, limit in 64 * MIB..16 * GIB, share in 0..=100_u64,
            uses in proptest::collection::vec(0..2 * GIB, 0..12), early in 0..6_usize,
        ) {
            let floors = floors(limit);
            let mut figures = host(total / 100 * share, total);
            figures.places = uses.len() + early;
            figures.sandboxes = uses;
            if decide(&figures, &floors).is_none() {
                let need = floors.need(total);
                let still: u64 = figures.sandboxes.iter().map(|used| need.saturating_sub(*used)).sum();
                let left = figures.memory.available.checked_sub(still + early as u64 * need);
                prop_assert!(left.is_some_and(|left| left >= floors.memory(total)));
            }
        }

        #[test]
        fn more_memory_never_closes_an_open_host(
            total in GIB..64 * GIB, available in 0..32 * GIB, more in 0..32 * GIB, places in 0..9_usize,
        ) {
            let figures = |available| Figures { places, ..host(available, total) };
            if decide(&figures(available), &floors(2 * GIB)).is_none() {
                prop_assert_eq!(decide(&figures(available + more), &floors(2 * GIB)), None);
            }
        }
    }
}
