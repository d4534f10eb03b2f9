//! Which folder of this machine a goal was started on, and where its result went: a small file for each
//! goal, because Redis knows nothing of a person's folders.

use std::path::{Path, PathBuf};

use codegod_protocol::id::GoalId;
use serde::{Deserialize, Serialize};

use crate::diagnostics::state_dir;

/// What this machine knows of a goal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The folder given with `--in`.
    #[serde(default)]
    pub(crate) folder: Option<PathBuf>,
    /// The folder given with `--out`, or where commands were run.
    #[serde(default)]
    pub(crate) out: Option<PathBuf>,
    /// The folder in which a result without a folder of its own is made.
    #[serde(default)]
    pub(crate) beside: Option<PathBuf>,
    /// The branch that holds the result.
    #[serde(default)]
    pub(crate) branch: Option<String>,
    /// The folder that holds the result.
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
}

fn file(state: &Path, goal: &GoalId) -> PathBuf {
    state.join("goals").join(format!("{goal}.json"))
}

impl Origin {
    /// What was remembered of the goal; nothing when it was started elsewhere.
    pub(crate) fn recall(goal: &GoalId) -> Option<Self> {
        let text = std::fs::read_to_string(file(&state_dir(), goal)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Remembers it. It only spares the person some typing, so a failure is logged and passed over.
    pub(crate) fn remember(&self, goal: &GoalId) {
        let path = file(&state_dir(), goal);
        let written = || -> std::io::Result<()> {
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            let new = path.with_extension("json.new");
            std::fs::write(&new, serde_json::to_vec_pretty(self)?)?;
            std::fs::rename(new, &path)
        };
        if let Err(error) = written() {
            tracing::warn!(goal.id = %goal, %error, "where the goal came from could not be remembered");
        }
    }
}
