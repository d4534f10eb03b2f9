//! What holds for every text.

use std::collections::HashSet;

use codegod_protocol::intent::ProjectType;
use proptest::prelude::*;

use super::tables::tables;
use super::words::cut;
use super::{Vocabulary, understand};

/// Texts of every kind: any characters, and words that the recognisers react to, in any order.
fn texts() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "Build",
        "a",
        "Flask",
        "Django",
        "React",
        "app",
        "with",
        "without",
        "no",
        "todos",
        "books",
        "and",
        "authors",
        ",",
        ".",
        "(",
        ")",
        "title",
        "due date",
        "each with",
        "sign-in",
        "Docker",
        "dark mode",
        "Stripe",
        "track",
        "inventory",
        "tracker",
        "called",
        "Foo",
        "class",
        "types",
        "PostgreSQL",
        "SQLite",
        "über",
        "日本",
        "c++",
        "for",
        "blog",
        "news",
        "series",
        "sheep",
        "users",
        "\n",
        "not",
        "of",
        "list of",
        "Flask not found",
        "add",
        "metadata",
        "queries",
        "sessions",
        "'",
        "don't",
        "C#",
        "123s",
        "a_b",
        "İ",
    ]);
    prop_oneof![any::<String>(), prop::collection::vec(words, 0..30).prop_map(|words| words.join(" "))]
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|mark: char| mark.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_text_is_understood_or_listed(text in texts(), has_workspace: bool) {
        let vocabulary = Vocabulary::builtin_for_tests();
        let intent = understand(&text, has_workspace, &vocabulary);
        prop_assert_eq!(&intent, &understand(&text, has_workspace, &vocabulary));
        for phrase in &intent.not_covered {
            prop_assert!(text.contains(phrase.as_str()), "{phrase:?} was not written");
        }
        let mut names = HashSet::new();
        for resource in &intent.resources {
            for name in [&resource.name, &resource.plural] {
                prop_assert!(is_identifier(name) && name.len() <= 60, "{name:?} is no identifier");
                prop_assert!(!tables().reserved.words.contains(name), "{name:?} is reserved");
                prop_assert!(names.insert(name.clone()), "{name:?} twice");
            }
            let fields: HashSet<_> = resource.fields.iter().map(|field| &field.name).collect();
            prop_assert_eq!(fields.len(), resource.fields.len());
            prop_assert!((1..=20).contains(&fields.len()));
            prop_assert!(resource.fields.iter().all(|field| is_identifier(&field.name) && field.name != "id"));
            prop_assert!(resource.fields[0].required);
        }
        prop_assert!(intent.resources.len() <= 12);
        prop_assert!(intent.name.len() <= 40 && is_identifier(&intent.name.replace('-', "_")), "{:?}", intent.name);
        // A report of a failure is one phrase of any words, and what is said of a folder's project is told in
        // many; elsewhere each word counts.
        if intent.symptom.is_none() && intent.project != ProjectType::Existing {
            let accounted: HashSet<String> = intent.understood.iter().map(|one| &one.phrase).chain(&intent.not_covered)
                .flat_map(|phrase| cut(phrase)).map(|word| word.lower).collect();
            let stop: HashSet<String> = tables().words.words.iter().chain(&tables().words.keeping).chain(&tables().words.negations)
                .flat_map(|phrase| cut(phrase)).map(|word| word.lower).collect();
            for word in cut(&text) {
                prop_assert!(accounted.contains(&word.lower) || stop.contains(&word.lower), "{:?} is lost", word.lower);
            }
        }
    }
}

#[test]
fn long_texts_take_little_time() {
    let vocabulary = Vocabulary::builtin_for_tests();
    for piece in [
        "books and ",
        "x",
        "without ",
        "of ",
        "(",
        "a, ",
        "track ",
        "title ",
        "each with a name and ",
        "Stripe ",
    ] {
        let text = piece.repeat(65_536 / piece.len());
        let start = std::time::Instant::now();
        let _ = understand(&text, false, &vocabulary);
        assert!(start.elapsed().as_secs() < 5, "{piece:?} took {:?}", start.elapsed());
    }
}
