//! A typed line taken apart into words the way a shell does it, with the place of each word, and a word
//! written so that it is taken apart again as itself.

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes.
    pub(super) text: String,
    /// Where it begins in the line, in bytes.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All of it is said.
    Whole,
    /// Within that quote.
    InQuote(char),
    /// With a backslash that nothing follows.
    Backslash,
}

/// A line taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    /// The words; the last one is not finished when the line ends early.
    pub(super) words: Vec<Word>,
    /// How it ends.
    pub(super) end: End,
}

/// Takes a line apart: blanks separate, quotes and backslashes hold together, `~/` at the beginning of a
/// word is the person's home. Nothing else means anything; in particular there is no comment.
pub(super) fn split(line: &str) -> Words {
    let mut reader = Reader::default();
    for (at, letter) in line.char_indices() {
        reader.take(at, letter);
    }
    reader.finish(line.len())
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Bare,
    Escaped,
    Single,
    Double,
    EscapedInDouble,
}

#[derive(Default)]
struct Reader {
    words: Vec<Word>,
    word: Option<(usize, String)>,
    state: State,
    /// Whether the word so far is `~`, unquoted.
    tilde: bool,
}

impl Reader {
    fn take(&mut self, at: usize, letter: char) {
        match (self.state, letter) {
            (State::Bare, letter) if letter.is_whitespace() => self.close(at),
            (State::Bare, '\\') => self.enter(at, State::Escaped),
            (State::Bare, '\'') => self.enter(at, State::Single),
            (State::Bare, '"') => self.enter(at, State::Double),
            (State::Bare, '~') if self.word.is_none() => {
                self.push(at, '~');
                self.tilde = true;
            }
            (State::Bare, '/') if std::mem::take(&mut self.tilde) => self.home(),
            (State::Single, '\'') | (State::Double, '"') => self.state = State::Bare,
            (State::Double, '\\') => self.state = State::EscapedInDouble,
            (State::Escaped, letter) => {
                self.push(at, letter);
                self.state = State::Bare;
            }
            (State::EscapedInDouble, letter) => {
                if !matches!(letter, '"' | '\\') {
                    self.push(at, '\\');
                }
                self.push(at, letter);
                self.state = State::Double;
            }
            (State::Bare | State::Single | State::Double, letter) => self.push(at, letter),
        }
    }

    fn enter(&mut self, at: usize, state: State) {
        self.tilde = false;
        self.word.get_or_insert_with(|| (at, String::new()));
        self.state = state;
    }

    fn push(&mut self, at: usize, letter: char) {
        self.tilde = false;
        self.word.get_or_insert_with(|| (at, String::new())).1.push(letter);
    }

    fn home(&mut self) {
        if let Some((_, text)) = &mut self.word {
            if let Some(home) = std::env::var_os("HOME") {
                *text = home.to_string_lossy().into_owned();
            }
            text.push('/');
        }
    }

    fn close(&mut self, end: usize) {
        self.tilde = false;
        if let Some((start, text)) = self.word.take() {
            self.words.push(Word { text, start, end });
        }
    }

    fn finish(mut self, end: usize) -> Words {
        self.close(end);
        let end = match self.state {
            State::Bare => End::Whole,
            State::Single => End::InQuote('\''),
            State::Double | State::EscapedInDouble => End::InQuote('"'),
            State::Escaped => End::Backslash,
        };
        Words { words: self.words, end }
    }
}

/// The text as one word of a line.
pub(crate) fn quote(text: &str) -> String {
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | ',' | '+');
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_come_apart_as_in_a_shell() {
        assert_eq!(
            texts(r#"  build "Flask + React"  --in my\ shop "#),
            ["build", "Flask + React", "--in", "my shop"]
        );
        assert_eq!(texts(r#"a'b c'"d\"e\f" ''"#), [r#"ab cd"e\f"#, ""]);
        assert_eq!(split("wipe 'back").end, End::InQuote('\''));
        assert_eq!(split("wipe \"back\\").end, End::InQuote('"'));
        assert_eq!(split("wipe \\").end, End::Backslash);
    }

    #[test]
    fn each_word_knows_its_place() {
        let places: Vec<_> = split("a 'b c' d").words.iter().map(|word| (word.start, word.end)).collect();
        assert_eq!(places, [(0, 1), (2, 7), (8, 9)]);
    }

    #[test]
    fn only_a_bare_tilde_at_the_beginning_is_home() {
        let home = std::env::var("HOME").unwrap_or_else(|_| "~".to_owned());
        assert_eq!(texts("~/a '~/b' c~/d ~"), [format!("{home}/a"), "~/b".into(), "c~/d".into(), "~".into()]);
    }

    proptest! {
        #[test]
        fn a_quoted_text_is_one_word_and_itself(text in any::<String>()) {
            let apart = split(&quote(&text));
            prop_assert_eq!(apart.end, End::Whole);
            prop_assert_eq!(apart.words.len(), 1);
            prop_assert_eq!(&apart.words[0].text, &text);
        }

        #[test]
        fn any_line_comes_apart_at_places_within_it(line in any::<String>()) {
            let mut before = 0;
            for word in split(&line).words {
                prop_assert!(before <= word.start && word.start <= word.end && line.get(word.start..word.end).is_some());
                before = word.end;
            }
        }
    }
}
