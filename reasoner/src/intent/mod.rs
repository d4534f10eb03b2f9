//! Understanding a goal's sentence without a model.
//!
//! The sentence is cut into words with their places (`words`); a lexicon made from the data files
//! and the playbooks' vocabulary claims phrases of it, longest first (`lexicon`, `scan`); nouns
//! in the right surroundings become things to keep (`resources`, `fields`); every content word
//! that nobody claimed is listed as not covered. Nothing is guessed silently: what was taken for
//! what is in the intent. The words themselves live in `data/*.toml`.

mod assemble;
mod claims;
mod existing;
mod fields;
mod lexicon;
mod names;
mod repair;
mod resources;
mod scan;
mod tables;
mod understand;
mod vocabulary;
mod words;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod sentences;

pub use understand::understand;
pub use vocabulary::Vocabulary;
