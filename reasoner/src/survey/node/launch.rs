//! Commands that only lead to other commands: package managers, wrappers, runners of many scripts.

mod monorepo;

use self::monorepo::{after_word, everywhere, nx, turbo};
use super::kind::node_words;
use super::shell::{Word, is_assignment};

/// What a command leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Launch {
    /// Nothing else: it is what is run.
    Itself,
    /// Another command, in the words that are left, with more around it.
    Wrapped { env: Vec<String>, prefix: Vec<Word>, words: Vec<Word> },
    /// A line of its own.
    Line(String),
    /// Several lines.
    Lines(Vec<String>),
    /// Scripts of the package in a folder, by name or pattern.
    Scripts { folder: String, patterns: Vec<String>, more: Vec<Word> },
    /// A script of workspaces, of all when `which` is empty.
    Members { which: Vec<String>, script: String, more: Vec<Word> },
    /// An installation, which is done already.
    Nothing,
}

/// The last part of a program's path, without a version behind it.
pub(super) fn program(text: &str) -> &str {
    let text = text.trim_end_matches(".cmd");
    if let Some((_, rest)) = text.rsplit_once("node_modules/.bin/") {
        return rest;
    }
    let (at, rest) = match text.strip_prefix('@') {
        Some(rest) => (1, rest),
        None => (0, text),
    };
    // `mocha@10` as npx takes it.
    let name = rest.split_once('@').map_or(text, |(name, _)| text.get(..at + name.len()).unwrap_or(text));
    if at == 1 { name } else { name.rsplit_once('/').map_or(name, |(_, name)| name) }
}

/// What a command leads to; `is_script` says whether the package has a script of that name.
pub(super) fn launch(words: &[Word], is_script: impl Fn(&str) -> bool) -> Launch {
    let Some((first, rest)) = words.split_first() else { return Launch::Nothing };
    match program(&first.text) {
        "cross-env" | "env" | "time" | "nice" | "exec" | "command" | "cross-env-default"
        | "better-npm-run" => unwrapped(rest, &[]),
        "cross-env-shell" => match rest.split_last() {
            Some((line, env)) if env.iter().all(|word| is_assignment(&word.raw)) => {
                let env: Vec<&str> = env.iter().map(|word| word.raw.as_str()).collect();
                Launch::Line(format!("{} {}", env.join(" "), line.text))
            }
            _ => unwrapped(rest, &[]),
        },
        "npx" | "pnpx" | "bunx" => npx(rest),
        "c8" | "nyc" => coverage(rest),
        "istanbul" => match rest.iter().position(|word| word.text == "cover") {
            Some(at) => {
                separated(unwrapped(rest.get(at + 1..).unwrap_or_default(), &["--dir", "--report", "-x"]))
            }
            None => Launch::Itself,
        },
        "dotenv" | "dotenvx" | "env-cmd" => kept(first, rest),
        "bash" | "sh" if rest.first().is_some_and(|word| word.text == "-c") => {
            rest.get(1).map_or(Launch::Itself, |line| Launch::Line(line.text.clone()))
        }
        "run-s" | "run-p" | "npm-run-all" | "npm-run-all2" => many(rest),
        "concurrently" | "conc" => concurrently(rest),
        "node" => by_script_of_node(words),
        "npm" => npm(rest),
        "nr" => script_of(rest, ""),
        "ni" | "nci" => Launch::Nothing,
        "pnpm" => pnpm(rest, is_script),
        "yarn" | "yarnpkg" => yarn(rest, is_script),
        "bun" if rest.first().is_some_and(|word| word.text == "run") => {
            script_of(rest.get(1..).unwrap_or_default(), "")
        }
        "lerna" if rest.first().is_some_and(|word| word.text == "exec") => {
            everywhere(rest.get(1..).unwrap_or_default())
        }
        "lerna" => after_word(rest, "run", "--scope"),
        "turbo" => turbo(rest),
        "nx" => nx(rest),
        "wsrun" | "ultra" => after_word(rest, "", "-p"),
        _ => Launch::Itself,
    }
}

/// Flags off the front, those in `valued` with their value.
fn after_flags<'a>(words: &'a [Word], valued: &[&str]) -> &'a [Word] {
    let mut rest = words;
    while let Some((first, after)) = rest.split_first() {
        if first.text == "--" {
            return after;
        }
        if !first.text.starts_with('-') {
            return rest;
        }
        let with_value = valued.contains(&first.text.as_str());
        rest = after.get(usize::from(with_value)..).unwrap_or_default();
    }
    rest
}

fn unwrapped(words: &[Word], valued: &[&str]) -> Launch {
    match after_flags(words, valued) {
        [] => Launch::Nothing,
        words => Launch::Wrapped { env: Vec::new(), prefix: Vec::new(), words: words.to_vec() },
    }
}

/// `istanbul cover _mocha -- ARGUMENTS`: the separator is the wrapper's.
fn separated(launch: Launch) -> Launch {
    match launch {
        Launch::Wrapped { env, prefix, mut words } => {
            if words.get(1).is_some_and(|word| word.text == "--") {
                words.remove(1);
            }
            Launch::Wrapped { env, prefix, words }
        }
        other => other,
    }
}

fn npx(words: &[Word]) -> Launch {
    if let Some(at) = words.iter().position(|word| word.text == "-c" || word.text == "--call") {
        return words.get(at + 1).map_or(Launch::Itself, |line| Launch::Line(line.text.clone()));
    }
    unwrapped(words, &["-p", "--package"])
}

/// Coverage is left out: it takes time, and a threshold that is not reached is no failing test.
fn coverage(words: &[Word]) -> Launch {
    const VALUED: [&str; 24] = [
        "--reporter",
        "-r",
        "--include",
        "-n",
        "--exclude",
        "-x",
        "--extension",
        "-e",
        "--require",
        "-i",
        "--cwd",
        "--report-dir",
        "--reports-dir",
        "-o",
        "--temp-dir",
        "--temp-directory",
        "-t",
        "--src",
        "--lines",
        "--functions",
        "--branches",
        "--statements",
        "--config",
        "--nycrc-path",
    ];
    match after_flags(words, &VALUED).first().map(|word| word.text.as_str()) {
        Some("report" | "check-coverage" | "merge" | "instrument") => Launch::Itself,
        _ => unwrapped(words, &VALUED),
    }
}

/// Wrappers that set variables from files are kept in front of what they run.
fn kept(first: &Word, rest: &[Word]) -> Launch {
    let valued = ["-e", "-f", "--file", "-c", "-v", "-r", "--environments"];
    let inner = match rest.iter().position(|word| word.text == "--") {
        Some(at) => rest.get(at + 1..).unwrap_or_default(),
        None => after_flags(rest, &valued),
    };
    if inner.is_empty() {
        return Launch::Itself;
    }
    let own = rest.get(..rest.len() - inner.len()).unwrap_or_default();
    let prefix = std::iter::once(first).chain(own).cloned().collect();
    Launch::Wrapped { env: Vec::new(), prefix, words: inner.to_vec() }
}

/// `node scripts/with-setup.js mocha …`: a script that runs what follows it.
fn by_script_of_node(words: &[Word]) -> Launch {
    const KNOWN: [&str; 12] = [
        "mocha",
        "jest",
        "vitest",
        "ava",
        "tap",
        "tape",
        "karma",
        "cross-env",
        "c8",
        "nyc",
        "eslint",
        "jasmine",
    ];
    let rest = words.get(1..).unwrap_or_default();
    let (flags, file) = node_words(rest);
    let at = 2 + flags.len();
    match (file, words.get(at)) {
        (Some(file), Some(next))
            if KNOWN.contains(&program(&next.text)) && !file.text.contains("node_modules/") =>
        {
            let (own, inner) = words.split_at(at);
            Launch::Wrapped { env: Vec::new(), prefix: own.to_vec(), words: inner.to_vec() }
        }
        _ => Launch::Itself,
    }
}

fn many(words: &[Word]) -> Launch {
    let valued = ["--max-parallel", "--npm-path", "--node-run"];
    let mut patterns = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.text.as_str() {
            "--" => break,
            flag if flag.starts_with('-') => {
                if valued.contains(&flag) {
                    rest.next();
                }
            }
            // `"build -- --watch"`: a script with arguments.
            pattern => patterns.extend(pattern.split_whitespace().next().map(str::to_owned)),
        }
    }
    Launch::Scripts { folder: String::new(), patterns, more: Vec::new() }
}

fn concurrently(words: &[Word]) -> Launch {
    let valued = [
        "-n",
        "--names",
        "-c",
        "--prefix-colors",
        "-s",
        "--success",
        "-p",
        "--prefix",
        "-m",
        "--max-processes",
    ];
    let mut lines = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if valued.contains(&word.text.as_str()) {
            rest.next();
        } else if !word.text.starts_with('-') {
            let line = ["npm:", "yarn:", "pnpm:"].iter().find_map(|start| word.text.strip_prefix(start));
            lines.push(line.map_or_else(|| word.text.clone(), |name| format!("run-s {name}")));
        }
    }
    Launch::Lines(lines)
}

/// What the flags in front of a package manager's command say.
#[derive(Default)]
struct Flags {
    folder: String,
    which: Vec<String>,
    all: bool,
}

/// Reads a package manager's flags; gives its own words, and those for the script.
fn flags(words: &[Word]) -> (Flags, Vec<Word>) {
    let mut flags = Flags::default();
    let mut own = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let (name, value) = match word.text.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word.text.as_str(), None),
        };
        let mut value =
            || value.clone().or_else(|| rest.next().map(|next| next.text.clone())).unwrap_or_default();
        match name {
            "--" => {
                own.push(word.clone());
                own.extend(rest.cloned());
                break;
            }
            // What follows the script's name is the script's, flags too.
            _ if own.iter().any(|word: &Word| !is_verb(&word.text)) && !is_members(name) => {
                own.push(word.clone())
            }
            "--prefix" | "-C" | "--dir" | "--cwd" => flags.folder = value(),
            "-w" | "--workspace" | "--filter" | "-F" if name != "-w" || !word.text.contains("root") => {
                flags.which.push(value())
            }
            "--workspaces" | "-ws" | "-r" | "--recursive" | "recursive" => flags.all = true,
            name if name.starts_with('-') => {}
            _ => own.push(word.clone()),
        }
    }
    flags.all |= !flags.which.is_empty();
    (flags, own)
}

fn is_verb(word: &str) -> bool {
    ["run", "run-script", "rum", "exec", "x", "dlx"].contains(&word)
}

/// Flags that mean workspaces wherever npm finds them.
fn is_members(name: &str) -> bool {
    ["--workspaces", "-ws", "--workspace"].contains(&name)
}

fn npm(words: &[Word]) -> Launch {
    let (flags, own) = flags(words);
    let Some((verb, rest)) = own.split_first() else { return Launch::Nothing };
    match verb.text.as_str() {
        "run" | "run-script" | "rum" => scripts(flags, rest),
        "t" | "tst" => scripts(flags, &with_first("test", rest)),
        "test" | "start" | "stop" => scripts(flags, &own),
        "exec" | "x" => unwrapped(rest, &["-p", "--package"]),
        "install" | "i" | "ci" | "install-test" | "link" | "rebuild" | "prune" | "update" => Launch::Nothing,
        _ => Launch::Itself,
    }
}

fn pnpm(words: &[Word], is_script: impl Fn(&str) -> bool) -> Launch {
    let (flags, own) = flags(words);
    let Some((verb, rest)) = own.split_first() else { return Launch::Nothing };
    match verb.text.as_str() {
        "run" | "run-script" => scripts(flags, rest),
        "t" | "tst" => scripts(flags, &with_first("test", rest)),
        "test" | "start" => scripts(flags, &own),
        "exec" | "dlx" => unwrapped(rest, &[]),
        "install" | "i" | "add" | "link" | "rebuild" | "update" => Launch::Nothing,
        name if flags.all || !flags.folder.is_empty() || is_script(name) => scripts(flags, &own),
        _ => unwrapped(&own, &[]),
    }
}

fn yarn(words: &[Word], is_script: impl Fn(&str) -> bool) -> Launch {
    let (flags, own) = flags(words);
    let Some((verb, rest)) = own.split_first() else { return Launch::Nothing };
    match verb.text.as_str() {
        "run" => match after_flags(rest, &[]).first() {
            Some(name) if is_script(&name.text) || !flags.folder.is_empty() => {
                scripts(flags, after_flags(rest, &[]))
            }
            _ => unwrapped(rest, &[]),
        },
        "workspace" => match rest.split_first() {
            Some((name, rest)) => {
                let rest = rest.strip_prefix(&[Word::plain("run")][..]).unwrap_or(rest);
                members(vec![name.text.clone()], rest)
            }
            None => Launch::Nothing,
        },
        "workspaces" => match rest.iter().position(|word| word.text == "run") {
            Some(at) => members(flags.which, rest.get(at + 1..).unwrap_or_default()),
            None => Launch::Nothing,
        },
        "exec" | "dlx" => unwrapped(rest, &[]),
        "install" | "add" | "link" | "rebuild" | "up" => Launch::Nothing,
        name if is_script(name) || !flags.folder.is_empty() => scripts(flags, &own),
        _ => unwrapped(&own, &[]),
    }
}

fn with_first(name: &str, rest: &[Word]) -> Vec<Word> {
    std::iter::once(Word::plain(name)).chain(rest.iter().cloned()).collect()
}

fn scripts(flags: Flags, words: &[Word]) -> Launch {
    if flags.all { members(flags.which, words) } else { script_of(words, &flags.folder) }
}

fn script_of(words: &[Word], folder: &str) -> Launch {
    let Some((name, more)) = after_flags(words, &[]).split_first() else { return Launch::Nothing };
    Launch::Scripts { folder: folder.to_owned(), patterns: vec![name.text.clone()], more: arguments(more) }
}

fn members(which: Vec<String>, words: &[Word]) -> Launch {
    let Some((name, more)) = after_flags(words, &[]).split_first() else { return Launch::Nothing };
    Launch::Members { which, script: name.text.clone(), more: arguments(more) }
}

/// The arguments for a script: the separator in front of them is the package manager's.
fn arguments(words: &[Word]) -> Vec<Word> {
    if let Some((first, rest)) = words.split_first()
        && first.text == "--"
    {
        return rest.to_vec();
    }
    let of_manager = ["--if-present", "--workspaces", "-ws", "--stream", "--parallel", "--silent"];
    words.iter().filter(|word| !of_manager.contains(&word.text.as_str())).cloned().collect()
}
