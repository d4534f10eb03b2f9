//! What every part of an attempt needs: engine, repository, journal, and when to stop.

use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{self, Client, Trouble};
use codegod_protocol::goal::{Goal, GoalKind};
use codegod_protocol::id::{AgentId, GoalId};
use codegod_protocol::setup::Setups;
use codegod_protocol::task::Task;
use codegod_source::{Message, Repository};

use crate::error::Error;
use crate::journal::Journal;
use crate::stop::Stop;
use codegod_docker::{Engine, Labels};

/// What every part of an attempt needs.
pub struct Context {
    /// Docker.
    pub engine: Engine,
    /// Redis.
    pub client: Client,
    /// The goal's repository on this host.
    pub repository: Repository,
    /// Where the attempt is written down.
    pub journal: Journal,
    /// The agent.
    pub agent: AgentId,
    /// The goal.
    pub goal: Goal,
    /// The task.
    pub task: Task,
    /// The attempt: the fencing token.
    pub attempt: u32,
    /// The commits that the task's needs published, or the goal's workspace.
    pub inputs: Vec<String>,
    /// The setups of the project's parts that the task starts from.
    pub setups: Setups,
    /// When to stop.
    pub stop: Stop,
}

impl Context {
    /// The labels of whatever the attempt starts.
    #[must_use]
    pub fn labels(&self) -> Labels {
        Labels {
            goal: Some(self.task.goal.clone()),
            task: Some(self.task.id.clone()),
            attempt: Some(self.attempt),
            ..self.engine.owner().clone()
        }
    }

    /// The message of the attempt's commit.
    #[must_use]
    pub fn commit_message(&self) -> Message {
        let trailer = |name: &str, value: String| (format!("Codegod-{name}"), value);
        Message {
            subject: self.task.title.clone(),
            trailers: vec![
                trailer("Goal", self.task.goal.to_string()),
                trailer("Task", self.task.id.to_string()),
                trailer("Agent", self.agent.to_string()),
                trailer("Attempt", self.attempt.to_string()),
            ],
        }
    }

    /// The goal whose bundles hold the commits: a verification works on those of another goal.
    #[must_use]
    pub fn source_goal(&self) -> &GoalId {
        match &self.goal.kind {
            GoalKind::Build => &self.goal.id,
            GoalKind::Verify { of } => of,
        }
    }

    /// Asks Redis for what the attempt can't go on without: again and again while Redis is in trouble that
    /// passes, until the attempt is cut.
    ///
    /// # Errors
    /// [`Error::Cut`]; [`Error::Protocol`] when asking again would not help.
    pub async fn insist<T, Answer>(&self, mut ask: impl FnMut() -> Answer) -> Result<T, Error>
    where
        Answer: Future<Output = Result<T, client::Error>>,
    {
        let mut backoff = Backoff::default();
        loop {
            self.check_stop()?;
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !error.trouble().is_some_and(Trouble::is_passing) {
                return Err(error.into());
            }
            tracing::debug!(task.id = %self.task.id, %error, "asking Redis again");
            let _cut = self.stop.token().run_until_cancelled(backoff.wait()).await;
        }
    }

    /// Fails when the attempt was stopped.
    ///
    /// # Errors
    /// [`Error::Cut`].
    pub fn check_stop(&self) -> Result<(), Error> {
        self.stop.reason().map_or(Ok(()), |reason| Err(Error::Cut(reason)))
    }
}
