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
