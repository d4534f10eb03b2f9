//! One glyph and one look for each state; always shown beside a word or in a fixed place.

use codegod_protocol::goal::GoalState;
use codegod_protocol::task::TaskState;
use ratatui::symbols::border;

use crate::output::Meaning;

/// The glyphs of a terminal: Unicode, or ASCII where the locale has no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glyphs {
    unicode: bool,
}

impl Glyphs {
    /// What the locale of this process can show.
    pub(crate) fn of_locale() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        // No locale at all is how containers and services start; their terminals do show UTF-8.
        let unicode = locale.is_none_or(|locale| {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8") || locale == "c" || locale == "posix"
        });
        Self { unicode }
    }

    /// All of Unicode, whatever the locale says.
    #[cfg(test)]
    pub(crate) fn unicode() -> Self {
        Self { unicode: true }
    }

    /// ASCII only.
    #[cfg(test)]
    pub(crate) fn ascii() -> Self {
        Self { unicode: false }
    }

    /// Whether all of Unicode can be shown.
    pub(crate) fn is_unicode(&self) -> bool {
        self.unicode
    }

    /// The symbol as the terminal can show it; a cut-off and all else that is not ASCII has a stand-in there.
    pub(crate) fn shown<'a>(&self, symbol: &'a str) -> &'a str {
        match symbol {
            symbol if self.unicode || symbol.is_ascii() => symbol,
            "…" => "~",
            "×" => "x",
            _ => "?",
        }
    }

    /// Of a task's state.
    pub(crate) fn task(&self, state: TaskState) -> (&'static str, Meaning) {
        let (unicode, ascii, meaning) = match state {
            TaskState::Waiting => ("·", ".", Meaning::Faint),
            TaskState::Ready => ("○", "o", Meaning::Plain),
            TaskState::Running => ("▶", ">", Meaning::Busy),
            TaskState::Succeeded => ("✓", "+", Meaning::Good),
            TaskState::Failed => ("✗", "x", Meaning::Bad),
            TaskState::Cancelled => ("−", "-", Meaning::Faint),
            TaskState::Blocked => ("!", "!", Meaning::Attention),
        };
        (if self.unicode { unicode } else { ascii }, meaning)
    }

    /// Of a goal's state.
    pub(crate) fn goal(&self, state: GoalState) -> (&'static str, Meaning) {
        match state {
            GoalState::Queued => self.task(TaskState::Ready),
            GoalState::Planning | GoalState::Running => self.task(TaskState::Running),
            GoalState::Paused => self.task(TaskState::Waiting),
            GoalState::Succeeded => self.task(TaskState::Succeeded),
            GoalState::Failed => self.task(TaskState::Failed),
            GoalState::Cancelled => self.task(TaskState::Cancelled),
            GoalState::Blocked => self.task(TaskState::Blocked),
        }
    }

    /// What rules are drawn with.
    pub(crate) fn dash(&self) -> &'static str {
        if self.unicode { "─" } else { "-" }
    }

    /// What divides parts that stand side by side.
    pub(crate) fn bar(&self) -> &'static str {
        if self.unicode { "│" } else { "|" }
    }

    /// Marks the part of a view that has the keys.
    pub(crate) fn here(&self) -> &'static str {
        if self.unicode { "▸" } else { ">" }
    }

    /// A dot: connected, alive.
    pub(crate) fn dot(&self) -> &'static str {
        if self.unicode { "●" } else { "*" }
    }

    /// Marks the longest path that is left.
    pub(crate) fn critical(&self) -> &'static str {
        if self.unicode { "◆" } else { "*" }
    }

    /// The cells of a progress bar: done, under way, still to do.
    pub(crate) fn progress(&self) -> [&'static str; 3] {
        if self.unicode { ["█", "▒", "░"] } else { ["#", "=", "."] }
    }

    /// The heights of a sparkline, lowest first.
    pub(crate) fn steps(&self) -> &'static [char] {
        if self.unicode {
            &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
        } else {
            &['_', '.', '-', '=', '#']
        }
    }

    /// The rails of a tree: a child, the last child, and what leads past each to later ones.
    pub(crate) fn rails(&self) -> [&'static str; 4] {
        if self.unicode { ["├ ", "└ ", "│ ", "  "] } else { ["|- ", "`- ", "|  ", "   "] }
    }

    /// The lines around a box.
    pub(crate) fn border(&self) -> border::Set<'static> {
        if self.unicode { border::PLAIN } else { ASCII_BORDER }
    }
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};
