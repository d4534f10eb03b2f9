//! Copying through the terminal (OSC 52): it works over SSH, because the terminal itself, on the
//! person's own machine, takes the text.

use std::fmt;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// More than this many bytes are refused by widespread terminals.
const MOST: usize = 74_994;
/// screen passes on strings of at most 768 bytes, its own marks included.
const SCREEN_PIECE: usize = 760;

/// What came of copying. Whether the terminal took it, nobody tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// The terminal was given so many bytes.
    Bytes(usize),
    /// So many bytes are more than terminals take; nothing was copied.
    TooLarge(usize),
    /// There was nothing to copy.
    Nothing,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(count) => write!(f, "copied {count} bytes"),
            Self::TooLarge(count) => write!(f, "too large: {count} bytes, and terminals take {MOST}"),
            Self::Nothing => f.write_str("there is nothing to copy"),
        }
    }
}

/// What stands between us and the person's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    Nothing,
    Tmux,
    Screen,
}

impl Between {
    /// By the variables that tmux and screen set.
    pub(super) fn of_environment() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if set("TMUX") {
            Self::Tmux
        } else if set("STY") {
            Self::Screen
        } else {
            Self::Nothing
        }
    }
}

/// Writes the sequence that asks the terminal to copy.
///
/// # Errors
/// Those of the writer.
pub(super) fn copy(text: &str, between: Between, out: &mut impl Write) -> io::Result<Copied> {
    match text.len() {
        0 => return Ok(Copied::Nothing),
        length if length > MOST => return Ok(Copied::TooLarge(length)),
        _ => {}
    }
    let sequence = format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode(text));
    match between {
        Between::Nothing => out.write_all(sequence.as_bytes())?,
        // Which of the two tmux heeds is a matter of its options (set-clipboard, allow-passthrough).
        Between::Tmux => {
            write!(out, "{sequence}\u{1b}Ptmux;{}\u{1b}\\", sequence.replace('\u{1b}', "\u{1b}\u{1b}"))?;
        }
        Between::Screen => {
            for piece in sequence.as_bytes().chunks(SCREEN_PIECE) {
                out.write_all(b"\x1bP")?;
                out.write_all(piece)?;
                out.write_all(b"\x1b\\")?;
            }
        }
    }
    Ok(Copied::Bytes(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(text: &str, between: Between) -> (Copied, String) {
        let mut out = Vec::new();
        let copied = copy(text, between, &mut out).unwrap();
        (copied, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_text_is_handed_to_the_terminal() {
        assert_eq!(
            copied("héllo", Between::Nothing),
            (Copied::Bytes(6), "\u{1b}]52;c;aMOpbGxv\u{7}".to_owned())
        );
    }

    #[test]
    fn tmux_gets_it_for_itself_and_to_pass_on() {
        assert_eq!(
            copied("a", Between::Tmux).1,
            "\u{1b}]52;c;YQ==\u{7}\u{1b}Ptmux;\u{1b}\u{1b}]52;c;YQ==\u{7}\u{1b}\\"
        );
    }

    #[test]
    fn screen_gets_it_in_pieces_that_it_takes() {
        let (outcome, sent) = copied(&"x".repeat(3000), Between::Screen);
        assert_eq!(outcome, Copied::Bytes(3000));
        let pieces: Vec<&str> =
            sent.split("\u{1b}\\").filter_map(|piece| piece.strip_prefix("\u{1b}P")).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= SCREEN_PIECE), "{sent:?}");
        assert_eq!(pieces.concat(), format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode("x".repeat(3000))));
    }

    #[test]
    fn too_much_and_nothing_write_nothing_and_say_so() {
        assert_eq!(copied("", Between::Nothing), (Copied::Nothing, String::new()));
        let (outcome, sent) = copied(&"x".repeat(MOST + 1), Between::Nothing);
        assert_eq!((outcome, sent.as_str()), (Copied::TooLarge(74_995), ""));
        assert_eq!(outcome.to_string(), "too large: 74995 bytes, and terminals take 74994");
        assert_eq!(copied(&"x".repeat(MOST), Between::Nothing).0.to_string(), "copied 74994 bytes");
    }
}
