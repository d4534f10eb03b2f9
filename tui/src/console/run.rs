//! The console's loop: waits for the terminal, for messages and for the clock; updates the state; draws when
//! something changed.

use std::io::IsTerminal;
use std::time::Duration;

use codegod_protocol::client::{Client, now_ms, without_password};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::app::{Access, App};
use super::draw::draw;
use super::feed::{self, Feed};
use super::message::Message;
use super::perform::Performer;
use super::snapshot;
use super::store::Store;
use super::term::{Mouse, Occurrence, Session, Suspended, Urgency};
use super::theme::Look;
use super::typed::Desk;
use crate::commands::Place;
use crate::error::Error;
use crate::follow::Glyphs;

/// How many messages may wait; the feed holds back what comes faster than it is taken.
const WAITING: usize = 256;
/// How many of them are taken in before keys are looked at again.
const AT_ONCE: usize = 64;

/// Runs the console until it is left. Returns the exit code.
///
/// # Errors
/// Those of a snapshot; [`Error::NoTerminal`] where there is no terminal to run on; [`Error::Io`] when it can't be taken over.
pub(crate) async fn run(place: Place, args: &crate::cli::Console) -> Result<u8, Error> {
    if let Some(view) = args.snapshot {
        return snapshot::print(place, view, args.size, args.subject.clone()).await;
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Error::NoTerminal);
    }
    // What can never be reached is not waited for.
    Client::check_address(&place.url, &place.prefix)?;
    let mouse = if args.no_mouse { Mouse::Left } else { Mouse::Reported };
    let session = Session::open(mouse).map_err(|source| Error::Io {
        doing: "take over",
        path: "the terminal".into(),
        source,
    })?;
    let size = session.size();
    let look = Look {
        theme: args.theme,
        glyphs: Glyphs::of_locale(),
        now_ms: now_ms(),
        utc_offset_seconds: crate::text::utc_offset_seconds(),
    };
    let access = if args.readonly { Access::ReadOnly } else { Access::Full };
    let (sender, inbox) = mpsc::channel(WAITING);
    let mut app = App::new(Store::new(without_password(&place.url)), look, access, mouse, size);
    app.desk = Desk::read();
    let mut console = Console {
        app,
        session,
        inbox,
        performer: Performer::new(place.clone(), sender.clone()),
        feed: None,
        screen: Screen::Console,
    };
    // The first picture comes before Redis is even asked.
    console.draw();
    console.feed = Some(feed::start(place, sender, &tokio::runtime::Handle::current()));
    let code = console.run().await;
    console.session.close().map_err(|source| Error::Io {
        doing: "give back",
        path: "the terminal".into(),
        source,
    })?;
    Ok(code)
}

struct Console {
    app: App,
    session: Session,
    inbox: mpsc::Receiver<Message>,
    performer: Performer,
    feed: Option<Feed>,
    screen: Screen,
}

/// What is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    /// The console.
    Console,
    /// The shell's, on which lines are printed.
    Lines,
}

impl Console {
    async fn run(&mut self) -> u8 {
        loop {
            let next_second = self.next_tick();
            let left = tokio::select! {
                biased;
                occurrence = self.session.next() => self.on_terminal(occurrence),
                Some(message) = self.inbox.recv() => self.take_all(message),
                () = sleep_until(next_second) => self.update(Message::Second(now_ms()), Urgency::Soon),
                () = std::future::ready(()), if self.app.is_busy() => self.update(Message::GoOn, Urgency::Soon),
            };
            if let Some(code) = left {
                return code;
            }
            if let Some(feed) = &self.feed {
                feed.show(self.app.scope());
            }
        }
    }

    /// When the time on the screen is to change: with the second while something counts seconds, else with
    /// the minute.
    fn next_tick(&self) -> Instant {
        let period = if self.app.counts_seconds() { 1_000 } else { 60_000 };
        Instant::now() + Duration::from_millis(period - now_ms() % period)
    }

    fn on_terminal(&mut self, occurrence: Occurrence) -> Option<u8> {
        match occurrence {
            Occurrence::Input(event) => {
                if self.screen == Screen::Lines {
                    return self.end_stream(&event);
                }
                self.update(Message::Input(event), Urgency::Now)
            }
            Occurrence::Draw => {
                self.draw();
                None
            }
            Occurrence::Returned(outcome) => {
                let line = super::perform::returned(outcome);
                line.and_then(|line| self.update(Message::Said(line), Urgency::Now))
            }
            Occurrence::Suspend => self.suspend(),
            Occurrence::Quit(code) => Some(code),
        }
    }

    /// Takes in what waits, so that many messages cost one picture.
    fn take_all(&mut self, first: Message) -> Option<u8> {
        let mut left = self.update(first, Urgency::Soon);
        for _ in 1..AT_ONCE {
            match self.inbox.try_recv() {
                Ok(message) if left.is_none() => left = self.update(message, Urgency::Soon),
                _ => break,
            }
        }
        left
    }

    /// Takes a message in and does what follows from it. Returns the exit code when the console is left.
    fn update(&mut self, message: Message, urgency: Urgency) -> Option<u8> {
        self.app.at(now_ms());
        let effects = self.app.update(message);
        if self.app.take_dirty() {
            self.session.request(urgency);
        }
        for effect in effects {
            use super::effect::Effect;
            match effect {
                Effect::Quit(code) => return Some(code),
                Effect::Suspend => return self.suspend(),
                Effect::Redraw => self.session.redraw(),
                Effect::Stream(lines) => {
                    self.screen = Screen::Lines;
                    self.session.plain();
                    self.print(&lines);
                }
                Effect::Print(lines) => self.print(&lines),
                Effect::OlderLogs(asked) => {
                    if let Some(feed) = &self.feed {
                        feed.older_logs(asked);
                    }
                }
                Effect::Mouse(mouse) => self.session.set_mouse(mouse),
                Effect::Copy(text) => {
                    let copied = self.session.copy(&text);
                    self.app.copied(copied);
                    self.session.request(Urgency::Now);
                }
                other => self.performer.perform(other, &mut self.session),
            }
        }
        None
    }

    fn suspend(&mut self) -> Option<u8> {
        if self.session.suspend() == Suspended::NoShell {
            self.app.no_shell();
            self.session.request(Urgency::Now);
        }
        None
    }

    fn end_stream(&mut self, event: &crossterm::event::Event) -> Option<u8> {
        if matches!(event, crossterm::event::Event::Key(_)) {
            self.screen = Screen::Console;
            self.session.resume();
            return self.update(Message::StreamEnded, Urgency::Now);
        }
        None
    }

    fn print(&mut self, lines: &[String]) {
        for line in lines {
            self.session.print(line);
        }
    }

    fn draw(&mut self) {
        let app = &self.app;
        self.session.draw(|frame| draw(app, frame));
    }
}
