//! The feed: tasks that read Redis and tell the console what is [`News`]. They run on the worker thread, so that
//! neither a slow Redis nor a thousand agents' JSON delays a key. What costs something to read is read only
//! while it is on the screen: a [`Scope`] says what is.

mod backwards;
mod convert;
pub(crate) mod diff;
mod glanced;
mod happenings;
mod lines;
mod logs;
mod look;
mod open;
pub(crate) mod scope;
mod shared;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub(crate) use super::store::News;
use crate::commands::Place;
pub(crate) use scope::{OlderLogs, Scope};
use shared::Shared;

/// The feed's handle. The tasks end when it is dropped.
#[derive(Debug)]
pub(crate) struct Feed {
    scope: watch::Sender<Arc<Scope>>,
    older: mpsc::Sender<OlderLogs>,
    /// The tasks; they end with it.
    _tasks: JoinSet<()>,
}

impl Feed {
    /// Says what is on the screen now; the same as before changes nothing. Never waits.
    pub(crate) fn show(&self, scope: Scope) {
        self.scope.send_if_modified(|known| {
            let changed = **known != scope;
            if changed {
                *known = Arc::new(scope);
            }
            changed
        });
    }

    /// Asks for a page of log lines before those that were told. Never waits: what is asked while an earlier
    /// page is still being read is forgotten.
    pub(crate) fn older_logs(&self, asked: OlderLogs) {
        // A page is on its way already.
        let _busy = self.older.try_send(asked);
    }
}

/// Starts to read on `runtime`, at once and for ever: a Redis that is away is waited for. The news go to `to`;
/// when that is full they wait, and what waits is told together.
pub(crate) fn start<M>(place: Place, to: mpsc::Sender<M>, runtime: &Handle) -> Feed
where
    M: From<News> + Send + 'static,
{
    let (scope, scopes) = watch::channel(Arc::new(Scope::default()));
    let (older, asked) = mpsc::channel(1);
    let shared = Shared::new(place, scopes, to);
    let mut tasks = JoinSet::new();
    tasks.spawn_on(look::keep_looking(shared.clone()), runtime);
    tasks.spawn_on(happenings::keep_reading(shared.clone()), runtime);
    tasks.spawn_on(logs::keep_reading(shared, asked), runtime);
    Feed { scope, older, _tasks: tasks }
}

#[cfg(test)]
mod tests;
