//! Poetry's and Pipenv's tables of dependencies as requirement lines.

use toml::{Table, Value};

/// The lines of a table of dependencies; those on files, folders and optional ones are left out.
pub(super) fn lines(table: &Table) -> Vec<String> {
    table
        .iter()
        .filter(|(name, _)| name.as_str() != "python")
        .flat_map(|(name, value)| dependency(name, value))
        .collect()
}

fn dependency(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::String(version) => {
            constraint(version).map(|version| format!("{name}{version}")).into_iter().collect()
        }
        Value::Table(table) => detailed(name, table).into_iter().collect(),
        Value::Array(values) => values.iter().flat_map(|value| dependency(name, value)).collect(),
        _ => Vec::new(),
    }
}

fn detailed(name: &str, table: &Table) -> Option<String> {
    let text = |key: &str| table.get(key).and_then(Value::as_str);
    if table.get("optional").and_then(Value::as_bool) == Some(true)
        || text("path").or(text("file")).or(text("url")).is_some()
    {
        return None;
    }
    let extras = table.get("extras").map(super::manifest::strings).unwrap_or_default();
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let markers = [text("markers").map(str::to_owned), text("python").and_then(python_marker)];
    let markers: Vec<String> = markers.into_iter().flatten().map(|marker| format!("({marker})")).collect();
    let markers = if markers.is_empty() { String::new() } else { format!("; {}", markers.join(" and ")) };
    if let Some(git) = text("git") {
        let at = text("rev")
            .or(text("tag"))
            .or(text("branch"))
            .or(text("ref"))
            .map_or(String::new(), |at| format!("@{at}"));
        return Some(format!("{name}{extras} @ git+{git}{at} {markers}").trim_end().to_owned());
    }
    let version = text("version").map_or(Some(String::new()), constraint)?;
    Some(format!("{name}{extras}{version}{markers}"))
}

fn python_marker(text: &str) -> Option<String> {
    let parts = constraint(text)?;
    let parts = parts.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
        let end = part.find(|char: char| char.is_ascii_digit()).unwrap_or(part.len());
        let (operator, version) = part.split_at(end);
        let short: Vec<&str> = version.split('.').take(2).collect();
        let operator = if version.split('.').count() > 2 && operator == "<" { "<=" } else { operator };
        format!("python_version {operator} '{}'", short.join("."))
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// A version constraint in the terms of PEP 440; none when it has alternatives, which PEP 440 has not.
pub(super) fn constraint(text: &str) -> Option<String> {
    if text.contains("||") || text.contains(" | ") {
        return None;
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "*");
    Some(parts.map(clause).collect::<Vec<_>>().join(","))
}

fn clause(part: &str) -> String {
    if let Some(version) = part.strip_prefix('^') {
        return between(version, |numbers| {
            numbers.iter().position(|number| *number > 0).unwrap_or(numbers.len() - 1)
        });
    }
    if let Some(version) = part.strip_prefix('~').filter(|version| !version.starts_with('=')) {
        return between(version, |numbers| usize::from(numbers.len() > 1));
    }
    if part.starts_with(|first: char| first.is_ascii_digit()) {
        format!("=={part}")
    } else {
        part.replace(' ', "")
    }
}

/// From a version to the next in which the part that `raised` names is higher.
fn between(version: &str, raised: impl Fn(&[u64]) -> usize) -> String {
    let version = version.trim();
    let numbers: Vec<u64> = version.split('.').map_while(|part| part.parse().ok()).take(4).collect();
    if numbers.is_empty() {
        return format!(">={version}");
    }
    let at = raised(&numbers).min(numbers.len() - 1);
    let mut upper: Vec<String> = numbers[..at].iter().map(u64::to_string).collect();
    upper.push(numbers[at].saturating_add(1).to_string());
    format!(">={version},<{}", upper.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_become_those_of_pep_440() {
        for (poetry, expected) in [
            ("^1.2.3", Some(">=1.2.3,<2")),
            ("^0.2.3", Some(">=0.2.3,<0.3")),
            ("^0.0.3", Some(">=0.0.3,<0.0.4")),
            ("~1.2", Some(">=1.2,<1.3")),
            ("~=1.2", Some("~=1.2")),
            ("1.2.*", Some("==1.2.*")),
            ("*", Some("")),
            (">=1, <2", Some(">=1,<2")),
            ("^1 || ^2", None),
        ] {
            assert_eq!(constraint(poetry).as_deref(), expected, "{poetry}");
        }
    }

    #[test]
    fn a_table_becomes_lines() {
        let table: Table = "python='^3.9'\na='^1.0'\nb={version='2', extras=['x'], python='<3.10'}\nc={path='../c'}\nd={git='https://h/d.git', tag='v1'}"
            .parse()
            .expect("a table");
        assert_eq!(
            lines(&table),
            ["a>=1.0,<2", "b[x]==2; (python_version < '3.10')", "d @ git+https://h/d.git@v1"]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_constraint_is_too_odd(text in "\\PC{0,30}") {
            constraint(&text);
            python_marker(&text);
        }
    }
}
