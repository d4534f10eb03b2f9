//! Existing folders: "Flask not found" and its frontend twin. The folder itself stays as it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use codegod_protocol::client::GoalView;
use codegod_protocol::event::Event;
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{GoalId, Role};
use codegod_protocol::memory::Reasoning;
use codegod_protocol::task::TaskKind;
use codegod_tests::files::{Files, folder_of, give_folder};
use codegod_tests::fleet::{Fleet, told};
use codegod_tests::plans;

type Result<T = ()> = anyhow::Result<T>;

const LIMIT: Duration = Duration::from_secs(240);
const APP: &str = "from flask import Flask\n\napp = Flask(__name__)\n";

/// A mended folder.
struct Mended {
    view: GoalView,
    files: Files,
    given: String,
    commit: String,
}

impl Mended {
    /// The files that differ from what was given.
    async fn changed(&self) -> Result<Vec<String>> {
        self.files.changed(&self.given, &self.commit).await
    }
}

/// Mends a copy of the folder and asserts that the folder itself stays byte for byte as it is.
async fn mended(fleet: &Fleet, text: &str, folder: &[(&str, &str)]) -> Result<Mended> {
    let folder = folder_of(folder)?;
    let before = contents(folder.path())?;
    let mut goal = plans::goal(text);
    let given = give_folder(&fleet.client, &mut goal, folder.path()).await?;
    let goal = fleet.submit_goal(goal).await?;
    let view = fleet.ended(&goal, LIMIT).await?;
    eprintln!("{}", told(&view));
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    assert_eq!(contents(folder.path())?, before, "the folder itself is untouched");
    let commit = view.commit.clone().expect("a published commit");
    let files = Files::fetch(&fleet.client, &goal, &commit).await?;
    Ok(Mended { view, files, given, commit })
}

/// Every file below a folder, by path and content.
fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                todo.push(path);
            } else {
                found.insert(path.display().to_string(), std::fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

fn is_pinned_flask(line: &str) -> bool {
    let version = line.to_lowercase().strip_prefix("flask==").map(str::to_owned);
    version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
}

/// How each task was reasoned about, from the memories of the agents that did them.
async fn reasoning(fleet: &Fleet, view: &GoalView) -> Result<Vec<Reasoning>> {
    let mut found = Vec::new();
    for task in &view.tasks {
        let agent = task.agent.clone().expect("somebody did it");
        // It is written down after the publish that ended the goal.
        let remembered = async || {
            let memory = fleet.client.memory(&agent).await?;
            let is_done = memory.completed_tasks.iter().any(|done| done.task == task.task.id);
            Ok(is_done.then_some(memory))
        };
        let memory = fleet.wait_for("the task is remembered as done", LIMIT, remembered).await?;
        found.extend(memory.reasoning_history.into_iter().filter(|reasoning| reasoning.task == task.task.id));
    }
    Ok(found)
}

async fn events(fleet: &Fleet, goal: &GoalId) -> Result<Vec<Event>> {
    let (mut all, mut position) = (Vec::new(), "0-0".to_owned());
    let mut listener = fleet.client.listener().await?;
    loop {
        let events = listener.events(&mut position, 200).await?;
        if events.is_empty() {
            return Ok(all);
        }
        all.extend(events.into_iter().filter(|event| event.goal.as_ref() == Some(goal)));
    }
}

/// Asserts that every action was recorded before it started and once more when it ended, with its exit
/// code. Returns how many there were.
async fn actions_are_recorded(fleet: &Fleet, goal: &GoalId) -> Result<usize> {
    let mut open = BTreeMap::new();
    let mut ended = 0;
    for event in events(fleet, goal).await? {
        let key = (event.task.clone(), event.attempt, event.data["number"].as_u64());
        match event.kind.as_str() {
            "action_started" => {
                assert!(event.data["expect"].as_str().is_some_and(|text| !text.is_empty()), "{event:?}");
                assert_eq!(open.insert(key, event.data["action"].clone()), None, "numbered once");
            }
            "action_finished" => {
                assert_eq!(
                    open.remove(&key),
                    Some(event.data["action"].clone()),
                    "it started before it ended"
                );
                assert!(event.data["exit_code"].is_i64() && event.data["command"].is_string(), "{event:?}");
                ended += 1;
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "these never ended: {open:?}");
    Ok(ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn flask_that_is_not_listed_is_listed_and_installed() -> Result {
    let fleet = Fleet::start(&[(Role::Backend, 1), (Role::Testing, 1)]).await?;
    let folder =
        [("app.py", APP), ("requirements.txt", "# what it needs\nclick>=8\n"), ("docs/a.md", "kept\n")];
    let mended = mended(&fleet, "Flask not found", &folder).await?;

    let view = &mended.view;
    let titles: Vec<(Role, &str)> =
        view.tasks.iter().map(|task| (task.task.role, task.task.title.as_str())).collect();
    assert_eq!(
        titles,
        [
            (Role::Backend, "Check the virtual environment"),
            (Role::Backend, "Install Flask"),
            (Role::Testing, "Verify that flask imports"),
            (Role::Testing, "Closing verification"),
        ]
    );
    for pair in view.tasks.windows(2) {
        assert_eq!(pair[1].needs, std::slice::from_ref(&pair[0].task.id), "one after the other");
    }
    assert_eq!(mended.changed().await?, ["requirements.txt"]);
    let requirements = mended.files.text(&mended.commit, "requirements.txt").await?;
    let lines: Vec<&str> = requirements.lines().collect();
    assert_eq!(lines[..2], ["# what it needs", "click>=8"]);
    assert!(lines.len() == 3 && is_pinned_flask(lines[2]), "{requirements}");

    let reasoning = reasoning(&fleet, view).await?;
    assert_eq!(reasoning.len(), 4, "each task was reasoned about");
    for one in &reasoning {
        assert!(!one.problem_analysis.is_empty() && !one.approach.is_empty() && !one.conclusion.is_empty());
        assert!(!one.success_criteria.is_empty() && !one.root_causes.is_empty(), "{one:?}");
    }
    assert!(reasoning[1].root_causes[0].cause.contains("does not list it"), "{:?}", reasoning[1].root_causes);
    assert!(actions_are_recorded(&fleet, &view.goal.id).await? >= 8);
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn flask_is_installed_with_and_without_a_requirements_file() -> Result {
    let fleet = Fleet::start(&[(Role::Backend, 1), (Role::Testing, 1)]).await?;
    let error = "ModuleNotFoundError: No module named 'flask'";
    let without = mended(&fleet, error, &[("app.py", APP)]).await?;
    assert_eq!(without.changed().await?, ["requirements.txt"]);
    let requirements = without.files.text(&without.commit, "requirements.txt").await?;
    assert!(is_pinned_flask(requirements.trim_end()) && requirements.lines().count() == 1, "{requirements}");

    let listed = [("app.py", APP), ("requirements.txt", "flask\n")];
    let listed = mended(&fleet, "flask not found", &listed).await?;
    assert_eq!(listed.changed().await?, Vec::<String>::new(), "it was only not installed");
    let reasoning = reasoning(&fleet, &listed.view).await?;
    assert!(reasoning[1].root_causes[0].cause.contains("lists it"), "{:?}", reasoning[1].root_causes);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn entry_points_that_name_no_file_are_pointed_to_one_in_src() -> Result {
    let fleet = Fleet::start(&[(Role::Frontend, 1), (Role::Testing, 1)]).await?;
    let manifest = "{\n  \"name\": \"shop\",\n  \"private\": true,\n  \"main\": \"src/start.js\"\n}\n";
    let page = "<!doctype html>\n<script type=\"module\" src=\"/src/app.jsx\"></script>\n";
    let main = "console.log('shop')\n";
    let folder =
        [("package.json", manifest), ("index.html", page), ("src/main.jsx", main), ("LICENSE", "x\n")];
    let mended = mended(&fleet, "package.json entry point not found", &folder).await?;
    assert_eq!(mended.changed().await?, ["index.html", "package.json"]);
    let text = async |path| mended.files.text(&mended.commit, path).await;
    assert_eq!(text("package.json").await?, manifest.replace("src/start.js", "src/main.jsx"));
    assert_eq!(text("index.html").await?, page.replace("/src/app.jsx", "/src/main.jsx"));
    assert!(mended.view.tasks.iter().any(|task| task.task.kind == TaskKind::Verification));
    assert!(actions_are_recorded(&fleet, &mended.view.goal.id).await? >= 3);
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frontend_whose_entry_is_wrong_builds_again() -> Result {
    let fleet = Fleet::start(&[(Role::Frontend, 1), (Role::Testing, 1)]).await?;
    let manifest = r#"{
  "name": "shop",
  "private": true,
  "type": "module",
  "scripts": { "build": "vite build" },
  "devDependencies": { "vite": "7.1.12" }
}
"#;
    let page =
        "<!doctype html>\n<div id=\"app\"></div>\n<script type=\"module\" src=\"/src/main.tsx\"></script>\n";
    let folder = [
        ("frontend/package.json", manifest),
        ("frontend/index.html", page),
        ("frontend/src/main.js", "document.querySelector('#app').textContent = 'shop'\n"),
        (".gitignore", "dist/\n"),
    ];
    let error = "Failed to resolve /src/main.tsx from frontend/index.html";
    let mended = mended(&fleet, error, &folder).await?;
    let mut changed = mended.changed().await?;
    // npm writes down what it resolved; nothing else of the project changes.
    changed.retain(|path| path != "frontend/package-lock.json");
    assert_eq!(changed, ["frontend/index.html"]);
    let fixed = mended.files.text(&mended.commit, "frontend/index.html").await?;
    assert_eq!(fixed, page.replace("main.tsx", "main.js"));
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}
