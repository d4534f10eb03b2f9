//! What a child process of the benchmark does, and how it says so: lines on its standard output. Workers are
//! processes, as agents are, so that what they compute does not wait for one another.
//!
//! `ready` when it is; `record NUMBER HANDED STARTED ENDED` for a task (when asked for); `did COUNT LAST` whenever
//! there was nothing left to do: how many since it last said so, and when the last ended; `value NAME NUMBER`.

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use codegod_protocol::agent::{AgentStatus, HEARTBEAT_SECONDS, Phase};
use codegod_protocol::client::{Claimed, now_ms};
use codegod_protocol::id::{AgentId, Role};

use crate::bare::BareHand;
use crate::meter::memory_mb;
use crate::plan::{self, Shape};
use crate::turns::{Hand, Log, now_ns, number};

/// The variable that says where Redis is.
pub(crate) const URL: &str = "ENGINE_BENCH_URL";

/// A task that was worked on; times are those of [`now_ns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its number in its plan.
    pub(crate) number: u32,
    /// When it was handed over, where that was noted.
    pub(crate) tenq: u64,
    /// Its start.
    pub(crate) started: u64,
    /// Its end.
    pub(crate) ended: u64,
}

/// Writes what was done, when there is time.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    records: bool,
    waiting: String,
    count: u64,
    last: u64,
}

impl Lines {
    /// With a record of every task, or only with counts.
    pub(crate) fn new(records: bool) -> Self {
        Self { records, ..Self::default() }
    }

    /// A task is done.
    pub(crate) fn did(&mut self, record: Record) -> Result<()> {
        (self.count, self.last) = (self.count + 1, record.ended);
        if self.records {
            let Record { number, tenq, started, ended } = record;
            self.waiting.push_str(&format!("record {number} {tenq} {started} {ended}\n"));
        }
        Ok(())
    }

    /// There is time.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.count > 0 {
            say(&format!("{}did {} {}", self.waiting, self.count, self.last))?;
            (self.count, self.waiting) = (0, String::new());
        }
        Ok(())
    }
}

impl Log for Lines {
    fn started(&mut self, _: &Claimed, _: u64) -> Result<()> {
        Ok(())
    }

    fn ended(&mut self, claimed: &Claimed, started: u64, ended: u64) -> Result<()> {
        self.did(Record { number: claimed.task.id.number(), tenq: number(claimed, "tenq"), started, ended })
    }

    fn idle(&mut self) -> Result<()> {
        self.flush()
    }
}

/// Runs the child process that the words describe.
pub(crate) async fn run(words: &[String]) -> Result<()> {
    let url = std::env::var(URL).with_context(|| format!("{URL} is not set"))?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["worker", role, room, limit, records] => {
            let role: Role = role.parse().ok().with_context(|| format!("no role {role:?}"))?;
            let hand = Hand::hire(&url, role, room.parse()?, limit.parse()?).await?;
            gate()?;
            hand.work(&mut Lines::new(records == "records")).await?;
            // Its parent ends it: nothing that it says may be taken for an end too early.
            std::future::pending().await
        }
        ["bare", room, waits, records] => {
            let hand = BareHand::hire(&url, room.parse()?, waits == "waits").await?;
            gate()?;
            hand.work(&mut Lines::new(records == "records")).await
        }
        ["idlers", count] => idlers(&url, count.parse()?).await,
        ["plan", shape, n] => submit(&url, Shape::of(shape)?, n.parse()?).await,
        ["trip", n] => round_trips(&url, n.parse()?).await,
        _ => bail!("unknown words {words:?}"),
    }
}

/// Says that it is ready, waits until it may begin, and ends with its parent.
fn gate() -> Result<()> {
    say("ready")?;
    let mut stdin = std::io::stdin();
    stdin.read_exact(&mut [0]).context("waiting to begin")?;
    std::thread::spawn(move || {
        let _gone = stdin.read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("telling the parent")
}

/// So many agents in one process, each with its own connections, its turns, bells and heartbeats.
async fn idlers(url: &str, count: u32) -> Result<()> {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            for number in 0..count {
                let hand = Hand::hire(url, plan::ROLE, 1, u64::MAX).await?;
                let heart = beat(plan::client(url).await?, number);
                tokio::task::spawn_local(async move {
                    let mut log = Lines::new(true);
                    let ended = tokio::try_join!(hand.work(&mut log), heart);
                    if let Err(error) = ended {
                        eprintln!("agent {number}: {error:#}");
                        std::process::exit(1);
                    }
                });
            }
            gate()?;
            std::future::pending().await
        })
        .await
}

/// An agent's heartbeats, as its pulse sends them.
async fn beat(client: codegod_protocol::client::Client, number: u32) -> Result<()> {
    let mut status = AgentStatus {
        id: AgentId::random(plan::ROLE),
        role: plan::ROLE,
        capabilities: vec![],
        host: "bench".to_owned(),
        pid: number,
        phase: Phase::Idle,
        current_task: None,
        title: None,
        attempt: None,
        phase_since_ms: 0,
        container: None,
        note: None,
        usage: Default::default(),
        succeeded: 0,
        failed: 0,
        started_ms: now_ms(),
        heartbeat_ms: now_ms(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    loop {
        status.heartbeat_ms = now_ms();
        client.agent_heartbeat(&status).await?;
        tokio::time::sleep(Duration::from_secs(HEARTBEAT_SECONDS)).await;
    }
}

/// Submits a plan as a master does, and says how long that took and what it took at its largest.
async fn submit(url: &str, shape: Shape, n: u32) -> Result<()> {
    let client = plan::client(url).await?;
    gate()?;
    let seconds = plan::submit(&client, shape, n).await?;
    say(&format!("value seconds {seconds}"))?;
    say(&format!("value peak {}", memory_mb(std::process::id(), "VmHWM")?))?;
    say("did 1 0")?;
    std::future::pending().await
}

/// Calls a script that does nothing, again and again.
async fn round_trips(url: &str, n: u32) -> Result<()> {
    let client = redis::Client::open(url)?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    let script = redis::Script::new("return 1");
    script.load_async(&mut redis).await?;
    gate()?;
    let mut log = Lines::new(true);
    for number in 0..n {
        let started = now_ns();
        let _one: u8 = script.invoke_async(&mut redis).await?;
        log.did(Record { number, tenq: 0, started, ended: now_ns() })?;
    }
    log.flush()?;
    std::future::pending().await
}
