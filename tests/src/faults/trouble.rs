//! Troubles: who is hit by what and when, at random from a seed; and everybody helped up again.

use std::time::Duration;

use anyhow::Result;
use codegod_protocol::client::now_ms;
use codegod_protocol::id::AgentId;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::cast::{Cast, Part};
use super::gate::Return;

/// How often is looked whether something is to be done.
const STEP: Duration = Duration::from_millis(20);
/// How often who has ended is looked for and started again.
const KEEPING: Duration = Duration::from_millis(300);

/// What happens to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SIGKILL; it is started again soon.
    Kill,
    /// SIGSTOP, and SIGCONT later.
    Stop,
    /// Nothing goes between it and Redis for a while.
    Cut,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Kill, Kind::Stop, Kind::Cut];

    /// Its word on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Kill => "kill",
            Kind::Stop => "stop",
            Kind::Cut => "cut",
        }
    }
}

/// Whom it happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The member of the cast with this number.
    Member(usize),
    /// Redis.
    Redis,
}

/// How often, which and from which seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    /// The seed.
    pub seed: u64,
    /// The time between two troubles.
    pub every: Duration,
    /// What may happen; nothing when empty.
    pub kinds: Vec<Kind>,
    /// The length of a lease: the measure of how long one lasts.
    pub lease: Duration,
}

/// One trouble.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What.
    pub kind: Kind,
    /// Whom it hit.
    pub whom: Whom,
    /// What the one who was hit is.
    pub part: Option<Part>,
    /// Its name.
    pub name: String,
    /// The agent that it was.
    pub agent: Option<AgentId>,
    /// When it began, Unix time in milliseconds.
    pub from_ms: u64,
    /// When it was over.
    pub till_ms: u64,
}

/// What is to be done for one who was hit.
#[derive(Debug)]
struct Help {
    due: Instant,
    whom: Whom,
    kind: Kind,
    how: Return,
    /// Its number in the record.
    trouble: usize,
}

/// Troubles that happen.
#[derive(Debug)]
pub struct Troubles {
    weather: Weather,
    rng: StdRng,
    helps: Vec<Help>,
    /// What has happened.
    pub record: Vec<Trouble>,
    /// Who ended although nobody had killed it.
    pub deaths: Vec<String>,
}

impl Troubles {
    /// None yet.
    #[must_use]
    pub fn new(weather: Weather) -> Self {
        let rng = StdRng::seed_from_u64(weather.seed);
        Self { weather, rng, helps: Vec::new(), record: Vec::new(), deaths: Vec::new() }
    }

    /// Hits somebody again and again until told to stop; then helps everybody up.
    ///
    /// # Errors
    /// When somebody can't be hit or started.
    pub async fn rage(&mut self, cast: &mut Cast, stop: &CancellationToken) -> Result<()> {
        let mut next = Instant::now() + self.weather.every;
        let mut next_look = Instant::now();
        while !stop.is_cancelled() {
            sleep(STEP).await;
            self.help(cast, Instant::now())?;
            if Instant::now() >= next_look {
                next_look = Instant::now() + KEEPING;
                self.keep(cast)?;
            }
            if Instant::now() >= next {
                next += self.weather.every;
                self.strike(cast)?;
            }
        }
        // Everybody, however long it was to last.
        let long = Instant::now() + Duration::from_secs(3600);
        self.help(cast, long)?;
        self.keep(cast)
    }

    fn strike(&mut self, cast: &mut Cast) -> Result<()> {
        let Some(kind) = self.weather.kinds.choose(&mut self.rng).copied() else { return Ok(()) };
        let Some(whom) = self.choose(cast) else { return Ok(()) };
        let how = if self.rng.random() { Return::Whole } else { Return::Reset };
        let ms = match kind {
            Kind::Kill => self.rng.random_range(50..1000),
            Kind::Stop | Kind::Cut => {
                let lease = u64::try_from(self.weather.lease.as_millis())?;
                self.rng.random_range(lease / 2..lease * 2)
            }
        };
        let (part, name, agent) = match whom {
            Whom::Redis => (None, "redis".to_owned(), None),
            Whom::Member(number) => {
                let member = &cast.members[number];
                (Some(member.part), member.name.clone(), member.agent())
            }
        };
        match (kind, whom) {
            (Kind::Kill, Whom::Redis) => cast.redis.kill()?,
            (Kind::Stop, Whom::Redis) => crate::fleet::signal("STOP", cast.redis.pid())?,
            (Kind::Cut, Whom::Redis) => cast.members.iter().for_each(|member| member.gate.cut()),
            (Kind::Kill, Whom::Member(number)) => cast.members[number].kill()?,
            (Kind::Stop, Whom::Member(number)) => cast.members[number].signal("STOP")?,
            (Kind::Cut, Whom::Member(number)) => cast.members[number].gate.cut(),
        }
        let (from_ms, trouble) = (now_ms(), self.record.len());
        self.record.push(Trouble { kind, whom, part, name, agent, from_ms, till_ms: from_ms });
        self.helps.push(Help { due: Instant::now() + Duration::from_millis(ms), whom, kind, how, trouble });
        Ok(())
    }

    /// Somebody who is not in trouble: an agent in six cases of ten, else a master or Redis.
    fn choose(&mut self, cast: &Cast) -> Option<Whom> {
        let wanted = self.rng.random_range(0..10);
        let free = |whom: &Whom| self.helps.iter().all(|help| help.whom != *whom);
        let is_worker = |number: usize| matches!(cast.members[number].part, Part::Worker(_));
        let members = |workers: bool| {
            (0..cast.members.len()).filter(move |number| is_worker(*number) == workers).map(Whom::Member)
        };
        match wanted {
            0..6 => members(true).filter(free).choose(&mut self.rng),
            6..8 => members(false).filter(free).choose(&mut self.rng),
            _ => Some(Whom::Redis).filter(free),
        }
    }

    /// Ends the troubles that have lasted long enough.
    fn help(&mut self, cast: &mut Cast, now: Instant) -> Result<()> {
        for help in self.helps.extract_if(.., |help| help.due <= now) {
            match (help.kind, help.whom) {
                (Kind::Kill, Whom::Redis) => tokio::task::block_in_place(|| cast.redis.restart())?,
                (Kind::Stop, Whom::Redis) => crate::fleet::signal("CONT", cast.redis.pid())?,
                (Kind::Cut, Whom::Redis) => {
                    cast.members.iter().for_each(|member| member.gate.mend(help.how));
                }
                (Kind::Kill, Whom::Member(number)) => cast.members[number].start()?,
                (Kind::Stop, Whom::Member(number)) => cast.members[number].signal("CONT")?,
                (Kind::Cut, Whom::Member(number)) => cast.members[number].gate.mend(help.how),
            }
            self.record[help.trouble].till_ms = now_ms();
        }
        Ok(())
    }

    /// Starts again who has ended without being killed.
    fn keep(&mut self, cast: &mut Cast) -> Result<()> {
        for (number, member) in cast.members.iter_mut().enumerate() {
            let runs = member.runs();
            let killed =
                self.helps.iter().any(|help| help.whom == Whom::Member(number) && help.kind == Kind::Kill);
            if let Err(death) = &runs {
                self.deaths.push(death.clone());
            }
            if runs != Ok(true) && !killed {
                member.start()?;
            }
        }
        Ok(())
    }
}
