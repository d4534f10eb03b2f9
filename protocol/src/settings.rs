//! What every process reads from its environment the same way.

/// An environment variable; an empty one counts as not set.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The name of this host, as agents and masters say it: `CODEGOD_HOST` (several fleets on one kernel, or
/// a container that speaks for its host), else the kernel's.
#[must_use]
pub fn host_name() -> String {
    let kernel =
        || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    variable("CODEGOD_HOST")
        .or_else(kernel)
        .or_else(|| variable("HOSTNAME"))
        .unwrap_or_else(|| "localhost".to_owned())
}
