//! A passage of a page: a line of text of several looks, broken over rows where it is too long.

use std::ops::Range;

use codegod_protocol::task::TaskState;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar;

use crate::console::theme::Look;
use crate::output::Meaning;
use crate::text::{clock, width};

/// What stands between the lead and the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mark {
    #[default]
    Nothing,
    /// The glyph of a state, before the first row.
    State(TaskState),
    /// A rail before each row, as what a command printed has.
    Rail,
}

impl Mark {
    /// No glyph is wider.
    const fn columns(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::State(_) => 2,
            Self::Rail => 3,
        }
    }
}

/// A line of text. What is put into it must be printable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Passage {
    /// Stands before the first row, and as many blanks before the others.
    lead: String,
    mark: Mark,
    text: String,
    /// Up to which byte of the text each look goes.
    looks: Vec<(usize, Meaning)>,
    /// Something that goes on since then; the time is told behind the text.
    since_ms: Option<u64>,
}

impl Passage {
    /// A line of one look.
    pub(crate) fn new(meaning: Meaning, text: impl AsRef<str>) -> Self {
        Self::default().and(meaning, text)
    }

    /// An empty line.
    pub(crate) fn blank() -> Self {
        Self::default()
    }

    /// A heading.
    pub(crate) fn heading(text: impl AsRef<str>) -> Self {
        Self::new(Meaning::Strong, text)
    }

    /// A name and what belongs to it: `commit  1a2b3c`.
    pub(crate) fn named(name: &str, meaning: Meaning, text: impl AsRef<str>) -> Self {
        Self::new(Meaning::Faint, name).and(Meaning::Plain, " ").and(meaning, text)
    }

    /// Adds text of another look.
    #[must_use]
    pub(crate) fn and(mut self, meaning: Meaning, text: impl AsRef<str>) -> Self {
        self.text.push_str(text.as_ref());
        self.looks.push((self.text.len(), meaning));
        self
    }

    /// Moves it in: `lead` stands before the first row, as many blanks before the others.
    #[must_use]
    pub(crate) fn under(mut self, lead: &str) -> Self {
        lead.clone_into(&mut self.lead);
        self
    }

    /// Puts the glyph of a state before it; the text is to say it in a word.
    #[must_use]
    pub(crate) fn marked(mut self, state: TaskState) -> Self {
        self.mark = Mark::State(state);
        self
    }

    /// Puts a rail beside it, as what a command printed has.
    #[must_use]
    pub(crate) fn printed(mut self) -> Self {
        self.mark = Mark::Rail;
        self
    }

    /// Tells behind the text how long something goes on.
    #[must_use]
    pub(crate) fn since(mut self, ms: u64) -> Self {
        self.since_ms = Some(ms);
        self
    }

    /// The text as it is looked through and copied, without what stands before its rows.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text with what stands before it, as one line.
    pub(crate) fn plain(&self) -> String {
        format!("{}{}", self.lead, self.text).trim_end().to_owned()
    }

    /// The parts of the text that fit rows of `columns`.
    pub(super) fn rows(&self, columns: usize) -> Vec<Range<usize>> {
        broken(&self.text, columns.saturating_sub(width(&self.lead) + self.mark.columns()).max(8))
    }

    /// One of the rows as it is drawn, what was found in it set off.
    pub(super) fn line(&self, part: &Range<usize>, found: &[Range<usize>], look: &Look) -> Line<'static> {
        let is_first = part.start == 0;
        let lead = if is_first { self.lead.clone() } else { " ".repeat(width(&self.lead)) };
        let mut spans = vec![Span::styled(lead, look.theme.furniture())];
        match self.mark {
            Mark::Nothing => {}
            Mark::State(state) if is_first => {
                let (glyph, meaning) = look.glyphs.task(state);
                spans.push(Span::styled(format!("{glyph} "), look.style(meaning)));
            }
            Mark::State(_) => spans.push(Span::raw("  ")),
            Mark::Rail => spans.push(Span::styled(look.glyphs.rails()[2], look.theme.furniture())),
        }
        let mut at = part.start;
        for (end, meaning) in &self.looks {
            let end = (*end).min(part.end);
            if end > at {
                pieces(&mut spans, &self.text, at..end, *meaning, found, look);
                at = end;
            }
        }
        if let Some(since) = self.since_ms.filter(|_| part.end == self.text.len()) {
            spans.push(Span::styled(format!("  {}", clock(since, look.now_ms)), look.style(Meaning::Busy)));
        }
        Line::from(spans)
    }
}

/// Adds a part of the text in one look, with what was found set off.
fn pieces(
    spans: &mut Vec<Span<'static>>,
    text: &str,
    part: Range<usize>,
    meaning: Meaning,
    found: &[Range<usize>],
    look: &Look,
) {
    let style = look.style(meaning);
    let mut at = part.start;
    for place in found {
        let (start, end) = (place.start.max(at), place.end.min(part.end));
        if start < end {
            spans.push(Span::styled(text[at..start].to_owned(), style));
            spans.push(Span::styled(text[start..end].to_owned(), style.patch(look.theme.found())));
            at = end;
        }
    }
    spans.push(Span::styled(text[at..part.end].to_owned(), style));
}

/// Breaks a text between words, and within words that are longer than a row.
fn broken(text: &str, columns: usize) -> Vec<Range<usize>> {
    if text.len() <= columns {
        return std::iter::once(0..text.len()).collect();
    }
    let (mut rows, mut start, mut used) = (Vec::new(), 0, 0);
    // Behind the last blank of the row, and how many columns came since.
    let mut blank: Option<(usize, usize)> = None;
    for (at, character) in text.char_indices() {
        let wide = character.width().unwrap_or(0);
        if character == ' ' && used + wide > columns {
            // It ends the row and is not seen there; whatever follows stands in the next.
            (blank, used) = (Some((at + 1, 0)), columns + 1);
            continue;
        }
        // A wide character may fit neither the row that ends nor what is left of it for the next.
        while used + wide > columns {
            let (next, rest) = blank.take().unwrap_or((at, 0));
            rows.push(start..next);
            (start, used) = (next, rest);
        }
        used += wide;
        if let Some((_, since)) = &mut blank {
            *since += wide;
        }
        if character == ' ' {
            blank = Some((at + 1, 0));
        }
    }
    rows.push(start..text.len());
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str, columns: usize) -> Vec<&str> {
        broken(text, columns).into_iter().map(|row| &text[row]).collect()
    }

    #[test]
    fn a_text_breaks_between_words() {
        assert_eq!(rows("one two three", 8), ["one two ", "three"]);
        assert_eq!(rows("onetwothree", 4), ["onet", "woth", "ree"]);
        assert_eq!(rows("a onetwothree", 8), ["a ", "onetwoth", "ree"]);
        assert_eq!(rows("one two three", 3), ["one ", "two ", "thr", "ee"]);
        assert_eq!(rows("", 8), [""]);
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_nothing_is_lost(text in "(\\PC| |日){0,80}", columns in 2_usize..40) {
            let clean = crate::sanitize::line(&text);
            let rows = rows(&clean, columns);
            prop_assert_eq!(rows.concat(), clean.clone());
            for row in rows {
                let wide: usize = row.trim_end_matches(' ').chars().map(|c| c.width().unwrap_or(0)).sum();
                prop_assert!(wide <= columns, "{:?} of {:?}", row, clean);
            }
        }
    }
}
