//! What templates see: the names listed in `playbooks/README.md`.

use std::collections::BTreeMap;

use codegod_protocol::goal::Goal;
use codegod_protocol::intent::{FeatureKind, Intent};
use minijinja::value::Serde;
use minijinja::{Value, context};

use super::filters::words;

/// Every name that a template may use.
pub(super) const NAMES: [&str; 13] = [
    "intent",
    "app",
    "goal",
    "backend",
    "frontend",
    "database",
    "resources",
    "auth",
    "contact",
    "docker",
    "ci",
    "symptom",
    "resource",
];

/// The context for templates of a goal that was understood as `intent`; `symptom`: the named groups of the
/// playbook's symptom (empty for a playbook without one).
#[must_use]
pub fn context(goal: &Goal, intent: &Intent, symptom: &BTreeMap<String, Option<String>>) -> Value {
    let stack = &intent.stack;
    context! {
        intent => Value::from(Serde(intent)),
        app => context! {
            name => intent.name.as_str(),
            title => intent.title.as_str(),
            slug => slug(&intent.name),
        },
        goal => context! { id => goal.id.as_str(), text => on_one_line(&goal.text) },
        backend => stack.backend.clone(),
        frontend => stack.frontend.clone(),
        database => stack.database.clone(),
        resources => Value::from(Serde(&intent.resources)),
        auth => intent.has(FeatureKind::SignIn),
        contact => intent.has(FeatureKind::ContactForm),
        docker => intent.has(FeatureKind::Docker),
        ci => intent.has(FeatureKind::Ci),
        symptom => Value::from(Serde(symptom)),
    }
}

/// The app's name as an identifier of Python and JavaScript.
fn slug(name: &str) -> String {
    let slug = words(name).join("_");
    if slug.starts_with(|c: char| c.is_ascii_digit()) { format!("app_{slug}") } else { slug }
}

/// The sentence lands in comments and headings: no control character may end those early.
fn on_one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_stays_on_one_line() {
        assert_eq!(on_one_line("Build\n  a\tFlask\u{7} app "), "Build a Flask app");
    }

    #[test]
    fn a_slug_is_an_identifier() {
        assert_eq!(slug("recipe-keeper"), "recipe_keeper");
        assert_eq!(slug("2do"), "app_2do");
    }
}
