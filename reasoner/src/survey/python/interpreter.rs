//! Which interpreter a part gets: one that the project allows, of those at hand.

/// The versions that there are images for, the preferred one first.
pub(super) const AT_HAND: [&str; 1] = ["3.11"];

/// The version for a project, and what is to be said about it.
pub(super) fn choose(requires: Option<&str>, pinned: Option<&str>) -> (String, Option<String>) {
    let allowed = |version: &str| requires.is_none_or(|requires| allows(requires, version));
    let pinned = pinned.map(short).filter(|version| AT_HAND.contains(&version.as_str()) && allowed(version));
    let fitting = AT_HAND.iter().find(|version| allowed(version)).map(|version| (*version).to_owned());
    match pinned.or(fitting) {
        Some(version) => (version, None),
        None => {
            let wanted = requires.unwrap_or_default();
            let note = format!(
                "The project asks for Python {wanted}; only {} is at hand, and is tried.",
                AT_HAND.join(", ")
            );
            (AT_HAND[0].to_owned(), Some(note))
        }
    }
}

/// `3.11.4` and `python-3.11.4` are 3.11.
fn short(version: &str) -> String {
    let version = version
        .trim()
        .trim_start_matches("python-")
        .trim_start_matches("cpython-")
        .trim_start_matches("python");
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// Whether a specifier allows some release of a minor version.
pub(super) fn allows(specifier: &str, version: &str) -> bool {
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
        assert_eq!(choose(Some(">=3.9"), Some("3.13")), ("3.11".to_owned(), None));
        assert!(choose(Some(">=3.12"), None).1.is_some_and(|note| note.contains(">=3.12")));
    }
}
