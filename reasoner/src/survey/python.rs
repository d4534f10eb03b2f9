//! Python parts of a project.

use codegod_protocol::setup::PartPicture;

use super::Tree;

/// The Python parts, the one nearest to the top first.
pub(super) fn parts(_tree: &Tree, _remarks: &mut Vec<String>) -> Vec<PartPicture> {
    Vec::new()
}
