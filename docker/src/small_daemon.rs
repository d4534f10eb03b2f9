//! A Docker daemon with a small disk of its own, for tests that fill it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::engine::Engine;
use crate::settings::Settings;

const MIB: u64 = 1 << 20;

/// A daemon with a small disk, until dropped. Both need root: that of the test, else by sudo.
pub(crate) struct SmallDaemon {
    folder: tempfile::TempDir,
    daemon: Child,
}

fn as_root(command: &[&str]) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut direct = Command::new(command[0]);
        direct.args(&command[1..]);
        return direct;
    }
    let mut sudo = Command::new("sudo");
    sudo.arg("-n").args(command);
    sudo
}

pub(crate) fn done(command: &[&str]) {
    let status = as_root(command).status().expect("starts");
    assert!(status.success(), "{command:?} (needs root): {status}");
}

impl SmallDaemon {
    pub(crate) fn start(size: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("is text").to_owned();
        let (disk, socket) = (path("disk"), format!("unix://{}", path("socket")));
        std::fs::create_dir(&disk).expect("is made");
        std::fs::write(path("empty.json"), "{}").expect("is written");
        done(&["mount", "-t", "tmpfs", "-o", &format!("size={size}"), "none", &disk]);
        let log = std::fs::File::create(path("log")).expect("is made");
        // In a network namespace of its own: a daemon without a bridge takes the one called docker0 away,
        // and that is another daemon's. Plain folders as layers.
        let arguments =
            ["--config-file", &path("empty.json"), "--data-root", &disk, "--exec-root", &path("exec")];
        let apart =
            ["--host", &socket, "--pidfile", &path("pid"), "--storage-driver", "vfs", "--bridge", "none"];
        let quiet = ["--iptables=false", "--ip6tables=false"];
        let command: Vec<&str> = ["unshare", "--net", "dockerd"]
            .iter()
            .chain(&arguments)
            .chain(&apart)
            .chain(&quiet)
            .copied()
            .collect();
        let daemon =
            as_root(&command).stdout(Stdio::null()).stderr(log).spawn().expect("dockerd is installed");
        Self { folder, daemon }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn connect(&self) -> Engine {
        for _ in 0..300 {
            let settings = Settings {
                host: Some(format!("unix://{}", self.path("socket").display())),
                state_dir: self.path("state"),
                min_free_disk: Some(16 * MIB),
                min_free_memory: Some(MIB),
                image_budget: Some(40 * MIB),
                cache_prefix: "small".to_owned(),
                ..Settings::default()
            };
            if let Ok(engine) = Engine::connect(settings).await {
                return engine;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no answer: {}", std::fs::read_to_string(self.path("log")).unwrap_or_default());
    }
}

impl Drop for SmallDaemon {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.path("pid")).unwrap_or_default();
        let _ended = as_root(&["kill", pid.trim()]).status();
        let _waited = self.daemon.wait();
        let disk = self.path("disk");
        let _unmounted = as_root(&["umount", disk.to_str().unwrap_or_default()]).status();
    }
}
