//! What the console asks of the world outside its state. Effects run on other tasks and report back as
//! messages, so that a screen is decided by state alone and a slow Redis delays no key.

use codegod_protocol::id::{AgentId, GoalId, TaskId};

use super::feed::OlderLogs;
use super::target::Target;
use super::term::Mouse;
use super::typed::Past;

/// Something to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Leave with this exit code.
    Quit(u8),
    /// Run a command as if it had been typed.
    Run(String),
    /// Take the result of a goal that was handed over from here and has ended.
    Collect(GoalId),
    /// Keep what was typed for another day.
    Keep(Past, String),
    /// Put a text on the clipboard.
    Copy(String),
    /// Show a text in $PAGER or open it in $EDITOR.
    Outside(Outside),
    /// Write a text into a file of that name stem.
    Save {
        /// The stem of the file's name.
        name: String,
        /// What is written.
        text: String,
    },
    /// Leave the screen and print these lines; [`Effect::Print`] goes on with those that come, until a key
    /// is pressed.
    Stream(Vec<String>),
    /// Print lines below those of [`Effect::Stream`].
    Print(Vec<String>),
    /// Read log lines that are older than those that were told.
    OlderLogs(OlderLogs),
    /// Read what a commit changed.
    Changes(Commit),
    /// Draw everything anew.
    Redraw,
    /// Put the console to sleep.
    Suspend,
    /// Take the mouse, or leave it to the terminal.
    Mouse(Mouse),
}

/// A commit that a task published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    /// The task.
    pub(crate) task: TaskId,
    /// The commit's id.
    pub(crate) id: String,
}

/// A program that takes the terminal for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outside {
    /// $PAGER with a text.
    Pager {
        /// The stem of the file's name.
        name: String,
        /// The text.
        text: String,
    },
    /// $EDITOR with a text.
    Editor {
        /// The stem of the file's name.
        name: String,
        /// The text.
        text: String,
    },
    /// A shell in the container that an agent works in.
    Shell {
        /// The agent.
        agent: AgentId,
    },
}

/// What a view asks of the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// Show something.
    Go(Target),
    /// Say something in the line above the keys.
    Say(String),
    /// Let a text be typed that the view looks for.
    LookFor {
        /// What stands before it.
        prompt: &'static str,
        /// What is looked for already.
        text: String,
    },
    /// Open the palette with this text typed.
    Type(String),
    /// Something outside.
    Do(Effect),
}
