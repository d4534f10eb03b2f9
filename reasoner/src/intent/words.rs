//! Cutting a sentence into words with their places in it.

/// One word of the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Where it starts, in bytes.
    pub start: usize,
    /// Where it ends (exclusive), in bytes.
    pub end: usize,
    /// Lower case.
    pub lower: String,
    /// What stands between it and the word before.
    pub gap: Gap,
}

/// What separates a word from the one before, the strongest mark counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// Blanks, hyphens and the dots inside names: the words may belong together.
    Joined,
    /// A comma, slash, plus or quotation mark: another item of a list.
    Item,
    /// An opening bracket.
    Opened,
    /// A closing bracket.
    Closed,
    /// The end of a sentence or line.
    Sentence,
}

impl Gap {
    fn of(between: &str) -> Self {
        let ended = between.char_indices().any(|(at, mark)| match mark {
            '\n' | '!' | '?' | ';' => true,
            // A dot inside a name (`vue.js`) ends nothing.
            '.' => between.len() > at + 1,
            _ => false,
        });
        if ended {
            Self::Sentence
        } else if between.contains('(') {
            Self::Opened
        } else if between.contains(')') {
            Self::Closed
        } else if between.chars().all(|mark| mark.is_whitespace() || matches!(mark, '-' | '.' | '_')) {
            Self::Joined
        } else {
            Self::Item
        }
    }
}

/// The words of `text`, in order: runs of letters and digits, with an apostrophe inside or a
/// trailing `++` or `#` (`don't`, `c++`). Everything else only separates.
pub(super) fn cut(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut marks = text.char_indices().peekable();
    let mut before = 0;
    while let Some((start, mark)) = marks.next() {
        if !mark.is_alphanumeric() {
            continue;
        }
        let mut end = start + mark.len_utf8();
        while let Some(&(at, next)) = marks.peek() {
            let inside =
                matches!(next, '\'' | '’') && text[at + next.len_utf8()..].starts_with(char::is_alphabetic);
            if !next.is_alphanumeric() && !inside {
                break;
            }
            end = at + next.len_utf8();
            marks.next();
        }
        for suffix in ["++", "#"] {
            if text[end..].starts_with(suffix) {
                end += suffix.len();
                marks.by_ref().take(suffix.len() - 1).for_each(drop);
                marks.next();
                break;
            }
        }
        let gap = if words.is_empty() { Gap::Sentence } else { Gap::of(&text[before..start]) };
        words.push(Word { start, end, lower: text[start..end].to_lowercase().replace('’', "'"), gap });
        before = end;
    }
    words
}
