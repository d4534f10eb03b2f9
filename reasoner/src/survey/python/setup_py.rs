//! What can be read off a `setup.py` without running it.

use std::sync::LazyLock;

use regex::Regex;

use super::manifest::Named;

static TEXT: LazyLock<Regex> = LazyLock::new(|| regex(r#"'([^'\n]*)'|"([^"\n]*)""#));
static KEY: LazyLock<Regex> = LazyLock::new(|| regex(r#"['"]([\w.-]+)['"]\s*:\s*"#));
static SETUP: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)\bsetup\s*\("));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file is well-formed")
}

/// What a `setup.py` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SetupPy {
    /// The distribution's name.
    pub(super) name: Option<String>,
    /// The versions of Python.
    pub(super) python_requires: Option<String>,
    /// What it needs; none when that can't be read off.
    pub(super) install_requires: Option<Vec<String>>,
    /// What its build needs.
    pub(super) setup_requires: Vec<String>,
    /// What its tests need.
    pub(super) tests_require: Vec<String>,
    /// Its extras.
    pub(super) extras: Named,
    /// Whether it builds extensions.
    pub(super) extensions: bool,
    /// Whether it is more than a stub for something else.
    pub(super) calls_setup: bool,
    /// Whether its version comes from the repository's tags.
    pub(super) scm: bool,
    /// Whether pbr builds it.
    pub(super) pbr: bool,
}

impl SetupPy {
    /// Reads a file's text.
    pub(super) fn read(text: &str) -> Self {
        let list = |key: &str| {
            value(text, key).filter(|value| value.starts_with(['[', '(', '\'', '"'])).map(strings)
        };
        Self {
            name: value(text, "name").and_then(string),
            python_requires: value(text, "python_requires").and_then(string),
            install_requires: list("install_requires"),
            setup_requires: list("setup_requires").unwrap_or_default(),
            tests_require: list("tests_require").unwrap_or_default(),
            extras: value(text, "extras_require").map(dictionary).unwrap_or_default(),
            extensions: text.contains("ext_modules")
                || text.contains("cffi_modules")
                || text.contains("cythonize"),
            calls_setup: SETUP.is_match(text),
            scm: text.contains("use_scm_version"),
            pbr: text.contains("pbr=") || text.contains("pbr ="),
        }
    }
}

/// The text of what a keyword is given; a variable's own where it is one.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let given = after(text, key, &["=", "\": ", "\":", "': ", "':"])?;
    let end = given.find(|char: char| !(char.is_alphanumeric() || char == '_')).unwrap_or(given.len());
    let (variable, rest) = given.split_at(end);
    let is_variable = !variable.is_empty() && !rest.starts_with(['(', '.', '[', '\'', '"']);
    if is_variable { after(text, variable, &[" = ", "="]) } else { Some(given) }
}

/// What follows a word and one of these, where the word begins one.
fn after<'t>(text: &'t str, word: &str, signs: &[&str]) -> Option<&'t str> {
    text.match_indices(word).find_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|char| char.is_alphanumeric() || char == '_' || char == '.') {
            return None;
        }
        let rest = &text[at + word.len()..];
        let rest = signs.iter().find_map(|sign| {
            rest.strip_prefix(sign).or_else(|| rest.strip_prefix(' ')?.strip_prefix(sign))
        })?;
        let rest = rest.trim_start();
        (!rest.starts_with('=')).then_some(rest)
    })
}

fn string(value: &str) -> Option<String> {
    let found = TEXT.captures(value).filter(|found| found.get(0).is_some_and(|all| all.start() == 0))?;
    found.get(1).or_else(|| found.get(2)).map(|text| text.as_str().to_owned())
}

/// The strings up to the bracket that closes.
fn strings(value: &str) -> Vec<String> {
    let inside = bracketed(value);
    let all = TEXT.captures_iter(inside).filter_map(|found| found.get(1).or_else(|| found.get(2)));
    all.flat_map(|text| text.as_str().split("\\n"))
        .map(str::to_owned)
        .filter(|text| !text.is_empty())
        .collect()
}

fn dictionary(value: &str) -> Named {
    if !value.starts_with('{') {
        return Named::new();
    }
    let inside = bracketed(value);
    let keys = KEY.captures_iter(inside);
    keys.filter_map(|key| {
        let rest = inside.get(key.get(0)?.end()..)?;
        Some((key[1].to_owned(), if rest.starts_with(['[', '(']) { strings(rest) } else { Vec::new() }))
    })
    .collect()
}

/// From an opening bracket to the one that closes it; the first line of what has none.
fn bracketed(text: &str) -> &str {
    if !text.starts_with(['[', '(', '{']) {
        return text.lines().next().unwrap_or_default();
    }
    let (mut open, mut quote) = (0_usize, None);
    for (at, char) in text.char_indices() {
        match (quote, char) {
            (Some(close), _) if char == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(char),
            (None, '[' | '(' | '{') => open += 1,
            (None, ']' | ')' | '}') => open = open.saturating_sub(1),
            (None, _) => {}
        }
        if open == 0 {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_and_variables_are_read() {
        let text = r#"
from setuptools import setup
tests_require = ["pytest>=3", 'mock; python_version < "3"']
extras = {"test": tests_require, "x": ["a", "b>1"]}
setup(
    name="A_b",
    python_requires=">=3.8",
    install_requires=["six"],
    extras_require=extras,
    tests_require = tests_require,
)
"#;
        let setup = SetupPy::read(text);
        assert_eq!(setup.name.as_deref(), Some("A_b"));
        assert_eq!(setup.python_requires.as_deref(), Some(">=3.8"));
        assert_eq!(setup.install_requires, Some(vec!["six".to_owned()]));
        assert_eq!(setup.tests_require, ["pytest>=3", "mock; python_version < \"3\""]);
        assert_eq!(setup.extras["x"], ["a", "b>1"]);
        assert!(setup.extras.contains_key("test") && setup.calls_setup && !setup.extensions);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(name|extras_require|x|=| |\\{|\\[|'|\"|é|\\PC|\\n){0,60}") {
            SetupPy::read(&text);
        }
    }
}
