//! What a pane says of itself: in its title, and where it has no lines to show.

use std::ops::Range;

use ratatui::layout::Rect;

use super::picture::thousands;
use super::{By, Number, Pane, Row, Size, Wrap};
use crate::console::logs::lens::Levels;
use crate::output::Meaning;

impl Pane {
    /// Drawing notes how much room there was: that is how far a page goes.
    pub(in crate::console::logs) fn note(&self, area: Rect) {
        self.size.set(Size { columns: area.width, rows: area.height });
    }

    /// Whose lines these are.
    pub(crate) fn name(&self) -> &str {
        &self.title
    }

    /// How many lines came since the pane stopped, of those that a filter shows the ones that are held;
    /// nothing while it follows.
    pub(crate) fn new_lines(&self) -> Option<u64> {
        let stop = self.stop()?;
        let shown = self.lens.is_choosy().then(|| self.lens.count_from(stop.since, &self.ring));
        Some(shown.unwrap_or_else(|| self.ring.end().since(stop.since)))
    }

    pub(in crate::console::logs) fn stopped_word(&self) -> &'static str {
        match self.stop().map(|stop| stop.by) {
            Some(By::Freezing) => "frozen",
            Some(By::Moving) | None => "paused",
        }
    }

    /// What was chosen, for the title: a search, a filter, levels, wrapping, marks.
    pub(in crate::console::logs) fn choices(&self) -> Vec<(String, Meaning)> {
        let mut choices = Vec::new();
        if let Some(marked) = self.marked() {
            choices.push((format!("{} marked", lines(marked)), Meaning::Attention));
        }
        if let Some(refused) = &self.refused {
            choices.push((refused.to_string(), Meaning::Bad));
        }
        if let (Some(pattern), Some(summary)) =
            (self.hunt.pattern(), self.hunt.summary(self.spot, &self.ring))
        {
            choices.push((format!("/{} {summary}", pattern.typed()), Meaning::Busy));
        }
        if let Some(filter) = self.lens.filter() {
            choices.push((format!("only {}", filter.typed()), Meaning::Busy));
        }
        if self.lens.levels() != Levels::All {
            choices.push((self.lens.levels().name().to_owned(), Meaning::Busy));
        }
        if self.lens.is_choosy() {
            let count = lines(self.lens.count_from(self.ring.first(), &self.ring));
            let progress = self.lens.progress(&self.ring).map(|percent| format!(" so far ({percent}%)"));
            choices.push((count + &progress.unwrap_or_default(), Meaning::Plain));
        }
        match self.wrap {
            Wrap::On => choices.push(("wrap".to_owned(), Meaning::Plain)),
            Wrap::Off if self.left > 0 => {
                choices.push((format!("from column {}", self.left + 1), Meaning::Plain))
            }
            Wrap::Off => {}
        }
        choices
    }

    /// Why none of these rows shows a line; nothing when one does, or there is no room but for the head.
    pub(in crate::console::logs) fn why_empty(&self, rows: &[Row]) -> Option<String> {
        let is_full = rows.len() >= usize::from(self.size.get().rows);
        let has_lines = self.lens.last(&self.ring).is_some();
        if rows.iter().any(|row| row.number().is_some()) || (is_full && has_lines) {
            return None;
        }
        Some(match self.stop() {
            Some(stop) if stop.until.is_some() => "frozen before the first line; space goes on".to_owned(),
            Some(_) | None => self.why_none(),
        })
    }

    fn why_none(&self) -> String {
        if self.ring.len() == 0 {
            return "no lines yet".to_owned();
        }
        if let Some(percent) = self.lens.progress(&self.ring) {
            return format!("looking through the lines ({percent}%)");
        }
        let lines = lines(self.ring.len() as u64);
        match (self.lens.filter(), self.lens.levels()) {
            (Some(filter), Levels::All) => {
                format!("none of {lines} is taken by {}; esc shows all", filter.typed())
            }
            (Some(filter), levels) => {
                format!(
                    "none of {lines} is taken by {} and {}; L, esc show more",
                    filter.typed(),
                    levels.name()
                )
            }
            (None, levels) => format!("no {} in {lines}; L shows other levels", levels.name()),
        }
    }

    pub(in crate::console::logs) fn is_spot(&self, number: Number) -> bool {
        self.spot == Some(number)
    }

    /// Where the text of a line has what is looked for.
    pub(in crate::console::logs) fn places(&self, text: &str) -> Vec<Range<usize>> {
        self.hunt.pattern().map(|pattern| pattern.places(text).collect()).unwrap_or_default()
    }
}

fn lines(count: u64) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{} lines", thousands(count)) }
}
