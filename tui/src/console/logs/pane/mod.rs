//! The state of a pane that shows a log: which lines, where it stands, what is looked for. It stands on
//! the number of a line and not on an offset, so that nothing moves under the reader.

mod acts;
mod lines;
mod marks;
mod motion;
mod picture;
#[cfg(test)]
mod tests;
mod words;

use std::cell::Cell;

use super::hunt::Hunt;
use super::lens::Lens;
use super::pattern::NoPattern;
use super::record::{Kept, Line, Number};
use super::ring::{Limits, Ring};
use marks::Marks;
pub(super) use picture::{Beginning, Columns, GUTTER, Row, thousands};

/// How much is looked at for searches and filters in one go; see `index.rs` for what costs what.
const BUDGET: usize = 20_000;

/// A pane.
#[derive(Debug)]
pub(crate) struct Pane {
    ring: Ring,
    title: String,
    authors: Authors,
    place: Place,
    /// The first column that is shown.
    left: usize,
    wrap: Wrap,
    times: Times,
    lens: Lens,
    settled: Settled,
    hunt: Hunt,
    /// A search that has not found its first line yet.
    jump: Jump,
    /// Why what was typed last is no pattern.
    refused: Option<NoPattern>,
    /// The line that was last jumped to or clicked.
    spot: Option<Number>,
    marks: Option<Marks>,
    /// Lines of a stopped picture that the ring does not hold any more.
    kept: Vec<Kept>,
    kept_cut: Cut,
    older: Older,
    /// Written by drawing: how much of the screen the lines have.
    size: Cell<Size>,
}

/// Who wrote the lines that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authors {
    /// One agent; the title names it.
    One,
    /// Several: each line names its own.
    Many,
}

/// Where the pane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On the newest line.
    Following,
    /// On a line, while others come.
    Stopped(Stop),
}

/// Where and why a pane stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stop {
    top: Top,
    /// The line that would have come next; what came since is new.
    since: Number,
    /// Lines from here on are not shown: the picture is frozen.
    until: Option<Number>,
    /// How many lines had gone.
    evicted: u64,
    by: By,
}

impl Stop {
    /// Whether a line may be seen: a frozen picture shows none that came later.
    fn has(self, number: Number) -> bool {
        self.until.is_none_or(|until| number < until)
    }
}

/// What stopped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// Moving away from the newest line; coming back to it goes on following.
    Moving,
    /// The person, until told otherwise.
    Freezing,
}

/// What stands in the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Top {
    line: Number,
    /// Which row of the line, when it is broken.
    row: usize,
    /// Whether the row before the first line is seen: what is said of earlier lines.
    head: Head,
}

/// Whether the row before the first line is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Head {
    Seen,
    Above,
}

impl Top {
    fn on(line: Number) -> Self {
        Self { line, row: 0, head: Head::Above }
    }

    fn order(self) -> (Number, usize, Head) {
        (self.line, self.row, self.head)
    }
}

/// Whether long lines are broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrap {
    On,
    Off,
}

/// Whether lines say when they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Shown,
    Hidden,
}

/// Whether a new search still has to find where to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jump {
    Done,
    /// To the first match from here on, else the last before.
    From(Number),
    /// To the newest match.
    Newest,
}

/// Whether the line that the pane stands on is one that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    Yes,
    /// Other lines are shown since.
    No {
        /// The line that was jumped to, when it was seen: it is to be seen among the others, too.
        spot: Option<Number>,
    },
}

/// What is known of lines before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Older {
    /// There may be some.
    Unknown,
    /// They were asked for, one page of them …
    Asked,
    /// … or as many as it takes to reach the beginning.
    AskedForAll,
    /// There are none.
    Beginning,
    /// There are some, and no room for them.
    NoRoom,
}

/// Whether lines that came after the kept ones are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Yes,
    No,
}

/// How much of the screen the lines have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: u16,
    pub(super) rows: u16,
}

/// Something to be done outside the pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Say this.
    Say(String),
    /// Put this on the clipboard.
    Copy(String),
    /// Read lines that are older than all that are held.
    Older,
    /// Let a text be typed that lines must have to be shown.
    Filter,
}

/// Whether there is more to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// No.
    Done,
    /// Yes: ask again, after the keys.
    More,
}

impl Pane {
    /// An empty pane.
    pub(crate) fn new(limits: Limits, title: impl Into<String>, authors: Authors) -> Self {
        Self {
            ring: Ring::new(limits),
            title: title.into(),
            authors,
            place: Place::Following,
            left: 0,
            wrap: Wrap::Off,
            times: Times::Shown,
            lens: Lens::default(),
            settled: Settled::Yes,
            hunt: Hunt::default(),
            jump: Jump::Done,
            refused: None,
            spot: None,
            marks: None,
            kept: Vec::new(),
            kept_cut: Cut::No,
            older: Older::Unknown,
            size: Cell::new(Size { columns: 80, rows: 20 }),
        }
    }

    /// Lets go of all lines, for those of others; how lines are shown and what is looked for stays.
    pub(crate) fn reopen(&mut self, title: impl Into<String>, authors: Authors) {
        self.ring = Ring::new(self.ring.limits());
        (self.title, self.authors) = (title.into(), authors);
        (self.place, self.left, self.spot, self.marks) = (Place::Following, 0, None, None);
        (self.older, self.jump) = (Older::Unknown, Jump::Done);
        self.keep_none();
        self.look_again();
    }

    /// Looks at lines for searches and filters, for a bounded time.
    pub(crate) fn work(&mut self) -> Work {
        let left = self.lens.work(&self.ring, BUDGET);
        self.hunt.work(&self.ring, &self.lens, left);
        self.settle();
        self.try_jump();
        if self.is_busy() { Work::More } else { Work::Done }
    }

    /// Whether there are lines that a search or filter has not looked at.
    pub(crate) fn is_busy(&self) -> bool {
        self.lens.progress(&self.ring).is_some() || !self.hunt.is_done(&self.ring)
    }

    /// Once it is known which lines are shown, the pane stands on one of them.
    fn settle(&mut self) {
        let Settled::No { spot } = self.settled else { return };
        if self.lens.progress(&self.ring).is_some() {
            return;
        }
        self.settled = Settled::Yes;
        let top = self.top(self.size.get());
        if let Place::Stopped(stop) = &mut self.place {
            stop.top = top;
            if let Some(spot) =
                spot.filter(|spot| self.line(*spot).is_some_and(|line| self.lens.shows(&line)))
            {
                self.reveal(spot, motion::Reveal::Third);
            }
        }
    }

    fn look_again(&mut self) {
        self.lens.look_again(&self.ring);
        self.hunt.look_again(&self.ring);
        self.work();
    }

    fn keep_none(&mut self) {
        self.kept.clear();
        self.kept_cut = Cut::No;
    }

    fn stop(&self) -> Option<&Stop> {
        match &self.place {
            Place::Following => None,
            Place::Stopped(stop) => Some(stop),
        }
    }

    /// A line that is held, or kept for the picture.
    pub(in crate::console::logs) fn line(&self, number: Number) -> Option<Line<'_>> {
        let kept = || self.kept.iter().map(Kept::line).find(|line| line.number == number);
        self.ring.line(number).or_else(kept)
    }
}

/// Whether there are more lines behind those that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// There are.
    Some,
    /// There are none.
    None,
}
