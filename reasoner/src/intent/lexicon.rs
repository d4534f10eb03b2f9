//! Phrases and what they mean, found at a place of the sentence, the longest first.

use std::collections::HashMap;

use codegod_protocol::intent::FeatureKind;

use super::tables::tables;
use super::vocabulary::Vocabulary;
use super::words::{Gap, Word, cut};
use crate::playbook::schema::Side;

/// What a phrase of the lexicon means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A technology: its place in the vocabulary.
    Stack(usize),
    /// A database by name.
    Database(&'static str),
    /// A feature.
    Feature(FeatureKind),
    /// A side of an app.
    Side(SideWord),
    /// A word that means a technology when nothing more exact is said.
    Hint(usize),
    /// A subject that implies what is kept (`blog`).
    Implied(&'static [String]),
    /// A known demand that nothing here meets.
    Uncovered,
    /// Turns round what follows.
    Negation,
    /// Asks for nothing.
    Stop,
}

/// Which side of an app a word speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SideWord {
    Backend,
    Frontend,
    Both,
    App,
}

/// The phrases, by their first word.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    phrases: HashMap<String, Vec<(Vec<String>, Meaning)>>,
}

impl Lexicon {
    /// The lexicon of the data files and a vocabulary. Of two meanings of one phrase the first
    /// added counts, so what is exact comes before what is vague.
    pub(super) fn new(vocabulary: &Vocabulary) -> Self {
        let tables = tables();
        let mut lexicon = Self::default();
        for row in &tables.features.database {
            lexicon.add(&row.words, &Meaning::Database(&row.name));
        }
        for (place, entry) in vocabulary.stacks.iter().enumerate() {
            lexicon.add(&entry.words, &Meaning::Stack(place));
        }
        for row in &tables.features.feature {
            lexicon.add(&row.words, &Meaning::Feature(row.kind));
        }
        for (phrase, kept) in &tables.nouns.implied {
            lexicon.add([phrase], &Meaning::Implied(kept));
        }
        lexicon.add(&tables.words.negations, &Meaning::Negation);
        lexicon.add(&tables.uncovered.phrases, &Meaning::Uncovered);
        lexicon.add(&tables.sides.backend, &Meaning::Side(SideWord::Backend));
        lexicon.add(&tables.sides.frontend, &Meaning::Side(SideWord::Frontend));
        lexicon.add(&tables.sides.both, &Meaning::Side(SideWord::Both));
        lexicon.add(&tables.sides.app, &Meaning::Side(SideWord::App));
        for (place, entry) in vocabulary.stacks.iter().enumerate() {
            lexicon.add(&entry.default_for, &Meaning::Hint(place));
        }
        lexicon.add(&tables.words.words, &Meaning::Stop);
        lexicon.add(&tables.words.keeping, &Meaning::Stop);
        for phrases in lexicon.phrases.values_mut() {
            phrases.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
        }
        lexicon
    }

    fn add<'a>(&mut self, phrases: impl IntoIterator<Item = &'a String>, meaning: &Meaning) {
        for phrase in phrases {
            let words: Vec<String> = cut(phrase).into_iter().map(|word| word.lower).collect();
            let Some(first) = words.first() else { continue };
            let known = self.phrases.entry(first.clone()).or_default();
            if !known.iter().any(|(other, _)| *other == words) {
                known.push((words, meaning.clone()));
            }
        }
    }

    /// The longest phrase that starts at word `at`: how many words, and its meaning.
    pub(super) fn find(&self, words: &[Word], at: usize) -> Option<(usize, Meaning)> {
        let phrases = self.phrases.get(&words.get(at)?.lower)?;
        phrases
            .iter()
            .find(|(phrase, _)| stands_at(phrase, words, at))
            .map(|(phrase, meaning)| (phrase.len(), meaning.clone()))
    }
}

/// Whether `phrase` stands at word `at`, uninterrupted (`CI/CD` may be written with a slash).
fn stands_at(phrase: &[String], words: &[Word], at: usize) -> bool {
    words.get(at..at + phrase.len()).is_some_and(|place| {
        place.iter().zip(phrase).enumerate().all(|(index, (word, wanted))| {
            let together =
                index == 0 || word.gap == Gap::Joined || (word.gap == Gap::Item && phrase[0] == "ci");
            together && word.lower == *wanted
        })
    })
}

/// The side an entry of the vocabulary belongs to, as a word for people.
pub(super) fn side_label(side: Side) -> &'static str {
    match side {
        Side::Backend => "backend framework",
        Side::Frontend => "frontend framework",
        Side::Database => "database",
    }
}
