//! The commands: each reads its arguments, does its work through the client, and says what came of it.

mod apply;
mod build;
mod doctor;
mod fleet;
mod goals;
mod logs;
mod memory;
mod status;

use codegod_protocol::client::Client;

use crate::cli::{Cli, Command};
use crate::error::Error;
use crate::output::Out;

/// The name that events of this process carry.
const WHO: &str = "console";

/// Runs the command. Returns the exit code.
///
/// # Errors
/// [`Error`], which carries its own exit code.
pub(crate) async fn run(cli: Cli, out: &Out) -> Result<u8, Error> {
    let at = Place { url: cli.redis_url, prefix: cli.prefix };
    match cli.command {
        Command::Build(args) => build::build(&at, args, out).await,
        Command::Verify { goal, detach } => build::verify(&at, goal, detach, out).await,
        Command::Goals { count } => goals::list(&at, count, out).await,
        Command::Show { goal } => goals::show(&at, &goal, out).await,
        Command::Cancel { goal } => goals::cancel(&at, &goal, out).await,
        Command::Retry { task } => goals::retry(&at, &task, out).await,
        Command::Apply { goal, dir } => apply::apply(&at, &goal, dir, out).await,
        Command::Status => status::status(&at, out).await,
        Command::Logs { who, follow, lines } => logs::logs(&at, who, follow, lines, out).await,
        Command::Memory { agent } => memory::memory(&at, &agent, out).await,
        Command::Scale { role, count } => fleet::scale(&at, role, count, out).await,
        Command::Wipe { who, yes } => fleet::wipe(&at, who, yes, out).await,
        Command::Drain { who, wait, .. } => fleet::drain(&at, who, wait, out).await,
        Command::Doctor => doctor::doctor(&at, out).await,
    }
}

/// Where this codegod's Redis is.
#[derive(Debug)]
struct Place {
    url: String,
    prefix: String,
}

impl Place {
    async fn client(&self) -> Result<Client, Error> {
        Ok(Client::pooled(&self.url, &self.prefix, WHO).await?)
    }
}
