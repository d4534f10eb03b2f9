//! INI files as Python's `configparser` reads them: sections, `key = value`, and values over several lines.

use std::collections::BTreeMap;

/// Sections by name, each with its values by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ini(BTreeMap<String, BTreeMap<String, String>>);

impl Ini {
    /// Reads a file; what is no entry is passed over.
    pub(super) fn read(text: &str) -> Self {
        let mut ini = Self::default();
        let (mut section, mut key) = (String::new(), None::<String>);
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with([' ', '\t'])
                && let Some(value) = key.as_ref().and_then(|key| ini.0.get_mut(&section)?.get_mut(key))
            {
                value.push('\n');
                value.push_str(without_comment(content));
                continue;
            }
            key = None;
            if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.trim().clone_into(&mut section);
                ini.0.entry(section.clone()).or_default();
            } else if let Some((name, value)) = content.split_once(['=', ':']) {
                let name = name.trim().to_lowercase();
                let value = without_comment(value.trim()).to_owned();
                ini.0.entry(section.clone()).or_default().insert(name.clone(), value);
                key = Some(name);
            }
        }
        ini
    }

    /// The values of a section.
    pub(super) fn section(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.0.get(name)
    }

    /// One value.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.section(section)?.get(key).map(String::as_str)
    }

    /// All sections.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, String>)> {
        self.0.iter().map(|(name, values)| (name.as_str(), values))
    }
}

fn without_comment(value: &str) -> &str {
    value.split_once(" #").map_or(value, |(value, _)| value.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_on_over_indented_lines() {
        let ini =
            Ini::read("[testenv]\ndeps =\n  pytest # the runner\n  -r a.txt\ncommands: pytest\n[empty]\n");
        assert_eq!(ini.get("testenv", "deps"), Some("\npytest\n-r a.txt"));
        assert_eq!(ini.get("testenv", "commands"), Some("pytest"));
        assert!(ini.section("empty").is_some_and(BTreeMap::is_empty));
    }
}
