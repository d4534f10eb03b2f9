//! What a person handed over, checked before anything is submitted.

use std::io::Read;
use std::path::{Path, PathBuf};

use codegod_protocol::goal::MAX_GOAL_BYTES;

use crate::error::Error;
use crate::output::Stage;

/// The goal's text: the argument, or standard input when that is `-` on the command line. Never reads more
/// than the limit.
///
/// # Errors
/// [`Error::EmptyGoal`], [`Error::GoalTooLong`], [`Error::NotText`].
pub(crate) fn goal_text(argument: &str, stage: Stage) -> Result<String, Error> {
    if argument != "-" || stage == Stage::Console {
        return checked(argument);
    }
    let limit = u64::try_from(MAX_GOAL_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(|source| Error::Io {
        doing: "read",
        path: "standard input".into(),
        source,
    })?;
    if bytes.len() > MAX_GOAL_BYTES {
        return Err(Error::GoalTooLong { limit: MAX_GOAL_BYTES });
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::NotText("it is not UTF-8".to_owned()))?;
    checked(&text)
}

fn checked(text: &str) -> Result<String, Error> {
    if text.len() > MAX_GOAL_BYTES {
        return Err(Error::GoalTooLong { limit: MAX_GOAL_BYTES });
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::EmptyGoal);
    }
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Some(control) => {
            Err(Error::NotText(format!("it holds the control character U+{:04X}", u32::from(control))))
        }
        None => Ok(text.to_owned()),
    }
}

/// An existing folder, as an absolute path.
///
/// # Errors
/// [`Error::BadFolder`].
pub(crate) fn folder(path: &Path) -> Result<PathBuf, Error> {
    let bad = |problem| Error::BadFolder { path: path.to_owned(), problem };
    let absolute = path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => bad("does not exist"),
        _ => bad("can't be opened"),
    })?;
    if absolute.is_dir() { Ok(absolute) } else { Err(bad("is not a folder")) }
}

/// A folder that is yet to be made, or is empty.
///
/// # Errors
/// [`Error::BadFolder`].
pub(crate) fn new_folder(path: &Path) -> Result<PathBuf, Error> {
    let bad = |problem| Error::BadFolder { path: path.to_owned(), problem };
    let absolute = std::path::absolute(path).map_err(|_| bad("is no path"))?;
    match std::fs::read_dir(&absolute) {
        Ok(mut entries) => match entries.next() {
            None => Ok(absolute),
            Some(_) => Err(bad("already exists and is not empty")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(absolute),
        Err(_) => Err(bad("is not a folder")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_text_of_bounded_length_is_a_goal() {
        assert_eq!(checked("  Build\tit\n").ok().as_deref(), Some("Build\tit"));
        assert!(matches!(checked(" \n"), Err(Error::EmptyGoal)));
        assert!(matches!(checked("a\0b"), Err(Error::NotText(_))));
        assert!(matches!(checked(&"x".repeat(MAX_GOAL_BYTES + 1)), Err(Error::GoalTooLong { .. })));
    }
}
