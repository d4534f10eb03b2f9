//! What keys do to a pane, beside moving it: searching, filtering, and how lines are shown.

use super::motion::Reveal;
use super::{Ask, Jump, Number, Pane, Times, Top, Wrap};
use crate::console::keys::Action;
use crate::console::logs::lens::{Lens, Levels};
use crate::console::logs::pattern::{NoPattern, Pattern};
use crate::console::logs::record::Line;
use crate::console::logs::ring::Ring;

impl Pane {
    /// Does what a key stands for. None when it means nothing to a log.
    pub(crate) fn act(&mut self, action: Action) -> Option<Vec<Ask>> {
        let ask = match action {
            Action::Move(motion) => self.go(motion),
            Action::Follow => {
                self.follow();
                None
            }
            Action::Freeze => {
                self.freeze();
                None
            }
            Action::Wrap => self.toggle_wrap(),
            Action::Times => self.toggle_times(),
            Action::Level => self.next_levels(),
            Action::NextMatch => self.next_match(),
            Action::PreviousMatch => self.previous_match(),
            Action::NextError => self.next_error(),
            Action::PreviousError => self.previous_error(),
            Action::Mark => self.toggle_marks(),
            Action::FilterLines => Some(Ask::Filter),
            Action::Copy => self.copy(),
            Action::Back if self.marks.is_some() => {
                self.end_marks();
                None
            }
            Action::Back if self.hunt.pattern().is_some() => {
                self.search(None);
                None
            }
            Action::Back if self.lens.filter().is_some() => {
                self.filter(None);
                None
            }
            _ => return None,
        };
        Some(ask.into_iter().collect())
    }

    /// Looks for a text, letter by letter as it is typed.
    pub(crate) fn search(&mut self, typed: Option<&str>) {
        let Some(pattern) = self.taken(Pattern::search(typed.unwrap_or_default())) else { return };
        let newest = self.stop().is_none();
        self.jump = match &pattern {
            None => Jump::Done,
            Some(_) if newest => Jump::Newest,
            Some(_) => Jump::From(self.spot_or_top()),
        };
        self.hunt.set(pattern, &self.ring);
        self.work();
    }

    /// Shows only lines with that text; with `!` before it, only those without.
    pub(crate) fn filter(&mut self, typed: Option<&str>) {
        let Some(pattern) = self.taken(Pattern::filter(typed.unwrap_or_default())) else { return };
        self.see_through(|lens, ring| lens.set_filter(pattern, ring));
    }

    /// Other lines are shown after this change.
    fn see_through(&mut self, change: impl FnOnce(&mut Lens, &Ring)) {
        let spot = self.seen_spot();
        change(&mut self.lens, &self.ring);
        self.keep_none();
        self.settled = super::Settled::No { spot };
        self.hunt.look_again(&self.ring);
        self.work();
    }

    /// What was typed, when it is a pattern or nothing; what was looked for before stays otherwise.
    fn taken(&mut self, typed: Result<Option<Pattern>, NoPattern>) -> Option<Option<Pattern>> {
        let (pattern, refused) = match typed {
            Ok(pattern) => (Some(pattern), None),
            Err(refused) => (None, Some(refused)),
        };
        self.refused = refused;
        pattern
    }

    /// The filter as it was typed.
    pub(crate) fn filter_text(&self) -> &str {
        self.lens.filter().map_or("", Pattern::typed)
    }

    /// Goes to where a new search begins, once that is known.
    pub(super) fn try_jump(&mut self) {
        let Some(index) = self.hunt.index() else { return };
        let done = index.is_done(&self.ring);
        let target = match self.jump {
            Jump::Done => return,
            Jump::Newest => index.last_before(self.ring.end()),
            Jump::From(top) if index.reaches(top) || done => {
                index.at_or_after(top).or_else(|| index.last_before(top))
            }
            Jump::From(_) => None,
        };
        if let Some(target) = target {
            self.jump = Jump::Done;
            self.jump_to(target);
        } else if done {
            self.jump = Jump::Done;
        }
    }

    fn jump_to(&mut self, number: Number) {
        self.spot = Some(number);
        if self.marks.is_some() {
            self.mark_to(number);
        } else {
            self.reveal(number, Reveal::Third);
        }
    }

    /// The line from which the next match or error is looked for: the spot while it is seen.
    fn spot_or_top(&self) -> Number {
        let size = self.size.get();
        self.spot.filter(|spot| self.is_seen(*spot, size)).unwrap_or(self.top(size).line)
    }

    /// The same, for going on from it: what stands there itself is passed over, when it is the spot.
    fn seen_spot(&self) -> Option<Number> {
        let size = self.size.get();
        self.spot.filter(|spot| self.is_seen(*spot, size))
    }

    fn next_match(&mut self) -> Option<Ask> {
        let Some(index) = self.hunt.index() else { return Some(Ask::Say(NO_SEARCH.to_owned())) };
        let from = self.seen_spot().map_or_else(|| self.top(self.size.get()).line, |spot| spot.plus(1));
        let next = index.at_or_after(from);
        let around = || index.at_or_after(self.ring.first());
        let (target, said) = match next {
            Some(next) => (Some(next), None),
            None => (around(), Some("search goes on at the first line")),
        };
        self.found(target, said)
    }

    fn previous_match(&mut self) -> Option<Ask> {
        let Some(index) = self.hunt.index() else { return Some(Ask::Say(NO_SEARCH.to_owned())) };
        let previous = index.last_before(self.spot_or_top());
        let around = || index.last_before(self.ring.end());
        let (target, said) = match previous {
            Some(previous) => (Some(previous), None),
            None => (around(), Some("search goes on at the last line")),
        };
        self.found(target, said)
    }

    fn found(&mut self, target: Option<Number>, said: Option<&str>) -> Option<Ask> {
        let Some(target) = target else { return Some(Ask::Say("not found".to_owned())) };
        self.jump_to(target);
        said.map(|said| Ask::Say(said.to_owned()))
    }

    fn next_error(&mut self) -> Option<Ask> {
        if self.is_following() && self.seen_spot().is_none() {
            return self.previous_error();
        }
        let from = self.seen_spot().unwrap_or_else(|| self.top(self.size.get()).line.minus(1));
        let target = self.ring.errors_after(from).find(|line| self.lens.shows(line)).map(number);
        self.go_to_error(target, "no error after this")
    }

    fn previous_error(&mut self) -> Option<Ask> {
        let following = self.is_following() && self.seen_spot().is_none();
        let from = if following { self.ring.end() } else { self.spot_or_top() };
        let target = self.ring.errors_before(from).find(|line| self.lens.shows(line)).map(number);
        self.go_to_error(target, "no error before this")
    }

    fn go_to_error(&mut self, target: Option<Number>, else_say: &str) -> Option<Ask> {
        match target {
            Some(target) => {
                self.jump_to(target);
                None
            }
            None => Some(Ask::Say(else_say.to_owned())),
        }
    }

    fn toggle_wrap(&mut self) -> Option<Ask> {
        self.wrap = match self.wrap {
            Wrap::On => Wrap::Off,
            Wrap::Off => Wrap::On,
        };
        self.left = 0;
        if let super::Place::Stopped(stop) = &mut self.place {
            stop.top = Top { row: 0, ..stop.top };
        }
        None
    }

    fn toggle_times(&mut self) -> Option<Ask> {
        self.times = match self.times {
            Times::Shown => Times::Hidden,
            Times::Hidden => Times::Shown,
        };
        None
    }

    fn next_levels(&mut self) -> Option<Ask> {
        self.set_levels(self.lens.levels().next());
        Some(Ask::Say(format!("{} are shown", self.lens.levels().name())))
    }

    /// Shows lines of these levels only.
    pub(crate) fn set_levels(&mut self, levels: Levels) {
        self.see_through(|lens, ring| lens.set_levels(levels, ring));
    }

    fn copy(&mut self) -> Option<Ask> {
        let ask = self.copied().map(Ask::Copy);
        self.end_marks();
        ask
    }

    /// A row was clicked: its line is the spot, or the end of what is marked.
    pub(crate) fn click(&mut self, row: u16) {
        let rows = self.rows(self.size.get());
        if let Some(number) = rows.get(usize::from(row)).and_then(super::Row::number) {
            self.jump_to(number);
        }
    }

    /// The line that was last jumped to or clicked, while it is seen.
    pub(crate) fn spot(&self) -> Option<Line<'_>> {
        self.line(self.seen_spot()?)
    }
}

const NO_SEARCH: &str = "nothing is looked for; / looks for a text";

fn number(line: Line<'_>) -> Number {
    line.number
}
