//! One rule, checked: its patterns compile, and what it names is there.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::Environment;
use regex::{Regex, RegexBuilder};

use super::Stage;
use super::names;
use super::schema::{Language, RuleEntry};

/// The longest pattern that is taken, in bytes.
const MAX_PATTERN_BYTES: usize = 8 * 1024;
/// The most memory that one compiled pattern may need, in bytes.
const MAX_PATTERN_MEMORY: usize = 4 * 1024 * 1024;
/// Of one rule's matches in one output, so many are looked at.
const MAX_MATCHES: usize = 200;

/// A rule that can be applied.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) entry: RuleEntry,
    seen: Vec<Regex>,
    unless: Option<Regex>,
    groups: BTreeSet<String>,
}

/// One match of a rule: where it is, and the text of its named groups (empty for those that took no part).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) groups: BTreeMap<String, String>,
}

impl Rule {
    /// Checks an entry; `patterns` are those of its file.
    ///
    /// # Errors
    /// Everything that is wrong with it, one sentence each.
    pub(super) fn new(
        entry: RuleEntry,
        patterns: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut compiled = |pattern: &str| {
            compile(pattern).map_err(|problem| problems.push(format!("{:?}: {problem}", entry.name))).ok()
        };
        let mut seen = Vec::new();
        for pattern in &entry.seen {
            match pattern.strip_prefix('@').map(|name| patterns.get(name)) {
                None => seen.extend(compiled(pattern)),
                Some(Some(named)) => seen.extend(named.iter().filter_map(|pattern| compiled(pattern))),
                Some(None) => {
                    return Err(vec![format!("{:?}: the file has no pattern {pattern:?}", entry.name)]);
                }
            }
        }
        let unless = entry.unless.as_deref().and_then(&mut compiled);
        let groups = seen.iter().flat_map(Regex::capture_names).flatten().map(str::to_owned).collect();
        let rule = Self { entry, seen, unless, groups };
        rule.check(&mut problems);
        if problems.is_empty() { Ok(rule) } else { Err(problems) }
    }

    fn check(&self, problems: &mut Vec<String>) {
        let entry = &self.entry;
        let mut say = |problem: String| problems.push(format!("{:?}: {problem}", entry.name));
        if entry.seen.is_empty() {
            say("it has no `seen`".to_owned());
        }
        if !(0.0..=1.0).contains(&entry.confidence) {
            say(format!("a confidence is between 0 and 1, not {}", entry.confidence));
        }
        let edits = !(entry.actions.is_empty() && entry.require.is_empty() && entry.replace.is_empty());
        if entry.title.is_some() != edits {
            say("an edit has a title, and actions, `require` or `replace`".to_owned());
        }
        let environment = names::environment();
        let known = |name: &str| {
            self.groups.contains(name)
                || names::NAMES.contains(&name)
                || environment.globals().any(|(global, _)| global == name)
        };
        if let Some(when) = &entry.when {
            match environment.compile_expression(when) {
                Ok(expression) => expression
                    .undeclared_variables(false)
                    .iter()
                    .filter(|name| !known(name))
                    .for_each(|name| say(format!("`when` names {name:?}, which is no group and no fact"))),
                Err(error) => say(format!("`when` does not parse: {error}")),
            }
        }
        let mut texts: Vec<&str> = vec![&entry.believes, &entry.disproved_by];
        texts.extend(entry.title.as_deref());
        texts.extend(entry.require.iter().map(String::as_str));
        texts.extend(entry.replace.iter().flat_map(|replaced| [replaced.name.as_str(), &replaced.by]));
        entry.change.iter().chain(&entry.actions).for_each(|value| collect(value, &mut texts));
        for text in texts {
            match undeclared(&environment, text) {
                Ok(found) => found
                    .iter()
                    .filter(|name| !known(name))
                    .for_each(|name| say(format!("{text:?} names {name:?}, which is no group and no fact"))),
                Err(error) => say(format!("{text:?} does not parse: {error}")),
            }
        }
    }

    /// Whether it is asked at this stage of a part of this toolchain.
    pub(super) fn is_about(&self, language: Language, stage: Stage) -> bool {
        let entry = &self.entry;
        (entry.toolchain == Language::Any || entry.toolchain == language)
            && (entry.stages.is_empty() || entry.stages.contains(&stage))
    }

    /// Its matches in `output`, in order, each different thing once.
    pub(super) fn matches(&self, output: &str) -> Vec<Match> {
        let mut found: Vec<Match> = Vec::new();
        for captures in self.seen.iter().flat_map(|seen| seen.captures_iter(output)).take(MAX_MATCHES) {
            let Some(whole) = captures.get(0) else { continue };
            let text = |name: &str| captures.name(name).map_or("", |group| group.as_str()).to_owned();
            let groups = self.groups.iter().map(|name| (name.clone(), text(name))).collect();
            if !found.iter().any(|other| other.groups == groups) {
                found.push(Match { start: whole.start(), end: whole.end(), groups });
            }
        }
        found.sort_by_key(|found| found.start);
        if found.is_empty() || self.unless.as_ref().is_some_and(|unless| unless.is_match(output)) {
            return Vec::new();
        }
        found
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err("the pattern is too long".to_owned());
    }
    RegexBuilder::new(&ascii(pattern))
        .multi_line(true)
        .size_limit(MAX_PATTERN_MEMORY)
        .dfa_size_limit(MAX_PATTERN_MEMORY)
        .build()
        .map_err(|error| format!("the pattern does not compile: {error}"))
}

/// The pattern with the classes of letters, digits and blanks as ASCII has them: what tools print of their
/// own is ASCII, and the classes of all of Unicode make a pattern ten times as large.
fn ascii(pattern: &str) -> String {
    let mut small = String::with_capacity(pattern.len() * 2);
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let class = match c {
            '\\' => match chars.next() {
                Some('w') => "0-9A-Za-z_",
                Some('d') => "0-9",
                Some('s') => r" \t\n\r\f\v",
                other => {
                    small.push(c);
                    small.extend(other);
                    continue;
                }
            },
            other => {
                in_class = if in_class { other != ']' } else { other == '[' };
                small.push(other);
                continue;
            }
        };
        if in_class { small.push_str(class) } else { small.push_str(&format!("[{class}]")) }
    }
    small
}

/// The expression that a text consists of, when it is nothing else: `{{ known(module) }}`.
pub(super) fn sole_expression(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{") && !inner.contains("}}")).then(|| inner.trim_matches('-').trim())
}

fn undeclared(environment: &Environment<'_>, text: &str) -> Result<Vec<String>, minijinja::Error> {
    let names = match sole_expression(text) {
        Some(expression) => environment.compile_expression(expression)?.undeclared_variables(false),
        None => environment.template_from_str(text)?.undeclared_variables(false),
    };
    Ok(names.into_iter().collect())
}

/// Every text in a value.
fn collect<'v>(value: &'v toml::Value, texts: &mut Vec<&'v str>) {
    match value {
        toml::Value::String(text) => texts.push(text),
        toml::Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        toml::Value::Table(table) => table.iter().for_each(|(_, value)| collect(value, texts)),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_ascii() {
        assert_eq!(ascii(r"\w+[\w.\]-]\\d\.[^\d]"), r"[0-9A-Za-z_]+[0-9A-Za-z_.\]-]\\d\.[^0-9]");
    }
}
