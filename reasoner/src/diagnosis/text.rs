//! Output as rules see it: without what only terminals understand, and of bounded length.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Of longer output the beginning and the end are looked at, each of this many bytes.
const HALF: usize = 512 * 1024;
/// The most lines, and the most bytes of each, that a diagnosis cites.
const CITED_LINES: usize = 6;
const CITED_BYTES: usize = 240;

/// Colours, movements, titles and links.
static ESCAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\r").ok()
});

/// The output without escape sequences and carriage returns, and not longer than what is looked at.
pub(super) fn plain(output: &str) -> String {
    let short = if output.len() > 2 * HALF {
        let head = &output[..boundary(output, HALF)];
        let tail = &output[boundary(output, output.len() - HALF)..];
        Cow::Owned(format!("{head}\n{tail}"))
    } else {
        Cow::Borrowed(output)
    };
    match ESCAPES.as_ref() {
        Some(escapes) => escapes.replace_all(&short, "").into_owned(),
        None => short.into_owned(),
    }
}

/// The lines of `text` that the bytes `start..end` touch, shortened.
pub(super) fn lines_around(text: &str, start: usize, end: usize) -> String {
    let first = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let last = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let lines = text[first..last].lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.take(CITED_LINES).map(shortened).collect::<Vec<_>>().join("\n")
}

fn shortened(line: &str) -> String {
    if line.len() <= CITED_BYTES {
        return line.to_owned();
    }
    format!("{}…", &line[..boundary(line, CITED_BYTES)])
}

/// The beginning of a character, at `at` or right before it.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_terminal_understands_is_left_out() {
        let coloured = "\u{1b}[31mE   no\u{1b}[0m module\r\n\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}";
        assert_eq!(plain(coloured), "E   no module\nlink");
    }

    #[test]
    fn of_a_long_output_both_ends_are_seen() {
        let long = format!("first{}last", "é".repeat(HALF * 2));
        let seen = plain(&long);
        assert!(seen.starts_with("first") && seen.ends_with("last") && seen.len() <= 2 * HALF + 4);
    }

    #[test]
    fn whole_lines_are_cited() {
        let text = "one\ntwo three\nfour\n";
        assert_eq!(lines_around(text, 8, 15), "two three\nfour");
    }
}
