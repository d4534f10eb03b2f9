//! Widths, durations and tables: text laid out for a terminal of a given width.

use std::sync::OnceLock;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Seconds to add to a Unix time for the clock on the wall.
static UTC_OFFSET: OnceLock<i32> = OnceLock::new();

/// Asks the system for its time zone. To be called before there is a second thread: with more the system's
/// answer is not safe, and then it is UTC.
pub(crate) fn know_time_zone() {
    let offset = time::UtcOffset::current_local_offset().map_or(0, time::UtcOffset::whole_seconds);
    UTC_OFFSET.get_or_init(|| offset);
}

/// Seconds to add to a Unix time for the clock on the wall.
pub(crate) fn utc_offset_seconds() -> i64 {
    i64::from(UTC_OFFSET.get().copied().unwrap_or(0))
}

/// A Unix time in milliseconds as `12:41:07`, `offset` seconds ahead of UTC.
pub(crate) fn time_of_day(ms: u64, offset: i64) -> String {
    let seconds = (i64::try_from(ms / 1000).unwrap_or(0) + offset).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// How many columns the text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `columns` columns, cut with an ellipsis where it is longer.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let (mut cut, mut used) = (String::new(), 0);
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide > columns - 1 {
            break;
        }
        cut.push(character);
        used += wide;
    }
    cut.push('…');
    cut
}

/// The text padded to `columns` columns, and cut when it is longer.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let mut text = fit(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// The text in lines of at most `columns` columns, broken at blanks where that is possible. Columns within
/// it stay columns, and what is broken begins as far in as the text does.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let indent = " ".repeat(text.chars().take_while(|c| *c == ' ').count().min(columns / 4));
    let (mut lines, mut line, mut used) = (Vec::new(), indent.clone(), indent.len());
    // The last blanks in the line: where what stands before ends, and where what follows begins.
    let mut gap: Option<(usize, usize)> = None;
    for character in text.trim_matches(' ').chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide > columns && line.len() > indent.len() {
            let mut rest = String::new();
            if let Some((end, start)) = gap.take().filter(|_| character != ' ') {
                rest = line.split_off(start);
                line.truncate(end);
            }
            lines.push(std::mem::replace(&mut line, format!("{indent}{rest}")).trim_end().to_owned());
            used = width(&line);
        }
        if character == ' ' && line.len() == indent.len() {
            continue; // the blanks that it was broken at
        }
        line.push(character);
        used += wide;
        if character == ' ' {
            gap = Some((line.trim_end().len(), line.len()));
        }
    }
    lines.push(line);
    lines
}

/// A duration for people: `3.2s`, `48.0s`, `3m 12s`, `1h 04m`.
pub(crate) fn duration(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "floored, never negative, small"
    )]
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..=59 => format!("{:.1}s", seconds.max(0.0)),
        60..=3599 => format!("{}m {:02}s", whole / 60, whole % 60),
        _ => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
    }
}

/// The seconds between two Unix times in milliseconds; 0 when the clocks disagree.
pub(crate) fn seconds_between(from_ms: u64, to_ms: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "durations stay far below 2^52 ms")]
    let ms = to_ms.saturating_sub(from_ms) as f64;
    ms / 1000.0
}

/// Whole seconds between two Unix times in milliseconds, for clocks that tick; at most seven characters up
/// to three years.
pub(crate) fn clock(from_ms: u64, to_ms: u64) -> String {
    let whole = to_ms.saturating_sub(from_ms) / 1000;
    match whole {
        0..=59 => format!("{whole}s"),
        60..=3599 => format!("{}m {:02}s", whole / 60, whole % 60),
        3600..360_000 => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d {:02}h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// Lays rows out in columns as wide as they need; the column `elastic` gives way when the table is
/// wider than `columns`.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>], elastic: usize, columns: usize) -> Vec<String> {
    let cell = |row: &[String], i: usize| row.get(i).map_or(0, |text| width(text));
    let mut widths: Vec<usize> = (0..head.len())
        .map(|i| rows.iter().map(|row| cell(row, i)).chain([width(head[i])]).max().unwrap_or(0))
        .collect();
    let together: usize = widths.iter().sum::<usize>() + 2 * head.len().saturating_sub(1);
    if let Some(wide) = widths.get_mut(elastic) {
        *wide = wide.saturating_sub(together.saturating_sub(columns)).max(8);
    }
    let lay = |row: Vec<&str>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(text, wide)| pad(text, *wide)).collect();
        fit(cells.join("  ").trim_end(), columns)
    };
    let body = rows.iter().map(|row| lay(row.iter().map(String::as_str).collect()));
    std::iter::once(lay(head.to_vec())).chain(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wide_characters_count_twice_and_nothing_is_cut_in_half() {
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn text_breaks_between_words_and_only_long_words_are_broken() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("  a list item", 8), ["  a list", "  item"]);
        assert_eq!(wrapped("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("a  b    c", 20), ["a  b    c"]);
        assert_eq!(wrapped("one   two   three", 7), ["one", "two", "three"]);
    }

    proptest! {
        #[test]
        fn what_is_broken_fits_and_loses_nothing_but_blanks(text in "[a-z日 ]{0,60}", columns in 2_usize..30) {
            let lines = wrapped(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }

    #[test]
    fn the_time_of_day_is_that_of_the_wall() {
        let evening = 1_700_000_000_000; // 22:13:20 in UTC
        assert_eq!(
            [0, 7_200, -82_800].map(|offset| time_of_day(evening, offset)),
            ["22:13:20", "00:13:20", "23:13:20"]
        );
    }

    #[test]
    fn durations_read_like_a_clock() {
        assert_eq!(
            [0.04, 9.96, 48.3, 192.0, 3840.0].map(duration),
            ["0.0s", "10.0s", "48.3s", "3m 12s", "1h 04m"].map(str::to_owned)
        );
    }

    #[test]
    fn a_table_fits_its_width() {
        let rows = vec![vec!["g-1".to_owned(), "a very long goal text that goes on".to_owned()]];
        for line in table(&["goal", "text"], &rows, 1, 20) {
            assert!(width(&line) <= 20, "{line:?}");
        }
    }
}
