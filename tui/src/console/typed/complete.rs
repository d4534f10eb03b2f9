//! What can follow what is typed: commands, options and values from the table of commands, goals, tasks
//! and agents from what is known of the fleet.

use std::any::TypeId;

use clap::Arg;
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};

use super::table;
use super::words::{self, Word, quote};
use crate::cli::Who;

/// How many candidates are listed.
const LISTED: usize = 200;

/// A kind of thing that has a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Goals, the newest first.
    Goals,
    /// Tasks.
    Tasks,
    /// Agents.
    Agents,
}

/// Whoever knows what there is.
pub(crate) trait Known {
    /// Names each thing of the kind, with a few words about it, until `each` has enough.
    fn each(&self, kind: Kind, each: &mut dyn FnMut(&str, &str) -> More);
}

/// Whether more names are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    /// They are.
    Wanted,
    /// It is enough.
    Enough,
}

/// Something that can be typed next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The word.
    pub(crate) word: String,
    /// What it is, in a line.
    pub(crate) about: String,
}

/// What can be typed at the cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Completion {
    /// Where the word at the cursor begins, in bytes.
    pub(crate) start: usize,
    /// What could stand there.
    pub(crate) candidates: Vec<Candidate>,
    /// What is expected there: a name and a sentence.
    pub(crate) expected: Option<(String, String)>,
}

/// What can be typed at the end of `line`.
pub(crate) fn complete(line: &str, known: &dyn Known) -> Completion {
    let mut before = words::split(line).words;
    let at_word = before.last().is_some_and(|word| word.end == line.len());
    let current = if at_word { before.pop() } else { None };
    if before.first().is_some_and(|word| word.text == "codegod") {
        before.remove(0);
    }
    let start = current.as_ref().map_or(line.len(), |word| word.start);
    let typed = current.map(|word| word.text).unwrap_or_default();
    let mut completion = match before.split_first() {
        None => commands(&typed),
        Some((name, arguments)) => match table::table().find_subcommand(&name.text) {
            Some(command) => argument(command, arguments, &typed, known),
            None => Completion::default(),
        },
    };
    completion.start = start;
    completion
}

fn commands(typed: &str) -> Completion {
    let table = table::table();
    let mut all: Vec<&clap::Command> = table.get_subcommands().collect();
    all.sort_by_key(|command| command.get_name());
    let named = |command: &&clap::Command| {
        command.get_name().starts_with(typed) || command.get_all_aliases().any(|alias| alias == typed)
    };
    let candidate = |command: &clap::Command| Candidate {
        word: command.get_name().to_owned(),
        about: command.get_about().map(ToString::to_string).unwrap_or_default(),
    };
    Completion { candidates: all.into_iter().filter(named).map(candidate).collect(), ..Completion::default() }
}

fn argument(command: &clap::Command, before: &[Word], typed: &str, known: &dyn Known) -> Completion {
    let mut given = Given::default();
    for word in before {
        given.take(command, &word.text);
    }
    if typed.starts_with('-') && given.waits_for.is_none() && !given.options_ended {
        return options(command, &given, typed);
    }
    let Some(expected) = given.waits_for.or_else(|| positional(command, given.positionals)) else {
        return options(command, &given, typed);
    };
    let candidates = values(expected, typed, known);
    let name = expected.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let name = name.unwrap_or_else(|| expected.get_id().to_string().to_uppercase());
    let about = expected.get_help().map(ToString::to_string).unwrap_or_default();
    Completion { start: 0, candidates, expected: Some((name, about)) }
}

/// What stands before the cursor, as far as it matters.
#[derive(Default)]
struct Given<'a> {
    positionals: usize,
    options: Vec<&'a str>,
    waits_for: Option<&'a Arg>,
    options_ended: bool,
}

impl<'a> Given<'a> {
    fn take(&mut self, command: &'a clap::Command, word: &str) {
        if self.waits_for.take().is_some() {
            return;
        }
        match option(command, word).filter(|_| !self.options_ended) {
            _ if word == "--" => self.options_ended = true,
            Some(option) => {
                self.options.push(option.get_id().as_str());
                if takes_value(option) && !word.contains('=') {
                    self.waits_for = Some(option);
                }
            }
            None => self.positionals += 1,
        }
    }
}

fn option<'a>(command: &'a clap::Command, word: &str) -> Option<&'a Arg> {
    let long = word.strip_prefix("--").map(|name| name.split('=').next().unwrap_or(name));
    command.get_arguments().find(|argument| match (long, word.strip_prefix('-')) {
        (Some(long), _) => argument.get_long() == Some(long),
        (None, Some(short)) => argument.get_short().is_some_and(|letter| short == letter.to_string()),
        (None, None) => false,
    })
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

/// The argument that stands at that place; the last one where it takes many.
fn positional(command: &clap::Command, place: usize) -> Option<&Arg> {
    let last = command.get_positionals().last()?;
    let many = last.get_num_args().is_some_and(|count| count.max_values() > 1);
    command.get_positionals().nth(place).or(many.then_some(last))
}

fn options(command: &clap::Command, given: &Given<'_>, typed: &str) -> Completion {
    let free = |argument: &&Arg| {
        !argument.is_positional()
            && !argument.is_hide_set()
            && !given.options.contains(&argument.get_id().as_str())
    };
    let candidate = |argument: &Arg| {
        let word = format!("--{}", argument.get_long()?);
        let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
        word.starts_with(typed).then_some(Candidate { word, about })
    };
    let candidates = command.get_arguments().filter(free).filter_map(candidate).collect();
    Completion { candidates, ..Completion::default() }
}

/// The values that the argument can have, as far as they can be listed.
fn values(argument: &Arg, typed: &str, known: &dyn Known) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut add = |word: &str, about: &str| {
        if word.starts_with(typed) {
            found.push(Candidate { word: quote(word), about: about.to_owned() });
        }
        if found.len() < LISTED { More::Wanted } else { More::Enough }
    };
    for value in argument.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
        add(value.get_name(), &value.get_help().map(ToString::to_string).unwrap_or_default());
    }
    let of = argument.get_value_parser().type_id();
    if of == TypeId::of::<Role>() || of == TypeId::of::<Who>() {
        for role in Role::ALL {
            add(role.name(), "every agent of the role");
        }
    }
    if of == TypeId::of::<AgentId>() || of == TypeId::of::<Who>() {
        known.each(Kind::Agents, &mut add);
    }
    if of == TypeId::of::<GoalId>() {
        known.each(Kind::Goals, &mut add);
    }
    if of == TypeId::of::<TaskId>() {
        known.each(Kind::Tasks, &mut add);
    }
    found
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A small fleet.
    pub(crate) struct Fleet;

    impl Known for Fleet {
        fn each(&self, kind: Kind, each: &mut dyn FnMut(&str, &str) -> More) {
            let all: &[(&str, &str)] = match kind {
                Kind::Goals => {
                    &[("g-7k2m9qx4", "Build a Flask + React app"), ("g-9ttw2abc", "Flask not found")]
                }
                Kind::Tasks => &[("g-7k2m9qx4.3", "test the backend"), ("g-9ttw2abc.1", "check the venv")],
                Kind::Agents => &[("backend-7k2m9q", "acts"), ("frontend-1a2b3c", "idle")],
            };
            for (name, about) in all {
                if each(name, about) == More::Enough {
                    return;
                }
            }
        }
    }

    fn words(line: &str) -> Vec<String> {
        complete(line, &Fleet).candidates.into_iter().map(|candidate| candidate.word).collect()
    }

    #[test]
    fn commands_of_the_command_line_and_of_the_console_are_found_by_their_beginning() {
        assert_eq!(words("pa"), ["pause"]);
        assert_eq!(words("  q"), ["quarantine", "queues", "quit"]);
        assert!(words("").iter().all(|word| word != "console"), "there is one already");
        assert_eq!(words("codegod wi"), ["wipe"]);
    }

    #[test]
    fn values_are_those_of_their_type() {
        assert_eq!(words("cancel g-9"), ["g-9ttw2abc"]);
        assert_eq!(words("retry "), ["g-7k2m9qx4.3", "g-9ttw2abc.1"]);
        assert_eq!(words("memory "), ["backend-7k2m9q", "frontend-1a2b3c"]);
        assert_eq!(words("wipe b"), ["backend", "backend-7k2m9q"]);
        assert_eq!(words("scale fr"), ["frontend"]);
        assert_eq!(words("theme "), ["dark", "light", "plain"]);
    }

    #[test]
    fn options_are_listed_once_and_what_they_expect_is_said() {
        assert_eq!(words("drain --"), ["--all", "--wait", "--help"]);
        assert_eq!(words("drain --all --w"), ["--wait"]);
        let wait = complete("drain backend --wait ", &Fleet);
        assert_eq!(
            wait.expected,
            Some(("SECONDS".into(), "Wait until they ended, at most so many seconds".into()))
        );
        assert_eq!(complete("scale backend ", &Fleet).expected, Some(("COUNT".into(), "How many".into())));
        assert_eq!(words("cancel g-9ttw2abc "), ["--help"]);
    }

    proptest! {
        #[test]
        fn any_line_completes_at_a_place_within_it(line in ".{0,60}") {
            let completion = complete(&line, &Fleet);
            prop_assert!(line.get(completion.start..).is_some());
        }
    }
}
