//! The loop of following: events, a clock, log lines and signals come in; pictures or lines go out.
//! Redis going away is said and waited out; the goal goes on without anybody watching.

use std::time::Duration;

use codegod_protocol::client::{Client, Error as ClientError, GoalView, Listener, now_ms};
use codegod_protocol::event::Event;
use codegod_protocol::id::GoalId;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::draw::draw;
use super::glyphs::Glyphs;
use super::plain;
use super::state::{Effect, Follow};
use crate::error::Error;
use crate::output::{Line, Meaning, Out};
use crate::terminal::{self, Screen};

/// How long the events of a goal that has ended are waited for.
const REST_PATIENCE: Duration = Duration::from_secs(1);
/// How long one read waits for events; a reader that is no longer wanted ends within it.
const WAIT_MS: usize = 5_000;
/// The first and the longest wait before Redis is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// At most ten pictures a second.
const FRAME: Duration = Duration::from_millis(100);
/// Every so many seconds the goal is read again, whatever the events said.
const RELOAD_SECONDS: u64 = 15;

/// How following ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The goal ended.
    Final(Box<GoalView>),
    /// The person stopped watching; the exit code says by which signal.
    Detached(u8),
}

/// What the reader of events tells.
enum News {
    Events(Vec<Event>),
    Lost(String),
    Back,
}

/// What interrupts.
enum Interrupt {
    /// ctrl-C.
    Int,
    /// SIGTERM or SIGHUP.
    Term,
}

/// Follows a goal to its end. `position` is where in the events to begin.
///
/// # Errors
/// [`Error::Client`] when the goal is unknown or can't be read.
pub(crate) async fn follow(
    client: &Client,
    goal: &GoalId,
    position: String,
    out: &Out,
) -> Result<Ending, Error> {
    let view = client.goal_view(goal).await?;
    if view.state.is_final() {
        return Ok(Ending::Final(Box::new(view)));
    }
    let (sender, news) = mpsc::channel(64);
    // Ends by itself when the receiver is dropped.
    let reader = tokio::spawn(read_events(client.clone(), position, sender));
    let mut watch = Watch {
        client,
        out,
        glyphs: Glyphs::of_locale(),
        follow: Follow::new(&view),
        screen: terminal::can_redraw().then(Screen::open),
        end_told: false,
    };
    let ending = watch.run(news).await;
    reader.abort();
    ending
}

struct Watch<'a> {
    client: &'a Client,
    out: &'a Out,
    glyphs: Glyphs,
    follow: Follow,
    screen: Option<Screen>,
    /// Whether the goal's last event was told.
    end_told: bool,
}

struct Signals {
    int: Signal,
    term: Signal,
    hup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Error> {
        let on = |kind| {
            signal(kind).map_err(|source| Error::Io { doing: "listen to", path: "signals".into(), source })
        };
        Ok(Self {
            int: on(SignalKind::interrupt())?,
            term: on(SignalKind::terminate())?,
            hup: on(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.int.recv() => Interrupt::Int,
            _ = self.term.recv() => Interrupt::Term,
            _ = self.hup.recv() => Interrupt::Term,
        }
    }
}

impl Watch<'_> {
    async fn run(&mut self, mut news: mpsc::Receiver<News>) -> Result<Ending, Error> {
        let mut signals = Signals::listen()?;
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut frame = interval(FRAME);
        frame.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut dirty, mut seconds) = (true, 0_u64);
        loop {
            let mut reload = false;
            tokio::select! {
                _ = frame.tick(), if dirty && self.screen.is_some() => {
                    self.draw();
                    dirty = false;
                }
                _ = second.tick() => {
                    seconds += 1;
                    reload = seconds.is_multiple_of(RELOAD_SECONDS);
                    self.read_logs().await;
                    dirty = true;
                }
                Some(news) = news.recv() => {
                    reload = self.take(news).await == Effect::Reload;
                    dirty = true;
                }
                interrupt = signals.next() => {
                    if let Some(code) = self.interrupted(interrupt, &mut signals).await? {
                        return Ok(Ending::Detached(code));
                    }
                    (reload, dirty) = (true, true);
                }
            }
            if reload && let Some(view) = self.reload().await? {
                self.say_the_rest(&mut news).await;
                return Ok(Ending::Final(Box::new(view)));
            }
        }
    }

    /// A goal may have ended before the events that led there were read: without a screen, they are the
    /// story, so they are told up to the last.
    async fn say_the_rest(&mut self, news: &mut mpsc::Receiver<News>) {
        let give_up = tokio::time::Instant::now() + REST_PATIENCE;
        while self.screen.is_none() && !self.end_told {
            match tokio::time::timeout_at(give_up, news.recv()).await {
                Ok(Some(more)) => {
                    self.take(more).await;
                }
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Takes news in and, without a screen, says them. The plan is read before it is spoken of.
    async fn take(&mut self, news: News) -> Effect {
        match news {
            News::Lost(why) => {
                if self.screen.is_none() && self.follow.lost.is_none() {
                    self.out.say(&Line::new(Meaning::Bad, format!("Redis is away, trying again: {why}")));
                }
                self.follow.lost = Some(why);
                Effect::Changed
            }
            News::Back => {
                if self.follow.lost.take().is_some() && self.screen.is_none() {
                    self.out.say(&Line::new(Meaning::Good, "Redis is back"));
                }
                Effect::Reload
            }
            News::Events(events) => {
                let mut effect = Effect::Nothing;
                for event in events {
                    let of_this = self.follow.apply(&event, now_ms());
                    let is_goals = event.task.is_none() && event.goal.as_ref() == Some(&self.follow.goal);
                    self.end_told |= is_goals && self.follow.state.is_final();
                    if of_this == Effect::Reload
                        && event.kind == "goal_running"
                        && let Ok(view) = self.client.goal_view(&self.follow.goal).await
                    {
                        self.follow.refresh(&view);
                    }
                    if self.screen.is_none()
                        && let Some(line) = plain::line(&self.follow, &event)
                    {
                        self.out.say(&line);
                    }
                    effect = effect.max(of_this);
                }
                effect
            }
        }
    }

    /// Reads the goal again. Returns it when it has ended.
    async fn reload(&mut self) -> Result<Option<GoalView>, Error> {
        let view = match self.client.goal_view(&self.follow.goal).await {
            Ok(view) => view,
            Err(error @ (ClientError::NotFound(_) | ClientError::Undecodable { .. })) => {
                return Err(error.into());
            }
            Err(error) => {
                // The reader of events notices as well, and says when Redis is back.
                self.follow.lost = Some(Error::from(error).sentence());
                return Ok(None);
            }
        };
        self.follow.refresh(&view);
        if !view.state.is_final() {
            return Ok(None);
        }
        if let Some(screen) = &mut self.screen {
            // The report that follows says all of it, and more.
            screen.clear();
        }
        Ok(Some(view))
    }

    /// The newest line of each running task's agent; only a screen shows them.
    async fn read_logs(&mut self) {
        if self.screen.is_none() || self.follow.lost.is_some() {
            return;
        }
        let running: Vec<_> =
            self.follow.running().map(|(task, agent)| (task.clone(), agent.clone())).collect();
        for (task, agent) in running {
            let Ok(lines) = self.client.last_log(&agent, 1).await else { return };
            if let Some(line) = lines.into_iter().find(|line| line.task == task.to_string()) {
                self.follow.note_log(&task, line.line);
            }
        }
    }

    fn draw(&mut self) {
        let Some(screen) = &mut self.screen else { return };
        let (width, height) = terminal::size().unwrap_or((80, 24));
        let picture = draw(&self.follow, &self.glyphs, width, height.saturating_sub(1), now_ms());
        screen.draw(&picture, self.out.talk_colour());
    }

    /// A signal came: asks a person what is meant. Returns the exit code when watching ends.
    async fn interrupted(
        &mut self,
        interrupt: Interrupt,
        signals: &mut Signals,
    ) -> Result<Option<u8>, Error> {
        let code = match interrupt {
            Interrupt::Int => 130,
            Interrupt::Term => return Ok(Some(143)),
        };
        if !terminal::can_ask() {
            return Ok(Some(code));
        }
        let question =
            format!("{}: [d]etach and let it go on (default), [c]ancel it, [w]atch on?", self.follow.goal);
        let answer = tokio::select! {
            answer = terminal::ask(&question) => answer,
            _ = signals.next() => None,
        };
        if answer.is_none() {
            // The question's line was not ended by an answer.
            self.out.say(&Line::new(Meaning::Plain, ""));
        }
        if let Some(screen) = &mut self.screen {
            screen.forget();
        }
        match answer.as_deref() {
            Some("c" | "cancel") => {
                match self.client.cancel_goal(&self.follow.goal).await {
                    // It ended meanwhile: the reload that follows sees how.
                    Ok(()) | Err(ClientError::WrongState { .. }) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
            Some("w" | "watch") => Ok(None),
            _ => Ok(Some(code)),
        }
    }
}

/// Reads events until nobody wants them; waits out a Redis that is away.
async fn read_events(client: Client, mut position: String, news: mpsc::Sender<News>) {
    let mut listener: Option<Listener> = None;
    let mut retry = RETRY_FIRST;
    let mut lost = false;
    while !news.is_closed() {
        let read = match &mut listener {
            // Right after a loss the first read is short, so that the return is noticed at once.
            Some(open) => open.events(&mut position, if lost { 1 } else { WAIT_MS }).await,
            None => match client.listener().await {
                Ok(open) => {
                    listener = Some(open);
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        let told = match read {
            Ok(events) => {
                retry = RETRY_FIRST;
                if std::mem::take(&mut lost) && news.send(News::Back).await.is_err() {
                    return;
                }
                if events.is_empty() { Ok(()) } else { news.send(News::Events(events)).await }
            }
            Err(error) => {
                lost = true;
                let told = news.send(News::Lost(Error::from(error).sentence())).await;
                sleep(retry).await;
                retry = (retry * 2).min(RETRY_LONGEST);
                told
            }
        };
        if told.is_err() {
            return;
        }
    }
}
