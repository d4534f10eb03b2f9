//! The gate: looks at the host, decides, and hands out a place.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::query_parameters::ListContainersOptionsBuilder;
use tokio::sync::Mutex;

use crate::engine::Engine;
use crate::error::Error;
use crate::host::{ControlGroups, Disk, Locality, Memory};
use crate::labels::{LABEL, Owner, Purpose};

use super::decision::{Figures, Floors, decide};
use super::places::{Place, Places};

/// How often Docker is asked at most.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Whether a task may be claimed.
#[derive(Debug)]
pub enum Admission {
    /// It may. The place is to be held until the attempt has ended, and dropped when there was no task.
    Open(Place),
    /// Not now.
    Closed {
        /// Why, as a sentence with figures for people.
        reason: String,
    },
}

/// Decides for one process whether another task may be claimed on its host.
pub struct Gate {
    engine: Engine,
    floors: Floors,
    groups: ControlGroups,
    places: Places,
    known: Mutex<Known>,
}

/// What Docker said.
#[derive(Default)]
struct Known {
    locality: Option<Locality>,
    sandboxes: Vec<String>,
    asked: Option<Instant>,
}

impl Gate {
    /// A gate by the settings that the engine was connected with.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            floors: Floors::of(engine.settings()),
            groups: ControlGroups::find(),
            places: Places::below(&engine.settings().state_dir),
            known: Mutex::new(Known::default()),
        }
    }

    /// Decides. Made to be called before each claim and once a second while closed: it costs a fraction
    /// of a millisecond, and asks Docker at most once a second, not at all while memory is plenty.
    pub async fn check(&self) -> Admission {
        match self.try_check().await {
            Ok(admission) => admission,
            Err(error @ Error::Io { .. }) => {
                Admission::Closed { reason: format!("waiting for the state folder: {error}") }
            }
            Err(error) => Admission::Closed { reason: format!("waiting for Docker: {error}") },
        }
    }

    async fn try_check(&self) -> Result<Admission, Error> {
        let mut known = self.known.lock().await;
        let locality = match &known.locality {
            Some(locality) => locality.clone(),
            None => known.locality.insert(self.locate().await?).clone(),
        };
        let disks = self.disks(&locality)?;
        let full = Figures {
            memory: Memory { available: u64::MAX, total: 0 },
            places: 0,
            sandboxes: Vec::new(),
            disks,
        };
        // A full disk may have no room for a place either.
        if let Some(reason) = decide(&full, &self.floors) {
            return Ok(Admission::Closed { reason });
        }
        let memory = match &locality {
            Locality::Here { .. } => Memory::read(&self.groups)?,
            Locality::Elsewhere { memory_bytes } => {
                Memory { available: memory_bytes / 10 * 9, total: *memory_bytes }
            }
        };
        let seen = Figures { memory, places: 0, sandboxes: Vec::new(), disks: Vec::new() };
        let turn = self.places.decide().await?;
        let mut figures = Figures { places: self.places.taken(&turn)?, ..seen };
        if !is_plenty(&figures, &self.floors) {
            self.ask(&mut known).await?;
            figures.sandboxes =
                known.sandboxes.iter().map(|id| self.groups.used_by(id).unwrap_or_default()).collect();
        }
        Ok(match decide(&figures, &self.floors) {
            Some(reason) => Admission::Closed { reason },
            None => Admission::Open(self.places.take(&turn)?),
        })
    }

    async fn locate(&self) -> Result<Locality, Error> {
        let locality = Locality::ask(&self.engine).await?;
        if let Locality::Elsewhere { memory_bytes } = locality {
            tracing::warn!(
                memory_bytes,
                "Docker runs on another machine: of its disk nothing is known from here, of its memory only how much there is"
            );
        }
        Ok(locality)
    }

    /// The disks of the state folder and of Docker's data, where that can be seen.
    fn disks(&self, locality: &Locality) -> Result<Vec<Disk>, Error> {
        let state = Disk::of(&self.engine.settings().state_dir)?;
        let root = match locality {
            Locality::Here { root: Some(root) } => Some(Disk::of(root)?),
            Locality::Here { root: None } | Locality::Elsewhere { .. } => None,
        };
        Ok(root.into_iter().chain([state]).collect())
    }

    /// Asks Docker for the containers in which attempts run, unless it was asked just now.
    async fn ask(&self, known: &mut Known) -> Result<(), Error> {
        if known.asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN) {
            return Ok(());
        }
        let filters = HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
        let options = ListContainersOptionsBuilder::default().filters(&filters).build();
        let listed = self.engine.docker().list_containers(Some(options)).await;
        let listed = listed.map_err(|error| Error::docker("ask which sandboxes run", error))?;
        let attempts = listed.into_iter().filter(|container| {
            let owner = container.labels.as_ref().and_then(Owner::from_map);
            // What runs for longer than an attempt promises nothing: its use is in the host's figures.
            let purpose = owner.and_then(|owner| owner.purpose);
            matches!(purpose, Some(Purpose::Sandbox | Purpose::Builder | Purpose::App))
        });
        known.sandboxes = attempts.filter_map(|container| container.id).collect();
        known.asked = Some(Instant::now());
        Ok(())
    }
}

/// How many attempts of agents whose places are not seen from here there may be at most while Docker is
/// not asked.
const UNSEEN: u64 = 8;

/// Whether memory is so plenty that Docker need not be asked: when every attempt took all that is expected
/// of it, half of it would be left, or enough for some that were not seen.
fn is_plenty(figures: &Figures, floors: &Floors) -> bool {
    let Memory { available, total } = figures.memory;
    let (need, floor) = (floors.need(total), floors.memory(total));
    let enough = (total / 2).min(floor.saturating_add(need * UNSEEN));
    available.saturating_sub(figures.promised(need)) >= enough.max(floor)
}
