//! Which lines of a ring are shown: those of a level and above, with or without a text.

use super::index::Index;
use super::pattern::Pattern;
use super::record::{Level, Line, Number};
use super::ring::Ring;

/// Which levels are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Levels {
    /// All lines.
    #[default]
    All,
    /// Warnings and errors.
    Warnings,
    /// Errors.
    Errors,
}

impl Levels {
    /// The next choice.
    pub(super) fn next(self) -> Self {
        match self {
            Self::All => Self::Warnings,
            Self::Warnings => Self::Errors,
            Self::Errors => Self::All,
        }
    }

    /// The choice in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "all levels",
            Self::Warnings => "warnings and errors",
            Self::Errors => "errors",
        }
    }

    fn takes(self, level: Level) -> bool {
        match self {
            Self::All => true,
            Self::Warnings => level >= Level::Warning,
            Self::Errors => level >= Level::Error,
        }
    }
}

/// What lines are looked at through. Without a filter it knows all lines; with one it keeps an index.
#[derive(Debug, Default)]
pub(super) struct Lens {
    levels: Levels,
    filter: Option<Pattern>,
    index: Option<Index>,
}

impl Lens {
    pub(super) fn levels(&self) -> Levels {
        self.levels
    }

    pub(super) fn filter(&self) -> Option<&Pattern> {
        self.filter.as_ref()
    }

    pub(super) fn set_levels(&mut self, levels: Levels, ring: &Ring) {
        self.levels = levels;
        self.look_again(ring);
    }

    pub(super) fn set_filter(&mut self, filter: Option<Pattern>, ring: &Ring) {
        self.filter = filter;
        self.look_again(ring);
    }

    /// Forgets what was found; the choice stays.
    pub(super) fn look_again(&mut self, ring: &Ring) {
        self.index = self.is_choosy().then(|| Index::new(ring));
    }

    /// Whether there are lines that it does not show.
    pub(super) fn is_choosy(&self) -> bool {
        self.filter.is_some() || self.levels != Levels::All
    }

    /// Whether it shows that line.
    pub(super) fn shows(&self, line: &Line<'_>) -> bool {
        self.levels.takes(line.level) && self.filter.as_ref().is_none_or(|filter| filter.takes(line.text))
    }

    /// Looks at lines that came, or were not looked at yet. What is left of the budget is returned.
    pub(super) fn work(&mut self, ring: &Ring, budget: usize) -> usize {
        let Some(mut index) = self.index.take() else { return budget };
        let left = index.work(ring, |line| self.shows(line), budget);
        self.index = Some(index);
        left
    }

    /// How much of the ring was looked at, in per cent, while it is not all.
    pub(super) fn progress(&self, ring: &Ring) -> Option<u64> {
        let index = self.index.as_ref()?;
        (!index.is_done(ring)).then(|| index.percent(ring))
    }

    /// How many lines are shown from `number` on.
    pub(super) fn count_from(&self, number: Number, ring: &Ring) -> u64 {
        match &self.index {
            Some(index) => (index.len() - index.before(number)) as u64,
            None => ring.end().since(number.max(ring.first())),
        }
    }

    /// The first line that is shown, from `number` on.
    pub(super) fn at_or_after(&self, number: Number, ring: &Ring) -> Option<Number> {
        match &self.index {
            Some(index) => index.at_or_after(number),
            None => Some(number.max(ring.first())).filter(|number| *number < ring.end()),
        }
    }

    /// The last line that is shown before `number`.
    pub(super) fn last_before(&self, number: Number, ring: &Ring) -> Option<Number> {
        match &self.index {
            Some(index) => index.last_before(number),
            None => {
                let before = number.min(ring.end()).minus(1);
                (before >= ring.first() && before < number).then_some(before)
            }
        }
    }

    /// The first line that is shown.
    pub(super) fn first(&self, ring: &Ring) -> Option<Number> {
        self.at_or_after(ring.first(), ring)
    }

    /// The last line that is shown.
    pub(super) fn last(&self, ring: &Ring) -> Option<Number> {
        self.last_before(ring.end(), ring)
    }
}
