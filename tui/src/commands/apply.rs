//! `apply`: a goal's result written into the person's files, as a step of its own.

use std::path::PathBuf;

use codegod_protocol::goal::GoalKind;
use codegod_protocol::id::GoalId;
use serde_json::json;

use super::{Place, intended};
use crate::error::Error;
use crate::origin::Origin;
use crate::output::{Line, Meaning, Out};
use crate::{input, workspace};

/// Writes what the goal changed into the folder it was made for, or into `dir`.
pub(super) async fn apply(at: &Place, goal: &GoalId, dir: Option<PathBuf>, out: &Out) -> Result<u8, Error> {
    let client = at.client().await?;
    let view = client.goal_view(goal).await?;
    if workspace::result_commit(&view).is_none() || view.goal.kind != GoalKind::Build {
        return Err(Error::NoResult { goal: goal.clone(), state: view.state.name() });
    }
    let remembered = || Origin::recall(goal)?.folder;
    let dir = dir.or_else(remembered).ok_or_else(|| Error::NoFolder(goal.clone()))?;
    let dir = input::folder(&dir)?;
    let question = async || {
        let dir = dir.display();
        Ok(format!(
            "Write what {goal} changed into {dir}? A file that you changed meanwhile stops all of it."
        ))
    };
    if !intended(question, out).await? {
        return Ok(0);
    }
    let applied = workspace::apply(&client, &view, &dir).await?;
    let files = |verb: &str, paths: &[PathBuf]| -> Vec<Line> {
        paths.iter().map(|path| Line::new(Meaning::Plain, format!("{verb} {}", path.display()))).collect()
    };
    out.data(&files("wrote", &applied.written));
    out.data(&files("removed", &applied.removed));
    if applied.written.is_empty() && applied.removed.is_empty() {
        out.data(&[Line::new(Meaning::Plain, "nothing to change: the folder holds the result already")]);
    }
    let names = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    out.json(&json!({
        "goal": goal, "path": dir.display().to_string(),
        "written": names(&applied.written), "removed": names(&applied.removed),
    }));
    Ok(0)
}
