//! What a task's commit changed: read from the goal's bundles when somebody looks, the newest one kept.

use codegod_protocol::id::TaskId;
use ratatui::Frame;
use ratatui::layout::Rect;

use crate::console::commits::Changes as Read;
use crate::console::diff::DiffPane;
use crate::console::effect::Commit;
use crate::console::store::details::OpenTask;
use crate::console::theme::{Focus, Look};
use crate::console::widgets::rule;
use crate::output::Meaning;
use crate::text::fit;

/// The changes of the task that is looked at.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) pane: DiffPane,
    of: Option<TaskId>,
    commit: Option<String>,
    state: State,
}

/// How far they are.
#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// There is no commit yet, or the task was not read yet.
    #[default]
    None,
    /// They are being read.
    Asked,
    /// They are shown.
    Read,
    /// There is this to say in place of them.
    Note(String),
    /// They can't be read.
    Failed(String),
}

impl Changes {
    /// A task is looked at. Returns the commit that must be read for it.
    pub(super) fn look_at(&mut self, id: &TaskId, task: Option<&OpenTask>) -> Option<Commit> {
        if self.of.as_ref() != Some(id) {
            *self = Self { of: Some(id.clone()), ..Self::default() };
        }
        let result = task.filter(|task| task.task.id == *id)?.result.as_ref()?;
        let commit = &result.outputs.as_ref()?.commit;
        if self.commit.as_ref() == Some(commit) {
            return None;
        }
        (self.commit, self.state) = (Some(commit.clone()), State::Asked);
        Some(Commit { task: id.clone(), id: commit.clone() })
    }

    /// They were read, or could not be. Returns what is to be said beside them.
    pub(super) fn take(&mut self, of: &Commit, read: Result<Box<Read>, String>) -> Option<String> {
        if self.of.as_ref() != Some(&of.task) || self.commit.as_ref() != Some(&of.id) {
            return None;
        }
        let mut beside = None;
        self.state = match read {
            Ok(read) => match *read {
                Read { diff, note: Some(note) } if diff.is_empty() => State::Note(note),
                Read { diff, note } => {
                    beside = note;
                    self.pane.show(diff);
                    State::Read
                }
            },
            Err(why) => State::Failed(why),
        };
        beside
    }

    /// What can be copied.
    pub(super) fn plain(&self) -> Option<String> {
        (self.state == State::Read).then(|| self.pane.diff().plain())
    }

    /// Draws them; `title` stands in the rule while there is nothing to tell of them.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, title: &str, focus: Focus) {
        let (meaning, text) = match &self.state {
            State::Read if !self.pane.diff().is_empty() => return self.pane.draw(frame, area, look, focus),
            State::Read => (Meaning::Plain, "it changed no file"),
            State::None => (Meaning::Faint, "it has published nothing yet"),
            State::Asked => (Meaning::Busy, "its commit is being read"),
            State::Note(note) => (Meaning::Plain, note.as_str()),
            State::Failed(why) => (Meaning::Bad, why.as_str()),
        };
        rule(frame, area, look, title, focus);
        let line = fit(text, usize::from(area.width));
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1).min(1), ..area };
        frame.render_widget(ratatui::text::Line::styled(line, look.style(meaning)), body);
    }
}
