//! What a life takes: a redis-server of its own, and small goals, tasks and results.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use codegod_protocol::action::Action;
use codegod_protocol::client::{Claimed, now_ms};
use codegod_protocol::goal::{GOAL_VERSION, Goal};
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_protocol::intent::{Intent, ProjectType, Stack};
use codegod_protocol::result::{Outputs, ResultStatus, TaskResult};
use codegod_protocol::task::{Check, Procedure, TASK_VERSION, Task, TaskKind};

/// A redis-server on loopback that writes nothing, ended when dropped.
pub(crate) struct RedisServer {
    port: u16,
    child: Child,
}

impl RedisServer {
    pub(crate) fn start() -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting redis-server (Debian package redis-server)")?;
        let mut server = Self { port, child };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(server.child.try_wait()?.is_none(), "redis-server ended at once");
            ensure!(Instant::now() < deadline, "redis-server did not answer within 10 s");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// An emptied server, and a connection to look into it.
    pub(crate) fn emptied(&self) -> Result<redis::Connection> {
        let mut raw = redis::Client::open(self.url())?.get_connection()?;
        redis::cmd("FLUSHALL").query::<()>(&mut raw)?;
        Ok(raw)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn goal() -> Goal {
    Goal {
        version: GOAL_VERSION,
        id: GoalId::random(),
        text: "a goal of the model's".to_owned(),
        workspace: None,
        described: None,
        priority: 5,
        uncovered: Default::default(),
        deployment: Default::default(),
        kind: Default::default(),
        submitted_ms: now_ms(),
        deadline_ms: None,
    }
}

/// An intent that says nothing.
pub(crate) fn intent() -> Intent {
    Intent {
        project: ProjectType::Unknown,
        name: "test".into(),
        title: "Test".into(),
        stack: Stack::default(),
        resources: vec![],
        features: vec![],
        constraints: vec![],
        symptom: None,
        understood: vec![],
        not_covered: vec![],
        picture: None,
    }
}

/// A task that checks for a file, needing the tasks with those numbers.
pub(crate) fn task(goal: &GoalId, number: u32, role: Role, needs: &[u32]) -> Task {
    let check = Check {
        title: "there is a README".into(),
        action: Action::ReadFile { path: "README.md".into() },
        environment: None,
        repeat: true,
    };
    Task {
        version: TASK_VERSION,
        id: goal.task(number),
        goal: goal.clone(),
        parent: None,
        role,
        capabilities: vec![],
        title: format!("task {number}"),
        description: String::new(),
        kind: TaskKind::Work,
        needs: needs.iter().map(|number| goal.task(*number)).collect(),
        priority: 5,
        deadline_seconds: 60,
        max_attempts: 3,
        environment: None,
        environments: Default::default(),
        setups: Default::default(),
        procedure: Procedure { validate: vec![check], ..Procedure::default() },
        metadata: Default::default(),
    }
}

/// What an attempt publishes.
pub(crate) fn result(claimed: &Claimed, agent: &AgentId, status: ResultStatus) -> TaskResult {
    let succeeded = status == ResultStatus::Succeeded;
    let outputs = Outputs {
        commit: "c".repeat(40),
        environments: Default::default(),
        images: Default::default(),
        setups: Default::default(),
    };
    TaskResult {
        task: claimed.task.id.clone(),
        attempt: claimed.attempt,
        agent: agent.clone(),
        status,
        outputs: succeeded.then_some(outputs),
        evidence: vec![],
        verdict: None,
        started_ms: now_ms(),
        seconds: 0.1,
        usage: Default::default(),
        tests: None,
        error: (!succeeded).then(|| "it did not work".to_owned()),
        next_steps: vec![],
        diagnoses: vec![],
    }
}
