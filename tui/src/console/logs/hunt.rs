//! A search: what is looked for, and the shown lines that have it.

use super::index::Index;
use super::lens::Lens;
use super::pattern::Pattern;
use super::record::Number;
use super::ring::Ring;

/// A search, or none.
#[derive(Debug, Default)]
pub(super) struct Hunt {
    running: Option<(Pattern, Index)>,
}

impl Hunt {
    pub(super) fn set(&mut self, pattern: Option<Pattern>, ring: &Ring) {
        self.running = pattern.map(|pattern| (pattern, Index::new(ring)));
    }

    /// What is shown changed, and with it what can be found.
    pub(super) fn look_again(&mut self, ring: &Ring) {
        if let Some((_, index)) = &mut self.running {
            *index = Index::new(ring);
        }
    }

    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.running.as_ref().map(|(pattern, _)| pattern)
    }

    pub(super) fn index(&self) -> Option<&Index> {
        self.running.as_ref().map(|(_, index)| index)
    }

    pub(super) fn work(&mut self, ring: &Ring, lens: &Lens, budget: usize) -> usize {
        let Some((pattern, index)) = &mut self.running else { return budget };
        index.work(ring, |line| pattern.takes(line.text) && lens.shows(line), budget)
    }

    /// Whether all lines were looked at.
    pub(super) fn is_done(&self, ring: &Ring) -> bool {
        self.index().is_none_or(|index| index.is_done(ring))
    }

    /// How it stands: `3/12`, `12 lines`, `12 so far (40%)`, `not found`.
    pub(super) fn summary(&self, at: Option<Number>, ring: &Ring) -> Option<String> {
        let index = self.index()?;
        let found = index.len();
        if !index.is_done(ring) {
            return Some(format!("{found} so far ({}%)", index.percent(ring)));
        }
        let at = at.filter(|at| index.at_or_after(*at) == Some(*at));
        Some(match (found, at) {
            (0, _) => "not found".to_owned(),
            (_, Some(at)) => format!("{}/{found}", index.before(at) + 1),
            (1, None) => "1 line".to_owned(),
            (_, None) => format!("{found} lines"),
        })
    }
}
