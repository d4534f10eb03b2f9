//! What the feed's tasks share: where news go, what is on the screen, the client, and what events named.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};

use codegod_protocol::client::Client;
use codegod_protocol::id::{AgentId, GoalId, TaskId};
use tokio::sync::{Notify, mpsc, watch};

use super::scope::Picture;
use super::{News, Scope};
use crate::commands::Place;
use crate::console::store::happening::{Change, Happening};

/// So many goals and tasks are remembered by name; beyond that everything counts as named.
const NAMES: usize = 2_000;

/// The console is gone: nobody wants news any more.
pub(super) struct Gone;

/// What the feed's tasks share. Clones are cheap.
pub(super) struct Shared<M> {
    pub(super) place: Place,
    /// What is on the screen.
    pub(super) scope: watch::Receiver<Arc<Scope>>,
    /// The client, while Redis answers.
    pub(super) client: watch::Sender<Option<Client>>,
    /// The agents on the list.
    pub(super) agents: watch::Sender<Arc<Vec<AgentId>>>,
    /// Asks for a look before its time.
    pub(super) nudge: Arc<Notify>,
    heard: Arc<Mutex<Heard>>,
    to: mpsc::Sender<M>,
}

impl<M> Clone for Shared<M> {
    fn clone(&self) -> Self {
        Self {
            place: self.place.clone(),
            scope: self.scope.clone(),
            client: self.client.clone(),
            agents: self.agents.clone(),
            nudge: Arc::clone(&self.nudge),
            heard: Arc::clone(&self.heard),
            to: self.to.clone(),
        }
    }
}

impl<M: From<News>> Shared<M> {
    pub(super) fn new(place: Place, scope: watch::Receiver<Arc<Scope>>, to: mpsc::Sender<M>) -> Self {
        Self {
            place,
            scope,
            client: watch::Sender::new(None),
            agents: watch::Sender::default(),
            nudge: Arc::default(),
            heard: Arc::default(),
            to,
        }
    }

    /// Tells the console; waits while it has much to take in, and while a person has stopped the picture: news
    /// then wait here with their reader, and nothing is lost.
    pub(super) async fn tell(&self, news: News) -> Result<(), Gone> {
        let mut scope = self.scope.clone();
        scope.wait_for(|scope| scope.picture == Picture::Moves).await.map_err(|_| Gone)?;
        self.to.send(M::from(news)).await.map_err(|_| Gone)
    }

    /// The client, once Redis answers.
    pub(super) async fn client(&self) -> Result<Client, Gone> {
        let mut client = self.client.subscribe();
        let found = client.wait_for(Option::is_some).await.map_err(|_| Gone)?;
        found.clone().ok_or(Gone)
    }

    /// Redis does not answer somebody: the next look finds out, and until then there is no client.
    pub(super) fn doubt(&self) {
        self.client.send_if_modified(|client| client.take().is_some());
        self.nudge.notify_one();
    }

    /// What events named since that was asked last.
    pub(super) fn take_heard(&self) -> Heard {
        std::mem::take(&mut *self.heard())
    }

    /// Notes what an event names.
    pub(super) fn note(&self, happening: &Happening) {
        self.heard().note(happening);
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        // Every change is a plain insertion: what a panic left behind is whole.
        self.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What events named.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Goals whose counts or states changed.
    pub(super) goals: HashSet<GoalId>,
    /// Goals whose plans are others.
    pub(super) plans: HashSet<GoalId>,
    /// Tasks that changed.
    pub(super) tasks: HashSet<TaskId>,
    /// Who did something.
    pub(super) who: HashSet<Box<str>>,
    /// There were too many names to remember.
    pub(super) overflow: bool,
}

impl Heard {
    fn note(&mut self, happening: &Happening) {
        if !self.who.contains(&happening.who) {
            self.who.insert(happening.who.clone());
        }
        let Some(goal) = &happening.goal else { return };
        match &happening.change {
            Change::Nothing | Change::Phase(_) | Change::Doing(_) | Change::Done => {}
            Change::Plan | Change::Goal { .. } => {
                self.plans.insert(goal.clone());
                self.goals.insert(goal.clone());
            }
            Change::GoalPaused
            | Change::GoalResumed
            | Change::Claimed
            | Change::Ready
            | Change::Succeeded { .. }
            | Change::Ended { .. }
            | Change::LeaseExpired => {
                self.goals.insert(goal.clone());
            }
        }
        if let Some(task) = &happening.task {
            self.tasks.insert(task.clone());
        }
        if self.goals.len() + self.tasks.len() + self.who.len() > NAMES {
            *self = Self { overflow: true, plans: std::mem::take(&mut self.plans), ..Self::default() };
        }
    }

    /// Whether somebody did something.
    pub(super) fn is_of(&self, who: &AgentId) -> bool {
        self.overflow || self.who.contains(who.to_string().as_str())
    }
}
