//! The one table of commands: the command line's own, and those that only a console has. What is typed is
//! read by the same parser that reads arguments, so that a command means the same in both.

use std::sync::LazyLock;

use clap::{CommandFactory, Parser, Subcommand};
use codegod_protocol::id::{AgentId, GoalId, Role};

use super::words::{self, End};
use crate::cli::{Command, Who};
use crate::console::target::ViewName;
use crate::console::target::{LogTarget, Target};
use crate::console::theme::Theme;

/// A typed line.
#[derive(Debug, Parser)]
#[command(name = ":", no_binary_name = true, disable_version_flag = true)]
struct Line {
    #[command(subcommand)]
    typed: Typed,
}

/// What can be typed.
#[derive(Debug, Subcommand)]
enum Typed {
    #[command(flatten)]
    Command(Command),
    /// Show goals, agents, queues and what needs attention.
    Overview,
    /// Show a goal's plan and its tasks.
    Goal {
        /// The goal; the one that was open last when left out.
        goal: Option<GoalId>,
    },
    /// Show what agents know and say.
    Agents {
        /// The agent.
        agent: Option<AgentId>,
    },
    /// Show what waits and what runs.
    Queues {
        /// The role.
        role: Option<Role>,
    },
    /// Show who did what, and when.
    Events,
    /// Show how many agents are wanted and there.
    Fleet,
    /// Change how the console looks.
    Theme {
        /// For dark or light terminals, or without colour.
        theme: Theme,
    },
    /// Leave the console; the fleet goes on.
    #[command(visible_alias = "q")]
    Quit,
}

/// What a typed line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// Show something.
    Go(Target),
    /// Look like that.
    Look(Theme),
    /// Open the field for a goal.
    Ask,
    /// Show the keys and commands.
    Help,
    /// Show how a command is used.
    Usage(String),
    /// Leave.
    Quit,
    /// Run this line; it was read once already and is whole.
    Run(String),
}

/// Why a line is not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

/// The table, as clap has it.
pub(super) fn table() -> &'static clap::Command {
    static TABLE: LazyLock<clap::Command> = LazyLock::new(|| {
        let mut table = Line::command();
        table.build();
        table
    });
    &TABLE
}

/// What the line asks for.
///
/// # Errors
/// [`Refused`] with a sentence for the person when the line is not whole, or is no command.
pub(crate) fn order(line: &str) -> Result<Order, Refused> {
    let words = read(line)?;
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["build"] => return Ok(Order::Ask),
        ["help"] => return Ok(Order::Help),
        _ => {}
    }
    match typed(&words) {
        Ok(Typed::Command(command)) => Ok(shown(command, line)),
        Ok(Typed::Overview) => Ok(view(ViewName::Overview)),
        Ok(Typed::Goal { goal: None }) => Ok(view(ViewName::Goal)),
        Ok(Typed::Goal { goal: Some(goal) }) => Ok(Order::Go(Target::Goal(goal))),
        Ok(Typed::Agents { agent: None }) => Ok(view(ViewName::Agents)),
        Ok(Typed::Agents { agent: Some(agent) }) => Ok(Order::Go(Target::Agent(agent))),
        Ok(Typed::Queues { role: None }) => Ok(view(ViewName::Queues)),
        Ok(Typed::Queues { role: Some(role) }) => Ok(Order::Go(Target::Queue(role))),
        Ok(Typed::Events) => Ok(view(ViewName::Events)),
        Ok(Typed::Fleet) => Ok(view(ViewName::Fleet)),
        Ok(Typed::Theme { theme }) => Ok(Order::Look(theme)),
        Ok(Typed::Quit) => Ok(Order::Quit),
        Err(error) if !error.use_stderr() => Ok(Order::Usage(usage(&error.to_string()))),
        Err(error) => Err(Refused(sentence(&error.to_string()))),
    }
}

/// The command that the line is, for those who run it.
///
/// # Errors
/// [`Refused`] when it is none that runs.
pub(super) fn command(line: &str) -> Result<Command, Refused> {
    match typed(&read(line)?) {
        Ok(Typed::Command(command)) => Ok(command),
        Ok(_) => Err(Refused("that is a view".to_owned())),
        Err(error) => Err(Refused(sentence(&error.to_string()))),
    }
}

/// The line's words; a line copied from a manual may begin with the program's name.
fn read(line: &str) -> Result<Vec<String>, Refused> {
    let apart = words::split(line);
    let unfinished = match apart.end {
        End::Whole => None,
        End::InQuote(quote) => Some(format!("the quote {quote} is not closed (\\{quote} is the letter)")),
        End::Backslash => Some("a backslash stands at the end (\\\\ is the letter)".to_owned()),
    };
    if let Some(unfinished) = unfinished {
        return Err(Refused(unfinished));
    }
    let words = apart.words.into_iter().map(|word| word.text);
    let mut words: Vec<String> = words.collect();
    if words.len() > 1 && words.first().is_some_and(|word| word == "codegod") {
        words.remove(0);
    }
    match words.is_empty() {
        true => Err(Refused("type a command; ? lists them".to_owned())),
        false => Ok(words),
    }
}

fn typed(words: &[String]) -> Result<Typed, clap::Error> {
    Line::try_parse_from(words).map(|line| line.typed)
}

const fn view(view: ViewName) -> Order {
    Order::Go(Target::View(view))
}

/// A command whose lines a view shows better opens that view; the others run.
fn shown(command: Command, line: &str) -> Order {
    match command {
        Command::Show { goal } => Order::Go(Target::Goal(goal)),
        Command::Memory { agent } => Order::Go(Target::Agent(agent)),
        Command::Status | Command::Goals { .. } => view(ViewName::Overview),
        Command::Logs { who: None, .. } => Order::Go(Target::Logs(LogTarget::All)),
        Command::Logs { who: Some(Who::Role(role)), .. } => Order::Go(Target::Logs(LogTarget::Role(role))),
        Command::Logs { who: Some(Who::Agent(agent)), .. } => {
            Order::Go(Target::Logs(LogTarget::Agent(agent)))
        }
        Command::Build(_)
        | Command::Setup(_)
        | Command::Scale { .. }
        | Command::Wipe { .. }
        | Command::Drain { .. }
        | Command::Cancel { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Retry { .. }
        | Command::Dead { .. }
        | Command::Quarantine { .. }
        | Command::Gc { .. }
        | Command::Verify { .. }
        | Command::Apply { .. }
        | Command::Doctor => Order::Run(line.to_owned()),
    }
}

/// Whether a command changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effects {
    /// It only looks.
    Looks,
    /// It changes something.
    Changes,
}

/// What running the line would do; a line that is none changes nothing.
pub(crate) fn effects(line: &str) -> Effects {
    match command(line) {
        Ok(
            Command::Goals { .. }
            | Command::Show { .. }
            | Command::Status
            | Command::Logs { .. }
            | Command::Memory { .. }
            | Command::Dead { .. }
            | Command::Quarantine { clear: false, .. }
            | Command::Gc { dry_run: true }
            | Command::Doctor,
        )
        | Err(_) => Effects::Looks,
        Ok(
            Command::Build(_)
            | Command::Setup(_)
            | Command::Scale { .. }
            | Command::Wipe { .. }
            | Command::Drain { .. }
            | Command::Cancel { .. }
            | Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Retry { .. }
            | Command::Quarantine { clear: true, .. }
            | Command::Gc { dry_run: false }
            | Command::Verify { .. }
            | Command::Apply { .. },
        ) => Effects::Changes,
    }
}

/// What clap says, in one sentence: what is wrong, and its advice.
fn sentence(said: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for line in said.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        parts.push(line.trim_start_matches("error: ").trim_start_matches("tip: ").to_owned());
    }
    let mut text = String::new();
    for part in parts {
        if !text.is_empty() {
            text.push_str(if text.ends_with(':') { " " } else { "; " });
        }
        text.push_str(&part);
    }
    text.replace("subcommand", "command")
}

/// How a command is used, without the colon that stands for the program.
fn usage(said: &str) -> String {
    said.replace("Usage: : ", "Usage: ").replace("Usage: :\n", "Usage: ")
}
