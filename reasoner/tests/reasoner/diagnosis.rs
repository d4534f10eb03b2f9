//! The rules of diagnosis over what real tools said: the small broken projects of `tests/corpus`, each with
//! the output that was recorded, and cases without a project in `tests/fixtures/diagnosis`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use codegod_protocol::setup::{Setup, SetupChange};
use codegod_reasoner::diagnosis::{Diagnosis, Failure, Remedy, Rules, Stage};
use codegod_reasoner::survey::{Entry, EntryKind, Tree};
use serde::Deserialize;

/// What a project of the corpus is expected to give (`expect.toml`).
#[derive(Deserialize)]
struct Expected {
    rule: String,
    remedy: String,
    #[serde(default)]
    changes: Option<Vec<SetupChange>>,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    recorded: Vec<Recorded>,
    setup: Setup,
}

#[derive(Deserialize)]
struct Recorded {
    stage: Stage,
    command: String,
    #[serde(default = "one")]
    exit_code: i64,
    output: String,
}

/// An output without a project (`tests/fixtures/diagnosis/*.toml`).
#[derive(Deserialize)]
struct Case {
    name: String,
    stage: Stage,
    #[serde(default)]
    command: String,
    #[serde(default = "one")]
    exit_code: i64,
    #[serde(default)]
    files: BTreeMap<String, String>,
    setup: Setup,
    output: String,
    /// The rule that comes first; empty when none may apply.
    rule: String,
    #[serde(default)]
    remedy: Option<String>,
    #[serde(default)]
    changes: Option<Vec<SetupChange>>,
    #[serde(default)]
    says: Vec<String>,
    /// Rules that must not apply.
    #[serde(default)]
    never: Vec<String>,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

fn one() -> i64 {
    1
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rules() -> Rules {
    let rules = Rules::built_in();
    let problems: Vec<String> = rules.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, [""; 0]);
    rules
}

fn remedy(diagnosis: &Diagnosis) -> &'static str {
    match diagnosis.remedy {
        Remedy::Setup { .. } => "setup",
        Remedy::Edit { .. } => "edit",
        Remedy::Person => "person",
    }
}

fn changes(diagnosis: &Diagnosis) -> &[SetupChange] {
    match &diagnosis.remedy {
        Remedy::Setup { changes } | Remedy::Edit { changes, .. } => changes,
        Remedy::Person => &[],
    }
}

/// What is wrong with the first of `found`, if anything.
fn complaint(
    found: &[Diagnosis],
    rule: &str,
    expected_remedy: Option<&str>,
    expected_changes: Option<&[SetupChange]>,
    says: &[String],
) -> Option<String> {
    let Some(first) = found.first() else {
        return (!rule.is_empty()).then(|| format!("wanted {rule}, got nothing"));
    };
    if first.rule != rule {
        return Some(format!("wanted {rule:?}, got {found:#?}"));
    }
    if expected_remedy.is_some_and(|expected| expected != remedy(first)) {
        return Some(format!("wanted the remedy {expected_remedy:?}, got {first:#?}"));
    }
    if expected_changes.is_some_and(|expected| expected != changes(first)) {
        return Some(format!("wanted {expected_changes:#?}, got {first:#?}"));
    }
    let unsaid = says.iter().find(|text| !first.believes.contains(text.as_str()));
    unsaid.map(|text| format!("wanted {text:?} in {:?}", first.believes))
}

fn projects() -> Vec<PathBuf> {
    let corpus = here().join("../tests/corpus");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("expect.toml").is_file());
    folders.sort();
    folders
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(here().join("tests/fixtures/diagnosis")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let read: Cases = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        cases.extend(read.cases);
    }
    cases
}

#[test]
fn every_project_of_the_corpus_is_diagnosed_from_what_was_recorded() {
    let rules = rules();
    let mut complaints = Vec::new();
    for folder in projects() {
        let text = fs::read_to_string(folder.join("expect.toml")).unwrap();
        let expected: Expected =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert!(!expected.recorded.is_empty(), "{}: nothing recorded", folder.display());
        let tree = Tree::of_folder(&folder.join("project")).unwrap();
        for recorded in &expected.recorded {
            let output = fs::read_to_string(folder.join(&recorded.output)).unwrap();
            let failure = Failure {
                stage: recorded.stage,
                command: &recorded.command,
                exit_code: recorded.exit_code,
                output: &output,
            };
            let (found, problems) = rules.diagnose_strictly(&expected.setup, &tree, &failure);
            complaints.extend(problems);
            let wrong = complaint(
                &found,
                &expected.rule,
                Some(&expected.remedy),
                expected.changes.as_deref(),
                &expected.says,
            );
            let name = folder.file_name().unwrap_or_default().display();
            complaints.extend(wrong.map(|wrong| format!("{name}: {wrong}")));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn every_recorded_output_gives_the_diagnosis_that_a_person_would_give() {
    let rules = rules();
    let mut complaints = Vec::new();
    for case in cases() {
        let entry = |text: &String| Entry { kind: EntryKind::File, bytes: text.len() as u64 };
        let mut tree = Tree::of_paths(case.files.iter().map(|(path, text)| (path.into(), entry(text))));
        case.files.iter().for_each(|(path, text)| tree.add(path, text.as_bytes()));
        let failure = Failure {
            stage: case.stage,
            command: &case.command,
            exit_code: case.exit_code,
            output: &case.output,
        };
        let (found, problems) = rules.diagnose_strictly(&case.setup, &tree, &failure);
        complaints.extend(problems);
        let wrong =
            complaint(&found, &case.rule, case.remedy.as_deref(), case.changes.as_deref(), &case.says);
        complaints.extend(wrong.map(|wrong| format!("{}: {wrong}", case.name)));
        let applied = case.never.iter().find(|never| found.iter().any(|diagnosis| diagnosis.rule == **never));
        complaints.extend(applied.map(|rule| format!("{}: {rule} must not apply", case.name)));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

/// Rules whose wording nobody has recorded yet; a new rule comes with an example.
const WITHOUT_EXAMPLE: [&str; 16] = [
    "babel-plugin-missing",
    "django-plugin-missing",
    "django-settings-import",
    "node-header-missing",
    "node-integrity",
    "node-lock-broken",
    "node-native-too-old",
    "pytest-failing-plugin",
    "pytest-marker-of-a-plugin",
    "python-backend-unknown",
    "python-extra-unknown",
    "python-hashes-missing",
    "python-pin-above",
    "python-pin-older-than-python",
    "python-registry-of-crates",
    "python-yanked",
];

#[test]
fn every_rule_has_an_example_but_those_that_are_known_to_lack_one() {
    let texts = projects().into_iter().map(|folder| fs::read_to_string(folder.join("expect.toml")).unwrap());
    let text: String = texts.collect();
    let shown: BTreeSet<String> = cases().into_iter().map(|case| case.rule).collect();
    let rules = rules();
    let mut missing: Vec<&str> = rules
        .names()
        .filter(|name| !shown.contains(*name) && !text.contains(&format!("rule = \"{name}\"")))
        .collect();
    missing.sort_unstable();
    assert_eq!(missing, WITHOUT_EXAMPLE);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn any_output_is_diagnosed_without_a_rule_that_fails(
        parts in proptest::collection::vec(proptest::sample::select(FRAGMENTS), 0..12),
        noise in "\\PC{0,40}",
        stage in proptest::sample::select(&[Stage::Resolve, Stage::Install, Stage::Prepare, Stage::Test][..]),
    ) {
        let rules = RULES.get_or_init(rules);
        let output = parts.concat().replace("NOISE", &noise);
        let setup: Setup = toml::from_str(SETUP).unwrap();
        let failure = Failure { stage, command: "x", exit_code: 1, output: &output };
        let (_, problems) = rules.diagnose_strictly(&setup, &Tree::default(), &failure);
        proptest::prop_assert_eq!(problems, Vec::<String>::new());
    }
}

static RULES: std::sync::OnceLock<Rules> = std::sync::OnceLock::new();
const SETUP: &str = "part = \"python\"\n[toolchain.python]\nversion = \"3.11\"\n";
const FRAGMENTS: &[&str] = &[
    "NOISE\n",
    "E   ModuleNotFoundError: No module named 'NOISE'\n",
    "E   ModuleNotFoundError: No module named 'a.b'\n",
    "File \"NOISE\", line 3\n  NOISE\nSyntaxError: NOISE\n",
    "KeyError: 'API_KEY'\n",
    "error: Failed to build `a==1`\n",
    "fatal error: NOISE.h: No such file or directory\n",
    "there is no version of a==NOISE and ",
    "depends on b>=2 and you require b==1, ",
    "does not satisfy Python>=NOISE and a depends on Python>=NOISE\n",
    "does not satisfy Python>=3.99 and a depends on Python>=3.99\n",
    "unrecognized arguments: NOISE --cov\n",
    "fixture 'NOISE' not found\nfixture 'db' not found\n",
    "No such file or directory: 'NOISE'\n",
    "validation error for Settings\nNOISE\n  Field required\n",
    "\u{1b}[31m\r\n",
];

#[test]
fn a_broken_rule_is_named_with_file_and_line_and_the_others_go_on_working() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("diagnosis")).unwrap();
    let text = r#"version = 1
[[rules]]
name = "own"
seen = ['''ledger is (?P<state>\w+)''']
believes = "The ledger is {{ state }}."
disproved_by = "It is not."
confidence = 0.99
[[rules]]
name = "broken"
seen = ['''(''']
believes = "{{ unknown }}"
disproved_by = ""
confidence = 2
[[rules]]
name = "shapeless"
"#;
    fs::write(folder.path().join("diagnosis/own.toml"), text).unwrap();
    let rules = Rules::load(&[folder.path().to_owned()]);
    let prefix = format!("{}/diagnosis/", folder.path().display());
    let problems: Vec<String> =
        rules.problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect();
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert!(
        problems[..3].iter().all(|problem| problem.starts_with("own.toml:8: \"broken\": ")),
        "{problems:#?}"
    );
    assert!(problems[3].starts_with("own.toml:14: missing field"), "{problems:#?}");
    let setup: Setup = toml::from_str(SETUP).unwrap();
    let failure = Failure { stage: Stage::Test, command: "", exit_code: 1, output: "the ledger is shut" };
    let found = rules.diagnose(&setup, &Tree::default(), &failure);
    assert_eq!(
        found.iter().map(|found| found.believes.as_str()).collect::<Vec<_>>(),
        ["The ledger is shut."]
    );
}

#[test]
fn a_rule_of_the_same_name_takes_the_place_of_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("diagnosis")).unwrap();
    let text = r#"version = 1
[tables.modules]
ledger = "our-ledger"
[[rules]]
name = "disk-full"
seen = ['''never seen''']
believes = ""
disproved_by = ""
confidence = 0.1
"#;
    fs::write(folder.path().join("diagnosis/own.toml"), text).unwrap();
    let rules = Rules::load(&[folder.path().to_owned()]);
    assert!(rules.problems.is_empty());
    let setup: Setup = toml::from_str(SETUP).unwrap();
    let output = "No space left on device\nModuleNotFoundError: No module named 'ledger'\n";
    let failure = Failure { stage: Stage::Test, command: "", exit_code: 1, output };
    let found = rules.diagnose(&setup, &Tree::default(), &failure);
    let added = SetupChange::AddDistribution { candidates: vec!["our-ledger".to_owned()] };
    assert_eq!(found.iter().map(changes).collect::<Vec<_>>(), [&[added][..]]);
}
