//! Which Python a part gets: one that the project allows, of those at hand if there is one. Another has to be
//! downloaded when the environment is made, which not every host can.

use std::cmp::Reverse;

/// An interpreter that codegod makes images with, from the packages of a Debian release.
struct AtHand {
    version: &'static str,
    /// The image in which environments begin.
    image: &'static str,
    /// What a Dockerfile builds on.
    public: &'static str,
    /// The day by which what most projects use had releases that run on it.
    settled: &'static str,
}

/// The interpreters at hand, the preferred one first.
const AT_HAND: [AtHand; 2] = [
    AtHand { version: "3.11", image: "codegod/python", public: USUAL_BASE, settled: "2023-01-15" },
    AtHand {
        version: "3.13",
        image: "codegod/python-3.13",
        public: "debian:trixie-slim",
        settled: "2025-01-15",
    },
];

/// The public image that Dockerfiles build on where no Python asks for another.
pub(crate) const USUAL_BASE: &str = "debian:bookworm-slim";

/// The versions that can be downloaded, the preferred one first.
const ELSEWHERE: [&str; 5] = ["3.12", "3.10", "3.14", "3.9", "3.8"];

/// The versions that rules choose from, the preferred one first.
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    let oldest = ["3.7", "3.6"];
    AT_HAND.iter().map(|one| one.version).chain(ELSEWHERE).chain(oldest)
}

/// Whether there are images with a version.
pub(crate) fn is_at_hand(version: &str) -> bool {
    AT_HAND.iter().any(|one| one.version == version)
}

/// The version that is taken unless a project wants another.
pub(crate) const USUAL: &str = AT_HAND[0].version;

/// The image in which environments with a version begin.
pub(crate) fn image(version: &str) -> &'static str {
    at_hand_or_usual(version).image
}

/// The public image that a Dockerfile for a version builds on.
pub(crate) fn public_base(version: &str) -> &'static str {
    at_hand_or_usual(version).public
}

/// The day by which what most projects use had releases that run on a version at hand; empty for another. Pins
/// that are older than the interpreter are tried with the releases of that day.
pub(crate) fn settled(version: &str) -> &'static str {
    AT_HAND.iter().find(|one| one.version == version).map_or("", |one| one.settled)
}

fn at_hand_or_usual(version: &str) -> &'static AtHand {
    AT_HAND.iter().find(|one| one.version == version).unwrap_or(&AT_HAND[0])
}

/// The version for a project that says which it takes, and what is to be said about it. What files pin beside
/// that (`.python-version`) is what its authors like, not what it needs.
pub(crate) fn choose(requires: Option<&str>) -> (String, Option<String>) {
    let allowed = |version: &str| requires.is_none_or(|requires| allows(requires, version));
    if let Some(version) = AT_HAND.iter().map(|one| one.version).find(|version| allowed(version)) {
        return (version.to_owned(), None);
    }
    let wanted = requires.unwrap_or_default();
    let at_hand: Vec<&str> = AT_HAND.iter().map(|one| one.version).collect();
    let begun = format!("The project asks for Python {wanted}; only {} are at hand", at_hand.join(" and "));
    match newest_elsewhere(allowed) {
        Some(version) => (version.to_owned(), Some(format!("{begun}, so {version} has to be downloaded."))),
        None => (at_hand[0].to_owned(), Some(format!("{begun}, and {} is tried.", at_hand[0]))),
    }
}

fn newest_elsewhere(allowed: impl Fn(&str) -> bool) -> Option<&'static str> {
    ELSEWHERE.into_iter().filter(|version| allowed(version)).min_by_key(|version| Reverse(numbers(version)))
}

/// Whether a specifier allows some release of a minor version.
pub(crate) fn allows(specifier: &str, version: &str) -> bool {
    let Some(minor) = numbers(version) else { return true };
    specifier
        .split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
        .all(|clause| clause_allows(clause, &minor))
}

fn clause_allows(clause: &str, minor: &[u64]) -> bool {
    let end = clause.find(|char: char| char.is_ascii_digit()).unwrap_or(clause.len());
    let (operator, version) = clause.split_at(end);
    let Some(bound) = numbers(version) else { return true };
    let short: Vec<u64> = bound.iter().copied().take(2).collect();
    let same = |length: usize| minor.iter().take(length).eq(bound.iter().take(length));
    match operator.trim() {
        ">=" => minor >= short.as_slice(),
        // Of `>3.8` and `>3.8.1` the latest 3.8 is one, but not of `>3`.
        ">" => minor > short.as_slice() || (bound.len() > 2 && minor == short.as_slice()),
        "<" => minor < short.as_slice() || (bound.len() > 2 && bound[2] > 0 && minor == short.as_slice()),
        "<=" => minor <= short.as_slice(),
        "==" | "===" => same(bound.len().min(2)),
        "~=" => minor >= short.as_slice() && (bound.len() > 2 && same(2) || bound.len() == 2 && same(1)),
        "!=" => !(version.contains('*') && same(bound.len().min(2))),
        _ => true,
    }
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    let numbers: Vec<u64> = version.trim().split('.').map_while(|part| part.parse().ok()).take(4).collect();
    (!numbers.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_allow_or_not() {
        for (specifier, expected) in [
            (">=3.8", true),
            (">=3.8,<4.0", true),
            (">=3.12", false),
            ("<3.11", false),
            ("==3.11.*", true),
            ("~=3.10", true),
            ("~=3.10.2", false),
            ("!=3.0.*,!=3.1.*,>=2.7", true),
            ("!=3.11.*", false),
            (">=3.11.2", true),
            ("<=3.11", true),
            ("<3.12,>=3.7.1", true),
            (">3.11", false),
            ("", true),
            ("nonsense", true),
        ] {
            assert_eq!(allows(specifier, "3.11"), expected, "{specifier}");
        }
    }

    #[test]
    fn a_project_for_another_version_is_tried_all_the_same_and_that_is_said() {
        assert_eq!(choose(Some(">=3.9")), ("3.11".to_owned(), None));
        assert_eq!(choose(Some(">=3.12")), ("3.13".to_owned(), None));
        let (version, note) = choose(Some(">=3.8,<3.11"));
        assert_eq!(version, "3.10");
        assert!(note.is_some_and(|note| note.contains("<3.11") && note.contains("downloaded")));
        let (version, note) = choose(Some("<3"));
        assert_eq!(version, "3.11");
        assert!(note.is_some_and(|note| note.contains("3.11 is tried")));
    }

    #[test]
    fn a_version_at_hand_has_images_of_its_own() {
        assert_eq!((image("3.13"), public_base("3.13")), ("codegod/python-3.13", "debian:trixie-slim"));
        assert_eq!((image("3.12"), public_base("3.12")), ("codegod/python", USUAL_BASE));
    }
}
