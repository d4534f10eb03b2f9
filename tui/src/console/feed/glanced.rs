//! What a glance showed, kept so that only what changed is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::client::{Client, Error, Glance, now_ms};
use codegod_protocol::id::{AgentId, GoalId, Role};

use super::shared::{Gone, Heard, Shared};
use super::{News, convert};
use crate::console::store::details::Letters;
use crate::console::store::goals::GoalRow;
use crate::console::store::news::{FleetNews, GoalsNews};
use crate::console::store::queues::QueueRow;

/// How often goals that go on are read again, whatever events said.
const REREAD: Duration = Duration::from_secs(15);
/// How often the heads of queues and the logs of silent agents are looked at.
const CHECK: Duration = Duration::from_secs(10);
/// An agent that has been in a phase for so long may be stuck.
const SILENT_MS: u64 = 2 * 60 * 1000;
/// How many silent agents' logs are looked at.
const SILENT: usize = 100;
/// How many letters of each kind are listed.
const LETTERS: usize = 100;

/// What was seen last.
pub(super) struct Seen<M> {
    shared: Shared<M>,
    fleet: Option<FleetNews>,
    queues: Vec<QueueRow>,
    metrics: BTreeMap<String, u64>,
    letters: Option<Letters>,
    order: Option<Vec<GoalId>>,
    goals: HashMap<GoalId, GoalRow>,
    reread: Instant,
    check: Instant,
    stale_heads: Vec<String>,
    last_log_ms: BTreeMap<AgentId, u64>,
    unreadable: Vec<(&'static str, String)>,
    told: bool,
}

impl<M: From<News>> Seen<M> {
    pub(super) fn nothing(shared: Shared<M>) -> Self {
        Self {
            shared,
            fleet: None,
            queues: Vec::new(),
            metrics: BTreeMap::new(),
            letters: None,
            order: None,
            goals: HashMap::new(),
            reread: Instant::now(),
            check: Instant::now(),
            stale_heads: Vec::new(),
            last_log_ms: BTreeMap::new(),
            unreadable: Vec::new(),
            told: false,
        }
    }

    /// Whether anything was told since that was asked last.
    pub(super) fn take_told(&mut self) -> bool {
        std::mem::take(&mut self.told)
    }

    /// Redis was away: whatever happened meanwhile was perhaps not heard.
    pub(super) fn doubt(&mut self) {
        self.order = None;
        self.goals.clear();
    }

    async fn tell(&mut self, news: News) -> Result<(), Gone> {
        self.told = true;
        self.shared.tell(news).await
    }

    /// Tells what a glance shows and the last did not.
    pub(super) async fn take(
        &mut self,
        client: &Client,
        mut glance: Glance,
        heard: &Heard,
    ) -> Result<Result<(), Error>, Gone> {
        self.tell_unreadable(&glance).await?;
        let agents: Vec<AgentStatus> =
            std::mem::take(&mut glance.agents).into_iter().map(convert::agent).collect();
        if self.check <= Instant::now() {
            self.check = Instant::now() + CHECK;
            if let Err(error) = self.check(client, &agents, &glance).await {
                return Ok(Err(error));
            }
        }
        self.take_queues(&glance).await?;
        self.take_fleet(agents, &mut glance).await?;
        if let Err(error) = self.take_goals(client, &glance.goals, heard).await? {
            return Ok(Err(error));
        }
        self.take_letters(client, glance.dead, glance.quarantined).await
    }

    /// Says which keys can't be read, and which can again.
    async fn tell_unreadable(&mut self, glance: &Glance) -> Result<(), Gone> {
        let named: Vec<(&'static str, String)> =
            glance.unreadable.iter().map(|(key, why)| (part_of(key), format!("{key}: {why}"))).collect();
        let known = std::mem::replace(&mut self.unreadable, named.clone());
        for (what, _) in &known {
            if !named.iter().any(|(named, _)| named == what) {
                self.tell(News::Readable { what }).await?;
            }
        }
        for one in named.into_iter().filter(|one| !known.contains(one)) {
            let (what, why) = (one.0, crate::sanitize::line(&one.1));
            self.tell(News::Unreadable { what, why }).await?;
        }
        Ok(())
    }

    /// What is looked at less often: whether the oldest ready tasks still are, and whether silent agents write.
    async fn check(&mut self, client: &Client, agents: &[AgentStatus], glance: &Glance) -> Result<(), Error> {
        let heads: Vec<_> = glance.heads.iter().map(|(_, head)| head.clone()).collect();
        let ready = client.are_ready(&heads).await?;
        let stale = heads.into_iter().zip(ready).filter(|(_, ready)| !ready);
        self.stale_heads = stale.map(|(head, _)| head.entry).collect();
        let now = now_ms();
        let silent = |agent: &&AgentStatus| {
            agent.current_task.is_some()
                && agent.phase_since_ms > 0
                && now.saturating_sub(agent.phase_since_ms) > SILENT_MS
        };
        let silent: Vec<AgentId> =
            agents.iter().filter(silent).take(SILENT).map(|agent| agent.id.clone()).collect();
        let last = client.last_lines(&silent).await?;
        self.last_log_ms =
            silent.into_iter().zip(last).filter_map(|(agent, ms)| Some((agent, ms?))).collect();
        Ok(())
    }

    async fn take_queues(&mut self, glance: &Glance) -> Result<(), Gone> {
        let oldest = |role: Role| {
            let heads = glance
                .heads
                .iter()
                .filter(|(of, head)| *of == role && !self.stale_heads.contains(&head.entry));
            heads.map(|(_, head)| head.since_ms).min()
        };
        let rows: Vec<QueueRow> = glance
            .queues
            .iter()
            .map(|view| QueueRow {
                role: view.role,
                ready: view.ready,
                in_flight: view.in_flight,
                oldest_ms: oldest(view.role).filter(|_| view.ready > 0),
                paused: view.paused,
            })
            .collect();
        if rows != self.queues {
            self.queues.clone_from(&rows);
            self.tell(News::Queues(rows)).await?;
        }
        let metrics: BTreeMap<String, u64> =
            glance.metrics.iter().map(|(name, count)| (crate::sanitize::line(name), *count)).collect();
        if metrics != self.metrics {
            self.metrics.clone_from(&metrics);
            self.tell(News::Metrics(metrics)).await?;
        }
        Ok(())
    }

    async fn take_fleet(&mut self, agents: Vec<AgentStatus>, glance: &mut Glance) -> Result<(), Gone> {
        let ids = agents.iter().map(|agent| &agent.id);
        self.shared.agents.send_if_modified(|known| {
            let changed = !known.iter().eq(ids.clone());
            if changed {
                *known = Arc::new(ids.cloned().collect());
            }
            changed
        });
        let fleet = FleetNews {
            agents,
            hosts: std::mem::take(&mut glance.hosts).into_iter().map(convert::host).collect(),
            desired: std::mem::take(&mut glance.desired),
            paused_ms: glance.paused_ms,
            last_log_ms: self.last_log_ms.clone(),
        };
        if self.fleet.as_ref() == Some(&fleet) {
            return Ok(());
        }
        self.fleet = Some(fleet.clone());
        self.tell(News::Fleet(Box::new(fleet))).await
    }

    /// Reads the goals that are new, that events named, and from time to time all that go on.
    async fn take_goals(
        &mut self,
        client: &Client,
        newest: &[GoalId],
        heard: &Heard,
    ) -> Result<Result<(), Error>, Gone> {
        let all_again = heard.overflow || self.reread <= Instant::now();
        if all_again {
            self.reread = Instant::now() + REREAD;
        }
        let must = |id: &&GoalId| match self.goals.get(*id) {
            None => true,
            Some(row) => heard.goals.contains(*id) || (all_again && !row.state.is_final()),
        };
        let wanted: Vec<GoalId> = newest.iter().filter(must).cloned().collect();
        let heads = match client.goal_heads(&wanted).await {
            Ok(heads) => heads,
            Err(error) => return Ok(Err(error)),
        };
        let rows = heads.iter().map(convert::goal).filter(|row| self.goals.get(&row.id) != Some(row));
        let rows: Vec<GoalRow> = rows.collect();
        self.goals.extend(rows.iter().map(|row| (row.id.clone(), row.clone())));
        let order = (self.order.as_deref() != Some(newest)).then(|| newest.to_vec());
        if order.is_some() {
            self.order.clone_from(&order);
            self.goals.retain(|id, _| newest.contains(id));
        }
        if order.is_some() || !rows.is_empty() {
            self.tell(News::Goals(GoalsNews { order, rows })).await?;
        }
        Ok(Ok(()))
    }

    /// Reads the letters when there are more, or fewer.
    async fn take_letters(
        &mut self,
        client: &Client,
        dead: u64,
        quarantined: u64,
    ) -> Result<Result<(), Error>, Gone> {
        if self.letters.as_ref().is_some_and(|known| (known.dead, known.quarantined) == (dead, quarantined)) {
            return Ok(Ok(()));
        }
        let newest_dead = if dead > 0 { client.dead_letters(LETTERS).await } else { Ok(Vec::new()) };
        let put_aside = if quarantined > 0 { client.quarantined(LETTERS).await } else { Ok(Vec::new()) };
        let (newest_dead, put_aside) = match (newest_dead, put_aside) {
            (Ok(dead), Ok(put_aside)) => (dead, put_aside),
            (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
        };
        let letters = Letters {
            dead,
            quarantined,
            newest_dead: newest_dead.into_iter().map(convert::dead).collect(),
            newest_quarantined: put_aside.into_iter().map(convert::put_aside).collect(),
        };
        self.letters = Some(letters.clone());
        self.tell(News::Letters(Box::new(letters))).await?;
        Ok(Ok(()))
    }
}

/// What a key is called on the screen.
fn part_of(key: &str) -> &'static str {
    match key.split(':').next().unwrap_or_default() {
        "agents" => "the list of agents",
        "hosts" => "the list of hosts",
        "fleet" => "the wanted fleet",
        "metrics" => "the counts of tasks",
        "dead" => "the tasks that were given up",
        "quarantine" => "what was put aside",
        "goals" => "the list of goals",
        _ => "a queue",
    }
}
