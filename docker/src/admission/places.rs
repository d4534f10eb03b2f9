//! Places: who was let in and has not ended, as locked files that all agents with one state folder see.
//!
//! The lock is the kernel's and ends with its process, however that dies; a file without a lock is a
//! dead one's and is taken away by whoever looks next.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::error::Error;

/// How often and how long those who decide wait for one another. One that was stopped in the middle
/// must not hold up all: then two may be let in at once.
const TRIES: u32 = 25;
const PAUSE: Duration = Duration::from_millis(2);

/// How the names of places end.
const SUFFIX: &str = ".place";

/// The folder of the places.
pub(super) struct Places {
    folder: PathBuf,
}

/// Leave to work on one task; it ends when this is dropped. Hold it until the attempt has ended.
#[derive(Debug)]
pub struct Place {
    /// Holds the lock, and goes with this; one that stays is unlocked, so the next that looks takes it away.
    _file: NamedTempFile,
}

/// Holds the others up while one decides.
pub(super) struct Deciding {
    _file: Option<File>,
}

impl Places {
    pub(super) fn below(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("admission") }
    }

    fn failed(&self, doing: &str) -> impl Fn(std::io::Error) -> Error {
        let doing = format!("{doing} {}", self.folder.display());
        move |source| Error::io(doing.clone(), source)
    }

    /// Waits for its turn to decide, not for long.
    pub(super) async fn decide(&self) -> Result<Deciding, Error> {
        let failed = self.failed("take turns in");
        std::fs::create_dir_all(&self.folder).map_err(&failed)?;
        let path = self.folder.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(&failed)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Deciding { _file: Some(file) }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        Ok(Deciding { _file: None })
    }

    /// How many places are taken; those of the dead are cleared away.
    pub(super) fn taken(&self, _turn: &Deciding) -> Result<usize, Error> {
        let failed = self.failed("count the places in");
        let mut taken = 0;
        for entry in std::fs::read_dir(&self.folder).map_err(&failed)? {
            let path = entry.map_err(&failed)?.path();
            if !path.as_os_str().as_encoded_bytes().ends_with(SUFFIX.as_bytes()) {
                continue;
            }
            // Given up between the listing and now.
            let Ok(file) = File::open(&path) else { continue };
            match file.try_lock_shared() {
                Ok(()) => drop(std::fs::remove_file(&path)),
                Err(_) => taken += 1,
            }
        }
        Ok(taken)
    }

    /// Takes a place.
    pub(super) fn take(&self, _turn: &Deciding) -> Result<Place, Error> {
        let failed = self.failed("take a place in");
        let named = tempfile::Builder::new().suffix(SUFFIX).tempfile_in(&self.folder);
        let file = named.map_err(&failed)?;
        match file.as_file().try_lock() {
            Ok(()) => Ok(Place { _file: file }),
            Err(TryLockError::WouldBlock) => Err(failed(std::io::ErrorKind::WouldBlock.into())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_counts_until_it_is_dropped_and_a_dead_ones_not_at_all() {
        let folder = tempfile::tempdir().expect("folder");
        let (one, two) = (Places::below(folder.path()), Places::below(folder.path()));
        let turn = one.decide().await.expect("decides");
        let place = one.take(&turn).expect("takes");
        let other = two.take(&turn).expect("takes");
        std::fs::write(folder.path().join("admission/4711-0-0.place"), "").expect("is written");
        assert_eq!(two.taken(&turn).expect("counts"), 2);
        drop(place);
        assert_eq!(two.taken(&turn).expect("counts"), 1);
        drop(other);
        assert_eq!(one.taken(&turn).expect("counts"), 0);
        let left = std::fs::read_dir(folder.path().join("admission")).expect("lists").count();
        assert_eq!(left, 1, "only the lock stays");
    }

    #[tokio::test]
    async fn one_who_decides_holds_the_others_up_but_not_for_ever() {
        let folder = tempfile::tempdir().expect("folder");
        let places = Places::below(folder.path());
        let first = places.decide().await.expect("decides");
        assert!(first._file.is_some());
        assert!(places.decide().await.expect("goes on")._file.is_none());
        drop(first);
        assert!(places.decide().await.expect("decides")._file.is_some());
    }
}
