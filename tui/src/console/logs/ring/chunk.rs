//! Some hundred neighbouring lines in one piece of text. What many lines share (who wrote them) stands
//! once, and all of it goes at once when the lines are too old.

use codegod_protocol::id::{AgentId, TaskId};

use crate::console::logs::record::{Level, Line, Number, Record, clean};

/// Neighbouring lines.
#[derive(Debug)]
pub(in crate::console::logs) struct Chunk {
    first: Number,
    text: String,
    lines: Vec<Place>,
    origins: Vec<Origin>,
    errors: usize,
}

/// Where a line stands in the text, and what is known of it in few bytes. It ends where the next begins.
#[derive(Debug, Clone, Copy)]
struct Place {
    ms: u64,
    start: u32,
    origin: u16,
    level: Level,
}

#[derive(Debug, PartialEq, Eq)]
struct Origin {
    agent: AgentId,
    task: Option<TaskId>,
}

/// About what an origin takes with its texts.
const ORIGIN_BYTES: usize = size_of::<Origin>() + 32;

impl Chunk {
    pub(super) fn new(first: Number) -> Self {
        Self { first, text: String::new(), lines: Vec::new(), origins: Vec::new(), errors: 0 }
    }

    pub(super) fn push(&mut self, record: Record) {
        let Record { agent, task, level, ms, text } = record;
        let origin = self.origin(Origin { agent, task });
        // A chunk is closed long before its text is that long.
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push_str(&clean(&text));
        self.lines.push(Place { ms, start, origin, level });
        self.errors += usize::from(level == Level::Error);
    }

    /// Neighbours mostly share their origin, so the last ones are looked at first.
    fn origin(&mut self, origin: Origin) -> u16 {
        let known = self.origins.iter().rposition(|known| *known == origin);
        let index = known.unwrap_or_else(|| {
            self.origins.push(origin);
            self.origins.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    pub(super) fn first(&self) -> Number {
        self.first
    }

    /// The number after the last line's.
    pub(super) fn end(&self) -> Number {
        self.first.plus(self.lines.len() as u64)
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.text.capacity()
            + self.lines.capacity() * size_of::<Place>()
            + self.origins.capacity() * ORIGIN_BYTES
    }

    /// Gives back what was reserved for more lines.
    pub(super) fn close(&mut self) {
        self.text.shrink_to_fit();
        self.lines.shrink_to_fit();
        self.origins.shrink_to_fit();
    }

    /// Numbers the lines from `first`.
    pub(super) fn renumber(&mut self, first: Number) {
        self.first = first;
    }

    pub(super) fn line(&self, number: Number) -> Option<Line<'_>> {
        if number < self.first {
            return None;
        }
        let index = usize::try_from(number.since(self.first)).ok()?;
        let place = self.lines.get(index)?;
        let end = self.lines.get(index + 1).map_or(self.text.len(), |next| next.start as usize);
        let origin = self.origins.get(usize::from(place.origin))?;
        Some(Line {
            number,
            agent: &origin.agent,
            task: origin.task.as_ref(),
            level: place.level,
            ms: place.ms,
            text: self.text.get(place.start as usize..end)?,
        })
    }

    /// The lines in their order.
    pub(in crate::console::logs) fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'_>> {
        (0..self.lines.len() as u64).filter_map(|index| self.line(self.first.plus(index)))
    }
}
