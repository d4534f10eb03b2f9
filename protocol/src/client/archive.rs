//! Archiving: of a goal that ended long ago a summary stays; its plan, tasks, results and bundles go.

use serde::{Deserialize, Serialize};

use super::gc::Retention;
use super::{Client, Error, GoalView, decode, encode, now_ms, scripts};
use crate::goal::{Goal, GoalKind, GoalState};
use crate::id::GoalId;

/// The version of [`Summary`] written by this crate.
const SUMMARY_VERSION: u32 = 1;
/// How much of a goal's text its summary keeps, in bytes.
const TEXT_BYTES: usize = 2_048;
/// How many tasks go in one call, so that none blocks Redis for long.
const PART: usize = 250;
/// How many elements of a list are looked at in one call.
const PAGE: usize = 500;

/// What remains of an archived goal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SUMMARY_VERSION`].
    pub version: u32,
    /// The goal; of a long text, its beginning.
    pub goal: Goal,
    /// How it ended.
    pub state: GoalState,
    /// Why it ended so, when it did not succeed.
    #[serde(default)]
    pub error: Option<String>,
    /// The last published commit. Its bundle is gone.
    #[serde(default)]
    pub commit: Option<String>,
    /// When a plan was there, Unix time in milliseconds.
    #[serde(default)]
    pub planned_ms: Option<u64>,
    /// When it ended, Unix time in milliseconds.
    pub ended_ms: u64,
    /// When it was archived, Unix time in milliseconds.
    pub archived_ms: u64,
    /// From its submission to its end.
    pub seconds: f64,
    /// How many tasks its plan had.
    pub total: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
    /// How many failed.
    pub failed: u64,
    /// How many needed a person.
    pub blocked: u64,
    /// How many were cancelled.
    pub cancelled: u64,
}

/// An ended goal, as far as archiving takes.
struct Ended {
    goal: GoalId,
    /// As it stands in Redis.
    ended_ms: String,
}

/// What came of archiving.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Archived {
    pub(super) goals: u64,
    pub(super) bytes: u64,
}

impl Client {
    /// What remains of an archived goal; none when it is not archived.
    ///
    /// # Errors
    /// [`Error::Undecodable`], [`Error::Redis`].
    pub async fn summary(&self, goal: &GoalId) -> Result<Option<Summary>, Error> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.archive()).arg(goal.as_str());
        let json: Option<String> = self.query("reading a goal's summary", &get).await?;
        let Some(json) = json else { return Ok(None) };
        let summary: Summary = decode("a goal's summary", &json)?;
        if summary.version != SUMMARY_VERSION {
            let reason = format!("version {} is not known here", summary.version);
            return Err(Error::Undecodable { what: "a goal's summary".to_owned(), reason });
        }
        Ok(Some(summary))
    }

    /// How many goals are due to be archived; how many bytes go with them.
    pub(super) async fn archivable(&self, retention: &Retention) -> Result<Archived, Error> {
        let mut archived = Archived::default();
        for ended in self.due(retention).await? {
            if !self.is_referenced(&ended.goal).await? {
                archived.goals += 1;
                archived.bytes += self.bytes_of_goal(&ended.goal).await?;
            }
        }
        Ok(archived)
    }

    /// Archives what is due. What can't be archived is left for the next time.
    pub(super) async fn archive_due(
        &self,
        retention: &Retention,
        problems: &mut Vec<String>,
    ) -> Result<Archived, Error> {
        let mut archived = Archived::default();
        for ended in self.due(retention).await? {
            match self.archive(&ended).await {
                Ok(Some(bytes)) => {
                    archived.goals += 1;
                    archived.bytes += bytes;
                }
                Ok(None) => {}
                Err(error) if error.trouble().is_some_and(|trouble| trouble.is_passing()) => {
                    return Err(error);
                }
                Err(error) => problems.push(format!("{} can't be archived: {error}", ended.goal)),
            }
        }
        loop {
            let gone: u64 = self
                .script(&scripts::FORGET_SUMMARIES, |s| {
                    s.arg(retention.summaries);
                })
                .await?;
            if gone == 0 {
                break;
            }
        }
        Ok(archived)
    }

    /// Ended goals that are due: too old, or too many, and then those that ended first.
    async fn due(&self, retention: &Retention) -> Result<Vec<Ended>, Error> {
        let mut range = redis::cmd("LRANGE");
        range.arg(self.keys.ended_goals()).arg(0).arg(-1);
        let all: Vec<Vec<u8>> = self.query("listing ended goals", &range).await?;
        let extra = all.len().saturating_sub(retention.goals);
        let goals: Vec<(usize, GoalId)> = all
            .iter()
            .enumerate()
            .filter_map(|(at, id)| Some((at, std::str::from_utf8(id).ok()?.parse().ok()?)))
            .collect();
        let (now, mut due) = (now_ms(), Vec::new());
        for part in goals.chunks(PAGE) {
            let mut pipe = redis::pipe();
            for (_, goal) in part {
                pipe.cmd("HGET").arg(self.keys.goal(goal)).arg("ended_ms");
            }
            let times: Vec<Option<String>> = self.pipe("listing ended goals", &pipe).await?;
            for ((at, goal), ended_ms) in part.iter().zip(times) {
                let Some(ended_ms) = ended_ms else { continue };
                let age = now.saturating_sub(ended_ms.parse().unwrap_or(now));
                if retention.is_over(age, *at < extra) {
                    due.push(Ended { goal: goal.clone(), ended_ms });
                }
            }
        }
        Ok(due)
    }

    /// Archives one goal. Returns the bytes that went; none when it is needed by another, or runs again.
    async fn archive(&self, ended: &Ended) -> Result<Option<u64>, Error> {
        if self.is_referenced(&ended.goal).await? {
            return Ok(None);
        }
        let bytes = self.bytes_of_goal(&ended.goal).await?;
        let (summary, of) = match self.summarise(&ended.goal).await {
            Ok(summary) => {
                let of = match &summary.goal.kind {
                    GoalKind::Build => String::new(),
                    GoalKind::Verify { of } => of.to_string(),
                };
                (encode("a summary", &summary)?, of)
            }
            // Whatever it was, it does not stay for ever; the quarantine says that it was there.
            Err(Error::Undecodable { what, reason }) => {
                let reason = format!("{what} can't be read: {reason}");
                self.quarantine("goals:ended", ended.goal.as_str(), &reason).await?;
                (String::new(), String::new())
            }
            Err(error) => return Err(error),
        };
        let reply: String = self
            .script(&scripts::ARCHIVE_GOAL, |s| {
                s.arg(ended.goal.as_str()).arg(&ended.ended_ms).arg(&summary).arg(&of);
            })
            .await?;
        if reply != "ok" {
            return Ok(None);
        }
        self.drop_tasks(&ended.goal).await?;
        Ok(Some(bytes))
    }

    async fn is_referenced(&self, goal: &GoalId) -> Result<bool, Error> {
        self.query("looking who needs a goal", redis::cmd("EXISTS").arg(self.keys.references(goal))).await
    }

    async fn summarise(&self, goal: &GoalId) -> Result<Summary, Error> {
        let head = self.goal_head(goal).await?;
        let GoalView { mut goal, state, error, commit, planned_ms, ended_ms, .. } = head;
        let GoalView { total, succeeded, failed, blocked, cancelled, .. } = head;
        let error = match error {
            None if failed + blocked > 0 => self.first_failure(&goal.id).await?,
            error => error,
        };
        shorten(&mut goal.text);
        let ended_ms = ended_ms.unwrap_or_default();
        Ok(Summary {
            version: SUMMARY_VERSION,
            state,
            error,
            commit,
            planned_ms,
            ended_ms,
            archived_ms: now_ms(),
            seconds: std::time::Duration::from_millis(ended_ms.saturating_sub(goal.submitted_ms))
                .as_secs_f64(),
            total,
            succeeded,
            failed,
            blocked,
            cancelled,
            goal,
        })
    }

    /// What the first task says that failed or is blocked.
    async fn first_failure(&self, goal: &GoalId) -> Result<Option<String>, Error> {
        let numbers = self.task_numbers(goal).await?;
        for part in numbers.chunks(PAGE) {
            let mut pipe = redis::pipe();
            for number in part {
                pipe.cmd("HMGET").arg(self.keys.task(&goal.task(*number))).arg("state").arg("error");
            }
            let found: Vec<(Option<String>, Option<String>)> =
                self.pipe("reading a plan's tasks", &pipe).await?;
            let failed = |state: &Option<String>| matches!(state.as_deref(), Some("failed" | "blocked"));
            let told = found.into_iter().zip(part).find(|((state, _), _)| failed(state));
            if let Some(((_, error), number)) = told {
                let mut error = format!("task {number}: {}", error.unwrap_or_default());
                shorten(&mut error);
                return Ok(Some(error));
            }
        }
        Ok(None)
    }

    /// Removes the tasks in the plan of a goal that is gone, in parts.
    pub(super) async fn drop_tasks(&self, goal: &GoalId) -> Result<(), Error> {
        let numbers: Vec<Vec<u8>> =
            self.query("reading a plan", redis::cmd("HKEYS").arg(self.keys.plan(goal))).await?;
        self.drop_numbers(goal, &numbers).await
    }

    /// Removes tasks of a goal that is gone, by their numbers.
    pub(super) async fn drop_numbers<N: redis::ToRedisArgs>(
        &self,
        goal: &GoalId,
        numbers: &[N],
    ) -> Result<(), Error> {
        for part in numbers.chunks(PART) {
            self.script::<i64>(&scripts::DROP_TASKS, |s| {
                s.arg(goal.as_str());
                for number in part {
                    s.arg(number);
                }
            })
            .await?;
        }
        Ok(())
    }

    /// What a goal's large keys take, in bytes.
    async fn bytes_of_goal(&self, goal: &GoalId) -> Result<u64, Error> {
        let keys =
            [self.keys.goal(goal), self.keys.plan(goal), self.keys.results(goal), self.keys.blobs(goal)];
        let mut pipe = redis::pipe();
        for key in keys {
            pipe.cmd("MEMORY").arg("USAGE").arg(key);
        }
        let bytes: Vec<Option<u64>> = self.pipe("measuring a goal", &pipe).await?;
        Ok(bytes.into_iter().flatten().sum())
    }

    /// Looks through the lists of goals: what names no goal is put aside. Returns how many were.
    pub(super) async fn audit_goals(&self, list: &str) -> Result<u64, Error> {
        let (mut offset, mut all) = (0, 0);
        loop {
            let (looked, aside, removed): (usize, usize, usize) = self
                .script(&scripts::AUDIT_GOALS, |s| {
                    s.arg(list).arg(offset).arg(PAGE);
                })
                .await?;
            all += aside as u64;
            offset += looked.saturating_sub(aside + removed);
            if looked < PAGE {
                return Ok(all);
            }
        }
    }
}

impl From<Summary> for GoalView {
    /// As far as a summary tells: without tasks and intent.
    fn from(summary: Summary) -> Self {
        Self {
            goal: summary.goal,
            state: summary.state,
            intent: None,
            error: summary.error,
            commit: summary.commit,
            paused_ms: None,
            planned_ms: summary.planned_ms,
            ended_ms: Some(summary.ended_ms),
            tasks: Vec::new(),
            total: summary.total,
            succeeded: summary.succeeded,
            failed: summary.failed,
            blocked: summary.blocked,
            cancelled: summary.cancelled,
        }
    }
}

fn shorten(text: &mut String) {
    if text.len() > TEXT_BYTES {
        let mut end = TEXT_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}
