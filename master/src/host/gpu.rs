//! Graphics cards, as `nvidia-smi` tells of them where there is one.

use std::process::Stdio;
use std::time::Duration;

use codegod_protocol::host::{GpuStatus, Room};
use tokio::process::Command;
use tokio::time::Instant;

/// The program, looked for on the search path.
const PROGRAM: &str = "nvidia-smi";
/// What it is asked for: a line for each card, sizes in MiB.
const QUESTION: [&str; 2] =
    ["--query-gpu=name,utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits"];
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// When there is no such program, or it can't talk to its driver, it is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// More cards than any machine has.
const MOST: usize = 64;

/// The cards of this host.
#[derive(Default)]
pub(super) struct Cards {
    not_before: Option<Instant>,
}

impl Cards {
    /// What each card does now; nothing where there is none.
    pub(super) async fn look(&mut self) -> Vec<GpuStatus> {
        if self.not_before.is_some_and(|when| Instant::now() < when) {
            return Vec::new();
        }
        let told = ask(PROGRAM).await;
        self.not_before = told.is_none().then(|| Instant::now() + ASK_AGAIN);
        told.map(|text| parse(&text)).unwrap_or_default()
    }
}

async fn ask(program: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.args(QUESTION).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `NVIDIA A100-SXM4-80GB, 37, 40536, 81920`; what a card does not tell stands in brackets.
fn parse(text: &str) -> Vec<GpuStatus> {
    let card = |line: &str| {
        let mut fields = line.rsplitn(4, ',').map(str::trim);
        let (total, used, busy, name) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let bytes = |text: &str| text.parse::<u64>().ok()?.checked_mul(1 << 20);
        let memory = bytes(total).zip(bytes(used));
        let percent = |busy: &f64| (0.0..=100.0).contains(busy);
        Some(GpuStatus {
            name: name.to_owned(),
            busy_percent: busy.parse().ok().filter(percent),
            memory: memory.map(|(total, used)| Room { total, free: total.saturating_sub(used) }),
        })
    };
    text.lines().filter_map(card).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn fake(folder: &std::path::Path, script: &str) -> String {
        let path = folder.join("nvidia-smi");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_string_lossy().into_owned()
    }

    #[tokio::test]
    async fn cards_are_told_as_the_program_tells_them() {
        let folder = tempfile::tempdir().unwrap();
        let lines = "test \"$2\" = --format=csv,noheader,nounits && printf 'NVIDIA A100, 80GB, 37, 1024, 4096\\nTesla, [N/A], [N/A], [N/A]\\n'";
        let told = ask(&fake(folder.path(), lines)).await.unwrap();
        assert_eq!(
            parse(&told),
            [
                GpuStatus {
                    name: "NVIDIA A100, 80GB".to_owned(),
                    busy_percent: Some(37.0),
                    memory: Some(Room { total: 4 << 30, free: 3 << 30 }),
                },
                GpuStatus { name: "Tesla".to_owned(), busy_percent: None, memory: None },
            ]
        );
    }

    #[tokio::test]
    async fn a_host_without_cards_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ask("/no/such/program").await, None);
        assert_eq!(ask(&fake(folder.path(), "echo 'No devices were found'; exit 6")).await, None);
        assert_eq!(parse("nonsense\n1,2\n"), []);
    }
}
