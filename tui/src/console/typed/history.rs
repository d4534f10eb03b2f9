//! What was typed before, kept in a file of the person's own below the state folder. A line that begins
//! with a blank is not kept: that is for what nobody else should read.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::diagnostics::state_dir;

/// How many lines are kept.
const KEPT: usize = 500;
/// How much of a file is read: nobody types more.
const MAX_BYTES: u64 = 4 << 20;
/// A text above this is not kept.
const MAX_TEXT_BYTES: usize = 16 << 10;

/// What is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Past {
    /// Typed commands.
    Commands,
    /// Goals.
    Goals,
}

impl Past {
    fn file(self, state: &Path) -> PathBuf {
        state.join(match self {
            Self::Commands => "commands.history",
            Self::Goals => "goals.history",
        })
    }
}

/// The lines, oldest first, and where a walk through them is.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    lines: Vec<String>,
    /// How far back, and what was typed before the walk began.
    walk: Option<(usize, String)>,
}

impl History {
    /// What the file remembers.
    pub(crate) fn read(past: Past) -> Self {
        Self { lines: lines(&past.file(&state_dir())), walk: None }
    }

    /// Adds a text. Returns whether it is to be kept.
    pub(crate) fn add(&mut self, text: &str) -> Keep {
        self.walk = None;
        let kept = !text.is_empty() && !text.starts_with(' ') && text.len() <= MAX_TEXT_BYTES;
        if !kept || self.lines.last().is_some_and(|last| last == text) {
            return Keep::No;
        }
        self.lines.push(text.to_owned());
        let over = self.lines.len().saturating_sub(KEPT);
        self.lines.drain(..over);
        Keep::Yes
    }

    /// The text before; `typed` is what stands there now and comes back at the end of the walk.
    pub(crate) fn back(&mut self, typed: &str) -> Option<&str> {
        let back = self.walk.as_ref().map_or(0, |(back, _)| *back) + 1;
        let text = self.lines.len().checked_sub(back).and_then(|at| self.lines.get(at))?;
        self.walk.get_or_insert_with(|| (0, typed.to_owned())).0 = back;
        Some(text)
    }

    /// The text after; in the end, what was typed before the walk began.
    pub(crate) fn forth(&mut self) -> Option<String> {
        let (back, typed) = self.walk.as_mut()?;
        *back -= 1;
        match *back {
            0 => {
                let typed = std::mem::take(typed);
                self.walk = None;
                Some(typed)
            }
            back => self.lines.get(self.lines.len() - back).cloned(),
        }
    }

    /// Something else was typed: the next walk begins at the newest.
    pub(crate) fn rest(&mut self) {
        self.walk = None;
    }

    /// Whether a walk has begun.
    pub(crate) fn is_walking(&self) -> bool {
        self.walk.is_some()
    }
}

/// Whether a text is kept in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// Keeps a text in the file. Touches the disk, so it is not for the task that draws.
pub(crate) fn keep(past: Past, text: &str) {
    if let Err(error) = append(&past.file(&state_dir()), text) {
        tracing::warn!(%error, "what was typed could not be remembered");
    }
}

/// The newest lines of a file; one that can't be read holds none.
fn lines(file: &Path) -> Vec<String> {
    let text = |line: &[u8]| serde_json::from_slice::<String>(line).ok();
    let mut lines: Vec<String> = bytes(file).split(|byte| *byte == b'\n').filter_map(text).collect();
    let over = lines.len().saturating_sub(KEPT);
    lines.drain(..over);
    lines
}

fn bytes(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    match File::open(file).and_then(|open| open.take(MAX_BYTES).read_to_end(&mut bytes)) {
        Ok(_) => bytes,
        Err(_) => Vec::new(),
    }
}

/// Adds a line to the file, and takes the oldest away now and then.
fn append(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut open = OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    open.set_permissions(PermissionsExt::from_mode(0o600))?;
    // One write, so that lines of two consoles never mix.
    open.write_all(format!("{}\n", serde_json::to_string(text)?).as_bytes())?;
    let count = bytes(file).iter().filter(|byte| **byte == b'\n').count();
    if count > 2 * KEPT || open.metadata()?.len() > MAX_BYTES / 2 {
        shorten(file)?;
    }
    Ok(())
}

fn shorten(file: &Path) -> std::io::Result<()> {
    let mut text = String::new();
    for line in lines(file).into_iter().rev().take(KEPT / 2).rev() {
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    let new = file.with_extension("new");
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?
        .write_all(text.as_bytes())?;
    std::fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_back_to_the_oldest_and_returns_to_what_was_typed() {
        let mut history = History::default();
        for line in ["one", "two", "two", " secret", ""] {
            history.add(line);
        }
        assert_eq!(history.back("draft"), Some("two"));
        assert_eq!(history.back("two"), Some("one"));
        assert_eq!(history.back("one"), None);
        assert_eq!(history.forth().as_deref(), Some("two"));
        assert_eq!(history.forth().as_deref(), Some("draft"));
        assert_eq!(history.forth(), None);
    }

    #[test]
    fn a_file_keeps_texts_of_many_lines_is_private_and_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/goals.history");
        for number in 0..2 * KEPT + 2 {
            append(&file, &format!("goal\n{number}")).unwrap();
        }
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let read = lines(&file);
        assert_eq!(read.last().unwrap(), &format!("goal\n{}", 2 * KEPT + 1));
        assert!(read.len() <= KEPT, "{}", read.len());
        std::fs::write(&file, b"\"good\"\nnot json\n\xff\xfe\n").unwrap();
        assert_eq!(lines(&file), ["good"]);
    }
}
