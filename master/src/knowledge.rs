//! `codegod-master playbooks`: what the master knows without a model, for `codegod doctor`.

use codegod_reasoner::playbook::Library;
use serde_json::json;

/// The names of all playbooks and what is wrong with those that are skipped, as one line of JSON.
pub(crate) fn told() -> String {
    let library = Library::standard();
    let names: Vec<&str> = library.playbooks().map(|playbook| playbook.manifest.name.as_str()).collect();
    let problems: Vec<String> = library.problems.iter().map(ToString::to_string).collect();
    json!({ "playbooks": names, "problems": problems }).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_built_in_playbooks_are_told() {
        let told: serde_json::Value = serde_json::from_str(&super::told()).expect("JSON");
        let names = told["playbooks"].as_array().expect("names");
        assert!(names.iter().any(|name| name == "flask"), "{told}");
    }
}
