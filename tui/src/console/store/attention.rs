//! The attention list: everything that waits for a person, with the command that helps.

use codegod_protocol::agent::{AgentStatus, Phase};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId, TaskId};
use codegod_protocol::task::TaskState;

use super::{Connection, Fleet, Letters, Store};
use crate::text::clock;

/// After how long without a phase, an action or a line of its log a working agent counts as stuck.
const STUCK_MS: u64 = 5 * 60 * 1000;
/// How long a goal that failed stays on the list; after that it is history.
const FRESH_MS: u64 = 24 * 60 * 60 * 1000;
/// The list is for reading.
const MOST: usize = 200;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Work stands still, and will until somebody does something.
    Urgent,
    /// Something failed, or probably stands still.
    Warning,
    /// Worth knowing.
    Notice,
}

/// What it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Redis.
    Redis,
    /// The fleet as a whole.
    Fleet,
    /// A host.
    Host(String),
    /// A goal.
    Goal(GoalId),
    /// A task.
    Task(TaskId),
    /// An agent.
    Agent(AgentId),
    /// The tasks that were given up.
    DeadLetters,
    /// The entries that could not be read.
    Quarantine,
}

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attention {
    /// How much it matters.
    pub(crate) severity: Severity,
    /// What it is about.
    pub(crate) target: Target,
    /// What is the matter.
    pub(crate) sentence: String,
    /// Since when, Unix time in milliseconds; 0 when nobody knows.
    pub(crate) since_ms: u64,
    /// The command that helps, as it is typed; none when none does.
    pub(crate) command: Option<String>,
}

/// All of it, the most urgent first, and of those the newest.
pub(super) fn list(store: &Store, now_ms: u64) -> Vec<Attention> {
    let mut list = Vec::new();
    redis(store, &mut list);
    goals(store, now_ms, &mut list);
    tasks(store, &mut list);
    agents(store, now_ms, &mut list);
    fleet(store, now_ms, &mut list);
    letters(store, &mut list);
    list.sort_by_key(|one: &Attention| (one.severity, std::cmp::Reverse(one.since_ms)));
    list.truncate(MOST);
    list
}

fn redis(store: &Store, list: &mut Vec<Attention>) {
    if let Connection::Lost { why, advice, since_ms, .. } = &store.connection {
        let sentence = format!("{why}: {advice}");
        add(list, Severity::Urgent, Target::Redis, sentence, *since_ms, Some("doctor".to_owned()));
    }
    for (what, why) in &store.unreadable {
        add(list, Severity::Warning, Target::Redis, format!("{what}: {why}"), 0, Some("doctor".to_owned()));
    }
}

fn goals(store: &Store, now_ms: u64, list: &mut Vec<Attention>) {
    for goal in &store.goals.rows {
        let since = goal.ended_ms.or(goal.paused_ms).unwrap_or(goal.submitted_ms);
        let said = goal.error.as_deref().unwrap_or(&goal.text);
        let target = Target::Goal(goal.id.clone());
        let show = Some(format!("show {}", goal.id));
        match goal.state {
            GoalState::Blocked if now_ms.saturating_sub(since) < FRESH_MS => {
                add(list, Severity::Urgent, target, format!("needs a person: {said}"), since, show);
            }
            GoalState::Failed if now_ms.saturating_sub(since) < FRESH_MS => {
                add(list, Severity::Warning, target, format!("failed: {said}"), since, show);
            }
            GoalState::Queued | GoalState::Planning | GoalState::Running | GoalState::Paused => {
                if goal.paused_ms.is_some() {
                    let resume = Some(format!("resume {}", goal.id));
                    add(list, Severity::Notice, target, format!("is paused: {}", goal.text), since, resume);
                } else if goal.blocked + goal.failed > 0 {
                    let sentence = format!("{} of its tasks did not succeed", goal.blocked + goal.failed);
                    add(list, Severity::Warning, target, sentence, since, show);
                }
            }
            GoalState::Blocked | GoalState::Failed | GoalState::Succeeded | GoalState::Cancelled => {}
        }
    }
}

fn tasks(store: &Store, list: &mut Vec<Attention>) {
    let Some(goal) = &store.goal else { return };
    for row in goal.rows() {
        let said = row.error.as_deref().unwrap_or("no reason was given");
        let (severity, sentence) = match row.state {
            TaskState::Blocked => (Severity::Urgent, format!("needs a person: {said}")),
            TaskState::Failed => (Severity::Warning, format!("failed: {said}")),
            TaskState::Waiting
            | TaskState::Ready
            | TaskState::Running
            | TaskState::Succeeded
            | TaskState::Cancelled => continue,
        };
        let retry = Some(format!("retry {}", row.id));
        add(list, severity, Target::Task(row.id.clone()), sentence, row.ended_ms.unwrap_or(0), retry);
    }
}

fn agents(store: &Store, now_ms: u64, list: &mut Vec<Attention>) {
    for agent in &store.fleet.agents {
        let target = Target::Agent(agent.id.clone());
        let logs = Some(format!("logs {}", agent.id));
        if !agent.is_alive(now_ms) {
            let silent = clock(agent.heartbeat_ms, now_ms);
            let sentence = format!("has not been heard of for {silent}; its task goes to another");
            add(list, Severity::Warning, target, sentence, agent.heartbeat_ms, logs);
        } else if let Some(since) = stuck_since(agent, store, now_ms) {
            let sentence = format!("{} for {} without a sign", agent.phase.name(), clock(since, now_ms));
            add(list, Severity::Warning, target, sentence, since, logs);
        } else if let Some(note) = agent.note.as_ref().filter(|_| agent.phase != Phase::Draining) {
            add(list, Severity::Notice, target, note.clone(), agent.phase_since_ms, logs);
        }
    }
}

/// Since when a working agent gives no sign: neither a phase, nor an action, nor a line of its log.
fn stuck_since(agent: &AgentStatus, store: &Store, now_ms: u64) -> Option<u64> {
    agent.current_task.as_ref()?;
    let event = store.events.last_of(&agent.id.to_string());
    let line = store.fleet.last_log_ms.get(&agent.id).copied();
    let last = [Some(agent.phase_since_ms), event, line].into_iter().flatten().max()?;
    (last > 0 && now_ms.saturating_sub(last) > STUCK_MS).then_some(last)
}

fn fleet(store: &Store, now_ms: u64, list: &mut Vec<Attention>) {
    if let Some(since) = store.fleet.paused_ms {
        let sentence = "the fleet is paused: nothing is handed out".to_owned();
        add(list, Severity::Notice, Target::Fleet, sentence, since, Some("resume".to_owned()));
    }
    for row in &store.queues.rows {
        if row.ready > 0 && store.fleet.alive(row.role, now_ms) == 0 {
            let sentence = format!("{} {} tasks wait, and no such agent lives", row.ready, row.role);
            let scale = Some(format!("scale {} 1", row.role));
            add(list, Severity::Urgent, Target::Fleet, sentence, row.oldest_ms.unwrap_or(0), scale);
        }
    }
    hosts(&store.fleet, now_ms, list);
}

fn hosts(fleet: &Fleet, now_ms: u64, list: &mut Vec<Attention>) {
    for host in &fleet.hosts {
        let target = || Target::Host(host.host.clone());
        if !host.is_heard(now_ms) {
            let sentence = format!("{} has not been heard of: no master looks after it", host.host);
            add(list, Severity::Warning, target(), sentence, host.heartbeat_ms, None);
            continue;
        }
        if host.docker.is_none() {
            let sentence = format!("Docker on {} does not answer", host.host);
            add(list, Severity::Urgent, target(), sentence, 0, Some("doctor".to_owned()));
        }
        let trouble = host.model.as_ref().and_then(|model| model.trouble.as_ref());
        if let Some(trouble) = trouble {
            let sentence = format!("the model server of {} can't be asked: {trouble}", host.host);
            add(list, Severity::Warning, target(), sentence, 0, Some("doctor".to_owned()));
        }
    }
}

fn letters(store: &Store, list: &mut Vec<Attention>) {
    let Letters { dead, quarantined, .. } = &store.letters;
    if *dead > 0 {
        let since = store.letters.newest_dead.first().map_or(0, |letter| letter.at_ms);
        let sentence = format!("{} given up", counted(*dead, "task"));
        add(list, Severity::Warning, Target::DeadLetters, sentence, since, Some("dead".to_owned()));
    }
    if *quarantined > 0 {
        let since = store.letters.newest_quarantined.first().map_or(0, |letter| letter.at_ms);
        let sentence = format!("{quarantined} put aside: they could not be read");
        let command = Some("quarantine".to_owned());
        add(list, Severity::Notice, Target::Quarantine, sentence, since, command);
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what} was") } else { format!("{count} {what}s were") }
}

fn add(
    list: &mut Vec<Attention>,
    severity: Severity,
    target: Target,
    sentence: String,
    since_ms: u64,
    command: Option<String>,
) {
    list.push(Attention { severity, target, sentence, since_ms, command });
}
