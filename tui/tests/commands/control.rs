//! Control: pausing, deadlines, what was given up or put aside, and what is said of a Redis in trouble.

use codegod_protocol::client::{Claim, LeaseState, Worker, now_ms};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, Role};
use serde_json::{Value, json};

use crate::common::{self, Ran, World};

/// Hands a goal over and plans it as a master does.
async fn planned(world: &World) -> codegod_protocol::goal::Goal {
    assert_eq!(world.run(&["build", "--detach", "Build a Flask API"]).code, Some(0));
    let goal = world.queued().await;
    world.plan(&goal.id).await;
    goal
}

/// Whether a worker would get a task now; one that it gets is handed back.
async fn gets_a_task(world: &World) -> bool {
    let agent = AgentId::random(Role::Backend);
    let client = world.client_of(&agent).await;
    let Some(Claim::Task(claimed)) = client.claim(&mut Worker::new(&agent, &[])).await.unwrap() else {
        // Nobody brings anything to this agent later.
        client.recover(&agent, &[]).await.unwrap();
        return false;
    };
    let handed_back =
        client.release(&agent, &claimed.task.id, claimed.attempt, "only looking").await.unwrap();
    assert_eq!(handed_back, LeaseState::Held);
    true
}

#[tokio::test]
async fn a_paused_goal_hands_out_nothing_until_it_is_resumed() {
    let world = World::staffed().await;
    let goal = planned(&world).await;
    let id = goal.id.as_str();
    let paused = world.run(&["pause", id]);
    assert_eq!(paused.code, Some(0), "{}", paused.stderr);
    assert!(paused.stdout.contains(&format!("begin again after codegod resume {id}")), "{}", paused.stdout);
    assert_eq!(
        world.run(&["--json", "pause", id]).json(),
        json!({ "goal": id, "paused": true, "changed": false })
    );
    for command in ["goals", "status"] {
        let shown = world.run(&[command]).stdout;
        assert!(shown.lines().any(|line| line.starts_with(id) && line.contains(" paused ")), "{shown}");
    }
    assert!(!gets_a_task(&world).await);

    assert_eq!(world.run(&["resume", id]).stdout.trim(), format!("{id} goes on"));
    assert_eq!(world.run(&["resume", id]).stdout.trim(), format!("{id} is not paused"));
    assert!(gets_a_task(&world).await);
}

#[tokio::test]
async fn a_goal_that_is_paused_before_it_has_a_plan_says_so() {
    let world = World::staffed().await;
    world.run(&["build", "--detach", "x"]);
    let goal = world.queued().await;
    assert_eq!(world.run(&["pause", goal.id.as_str()]).code, Some(0));
    let shown = world.run(&["goals"]).stdout;
    assert!(shown.contains("queued, paused"), "{shown}");
    assert!(world.run(&["--json", "goals"]).json()[0]["paused_ms"].is_u64());
}

#[tokio::test]
async fn who_follows_a_goal_hears_that_it_was_paused_and_goes_on() {
    let world = World::staffed().await;
    let child = world.start(&["build", "x"]);
    let goal = world.queued().await;
    world.plan(&goal.id).await;
    for command in ["pause", "resume", "cancel"] {
        assert_eq!(world.run(&[command, goal.id.as_str()]).code, Some(0));
    }
    let ran = Ran::of(child).await;
    assert!(ran.stderr.contains(&format!("{} is paused; codegod resume", goal.id)), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("{} goes on\n", goal.id)), "{}", ran.stderr);
}

#[tokio::test]
async fn the_fleet_is_paused_only_when_somebody_agrees() {
    let world = World::staffed().await;
    let goal = planned(&world).await;
    assert_eq!(world.run(&["pause"]).code, Some(64), "nobody can be asked");
    assert!(gets_a_task(&world).await);
    let paused = world.run(&["pause", "--yes"]);
    assert!(paused.stdout.starts_with("the fleet is paused: "), "{}", paused.stdout);
    assert!(!gets_a_task(&world).await);
    let status = world.run(&["status"]);
    assert!(status.stdout.starts_with("the fleet is paused for "), "{}", status.stdout);
    assert!(world.run(&["--json", "status"]).json()["paused_ms"].is_u64());
    let built = world.run(&["build", "--detach", "y"]);
    assert!(
        built.stderr.contains("the fleet is paused; the goal waits until codegod resume"),
        "{}",
        built.stderr
    );
    let one = world.run(&["resume", goal.id.as_str()]);
    assert!(one.stderr.contains("the fleet is paused, too"), "{}", one.stderr);

    assert_eq!(world.run(&["resume"]).code, Some(64), "nobody can be asked");
    assert_eq!(
        world.run(&["--json", "resume", "--yes"]).json(),
        json!({ "goal": null, "paused": false, "changed": true })
    );
    assert_eq!(world.run(&["resume", "--yes"]).stdout.trim(), "the fleet is not paused");
    assert!(gets_a_task(&world).await);
}

#[tokio::test]
async fn an_agent_says_why_it_claims_nothing() {
    let world = World::new().await;
    let mut agent = common::agent(Role::Backend, now_ms() + 60_000);
    agent.note = Some("waiting for memory: 1.1 GiB free on this host; 1.2 GiB must be".to_owned());
    world.client.agent_heartbeat(&agent).await.unwrap();
    let shown = world.run(&["status"]).stdout;
    assert!(shown.contains("waiting for memory: 1.1 GiB free"), "{shown}");
    (agent.title, agent.note) = (Some("Flask app".to_owned()), Some("Redis is loading its data".to_owned()));
    world.client.agent_heartbeat(&agent).await.unwrap();
    let shown = world.run(&["status"]).stdout;
    assert!(shown.contains("Flask app; Redis is loading its data"), "{shown}");
}

#[tokio::test]
async fn a_deadline_goes_with_the_goal_and_the_report_says_whether_it_was_met() {
    let world = World::staffed().await;
    for (given, met) in [("30m", true), ("1s", false)] {
        let child = world.start(&["--json", "build", "--deadline", given, "Build a Flask API"]);
        let goal = world.queued().await;
        let ms = if met { 30 * 60_000 } else { 1_000 };
        assert_eq!(goal.deadline_ms, Some(goal.submitted_ms + ms));
        let made = world.folder.path().join(format!("made-{given}"));
        std::fs::create_dir(&made).unwrap();
        std::fs::write(made.join("app.py"), "app\n").unwrap();
        let commit = world.publish_folder(&goal.id, &made, &[]).await;
        world.plan(&goal.id).await;
        world.work(&commit, "succeeded").await;
        if !met {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        world.work(&commit, "succeeded").await;
        let ran = Ran::of(child).await;
        assert_eq!((ran.code, &ran.json()["deadline"]["met"]), (Some(0), &json!(met)), "{ran:?}");
        let shown = world.run(&["show", goal.id.as_str()]).stdout;
        let words = if met { "deadline: met, with 29m " } else { "deadline: missed by " };
        assert!(shown.contains(words), "{shown}");
    }
}

#[tokio::test]
async fn tasks_that_were_given_up_are_listed_and_tried_again() {
    let world = World::staffed().await;
    assert!(world.run(&["dead"]).stderr.contains("no task was given up"));
    assert_eq!(world.run(&["retry", "--all-dead"]).code, Some(0), "there is nothing to ask about");
    let goal = planned(&world).await;
    world.work("", "failed_for_good").await;
    let task = goal.id.task(1).to_string();
    let listed = world.run(&["dead"]);
    let row = listed.stdout.lines().nth(1).unwrap_or_default();
    assert!(row.starts_with(&task) && row.contains("Task 1") && row.contains("the tests fail"), "{listed:?}");
    let letters = world.run(&["--json", "dead"]).json();
    assert_eq!((&letters["total"], &letters["dead"][0]["title"]), (&json!(1), &json!("Task 1")));
    let status = world.run(&["status"]).stdout;
    assert!(status.contains("needs a person: 1 task given up (codegod dead)"), "{status}");

    assert_eq!(world.run(&["retry", "--all-dead"]).code, Some(64), "nobody can be asked");
    // A letter whose task is gone stands in nobody's way.
    world.redis(&["XADD", "codegod:dead", "*", "task", "g-7k2m9qx4.1", "reason", "old"]);
    let gone = world.run(&["dead"]).stdout;
    assert!(gone.contains("(its goal is gone)"), "{gone}");
    let retried = world.run(&["--json", "retry", "--all-dead", "--yes"]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert_eq!(retried.json()["retried"], json!([task]));
    assert_eq!(retried.json()["refused"][0]["task"], "g-7k2m9qx4.1");
    assert_eq!(world.client.goal_head(&goal.id).await.unwrap().state, GoalState::Running);
    assert_eq!(world.run(&["--json", "dead"]).json()["total"], 1, "only what can't be tried again is left");
    assert_eq!(world.run(&["retry", "--all-dead", "--yes"]).code, Some(1), "none can be tried again");
}

#[tokio::test]
async fn what_was_put_aside_is_listed_without_its_control_characters_and_deleted_when_asked() {
    let world = World::new().await;
    assert_eq!(world.run(&["--json", "quarantine", "--clear"]).json(), json!({ "cleared": 0 }));
    for number in 1..=3 {
        let entry = format!("{{\u{1b}[2J\u{1b}]0;owned\u{7}entry {number}");
        world.client.quarantine("queue:backend", &entry, "it is no JSON").await.unwrap();
    }
    let listed = world.run(&["quarantine", "-n", "2"]);
    assert!(listed.stdout.contains("queue:backend  it is no JSON  {entry 3"), "{}", listed.stdout);
    assert!(!listed.stdout.contains("entry 1") && !listed.stdout.contains("owned"), "{}", listed.stdout);
    assert!(listed.stderr.contains("and 1 older"), "{}", listed.stderr);
    assert_eq!(world.run(&["--json", "quarantine"]).json()["total"], 3);
    assert_eq!(world.run(&["quarantine", "--clear"]).code, Some(64), "nobody can be asked");
    assert_eq!(world.run(&["quarantine", "--clear", "--yes"]).stdout.trim(), "deleted: 3 entries");
    assert!(world.run(&["quarantine"]).stderr.contains("nothing was put aside"));
}

#[tokio::test]
async fn a_redis_in_trouble_is_named_with_what_to_do() {
    let world = World::staffed().await;
    world.redis(&["config", "set", "maxmemory", "1"]);
    let ran = world.run(&["build", "--detach", "x"]);
    assert_eq!(ran.code, Some(69), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("Redis is out of memory, while submitting a goal; raise its"),
        "{}",
        ran.stderr
    );
}

/// What `doctor` found, by name.
fn finding(world: &World, name: &str) -> Value {
    // Something else may be missing here, and then a line with the error follows.
    let ran = world.run(&["--json", "doctor"]);
    let told: Value = serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap();
    let findings = told["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["name"] == name).cloned().unwrap_or_default()
}

#[tokio::test]
async fn the_doctor_tells_a_redis_that_may_lose_or_drop_what_it_accepted() {
    let world = World::new().await;
    assert_eq!(finding(&world, "kept")["health"], "good");
    assert_eq!(finding(&world, "memory")["health"], "good");
    assert!(finding(&world, "redis")["fact"].as_str().unwrap().ends_with("as user default"));
    world.redis(&["config", "set", "appendonly", "no"]);
    world.redis(&["config", "set", "maxmemory", "100mb"]);
    world.redis(&["config", "set", "maxmemory-policy", "allkeys-lru"]);
    assert_eq!(finding(&world, "kept")["health"], "warning");
    assert_eq!(finding(&world, "memory")["health"], "missing");
    assert_eq!(world.run(&["doctor"]).code, Some(69));
}

#[tokio::test]
async fn the_doctor_tells_what_waits_for_a_person() {
    let world = World::staffed().await;
    assert_eq!(finding(&world, "fleet")["fact"], "1 agent; leases of 15 s");
    assert_eq!(finding(&world, "given up")["health"], "good");
    world.run(&["pause", "--yes"]);
    world.client.quarantine("queue:backend", "{", "it is no JSON").await.unwrap();
    assert_eq!(finding(&world, "fleet")["health"], "warning");
    assert_eq!(finding(&world, "given up")["fact"], "0 tasks; put aside: 1 entry");
}

#[tokio::test]
async fn gc_tells_what_redis_holds_also_where_docker_does_not_answer() {
    let world = World::staffed().await;
    let goal = planned(&world).await;
    let run = |args: &[&str]| {
        let mut command = world.codegod(args);
        Ran::from(command.env("DOCKER_HOST", "tcp://127.0.0.1:1").output().unwrap())
    };
    let told = run(&["--json", "gc", "--dry-run"]);
    assert_eq!(told.code, Some(69), "{}", told.stderr);
    assert!(told.stderr.contains("Docker was left as it is: "), "{}", told.stderr);
    let told = told.json();
    assert_eq!((&told["dry_run"], &told["redis"]["collected"]["goals"]), (&json!(true), &json!(0)));
    let families: Vec<&str> = told["redis"]["holds"]["families"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|of| of["name"].as_str())
        .collect();
    assert!(families.contains(&"task:*") && families.contains(&"events"), "{families:?}");

    // A task's hash whose goal is gone belongs to nothing.
    world.redis(&["HSET", "codegod:task:g-7k2m9qx4.1", "state", "ready"]);
    let shown = run(&["gc"]);
    assert!(
        shown.stdout.contains("Redis: removed 1 stray key") && shown.stdout.contains("IN REDIS"),
        "{shown:?}"
    );
    assert_eq!(world.client.goal_head(&goal.id).await.unwrap().state, GoalState::Running);
}

#[tokio::test]
async fn the_console_user_of_redis_may_do_all_of_it_and_an_agents_may_not() {
    let world = World::staffed().await;
    for line in
        codegod_protocol::acl::users_file("codegod:").lines().filter(|line| !line.contains(" default "))
    {
        let rules: Vec<&str> = line.split_whitespace().skip(1).collect();
        world.redis(&[&["ACL", "SETUSER"], rules.as_slice()].concat());
    }
    let run = |user: &str, args: &[&str]| {
        let mut command = world.codegod(args);
        command.env("REDIS_USERNAME", user).env("REDIS_PASSWORD", format!("change-{user}"));
        Ran::from(command.env("DOCKER_HOST", "tcp://127.0.0.1:1").output().unwrap())
    };
    let goal = planned(&world).await;
    world.work("", "failed_for_good").await;
    world.client.quarantine("queue:backend", "{", "it is no JSON").await.unwrap();
    let console = "codegod-console";
    let all: &[&[&str]] = &[
        &["status"],
        &["dead"],
        &["retry", "--all-dead", "--yes"],
        &["pause", goal.id.as_str()],
        &["resume", goal.id.as_str()],
        &["pause", "--yes"],
        &["resume", "--yes"],
        &["quarantine"],
        &["quarantine", "--clear", "--yes"],
    ];
    for args in all {
        let ran = run(console, args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
    }
    let told = run(console, &["--json", "gc"]).json();
    assert_eq!(told["redis"]["collected"]["problems"], json!([]), "{told}");
    let told = run(console, &["--json", "doctor"]).stdout;
    assert!(told.lines().next().unwrap().contains("as user codegod-console"), "{told}");

    let refused = run("codegod-worker", &["pause", "--yes"]);
    assert_eq!(refused.code, Some(69), "{}", refused.stderr);
    assert!(refused.stderr.contains("the Redis user may not do this, while pausing"), "{}", refused.stderr);
}
