//! Writes all files of a plan to a folder, for authors of playbooks:
//! `cargo run -p codegod-reasoner --example render -- PLAYBOOK_DIR… --intent FILE.json OUT_DIR`.
//! A PLAYBOOK_DIR is a folder of playbooks, or one playbook; the built-in ones are always there.

use std::path::{Path, PathBuf};
use std::{env, fs};

use codegod_protocol::action::Action;
use codegod_protocol::goal::{Deployment, GOAL_VERSION, Goal, GoalKind, Uncovered};
use codegod_protocol::id::GoalId;
use codegod_protocol::intent::{Intent, ProjectType};
use codegod_protocol::plan::Plan;
use codegod_reasoner::planner;
use codegod_reasoner::playbook::Library;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let (Some(out), Some(goal)) = (arguments.pop(), arguments.pop()) else {
        return Err("usage: render PLAYBOOK_DIR… --intent FILE.json OUT_DIR".into());
    };
    if arguments.pop_if(|word| word == "--intent").is_none() {
        return Err("usage: render PLAYBOOK_DIR… --intent FILE.json OUT_DIR".into());
    }
    let library = library(&arguments);
    for problem in &library.problems {
        eprintln!("{problem}");
    }
    let intent: Intent = serde_json::from_str(&fs::read_to_string(&goal)?)?;
    let plan = planner::plan(&goal_for(&intent), &intent, &library)?;
    write(&plan, Path::new(&out))
}

fn library(folders: &[String]) -> Library {
    let is_one = |folder: &PathBuf| folder.join("playbook.toml").is_file();
    let parent = |folder: PathBuf| folder.parent().map(Path::to_owned).unwrap_or_default();
    let folders = folders.iter().map(PathBuf::from);
    let folders: Vec<PathBuf> = folders.map(|f| if is_one(&f) { parent(f) } else { f }).collect();
    if folders.is_empty() { Library::standard() } else { Library::load(&folders) }
}

fn goal_for(intent: &Intent) -> Goal {
    Goal {
        version: GOAL_VERSION,
        id: GoalId::random(),
        text: format!("Build {}", intent.title),
        workspace: (intent.project == ProjectType::Repair).then(|| "0".repeat(40)),
        priority: 5,
        uncovered: Uncovered::GoOnWithout,
        deployment: Deployment::default(),
        kind: GoalKind::Build,
        submitted_ms: 0,
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
