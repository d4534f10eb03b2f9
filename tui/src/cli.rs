//! The arguments, as people type them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use codegod_protocol::client::{DEFAULT_REDIS_URL, MAX_AGENTS};
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};
use codegod_protocol::keys::DEFAULT_PREFIX;
use codegod_protocol::log::Level;

use crate::console::{Size, Subject, Theme, ViewName};
use crate::deadline::Deadline;

/// A fleet of coding agents in containers: give it a goal, watch it work, take the result.
#[derive(Debug, Parser)]
#[command(name = "codegod", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Print JSON instead of text: one line, the last on stdout.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where Redis is.
    #[arg(long, global = true, env = "REDIS_URL", default_value = DEFAULT_REDIS_URL, hide_env_values = true)]
    pub(crate) redis_url: String,
    /// What every key in Redis begins with.
    #[arg(long, global = true, env = "CODEGOD_PREFIX", default_value = DEFAULT_PREFIX)]
    pub(crate) prefix: String,
    #[command(subcommand)]
    pub(crate) what: Invocation,
}

/// What is started: the console, or one command.
#[derive(Debug, Subcommand)]
pub(crate) enum Invocation {
    /// Show everything that the fleet does on one screen, and take every command.
    Console(Console),
    /// One command.
    #[command(flatten)]
    Command(Command),
}

const EXIT_CODES: &str = "Exit codes: 0 succeeded, 1 failed or cancelled, 2 blocked (needs a person), 64 bad usage \
or input, 69 Redis or Docker not reachable, 130/143 stopped watching by ctrl-C/SIGTERM (the goal goes on).";

/// What `setup` says to the fleet.
const SETUP_GOAL: &str = "set up this project and run its tests";

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Hand over a goal and follow it to its end.
    Build(Build),
    /// Set up the project of a folder and run its tests: build --in DIR for short.
    Setup(Setup),
    /// List the newest goals.
    Goals {
        /// How many.
        #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        count: u32,
    },
    /// Show a goal: its plan, and the evidence for each claim.
    Show {
        /// The goal.
        goal: GoalId,
    },
    /// Show the fleet, its queues and the newest goals.
    Status,
    /// Show what agents said and what their commands printed.
    Logs {
        /// A role or an agent; everybody when left out.
        who: Option<Who>,
        /// Go on showing what comes.
        #[arg(short, long)]
        follow: bool,
        /// Only what matters so much or more: output, info, warning or error.
        #[arg(short, long, value_name = "LEVEL", default_value_t = Level::Output)]
        level: Level,
        /// How many lines of each agent.
        #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=20_000))]
        lines: u32,
    },
    /// Show what an agent knows.
    Memory {
        /// The agent.
        agent: AgentId,
    },
    /// Ask for a number of agents of a role.
    Scale {
        /// The role (backend, or backend-agent).
        role: Role,
        /// How many.
        #[arg(value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_AGENTS)))]
        count: u32,
    },
    /// Let agents forget everything but their core knowledge.
    Wipe {
        /// An agent or a role; everybody when left out.
        who: Option<Who>,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Let agents finish the task at hand and end.
    Drain {
        /// An agent or a role.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        who: Option<Who>,
        /// Every agent.
        #[arg(long)]
        all: bool,
        /// Wait until they ended, at most so many seconds.
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        wait: Option<u64>,
    },
    /// Cancel a goal.
    Cancel {
        /// The goal.
        goal: GoalId,
    },
    /// Hand out nothing of a goal, or nothing at all, until it is resumed.
    Pause {
        /// The goal; the whole fleet when left out.
        goal: Option<GoalId>,
        /// Do not ask before the whole fleet is paused.
        #[arg(short, long)]
        yes: bool,
    },
    /// Let a paused goal, or the paused fleet, go on.
    Resume {
        /// The goal; the whole fleet when left out.
        goal: Option<GoalId>,
        /// Do not ask before the whole fleet goes on.
        #[arg(short, long)]
        yes: bool,
    },
    /// Give a failed or blocked task all its attempts again.
    Retry {
        /// The task (g-7k2m9qx4.3).
        #[arg(required_unless_present = "all_dead", conflicts_with = "all_dead")]
        task: Option<TaskId>,
        /// Every task that was given up (codegod dead lists them).
        #[arg(long)]
        all_dead: bool,
        /// Do not ask before all are tried again.
        #[arg(short, long)]
        yes: bool,
    },
    /// List the tasks that were given up, and why.
    Dead {
        /// How many, the newest first.
        #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        count: u32,
    },
    /// List what could not be read and was put aside, and why.
    Quarantine {
        /// How many, the newest first.
        #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        count: u32,
        /// Delete it.
        #[arg(long)]
        clear: bool,
        /// Do not ask before it is deleted.
        #[arg(short, long)]
        yes: bool,
    },
    /// Clear up in Redis, and in Docker on this host, and say what everything takes.
    Gc {
        /// Only say what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Run all validations of a goal again, in fresh containers.
    Verify {
        /// The goal.
        goal: GoalId,
        /// Hand it over and do not follow it.
        #[arg(long)]
        detach: bool,
    },
    /// Write a goal's result into the folder it was made for.
    Apply {
        /// The goal.
        goal: GoalId,
        /// The folder, when not the one given to build.
        #[arg(long = "in", value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Say what is set, what is reachable, and what to do about what is not.
    Doctor,
}

/// The arguments of `build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// What to build or mend, in a sentence; - reads it from standard input.
    #[arg(required = true)]
    pub(crate) goal: Vec<String>,
    /// Work on a copy of this folder; the result comes back as a branch, or as a folder beside it.
    #[arg(long = "in", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: HandOver,
}

/// The arguments of `setup`.
#[derive(Debug, Args)]
pub(crate) struct Setup {
    /// The folder; work is done on a copy of it, the result comes back as a branch or as a folder beside it.
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) options: HandOver,
}

impl From<Setup> for Build {
    fn from(Setup { dir, options }: Setup) -> Self {
        Self { goal: vec![SETUP_GOAL.to_owned()], dir: Some(dir), options }
    }
}

/// How a goal is handed over, whatever it asks for.
#[derive(Debug, Args)]
pub(crate) struct HandOver {
    /// Write the result to this new folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// 1 (last) to 10 (first).
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) priority: u8,
    /// When it should be done: in 30m, 2h or 1h30m, or a time with its offset (2026-11-21T18:00:00Z). Near
    /// it, its tasks come first.
    #[arg(long, value_name = "WHEN")]
    pub(crate) deadline: Option<Deadline>,
    /// Go on without what no playbook covers; the report lists it.
    #[arg(long)]
    pub(crate) without_uncovered: bool,
    /// Leave the finished app running on a local port.
    #[arg(long)]
    pub(crate) keep_running: bool,
    /// Hand the goal over and do not follow it.
    #[arg(long)]
    pub(crate) detach: bool,
}

/// The arguments of `console`.
#[derive(Debug, Args)]
pub(crate) struct Console {
    /// How it looks.
    #[arg(long, value_enum, env = "CODEGOD_THEME", default_value_t = Theme::Dark)]
    pub(crate) theme: Theme,
    /// Only look: refuse commands that change anything.
    #[arg(long)]
    pub(crate) readonly: bool,
    /// Leave the mouse to the terminal.
    #[arg(long)]
    pub(crate) no_mouse: bool,
    /// Print one picture of a view as plain text, and end.
    #[arg(long, value_name = "VIEW", value_enum)]
    pub(crate) snapshot: Option<ViewName>,
    /// How large the picture is.
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "80x24", requires = "snapshot")]
    pub(crate) size: Size,
    /// What the picture shows: a goal, a task, an agent or a role.
    #[arg(requires = "snapshot")]
    pub(crate) subject: Option<Subject>,
}

/// A role or one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// Every agent of a role.
    Role(Role),
    /// One agent.
    Agent(AgentId),
}

impl std::str::FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(role) = text.parse() {
            return Ok(Self::Role(role));
        }
        text.parse().map(Self::Agent).map_err(|_| {
            let roles = Role::ALL.map(Role::name).join(", ");
            format!("{text:?} is neither a role ({roles}) nor an agent (they look like backend-7k2m9q)")
        })
    }
}

impl Who {
    /// Whether the agent is meant.
    pub(crate) fn includes(&self, agent: &AgentId) -> bool {
        match self {
            Self::Role(role) => agent.role() == *role,
            Self::Agent(one) => agent == one,
        }
    }
}

/// Seconds, also written `30s`; at most an hour.
fn seconds(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('s').unwrap_or(text).parse::<u64>();
    number
        .ok()
        .filter(|seconds| *seconds <= 3600)
        .ok_or_else(|| "give seconds from 0 to 3600, as 30 or 30s".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_contradict_one_another_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_readme_and_the_script_know_every_command() {
        let readme = include_str!("../../README.md");
        let script = include_str!("../../start-agents.sh");
        let table = readme.lines().filter(|line| line.starts_with("| `")).collect::<String>();
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let is_word =
                |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == name);
            assert!(is_word(&table), "the README's table does not name {name}");
            let handed_over = script
                .lines()
                .filter(|line| line.trim_end().ends_with(";;") || line.trim_end().ends_with(')'));
            assert!(handed_over.clone().any(is_word), "start-agents.sh does not take {name}");
        }
    }

    #[test]
    fn who_is_a_role_a_binary_or_an_agent() {
        assert_eq!("backend-agent".parse(), Ok(Who::Role(Role::Backend)));
        assert!(matches!("backend-7k2m".parse(), Ok(Who::Agent(_))));
        assert!("cook".parse::<Who>().is_err());
    }
}
