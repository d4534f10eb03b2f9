//! Text from outside (logs, models, files, Redis) on its way to a terminal: only what can be printed
//! gets there, so that a log can neither move the cursor nor hide what it says.

/// The text on one line: escape sequences, control characters and characters without width or that
/// turn the direction of writing are taken out; tabs and line breaks become spaces.
pub(crate) fn line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_parameters(&mut rest),
            '\t' | '\n' | '\r' => clean.push(' '),
            c if is_printable(c) => clean.push(c),
            _ => {}
        }
    }
    clean.truncate(clean.trim_end().len());
    clean
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

    proptest! {
        #[test]
        fn any_bytes_give_only_printable_cells(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let clean = line(&String::from_utf8_lossy(&bytes));
            prop_assert!(clean.chars().all(|c| !c.is_control() && is_printable(c)));
        }

        #[test]
        fn any_text_gives_only_printable_cells(text in any::<String>()) {
            prop_assert!(line(&text).chars().all(|c| !c.is_control() && is_printable(c)));
        }
    }
}
