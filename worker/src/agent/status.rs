//! What an agent says of itself: changed by its loop and by the keeper of its lease, sent by its pulse.

use std::sync::{Arc, Mutex, MutexGuard};

use codegod_protocol::agent::{AgentStatus, Phase};
use codegod_protocol::client::{self, Trouble, now_ms};
use codegod_protocol::id::TaskId;
use codegod_protocol::result::{ResultStatus, TaskResult};

/// An agent's status; clones share it.
#[derive(Clone)]
pub(super) struct Status(Arc<Mutex<AgentStatus>>);

impl Status {
    pub(super) fn new(status: AgentStatus) -> Self {
        Self(Arc::new(Mutex::new(status)))
    }

    fn lock(&self) -> MutexGuard<'_, AgentStatus> {
        // Every change is a plain assignment, so that what a panic left behind is whole.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Says what the agent is on.
    pub(super) fn task(&self, task: Option<(&TaskId, u32, &str)>) {
        let mut status = self.lock();
        status.current_task = task.map(|(id, _, _)| id.clone());
        status.attempt = task.map(|(_, attempt, _)| attempt);
        status.title = task.map(|(_, _, title)| title.to_owned());
    }

    /// Says what the agent waits for, or that it waits for nothing. It is logged as well, because while
    /// Redis is away nobody hears the status; once, also when its figures change ("waiting for memory:
    /// 1.2 GiB free" and then 1.3).
    pub(super) fn note(&self, note: Option<String>) {
        let mut status = self.lock();
        if status.note.as_deref().map(subject) != note.as_deref().map(subject) {
            match &note {
                Some(text) => tracing::warn!(agent.id = %status.id, "{text}"),
                None => tracing::info!(agent.id = %status.id, "goes on"),
            }
        }
        status.note = note;
    }

    /// Counts a published result.
    pub(super) fn count(&self, result: &TaskResult) {
        let mut status = self.lock();
        match result.status {
            ResultStatus::Succeeded => status.succeeded += 1,
            ResultStatus::NeedsFollowUp => {}
            ResultStatus::Failed | ResultStatus::FailedForGood | ResultStatus::Blocked => status.failed += 1,
        }
        status.usage.cpu_seconds += result.usage.cpu_seconds;
        status.usage.output_bytes += result.usage.output_bytes;
        status.usage.peak_memory_bytes = status.usage.peak_memory_bytes.max(result.usage.peak_memory_bytes);
    }

    /// The status as it is sent now.
    pub(super) fn snapshot(&self, phase: Phase, draining: bool) -> AgentStatus {
        let phase = if draining && phase == Phase::Idle { Phase::Draining } else { phase };
        let mut now = {
            let mut status = self.lock();
            if status.phase != phase || status.phase_since_ms == 0 {
                (status.phase, status.phase_since_ms) = (phase, now_ms());
            }
            status.clone()
        };
        if draining {
            now.note.get_or_insert_with(|| "draining: it takes no more tasks".to_owned());
        }
        now.heartbeat_ms = now_ms();
        now
    }
}

/// What a note is about: the part before its details.
fn subject(note: &str) -> &str {
    note.split_once(": ").map_or(note, |(subject, _)| subject)
}

/// What a status line says when a call to Redis failed.
pub(super) fn note_of(error: &client::Error) -> String {
    match error.trouble() {
        Some(trouble @ (Trouble::Other | Trouble::NoPermission)) => {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("{trouble}: {error}: {cause}")
        }
        Some(trouble) => trouble.sentence().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use codegod_protocol::id::{AgentId, Role};

    use super::*;

    fn status() -> Status {
        Status::new(AgentStatus {
            id: AgentId::random(Role::Backend),
            role: Role::Backend,
            capabilities: Vec::new(),
            host: "h".to_owned(),
            pid: 1,
            phase: Phase::Starting,
            current_task: None,
            title: None,
            attempt: None,
            phase_since_ms: 0,
            container: None,
            note: None,
            usage: Default::default(),
            succeeded: 0,
            failed: 0,
            started_ms: 0,
            heartbeat_ms: 0,
            version: String::new(),
        })
    }

    #[test]
    fn a_note_with_other_figures_is_about_the_same() {
        assert_eq!(
            subject("waiting for memory: 1.2 GiB free"),
            subject("waiting for memory: 1.3 GiB free; 2.0 GiB must be")
        );
        assert_ne!(subject("waiting for memory: 1 GiB"), subject("waiting for disk: 1 GiB"));
        assert_eq!(subject("Redis is loading its data"), "Redis is loading its data");
    }

    #[test]
    fn a_status_tells_the_attempt_and_since_when_its_phase_lasts() {
        let status = status();
        let task: TaskId = "g-7k2m9qx4.3".parse().unwrap();
        status.task(Some((&task, 2, "Install")));
        let begun = status.snapshot(Phase::Acting, false);
        assert_eq!((begun.attempt, begun.title.as_deref()), (Some(2), Some("Install")));
        assert!(begun.phase_since_ms > 0);
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!(status.snapshot(Phase::Acting, false).phase_since_ms, begun.phase_since_ms);
        assert!(status.snapshot(Phase::Validating, false).phase_since_ms > begun.phase_since_ms);
        status.task(None);
        assert_eq!(status.snapshot(Phase::Idle, false).attempt, None);
    }

    #[test]
    fn a_draining_agent_says_so_unless_it_waits_for_something_else() {
        let status = status();
        let now = status.snapshot(Phase::Idle, true);
        assert_eq!(
            (now.phase, now.note.as_deref()),
            (Phase::Draining, Some("draining: it takes no more tasks"))
        );
        status.note(Some("Redis is loading its data".to_owned()));
        let now = status.snapshot(Phase::Publishing, true);
        assert_eq!((now.phase, now.note.as_deref()), (Phase::Publishing, Some("Redis is loading its data")));
        status.note(None);
        assert_eq!(status.snapshot(Phase::Idle, false).note, None);
    }

    #[test]
    fn a_status_line_names_the_trouble_and_what_redis_refused() {
        let refused = |code: &str| client::Error::Redis {
            doing: "claiming",
            source: redis::make_extension_error(code.to_owned(), Some("as told".to_owned())),
        };
        assert_eq!(note_of(&refused("LOADING")), "Redis is loading its data");
        let said = note_of(&refused("WRONGTYPE"));
        assert!(
            said.starts_with("Redis refused a command: claiming: ") && said.contains("as told"),
            "{said}"
        );
        assert_eq!(note_of(&client::Error::NotFound("goal".to_owned())), "there is no goal");
    }
}
