//! codegod's own log, in a file below the state folder and never on the terminal. `LOG_LEVEL` says how
//! much goes there (warnings unless set).

use std::path::PathBuf;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// How many days' files are kept.
const KEPT_FILES: usize = 7;

/// Where codegod keeps what must outlive a command: `CODEGOD_STATE_DIR`, else
/// `$XDG_STATE_HOME/codegod`, else `~/.local/state/codegod`.
pub(crate) fn state_dir() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CODEGOD_STATE_DIR")
        .or_else(|| set("XDG_STATE_HOME").map(|folder| folder.join("codegod")))
        .or_else(|| set("HOME").map(|home| home.join(".local/state/codegod")))
        .unwrap_or_else(|| std::env::temp_dir().join("codegod"))
}

/// Starts the log; it is written until the guard is dropped. A log that can't be written is no reason
/// to refuse a command.
pub(crate) fn start() -> Option<WorkerGuard> {
    let folder = state_dir();
    std::fs::create_dir_all(&folder).ok()?;
    let file = tracing_appender::rolling::RollingFileAppender::builder()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("codegod")
        .filename_suffix("log")
        .max_log_files(KEPT_FILES)
        .build(folder)
        .ok()?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    // Levels and targets suffice here; a filter of spans and fields would bring a second engine for patterns.
    let asked = std::env::var("LOG_LEVEL").ok().filter(|level| !level.is_empty());
    let filter = asked.and_then(|levels| levels.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().ok()?;
    Some(guard)
}
