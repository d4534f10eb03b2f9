//! Script lines of a package.json, split into their commands. Each word is kept as it is written, for what
//! is run in the end must mean to the shell what the project wrote.

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// As written, with its quotes.
    pub(super) raw: String,
    /// Without them.
    pub(super) text: String,
}

impl Word {
    /// A word that needs no quotes.
    pub(super) fn plain(text: &str) -> Self {
        Self { raw: text.to_owned(), text: text.to_owned() }
    }

    /// A word that means exactly this text.
    pub(super) fn quoted(text: &str) -> Self {
        Self { raw: crate::shell::quote(text), text: text.to_owned() }
    }
}

/// One command: variables set for it, then its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// `NAME=value`, as written.
    pub(super) env: Vec<String>,
    /// Program and arguments.
    pub(super) words: Vec<Word>,
    /// What reads its output, if anything does.
    pub(super) piped_into: Option<String>,
}

/// The commands of a line, in order; of a pipeline the first.
pub(super) fn split(line: &str) -> Vec<Command> {
    let mut splitter = Splitter::default();
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        splitter.take(char, &mut chars);
    }
    splitter.end_command(Joint::Sequence);
    splitter.commands
}

/// What stands between two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    Sequence,
    Pipe,
}

#[derive(Default)]
struct Splitter {
    commands: Vec<Command>,
    words: Vec<Word>,
    raw: String,
    text: String,
    /// Whether a word has begun, be it empty.
    begun: bool,
    quote: Option<char>,
    /// How deep in `$( … )`.
    nested: usize,
    joint: Option<Joint>,
}

impl Splitter {
    fn take(&mut self, char: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
        match (self.quote, char) {
            (Some(open), _) if char == open => {
                self.quote = None;
                self.raw.push(char);
            }
            (Some('"') | None, '\\') => {
                self.push(char, None);
                if let Some(next) = rest.next() {
                    self.push(next, Some(next));
                }
            }
            (Some(_), _) => self.push(char, Some(char)),
            (None, '"' | '\'') => {
                self.quote = Some(char);
                self.push(char, None);
            }
            (None, '$') if rest.peek() == Some(&'(') => {
                self.push(char, Some(char));
                self.nested += 1;
                rest.next();
                self.push('(', Some('('));
            }
            (None, ')') if self.nested > 0 => {
                self.nested -= 1;
                self.push(char, Some(char));
            }
            (None, _) if self.nested > 0 => self.push(char, Some(char)),
            // A redirection: `2>&1`, `> file`.
            (None, '&') if self.raw.ends_with('>') => self.push(char, Some(char)),
            (None, '\n' | ';' | '&' | '(' | ')') => self.end_command(Joint::Sequence),
            (None, '|') if rest.peek() == Some(&'|') => {
                rest.next();
                self.end_command(Joint::Sequence);
            }
            (None, '|') => self.end_command(Joint::Pipe),
            (None, _) if char.is_whitespace() => self.end_word(),
            (None, _) => self.push(char, Some(char)),
        }
    }

    fn push(&mut self, raw: char, text: Option<char>) {
        self.begun = true;
        self.raw.push(raw);
        self.text.extend(text);
    }

    fn end_word(&mut self) {
        if std::mem::take(&mut self.begun) {
            let word = Word { raw: std::mem::take(&mut self.raw), text: std::mem::take(&mut self.text) };
            self.words.push(word);
        }
    }

    fn end_command(&mut self, next: Joint) {
        if self.quote.is_some() {
            // A quote that is never closed: what follows would not be what it seems.
            self.raw.clear();
            self.text.clear();
            self.begun = false;
        }
        self.end_word();
        let words = std::mem::take(&mut self.words);
        let joint = self.joint.replace(next);
        let command = command(words);
        if command.words.is_empty() {
            return;
        }
        match (joint, self.commands.last_mut()) {
            (Some(Joint::Pipe), Some(first)) => {
                let reader = command.words.first().map(|word| word.text.clone());
                first.piped_into = first.piped_into.take().or(reader);
            }
            _ => self.commands.push(command),
        }
    }
}

/// Takes assignments off the front, and redirections out.
fn command(words: Vec<Word>) -> Command {
    let mut command = Command::default();
    let mut skip_target = false;
    for word in words {
        if std::mem::take(&mut skip_target) {
            continue;
        }
        let redirection = word.raw.trim_start_matches(|char: char| char.is_ascii_digit());
        if redirection.starts_with(['>', '<']) {
            skip_target = redirection.trim_start_matches(['>', '<']).is_empty();
        } else if command.words.is_empty() && is_assignment(&word.raw) {
            command.env.push(word.raw);
        } else {
            command.words.push(word);
        }
    }
    command
}

/// Whether a word sets a variable.
pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Vec<String> {
        let show = |command: Command| {
            let words = command.words.iter().map(|word| word.raw.clone());
            let all: Vec<String> = command.env.iter().cloned().chain(words).collect();
            let pipe = command.piped_into.map(|into| format!(" into {into}")).unwrap_or_default();
            all.join(" ") + &pipe
        };
        split(line).into_iter().map(show).collect()
    }

    #[test]
    fn a_line_falls_into_commands_whose_words_stay_as_they_are() {
        assert_eq!(shown("xo && c8 ava && tsd"), ["xo", "c8 ava", "tsd"]);
        assert_eq!(
            shown("NODE_ENV=test mocha \"test/**/*.js\" 2>&1 | tap-spec"),
            ["NODE_ENV=test mocha \"test/**/*.js\" into tap-spec"]
        );
        assert_eq!(shown("(cd a; b 'x && y') || exit 0 > /dev/null"), ["cd a", "b 'x && y'", "exit 0"]);
        assert_eq!(
            shown("eclint check $(git ls-files | xargs find) & x"),
            ["eclint check $(git ls-files | xargs find)", "x"]
        );
        assert_eq!(split(r#"a "b \"c\"""#)[0].words[1].text, "b \"c\"");
        assert_eq!(shown("broken 'quote && x"), ["broken"]);
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_split(line in "\\PC{0,200}") {
            split(&line);
        }
    }
}
