//! The survey of an existing project: its files → a picture of its parts, each with its first setup.
//! Nothing is run and nothing is guessed that a file says: what the project's own workflows, `tox.ini`,
//! Makefile and Dockerfile do comes before any convention.

mod ini;
mod node;
mod outline;
mod python;
mod servers;
mod shell;
mod tree;

use codegod_protocol::setup::Picture;

pub(crate) use tree::is_example_of_settings;
pub use tree::{Entry, EntryKind, Tree};

/// Looks at a project. A project in which nothing is known gives a picture without parts.
#[must_use]
pub fn survey(tree: &Tree) -> Picture {
    let mut picture = Picture { parts: Vec::new(), remarks: tree.remarks() };
    picture.parts.extend(python::parts(tree, &mut picture.remarks));
    picture.parts.extend(node::parts(tree, &mut picture.remarks));
    picture
}
