//! Tools that run one script in many workspaces: lerna, turbo, nx and their like.

use super::super::shell::Word;
use super::{Launch, after_flags, launch};

/// Runners of one script in many workspaces: the script, and the filters.
pub(super) fn after_word(words: &[Word], verb: &str, filter: &str) -> Launch {
    let mut rest = words.iter();
    let (mut script, mut which, mut seen) = (None, Vec::new(), verb.is_empty());
    while let Some(word) = rest.next() {
        let (name, value) =
            word.text.split_once('=').map_or((word.text.as_str(), None), |(a, b)| (a, Some(b.to_owned())));
        if word.text == "--" {
            break;
        } else if name == filter || name == "--filter" || name == "-F" {
            which.extend(value.or_else(|| rest.next().map(|next| next.text.clone())));
        } else if word.text.starts_with('-') {
            if ["--concurrency", "--since", "--log-order"].contains(&word.text.as_str()) {
                rest.next();
            }
        } else if !seen {
            seen = word.text == verb;
        } else {
            script = script.or_else(|| Some(word.text.clone()));
        }
    }
    match script {
        Some(script) => Launch::Members { which, script, more: Vec::new() },
        None if seen => Launch::Itself,
        None => Launch::Nothing,
    }
}

/// `lerna exec --concurrency 1 -- yarn test`: a command in every workspace, known when it runs a script.
pub(super) fn everywhere(words: &[Word]) -> Launch {
    let scopes = words.windows(2).filter_map(|pair| match pair {
        [flag, value] if flag.text == "--scope" => Some(value.text.clone()),
        _ => None,
    });
    let which: Vec<String> = scopes
        .chain(words.iter().filter_map(|word| Some(word.text.strip_prefix("--scope=")?.to_owned())))
        .collect();
    let inner = after_flags(words, &["--concurrency", "--scope", "--ignore", "--since", "--loglevel"]);
    match launch(inner, |_| true) {
        Launch::Scripts { folder, patterns, more } if folder.is_empty() => match patterns.as_slice() {
            [script] => Launch::Members { which, script: script.clone(), more },
            _ => Launch::Itself,
        },
        _ => Launch::Itself,
    }
}

pub(super) fn turbo(words: &[Word]) -> Launch {
    let verb = if words.iter().any(|word| word.text == "run") { "run" } else { "" };
    after_word(words, verb, "--filter")
}

pub(super) fn nx(words: &[Word]) -> Launch {
    let target = |word: &Word| {
        word.text
            .strip_prefix("--target=")
            .or_else(|| word.text.strip_prefix("--targets="))
            .map(str::to_owned)
    };
    let after = |flag: &str| {
        let at = words.iter().position(|word| word.text == flag)?;
        words.get(at + 1).map(|word| word.text.clone())
    };
    let many = words.first().is_some_and(|word| ["run-many", "affected"].contains(&word.text.as_str()));
    let script = words.iter().find_map(target).or_else(|| after("-t")).or_else(|| after("--target"));
    match script.filter(|_| many) {
        Some(script) => Launch::Members { which: Vec::new(), script, more: Vec::new() },
        None => Launch::Itself,
    }
}
