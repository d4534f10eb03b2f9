//! Where a command's words go: stdout is data, stderr is talk. Colour only adds to words and glyphs,
//! and is off where the stream is no terminal or NO_COLOR is set.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use serde_json::json;

use crate::error::Error;
use crate::sanitize;

/// What a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text for people.
    Text,
    /// One line of JSON.
    Json,
}

/// What a line means; each meaning has one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing special.
    Plain,
    /// A heading.
    Strong,
    /// Done.
    Good,
    /// Went wrong.
    Bad,
    /// Under way.
    Busy,
    /// Needs a person.
    Attention,
    /// Less important.
    Faint,
}

impl Meaning {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\u{1b}[1m",
            Self::Good => "\u{1b}[32m",
            Self::Bad => "\u{1b}[31m",
            Self::Busy => "\u{1b}[36m",
            Self::Attention => "\u{1b}[35m",
            Self::Faint => "\u{1b}[2m",
        }
    }
}

/// One line of a screen or a report; its text holds nothing but printable characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// How it looks.
    pub(crate) meaning: Meaning,
    /// What it says.
    pub(crate) text: String,
}

impl Line {
    /// A line; control characters in the text are taken out.
    pub(crate) fn new(meaning: Meaning, text: impl AsRef<str>) -> Self {
        Self { meaning, text: sanitize::line(text.as_ref()) }
    }

    /// The line with its colour, where colours are wanted.
    pub(crate) fn painted(&self, colour: Colour) -> String {
        match (colour, self.meaning) {
            (Colour::Off, _) | (_, Meaning::Plain) => self.text.clone(),
            (Colour::On, meaning) => format!("{}{}\u{1b}[0m", meaning.code(), self.text),
        }
    }
}

/// Whether colours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// A terminal without NO_COLOR.
    On,
    /// Anything else.
    Off,
}

impl Colour {
    fn of(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        if stream.is_terminal() && !refused { Self::On } else { Self::Off }
    }
}

/// A command's output.
#[derive(Debug)]
pub(crate) struct Out {
    format: Format,
    data: Colour,
    talk: Colour,
}

impl Out {
    /// Output in that format to this process's own streams.
    pub(crate) fn new(format: Format) -> Self {
        Self { format, data: Colour::of(&std::io::stdout()), talk: Colour::of(&std::io::stderr()) }
    }

    /// Whether colours are wanted on stderr.
    pub(crate) fn talk_colour(&self) -> Colour {
        self.talk
    }

    /// Prints lines of data, when text was asked for.
    pub(crate) fn data(&self, lines: &[Line]) {
        if self.format == Format::Text {
            let mut stdout = std::io::stdout().lock();
            for line in lines {
                if writeln!(stdout, "{}", line.painted(self.data)).is_err() {
                    return; // the reader has gone (`| head`)
                }
            }
        }
    }

    /// Prints a value as one line of JSON, when that was asked for.
    pub(crate) fn json(&self, value: &impl Serialize) {
        if self.format == Format::Json
            && let Ok(text) = serde_json::to_string(value)
        {
            let _reader_gone = writeln!(std::io::stdout().lock(), "{text}");
        }
    }

    /// Says something on the way.
    pub(crate) fn say(&self, line: &Line) {
        let _nobody_listens = writeln!(std::io::stderr().lock(), "{}", line.painted(self.talk));
    }

    /// Says what went wrong, and what to do about it.
    pub(crate) fn error(&self, error: &Error) {
        let sentence = sanitize::line(&error.sentence());
        self.say(&Line::new(Meaning::Bad, format!("error: {sentence}; {}", error.hint())));
        self.error_json(&sentence, error.hint());
    }

    /// The same as JSON, when that was asked for.
    pub(crate) fn error_json(&self, sentence: &str, hint: &str) {
        self.json(&json!({ "error": sentence, "hint": hint }));
    }
}
