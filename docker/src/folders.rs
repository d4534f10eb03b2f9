//! The folders in which agents keep repositories: `<state folder>/repositories/<agent>`.
//!
//! An agent holds a lock in its folder for as long as it lives. The kernel ends the lock with the
//! process, so a folder that nobody holds belongs to the dead, whichever fleet that was, and goes.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use codegod_protocol::id::AgentId;

use crate::error::Error;

/// The file that is locked.
const LOCK: &str = "lock";
/// How long a folder without a lock stays after it last changed: its agent is one that takes none.
const UNLOCKED_STAYS: Duration = Duration::from_secs(24 * 3600);

/// An agent's own folder, held for as long as this lives.
#[derive(Debug)]
pub struct AgentFolder {
    path: PathBuf,
    _lock: File,
}

/// A folder that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Whether its agent is dead.
    pub(crate) is_abandoned: bool,
}

impl AgentFolder {
    /// Makes an agent's folder and holds it.
    ///
    /// # Errors
    /// When it can't be made, or another process has it.
    pub fn take(state_dir: &Path, agent: &AgentId) -> Result<Self, Error> {
        let path = parent(state_dir).join(agent.to_string());
        let failed = |source| Error::io(format!("take the folder {}", path.display()), source);
        std::fs::create_dir_all(&path).map_err(failed)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK));
        let lock = lock.map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => failed(std::io::ErrorKind::ResourceBusy.into()),
            TryLockError::Error(error) => failed(error),
        })?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all that is in it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(self) -> Result<(), Error> {
        remove(&self.path)
    }
}

fn parent(state_dir: &Path) -> PathBuf {
    state_dir.join("repositories")
}

fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("remove the folder {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

/// Every agent's folder.
pub(crate) fn list(state_dir: &Path) -> Result<Vec<Found>, Error> {
    let parent = parent(state_dir);
    let failed = |source| Error::io(format!("list {}", parent.display()), source);
    let entries = match std::fs::read_dir(&parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let is_agents = entry.file_name().to_str().is_some_and(|name| name.parse::<AgentId>().is_ok());
        // Nothing else here is ours to remove; a link least of all.
        if is_agents && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(Found { is_abandoned: is_abandoned(&entry.path()), path: entry.path() });
        }
    }
    Ok(found)
}

fn is_abandoned(path: &Path) -> bool {
    match File::open(path.join(LOCK)) {
        Ok(lock) => lock.try_lock_shared().is_ok(),
        Err(_) => {
            let changed = path.metadata().and_then(|folder| folder.modified());
            let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
            age.is_some_and(|age| age > UNLOCKED_STAYS)
        }
    }
}

/// Removes the folders of the dead and tells which.
///
/// # Errors
/// When the folders can't be listed; one that can't be removed is logged, and tried again the next time.
pub(crate) fn remove_abandoned(state_dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    for folder in list(state_dir)?.into_iter().filter(|folder| folder.is_abandoned) {
        match remove(&folder.path) {
            Ok(()) => removed.push(folder.path),
            Err(error) => tracing::warn!(%error, "the next sweep tries again"),
        }
    }
    Ok(removed)
}

/// The bytes of all files below a folder; what can't be looked at counts nothing.
pub(crate) fn size(folder: &Path) -> u64 {
    let (mut bytes, mut open) = (0, vec![folder.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(_) => bytes += entry.metadata().map_or(0, |file| file.len()),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use codegod_protocol::id::Role;

    use super::*;

    #[test]
    fn the_folders_of_the_dead_go_and_those_of_the_living_stay() {
        let state = tempfile::tempdir().expect("folder");
        let (living, dead) = (AgentId::random(Role::Backend), AgentId::random(Role::Testing));
        let held = AgentFolder::take(state.path(), &living).expect("takes");
        std::fs::write(held.path().join("file"), [0; 300]).expect("is written");
        let left = AgentFolder::take(state.path(), &dead).expect("takes").path().to_path_buf();
        std::fs::create_dir(left.join("g.git")).expect("is made");
        let unlocked = parent(state.path()).join(AgentId::random(Role::Devops).to_string());
        let strange = parent(state.path()).join("notes");
        std::fs::create_dir(&unlocked).expect("is made");
        std::fs::create_dir(&strange).expect("is made");
        assert_eq!(size(state.path()), 300);
        assert_eq!(remove_abandoned(state.path()).expect("sweeps"), vec![left.clone()]);
        assert!(!left.exists() && unlocked.exists() && strange.exists() && held.path().exists());

        let long_ago = SystemTime::now() - UNLOCKED_STAYS * 2;
        File::open(&unlocked).and_then(|folder| folder.set_modified(long_ago)).expect("is set");
        assert_eq!(remove_abandoned(state.path()).expect("sweeps"), vec![unlocked]);
        assert!(AgentFolder::take(state.path(), &living).is_err(), "it is held");
        held.remove().expect("is removed");
        assert_eq!(list(state.path()).expect("lists"), vec![]);
        assert_eq!(list(&state.path().join("nowhere")).expect("lists"), vec![]);
    }
}
