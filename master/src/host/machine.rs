//! Processors, memory, disk and Docker.

use std::time::Duration;

use codegod_docker::host::{ControlGroups, Disk, Locality, Memory};
use codegod_docker::{Engine, EngineInfo, Settings};
use codegod_protocol::host::{DockerStatus, HostStatus, Room};

/// How long the daemon may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is kept between two looks.
#[derive(Default)]
pub(super) struct Machine {
    engine: Option<Engine>,
    locality: Option<Locality>,
}

impl Machine {
    pub(super) async fn look(&mut self) -> HostStatus {
        let told = self.ask().await;
        if told.is_none() {
            // Perhaps it is another daemon that comes back.
            (self.engine, self.locality) = (None, None);
        }
        let cpus = told.as_ref().and_then(|told| u32::try_from(told.cpus).ok()).or_else(|| {
            let here = std::thread::available_parallelism().ok()?;
            u32::try_from(here.get()).ok()
        });
        HostStatus {
            cpus,
            load: load(),
            memory: memory(self.locality.as_ref()),
            disk: self.disk(),
            docker: told.map(|told| DockerStatus {
                version: told.version,
                running: u64::try_from(told.running).unwrap_or_default(),
                images: u64::try_from(told.images).unwrap_or_default(),
            }),
            ..HostStatus::default()
        }
    }

    /// Asks the daemon; none when it does not answer.
    async fn ask(&mut self) -> Option<EngineInfo> {
        let asked = async {
            let engine = match &self.engine {
                Some(engine) => engine.clone(),
                None => Engine::connect(Settings::from_env().ok()?).await.ok()?,
            };
            if self.locality.is_none() {
                self.locality = Locality::ask(&engine).await.ok();
            }
            let told = engine.info().await.ok();
            self.engine = Some(engine);
            told
        };
        tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
    }

    fn disk(&self) -> Option<Room> {
        let state_dir = &self.engine.as_ref()?.settings().state_dir;
        let disk = Disk::of(self.locality.as_ref()?.data_folder(state_dir)?).ok()?;
        Some(Room { total: disk.total_bytes, free: disk.free_bytes })
    }
}

/// The memory for containers. Of a daemon elsewhere only how much there is is known, so nothing is said.
fn memory(locality: Option<&Locality>) -> Option<Room> {
    if matches!(locality, Some(Locality::Elsewhere { .. })) {
        return None;
    }
    let memory = Memory::read(&ControlGroups::find()).ok()?;
    Some(Room { total: memory.total, free: memory.available })
}

fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
