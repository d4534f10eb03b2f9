//! The language of a hypothesis' `when`: MiniJinja expressions over findings. What a finding holds
//! is untrusted and only ever data; the expression comes from a playbook or a model, so the regular
//! expressions in it are limited.

use std::collections::{BTreeMap, HashSet};

use codegod_protocol::evidence::Finding;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, context};
use regex::RegexBuilder;

/// The longest expression and the longest pattern that are taken, in bytes.
const MAX_BYTES: usize = 4096;
/// The most memory that one compiled pattern may need, in bytes.
const MAX_PATTERN_MEMORY: usize = 1024 * 1024;

/// What is wrong with a pattern that was meant to hold a word boundary.
const BACKSPACE: &str =
    r"\b in a text is a backspace, not a word boundary: write \\b (in TOML between ''' marks)";

/// Names beside the findings.
pub(crate) const NAMES: [&str; 1] = ["symptom"];

/// The environment in which expressions over findings are read.
pub(crate) fn environment<'a>() -> Environment<'a> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(50);
    environment.add_test("matching", matching);
    environment
}

fn matching(text: &str, pattern: &str) -> Result<bool, Error> {
    if pattern.len() > MAX_BYTES {
        return Err(Error::new(ErrorKind::InvalidOperation, "the pattern is too long"));
    }
    if pattern.contains('\u{8}') {
        return Err(Error::new(ErrorKind::InvalidOperation, BACKSPACE));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(MAX_PATTERN_MEMORY)
        .dfa_size_limit(MAX_PATTERN_MEMORY)
        .build()
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    Ok(regex.is_match(text))
}

/// Whether `expression` holds a `\b` that would be read as a backspace, so that a pattern silently
/// never matched; says how to write it.
pub(crate) fn misread_escape(expression: &str) -> Option<&'static str> {
    // An escaped backslash, then `b`, is what was meant.
    expression.replace(r"\\", "").contains(r"\b").then_some(BACKSPACE)
}

/// What expressions see: each finding by its id, and the named groups of the goal's symptom.
pub(crate) fn over(findings: &[Finding], symptom: &BTreeMap<String, String>) -> Value {
    let mut names: BTreeMap<String, Value> = BTreeMap::new();
    names.insert("symptom".to_owned(), Value::from(Serde(symptom)));
    for finding in findings {
        let evidence = &finding.evidence;
        let value = context! {
            exit_code => evidence.exit_code,
            output => evidence.output.as_str(),
            succeeded => evidence.succeeded(),
            fact => finding.fact.as_str(),
        };
        names.insert(finding.id.clone(), value);
    }
    Value::from_object(names)
}

/// Whether `expression` holds.
///
/// # Errors
/// It does not parse, names a finding that is not there, or a pattern in it is broken.
pub(crate) fn holds(expression: &str, names: &Value) -> Result<bool, Error> {
    if expression.len() > MAX_BYTES {
        return Err(Error::new(ErrorKind::InvalidOperation, "the expression is too long"));
    }
    let environment = environment();
    let value = environment.compile_expression(expression)?.eval(names.clone())?;
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "the expression has no value"));
    }
    Ok(value.is_true())
}

/// The names that `expression` looks at; none when it does not parse.
pub(crate) fn names_in(expression: &str) -> HashSet<String> {
    let compiled = environment().compile_expression(expression).map(|e| e.undeclared_variables(false));
    compiled.unwrap_or_default()
}
