//! Sentences and what they are taken for. The outcome of each is in the snapshot beside this folder's
//! files: a change of the words that changes the meaning of a sentence shows there.

use std::fmt::Write as _;

use codegod_protocol::intent::{FieldKind, Intent, ProjectType};

use super::{Vocabulary, understand};

/// The sentences of the project's own bars come first.
const SENTENCES: &[&str] = &[
    "Build a Flask + React app",
    "Create a FastAPI backend for books and authors with PostgreSQL",
    "Vue frontend with a contact form",
    "Django + React app with todos and sign-in",
    "Build a Flask API",
    "a small web service in Python that keeps recipes and ingredients, with a React page to browse them",
    "Flask not found",
    "Build a Flask app with Stripe payments and dark mode",
    "Write me a Kubernetes operator in Go",
    "make it blazing fast",
    "Build an app to track expenses",
    "inventory of products and suppliers",
    "Create an app with an inventory of products and suppliers",
    "Build a blog with Django",
    "Build a todo app",
    "Build a Flask app without Docker",
    "React app with todos, no CI",
    "Flask API for books (title, isbn, year)",
    "Flask API for todos with a title and due date",
    "FastAPI backend for products and suppliers, each with a name and price",
    "Build a Flask app without Docker or CI",
    "Flask and Django app with notes",
    "React and Vue frontend for notes",
    "An expense tracker in Flask",
    "Build me an online shop",
    "Build a web app with user accounts for movies and reviews",
    "Please create a simple REST API in Python to store customers and invoices",
    "Create an async Python API for events and venues",
    "Build a website with a contact form",
    "React app with login",
    "Build a Flask app called Recipe Keeper that keeps recipes",
    "Build a Flask app with a list of classes",
    "Flask app for queries and sessions",
    "Flask app without sign-in",
    "Flask app with no database",
    "Flask app with MongoDB",
    "Flask backend with MySQL and Redis",
    "A React page that lists movies",
    "Full-stack app for students, courses and grades with login and PostgreSQL",
    "Build a Flask app with todos and ads",
    "Flask app without ads",
    "Flask + React app for shopping lists and items",
    "Employee management system with Django and Vue",
    "Build a FastAPI service for widgets",
    "Flask API to manage patients and appointments using Postgres, with GitHub Actions",
    "Create a Flask app, but don't use Docker",
    "Build a recipe manager",
    "Build a game with Unity",
    "Erstelle eine Webseite mit Kontaktformular",
    "please",
    "Build an app",
    "Build an API with authentication",
    "Python web service with SQLite",
    "Flask app for tasks, projects and clients",
    "Flask app with real-time chat and websockets",
    "Build a mobile app with todos",
    "Flask app for books with title, author and year",
    "Create a Vue app for notes that have a title and body",
    "Build a Flask API for users",
    "Django app with Kubernetes",
    "React frontend for todos with TypeScript",
    "FastAPI with OAuth",
    "Flask app for the inventory of my warehouse",
    "A library app for books, authors and genres with sign-in, a contact form and PostgreSQL",
    "Flask app for photos",
    "Build a Flask app for sheep and news",
    "Build a Flask app that sends emails to customers",
    "Flask app not Django",
    "Flask app with React instead of Vue",
    "CRUD API for cars",
    "I want to keep track of my plants",
    "Build a habit tracker with React and FastAPI",
    "Build a Flask app with weather forecasts",
    "Build a company website",
    "",
    "Flask app for books\u{7} and \u{1b}[31mauthors",
    "¯\\_(ツ)_/¯",
    "Flask API for products (name, price, photo)",
    "Build a Flask app to manage metadata and types",
    "Flask app with todos\nand dark mode",
    "Build a Flask app with PostgreSQL and SQLite",
];

#[test]
fn sentences_mean_what_they_say() {
    let vocabulary = Vocabulary::builtin_for_tests();
    let mut table = String::new();
    for text in SENTENCES {
        let _ = writeln!(table, "{text:?}\n{}\n", outcome(&understand(text, false, &vocabulary)));
    }
    insta::assert_snapshot!("sentences", table);
}

fn outcome(intent: &Intent) -> String {
    let stack = [&intent.stack.backend, &intent.stack.frontend, &intent.stack.database]
        .map(|one| one.as_deref().unwrap_or("-"));
    let resource = |one: &codegod_protocol::intent::Resource| {
        let fields: Vec<&str> = one.fields.iter().map(|field| field.name.as_str()).collect();
        format!("{}({})", one.name, fields.join(" "))
    };
    let resources: Vec<String> = intent.resources.iter().map(resource).collect();
    let features: Vec<String> = intent.features.iter().map(|one| format!("{:?}", one.kind)).collect();
    format!(
        "  {:?} {} {:?}\n  keeps {}\n  features {}; constraints {:?}\n  not covered {:?}",
        intent.project,
        stack.join("/"),
        intent.name,
        resources.join(", "),
        features.join(" "),
        intent.constraints,
        intent.not_covered
    )
}

fn read(text: &str) -> Intent {
    understand(text, false, &Vocabulary::builtin_for_tests())
}

#[test]
fn what_was_understood_is_told_in_order_of_the_sentence() {
    let intent = read("Django + React app with todos and sign-in");
    let told: Vec<(&str, &str)> =
        intent.understood.iter().map(|one| (one.phrase.as_str(), one.meaning.as_str())).collect();
    let expected = [
        ("Django", "backend framework: django"),
        ("React", "frontend framework: react"),
        ("app", "project: an app"),
        ("todos", "keeps: todos"),
        ("sign-in", "feature: accounts and sign-in"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_second_framework_is_not_covered_and_the_reason_is_told() {
    let intent = read("Flask and Django app with notes");
    assert_eq!(intent.not_covered, ["Django"]);
    assert!(
        intent
            .understood
            .iter()
            .any(|one| one.phrase == "Django" && one.meaning.contains("Flask was named first"))
    );
}

#[test]
fn in_a_folder_only_known_failures_are_understood() {
    let vocabulary = Vocabulary::builtin_for_tests();
    let failure = understand("Flask not found", true, &vocabulary);
    assert_eq!((failure.project, failure.symptom.as_deref()), (ProjectType::Repair, Some("Flask not found")));
    let other = understand("Build a Flask app with todos", true, &vocabulary);
    assert_eq!(
        (other.project, other.not_covered),
        (ProjectType::Unknown, vec!["Flask app".to_owned(), "todos".to_owned()])
    );
}

#[test]
fn a_demand_after_a_reported_failure_is_not_lost() {
    let intent =
        read("Traceback (most recent call last):\nNo module named 'flask'\nplease fix it and add dark mode");
    assert_eq!(intent.project, ProjectType::Repair);
    assert_eq!(intent.not_covered, ["dark mode"]);
}

#[test]
fn references_and_kinds_follow_from_the_nouns() {
    let intent = read("FastAPI backend for books and authors");
    let author = intent.resources[0]
        .fields
        .iter()
        .find(|field| field.name == "author_id")
        .expect("books have an author");
    assert_eq!((author.kind, author.references.as_deref()), (FieldKind::Reference, Some("author")));
    let intent = read("Flask API for todos with a title and due date");
    let kinds: Vec<FieldKind> = intent.resources[0].fields.iter().map(|field| field.kind).collect();
    assert_eq!(kinds, [FieldKind::Text, FieldKind::Date]);
}

#[test]
fn the_thirteenth_thing_to_keep_is_not_covered() {
    let things: Vec<String> = ('a'..='m').map(|letter| format!("widget{letter}s")).collect();
    let intent = read(&format!("Flask API for {}", things.join(", ")));
    assert_eq!((intent.resources.len(), intent.not_covered), (12, vec!["widgetms".to_owned()]));
}

#[test]
fn every_row_of_nouns_is_a_valid_field_and_every_key_a_safe_name() {
    for (noun, rows) in &super::tables::tables().nouns.nouns {
        let words: Vec<String> = noun.split('_').map(str::to_owned).collect();
        assert_eq!(
            super::names::resource_name(&words).as_ref(),
            Some(noun),
            "{noun} is reserved or no singular"
        );
        let kept = super::resources::Kept { name: noun.clone(), fields: Vec::new() };
        let plain = rows.iter().filter(|row| !row.starts_with('@')).count();
        assert_eq!(super::fields::resource(&kept, &[]).fields.len(), plain, "a row of {noun} is malformed");
    }
}
