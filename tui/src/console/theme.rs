//! How meanings look. Nothing in the console names a colour but this file: a dark, a light and a plain
//! theme, all on the terminal's own foreground and background. A colour only ever adds to a word, a
//! glyph or a place.

use ratatui::style::{Color, Modifier, Style};

use crate::follow::Glyphs;
use crate::output::Meaning;

/// A set of looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Theme {
    /// For dark terminals.
    #[default]
    Dark,
    /// For light terminals.
    Light,
    /// No colour at all.
    Plain,
}

impl Theme {
    /// How text of a meaning looks.
    pub(crate) fn style(self, meaning: Meaning) -> Style {
        let style = Style::new();
        match (meaning, self) {
            (Meaning::Plain, _) => style,
            (Meaning::Strong, _) => style.add_modifier(Modifier::BOLD),
            (Meaning::Faint, Self::Light) => style.fg(Color::DarkGray),
            (Meaning::Faint, Self::Dark | Self::Plain) => style.add_modifier(Modifier::DIM),
            (Meaning::Good, Self::Dark | Self::Light) => style.fg(Color::Green),
            (Meaning::Good, Self::Plain) => style,
            (Meaning::Bad, Self::Dark | Self::Light) => style.fg(Color::Red),
            (Meaning::Bad, Self::Plain) => style.add_modifier(Modifier::BOLD),
            (Meaning::Busy, Self::Dark) => style.fg(Color::Cyan),
            (Meaning::Busy, Self::Light) => style.fg(Color::Blue),
            (Meaning::Busy, Self::Plain) => style,
            (Meaning::Attention, Self::Dark | Self::Light) => style.fg(Color::Magenta),
            (Meaning::Attention, Self::Plain) => style.add_modifier(Modifier::BOLD),
        }
    }

    /// The row under the cursor; weaker where the keys go elsewhere.
    pub(crate) fn selected(self, focus: Focus) -> Style {
        match focus {
            Focus::Here => Style::new().add_modifier(Modifier::REVERSED),
            Focus::Elsewhere => Style::new().add_modifier(Modifier::BOLD),
        }
    }

    /// Rules, rails and other furniture.
    pub(crate) fn furniture(self) -> Style {
        self.style(Meaning::Faint)
    }

    /// A match of a search.
    pub(crate) fn found(self) -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED | Modifier::BOLD)
    }
}

/// Whether the keys go to what is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Focus {
    /// They do.
    Here,
    /// They go to something else.
    Elsewhere,
}

/// What every drawing needs beside its own state.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// The theme.
    pub(crate) theme: Theme,
    /// What the locale can show.
    pub(crate) glyphs: Glyphs,
    /// What time it is, Unix time in milliseconds.
    pub(crate) now_ms: u64,
    /// Seconds to add to a Unix time for the clock on the wall.
    pub(crate) utc_offset_seconds: i64,
}

impl Look {
    /// How text of a meaning looks.
    pub(crate) fn style(&self, meaning: Meaning) -> Style {
        self.theme.style(meaning)
    }
}
