//! What agents said and what their commands printed: a log, and a list of whose lines it may show.

mod chooser;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::View;
use crate::console::effect::Request;
use crate::console::feed::Scope;
use crate::console::keys::{Action, Context};
use crate::console::logs::{Limits, Log};
use crate::console::store::{Changed, LogBatch, Store};
use crate::console::target::{LogTarget, Target};
use crate::console::theme::{Focus, Look};
use chooser::Chooser;

/// From this width on the list stands beside the log.
const WIDE: u16 = 110;

/// The view.
#[derive(Debug)]
pub(crate) struct Logs {
    log: Log,
    chooser: Option<Chooser>,
    asks: Vec<Request>,
}

impl Default for Logs {
    fn default() -> Self {
        Self { log: Log::new(Limits::CONSOLE, LogTarget::All), chooser: None, asks: Vec::new() }
    }
}

impl Logs {
    /// Shows somebody's lines.
    pub(crate) fn open(&mut self, whose: LogTarget) {
        self.chooser = None;
        self.log.open(whose);
    }

    /// Takes lines in.
    pub(crate) fn take(&mut self, batch: LogBatch) -> (Changed, Vec<Request>) {
        self.log.take(batch)
    }

    /// Lines that come are not printed any more.
    pub(crate) fn end_stream(&mut self) {
        self.log.end_stream();
    }

    /// Whether a search or a filter is not done yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.log.is_busy()
    }

    /// Lets it go on for a bounded time.
    pub(crate) fn go_on(&mut self) {
        self.log.go_on();
    }

    /// Opens what the line that was clicked or jumped to belongs to.
    fn open_line(&self) -> Vec<Request> {
        let Some(line) = self.log.pane().spot() else {
            return vec![Request::Say(
                "click a line, or jump to one with e or n: enter opens its task".to_owned(),
            )];
        };
        let target =
            line.task.map_or_else(|| Target::Agent(line.agent.clone()), |task| Target::Task(task.clone()));
        vec![Request::Go(target)]
    }

    fn choose(&mut self) {
        if let Some(whose) = self.chooser.as_ref().and_then(Chooser::chosen) {
            self.open(whose);
        }
    }
}

impl View for Logs {
    fn contexts(&self, _store: &Store) -> Vec<Context> {
        match self.chooser {
            Some(_) => vec![Context::Rows],
            None => vec![Context::Log, Context::Whose, Context::Lines, Context::Rows],
        }
    }

    fn settle(&mut self, store: &Store) {
        if let Some(chooser) = &mut self.chooser {
            chooser.settle(store);
        }
    }

    fn act(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        match (action, &mut self.chooser) {
            (Action::Scope, None) => self.chooser = Some(Chooser::new(self.log.whose().clone(), store)),
            (Action::Scope | Action::Back, Some(_)) => self.chooser = None,
            (Action::Open | Action::Logs, Some(_)) => self.choose(),
            (Action::Move(motion), Some(chooser)) => chooser.go(motion),
            (_, Some(_)) => return None,
            (Action::Open, None) => return Some(self.open_line()),
            (Action::Logs, None) => {}
            (other, None) => return self.log.act(other),
        }
        Some(Vec::new())
    }

    fn click(&mut self, at: Position, _store: &Store) -> Vec<Request> {
        match &mut self.chooser {
            Some(chooser) => {
                let is_row = chooser.click(at);
                self.chooser.take_if(|_| !is_row);
            }
            None => self.log.click(at),
        }
        Vec::new()
    }

    fn wheel(&mut self, at: Position, rows: i16, _store: &Store) {
        match &mut self.chooser {
            Some(chooser) if chooser.is_at(at) => chooser.wheel(rows),
            Some(_) | None => self.asks = self.log.wheel(rows),
        }
    }

    fn asks(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.asks)
    }

    fn search(&mut self, text: Option<&str>, store: &Store) {
        match &mut self.chooser {
            Some(chooser) => chooser.filter(text, store),
            None => self.log.search(text),
        }
    }

    fn scope(&self, scope: &mut Scope) {
        self.log.scope(scope);
    }

    fn copied(&self, _store: &Store) -> Option<String> {
        self.log.pane().copied()
    }

    fn text(&self, _store: &Store) -> Option<(String, String)> {
        Some(self.log.text())
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, _store: &Store) {
        let Some(chooser) = &self.chooser else {
            return self.log.draw(frame, area, look, Focus::Here);
        };
        if area.width < WIDE {
            return chooser.draw(frame, area, look);
        }
        let list = Rect { width: area.width / 3, ..area };
        let log = Rect { x: area.x + list.width + 1, width: area.width - list.width - 1, ..area };
        chooser.draw(frame, list, look);
        self.log.draw(frame, log, look, Focus::Elsewhere);
    }
}
