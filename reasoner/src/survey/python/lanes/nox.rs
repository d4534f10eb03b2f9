//! Sessions of nox, as far as the words of its calls stand in `noxfile.py`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::super::needs::Needs;
use super::Recipe;
use crate::survey::Tree;

static SESSION: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^def\s+(\w+)\s*\("));
static CALL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\.(install|run|run_install|run_always|conda_install)\("));
static WORD: LazyLock<Regex> = LazyLock::new(|| regex(r#"(f?)"([^"\n]*)"|(f?)'([^'\n]*)'"#));
static ENV: LazyLock<Regex> = LazyLock::new(|| regex(r#"['"](\w+)['"]\s*:\s*['"]([^'"\n]*)['"]"#));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file is well-formed")
}

/// The sessions of the folder's `noxfile.py`.
pub(super) fn recipes(tree: &Tree, folder: &str) -> Vec<Recipe> {
    let path = super::super::joined(folder, "noxfile.py");
    let Some(text) = tree.text(&path) else { return Vec::new() };
    let starts: Vec<(usize, String)> = SESSION
        .captures_iter(text)
        .map(|found| (found.get(0).map_or(0, |all| all.start()), found[1].to_owned()))
        .collect();
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|((start, name), end)| Some(session(&path, name, text.get(*start..end)?, folder)))
        .collect()
}

fn session(path: &str, name: &str, body: &str, folder: &str) -> Recipe {
    let mut recipe = Recipe { from: path.to_owned(), name: name.to_owned(), ..Recipe::default() };
    for call in CALL.captures_iter(body) {
        let (Some(all), kind) = (call.get(0), &call[1]) else { continue };
        let arguments = arguments(body.get(all.end()..).unwrap_or_default());
        // Whatever follows as a keyword is nox's own: `env={…}`, `external=True`.
        let (arguments, keywords) = arguments
            .split_once(", env=")
            .or_else(|| arguments.split_once("env="))
            .unwrap_or((arguments, ""));
        let words = words(arguments);
        match kind {
            "install" | "conda_install" => recipe.needs.join(installed(arguments, &words)),
            _ => {
                recipe
                    .env
                    .extend(ENV.captures_iter(keywords).map(|pair| (pair[1].to_owned(), pair[2].to_owned())));
                recipe.steps.push((folder.to_owned(), script(arguments, &words)));
            }
        }
    }
    let _: &BTreeMap<String, String> = &recipe.env;
    recipe
}

/// The text up to the parenthesis that closes; parentheses in strings are rare enough.
fn arguments(text: &str) -> &str {
    let mut open = 1_usize;
    for (at, char) in text.char_indices() {
        match char {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return &text[..at];
        }
    }
    text
}

fn words(arguments: &str) -> Vec<String> {
    let found = WORD.captures_iter(arguments);
    found
        .filter_map(|word| {
            let (format, text) = if word.get(2).is_some() {
                (word.get(1)?, word.get(2)?)
            } else {
                (word.get(3)?, word.get(4)?)
            };
            (format.is_empty() || !text.as_str().contains('{')).then(|| text.as_str().to_owned())
        })
        .collect()
}

fn installed(arguments: &str, words: &[String]) -> Needs {
    if arguments.contains("dependency_groups(") {
        return Needs {
            groups: words.iter().filter(|word| !word.ends_with(".toml")).cloned().collect(),
            ..Needs::default()
        };
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // `-e.` and `-e .[test]` are one word here.
    let split: Vec<&str> = words
        .iter()
        .flat_map(|word| match word.strip_prefix("-e") {
            Some(target) if !target.trim().is_empty() => vec!["-e", target.trim()],
            _ => vec![*word],
        })
        .collect();
    Needs::of_pip(&split)
}

fn script(arguments: &str, words: &[String]) -> String {
    let mut words = words.to_vec();
    // A splatted prefix such as `*coverage` is only known by its name.
    if arguments.trim_start().starts_with("*coverage") {
        words.insert(0, "coverage".to_owned());
    }
    words.iter().map(|word| format!("'{}'", word.replace('\'', ""))).collect::<Vec<_>>().join(" ")
}
