//! Requirement lines, as far as a survey looks into them.

/// The normalised name of the distribution that a line requires; none when it names none.
pub(super) fn name(line: &str) -> Option<String> {
    let line = line.trim();
    let end =
        line.find(|char: char| !(char.is_ascii_alphanumeric() || "-_.".contains(char))).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let plausible = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && (rest.is_empty() || rest.starts_with(['[', '<', '>', '=', '!', '~', ';', ' ', '@', '(', ',']));
    plausible.then(|| normalised(name))
}

/// A name as indexes compare it.
pub(super) fn normalised(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for char in name.chars() {
        if "-_.".contains(char) {
            if !plain.ends_with('-') {
                plain.push('-');
            }
        } else {
            plain.push(char.to_ascii_lowercase());
        }
    }
    plain
}

/// The extras that a line asks for: of `a[b, c]>1` they are b and c.
pub(super) fn extras(line: &str) -> Vec<String> {
    let inside = line.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let names = inside.map(|(inside, _)| inside.split(',').map(str::trim).map(str::to_owned));
    names.into_iter().flatten().filter(|name| !name.is_empty()).collect()
}

/// Whether a line holds its distribution below a version.
pub(super) fn is_below(line: &str, version: &[u64]) -> bool {
    let line = line.split(';').next().unwrap_or(line);
    let bounds = ["==", "~=", "<=", "<"].iter().filter_map(|sign| line.split_once(sign));
    let mut bounds = bounds.map(|(_, bound)| {
        bound
            .trim_start_matches('=')
            .trim()
            .split('.')
            .map_while(|part| part.parse::<u64>().ok())
            .collect::<Vec<_>>()
    });
    bounds.any(|bound| !bound.is_empty() && bound.as_slice() < version)
}

/// Whether a line is meant for a version of Python, as far as its marker says.
pub(super) fn is_for(line: &str, version: &str) -> bool {
    let Some((_, marker)) = line.split_once(';') else { return true };
    let clauses = marker.split(" and ").map(str::trim);
    marker.contains(" or ")
        || clauses
            .filter_map(|clause| clause.trim_start_matches('(').strip_prefix("python_version"))
            .all(|clause| crate::interpreter::allows(&clause.replace(['\'', '"', ' ', ')'], ""), version))
}

/// The requirement lines of a file, without comments and options.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split_once(" #").map_or(line, |(line, _)| line).trim())
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_off_a_line() {
        for (line, expected) in [
            ("Flask>=2", Some("flask")),
            ("zope.interface ; python_version > '3'", Some("zope-interface")),
            ("a__b[c]", Some("a-b")),
            ("./local", None),
            ("https://x/y.whl", None),
            ("-e .", None),
            ("", None),
        ] {
            assert_eq!(name(line).as_deref(), expected, "{line}");
        }
        assert_eq!(extras("a[b, c]>1"), ["b", "c"]);
        for (line, expected) in
            [("a==5.4", true), ("a>=3,<6", true), ("a==7.0", false), ("a>=5", false), ("a; b == '1'", false)]
        {
            assert_eq!(is_below(line, &[6, 2, 5]), expected, "{line}");
        }
        for (line, expected) in [
            ("a==6.1.2 ; python_version<'3.8'", false),
            ("a; python_version >= \"3.8\" and sys_platform == 'linux'", true),
            ("a; (python_version < '3' or x == 'y')", true),
            ("a", true),
        ] {
            assert_eq!(is_for(line, "3.11"), expected, "{line}");
        }
    }
}
