//! This host: Docker, room for the next task, what images and caches may take, and the disk of the state.

use std::time::Duration;

use codegod_docker::admission::{Admission, Gate};
use codegod_docker::budget::Budget;
use codegod_docker::host::{ControlGroups, Disk, Memory, Size};
use codegod_docker::{Engine, Settings};
use tokio::time::timeout;

use super::{Finding, Health, PATIENCE, bad, good};
use crate::diagnostics::state_dir;

/// Less free space than this is worth a warning, in bytes.
const DISK_FLOOR: u64 = 5 << 30;

/// Looks at Docker and, where it answers, at what it needs.
pub(super) async fn docker() -> Vec<Finding> {
    const START: &str =
        "start the Docker engine, or set DOCKER_HOST; start-agents.sh up installs it where it can";
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(error) => {
            let advice = "set it so, or leave it unset";
            return vec![bad("docker", Health::Missing, error.to_string(), advice)];
        }
    };
    let asked = async {
        let engine = Engine::connect(settings).await?;
        let info = engine.info().await?;
        let fact = format!("{} (API {})", info.version, info.api_version);
        Ok::<_, codegod_docker::Error>(vec![
            good("docker", fact),
            room(&engine).await,
            budget(&engine).await?,
        ])
    };
    match timeout(PATIENCE, asked).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => vec![bad("docker", Health::Missing, error.to_string(), START)],
        Err(_) => vec![bad("docker", Health::Missing, within(PATIENCE), START)],
    }
}

fn within(patience: Duration) -> String {
    format!("does not answer within {} s", patience.as_secs())
}

/// Whether an agent here would claim another task now.
async fn room(engine: &Engine) -> Finding {
    match Gate::new(engine).check().await {
        Admission::Open(_) => {
            let memory = Memory::read(&ControlGroups::find());
            let memory = memory.map_or_else(
                |_| String::new(),
                |memory| format!(", {} of memory free", Size(memory.available)),
            );
            good("room", format!("for another task{memory}"))
        }
        Admission::Closed { reason } => {
            let advice = "agents here claim nothing until there is; codegod gc clears up on the disk";
            bad("room", Health::Warning, reason, advice)
        }
    }
}

async fn budget(engine: &Engine) -> Result<Finding, codegod_docker::Error> {
    let Budget { images, caches } = Budget::of(engine).await?;
    let fact = format!(
        "images may take {}, download caches {}; codegod gc says what they do",
        Size(images),
        Size(caches)
    );
    Ok(good("budget", fact))
}

/// The disk that codegod's own files lie on.
pub(super) fn disk() -> Finding {
    match Disk::of(&state_dir()) {
        Ok(disk) => {
            let fact = format!("{} free at {}", Size(disk.free_bytes), disk.folder.display());
            if disk.free_bytes < DISK_FLOOR {
                bad("disk", Health::Warning, fact, "make room: images and caches need a few GiB")
            } else {
                good("disk", fact)
            }
        }
        Err(error) => bad("disk", Health::Warning, error.to_string(), "look at it with df"),
    }
}
