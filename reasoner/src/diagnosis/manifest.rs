//! Small edits of what a project requires: one line more, everything else to the byte as it was.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// `dependencies = [` … `]` of `[project]`, as it is usually written: one entry on each line, or all on one.
static LISTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?m)^dependencies\s*=\s*\[(?P<items>(?:[^\]\["'#]|"[^"\n]*"|'[^'\n]*'|#[^\n]*)*)\]"#).ok()
});

/// Whether a manifest names a distribution at the beginning of something: `-`, `_` and `.` mean the same.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let (text, name) = (normal(text), normal(name));
    if name.is_empty() {
        return false;
    }
    // `# via name` says who else asks for something.
    let in_comment = |start: usize| {
        let line = text[..start].rsplit('\n').next().unwrap_or_default();
        line.trim_start().starts_with('#') || line.contains(" #")
    };
    text.match_indices(&name).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + name.len()..].chars().next();
        let part_of_word =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-' || c == '/');
        !part_of_word(before) && !part_of_word(after) && !in_comment(start)
    })
}

fn normal(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Whether a line can be added to this manifest.
pub(super) fn takes_lines(path: &str, text: &str) -> bool {
    if path.ends_with("pyproject.toml") {
        return with_line(text, "x").is_some();
    }
    // A file with hashes wants them of every line.
    !text.is_empty() && path.ends_with(".txt") && !text.contains("--hash=")
}

/// A `pyproject.toml` with one requirement more; none when it is not written as is usual.
pub(super) fn with_line(text: &str, line: &str) -> Option<String> {
    if text.contains('\u{fffd}') {
        // It was not UTF-8, so what was read is not what it holds.
        return None;
    }
    let project = section(text, "[project]").and_then(|(start, end)| {
        let found = LISTED.as_ref()?.captures(&text[start..end])?;
        let items = found.name("items")?;
        Some((start + items.start(), start + items.end()))
    });
    match project {
        Some((start, end)) => Some(in_list(text, start, end, line)),
        None => in_poetry(text, line),
    }
}

/// A manifest in which `by` stands for the requirement of that name, its version included; none when it does
/// not state it, or states a hash or marker with it that would no longer hold.
pub(super) fn with_replaced(text: &str, name: &str, by: &str) -> Option<String> {
    let found = place_of(text, name).filter(|_| !text.contains('\u{fffd}'))?;
    // A name that stays is written as it was.
    let same = by.get(..name.len()).filter(|start| normal(start) == normal(name));
    let written = same.and_then(|_| text[found.clone()].get(..name.len())).unwrap_or_default();
    let by = &by[written.len()..];
    Some(format!("{}{written}{by}{}", &text[..found.start], &text[found.end..]))
}

/// The requirement of that name, as a manifest states it.
pub(super) fn stated<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    place_of(text, name).map(|found| &text[found])
}

/// Where a manifest states a requirement: at the beginning of a line, or in quotes.
fn place_of(text: &str, name: &str) -> Option<Range<usize>> {
    if name.is_empty() {
        return None;
    }
    let name: String = name.split(['-', '_', '.']).map(regex::escape).collect::<Vec<_>>().join("[-_.]");
    let version = r#"(?:[=<>!~]=?=?)[^\s"';#,]+"#;
    let pattern = format!(
        r#"(?mi)^(?:[ \t]*|.*?["'])(?P<all>{name}(?:\[[^\]\n]*\])?[ \t]*(?:{version}(?:[ \t]*,[ \t]*{version})*)?)[ \t]*(?:["'#\r].*)?$"#
    );
    Some(Regex::new(&pattern).ok()?.captures(text)?.name("all")?.range())
}

/// Where a section's lines begin and end.
fn section(text: &str, header: &str) -> Option<(usize, usize)> {
    let mut offset = 0;
    let mut start = None;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        match start {
            None if trimmed == header => start = Some(offset + line.len()),
            Some(start) if trimmed.starts_with('[') && !line.starts_with([' ', '\t', ']']) => {
                return Some((start, offset));
            }
            None | Some(_) => {}
        }
        offset += line.len();
    }
    start.map(|start| (start, text.len()))
}

/// The text with one item more at the end of the list whose items stand at `start..end`.
fn in_list(text: &str, start: usize, end: usize, line: &str) -> String {
    let items = &text[start..end];
    let written = items.trim_end();
    let comma = if written.is_empty() || written.ends_with(',') || written.ends_with('[') { "" } else { "," };
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let added = match items.lines().find(|line| !line.trim().is_empty()) {
        Some(first) if items.contains('\n') => {
            let indent: String = first.chars().take_while(|c| c.is_whitespace()).collect();
            let indent = if indent.is_empty() { "    ".to_owned() } else { indent };
            // A comment at the end must not swallow the comma.
            let last = written.rsplit('\n').next().unwrap_or_default();
            if last.contains('#') && comma == "," {
                format!("{newline}{indent}, \"{line}\",")
            } else {
                format!("{comma}{newline}{indent}\"{line}\",")
            }
        }
        Some(_) => format!("{comma} \"{line}\""),
        None => format!("\"{line}\""),
    };
    let rest = &items[written.len()..];
    format!("{}{written}{added}{rest}{}", &text[..start], &text[end..])
}

fn in_poetry(text: &str, line: &str) -> Option<String> {
    let (start, end) = section(text, "[tool.poetry.dependencies]")?;
    let name_end = line.find(['=', '<', '>', '!', '~', '[', ' ']).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    let version = if rest.trim().is_empty() { "*" } else { rest.trim() };
    let written = text[start..end].trim_end().len() + start;
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    Some(format!("{}{newline}{name} = \"{version}\"{}", &text[..written], &text[written..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_requirements_gets_one_line_more() {
        let many = "[project]\nname = \"a\"\ndependencies = [\n  \"flask[async]>=2\", # web\n  \"x\",\n]\n[tool.y]\n";
        let expected = "[project]\nname = \"a\"\ndependencies = [\n  \"flask[async]>=2\", # web\n  \"x\",\n  \"PyYAML\",\n]\n[tool.y]\n";
        assert_eq!(with_line(many, "PyYAML").as_deref(), Some(expected));
        let one = "[project]\ndependencies = [\"flask\"]\n";
        let expected = "[project]\ndependencies = [\"flask\", \"PyYAML\"]\n";
        assert_eq!(with_line(one, "PyYAML").as_deref(), Some(expected));
        let none = "[project]\ndependencies = []\n";
        assert_eq!(with_line(none, "a").as_deref(), Some("[project]\ndependencies = [\"a\"]\n"));
    }

    #[test]
    fn line_ends_stay_as_they_are() {
        let text = "[project]\r\ndependencies = [\r\n  \"a\"\r\n]\r\n";
        let expected = "[project]\r\ndependencies = [\r\n  \"a\",\r\n  \"b\",\r\n]\r\n";
        assert_eq!(with_line(text, "b").as_deref(), Some(expected));
    }

    #[test]
    fn poetry_has_a_table() {
        let text = "[tool.poetry.dependencies]\npython = \"^3.9\"\n\n[tool.poetry.dev-dependencies]\n";
        let expected = "[tool.poetry.dependencies]\npython = \"^3.9\"\nPyYAML = \"*\"\n\n[tool.poetry.dev-dependencies]\n";
        assert_eq!(with_line(text, "PyYAML").as_deref(), Some(expected));
    }

    #[test]
    fn a_requirement_is_replaced_where_it_stands() {
        let text = "# web\nFlask==2.9.7  # old\nflask-cors==1.0\n";
        let expected = "# web\nFlask<=2.9.7  # old\nflask-cors==1.0\n";
        assert_eq!(with_replaced(text, "flask", "Flask<=2.9.7").as_deref(), Some(expected));
        let list = "dependencies = [\"a\", \"flask_cors >=1,<2\"]\n";
        let expected = "dependencies = [\"a\", \"x\"]\n";
        assert_eq!(with_replaced(list, "flask-cors", "x").as_deref(), Some(expected));
        assert_eq!(with_replaced("flask==1 --hash=sha256:0\n", "flask", "x"), None);
        assert_eq!(with_replaced("myflask==1\nflask-cors\n", "flask", "x"), None);
    }

    #[test]
    fn what_is_not_stated_here_is_left_alone() {
        assert_eq!(with_line("[build-system]\nrequires = [\"x\"]\n", "a"), None);
        assert_eq!(with_line("[project]\ndynamic = [\"dependencies\"]\n", "a"), None);
    }

    #[test]
    fn a_name_is_a_whole_word_in_any_spelling() {
        assert!(mentions("Flask_Login>=0.5\n", "flask-login") && mentions("\"PyYAML\",", "pyyaml"));
        assert!(!mentions("click==8\n    # via\n    #   flask\nx # via flask", "flask"));
        assert!(!mentions("flask-login", "flask") && !mentions("myflask", "flask"));
    }
}
