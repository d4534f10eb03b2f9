//! Factors of tox: which lines of a value are meant for the environments that run the tests here.

use super::special;
use crate::interpreter::USUAL;
use crate::survey::ini::Ini;

/// The most environments that a list is expanded to.
const MAX_ENVIRONMENTS: usize = 400;

/// The factors of the environments that a section stands for and that run the usual tests with the
/// interpreter at hand. None are known where the list of environments names none of that kind.
pub(super) fn environments(ini: &Ini, section: &str) -> Vec<Vec<String>> {
    if let Some((_, name)) = section.rsplit_once(':') {
        return vec![of(name)];
    }
    let list = ["envlist", "env_list"].iter().find_map(|key| ini.get("tox", key)).unwrap_or_default();
    let names = pieces(list).into_iter().flat_map(|piece| expanded(&piece));
    let usual = names.filter(|name| !special(name)).map(|name| of(&name));
    usual.filter(|factors| factors.iter().any(|factor| names_interpreter(factor))).collect()
}

/// Whether a factor stands for the usual interpreter (`py`, `py3`, `py311`, `py3.11`, `3.11`, `python3.11`).
fn names_interpreter(factor: &str) -> bool {
    let version = ["python", "py"].iter().find_map(|start| factor.strip_prefix(start)).unwrap_or(factor);
    ["", "3", USUAL].contains(&version) || version == USUAL.replace('.', "")
}

/// Whether a condition holds in one of the environments. Where none are known, it holds unless all that it
/// names is something special.
pub(super) fn holds(condition: &str, environments: &[Vec<String>]) -> bool {
    let alternatives: Vec<String> =
        pieces(condition).into_iter().flat_map(|piece| expanded(&piece)).collect();
    if environments.is_empty() {
        return alternatives.iter().any(|alternative| !special(alternative));
    }
    let true_in = |alternative: &str, factors: &[String]| {
        alternative.split('-').all(|wanted| match wanted.strip_prefix('!') {
            Some(absent) => !factors.iter().any(|factor| factor == absent),
            None => factors.iter().any(|factor| factor == wanted),
        })
    };
    environments.iter().any(|factors| alternatives.iter().any(|alternative| true_in(alternative, factors)))
}

fn of(name: &str) -> Vec<String> {
    name.split('-').map(|factor| factor.trim().to_owned()).filter(|factor| !factor.is_empty()).collect()
}

/// What commas and line ends outside of braces separate.
fn pieces(text: &str) -> Vec<String> {
    let (mut pieces, mut piece, mut open) = (Vec::new(), String::new(), 0_usize);
    for char in text.chars() {
        match char {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 && (char == ',' || char.is_whitespace()) {
            pieces.push(std::mem::take(&mut piece));
        } else if !char.is_whitespace() {
            piece.push(char);
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// `a{b,c}` is `ab` and `ac`.
fn expanded(piece: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut rest = piece;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inside, behind)) = after.split_once('}') else { break };
        let choices: Vec<&str> = inside.split(',').collect();
        let more =
            names.iter().flat_map(|name| choices.iter().map(move |choice| format!("{name}{before}{choice}")));
        names = more.take(MAX_ENVIRONMENTS).collect();
        rest = behind;
    }
    names.iter().map(|name| format!("{name}{rest}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "[tox]\nenvlist =\n  {3.10,3.11}-unit\n  3.11-linux-integration-redis\n  py{310,311}-dj{42,52}\n  lint\n";

    #[test]
    fn conditions_hold_for_the_usual_tests_on_the_interpreter_at_hand() {
        let environments = environments(&Ini::read(LIST), "testenv");
        for (condition, expected) in [
            ("unit", true),
            ("integration", false),
            ("integration-redis", false),
            ("apicheck,3.10,3.11", true),
            ("apicheck,linkcheck", false),
            ("3.10", false),
            ("dj{32,42}", true),
            ("py311-!dj42", true),
            ("py310-dj52", false),
        ] {
            assert_eq!(holds(condition, &environments), expected, "{condition}");
        }
        assert!(holds("anything", &[]) && !holds("docs", &[]));
    }
}
