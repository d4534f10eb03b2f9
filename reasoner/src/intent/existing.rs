//! Goals about the project that lies in a folder: set it up, run its tests, say why it fails.

use std::ops::Range;
use std::sync::OnceLock;

use codegod_protocol::intent::{Intent, ProjectType, Stack};
use regex::Regex;

use super::claims::{Claims, State};
use super::lexicon::{Lexicon, Meaning};
use super::tables::{ExistingTable, tables};
use super::vocabulary::Vocabulary;
use super::words::Gap;

/// How plainly a sentence has to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wording {
    /// It asks for a set-up or for tests to be run.
    Outright,
    /// A complaint, or output of something that failed, is enough.
    Complaint,
}

/// The intent of a goal that asks for the project in its folder to be set up and tested. What it asks for
/// besides that ("… and add dark mode") is not covered.
pub(super) fn asked(text: &str, wording: Wording, vocabulary: &Vocabulary) -> Option<Intent> {
    let patterns = patterns();
    let asks = found(&patterns.asks, text);
    let complaints = match wording {
        Wording::Outright => Vec::new(),
        Wording::Complaint => found(&patterns.complaints, text),
    };
    let outputs = match wording {
        Wording::Outright => Vec::new(),
        Wording::Complaint => found(&patterns.outputs, text),
    };
    if asks.is_empty() && complaints.is_empty() && outputs.is_empty() {
        return None;
    }
    let reports = found(&patterns.outputs, text);
    let mut claims = Claims::new(text);
    claims.states.fill(State::Stop);
    for place in asks {
        take(&mut claims, &place, "set up this folder's project and run its tests");
    }
    leave_demands(&mut claims, vocabulary);
    for place in complaints.into_iter().chain(outputs) {
        take(
            &mut claims,
            &place,
            "a failure in this folder's project, to be found by setting it up and testing it",
        );
    }
    let (understood, not_covered) = claims.finish();
    Some(Intent {
        project: ProjectType::Existing,
        name: "project".into(),
        title: "Set up and test the project".into(),
        stack: Stack::default(),
        resources: Vec::new(),
        features: Vec::new(),
        constraints: Vec::new(),
        symptom: (!reports.is_empty()).then(|| text.to_owned()),
        understood,
        not_covered,
        picture: None,
    })
}

/// The patterns of `existing.toml`.
#[derive(Debug, Default)]
struct Patterns {
    asks: Vec<Regex>,
    complaints: Vec<Regex>,
    outputs: Vec<Regex>,
}

fn patterns() -> &'static Patterns {
    static PATTERNS: OnceLock<Patterns> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let table = &tables().existing;
        let all = |patterns: &[String]| {
            patterns.iter().filter_map(|pattern| compiled(table, pattern).ok()).collect::<Vec<_>>()
        };
        Patterns {
            asks: all(&table.patterns.asks),
            complaints: all(&table.patterns.complaints),
            outputs: all(&table.patterns.outputs),
        }
    })
}

/// One pattern as a regular expression; the test below keeps a broken one from shipping.
fn compiled(table: &ExistingTable, pattern: &str) -> Result<Regex, Box<regex::Error>> {
    let mut whole = pattern.to_owned();
    for (name, part) in &table.parts {
        whole = whole.replace(&format!("{{{name}}}"), part);
    }
    // Words begin and end at the pattern's ends; a pattern that begins or ends with a mark says so itself.
    let starts = if whole.starts_with(char::is_alphabetic) || whole.starts_with("(?:") { r"\b" } else { "" };
    let ends = if whole.ends_with(char::is_alphabetic) || whole.ends_with(')') { r"\b" } else { "" };
    let whole = format!("(?i){starts}(?:{}){ends}", whole.replace(' ', r"(?:[\s_,-]+)"));
    Regex::new(&whole).map_err(Box::new)
}

fn found(patterns: &[Regex], text: &str) -> Vec<Range<usize>> {
    patterns.iter().filter_map(|pattern| pattern.find(text)).map(|found| found.range()).collect()
}

/// Takes the words of a place that nobody took yet.
fn take(claims: &mut Claims<'_>, place: &Range<usize>, meaning: &str) {
    let from = claims.words.iter().position(|word| word.end > place.start);
    let to = claims.words.iter().rposition(|word| word.start < place.end);
    let (Some(from), Some(to)) = (from, to) else { return };
    let free = |state: &State| matches!(state, State::Stop);
    if from <= to && claims.states[from..=to].iter().all(free) {
        claims.take(from, to + 1, meaning);
    }
}

/// Leaves what a demand of another kind asks for, up to the end of its sentence.
fn leave_demands(claims: &mut Claims<'_>, vocabulary: &Vocabulary) {
    let lexicon = Lexicon::new(vocabulary);
    let table = &tables().existing.demands;
    let mut demanding = false;
    for at in 0..claims.words.len() {
        let word = &claims.words[at];
        if word.gap == Gap::Sentence {
            demanding = false;
        }
        if table.verbs.contains(&word.lower) || builds_anew(claims, at) {
            demanding = true;
        } else if demanding
            && claims.states[at] == State::Stop
            && !table.fine.contains(&word.lower)
            && !matches!(lexicon.find(&claims.words, at), Some((_, Meaning::Stop)))
        {
            claims.mark(at, at + 1, State::Left);
        }
    }
}

/// Whether word `at` begins "build a …": "the build" and "build it" are about what is there.
fn builds_anew(claims: &Claims<'_>, at: usize) -> bool {
    let word = |at: usize| claims.words.get(at).map(|word| word.lower.as_str());
    word(at) == Some("build") && matches!(word(at + 1), Some("a" | "an" | "me" | "new"))
}

#[cfg(test)]
mod tests {
    use super::super::understand;
    use super::*;

    fn project(text: &str, has_workspace: bool) -> (ProjectType, Vec<String>) {
        let intent = understand(text, has_workspace, &Vocabulary::builtin_for_tests());
        (intent.project, intent.not_covered)
    }

    #[test]
    fn every_pattern_is_a_regular_expression() {
        let table = &tables().existing;
        let lists = [&table.patterns.asks, &table.patterns.complaints, &table.patterns.outputs];
        for pattern in lists.into_iter().flatten() {
            assert_eq!(compiled(table, pattern).err().map(|error| error.to_string()), None, "{pattern}");
        }
    }

    #[test]
    fn a_folder_is_set_up_however_that_is_said() {
        for text in [
            "set up this project and run its tests",
            "Set up this project, and run its tests.",
            "setup",
            "Please set up the repo",
            "set this repository up and run the unit tests",
            "get this project's tests running",
            "Get the tests to run",
            "make the tests pass",
            "make all tests green",
            "make sure that the tests run",
            "run the tests",
            "Run pytest",
            "run this project's test suite and tell me what fails",
            "can you execute the unit tests?",
            "install the dependencies and test it",
            "install this Python package with its dependencies",
            "bootstrap this monorepo",
            "why does the build fail",
            "Why does the build fail?",
            "why are the tests failing",
            "why won't it start",
            "why doesn't npm install work",
            "make it work",
            "get it running",
            "get this up and running",
            "fix the build",
            "fix the tests",
            "debug this project",
            "find out what is wrong",
            "what's wrong with this repo?",
            "what is broken here",
            "the tests fail",
            "tests don't run on my machine",
            "npm test fails",
            "npm install is broken",
            "it does not work",
            "this app doesn't start",
            "pip install fails with a resolver conflict",
            "ImportError: cannot import name 'soft_unicode' from 'markupsafe'",
            "npm ERR! code ERESOLVE",
            "Error: listen EADDRINUSE: address already in use :::3000",
            "check whether the tests pass",
            "create a virtualenv, install the requirements and run the tests",
            "the tests should pass",
            "test this project",
        ] {
            assert_eq!(project(text, true), (ProjectType::Existing, vec![]), "{text}");
        }
    }

    #[test]
    fn a_demand_of_another_kind_is_not_covered() {
        assert_eq!(
            project("set up this project and add dark mode", true),
            (ProjectType::Existing, vec!["dark mode".to_owned()])
        );
        assert_eq!(project("Rewrite it in Rust and run the tests", true).1, ["Rust"]);
        for text in ["Build a Flask app with todos", "write a poem", "set up Stripe payments", "dark mode"] {
            assert_eq!(project(text, true).0, ProjectType::Unknown, "{text}");
        }
    }

    #[test]
    fn a_failure_that_a_playbook_knows_goes_there_unless_the_set_up_is_asked_for() {
        assert_eq!(project("Flask not found", true).0, ProjectType::Repair);
        assert_eq!(project("the tests fail: No module named 'flask'", true).0, ProjectType::Repair);
        let intent = understand(
            "set up this project and run its tests; they say No module named 'flask'",
            true,
            &Vocabulary::builtin_for_tests(),
        );
        assert_eq!(intent.project, ProjectType::Existing);
    }

    #[test]
    fn without_a_folder_only_what_speaks_of_one_is_about_one() {
        for text in ["set up this project and run its tests", "why does the build fail", "run the tests"] {
            assert_eq!(project(text, false).0, ProjectType::Existing, "{text}");
        }
        for text in ["Build a Flask app with todos and run its tests", "set up a Flask + React app"] {
            assert_ne!(project(text, false).0, ProjectType::Existing, "{text}");
        }
    }
}
