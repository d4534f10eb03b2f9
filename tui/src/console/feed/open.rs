//! What is open on the screen: a goal's plan, a task, an agent's memory, a queue. Read when it is opened, when
//! events name it, and from time to time.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use codegod_protocol::client::{Client, Error, Glances, now_ms};
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};
use codegod_protocol::memory::{ActionRecord, Memory};
use codegod_protocol::task::TaskState;

use super::shared::{Gone, Heard, Shared};
use super::{News, Scope, convert};
use crate::console::store::clean::{clean, clean_line};
use crate::console::store::details::{Action, OpenAgent, OpenQueue, OpenTask, QueueEntry, QueueEntryState};
use crate::console::store::news::PlanNews;
use crate::console::store::plan::TaskRow;

/// How often what is open is read again, whatever events said.
const REREAD: Duration = Duration::from_secs(30);
/// How often a memory is: it is stored with heartbeats, which are no events.
const REREAD_MEMORY: Duration = Duration::from_secs(3);
/// Reading a plan takes one part in so many of the time at most.
const SHARE: u32 = 20;
/// While the plan grows, somebody wants to see it.
const SHARE_OF_GROWTH: u32 = 3;
/// Up to so many tasks, what each published is read for its tests; evidence makes that long.
const WITH_RESULTS: usize = 200;
/// How many tasks that events named are read again at once.
const TASKS_AT_ONCE: usize = 500;
/// How many entries of a queue are shown.
const ENTRIES: usize = 200;
/// How many titles are remembered.
const TITLES: usize = 5_000;

/// What is open and was told of it.
#[derive(Default)]
pub(super) struct Opened {
    goal: Option<PlanRead>,
    task: Option<(OpenTask, Instant)>,
    agent: Option<(OpenAgent, Instant)>,
    queue: Option<OpenQueue>,
    titles: HashMap<TaskId, Box<str>>,
    missing: Option<&'static str>,
}

/// When the open goal's plan is read again.
struct PlanRead {
    goal: GoalId,
    /// At the latest then.
    until: Instant,
    /// At the earliest then, however often it grows.
    not_before: Instant,
    /// Whether it is another.
    is_old: bool,
}

/// An error that concerns only what is open, or the connection.
fn is_of_connection(error: &Error) -> bool {
    error.trouble().is_some() && !error.is_wrong_type()
}

impl Opened {
    pub(super) async fn look<M: From<News>>(
        &mut self,
        shared: &Shared<M>,
        client: &Client,
        scope: &Scope,
        glances: &Glances,
        heard: &Heard,
    ) -> Result<Result<(), Error>, Gone> {
        let mut trouble = None;
        let news = [
            ("the goal", self.look_at_goal(client, scope, heard).await),
            ("the task", self.look_at_task(client, scope, heard).await),
            ("the agent's memory", self.look_at_agent(client, scope, heard).await),
            ("the queue", self.look_at_queue(client, scope, glances).await),
        ];
        for (what, read) in news {
            match read {
                Ok(news) => {
                    if let Some(news) = news {
                        shared.tell(news).await?;
                    }
                }
                Err(error) if is_of_connection(&error) => return Ok(Err(error)),
                Err(error) => {
                    trouble = Some(what);
                    let why = crate::sanitize::line(&crate::error::Error::from(error).sentence());
                    shared.tell(News::Unreadable { what, why }).await?;
                }
            }
        }
        if let Some(what) = self.missing.filter(|what| trouble != Some(*what)) {
            shared.tell(News::Readable { what }).await?;
        }
        self.missing = trouble;
        Ok(Ok(()))
    }

    async fn look_at_goal(
        &mut self,
        client: &Client,
        scope: &Scope,
        heard: &Heard,
    ) -> Result<Option<News>, Error> {
        let Some(goal) = &scope.goal else {
            self.goal = None;
            return Ok(None);
        };
        let start = Instant::now();
        let must = match self.goal.as_mut().filter(|known| known.goal == *goal) {
            None => true,
            Some(known) => {
                known.is_old |= heard.plans.contains(goal) || heard.overflow || known.until <= start;
                known.is_old && known.not_before <= start
            }
        };
        if must {
            let plan = read_plan(client, goal).await?;
            let (took, now) = (start.elapsed(), Instant::now());
            let (until, not_before) = (now + REREAD.max(took * SHARE), now + took * SHARE_OF_GROWTH);
            self.goal = Some(PlanRead { goal: goal.clone(), until, not_before, is_old: false });
            return Ok(Some(News::Plan(Box::new(plan))));
        }
        let named = heard.tasks.iter().filter(|task| task.goal() == goal).map(TaskId::number);
        let named: Vec<u32> = named.take(TASKS_AT_ONCE).collect();
        if named.is_empty() {
            return Ok(None);
        }
        let rows = read_rows(client, goal, &named, TASKS_AT_ONCE).await?;
        Ok(Some(News::Tasks(goal.clone(), rows)))
    }

    async fn look_at_task(
        &mut self,
        client: &Client,
        scope: &Scope,
        heard: &Heard,
    ) -> Result<Option<News>, Error> {
        let Some(id) = &scope.task else {
            self.task = None;
            return Ok(None);
        };
        let known = self.task.as_ref().filter(|(task, _)| task.task.id == *id);
        let named = heard.overflow
            || heard.tasks.contains(id)
            || known.and_then(|(task, _)| task.agent.as_ref()).is_some_and(|agent| heard.is_of(agent));
        if known.is_some_and(|(_, until)| *until > Instant::now()) && !named {
            return Ok(None);
        }
        let task = read_task(client, id).await?;
        let again = if task.state == TaskState::Running { REREAD_MEMORY } else { REREAD };
        let changed = known.is_none_or(|(known, _)| *known != task);
        self.task = Some((task.clone(), Instant::now() + again));
        Ok(changed.then(|| News::Task(Box::new(task))))
    }

    async fn look_at_agent(
        &mut self,
        client: &Client,
        scope: &Scope,
        heard: &Heard,
    ) -> Result<Option<News>, Error> {
        let Some(id) = &scope.agent else {
            self.agent = None;
            return Ok(None);
        };
        let known = self.agent.as_ref().filter(|(agent, _)| agent.id == *id);
        if known.is_some_and(|(_, until)| *until > Instant::now()) && !heard.is_of(id) {
            return Ok(None);
        }
        let memory = memory_of(client, id).await?;
        let changed = known.is_none_or(|(known, _)| known.memory != memory);
        let agent = OpenAgent { id: id.clone(), memory, read_ms: now_ms() };
        self.agent = Some((agent.clone(), Instant::now() + REREAD_MEMORY));
        Ok(changed.then(|| News::Agent(Box::new(agent))))
    }

    async fn look_at_queue(
        &mut self,
        client: &Client,
        scope: &Scope,
        glances: &Glances,
    ) -> Result<Option<News>, Error> {
        let Some(role) = scope.queue else {
            self.queue = None;
            return Ok(None);
        };
        let queue = self.read_queue(client, glances, role).await?;
        if self.queue.as_ref() == Some(&queue) {
            return Ok(None);
        }
        self.queue = Some(queue.clone());
        Ok(Some(News::Queue(Box::new(queue))))
    }

    async fn read_queue(
        &mut self,
        client: &Client,
        glances: &Glances,
        role: Role,
    ) -> Result<OpenQueue, Error> {
        let queued = client.peek(glances, role, ENTRIES + 1).await?;
        let unknown: Vec<TaskId> = queued
            .iter()
            .map(|one| &one.task)
            .filter(|task| !self.titles.contains_key(task))
            .cloned()
            .collect();
        if self.titles.len() > TITLES {
            self.titles.clear();
        }
        for (task, title) in unknown.iter().zip(client.titles(&unknown).await?) {
            self.titles.insert(task.clone(), title.as_deref().map(clean_line).unwrap_or_default());
        }
        let more = queued.len().saturating_sub(ENTRIES) as u64;
        let entry = |one: codegod_protocol::client::Queued| QueueEntry {
            title: self.titles.get(&one.task).cloned().unwrap_or_default(),
            priority: one.priority,
            attempts: one.attempts,
            max_attempts: one.max_attempts,
            since_ms: one.since_ms,
            state: match one.holder {
                Some(by) => QueueEntryState::Held { by, since_ms: one.since_ms },
                None => QueueEntryState::Ready,
            },
            task: one.task,
        };
        Ok(OpenQueue { role, entries: queued.into_iter().take(ENTRIES).map(entry).collect(), more })
    }
}

async fn read_plan(client: &Client, goal: &GoalId) -> Result<PlanNews, Error> {
    let view = client.goal_head(goal).await?;
    let numbers = client.task_numbers(goal).await?;
    let rows = read_rows(client, goal, &numbers, WITH_RESULTS).await?;
    Ok(PlanNews {
        head: convert::goal(&view),
        text: convert::text(&view),
        intent: view.intent.as_ref().and_then(clean),
        commit: view.commit,
        rows,
    })
}

/// Reads tasks as rows, with what they published unless there are more than `with_results`.
async fn read_rows(
    client: &Client,
    goal: &GoalId,
    numbers: &[u32],
    with_results: usize,
) -> Result<Vec<TaskRow>, Error> {
    let outlines = client.task_outlines(goal, numbers).await?;
    let ended = outlines.iter().filter(|task| task.state.is_final()).map(|task| task.id.number());
    let ended: Vec<u32> = ended.collect();
    let results = match ended.len() <= with_results {
        true => client.result_outlines(goal, &ended).await?,
        false => HashMap::new(),
    };
    let row = |outline: codegod_protocol::client::TaskOutline| {
        let result = results.get(&outline.id.number());
        convert::task(outline, result)
    };
    Ok(outlines.into_iter().map(row).collect())
}

async fn read_task(client: &Client, id: &TaskId) -> Result<OpenTask, Error> {
    let view = client.task_view(id).await?;
    let memory = match &view.agent {
        Some(agent) => memory_of(client, agent).await?.unwrap_or_default(),
        None => Memory::default(),
    };
    let unprintable =
        || Error::Undecodable { what: format!("task {id}"), reason: "it can't be shown".into() };
    let current =
        memory.current_task.filter(|current| current.task == *id && current.attempt == view.attempts);
    Ok(OpenTask {
        task: clean(&view.task).ok_or_else(unprintable)?,
        state: view.state,
        needs: view.needs,
        attempts: view.attempts,
        agent: view.agent,
        started_ms: view.started_ms,
        ended_ms: view.ended_ms,
        result: view.result.as_ref().map(|result| clean(result).ok_or_else(unprintable)).transpose()?,
        error: view.error.map(|error| crate::sanitize::lines(&error).collect::<Vec<_>>().join("\n")),
        reasoning: memory.reasoning_history.into_iter().filter(|one| one.task == *id).collect(),
        actions: current.map_or_else(Vec::new, |current| current.actions.into_iter().map(action).collect()),
        story: VecDeque::new(),
    })
}

fn action(record: ActionRecord) -> Action {
    let ActionRecord { number, action, expect, intended_ms, outcome } = record;
    Action { number, action, expect, started_ms: intended_ms, outcome }
}

/// An agent's memory, printable; none when it has stored nothing.
async fn memory_of(client: &Client, agent: &AgentId) -> Result<Option<Memory>, Error> {
    match client.memory(agent).await {
        Ok(memory) => Ok(clean(&memory)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
