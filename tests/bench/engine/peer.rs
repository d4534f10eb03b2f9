//! codegod's engine as one more peer of a benchmark of Redis task queues: workers that do nothing with a task
//! but record it, over the same turns that agents take.
//!
//! The verbs, the environment and the records are those of that benchmark (its README, "Add your own driver"):
//! `worker`, `enqueue N [MS]`, `paced N RATE`, `chain N`, `fan N`, `bulk N`. Exit code 3: an unknown verb.

mod turns;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use codegod_protocol::client::{Claimed, Client, Growth, GrowthOutcome, Planning, PlanningOutcome};
use codegod_protocol::goal::Goal;
use codegod_protocol::id::{GoalId, Role};
use codegod_protocol::keys::DEFAULT_PREFIX;
use codegod_protocol::task::Task;
use codegod_tests::plans;
use turns::{Hand, Log, now_ns, number};

/// The role whose tasks are measured; the goal is kept open by a task of another.
const ROLE: Role = Role::Backend;
const KEEPER: Role = Role::Testing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| -> Result<u64> {
        let text = arguments.get(at).context("a number is missing")?;
        text.parse().with_context(|| format!("{text:?} is not a number"))
    };
    match arguments.first().map(String::as_str) {
        Some("worker") => work().await?,
        Some("enqueue") => enqueue(number(1)?, number(2).unwrap_or(0), None).await?,
        Some("paced") => enqueue(number(1)?, 0, Some(number(2)?)).await?,
        Some("chain") => {
            submit(number(1)?, |number, _| if number == 0 { vec![] } else { vec![number - 1] }).await?
        }
        Some("fan") => {
            let needs = |number: u64, n: u64| match number {
                0 => vec![],
                last if last == n + 1 => (1..=n).collect(),
                _ => vec![0],
            };
            submit_counted(number(1)? + 2, number(1)?, needs).await?;
        }
        Some("bulk") => submit(number(1)?, |_, _| vec![]).await?,
        _ => return Ok(ExitCode::from(3)),
    }
    Ok(ExitCode::SUCCESS)
}

fn url() -> Result<String> {
    std::env::var("BENCH_URL").context("BENCH_URL is not set")
}

async fn connect(who: &str) -> Result<Client> {
    Ok(Client::connect(&url()?, DEFAULT_PREFIX, who).await?)
}

/// Task number `i` of the benchmark; task 1 of the goal keeps it open.
fn task(goal: &GoalId, i: u64, tenq: u64, ms: u64, needs: &[u64]) -> Result<Task> {
    let place = |i: u64| u32::try_from(i + 2).context("more tasks than a plan can count");
    let needs = needs.iter().map(|i| place(*i)).collect::<Result<Vec<_>>>()?;
    let mut task = plans::task(goal, place(i)?, ROLE, &needs);
    let fields = [("i", i), ("tenq", tenq), ("ms", ms)];
    task.metadata = fields.map(|(name, value)| (name.to_owned(), value.to_string())).into();
    Ok(task)
}

/// Submits a goal with these tasks and the one that keeps it open.
async fn start(client: &Client, goal: &Goal, tasks: Vec<Task>) -> Result<()> {
    client.submit_goal(goal).await?;
    let Planning::Begun(token) = client.begin_planning(&goal.id).await? else { bail!("the goal is taken") };
    let mut all = vec![plans::task(&goal.id, 1, KEEPER, &[])];
    all.extend(tasks);
    let outcome = client.submit_plan(&goal.id, &token, &plans::intent(), &all).await?;
    if outcome != PlanningOutcome::Accepted {
        bail!("the plan was not taken: {outcome:?}");
    }
    Ok(())
}

async fn submit(n: u64, needs: impl Fn(u64, u64) -> Vec<u64>) -> Result<()> {
    submit_counted(n, n, needs).await
}

async fn submit_counted(tasks: u64, n: u64, needs: impl Fn(u64, u64) -> Vec<u64>) -> Result<()> {
    let client = connect("bench").await?;
    let goal = plans::goal("a plan of tasks that do nothing");
    let began = Instant::now();
    let all = (0..tasks).map(|i| task(&goal.id, i, 0, 0, &needs(i, n))).collect::<Result<Vec<_>>>()?;
    start(&client, &goal, all).await?;
    say(&format!("{{\"n\": {n}, \"seconds\": {:.6}}}", began.elapsed().as_secs_f64()))
}

/// Grows a running plan by one task at a time.
async fn enqueue(n: u64, ms: u64, rate: Option<u64>) -> Result<()> {
    let client = connect("bench").await?;
    let goal = plans::goal("a plan that grows by tasks that do nothing");
    start(&client, &goal, vec![]).await?;
    let began = Instant::now();
    for i in 0..n {
        if let Some(rate) = rate.filter(|rate| *rate > 0) {
            let due = began + Duration::from_secs_f64(i as f64 / rate as f64);
            tokio::time::sleep_until(due.into()).await;
        }
        let added = [task(&goal.id, i, now_ns(), ms, &[])?];
        let growth = Growth { held: None, added: &added, paths: &[] };
        let outcome = client.grow_plan(&goal.id, &growth).await?;
        if outcome != GrowthOutcome::Grown {
            bail!("the plan did not grow: {outcome:?}");
        }
    }
    say(&format!("{{\"n\": {n}, \"seconds\": {:.6}}}", began.elapsed().as_secs_f64()))
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("printing the outcome")
}

/// Where this process records what it ran.
struct Records {
    file: File,
    folder: PathBuf,
    pid: u32,
}

impl Records {
    fn open() -> Result<Self> {
        let folder = PathBuf::from(std::env::var("BENCH_OUT").context("BENCH_OUT is not set")?);
        let pid = std::process::id();
        let file = OpenOptions::new().create(true).append(true).open(folder.join(format!("rec.{pid}")))?;
        Ok(Self { file, folder, pid })
    }

    fn write(&mut self, kind: char, numbers: [u64; 4]) -> Result<()> {
        let [i, tenq, t0, t1] = numbers;
        let line = format!("{:<95}\n", format!("{kind} {i} {tenq} {t0} {t1} {}", self.pid));
        self.file.write_all(line.as_bytes()).context("recording a task")
    }

    /// Waits until the benchmark lets all workers go at once.
    async fn gate(&self) -> Result<()> {
        let go = self.folder.join("go");
        if std::env::var("BENCH_GATE").as_deref() != Ok("1") || go.exists() {
            return Ok(());
        }
        File::create(self.folder.join(format!("ready.{}", self.pid)))?;
        while !go.exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

impl Log for Records {
    fn started(&mut self, claimed: &Claimed, at: u64) -> Result<()> {
        self.write('S', [number(claimed, "i"), number(claimed, "tenq"), at, 0])
    }

    fn ended(&mut self, claimed: &Claimed, started: u64, ended: u64) -> Result<()> {
        self.write('E', [number(claimed, "i"), number(claimed, "tenq"), started, ended])
    }

    fn idle(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Works for ever.
async fn work() -> Result<()> {
    let room: usize = std::env::var("BENCH_CONC").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let hand = Hand::hire(&url()?, ROLE, room, u64::MAX).await?;
    let mut records = Records::open()?;
    records.gate().await?;
    hand.work(&mut records).await
}
