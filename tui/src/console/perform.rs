//! What the state asked for, done: commands, programs that borrow the terminal, files. Each reports back as a
//! message; none holds the loop up.

use std::path::PathBuf;

use codegod_protocol::id::GoalId;
use tokio::sync::mpsc;

use super::commits::Commits;
use super::effect::{Effect, Outside};
use super::message::Message;
use super::overlay::Overlay;
use super::term::{External, Outcome, Session};
use super::typed::{self, Dialog, Pane, Tell, Told};
use crate::commands::Place;
use crate::output::{Line, Meaning};

/// Does what the state asks for.
pub(crate) struct Performer {
    place: Place,
    to: mpsc::Sender<Message>,
    commits: Commits,
}

impl Performer {
    /// One that reports to `to`.
    pub(crate) fn new(place: Place, to: mpsc::Sender<Message>) -> Self {
        let commits = Commits::new(place.clone(), to.clone());
        Self { place, to, commits }
    }

    /// Does it.
    pub(crate) fn perform(&mut self, effect: Effect, session: &mut Session) {
        match effect {
            Effect::Run(line) => self.run(line),
            Effect::Collect(goal) => self.collect(goal),
            Effect::Keep(past, text) => {
                tokio::task::spawn_blocking(move || typed::keep(past, &text));
            }
            Effect::Save { name, text } => self.save(name, text),
            Effect::Outside(outside) => self.outside(outside, session),
            Effect::Changes(commit) => self.commits.read(commit),
            // The loop does these itself.
            Effect::Quit(_)
            | Effect::Copy(_)
            | Effect::OlderLogs(_)
            | Effect::Stream(_)
            | Effect::Print(_)
            | Effect::Redraw
            | Effect::Suspend
            | Effect::Mouse(_) => {}
        }
    }
}

impl Performer {
    /// Runs a command as it was typed, on another task. What it says comes back in order.
    fn run(&self, line: String) {
        let (at, columns) =
            (self.place.clone(), crossterm::terminal::size().map_or(80, |(columns, _)| columns));
        self.listen(|tell| async move { typed::run(&at, &line, usize::from(columns), tell).await });
    }

    /// Takes the result of a goal that has ended.
    fn collect(&self, goal: GoalId) {
        let at = self.place.clone();
        self.listen(|tell| async move { typed::collect(&at, &goal, tell).await });
    }

    fn listen<F: Future<Output = ()> + Send + 'static>(&self, work: impl FnOnce(Teller) -> F) {
        let (teller, mut told) = mpsc::unbounded_channel();
        let work = work(Teller(teller));
        let to = self.to.clone();
        // Ends when the command has; a console that is left leaves it behind.
        tokio::spawn(async move {
            let pass_on = async {
                while let Some(told) = told.recv().await {
                    if to.send(heard(told)).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(work, pass_on);
        });
    }

    /// Writes a text into a new file of the current folder, off the loop.
    fn save(&self, name: String, text: String) {
        let to = self.to.clone();
        tokio::task::spawn_blocking(move || {
            let line = match write_new(&name, &text) {
                Ok(path) => Line::new(Meaning::Good, format!("written to {}", path.display())),
                Err(error) => Line::new(Meaning::Bad, format!("could not be written: {error}")),
            };
            let _console_gone = to.blocking_send(Message::Said(line));
        });
    }

    fn outside(&mut self, outside: Outside, session: &mut Session) {
        let program = match outside {
            Outside::Pager { text, .. } => External::pager(&text),
            Outside::Editor { text, .. } => External::editor(&text),
            Outside::Shell { agent } => Ok(shell(&agent)),
        };
        match program {
            Ok(program) => session.lend(program),
            Err(error) => {
                let line = Line::new(Meaning::Bad, format!("no temporary file could be written: {error}"));
                // The loop takes messages again only after this; there is room, or the line is not needed.
                let _full = self.to.try_send(Message::Said(line));
            }
        }
    }
}

/// Where a running command's words go.
struct Teller(mpsc::UnboundedSender<Told>);

impl Tell for Teller {
    fn tell(&self, told: Told) {
        let _console_gone = self.0.send(told);
    }
}

/// What a command tells, as the console takes it.
fn heard(told: Told) -> Message {
    match told {
        Told::Line(line) => Message::Said(line),
        Told::Goal(goal) => Message::Started(goal),
        Told::Asks(question) => Message::Overlay(Box::new(Overlay::Dialog(Dialog::new(question)))),
        Told::Lines { title, lines } => Message::Overlay(Box::new(Overlay::Pane(Pane::new(title, lines)))),
    }
}

/// What finds the newest container of the agent `$1` and opens a shell there. How a person's shell ended is no
/// matter; that docker could not start one (125 to 127) is.
const SHELL: &str = r#"c=$(docker ps --quiet --latest --filter "label=codegod.agent=$1")
if [ -z "$c" ]; then echo "no container of $1 runs at present; enter goes back"; read -r _; exit 0; fi
docker exec --interactive --tty "$c" sh; code=$?
if [ $code -ge 125 ] && [ $code -le 127 ]; then exit $code; fi"#;

/// A shell in the container that an agent works in at present.
fn shell(agent: &codegod_protocol::id::AgentId) -> External {
    External::command(["sh", "-c", SHELL, "shell", &agent.to_string()])
}

/// Writes `codegod-NAME.txt`, or with a number where that is taken.
fn write_new(name: &str, text: &str) -> std::io::Result<PathBuf> {
    let folder = std::env::current_dir()?;
    for number in 0..1000 {
        let suffix = if number == 0 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("codegod-{name}{suffix}.txt"));
        match std::fs::File::create_new(&path) {
            Ok(mut file) => {
                std::io::Write::write_all(&mut file, text.as_bytes())?;
                return Ok(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::other("a thousand files of that name are there"))
}

/// What is to be said of a program that had the terminal.
pub(crate) fn returned(outcome: Outcome) -> Option<Line> {
    match outcome {
        Outcome::Done(_) => None,
        Outcome::Failed(why) => Some(Line::new(Meaning::Bad, why)),
    }
}
