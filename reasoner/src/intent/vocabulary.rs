//! What the loaded playbooks know by name.

use crate::playbook::schema::StackEntry;

/// What the loaded playbooks know by name; built by the playbook loader.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// The technologies that playbooks bring, in the order of the playbooks' names.
    pub stacks: Vec<StackEntry>,
    /// The failures that playbooks mend: playbook and pattern.
    pub symptoms: Vec<(String, regex::Regex)>,
}

#[cfg(test)]
impl Vocabulary {
    /// The words of the usual playbooks, so that tests of sentences do not depend on which are there.
    pub(crate) fn builtin_for_tests() -> Self {
        use crate::playbook::schema::Side;
        let entry = |side, name: &str, words: &[&str], default_for: &[&str], label: &str| StackEntry {
            side,
            name: name.into(),
            words: words.iter().map(ToString::to_string).collect(),
            default_for: default_for.iter().map(ToString::to_string).collect(),
            label: label.into(),
        };
        let symptom = r"(?i)no module named '?\w+|\b(flask|fastapi|django)\b (is )?not (found|installed)";
        let entry_point = r"(?i)entry point .*(missing|not found)|could not resolve entry";
        let compile = |name: &str, pattern: &str| (name.to_owned(), regex::Regex::new(pattern).unwrap());
        Self {
            stacks: vec![
                entry(Side::Backend, "django", &["django"], &["orm"], "Django"),
                entry(
                    Side::Backend,
                    "fastapi",
                    &["fastapi", "fast api"],
                    &["async", "asgi", "openapi", "swagger", "pydantic"],
                    "FastAPI",
                ),
                entry(
                    Side::Backend,
                    "flask",
                    &["flask"],
                    &["python", "api", "backend", "server", "rest", "wsgi"],
                    "Flask",
                ),
                entry(
                    Side::Frontend,
                    "react",
                    &["react", "reactjs", "react.js", "jsx"],
                    &["javascript", "frontend", "spa", "browser"],
                    "React",
                ),
                entry(Side::Frontend, "vue", &["vue", "vuejs", "vue.js", "vue 3"], &[], "Vue"),
            ],
            symptoms: vec![
                compile("python-module-not-found", symptom),
                compile("frontend-entry-point", entry_point),
            ],
        }
    }
}
