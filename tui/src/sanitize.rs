//! Text from outside (logs, models, files, Redis) on its way to a terminal: only what can be printed
//! gets there, so that a log can neither move the cursor nor hide what it says.

use unicode_width::UnicodeWidthChar;

/// Columns from one tab stop to the next.
const TAB: usize = 8;
/// How many marks without width may stand on one character.
const MAX_MARKS: usize = 4;
/// The widest line of a log that is kept, in columns.
const MAX_COLUMNS: usize = 4_096;

/// The text on one line: escape sequences, control characters and characters without width or that
/// turn the direction of writing are taken out; tabs and line breaks become spaces.
pub(crate) fn line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    clean.extend(visible(text).map(|c| if is_break(c) { ' ' } else { c }));
    clean.truncate(clean.trim_end().len());
    clean
}

/// A line of a log as a terminal would have left it: cleaned as by [`line`], but tabs reach the next tab
/// stop and what stood before a carriage return was overwritten. Each of its characters takes the columns
/// that it takes alone: what joins or varies emoji is taken out, and marks do not pile up.
pub(crate) fn log_line(text: &str) -> String {
    let text = text.trim_end_matches(['\r', '\n']);
    let text = text.rsplit('\r').next().unwrap_or_default();
    let mut clean = String::with_capacity(text.len());
    let (mut column, mut marks) = (0, 0);
    for character in visible(text) {
        let width = match character {
            '\t' => TAB - column % TAB,
            c if is_break(c) => 1,
            c => c.width().unwrap_or(0),
        };
        if column + width > MAX_COLUMNS {
            clean.push('…');
            return clean;
        }
        column += width;
        marks = if width == 0 { marks + 1 } else { 0 };
        match character {
            c if is_break(c) => clean.extend(std::iter::repeat_n(' ', width)),
            _ if marks > MAX_MARKS => {}
            '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' => column -= width,
            c => clean.push(c),
        }
    }
    clean.truncate(clean.trim_end().len());
    clean
}

/// Tabs and line breaks, which are looked at by whoever lays the text out.
fn is_break(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r')
}

/// The text's characters without escape sequences and what can't be printed; breaks stay.
fn visible(text: &str) -> impl Iterator<Item = char> {
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        loop {
            match rest.next()? {
                '\u{1b}' => skip_escape(&mut rest),
                '\u{9b}' => skip_parameters(&mut rest),
                c if is_break(c) || is_printable(c) => return Some(c),
                _ => {}
            }
        }
    })
}

/// The text's lines, each as [`line`] gives it; what stood before a carriage return was overwritten.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|text| line(text.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default()))
}

fn is_printable(c: char) -> bool {
    let turns_or_hides = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !turns_or_hides
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips what follows ESC: a control sequence, a string up to its end, or one character.
fn skip_escape(rest: &mut Rest<'_>) {
    match rest.next() {
        Some('[') => skip_parameters(rest),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' || c == '\u{9c}' {
                    return;
                }
                if c == '\u{1b}' {
                    rest.next_if_eq(&'\\');
                    return;
                }
            }
        }
        Some('(' | ')' | '*' | '+' | '#' | ' ' | '%') => {
            rest.next();
        }
        _ => {}
    }
}

/// Skips a control sequence up to its final character.
fn skip_parameters(rest: &mut Rest<'_>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_leave_only_their_text() {
        assert_eq!(line("\u{1b}[31mred\u{1b}[0m\tx"), "red x");
        assert_eq!(line("\u{1b}]0;title\u{7}text \u{1b}]8;;http://a\u{1b}\\link"), "text link");
        assert_eq!(line("a\u{202e}b\u{200b}c\u{9b}2Jd"), "abcd");
        assert_eq!(lines("10%\r100%\r\nok").collect::<Vec<_>>(), ["100%", "ok"]);
    }

    #[test]
    fn a_log_line_looks_as_a_terminal_would_have_left_it() {
        assert_eq!(log_line("a\tb\t\u{1b}[31mc"), "a       b       c");
        assert_eq!(log_line("日\tb"), "日      b");
        assert_eq!(log_line("10%\r55%\r100%\r"), "100%");
        assert_eq!(
            log_line("e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}!"),
            "e\u{301}\u{301}\u{301}\u{301}!"
        );
        assert_eq!(log_line("👍🏽 ❤\u{fe0f} 👨\u{200d}👩"), "👍 ❤ 👨👩");
        assert_eq!(log_line(&"x".repeat(5_000)), format!("{}…", "x".repeat(4_096)));
    }

    proptest! {
        #[test]
        fn any_bytes_give_only_printable_cells(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let clean = line(&String::from_utf8_lossy(&bytes));
            prop_assert!(clean.chars().all(|c| !c.is_control() && is_printable(c)));
        }

        #[test]
        fn any_bytes_of_a_log_give_only_printable_cells(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let clean = log_line(&String::from_utf8_lossy(&bytes));
            prop_assert!(clean.chars().all(|c| !c.is_control() && is_printable(c)));
        }

        #[test]
        fn a_log_line_is_as_wide_as_its_characters(text in "(\\PC|[\t👍🏽\u{fe0f}\u{300}日])*") {
            let clean = log_line(&text);
            let alone: usize = clean.chars().map(|c| c.width().unwrap_or(0)).sum();
            prop_assert!(alone <= MAX_COLUMNS + 1);
            prop_assert_eq!(log_line(&clean), clean);
        }

        #[test]
        fn any_text_gives_only_printable_cells(text in any::<String>()) {
            prop_assert!(line(&text).chars().all(|c| !c.is_control() && is_printable(c)));
        }
    }
}
