//! One round: everybody is started, the load is done in some weather, and what came of it is read.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use codegod_protocol::client::{Client, PLANNING_LEASE_MS};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::cast::{Cast, Fsync, Member};
use super::history::History;
use super::load::{self, Order};
use super::pickup::{self, Orphan};
use super::replay::Replay;
use super::rules::{Breaks, Rule};
use super::submit::Forgotten;
use super::trouble::{Kind, Trouble, Troubles, Weather, Whom};
use super::{Options, audit, leftovers, submit};

/// How long everybody may take to start on a busy machine.
const START: Duration = Duration::from_secs(60);
/// How long troubles go on at most for each task of the load, and a start to that.
const LONGEST_EACH: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(45);
/// How long Redis at most puts off a write while the disk is slow, and a little more.
const PUT_OFF: Duration = Duration::from_millis(2500);
/// How long whatever expires may take to do so when everybody is well again: a dead master's goals are taken
/// over after its planning lease, and what needs them goes on then.
const SETTLING: Duration = Duration::from_millis(3 * PLANNING_LEASE_MS);

/// What came of a round.
#[derive(Debug)]
pub struct Round {
    /// How long it took until the last goal had ended.
    pub took: Duration,
    /// What happened to whom.
    pub troubles: Vec<Trouble>,
    /// The tasks of killed agents.
    pub orphans: Vec<Orphan>,
    /// The events played again.
    pub replay: Replay,
    /// Goals that Redis forgot when it was killed, as it may when it writes once a second.
    pub forgotten: Vec<Forgotten>,
    /// The rules that were broken.
    pub breaks: Vec<Breaks>,
}

impl Round {
    /// Plays a round.
    ///
    /// # Errors
    /// When somebody can't be started, or Redis can't be read in the end.
    pub async fn play(options: &Options, weather: &Weather) -> Result<Self> {
        let mut cast = Cast::start(&options.programs, options.size, options.lease, options.fsync).await?;
        let begun = Instant::now();
        while cast.ready() < options.size.workers {
            ensure!(begun.elapsed() < START, "only {} agents are ready", cast.ready());
            sleep(Duration::from_millis(20)).await;
        }
        let client = Client::connect(&cast.redis.url(), "codegod:", "faults").await?;
        let orders = load::make(options.seed, options.tasks, options.lease);
        let mut troubles = Troubles::new(weather.clone());
        let started = Instant::now();
        let done = at_work(&client, &orders, &mut cast, &mut troubles).await?;
        let took = started.elapsed();
        settle(&cast, &client, if done.is_some() { SETTLING } else { Duration::ZERO }).await?;
        for member in &mut cast.members {
            member.kill()?;
        }
        let mut redis = cast.redis.raw()?;
        let history = History::read(&mut redis, client.keys())?;
        let replay = Replay::of(&history);
        let mut own = Breaks::default();
        let (forgotten, lost) = forgiven(done.unwrap_or_default(), &troubles.record, options.fsync);
        for Forgotten { goal, .. } in lost {
            own.add(Rule::NothingLost, format!("{goal} was accepted and then not known any more"));
        }
        for left in leftovers::find(&mut redis, client.keys())? {
            own.add(Rule::NothingLeft, left);
        }
        let panics = cast.members.iter().flat_map(Member::panics);
        for death in troubles.deaths.drain(..).chain(panics) {
            own.add(Rule::NobodyDied, death);
        }
        let orphans = pickup::orphans(&history, &troubles.record, options.lease);
        let picked_up = pickup::judge(&orphans, options.lease);
        let audited = audit::audit(&orders, &history, &replay);
        let breaks = vec![own, picked_up, audited, replay.breaks.clone()];
        Ok(Self { took, troubles: troubles.record, orphans, replay, forgotten, breaks })
    }
}

/// Of the goals that Redis forgot, those that it may have (it was killed soon after it had accepted them, and
/// writes once a second) and those that it may not.
fn forgiven(all: Vec<Forgotten>, troubles: &[Trouble], fsync: Fsync) -> (Vec<Forgotten>, Vec<Forgotten>) {
    let kills = || troubles.iter().filter(|one| one.whom == Whom::Redis && one.kind == Kind::Kill);
    all.into_iter().partition(|one| {
        let since = |kill: &Trouble| kill.from_ms.checked_sub(one.accepted_ms);
        let at_risk = |kill: &Trouble| since(kill).is_some_and(|ms| Duration::from_millis(ms) < PUT_OFF);
        fsync == Fsync::EverySecond && kills().any(at_risk)
    })
}

/// Has the load done while troubles happen, and helps everybody up when it is done or takes too long. Gives
/// the goals that Redis forgot; none at all when something was left undone even then.
async fn at_work(
    client: &Client,
    orders: &[Order],
    cast: &mut Cast,
    troubles: &mut Troubles,
) -> Result<Option<Vec<Forgotten>>> {
    let tasks: usize = orders.iter().map(|order| order.tasks.len()).sum();
    let longest = LONGEST + LONGEST_EACH * u32::try_from(tasks)?;
    let mut work = tokio::spawn(submit::all(client.clone(), orders.to_vec()));
    let stop = CancellationToken::new();
    let waiting = async {
        let done = timeout(longest, &mut work).await;
        stop.cancel();
        done
    };
    let (done, raged) = tokio::join!(waiting, troubles.rage(cast, &stop));
    raged?;
    let done = match done {
        Ok(done) => Ok(done),
        Err(_) => timeout(SETTLING, &mut work).await,
    };
    match done {
        Ok(done) => done.context("the orders broke")?.map(Some),
        Err(_) => {
            work.abort();
            Ok(None)
        }
    }
}

/// Waits until nothing is left, or long enough to say that something is.
async fn settle(cast: &Cast, client: &Client, at_most: Duration) -> Result<()> {
    let begun = Instant::now();
    let mut redis = cast.redis.raw()?;
    while !leftovers::find(&mut redis, client.keys())?.is_empty() && begun.elapsed() < at_most {
        sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}
