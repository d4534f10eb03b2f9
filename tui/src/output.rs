//! Where a command's words go. On the command line stdout is data, stderr is talk; colour only adds to
//! words and glyphs, and is off where the stream is no terminal or NO_COLOR is set. In the console both,
//! and the questions, go to whoever runs the command.

use std::io::{IsTerminal, Write};

use codegod_protocol::id::GoalId;
use serde::Serialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::error::Error;
use crate::{sanitize, terminal};

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

/// What a command says that does not speak to this process's own streams.
#[derive(Debug)]
pub(crate) enum Said {
    /// Lines of data.
    Data(Vec<Line>),
    /// Something on the way.
    Talk(Line),
    /// A goal was handed over.
    Goal(GoalId),
    /// It asks before it does it.
    Asks(Question),
}

/// A question that a person answers with yes or no. Dropped without an answer it means no.
#[derive(Debug)]
pub(crate) struct Question {
    /// What exactly would be done.
    pub(crate) text: String,
    /// Where the answer goes.
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What a person says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is done.
    Yes,
    /// Nothing is done.
    No,
    /// There is nobody to ask.
    Nobody,
}

/// A command's output, and its way to ask.
#[derive(Debug)]
pub(crate) struct Out {
    format: Format,
    voice: Voice,
}

/// To whom a command speaks.
#[derive(Debug)]
enum Voice {
    /// The process's own streams.
    Streams { data: Colour, talk: Colour },
    /// Whoever runs the command, who shows tables of that many columns.
    Runner { said: mpsc::UnboundedSender<Said>, columns: usize },
}

impl Out {
    /// Output in that format to this process's own streams.
    pub(crate) fn new(format: Format) -> Self {
        let (data, talk) = (Colour::of(&std::io::stdout()), Colour::of(&std::io::stderr()));
        Self { format, voice: Voice::Streams { data, talk } }
    }

    /// Output as text to whoever listens, in tables of at most that many columns.
    pub(crate) fn told(said: mpsc::UnboundedSender<Said>, columns: usize) -> Self {
        Self { format: Format::Text, voice: Voice::Runner { said, columns } }
    }

    /// Whether colours are wanted on stderr.
    pub(crate) fn talk_colour(&self) -> Colour {
        match self.voice {
            Voice::Streams { talk, .. } => talk,
            Voice::Runner { .. } => Colour::Off,
        }
    }

    /// How wide tables may be.
    pub(crate) fn columns(&self) -> usize {
        match self.voice {
            Voice::Streams { .. } => terminal::data_width(),
            Voice::Runner { columns, .. } => columns,
        }
    }

    /// Where the command runs.
    pub(crate) fn stage(&self) -> Stage {
        match self.voice {
            Voice::Streams { .. } => Stage::CommandLine,
            Voice::Runner { .. } => Stage::Console,
        }
    }

    /// Prints lines of data, when text was asked for.
    pub(crate) fn data(&self, lines: &[Line]) {
        match (&self.voice, self.format) {
            (_, Format::Json) => {}
            (Voice::Runner { said, .. }, Format::Text) => tell(said, Said::Data(lines.to_vec())),
            (Voice::Streams { data, .. }, Format::Text) => {
                let mut stdout = std::io::stdout().lock();
                for line in lines {
                    if writeln!(stdout, "{}", line.painted(*data)).is_err() {
                        return; // the reader has gone (`| head`)
                    }
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
        match &self.voice {
            Voice::Streams { talk, .. } => {
                let _nobody_listens = writeln!(std::io::stderr().lock(), "{}", line.painted(*talk));
            }
            Voice::Runner { said, .. } => tell(said, Said::Talk(line.clone())),
        }
    }

    /// Tells a runner which goal was handed over; on the streams the lines say it.
    pub(crate) fn goal(&self, goal: &GoalId) {
        match &self.voice {
            Voice::Streams { .. } => {}
            Voice::Runner { said, .. } => tell(said, Said::Goal(goal.clone())),
        }
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, question: &str) -> Answer {
        match &self.voice {
            Voice::Streams { .. } if !terminal::can_ask() => Answer::Nobody,
            Voice::Streams { .. } => match terminal::ask(&format!("{question} [y/N]")).await.as_deref() {
                Some("y" | "yes") => Answer::Yes,
                Some(_) | None => Answer::No,
            },
            Voice::Runner { said, .. } => {
                let (answer, answered) = oneshot::channel();
                let question = Question { text: sanitize::line(question), answer };
                match said.send(Said::Asks(question)) {
                    Ok(()) => answered.await.unwrap_or(Answer::No),
                    Err(_) => Answer::Nobody,
                }
            }
        }
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

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// In a process of its own, which was started on purpose and has the standard input.
    CommandLine,
    /// In the console, where one key may have asked for it.
    Console,
}

fn tell(runner: &mpsc::UnboundedSender<Said>, said: Said) {
    // A runner that is gone is like a reader that is gone.
    let _gone = runner.send(said);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_to_a_runner_arrives_in_order_and_questions_wait_for_their_answer() {
        let (said, mut heard) = mpsc::unbounded_channel();
        let out = Out::told(said, 60);
        out.data(&[Line::new(Meaning::Good, "one")]);
        out.say(&Line::new(Meaning::Faint, "two"));
        out.json(&json!({ "never": "seen" }));
        let asked = tokio::spawn(async move { out.ask("Sure\u{1b}[2J?").await });
        assert!(matches!(heard.recv().await, Some(Said::Data(lines)) if lines[0].text == "one"));
        assert!(matches!(heard.recv().await, Some(Said::Talk(line)) if line.text == "two"));
        let Some(Said::Asks(question)) = heard.recv().await else { panic!("it did not ask") };
        assert_eq!(question.text, "Sure?");
        question.answer.send(Answer::Yes).unwrap();
        assert_eq!(asked.await.unwrap(), Answer::Yes);
        assert!(heard.recv().await.is_none());
    }

    #[tokio::test]
    async fn a_question_that_is_dropped_means_no_and_one_that_nobody_hears_is_not_answered() {
        let (said, mut heard) = mpsc::unbounded_channel();
        let out = Out::told(said, 60);
        let dropped = async { drop(heard.recv().await) };
        assert_eq!(tokio::join!(out.ask("Sure?"), dropped).0, Answer::No);
        drop(heard);
        assert_eq!(out.ask("Sure?").await, Answer::Nobody);
    }
}
