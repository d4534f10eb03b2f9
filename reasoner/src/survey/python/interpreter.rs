//! Which interpreter a part gets: one that the project allows, of those at hand.

/// The versions that can be had, the preferred one first: it is in the image, others are installed.
pub(super) const AT_HAND: [&str; 2] = ["3.11", "3.13"];

/// The version for a project, and what is to be said about it. What a file pins beside that is what its authors
/// like, not what it needs.
pub(super) fn choose(requires: Option<&str>) -> (String, Option<String>) {
    let allowed = |version: &str| requires.is_none_or(|requires| allows(requires, version));
    match AT_HAND.iter().find(|version| allowed(version)) {
        Some(version) => ((*version).to_owned(), None),
        None => {
            let wanted = requires.unwrap_or_default();
            let note = format!(
                "The project asks for Python {wanted}; only {} are at hand, and the first is tried.",
                AT_HAND.join(", ")
            );
            (AT_HAND[0].to_owned(), Some(note))
        }
    }
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
        assert_eq!(choose(Some(">=3.9")), ("3.11".to_owned(), None));
        assert_eq!(choose(Some(">=3.12,<4")), ("3.13".to_owned(), None));
        assert!(choose(Some(">=3.14")).1.is_some_and(|note| note.contains(">=3.14")));
    }
}
