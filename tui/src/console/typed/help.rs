//! The keys of a view and of the whole console, and all commands: from the tables that they are made of.

use super::pane::Pane;
use super::table;
use crate::console::keys::{Context, in_force};
use crate::output::{Line, Meaning};
use crate::text::pad;

/// How wide the column of keys and names is.
const NAMES: usize = 13;

/// A pane with what can be done in these contexts.
pub(crate) fn help(contexts: &[Context]) -> Pane {
    Pane::new("Keys and commands", lines(contexts))
}

fn lines(contexts: &[Context]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut before = None;
    for binding in in_force(contexts) {
        if before.replace(binding.context) != Some(binding.context) {
            heading(&mut lines, binding.context.title());
        }
        let keys: Vec<String> = binding.keys.iter().map(|key| key.name()).collect();
        lines.push(entry(&keys.join(" "), binding.help));
    }
    heading(&mut lines, "commands, typed behind :");
    let table = table::table();
    let mut commands: Vec<_> = table.get_subcommands().collect();
    commands.sort_by_key(|command| command.get_name());
    for command in commands {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        lines.push(entry(command.get_name(), &about));
    }
    heading(&mut lines, "while typing a command");
    for (keys, does) in TYPING {
        lines.push(entry(keys, does));
    }
    lines
}

const TYPING: [(&str, &str); 6] = [
    ("tab", "complete the word, or take the next candidate"),
    ("up down", "choose a candidate; with nothing typed, walk through earlier commands"),
    ("ctrl-p ctrl-n", "walk through earlier commands, or earlier goals"),
    ("NAME --help", "say how a command is used"),
    ("blank first", "a line or a goal that begins with a blank is not remembered"),
    ("esc", "close"),
];

fn heading(lines: &mut Vec<Line>, title: &str) {
    if !lines.is_empty() {
        lines.push(Line::new(Meaning::Plain, ""));
    }
    lines.push(Line::new(Meaning::Strong, title));
}

fn entry(name: &str, about: &str) -> Line {
    Line::new(Meaning::Plain, format!("  {} {about}", pad(name, NAMES)))
}
