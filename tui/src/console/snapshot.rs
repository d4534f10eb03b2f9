//! One picture of the console as plain text, for bug reports, pictures and tests: a console without a terminal
//! reads what the view needs, and is drawn once.

use std::io::Write;
use std::str::FromStr;
use std::time::Duration;

use codegod_protocol::client::{now_ms, without_password};
use codegod_protocol::id::{AgentId, GoalId, Role, TaskId};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use unicode_width::UnicodeWidthStr;

use super::app::{Access, App};
use super::draw::draw;
use super::feed;
use super::message::Message;
use super::store::{LogPart, News, Store};
use super::target::ViewName;
use super::target::{LogTarget, Target};
use super::term::Mouse;
use super::theme::{Look, Theme};
use crate::commands::Place;
use crate::error::Error;
use crate::follow::Glyphs;

/// How long what the view needs is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// What comes so soon after that belongs to the picture as well: what happened, for one, is told apart.
const REST: Duration = Duration::from_millis(300);

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(u16, u16);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "sizes look like 80x24, and are at most 500x200";
        let (columns, rows) = text.split_once(['x', '×']).ok_or(wrong)?;
        let number = |text: &str, most: u16| text.parse().ok().filter(|n| (1..=most).contains(n));
        Ok(Self(number(columns, 500).ok_or(wrong)?, number(rows, 200).ok_or(wrong)?))
    }
}

/// What a view is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A goal.
    Goal(GoalId),
    /// A task.
    Task(TaskId),
    /// An agent.
    Agent(AgentId),
    /// A role.
    Role(Role),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let goal = text.parse().map(Self::Goal).ok();
        let task = || text.parse().map(Self::Task).ok();
        let agent = || text.parse().map(Self::Agent).ok();
        let role = || text.parse().map(Self::Role).ok();
        let found = goal.or_else(task).or_else(agent).or_else(role);
        found.ok_or_else(|| format!("{text:?} is neither a goal, a task, an agent nor a role"))
    }
}

/// What is to be opened.
fn target(view: ViewName, subject: Option<Subject>) -> Target {
    match (view, subject) {
        (view, None) => Target::View(view),
        (ViewName::Logs, Some(Subject::Goal(goal))) => Target::Logs(LogTarget::Goal(goal)),
        (ViewName::Logs, Some(Subject::Task(task))) => Target::Logs(LogTarget::Task(task)),
        (ViewName::Logs, Some(Subject::Agent(agent))) => Target::Logs(LogTarget::Agent(agent)),
        (ViewName::Logs, Some(Subject::Role(role))) => Target::Logs(LogTarget::Role(role)),
        (_, Some(Subject::Goal(goal))) => Target::Goal(goal),
        (_, Some(Subject::Task(task))) => Target::Task(task),
        (_, Some(Subject::Agent(agent))) => Target::Agent(agent),
        (_, Some(Subject::Role(role))) => Target::Queue(role),
    }
}

/// Prints a picture of a view. Returns the exit code.
///
/// # Errors
/// Those of connecting: without Redis there is nothing to show.
pub(super) async fn print(
    place: Place,
    view: ViewName,
    Size(columns, rows): Size,
    subject: Option<Subject>,
) -> Result<u8, Error> {
    place.client().await?;
    let look =
        Look { theme: Theme::Plain, glyphs: Glyphs::of_locale(), now_ms: now_ms(), utc_offset_seconds: 0 };
    let store = Store::new(without_password(&place.url));
    let mut app = App::new(store, look, Access::Full, Mouse::Left, (columns, rows));
    app.go(target(view, subject));
    read(&mut app, place).await;
    app.update(Message::Second(now_ms()));
    // Whoever reads may have gone (`| head`).
    let _gone = std::io::stdout().write_all(plain(&picture(&app, columns, rows)).as_bytes());
    Ok(0)
}

/// Reads until the view has what it shows.
async fn read(app: &mut App, place: Place) {
    let (sender, mut inbox) = mpsc::channel(64);
    let feed = feed::start(place, sender, &tokio::runtime::Handle::current());
    let (mut heard, mut until) = (Heard::default(), Instant::now() + PATIENCE);
    let mut is_whole = false;
    loop {
        feed.show(app.scope());
        if !is_whole && heard.is_whole(app) {
            is_whole = true;
            until = until.min(Instant::now() + REST);
        }
        let Ok(Some(message)) = timeout_at(until, inbox.recv()).await else { return };
        heard.note(&message);
        app.look.now_ms = now_ms();
        // Nobody is there to do anything.
        let _effects = app.update(message);
        while app.is_busy() {
            app.update(Message::GoOn);
        }
    }
}

/// What was told so far that is not seen in the store.
#[derive(Debug, Default)]
struct Heard {
    /// The letters are told last of what is read whatever is on the screen.
    letters: bool,
    /// The newest lines of that opening.
    backlog: Option<u64>,
}

impl Heard {
    fn note(&mut self, message: &Message) {
        let Message::News(news) = message else { return };
        match news.as_ref() {
            News::Letters(_) => self.letters = true,
            News::Logs(batch) if batch.part == LogPart::Backlog => self.backlog = Some(batch.opening),
            _ => {}
        }
    }

    fn is_whole(&self, app: &App) -> bool {
        let (scope, store) = (app.scope(), &app.store);
        let goal = store.goal.as_ref().map(|open| &open.head.id);
        let agent = store.agent.as_ref().map(|open| &open.id);
        let task = store.task.as_ref().map(|open| &open.task.id);
        let queue = store.queue.as_ref().map(|open| open.role);
        self.letters
            && (scope.goal.is_none() || scope.goal.as_ref() == goal)
            && (scope.agent.is_none() || scope.agent.as_ref() == agent)
            && (scope.task.is_none() || scope.task.as_ref() == task)
            && (scope.queue.is_none() || scope.queue == queue)
            && (scope.logs.is_none() || self.backlog == Some(scope.opening))
    }
}

/// What the console draws on a terminal of that size.
pub(super) fn picture(app: &App, columns: u16, rows: u16) -> Buffer {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(columns, rows));
    let Ok(_drawn) = terminal.draw(|frame| draw(app, frame));
    terminal.backend().buffer().clone()
}

/// What a terminal would show of the picture, row by row, without blanks at the ends of lines.
pub(crate) fn plain(picture: &Buffer) -> String {
    let area = picture.area();
    let mut text = String::new();
    for y in area.top()..area.bottom() {
        let mut line = String::new();
        let mut x = area.left();
        while x < area.right() {
            let symbol = picture[(x, y)].symbol();
            line.push_str(symbol);
            // What is wide covers the cells after it.
            x += u16::try_from(symbol.width()).unwrap_or(1).max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
