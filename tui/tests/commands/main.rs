//! The real binary against a real Redis: exit codes, words and JSON of each command.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed helper fails its test")]

mod common;
mod control;
mod snapshot;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use codegod_protocol::client::{Command as Told, NewLine, now_ms};
use codegod_protocol::goal::{Goal, GoalKind, GoalState};
use codegod_protocol::id::Role;
use codegod_protocol::log::Level;
use codegod_protocol::memory::Memory;
use common::{Ran, World, intent};
use serde_json::json;

fn git(dir: &Path, args: &[&str]) -> String {
    let author = ["-c", "user.name=p", "-c", "user.email=p@localhost"];
    let done = Command::new("git").current_dir(dir).args(author).args(args).output().unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}

/// A person's folder with git and one commit, and a copy of it in which a worker has changed a file.
fn project(world: &World) -> (std::path::PathBuf, std::path::PathBuf) {
    let (mine, theirs) = (world.folder.path().join("mine"), world.folder.path().join("theirs"));
    fs::create_dir(&mine).unwrap();
    git(&mine, &["init", "-q", "-b", "main"]);
    fs::write(mine.join("app.py"), "broken\n").unwrap();
    git(&mine, &["add", "."]);
    git(&mine, &["commit", "-qm", "mine"]);
    git(world.folder.path(), &["clone", "-q", "mine", "theirs"]);
    fs::write(theirs.join("app.py"), "mended\n").unwrap();
    (mine, theirs)
}

#[tokio::test]
async fn bad_input_is_one_sentence_exit_64_and_nothing_submitted() {
    let world = World::staffed().await;
    fs::write(world.folder.path().join("file"), "").unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["build", ""], "the goal is empty"),
        (&["build", " \n"], "the goal is empty"),
        (&["build", "a\u{1b}[31mb"], "control character U+001B"),
        (&["build", "--in", "nowhere", "x"], "nowhere does not exist"),
        (&["build", "--in", "file", "x"], "file is not a folder"),
        (&["build", "--out", ".", "x"], "already exists and is not empty"),
        (&["build", "--priority", "11", "x"], "11 is not in 1..=10"),
        (&["build", "--deadline", "soon", "x"], "give 90s, 30m, 2h"),
        (&["build", "--deadline", "2020-01-01T00:00:00Z", "x"], "the deadline is"),
        (&["pause", "g-7k2m9qx4"], "there is no goal g-7k2m9qx4"),
        (&["resume", "g-7k2m9qx4"], "there is no goal g-7k2m9qx4"),
        (&["pause"], "pausing the whole fleet is asked"),
        (&["retry"], "<TASK>"),
        (&["retry", "--all-dead", "g-7k2m9qx4.1"], "cannot be used with"),
        (&["dead", "-n", "0"], "0 is not in 1..=100000"),
        (&["build"], "GOAL"),
        (&["scale", "cook", "1"], "is not a role (roles are backend, frontend, devops, testing)"),
        (&["scale", "backend", "257"], "257 is not in 0..=256"),
        (&["scale", "backend", "-1"], "unexpected argument"),
        (&["logs", "cook"], "neither a role"),
        (&["logs", "backend-7k2m"], "there is no agent backend-7k2m"),
        (&["memory", "backend-7k2m"], "there is no memory of an agent backend-7k2m"),
        (&["wipe", "backend-7k2m"], "there is no memory of an agent backend-7k2m"),
        (&["drain", "backend-7k2m"], "there is no living agent backend-7k2m"),
        (&["show", "7"], "is not a goal id"),
        (&["show", "g-7k2m9qx4"], "there is no goal g-7k2m9qx4"),
        (&["cancel", "g-7k2m9qx4"], "there is no goal g-7k2m9qx4"),
        (&["verify", "g-7k2m9qx4"], "there is no goal g-7k2m9qx4"),
        (&["apply", "g-7k2m9qx4"], "there is no goal g-7k2m9qx4"),
        (&["retry", "g-7k2m9qx4.1"], "there is no task g-7k2m9qx4.1"),
        (&["--redis-url", "http://x", "status"], "is not a Redis URL"),
        (&["dance"], "unrecognized subcommand"),
    ];
    for (args, sentence) in cases {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(sentence), "{args:?}: {}", ran.stderr);
        let as_json = world.run(&[&["--json"], *args].concat());
        assert_eq!(as_json.code, Some(64), "{args:?}");
        assert!(as_json.json()["error"].is_string(), "{args:?}: {as_json:?}");
    }
    assert_eq!(world.client.goals(10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_megabyte_on_standard_input_is_refused_with_the_limit() {
    let world = World::staffed().await;
    let mut child = world
        .codegod(&["build", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The reader stops at the limit, so the rest meets a closed pipe.
    let _closed = child.stdin.take().unwrap().write_all(&[b'x'; 1_000_000]);
    let ran = Ran::of(child).await;
    assert_eq!(ran.code, Some(64));
    assert!(ran.stderr.contains("longer than 65536 bytes"), "{}", ran.stderr);
    assert_eq!(world.client.goals(10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_folder_with_a_huge_file_is_refused_by_name_before_anything_is_read() {
    let world = World::staffed().await;
    let (mine, _) = project(&world);
    fs::File::create(mine.join("disk.img")).unwrap().set_len(2 << 30).unwrap();
    let ran = world.run(&["build", "--in", "mine", "x"]);
    assert_eq!(ran.code, Some(64), "{}", ran.stderr);
    assert!(ran.stderr.contains("disk.img is too large"), "{}", ran.stderr);
    assert_eq!(world.client.goals(10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_exit_69() {
    let world = World::staffed().await;
    for args in [&["status"][..], &["build", "x"], &["doctor"], &["scale", "backend", "1"]] {
        let ran = world.run(&[&["--json", "--redis-url", "redis://127.0.0.1:1"], args].concat());
        assert_eq!(ran.code, Some(69), "{args:?}: {}", ran.stderr);
        assert!(ran.json()["error"].is_string(), "{ran:?}");
    }
}

#[tokio::test]
async fn help_and_version_are_data_and_exit_0() {
    let world = World::staffed().await;
    for args in [&["--help"][..], &["--version"], &["build", "--help"]] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(ran.stdout.contains("codegod"), "{args:?}");
    }
}

#[tokio::test]
async fn a_goal_that_succeeds_is_followed_and_its_result_written_to_a_new_folder() {
    let world = World::staffed().await;
    let child = world.start(&["--json", "build", "Build a Flask API"]);
    let goal = world.queued().await;
    let made = world.folder.path().join("made");
    fs::create_dir(&made).unwrap();
    fs::write(made.join("app.py"), "app\n").unwrap();
    let commit = world.publish_folder(&goal.id, &made, &[]).await;
    world.plan(&goal.id).await;
    world.work(&commit, "succeeded").await;
    world.work(&commit, "succeeded").await;
    let ran = Ran::of(child).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 1);
    let report = ran.json();
    let folder = world.folder.path().join("todo-app");
    let keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["goal", "status", "result", "tasks", "tests", "not_covered", "seconds", "model"]);
    assert_eq!(report["status"], "succeeded");
    assert_eq!(
        report["result"],
        json!({ "commit": commit, "branch": null, "path": folder.display().to_string() })
    );
    assert_eq!(report["tasks"][1]["needs"], json!([goal.id.task(1)]));
    assert_eq!(report["tasks"][0]["evidence"][0]["command"], "pytest -q");
    assert_eq!(fs::read_to_string(folder.join("app.py")).unwrap(), "app\n");
    for words in [
        "has a plan of 2 tasks; understood: Flask backend",
        "Task 1: started by",
        "Task 2: succeeded in 1.5s",
    ] {
        assert!(ran.stderr.contains(words), "{words:?} in {}", ran.stderr);
    }
    let shown = world.run(&["show", goal.id.as_str()]);
    assert_eq!(shown.code, Some(0));
    assert!(shown.stdout.contains("result: ") && shown.stdout.contains(": pytest -q"), "{}", shown.stdout);
    assert!(!world.folder.path().join("todo-app-2").exists(), "the result was written twice");
}

#[tokio::test]
async fn a_result_for_a_git_folder_is_a_branch_and_apply_is_a_step_of_its_own() {
    let world = World::staffed().await;
    let (mine, theirs) = project(&world);
    let child = world.start(&["--json", "build", "--in", "mine", "Flask not found"]);
    let goal = world.queued().await;
    let base = goal.workspace.clone().unwrap();
    let commit = world.publish_folder(&goal.id, &theirs, &[&base]).await;
    world.plan(&goal.id).await;
    world.work(&commit, "succeeded").await;
    world.work(&commit, "succeeded").await;
    let ran = Ran::of(child).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let branch = format!("codegod/{}", goal.id);
    assert_eq!(ran.json()["result"]["branch"], json!(branch));
    assert_eq!(git(&mine, &["rev-parse", &branch]), commit);
    assert_eq!(fs::read_to_string(mine.join("app.py")).unwrap(), "broken\n");

    fs::write(mine.join("app.py"), "changed by me\n").unwrap();
    let refused = world.run(&["apply", goal.id.as_str()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("app.py"), "{}", refused.stderr);
    git(&mine, &["checkout", "-q", "app.py"]);
    let applied = world.run(&["--json", "apply", goal.id.as_str()]);
    assert_eq!(applied.json()["written"], json!(["app.py"]));
    assert_eq!(fs::read_to_string(mine.join("app.py")).unwrap(), "mended\n");

    let child = world.start(&["--json", "verify", goal.id.as_str()]);
    let verification = world.queued().await;
    assert_eq!(verification.kind, GoalKind::Verify { of: goal.id.clone() });
    world.plan(&verification.id).await;
    world.work(&commit, "failed_for_good").await;
    assert_eq!(Ran::of(child).await.code, Some(1));
}

#[tokio::test]
async fn a_result_that_equals_what_was_given_makes_no_branch() {
    let world = World::staffed().await;
    let (mine, _) = project(&world);
    let child = world.start(&["build", "--in", "mine", "Flask not found"]);
    let goal = world.queued().await;
    let base = goal.workspace.clone().unwrap();
    world.plan(&goal.id).await;
    world.work(&base, "succeeded").await;
    world.work(&base, "succeeded").await;
    let ran = Ran::of(child).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing needed changing"), "{}", ran.stderr);
    assert_eq!(git(&mine, &["branch", "--list", "codegod/*"]), "");
}

#[tokio::test]
async fn failed_blocked_and_cancelled_goals_say_why_and_exit_1_2_1() {
    let world = World::staffed().await;
    let child = world.start(&["--json", "build", "x"]);
    let goal = world.queued().await;
    world.plan(&goal.id).await;
    world.work("", "failed_for_good").await;
    let ran = Ran::of(child).await;
    assert_eq!(ran.code, Some(1));
    let report = ran.json();
    assert!(report["error"].as_str().unwrap().contains("the tests fail"), "{report}");
    assert_eq!(report["tasks"][1]["status"], "cancelled");
    assert_eq!(world.run(&["retry", &goal.id.task(1).to_string()]).code, Some(0));
    assert_eq!(world.client.goal_head(&goal.id).await.unwrap().state, GoalState::Running);
    assert_eq!(world.run(&["apply", goal.id.as_str()]).code, Some(64));

    let child = world.start(&["build", "a pony"]);
    let goal = world.queued().await;
    let token = world.begin_planning(&goal.id).await;
    let reason = "no playbook covers \"a pony\"; set VLLM_API_URL";
    world.client.end_goal(&goal.id, &token, GoalState::Blocked, reason, Some(&intent())).await.unwrap();
    let ran = Ran::of(child).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stdout.contains(reason), "{}", ran.stdout);

    let child = world.start(&["build", "y"]);
    let goal = world.queued().await;
    assert_eq!(world.run(&["cancel", goal.id.as_str()]).code, Some(0));
    assert_eq!(Ran::of(child).await.code, Some(1));
    assert_eq!(world.run(&["cancel", goal.id.as_str()]).code, Some(1));
}

#[tokio::test]
async fn a_signal_without_a_terminal_detaches_and_the_goal_goes_on() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let world = World::staffed().await;
        let mut child = world.start(&["build", "x"]);
        let goal = world.queued().await;
        // Wait until it follows: the first event is spoken of.
        world.begin_planning(&goal.id).await;
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("is being planned") {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
        }
        let killed =
            Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert_eq!(Ran::of(child).await.code, Some(code));
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        assert!(said.contains(&format!("codegod show {}", goal.id)), "{said}");
        assert_eq!(world.client.goal_head(&goal.id).await.unwrap().state, GoalState::Planning);
    }
}

#[tokio::test]
async fn redis_going_away_while_following_is_said_and_waited_out() {
    let mut world = World::staffed().await;
    let child = world.start(&["build", "x"]);
    let goal = world.queued().await;
    world.plan(&goal.id).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.restart_redis(Duration::from_secs(1)).await;
    world.work("", "blocked").await;
    let ran = Ran::of(child).await;
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("Redis is away") && ran.stderr.contains("Redis is back"), "{}", ran.stderr);
}

#[tokio::test]
async fn without_an_agent_a_goal_is_not_submitted_but_for_later() {
    let world = World::new().await;
    let ran = world.run(&["build", "Build a Flask API"]);
    assert_eq!(ran.code, Some(69), "{}", ran.stderr);
    assert!(ran.stderr.contains("no agent is running"), "{}", ran.stderr);
    assert_eq!(world.client.goals(10).await.unwrap().len(), 0);
    assert_eq!(world.run(&["build", "--detach", "Build a Flask API"]).code, Some(0));
    assert_eq!(world.client.goals(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn logs_can_be_held_to_what_matters() {
    let world = World::new().await;
    let status = common::agent(Role::Backend, now_ms() + 60_000);
    world.client.agent_heartbeat(&status).await.unwrap();
    let broke = NewLine { level: Level::Error, text: "it broke".to_owned() };
    world.client.append_log(&status.id, "", &[broke]).await.unwrap();
    let printed: Vec<NewLine> = (0..2_500).map(|number| NewLine::output(number.to_string())).collect();
    world.client.append_log(&status.id, "", &printed).await.unwrap();
    // Far back, behind more lines than one page holds.
    let errors = world.run(&["logs", "--level", "error", "-n", "5"]);
    let lines: Vec<&str> = errors.stdout.lines().collect();
    assert!(lines.len() == 1 && lines[0].ends_with("error: it broke"), "{errors:?}");
    let all = world.run(&["--json", "logs", "-n", "2"]);
    assert_eq!((all.stdout.lines().count(), all.json()["level"].as_str()), (2, Some("output")));
}

#[tokio::test]
async fn the_fleet_is_shown_scaled_wiped_and_drained() {
    let world = World::new().await;
    let (alive, dead) =
        (common::agent(Role::Backend, now_ms() + 60_000), common::agent(Role::Testing, 1_000));
    for status in [&alive, &dead] {
        world.client.agent_heartbeat(status).await.unwrap();
        world.client.store_memory(&status.id, &Memory::default()).await.unwrap();
        let lines = [NewLine::output(format!("\u{1b}]0;owned\u{7}hello from {}", status.id))];
        world.client.append_log(&status.id, "", &lines).await.unwrap();
    }
    assert_eq!(world.run(&["scale", "backend-agent", "4"]).code, Some(0));
    let status = world.run(&["status"]);
    let row =
        |name: &str| status.stdout.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert_eq!(row("backend ").split_whitespace().collect::<Vec<_>>(), ["backend", "4", "1", "0", "0"]);
    assert!(row(&dead.id.to_string()).contains("dead"), "{}", status.stdout);
    assert_eq!(world.run(&["--json", "status"]).json()["agents"][0]["alive"], true);

    let logs = world.run(&["logs"]);
    assert!(logs.stdout.contains(&format!("hello from {}", dead.id)), "{}", logs.stdout);
    assert!(!logs.stdout.contains('\u{1b}') && !logs.stdout.contains("owned"), "{:?}", logs.stdout);
    assert_eq!(world.run(&["logs", "testing"]).stdout.lines().count(), 1);
    assert_eq!(world.run(&["memory", &alive.id.to_string()]).code, Some(0));

    assert_eq!(world.run(&["wipe"]).code, Some(64), "nobody can be asked");
    assert_eq!(world.run(&["wipe", "--yes"]).code, Some(0));
    assert_eq!(world.client.agent_heartbeat(&alive).await.unwrap(), [Told::Wipe]);
    assert!(world.client.memory(&dead.id).await.is_err());

    let one = world.run(&["--json", "drain", &alive.id.to_string()]);
    assert_eq!(one.json()["drained"], json!([alive.id]));
    assert_eq!(world.client.agent_heartbeat(&alive).await.unwrap(), [Told::Drain]);
    assert_eq!(world.run(&["drain", "--all", "--wait", "0s"]).code, Some(1), "it is still there");
    assert_eq!(world.client.agent_heartbeat(&alive).await.unwrap(), [Told::Drain]);
    world.client.remove_agent(&alive.id).await.unwrap();
    assert_eq!(world.run(&["drain", "--all", "--wait", "5"]).code, Some(0));
}

#[tokio::test]
async fn logs_are_followed_as_they_come() {
    let world = World::new().await;
    let status = common::agent(Role::Backend, now_ms());
    world.client.agent_heartbeat(&status).await.unwrap();
    world.client.append_log(&status.id, "", &[NewLine::output("one")]).await.unwrap();
    let mut child = world.start(&["logs", "-f"]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    world.client.append_log(&status.id, "", &[NewLine::output("two")]).await.unwrap();
    stdout.read_line(&mut said).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("one") && said.contains("two"), "{said}");
}

#[tokio::test]
async fn a_detached_goal_prints_its_id_and_goals_lists_it() {
    let world = World::staffed().await;
    let ran = world.run(&["build", "--detach", "--priority", "9", "Build a Flask API"]);
    assert_eq!(ran.code, Some(0));
    let goal: Goal = world.queued().await;
    assert_eq!((ran.stdout.trim(), goal.priority), (goal.id.as_str(), 9));
    let listed = world.run(&["goals"]);
    assert!(
        listed.stdout.contains(goal.id.as_str()) && listed.stdout.contains("queued"),
        "{}",
        listed.stdout
    );
    assert_eq!(world.run(&["--json", "goals"]).json()[0]["goal"], json!(goal.id));
}
