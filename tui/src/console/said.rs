//! What was said last, in the line above the keys: the outcome of a command, a hint. It goes by itself
//! after a while; what went wrong stays until a key is pressed.

use crate::output::Meaning;

/// How long a line that needs nobody stays, in milliseconds.
const LIFE_MS: u64 = 6_000;

/// The line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    line: Option<(Meaning, String, u64)>,
}

impl Said {
    /// Says something.
    pub(crate) fn say(&mut self, meaning: Meaning, text: String, now_ms: u64) {
        self.line = Some((meaning, text, now_ms));
    }

    /// The line, when there is one.
    pub(crate) fn line(&self) -> Option<(Meaning, &str)> {
        self.line.as_ref().map(|(meaning, text, _)| (*meaning, text.as_str()))
    }

    /// Time passed.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        let over = self.line.as_ref().is_some_and(|(meaning, _, at)| {
            !matches!(meaning, Meaning::Bad | Meaning::Attention) && now_ms.saturating_sub(*at) > LIFE_MS
        });
        if over {
            self.line = None;
        }
    }

    /// A key was pressed: what stood there long enough to be read may go.
    pub(crate) fn read(&mut self) {
        self.line = None;
    }
}
