//! The playbooks of this repository: all load, all go together, and what they write can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use codegod_protocol::action::Action;
use codegod_protocol::intent::{FeatureKind, Intent};
use codegod_protocol::plan::{self, Plan};
use codegod_reasoner::intent::understand;
use codegod_reasoner::planner;
use codegod_reasoner::playbook::Library;
use codegod_reasoner::playbook::schema::Side;

fn library() -> Library {
    let library = Library::built_in();
    let problems: Vec<String> = library.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    library
}

/// Every combination of what the playbooks bring with the features that change what is written.
fn intents(library: &Library) -> Vec<(String, Intent)> {
    let stacks = library.stacks();
    let side = |side: Side| -> Vec<Option<&str>> {
        let named = stacks.iter().filter(|stack| stack.side == side).map(|stack| Some(stack.name.as_str()));
        [None].into_iter().chain(named).collect()
    };
    let mut intents = Vec::new();
    for backend in side(Side::Backend) {
        for frontend in side(Side::Frontend) {
            if backend.is_none() && frontend.is_none() {
                continue;
            }
            for bits in 0..16 {
                let kinds = [FeatureKind::SignIn, FeatureKind::ContactForm];
                let mut kinds: Vec<FeatureKind> = (0..)
                    .zip(kinds)
                    .filter(|(bit, _)| bits & (1 << bit) != 0)
                    .map(|(_, kind)| kind)
                    .collect();
                if bits & 4 != 0 {
                    kinds.extend([FeatureKind::Docker, FeatureKind::Ci]);
                }
                let mut intent = crate::common::intent(backend, frontend, &kinds);
                if bits & 8 != 0 {
                    if backend.is_none() {
                        continue;
                    }
                    intent.stack.database = Some("postgresql".to_owned());
                }
                let name = format!("{backend:?} {frontend:?} {kinds:?} {:?}", intent.stack.database);
                intents.push((name, intent));
            }
        }
    }
    intents
}

fn plan_for(name: &str, intent: &Intent, library: &Library) -> Plan {
    let goal = crate::common::goal("Build a recipe keeper, \"quoted\" \\ and\nbroken */ --> #}");
    planner::plan(&goal, intent, library).unwrap_or_else(|failure| panic!("{name}: {failure}"))
}

fn files(plan: &Plan) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let hypotheses = plan.tasks.iter().flat_map(|task| &task.procedure.hypotheses);
    for step in hypotheses.flat_map(|hypothesis| &hypothesis.steps) {
        match &step.action {
            Action::WriteFile { path, content, .. } | Action::CreateDockerfile { path, content } => {
                files.insert(path.clone(), content.clone());
            }
            _ => {}
        }
    }
    files
}

#[test]
fn all_load_without_problems_from_inside_the_binary() {
    assert!(library().playbooks().count() > 0);
}

#[test]
fn every_combination_gives_a_plan_whose_files_can_be_read() {
    let library = library();
    let intents = intents(&library);
    assert!(intents.len() > 100, "only {} combinations", intents.len());
    let mut python = BTreeSet::new();
    for (name, intent) in &intents {
        let plan = plan_for(name, intent, &library);
        assert_eq!(plan::check(&plan.tasks).map(drop), Ok(()), "{name}");
        for (path, text) in files(&plan) {
            check_text(name, &path, &text);
            if path.ends_with(".py") {
                python.insert((path, text));
            }
        }
    }
    parse_python(&python);
}

#[test]
fn a_sentence_becomes_a_plan_and_a_symptom_too() {
    let library = library();
    let vocabulary = library.vocabulary();
    for sentence in
        ["Build a Flask + React app", "Build a Flask API", "Flask not found", "Entry point not found"]
    {
        let mut goal = crate::common::goal(sentence);
        goal.workspace = sentence.ends_with("found").then(|| "0".repeat(40));
        let intent = understand(sentence, goal.workspace.is_some(), &vocabulary);
        let plan = planner::plan(&goal, &intent, &library).unwrap_or_else(|f| panic!("{sentence}: {f}"));
        assert_eq!(plan::check(&plan.tasks).map(drop), Ok(()), "{sentence}");
    }
}

fn check_text(name: &str, path: &str, text: &str) {
    let what = format!("{name}: {path}");
    assert!(!text.contains("{%") || path.ends_with(".html"), "{what}: a tag was left");
    // JSX, Vue and workflows have double braces of their own, format strings may.
    if [".txt", ".toml", ".json", ".yaml", ".md", ".css", ".html", "Dockerfile"]
        .iter()
        .any(|end| path.ends_with(end))
    {
        assert!(!text.contains("{{"), "{what}: an expression was left");
    }
    assert!(
        path.ends_with("__init__.py") || text.is_empty() || text.ends_with('\n'),
        "{what}: no final newline"
    );
    if path.ends_with(".json") {
        serde_json::from_str::<serde_json::Value>(text)
            .unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
    }
    if path.ends_with(".toml") {
        toml::from_str::<toml::Value>(text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
    }
}

/// Compiles every text in one Python process.
fn parse_python(files: &BTreeSet<(String, String)>) {
    let program = "import ast, json, sys\n\
        for path, text in json.load(sys.stdin):\n\
        \x20   try: ast.parse(text)\n\
        \x20   except SyntaxError as error: print(f'{path}:{error.lineno}: {error.msg}: {error.text}')";
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    child.stdin.take().unwrap().write_all(serde_json::to_string(files).unwrap().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}
