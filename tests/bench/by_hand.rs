//! The hand-written script: given the files that the playbooks write, timed as a whole.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use codegod_docker::{Engine, Settings, images};
use codegod_protocol::action::Action;
use codegod_protocol::plan::Plan;
use codegod_reasoner::intent::understand;
use codegod_reasoner::planner;
use codegod_reasoner::playbook::Library;
use codegod_tests::plans;

use crate::report::{SENTENCE, Span, Timed};
use crate::salt::{Salt, playbooks};

/// Runs the script once, in environments that nobody has made yet.
///
/// # Errors
/// It fails, or Docker is away.
pub(crate) async fn run() -> Result<Timed> {
    let salt = Salt::new()?;
    let settings = Settings::from_env()?;
    let limits = format!(
        "--memory {0} --memory-swap {0} --cpus {1} --pids-limit {2}",
        settings.limits.memory_bytes,
        settings.limits.nano_cpus / 1_000_000_000,
        settings.limits.pids
    );
    let prefix = settings.cache_prefix.clone();
    let engine = Engine::connect(settings).await?;
    for base in ["python:3.11-slim", "node:22-slim"] {
        images::ensure(&engine, base, &mut |line| eprintln!("{line}")).await?;
    }
    let workbench = images::ensure(&engine, images::WORKBENCH, &mut |line| eprintln!("{line}")).await?;
    let folder = tempfile::tempdir()?;
    let (app, checks) = (folder.path().join("app"), folder.path().join("checks"));
    write(&plan(&salt)?, &app, &checks)?;
    let started = Instant::now();
    let out = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/flask-react.sh"))
        .args([&app, &checks])
        .env("WORKBENCH", workbench.as_str())
        .env("TAG", format!("codegod-bench/app:{}", salt.word))
        .env("CACHE_PREFIX", prefix)
        .env("LIMITS", limits)
        .stderr(Stdio::inherit())
        .output()
        .context("running flask-react.sh")?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(out.status.success(), "flask-react.sh failed: {}", out.status);
    let spans = String::from_utf8_lossy(&out.stdout).lines().filter_map(span).collect();
    Ok(Timed { seconds, spans })
}

fn span(line: &str) -> Option<Span> {
    let mut parts = line.split('\t');
    let lane = parts.next()?.to_owned();
    let (start_ms, end_ms) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Span { lane, start_ms, end_ms, what: parts.next()?.to_owned() })
}

fn plan(salt: &Salt) -> Result<Plan> {
    let library = Library::load(&[playbooks(), salt.folder().to_owned()]);
    ensure!(library.problems.is_empty(), "a playbook is broken: {}", library.problems[0]);
    let intent = understand(SENTENCE, false, &library.vocabulary());
    Ok(planner::plan(&plans::goal(SENTENCE), &intent, &library)?)
}

/// Writes the files of a plan, and beside them what its checks run.
fn write(plan: &Plan, app: &Path, checks: &Path) -> Result<()> {
    fs::create_dir_all(checks)?;
    let procedures = plan.tasks.iter().map(|task| &task.procedure);
    for procedure in procedures {
        let steps = procedure.hypotheses.iter().flat_map(|hypothesis| &hypothesis.steps);
        for step in steps {
            match &step.action {
                Action::WriteFile { path, content, executable } => {
                    write_file(&app.join(path), content, *executable)?;
                }
                Action::CreateDockerfile { path, content } => write_file(&app.join(path), content, false)?,
                _ => {}
            }
        }
        for check in &procedure.validate {
            match &check.action {
                Action::ValidateOutput { run, matches: Some(said), .. } if said.contains("packaging") => {
                    fs::write(checks.join("packaging.sh"), run)?;
                }
                Action::ValidateOutput { run, matches: Some(said), .. } if said.contains("project") => {
                    fs::write(checks.join("project.sh"), run)?;
                }
                Action::Deploy { probes, .. } => {
                    let body = probes.iter().find_map(|probe| probe.body.as_deref());
                    fs::write(checks.join("sample.json"), body.unwrap_or_default())?;
                }
                _ => {}
            }
        }
    }
    let syntax = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker/src/actions/check_syntax.py");
    fs::copy(syntax, checks.join("check_syntax.py"))?;
    Ok(())
}

fn write_file(path: &Path, content: &str, executable: bool) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)?;
    if executable {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
