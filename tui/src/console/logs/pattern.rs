//! What a person looks for in lines: a plain text, or a regular expression between slashes. Small letters
//! find both; a capital letter finds only itself.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

/// The most memory that a regular expression may take.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// What is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    typed: String,
    regex: Regex,
    sense: Sense,
}

/// Which lines count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    /// Those that have it.
    With,
    /// Those that don't.
    Without,
}

impl Pattern {
    /// What to search for; none when nothing is typed, an error when it is no regular expression.
    pub(crate) fn search(typed: &str) -> Result<Option<Self>, NoPattern> {
        Self::new(typed, typed, Sense::With)
    }

    /// What shown lines must have; `!` before it: what they must not have.
    pub(crate) fn filter(typed: &str) -> Result<Option<Self>, NoPattern> {
        match typed.strip_prefix('!') {
            Some(text) => Self::new(typed, text, Sense::Without),
            None => Self::new(typed, typed, Sense::With),
        }
    }

    fn new(typed: &str, text: &str, sense: Sense) -> Result<Option<Self>, NoPattern> {
        if text.is_empty() {
            return Ok(None);
        }
        let expression = text.strip_prefix('/').and_then(|text| text.strip_suffix('/'));
        let source = match expression {
            Some("") | None => regex::escape(text),
            Some(expression) => expression.to_owned(),
        };
        let regex = RegexBuilder::new(&source)
            .case_insensitive(!text.chars().any(char::is_uppercase))
            .size_limit(MAX_REGEX_BYTES)
            .build()
            .map_err(|error| NoPattern(last_line(&error.to_string())))?;
        Ok(Some(Self { typed: typed.to_owned(), regex, sense }))
    }

    /// What was typed.
    pub(crate) fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether a line counts.
    pub(crate) fn takes(&self, text: &str) -> bool {
        self.regex.is_match(text) == (self.sense == Sense::With)
    }

    /// Where it stands in the text.
    pub(crate) fn places(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        self.regex.find_iter(text).map(|found| found.range()).filter(|range| !range.is_empty())
    }
}

/// What was typed is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no regular expression: {0}")]
pub(crate) struct NoPattern(String);

/// The reason stands last; above it the expression is quoted over several lines.
fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn takes(typed: &str, text: &str) -> bool {
        Pattern::filter(typed).unwrap().unwrap().takes(text)
    }

    #[test]
    fn small_letters_find_both_and_capitals_only_themselves() {
        assert!(takes("error", "An ERROR"));
        assert!(takes("Error", "An Error") && !takes("Error", "an error"));
        assert!(takes("a.b", "a.b") && !takes("a.b", "axb"));
        assert!(takes("!error", "all is well") && !takes("!error", "Error"));
        assert!(takes("/^a.b$/", "axb") && !takes("/^a.b$/", "axbc"));
        assert!(takes("/usr/", "usr") && takes("/", "a/b") && takes("//", "http://x"));
    }

    #[test]
    fn nothing_typed_is_no_pattern_and_nonsense_says_why() {
        assert!(Pattern::search("").unwrap().is_none());
        assert!(Pattern::filter("!").unwrap().is_none());
        assert_eq!(Pattern::search("/(/").unwrap_err().to_string(), "no regular expression: unclosed group");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_taken_or_refused(typed in any::<String>(), text in any::<String>()) {
            if let Ok(Some(pattern)) = Pattern::filter(&typed) {
                pattern.takes(&text);
                prop_assert!(pattern.places(&text).all(|range| text.get(range).is_some()));
            }
        }

        #[test]
        fn a_plain_text_finds_itself(typed in "[^!/]{1,20}") {
            let found = takes(&typed, &format!("x{typed}y"));
            prop_assert!(found);
        }
    }
}
