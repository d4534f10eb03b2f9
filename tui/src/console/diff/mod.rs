//! What a commit changed: the text of `git diff`, read into files and rows, and the pane that shows it.

mod draw;
mod pane;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use {pane::DiffPane, read::Diff};
