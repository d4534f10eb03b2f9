//! A lost connection, told from what installers print: it says nothing of the project, and asking again helps.

/// How installers say that the network failed, not what they wanted from it: npm, pip, uv, apt, git.
const SIGNS: [&str; 11] = [
    "EAI_AGAIN",
    "ECONNRESET",
    "ETIMEDOUT",
    "Connection reset by peer",
    "Connection timed out",
    "Read timed out",
    "Temporary failure in name resolution",
    "Temporary failure resolving",
    "Unable to fetch some archives",
    "dns error",
    "operation timed out",
];

/// The sign of a lost connection in what a command printed.
#[must_use]
pub fn lost(output: &str) -> Option<&'static str> {
    SIGNS.into_iter().find(|sign| output.contains(sign))
}
