//! Lines of an agent's log: how much each matters, decided by whoever writes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much a line matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// What a command printed; also of lines that say nothing of it.
    #[default]
    Output,
    /// What the agent says.
    Info,
    /// Something was left out or did not work, and the work goes on.
    Warning,
    /// Something failed.
    Error,
}

impl Level {
    /// All levels, the least first.
    pub const ALL: [Level; 4] = [Level::Output, Level::Info, Level::Warning, Level::Error];

    /// The level's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Level::Output => "output",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a level (levels are output, info, warning, error)")]
pub struct NoLevel(String);

impl FromStr for Level {
    type Err = NoLevel;

    fn from_str(text: &str) -> Result<Self, NoLevel> {
        Self::ALL.into_iter().find(|level| level.name() == text).ok_or_else(|| NoLevel(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_as_it_is_written_and_errors_matter_most() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert!("loud".parse::<Level>().is_err());
        assert_eq!(Level::ALL.into_iter().max(), Some(Level::Error));
    }
}
