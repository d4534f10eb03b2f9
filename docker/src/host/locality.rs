//! Whether the Docker daemon runs on this kernel: only then can its memory and disk be looked at.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::engine::Engine;
use crate::error::Error;

use super::memory::{ControlGroups, Memory};

/// Where the daemon runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locality {
    /// On this kernel.
    Here {
        /// Its data folder, when it can be seen from here (not from inside a container).
        root: Option<PathBuf>,
    },
    /// On another machine, or in a virtual one: what it says of itself is all that is known.
    Elsewhere {
        /// The memory of its host in bytes.
        memory_bytes: u64,
    },
}

impl Locality {
    /// Asks the daemon, once.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ask(engine: &Engine) -> Result<Self, Error> {
        let info = engine.info().await?;
        let memory_bytes = u64::try_from(info.memory_bytes).unwrap_or_default();
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let total = Memory::read(&ControlGroups::find()).ok().map(|memory| memory.total);
        // A daemon in a virtual machine is behind a local socket, too, but has another kernel or memory.
        let same = info.kernel == kernel && total.is_none_or(|total| total <= memory_bytes);
        if !engine.settings().host.as_deref().is_none_or(is_local) || !same {
            return Ok(Self::Elsewhere { memory_bytes });
        }
        let root = PathBuf::from(info.root_dir);
        Ok(Self::Here { root: (root.is_absolute() && root.is_dir()).then_some(root) })
    }
}

impl Locality {
    /// A folder on the disk that the daemon writes to, when that disk can be seen: its data folder, else
    /// the state folder, for agents in containers keep that in a volume of the same daemon.
    #[must_use]
    pub fn data_folder<'a>(&'a self, state_dir: &'a Path) -> Option<&'a Path> {
        match self {
            Self::Here { root } => Some(root.as_deref().unwrap_or(state_dir)),
            Self::Elsewhere { .. } => None,
        }
    }
}

/// Whether an address leads to this machine.
fn is_local(host: &str) -> bool {
    let Some((scheme, rest)) = host.split_once("://") else { return false };
    match scheme {
        "unix" | "npipe" => true,
        "tcp" | "http" | "https" => {
            let name = rest.split('/').next().unwrap_or_default();
            let name = name.rsplit_once(':').map_or(name, |(name, _)| name).trim_matches(['[', ']']);
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_that_of_the_data_else_of_the_state_unless_it_is_elsewhere() {
        let (root, state) = (PathBuf::from("/var/lib/docker"), Path::new("/state"));
        assert_eq!(Locality::Here { root: Some(root.clone()) }.data_folder(state), Some(&*root));
        assert_eq!(Locality::Here { root: None }.data_folder(state), Some(state));
        assert_eq!(Locality::Elsewhere { memory_bytes: 1 }.data_folder(state), None);
    }

    #[test]
    fn an_address_is_local_by_what_it_leads_to() {
        for host in
            ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375", "tcp://[::1]:2376", "http://localhost:1/"]
        {
            assert!(is_local(host), "{host}");
        }
        for host in ["ssh://127.0.0.1", "tcp://10.0.0.5:2375", "tcp://gpu:2375", "gpu"] {
            assert!(!is_local(host), "{host}");
        }
    }
}
