//! Which paths may enter a tree: what git's own fsck would refuse is refused before it is written.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::Error;

/// The longest path that is accepted, in bytes.
const LONGEST: usize = 4096;

/// Checks a path of a tree, given relative to its root with `/` between its parts.
pub(crate) fn check(path: &[u8]) -> Result<(), Error> {
    let refuse = |reason: &str| Err(unsafe_entry(path, reason));
    if path.is_empty() || path.len() > LONGEST {
        return refuse("its name is empty or too long");
    }
    if path.contains(&0) {
        return refuse("its name contains a zero byte");
    }
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" => return refuse("it is absolute or has an empty part"),
            b"." | b".." => return refuse("it leaves the folder"),
            _ if part.split(|byte| *byte == b'\\').any(is_dot_git) => return refuse("it lies in .git"),
            _ => {}
        }
    }
    Ok(())
}

/// A link of this name could make git read a file from elsewhere, so git's fsck refuses it.
pub(crate) fn check_link(path: &[u8]) -> Result<(), Error> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let plain = plain_name(name);
    if plain == ".gitmodules" || plain.starts_with("gitmod~") || plain.starts_with("gi7eba~") {
        return Err(unsafe_entry(path, "a file that git reads must not be a link"));
    }
    Ok(())
}

pub(crate) fn unsafe_entry(path: &[u8], reason: &str) -> Error {
    Error::UnsafeEntry { path: String::from_utf8_lossy(path).into_owned(), reason: reason.to_owned() }
}

/// A text with a path in it as people can read it: of a very long one its beginning and its end.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 100;
    let count = text.chars().count();
    if count <= 2 * SHOWN {
        return text.to_owned();
    }
    let start: String = text.chars().take(SHOWN).collect();
    let end: String = text.chars().skip(count - SHOWN).collect();
    format!("{start}…{end}")
}

/// The path below a folder that a tree path stands for.
pub(crate) fn below(dir: &Path, path: &[u8]) -> PathBuf {
    dir.join(OsStr::from_bytes(path))
}

/// Names that some file system takes for `.git`: NTFS ignores dots and spaces at the end and what
/// follows a colon, and knows a short name; HFS+ ignores invisible characters; both ignore case.
fn is_dot_git(part: &[u8]) -> bool {
    matches!(plain_name(part).as_str(), ".git" | "git~1")
}

fn plain_name(part: &[u8]) -> String {
    let text = String::from_utf8_lossy(part);
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let name = visible.split(':').next().unwrap_or_default();
    name.trim_end_matches(['.', ' ']).to_lowercase()
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}
