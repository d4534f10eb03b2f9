//! Debian packages of a setup.

use std::collections::BTreeSet;

use codegod_protocol::environment::SetupStep;

/// The step that installs the packages; none when there are none. A name that Debian's release has not is
/// left out: recipes of projects are written for others as well. Lists that could not be fetched are therefore an
/// error: without them nothing would be known, nothing installed, and that would count as done.
pub(super) fn install(packages: &BTreeSet<String>) -> Option<SetupStep> {
    let names: Vec<String> = packages.iter().map(|name| format!("-e {name}")).collect();
    let known = format!("apt-cache pkgnames | grep -Fx {}", names.join(" "));
    let run = format!(
        "apt-get update -qq -o APT::Update::Error-Mode=any && apt-get install -qq --yes --no-install-recommends $({known}) && rm -rf /var/lib/apt/lists/*"
    );
    (!names.is_empty()).then(|| SetupStep { run, workdir: String::new(), reads: Vec::new(), root: true })
}
