//! The journal of an attempt: every phase, finding and action goes to the event stream and to the
//! agent's memory, an action before it starts and again when it ends; output goes to the log.
//!
//! A record that can't be written (Redis is away for a moment) is reported and the work goes on:
//! whether the attempt counts is decided by its fenced publish, not by its journal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codegod_protocol::agent::Phase;
use codegod_protocol::client::{self, Client, now_ms};
use codegod_protocol::event::Event;
use codegod_protocol::evidence::{Evidence, Finding, Verdict};
use codegod_protocol::id::{AgentId, TaskId};
use codegod_protocol::log::Level;
use codegod_protocol::memory::{ActionRecord, CurrentTask, MEMORY_ENTRIES, Memory, Reasoning};
use codegod_protocol::task::Task;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::lines::Lines;

/// How often output lines are sent.
const FLUSH_EVERY: Duration = Duration::from_millis(200);

/// The journal of one attempt.
pub struct Journal {
    client: Client,
    agent: AgentId,
    task: TaskId,
    attempt: u32,
    memory: Arc<tokio::sync::Mutex<Memory>>,
    phase: watch::Sender<Phase>,
    output: Arc<Mutex<Lines>>,
    failing: Arc<AtomicBool>,
    closed: CancellationToken,
}

impl Journal {
    /// Opens the journal of an attempt and starts sending its output.
    pub fn open(
        client: Client,
        agent: AgentId,
        task: &Task,
        attempt: u32,
        memory: Arc<tokio::sync::Mutex<Memory>>,
        phase: watch::Sender<Phase>,
    ) -> Self {
        let output = Arc::new(Mutex::new(Lines::default()));
        let closed = CancellationToken::new();
        let (task, failing) = (task.id.clone(), Arc::default());
        let journal = Self { client, agent, task, attempt, memory, phase, output, failing, closed };
        journal.spawn_flusher();
        journal
    }

    /// Sends output until the journal is closed. On close the rest is sent by [`Journal::close`].
    fn spawn_flusher(&self) {
        let (client, agent, task) = (self.client.clone(), self.agent.clone(), self.task.to_string());
        let (output, closed) = (Arc::clone(&self.output), self.closed.clone());
        let failing = Arc::clone(&self.failing);
        tokio::spawn(async move {
            while closed.run_until_cancelled(tokio::time::sleep(FLUSH_EVERY)).await.is_some() {
                flush(&client, &agent, &task, &output, &failing).await;
            }
        });
    }

    /// Takes output as it comes.
    pub fn output(&self, bytes: &[u8]) {
        if let Ok(mut lines) = self.output.lock() {
            lines.push(bytes);
        }
    }

    /// One line of the agent's own.
    pub fn say(&self, line: &str) {
        self.say_at(Level::Info, line);
    }

    /// One line of the agent's own that matters more, or less.
    pub fn say_at(&self, level: Level, line: &str) {
        if let Ok(mut lines) = self.output.lock() {
            lines.say(level, line);
        }
    }

    /// Sends what is left.
    pub async fn close(&self) {
        self.closed.cancel();
        if let Ok(mut lines) = self.output.lock() {
            lines.end_line();
        }
        flush(&self.client, &self.agent, &self.task.to_string(), &self.output, &self.failing).await;
    }

    /// Appends an event about this attempt.
    pub async fn event(&self, kind: &str, data: Value) {
        let event = Event {
            kind: kind.to_owned(),
            who: self.agent.to_string(),
            goal: Some(self.task.goal().clone()),
            task: Some(self.task.clone()),
            attempt: Some(self.attempt),
            data,
        };
        note(self.client.append_event(&event).await, "an event", &self.failing);
    }

    /// The attempt enters a phase.
    pub async fn phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
        self.event("phase", json!({ "phase": phase.name() })).await;
    }

    /// The attempt starts.
    pub async fn started(&self, task: &Task) {
        let current = CurrentTask {
            task: task.id.clone(),
            attempt: self.attempt,
            title: task.title.clone(),
            actions: Vec::new(),
        };
        self.remember(|memory| memory.current_task = Some(current)).await;
        self.say(&format!("── {} attempt {}: {}", task.id, self.attempt, task.title));
    }

    /// Something was seen.
    pub async fn observed(&self, finding: &Finding) {
        self.say(&format!("observed: {}", finding.fact));
        self.event(
            "observed",
            json!({ "id": finding.id, "fact": finding.fact, "command": finding.evidence.command,
            "exit_code": finding.evidence.exit_code }),
        )
        .await;
        let finding = finding.clone();
        self.remember(|memory| push_bounded(&mut memory.observations, finding)).await;
    }

    /// The findings were reasoned about, and a plan follows.
    pub async fn reasoned(&self, reasoning: &Reasoning) {
        self.say(&format!("concluded: {}", reasoning.conclusion));
        self.event(
            "reasoned",
            json!({
                "problem_analysis": reasoning.problem_analysis,
                "root_causes": reasoning.root_causes,
                "approach": reasoning.approach,
                "risks": reasoning.risks,
                "success_criteria": reasoning.success_criteria,
                "conclusion": reasoning.conclusion,
            }),
        )
        .await;
        let steps: Vec<Value> = reasoning
            .plan
            .iter()
            .map(|step| json!({ "action": step.action.name(), "expect": step.expect, "confidence": step.confidence }))
            .collect();
        self.event("planned", json!({ "steps": steps })).await;
        let reasoning = without_contents(reasoning.clone());
        self.remember(|memory| push_bounded(&mut memory.reasoning_history, reasoning)).await;
    }

    /// Actions are about to start. Returns their numbers.
    pub async fn intend(&self, actions: &[(&str, &str)]) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(actions.len());
        let intended_ms = now_ms();
        self.remember(|memory| {
            let Some(current) = &mut memory.current_task else { return };
            for (action, expect) in actions {
                let number = u32::try_from(current.actions.len() + 1).unwrap_or(u32::MAX);
                numbers.push(number);
                current.actions.push(ActionRecord {
                    number,
                    action: (*action).to_owned(),
                    expect: (*expect).to_owned(),
                    intended_ms,
                    outcome: None,
                });
            }
        })
        .await;
        for (number, (action, expect)) in numbers.iter().zip(actions) {
            self.event("action_started", json!({ "number": number, "action": action, "expect": expect }))
                .await;
        }
        numbers
    }

    /// Actions have ended.
    pub async fn finished(&self, ended: &[(u32, &str, &Evidence)]) {
        self.remember(|memory| {
            let Some(current) = &mut memory.current_task else { return };
            for (number, _, evidence) in ended {
                if let Some(record) = current.actions.iter_mut().find(|record| record.number == *number) {
                    record.outcome = Some((*evidence).clone());
                }
            }
        })
        .await;
        for (number, action, evidence) in ended {
            if !evidence.succeeded() {
                let said =
                    format!("{action} ended with exit code {}: {}", evidence.exit_code, evidence.command);
                self.say_at(Level::Error, &said);
            }
            self.event(
                "action_finished",
                json!({ "number": number, "action": action, "command": evidence.command,
                "exit_code": evidence.exit_code, "seconds": evidence.seconds }),
            )
            .await;
        }
    }

    /// The outcome of validation.
    pub async fn validated(&self, verdict: &Verdict) {
        let (level, how) = if verdict.passed { (Level::Info, "passed") } else { (Level::Error, "failed") };
        self.say_at(level, &format!("validation {how}: {}", verdict.summary));
        let checks: Vec<Value> = verdict
            .checks
            .iter()
            .map(|check| json!({ "title": check.title, "passed": check.passed }))
            .collect();
        self.event(
            "validated",
            json!({ "passed": verdict.passed, "summary": verdict.summary, "checks": checks }),
        )
        .await;
    }

    /// Changes the memory and stores it.
    pub async fn remember(&self, change: impl FnOnce(&mut Memory)) {
        let mut memory = self.memory.lock().await;
        change(&mut memory);
        note(self.client.store_memory(&self.agent, &memory).await, "the memory", &self.failing);
    }
}

async fn flush(client: &Client, agent: &AgentId, task: &str, output: &Mutex<Lines>, failing: &AtomicBool) {
    let lines = output.lock().map(|mut lines| lines.take()).unwrap_or_default();
    if !lines.is_empty() {
        note(client.append_log(agent, task, &lines).await, "log lines", failing);
    }
}

/// Says that a record is lost; of a row of them, loudly only the first.
fn note(written: Result<(), client::Error>, what: &str, failing: &AtomicBool) {
    match written {
        Ok(()) => failing.store(false, Ordering::Relaxed),
        Err(error) if failing.swap(true, Ordering::Relaxed) => {
            tracing::debug!(%error, "{what} could not be written either");
        }
        Err(error) => tracing::warn!(%error, "{what} could not be written; the work goes on"),
    }
}

/// Adds to a list of the memory, dropping the oldest beyond its bound.
pub fn push_bounded<T>(list: &mut Vec<T>, entry: T) {
    list.push(entry);
    let excess = list.len().saturating_sub(MEMORY_ENTRIES);
    list.drain(..excess);
}

/// Reasoning as it is remembered: what files are to hold stands in the plan's task and in the commit.
fn without_contents(mut reasoning: Reasoning) -> Reasoning {
    use codegod_protocol::action::Action;
    for step in &mut reasoning.plan {
        match &mut step.action {
            Action::WriteFile { content, .. } | Action::CreateDockerfile { content, .. } => {
                *content = format!("[{} bytes]", content.len());
            }
            _ => {}
        }
    }
    reasoning
}
