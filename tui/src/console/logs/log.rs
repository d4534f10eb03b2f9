//! A log on the screen: a pane, whose lines it shows, and how it is kept in step with the feed. Any view may
//! have one.

use std::sync::atomic::{AtomicU64, Ordering};

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::pane::{Ask, Authors, Pane, Rest, Work};
use super::record::Record;
use super::ring::Limits;
use crate::console::effect::{Effect, Request};
use crate::console::feed::scope::LogScope;
use crate::console::feed::{OlderLogs, Scope};
use crate::console::keys::Action;
use crate::console::store::{Changed, LogBatch, LogPart};
use crate::console::target::LogTarget;
use crate::console::theme::{Focus, Look};

/// How many earlier lines are asked for at once.
const PAGE: usize = 2_000;

/// How many lines are printed before those that come.
const PRINTED: usize = 1_000;

/// Openings are counted over all logs, so that no batch is ever taken for another's.
static OPENINGS: AtomicU64 = AtomicU64::new(1);

/// A log.
#[derive(Debug)]
pub(crate) struct Log {
    pane: Pane,
    whose: LogTarget,
    opening: u64,
    typing: Typing,
    flow: Flow,
    area: std::cell::Cell<Rect>,
}

/// Where lines go that come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Into the pane.
    Shown,
    /// There, and onto the shell's own screen.
    Printed,
}

/// What a text that is typed is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typing {
    Search,
    Filter,
}

impl Log {
    /// A log of nobody's lines yet; reading begins when it is on the screen.
    pub(crate) fn new(limits: Limits, whose: LogTarget) -> Self {
        Self {
            pane: Pane::new(limits, title(&whose), authors(&whose)),
            whose,
            opening: OPENINGS.fetch_add(1, Ordering::Relaxed),
            typing: Typing::Search,
            flow: Flow::Shown,
            area: std::cell::Cell::default(),
        }
    }

    /// Shows somebody's lines; nothing changes when it does already.
    pub(crate) fn open(&mut self, whose: LogTarget) {
        if whose != self.whose {
            self.pane.reopen(title(&whose), authors(&whose));
            self.opening = OPENINGS.fetch_add(1, Ordering::Relaxed);
            self.whose = whose;
        }
    }

    /// Whose lines it shows.
    pub(crate) fn whose(&self) -> &LogTarget {
        &self.whose
    }

    /// The pane.
    pub(crate) fn pane(&self) -> &Pane {
        &self.pane
    }

    /// Adds what must be read for it.
    pub(crate) fn scope(&self, scope: &mut Scope) {
        scope.opening = self.opening;
        scope.logs = Some(match &self.whose {
            LogTarget::All => LogScope::All,
            LogTarget::Role(role) => LogScope::Role(*role),
            LogTarget::Agent(agent) => LogScope::Agent(agent.clone()),
            LogTarget::Goal(goal) => LogScope::Goal(goal.clone()),
            LogTarget::Task(task) => LogScope::Task(task.clone()),
        });
    }

    /// Whether lines are for this log.
    pub(crate) fn is_for(&self, batch: &LogBatch) -> bool {
        batch.opening == self.opening
    }

    /// Takes lines in, when they are for this log.
    pub(crate) fn take(&mut self, batch: LogBatch) -> (Changed, Vec<Request>) {
        if !self.is_for(&batch) {
            return (Changed::Nothing, Vec::new());
        }
        let ask = match batch.part {
            LogPart::Backlog => {
                self.pane.push_again(batch.records);
                None
            }
            LogPart::Live if self.flow == Flow::Printed => return self.take_printed(batch.records),
            LogPart::Live => {
                self.pane.push(batch.records);
                None
            }
            LogPart::Older { is_beginning } => {
                let rest = if is_beginning { Rest::None } else { Rest::Some };
                self.pane.prepend(batch.records, rest)
            }
        };
        (Changed::Something, self.requests(ask))
    }

    /// Takes lines in that are printed as they come.
    fn take_printed(&mut self, records: Vec<Record>) -> (Changed, Vec<Request>) {
        let lines = self.pane.push_printed(records);
        (Changed::Something, vec![Request::Do(Effect::Print(lines))])
    }

    /// Lines that come are not printed any more.
    pub(crate) fn end_stream(&mut self) {
        self.flow = Flow::Shown;
    }

    /// Whether a search or a filter is not done yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.pane.is_busy()
    }

    /// Lets it go on for a bounded time.
    pub(crate) fn go_on(&mut self) {
        let _more: Work = self.pane.work();
    }

    /// Does what a key stands for. None when it means nothing to a log.
    pub(crate) fn act(&mut self, action: Action) -> Option<Vec<Request>> {
        if action == Action::Search {
            // The console opens the line; what is typed there comes back through `search`.
            self.typing = Typing::Search;
            return None;
        }
        if action == Action::Stream {
            self.flow = Flow::Printed;
            let mut lines = self.pane.lines_to_print(PRINTED);
            lines.push(format!("--- {}: lines as they come; any key goes back ---", self.pane.name()));
            return Some(vec![Request::Do(Effect::Stream(lines))]);
        }
        let asks = self.pane.act(action)?;
        Some(self.requests(asks))
    }

    /// A text is typed for a search or a filter; `None` takes it away.
    pub(crate) fn search(&mut self, text: Option<&str>) {
        match self.typing {
            Typing::Search => self.pane.search(text),
            Typing::Filter => self.pane.filter(text),
        }
    }

    /// A row was clicked.
    pub(crate) fn click(&mut self, at: Position) {
        let area = self.area.get();
        if area.contains(at) && at.y > area.y {
            self.pane.click(at.y - area.y - 1);
        }
    }

    /// The wheel turned.
    pub(crate) fn wheel(&mut self, rows: i16) -> Vec<Request> {
        let ask = self.pane.scroll(isize::from(rows));
        self.requests(ask)
    }

    /// Everything that is shown, for a file or another program: a name and the text.
    pub(crate) fn text(&self) -> (String, String) {
        let name = title(&self.whose).replace([' ', '.'], "-");
        (format!("log-{name}"), self.pane.text())
    }

    /// Draws it.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, focus: Focus) {
        self.area.set(area);
        self.pane.draw(frame, area, look, focus);
    }

    fn requests(&mut self, asks: impl IntoIterator<Item = Ask>) -> Vec<Request> {
        let request = |ask| match ask {
            Ask::Say(text) => Request::Say(text),
            Ask::Copy(text) => Request::Do(Effect::Copy(text)),
            Ask::Older => Request::Do(Effect::OlderLogs(OlderLogs { opening: self.opening, count: PAGE })),
            Ask::Filter => {
                self.typing = Typing::Filter;
                Request::LookFor { prompt: "&", text: self.pane.filter_text().to_owned() }
            }
        };
        asks.into_iter().map(request).collect()
    }
}

/// Whose lines these are, in words.
pub(crate) fn title(whose: &LogTarget) -> String {
    match whose {
        LogTarget::All => "everybody".to_owned(),
        LogTarget::Role(role) => format!("all {role}"),
        LogTarget::Agent(agent) => agent.to_string(),
        LogTarget::Goal(goal) => format!("goal {goal}"),
        LogTarget::Task(task) => format!("task {task}"),
    }
}

fn authors(whose: &LogTarget) -> Authors {
    match whose {
        LogTarget::All | LogTarget::Role(_) | LogTarget::Goal(_) => Authors::Many,
        // Attempts of a task may be different agents', one after the other; their first lines say so.
        LogTarget::Agent(_) | LogTarget::Task(_) => Authors::One,
    }
}
