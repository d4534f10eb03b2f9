//! A Redis of the test's own, a master and a worker played by the test, and the real binary.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::client::{Claim, Client, Planning, PlanningToken, Worker, now_ms};
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_protocol::intent::Intent;
use codegod_protocol::result::TaskResult;
use codegod_protocol::task::Task;
use codegod_source::{Limits, Repository, capture_folder};
use serde_json::{Value, json};

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Redis and a folder for everything that the binary writes; both end with the test.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) client: Client,
    port: u16,
    server: Child,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = serve(folder.path(), port);
        let client = connect(port, "test").await;
        Self { folder, client, port, server }
    }

    /// A world with an agent that says that it lives; the test plays its part.
    pub(crate) async fn staffed() -> Self {
        let world = Self::new().await;
        world.client.agent_heartbeat(&agent(Role::Testing, now_ms() + 600_000)).await.unwrap();
        world
    }

    /// Kills Redis, and starts it again on the same files after `away`.
    pub(crate) async fn restart_redis(&mut self, away: Duration) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
        tokio::time::sleep(away).await;
        self.server = serve(self.folder.path(), self.port);
        self.client = connect(self.port, "test").await;
    }

    /// The binary, set up for this world.
    pub(crate) fn codegod(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codegod"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("LOG_LEVEL").env("CODEGOD_PREFIX", "codegod:");
        command.env("REDIS_URL", format!("redis://127.0.0.1:{}", self.port));
        command.env("CODEGOD_STATE_DIR", self.folder.path().join("state"));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.codegod(args).output().unwrap())
    }

    /// Starts a command that is looked at later.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.codegod(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A client as an agent has it.
    pub(crate) async fn client_of(&self, agent: &AgentId) -> Client {
        connect(self.port, &agent.to_string()).await
    }

    /// Tells Redis something by hand.
    pub(crate) fn redis(&self, args: &[&str]) {
        let done =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && !said.starts_with("ERR"), "redis-cli {args:?}: {said}");
    }

    /// Waits for the newest goal that is queued.
    pub(crate) async fn queued(&self) -> Goal {
        let until = Instant::now() + PATIENCE;
        loop {
            let goals = self.client.goals(10).await.unwrap();
            if let Some(view) = goals.into_iter().find(|view| view.state == GoalState::Queued) {
                return view.goal;
            }
            assert!(Instant::now() < until, "no goal was queued");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Plans a goal as a master does: two backend tasks, one behind the other.
    pub(crate) async fn plan(&self, goal: &GoalId) {
        let token = self.begin_planning(goal).await;
        let tasks = [task(goal, 1, &[]), task(goal, 2, &[1])];
        self.client.submit_plan(goal, &token, &intent(), &tasks).await.unwrap();
    }

    /// Begins to plan a goal as a master does.
    pub(crate) async fn begin_planning(&self, goal: &GoalId) -> PlanningToken {
        match self.client.begin_planning(goal).await.unwrap() {
            Planning::Begun(token) => token,
            Planning::Superseded(state) => panic!("{goal} is {state}"),
        }
    }

    /// Claims the next task and publishes a result of that status as a worker does.
    pub(crate) async fn work(&self, commit: &str, status: &str) {
        let agent = AgentId::random(Role::Backend);
        let client = self.client_of(&agent).await;
        let Some(Claim::Task(claimed)) = client.claim(&mut Worker::new(&agent, &[])).await.unwrap() else {
            panic!("there is no task to claim")
        };
        let evidence =
            json!({ "command": "pytest -q", "exit_code": 0, "output": "3 passed", "seconds": 0.5 });
        let result: TaskResult = serde_json::from_value(json!({
            "task": claimed.task.id, "attempt": claimed.attempt, "agent": agent, "status": status,
            "outputs": (status == "succeeded").then(|| json!({ "commit": commit })),
            "evidence": [evidence], "started_ms": now_ms(), "seconds": 1.5,
            "error": (status != "succeeded").then_some("the tests fail"),
        }))
        .unwrap();
        client.publish(&result).await.unwrap();
    }

    /// Stores a commit that holds the folder, as a worker does. `known` is the commit it builds on.
    pub(crate) async fn publish_folder(&self, goal: &GoalId, folder: &Path, known: &[&str]) -> String {
        let git = self.folder.path().join(format!("worker-{goal}.git"));
        let repo = Repository::open_or_init(git).await.unwrap();
        let captured = capture_folder(folder, &repo, Limits::default()).await.unwrap();
        if let Some(bundle) = repo.export_bundle(&captured.commit, known, 1 << 20).await.unwrap() {
            self.client.store_bundle(goal, &captured.commit, &bundle).await.unwrap();
        }
        captured.commit
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _gone = self.server.kill();
        let _gone = self.server.wait();
    }
}

fn serve(folder: &Path, port: u16) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "yes"]);
    command.arg("--dir").arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

async fn connect(port: u16, who: &str) -> Client {
    let until = Instant::now() + PATIENCE;
    loop {
        match Client::pooled(&format!("redis://127.0.0.1:{port}"), "codegod:", who).await {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < until, "Redis did not start: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// Waits for a started command, which must end in time.
    pub(crate) async fn of(child: Child) -> Self {
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
        tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap().unwrap().into()
    }

    /// The last line of stdout, which is JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.stdout.lines().last().unwrap_or_default())
            .unwrap_or_else(|_| panic!("{self:?}"))
    }
}

fn task(goal: &GoalId, number: u32, needs: &[u32]) -> Task {
    serde_json::from_value(json!({
        "version": 1, "id": goal.task(number), "goal": goal, "role": "backend", "title": format!("Task {number}"),
        "kind": "work", "needs": needs.iter().map(|need| goal.task(*need)).collect::<Vec<_>>(), "priority": 5,
        "deadline_seconds": 60, "max_attempts": 1,
        "procedure": { "problem": "", "hypotheses": [], "validate": [
            { "title": "it is there", "action": { "action": "check_file_exists", "path": "app.py" } }] },
    }))
    .unwrap()
}

/// An intent with a name that must not be used as it is.
pub(crate) fn intent() -> Intent {
    serde_json::from_value(json!({
        "project": "backend_only", "name": "../todo-app", "title": "Todo app", "stack": { "backend": "flask" },
    }))
    .unwrap()
}

/// What an agent would say of itself.
pub(crate) fn agent(role: Role, heartbeat_ms: u64) -> AgentStatus {
    serde_json::from_value(json!({
        "id": AgentId::random(role), "role": role, "capabilities": [], "host": "h", "pid": 1, "phase": "idle",
        "current_task": null, "usage": { "cpu_seconds": 0.0, "peak_memory_bytes": 0, "output_bytes": 0 },
        "succeeded": 3, "failed": 1, "started_ms": 1, "heartbeat_ms": heartbeat_ms, "version": "0",
    }))
    .unwrap()
}
