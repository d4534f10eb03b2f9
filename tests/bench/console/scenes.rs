//! What is measured, and the bars. Each scene has a Redis and a console of its own.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Result;
use codegod_tests::fleet::binary;
use codegod_tests::redis_server::{RedisServer, free_port};
use rustix::process::Signal;

use crate::load::Load;
use crate::meter::Console;
use crate::options::Options;
use crate::table::{Table, quantile};

/// How long a console settles before it is measured.
const SETTLE: Duration = Duration::from_secs(5);
const DOWN_AND_UP: [&str; 2] = ["\u{1b}[B", "\u{1b}[A"];
const HELP_AND_BACK: [&str; 2] = ["?", "\u{1b}"];
const MANY_AGENTS: usize = 1_000;
const MANY_TASKS: u32 = 10_000;
const RATE: usize = 5_000;

/// The scenes by name.
pub(crate) const ALL: [(&str, Scene); 6] = [
    ("start", Scene::Start),
    ("idle", Scene::Idle),
    ("agents", Scene::Agents),
    ("keys", Scene::Keys),
    ("logs", Scene::Logs),
    ("end", Scene::End),
];

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scene {
    Start,
    Idle,
    Agents,
    Keys,
    Logs,
    End,
}

impl Scene {
    /// Measures it.
    pub(crate) async fn measure(self, options: &Options, table: &mut Table) -> Result<()> {
        match self {
            Self::Start => start(options, table),
            Self::Idle => idle(options, table),
            Self::Agents => agents(options, table).await,
            Self::Keys => keys(options, table).await,
            Self::Logs => logs(options, table).await,
            Self::End => end(table),
        }
    }
}

fn start(options: &Options, table: &mut Table) -> Result<()> {
    table.heading("the first picture, on a terminal that answers nothing");
    let megabytes = std::fs::metadata(binary("codegod")?)?.len() as f64 / 1e6;
    table.bar("the program's size", "MB", megabytes, 10.0);
    let server = RedisServer::start()?;
    let nobody = format!("redis://127.0.0.1:{}", free_port()?);
    // It takes connections and says nothing.
    let mute = TcpListener::bind(("127.0.0.1", 0))?;
    let mute_url = format!("redis://{}", mute.local_addr()?);
    for (what, url) in [("Redis up", server.url()), ("Redis down", nobody), ("Redis mute", mute_url)] {
        let mut took = Vec::new();
        for _ in 0..options.pick(3, 9) {
            took.push(Console::start(&url, &[])?.first_picture_ms);
        }
        table.bar(&format!("{what}: median"), "ms", quantile(&took, 0.5), 150.0);
        table.value(&format!("{what}: longest"), "ms", quantile(&took, 1.0));
    }
    Ok(())
}

fn idle(options: &Options, table: &mut Table) -> Result<()> {
    table.heading("nothing changes");
    let server = RedisServer::start()?;
    let mut console = Console::start(&server.url(), &[])?;
    console.terminal.read_on(SETTLE)?;
    let spent = console.spend(options.window())?;
    table.bar("processor", "%", spent.cpu_percent, 0.1);
    table.bar("wake-ups", "1/s", spent.wakeups, 3.0);
    table.bar("to the terminal", "bytes/s", spent.bytes, 60.0);
    table.bar("resident memory", "MiB", console.memory()?, 20.0);
    let took = console.press(&HELP_AND_BACK, options.pick(10, 40))?;
    answers(table, &took, 2.0, 16.0);
    Ok(())
}

async fn agents(options: &Options, table: &mut Table) -> Result<()> {
    table.heading("four agents say each second that they live");
    let server = RedisServer::start()?;
    let _load = Load::agents(&server, 4, 10).await?;
    let mut console = Console::start(&server.url(), &[])?;
    console.terminal.read_on(SETTLE)?;
    let spent = console.spend(options.window())?;
    table.bar("processor", "%", spent.cpu_percent, 0.5);
    table.bar("to the terminal", "bytes/s", spent.bytes, 500.0);
    table.value("wake-ups", "1/s", spent.wakeups);
    table.bar("resident memory", "MiB", console.memory()?, 20.0);
    Ok(())
}

async fn keys(options: &Options, table: &mut Table) -> Result<()> {
    table.heading(&format!("{MANY_AGENTS} agents, a goal of {MANY_TASKS} tasks, {RATE} events a second"));
    let server = RedisServer::start()?;
    let mut load = Load::agents(&server, MANY_AGENTS, MANY_TASKS).await?;
    load.events(&server, RATE).await?;
    let mut console = Console::start(&server.url(), &[])?;
    console.terminal.read_on(SETTLE)?;
    // The part with the agents, in the overview. Among events that rush by a cursor may have nothing to show.
    for (keys, view, pressed) in [
        ("1\r", "the goal", DOWN_AND_UP),
        ("1\t", "overview", DOWN_AND_UP),
        ("3", "agents", DOWN_AND_UP),
        ("6", "events", HELP_AND_BACK),
    ] {
        console.terminal.send(keys)?;
        console.terminal.read_on(Duration::from_secs(1))?;
        let took = console.press(&pressed, options.pick(40, 100))?;
        table.heading(&format!("  view: {view}"));
        answers(table, &took, 2.0, 16.0);
        let spent = console.spend(options.window() / 2)?;
        table.value("processor", "%", spent.cpu_percent);
        table.value("to the terminal", "bytes/s", spent.bytes);
    }
    table.value("resident memory", "MiB", console.memory()?);
    Ok(())
}

async fn logs(options: &Options, table: &mut Table) -> Result<()> {
    table.heading(&format!("{RATE} log lines a second, on the screen"));
    let server = RedisServer::start()?;
    let mut load = Load::agents(&server, 4, 10).await?;
    load.lines(&server, RATE).await?;
    let mut console = Console::start(&server.url(), &[])?;
    console.terminal.read_on(Duration::from_secs(1))?;
    console.terminal.send("5")?;
    let mut minutes_gone = 0;
    for minutes in options.minutes() {
        let spent = console.spend(Duration::from_secs((minutes - minutes_gone) * options.pick(20, 60)))?;
        let memory = console.memory()?;
        table.bar(&format!("resident memory after {minutes} min"), "MiB", memory, 64.0);
        table.bar("processor", "%", spent.cpu_percent, 8.0);
        table.bar("pictures", "1/s", spent.reads, 30.0);
        table.value("to the terminal", "bytes/s", spent.bytes);
        minutes_gone = minutes;
    }
    let took = console.press(&["k", "j"], options.pick(20, 60))?;
    answers(table, &took, 2.0, 50.0);
    Ok(())
}

fn end(table: &mut Table) -> Result<()> {
    table.heading("leaving");
    let server = RedisServer::start()?;
    for (what, signal) in [("SIGTERM", Signal::TERM), ("SIGHUP", Signal::HUP), ("SIGINT", Signal::INT)] {
        let mut console = Console::start(&server.url(), &[])?;
        console.terminal.signal(signal)?;
        let took = console.terminal.held().ends(Duration::from_secs(5))?;
        table.bar(what, "ms", took.as_secs_f64() * 1e3, 500.0);
        given_back(&mut console)?;
    }
    let mut console = Console::start(&server.url(), &[])?;
    console.terminal.send("q")?;
    let took = console.terminal.held().ends(Duration::from_secs(5))?;
    table.bar("its own key", "ms", took.as_secs_f64() * 1e3, 500.0);
    given_back(&mut console)
}

/// Fails when the terminal was left in a state.
fn given_back(console: &mut Console) -> Result<()> {
    console.terminal.read_on(Duration::from_millis(50))?;
    let screen = console.terminal.screen();
    let left = screen.alternate_screen() || screen.hide_cursor() || screen.bracketed_paste();
    anyhow::ensure!(!left, "the terminal was not given back");
    Ok(())
}

fn answers(table: &mut Table, took: &[f64], p50: f64, p95: f64) {
    table.bar("a key's first byte, p50", "ms", quantile(took, 0.5), p50);
    table.bar("a key's first byte, p95", "ms", quantile(took, 0.95), p95);
}
