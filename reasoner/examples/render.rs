//! Writes all files of a plan to a folder, for authors of playbooks:
//! `cargo run -p codegod-reasoner --example render -- [PLAYBOOK_DIR…] SENTENCE|--intent FILE.json OUT_DIR`.
//! A PLAYBOOK_DIR is a folder of playbooks, or one playbook of such a folder; without any, the
//! built-in ones and your own are taken. What is wrong with a playbook is said first.

use std::path::{Path, PathBuf};
use std::{env, fs};

use codegod_protocol::action::Action;
use codegod_protocol::goal::{Deployment, GOAL_VERSION, Goal, GoalKind, Uncovered};
use codegod_protocol::id::GoalId;
use codegod_protocol::intent::{Intent, ProjectType};
use codegod_protocol::plan::Plan;
use codegod_reasoner::intent::understand;
use codegod_reasoner::planner;
use codegod_reasoner::playbook::Library;

type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "usage: render [PLAYBOOK_DIR…] SENTENCE|--intent FILE.json OUT_DIR";

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let (Some(out), Some(goal)) = (arguments.pop(), arguments.pop()) else {
        return Err(USAGE.into());
    };
    let from_file = arguments.pop_if(|word| word == "--intent").is_some();
    let library = library(&arguments);
    for problem in &library.problems {
        eprintln!("{problem}");
    }
    let intent: Intent = if from_file {
        serde_json::from_str(&fs::read_to_string(&goal)?)?
    } else {
        understand(&goal, false, &library.vocabulary())
    };
    if !intent.not_covered.is_empty() {
        eprintln!("not covered: {}", intent.not_covered.join(", "));
    }
    let text = if from_file { format!("Build {}", intent.title) } else { goal };
    let plan = planner::plan(&goal_for(text, &intent), &intent, &library)?;
    write(&plan, Path::new(&out))
}

fn library(folders: &[String]) -> Library {
    let is_one = |folder: &PathBuf| folder.join("playbook.toml").is_file();
    let parent = |folder: PathBuf| folder.join("..");
    let folders = folders.iter().map(PathBuf::from);
    let folders: Vec<PathBuf> = folders.map(|f| if is_one(&f) { parent(f) } else { f }).collect();
    if folders.is_empty() { Library::standard() } else { Library::load(&folders) }
}

fn goal_for(text: String, intent: &Intent) -> Goal {
    Goal {
        version: GOAL_VERSION,
        id: GoalId::random(),
        text,
        workspace: (intent.project == ProjectType::Repair).then(|| "0".repeat(40)),
        described: None,
        priority: 5,
        uncovered: Uncovered::GoOnWithout,
        deployment: Deployment::default(),
        kind: GoalKind::Build,
        submitted_ms: 0,
        deadline_ms: None,
    }
}

#[expect(clippy::print_stdout, reason = "a program for people")]
fn write(plan: &Plan, out: &Path) -> Result<(), Failure> {
    for task in &plan.tasks {
        let needs: Vec<String> = task.needs.iter().map(|need| need.number().to_string()).collect();
        println!("{} [{}] {} <- {}", task.id.number(), task.role, task.title, needs.join(", "));
        let steps = task.procedure.hypotheses.iter().flat_map(|hypothesis| &hypothesis.steps);
        for step in steps {
            match &step.action {
                Action::WriteFile { path, content, .. } | Action::CreateDockerfile { path, content } => {
                    let file = out.join(path);
                    fs::create_dir_all(file.parent().unwrap_or(out))?;
                    fs::write(&file, content)?;
                    println!("    writes {path}");
                }
                other => println!("    {} {}", other.name(), serde_json::to_string(other)?),
            }
        }
        for check in &task.procedure.validate {
            println!("    checks {}: {}", check.title, serde_json::to_string(&check.action)?);
        }
    }
    fs::write(out.join("plan.json"), serde_json::to_string_pretty(plan)?)?;
    Ok(())
}
