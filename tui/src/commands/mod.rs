//! The commands: each reads its arguments, does its work through the client, and says what came of it.

mod apply;
mod build;
mod doctor;
mod fleet;
mod gc;
mod goals;
mod letters;
mod logs;
mod memory;
mod pause;
mod status;

use codegod_protocol::client::{Client, Mode};
use codegod_protocol::id::GoalId;

use crate::cli::Command;
use crate::error::Error;
use crate::output::{Answer, Line, Meaning, Out, Stage};

/// The name that events of this process carry.
const WHO: &str = "console";

/// Runs the command. Returns the exit code.
///
/// # Errors
/// [`Error`], which carries its own exit code.
pub(crate) async fn run(at: &Place, command: Command, out: &Out) -> Result<u8, Error> {
    match command {
        Command::Build(args) => build::build(at, args, out).await,
        Command::Setup(args) => build::build(at, args.into(), out).await,
        Command::Verify { goal, detach } => build::verify(at, goal, detach, out).await,
        Command::Goals { count } => goals::list(at, count, out).await,
        Command::Show { goal } => goals::show(at, &goal, out).await,
        Command::Cancel { goal } => goals::cancel(at, &goal, out).await,
        Command::Pause { goal, yes } => pause::pause(at, goal, yes, out).await,
        Command::Resume { goal, yes } => pause::resume(at, goal, yes, out).await,
        Command::Retry { task: Some(task), .. } => goals::retry(at, &task, out).await,
        Command::Retry { task: None, yes, .. } => letters::retry_all(at, yes, out).await,
        Command::Dead { count } => letters::dead(at, count, out).await,
        Command::Quarantine { count, clear: false, .. } => letters::quarantine(at, count, out).await,
        Command::Quarantine { clear: true, yes, .. } => letters::clear_quarantine(at, yes, out).await,
        Command::Gc { dry_run } => gc::gc(at, if dry_run { Mode::DryRun } else { Mode::Remove }, out).await,
        Command::Apply { goal, dir } => apply::apply(at, &goal, dir, out).await,
        Command::Status => status::status(at, out).await,
        Command::Logs { who, follow, level, lines } => {
            logs::logs(at, logs::Asked { who, level, lines }, follow, out).await
        }
        Command::Memory { agent } => memory::memory(at, &agent, out).await,
        Command::Scale { role, count } => fleet::scale(at, role, count, out).await,
        Command::Wipe { who, yes } => fleet::wipe(at, who, yes, out).await,
        Command::Drain { who, wait, .. } => fleet::drain(at, who, wait, out).await,
        Command::Doctor => doctor::doctor(at, out).await,
    }
}

/// Takes the result of a goal that was started on this machine and has ended. Returns the exit code.
///
/// # Errors
/// [`Error`], which carries its own exit code.
pub(crate) async fn collect(at: &Place, goal: &GoalId, out: &Out) -> Result<u8, Error> {
    build::collect(at, goal, out).await
}

/// Where this codegod's Redis is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its URL.
    pub(crate) url: String,
    /// What every key begins with.
    pub(crate) prefix: String,
}

impl Place {
    pub(crate) async fn client(&self) -> Result<Client, Error> {
        Ok(Client::pooled(&self.url, &self.prefix, WHO).await?)
    }
}

/// Whether a person wants it done, who is asked unless `yes` was given. `what` is the act, for those who
/// can't be asked.
///
/// # Errors
/// [`Error::Unconfirmed`] where nobody can be asked.
async fn confirmed(yes: bool, what: &'static str, question: &str, out: &Out) -> Result<bool, Error> {
    if yes {
        return Ok(true);
    }
    match out.ask(question).await {
        Answer::Yes => Ok(true),
        Answer::No => {
            out.say(&Line::new(Meaning::Plain, "nothing was done"));
            Ok(false)
        }
        Answer::Nobody => Err(Error::Unconfirmed(what)),
    }
}

/// Whether a person wants it done who asked for it in the console, where one key may have been enough; on
/// the command line the whole command was typed.
///
/// # Errors
/// Those of finding out what to ask.
async fn intended(question: impl AsyncFnOnce() -> Result<String, Error>, out: &Out) -> Result<bool, Error> {
    match out.stage() {
        Stage::CommandLine => Ok(true),
        Stage::Console => confirmed(false, "this", &question().await?, out).await,
    }
}

/// `1 task`, `2 tasks`.
fn counted(count: u64, one: &str) -> String {
    match (count, one.strip_suffix("ry")) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{count} {stem}ries"),
        (_, None) => format!("{count} {one}s"),
    }
}
