//! Core knowledge: what an agent of a role always knows, and what a wipe leaves.

use codegod_protocol::id::Role;
use codegod_protocol::memory::Memory;

/// The memory of an agent that has seen nothing yet.
pub(super) fn fresh(role: Role) -> Memory {
    let common = [
        "A task goes from a source commit and an environment to a new commit and environment; nothing else counts.",
        "What a command needs installed is a step of the environment's recipe, so that it is built once.",
        "Nothing is done until a check that could have failed has passed.",
    ];
    let own: &[&str] = match role {
        Role::Backend => &[
            "The environment's Python is /env/venv; requirements files say what it holds.",
            "A module and the distribution that brings it may have different names (yaml is PyYAML).",
        ],
        Role::Frontend => &[
            "node_modules lie beside their package.json, in the environment; the lock file is committed.",
            "An entry point must name a file that is really there.",
        ],
        Role::Devops => &[
            "Images are built from the published commit, never from a working copy.",
            "An app counts as running when it answers, not when its container does.",
        ],
        Role::Testing => &[
            "Tests count by their machine-readable report, not by their exit code alone.",
            "A test run without tests is no success.",
        ],
    };
    let core_knowledge = common.iter().chain(own).map(|line| (*line).to_owned()).collect();
    Memory { core_knowledge, ..Memory::default() }
}
