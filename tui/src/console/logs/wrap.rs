//! How a long text is broken over rows, and which part of it a screen that was moved sideways shows.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// The parts of the text that fit rows of `columns`; a text without anything takes one empty row.
pub(super) fn rows(text: &str, columns: usize) -> Vec<Range<usize>> {
    let columns = columns.max(2);
    let (mut rows, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, character) in text.char_indices() {
        let wide = character.width().unwrap_or(0);
        if used + wide > columns {
            rows.push(start..at);
            (start, used) = (at, 0);
        }
        used += wide;
    }
    rows.push(start..text.len());
    rows
}

/// How many rows that are.
pub(super) fn count(text: &str, columns: usize) -> usize {
    if text.is_ascii() { text.len().div_ceil(columns.max(2)).max(1) } else { rows(text, columns).len() }
}

/// How much of the text fits `columns`, with a column left for an ellipsis where that is not all.
pub(super) fn fitting(text: &str, columns: usize) -> usize {
    let (mut used, mut fits) = (0, 0);
    for (at, character) in text.char_indices() {
        let wide = character.width().unwrap_or(0);
        if used + wide > columns {
            return fits;
        }
        used += wide;
        if used < columns {
            fits = at + character.len_utf8();
        }
    }
    text.len()
}

/// The part of the text from column `left` on.
pub(crate) fn from_column(text: &str, left: usize) -> Range<usize> {
    let mut column = 0;
    for (at, character) in text.char_indices() {
        let wide = character.width().unwrap_or(0);
        if column >= left && wide > 0 {
            return at..text.len();
        }
        column += wide;
    }
    if column >= left && left == 0 { 0..text.len() } else { text.len()..text.len() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::width;

    #[test]
    fn a_long_text_goes_on_in_the_next_row() {
        assert_eq!(rows("abcdef", 4), [0..4, 4..6]);
        assert_eq!(rows("", 4).len(), 1);
        assert_eq!(rows("a日本", 4), [0..4, 4..7]);
        assert_eq!(&"abc日def"[from_column("abc日def", 4)], "def");
        assert_eq!(from_column("ab", 9), 2..2);
        assert_eq!(["abcd", "abcde", "abc日", "abc日x"].map(|text| fitting(text, 5)), [4, 5, 6, 3]);
        assert_eq!(["abcdef", "日日日", "日日e\u{301}"].map(|text| fitting(text, 5)), [4, 6, 9]);
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_no_character_is_lost(text in "\\PC{0,80}", columns in 2_usize..40) {
            let clean = crate::sanitize::log_line(&text);
            let rows = rows(&clean, columns);
            prop_assert_eq!(rows.len(), count(&clean, columns));
            prop_assert_eq!(rows.iter().map(|row| &clean[row.clone()]).collect::<String>(), clean.clone());
            prop_assert!(rows.iter().all(|row| clean[row.clone()].chars().filter_map(|c| c.width()).sum::<usize>() <= columns));
            prop_assert!(clean.get(from_column(&clean, columns)).is_some());
            let _ = width(&clean);
        }
    }
}
