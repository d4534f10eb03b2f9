//! A Redis of the test's own, work that is done on it, and a console's store that the feed fills.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::client::{Claim, Claimed, Client, Planning, Worker, now_ms};
use codegod_protocol::goal::Goal;
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_protocol::result::TaskResult;
use codegod_protocol::task::Task;
use serde_json::json;
use tokio::sync::mpsc;

use crate::commands::Place;
use crate::console::feed::{Feed, News, start};
use crate::console::store::Store;
use crate::console::store::news::LogBatch;

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Redis on a port and a folder of its own, which may be down.
pub(super) struct World {
    folder: tempfile::TempDir,
    port: u16,
    args: Vec<String>,
    server: Option<Child>,
}

impl World {
    /// A world whose Redis does not run.
    pub(super) fn dark() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { folder: tempfile::tempdir().unwrap(), port, args: Vec::new(), server: None }
    }

    /// A world whose Redis runs.
    pub(super) async fn lit() -> Self {
        let mut world = Self::dark();
        world.light().await;
        world
    }

    pub(super) fn with(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// Starts Redis without waiting for it.
    pub(super) fn spark(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""]);
        command.args(["--appendonly", "yes"]).args(&self.args).arg("--dir").arg(self.folder.path());
        self.server = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    pub(super) async fn light(&mut self) {
        self.spark();
        self.client("test").await;
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    pub(super) fn place(&self) -> Place {
        Place { url: format!("redis://127.0.0.1:{}", self.port), prefix: "codegod:".to_owned() }
    }

    pub(super) async fn client(&self, who: &str) -> Client {
        let until = Instant::now() + PATIENCE;
        loop {
            match Client::connect(&self.place().url, "codegod:", who).await {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < until, "Redis did not start: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Tells Redis something by hand.
    pub(super) fn redis(&self, args: &[&str]) {
        let done =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && !said.starts_with("ERR"), "redis-cli {args:?}: {said}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A console without a screen.
pub(super) struct Console {
    pub(super) feed: Feed,
    pub(super) store: Store,
    pub(super) logs: Vec<LogBatch>,
    /// How many messages came that were not about the connection.
    pub(super) told: usize,
    inbox: mpsc::Receiver<News>,
}

impl Console {
    pub(super) fn on(world: &World) -> Self {
        let (to, inbox) = mpsc::channel(256);
        let feed = start(world.place(), to, &tokio::runtime::Handle::current());
        Self { feed, store: Store::default(), logs: Vec::new(), told: 0, inbox }
    }

    /// Takes news in until something holds.
    pub(super) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !holds(self) {
            let news = tokio::time::timeout_at(until, self.inbox.recv()).await;
            let Ok(Some(news)) = news else { panic!("never came about: {what}; {:#?}", self.store) };
            self.take(news);
        }
    }

    /// Takes in whatever comes for a while.
    pub(super) async fn listen(&mut self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while let Ok(Some(news)) = tokio::time::timeout_at(until, self.inbox.recv()).await {
            self.take(news);
        }
    }

    fn take(&mut self, news: News) {
        // How long Redis takes to answer jumps on a busy machine.
        self.told += usize::from(!matches!(news, News::Connection(_)));
        match news {
            News::Logs(batch) => self.logs.push(batch),
            news => {
                self.store.apply(news, now_ms());
            }
        }
    }
}

/// What an agent would say of itself.
pub(super) fn agent(role: Role) -> AgentStatus {
    serde_json::from_value(json!({
        "id": AgentId::random(role), "role": role, "capabilities": [], "host": "h", "pid": 1, "phase": "idle",
        "current_task": null, "usage": { "cpu_seconds": 0.0, "peak_memory_bytes": 0, "output_bytes": 0 },
        "succeeded": 3, "failed": 1, "started_ms": 1, "heartbeat_ms": now_ms(), "version": "0",
    }))
    .unwrap()
}

/// A task of a plan.
pub(super) fn task(goal: &GoalId, number: u32, role: Role, needs: &[u32]) -> Task {
    serde_json::from_value(json!({
        "version": 1, "id": goal.task(number), "goal": goal, "role": role, "title": format!("Task\t{number}"),
        "kind": "work", "needs": needs.iter().map(|need| goal.task(*need)).collect::<Vec<_>>(), "priority": 5,
        "deadline_seconds": 60, "max_attempts": 2,
        "procedure": { "problem": "a \u{1b}[31mred\u{1b}[0m one", "hypotheses": [], "validate": [
            { "title": "it is there", "action": { "action": "check_file_exists", "path": "app.py" } }] },
    }))
    .unwrap()
}

/// Hands a goal over.
pub(super) async fn submit(client: &Client, text: &str) -> GoalId {
    let id = GoalId::random();
    let goal: Goal = serde_json::from_value(json!({
        "version": 1, "id": id, "text": text, "priority": 5, "submitted_ms": now_ms(),
    }))
    .unwrap();
    client.submit_goal(&goal).await.unwrap();
    id
}

/// Plans a goal as a master does.
pub(super) async fn plan(client: &Client, goal: &GoalId, tasks: &[Task]) {
    let Planning::Begun(token) = client.begin_planning(goal).await.unwrap() else { panic!("not begun") };
    let intent = serde_json::from_value(json!({
        "project": "backend_only", "name": "todo-app", "title": "Todo app", "stack": { "backend": "flask" },
    }));
    client.submit_plan(goal, &token, &intent.unwrap(), tasks).await.unwrap();
}

/// Claims a task as an agent does.
pub(super) async fn claim(world: &World, agent: &AgentId) -> (Client, Box<Claimed>) {
    let client = world.client(&agent.to_string()).await;
    match client.claim(&mut Worker::new(agent, &[])).await.unwrap() {
        Some(Claim::Task(claimed)) => (client, claimed),
        other => panic!("no task to claim: {other:?}"),
    }
}

/// What an attempt publishes.
pub(super) fn result(claimed: &Claimed, agent: &AgentId, status: &str) -> TaskResult {
    serde_json::from_value(json!({
        "task": claimed.task.id, "attempt": claimed.attempt, "agent": agent, "status": status,
        "outputs": (status == "succeeded").then(|| json!({ "commit": "c0ffee" })),
        "evidence": [{ "command": "pytest", "exit_code": 0, "output": "\u{1b}[32m3 passed", "seconds": 0.5 }],
        "tests": { "passed": 3, "failed": 0, "skipped": 1 }, "started_ms": now_ms(), "seconds": 1.5,
        "error": (status != "succeeded").then_some("the tests fail"),
    }))
    .unwrap()
}
