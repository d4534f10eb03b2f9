//! The newest lines of a log, bounded by their number and by the memory that they take. Lines are held in
//! chunks; the oldest chunk goes as a whole, and what went is counted.

mod chunk;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::record::{Line, Number, Record};
pub(super) use chunk::Chunk;

/// How much a ring holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// At most so many lines.
    pub(crate) lines: usize,
    /// At most so many bytes, all that the ring keeps beside the texts included.
    pub(crate) bytes: usize,
}

impl Limits {
    /// What a console holds.
    pub(crate) const CONSOLE: Self = Self { lines: 100_000, bytes: 24 << 20 };

    /// A chunk is closed at this length, so that what goes at once is a small part of the whole.
    fn chunk_lines(self) -> usize {
        (self.lines / 64).clamp(1, 512)
    }

    fn chunk_bytes(self) -> usize {
        (self.bytes / 64).clamp(1, 64 << 10)
    }
}

/// The lines that are held.
#[derive(Debug)]
pub(crate) struct Ring {
    limits: Limits,
    /// Closed chunks, oldest first.
    closed: VecDeque<Chunk>,
    closed_bytes: usize,
    open: Chunk,
    evicted: u64,
}

impl Ring {
    /// An empty ring.
    pub(crate) fn new(limits: Limits) -> Self {
        let open = Chunk::new(Number::START);
        Self { limits, closed: VecDeque::new(), closed_bytes: 0, open, evicted: 0 }
    }

    /// How much it holds at most.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Adds newer lines. `gone` sees each chunk that has to go for them.
    pub(super) fn push(&mut self, records: impl IntoIterator<Item = Record>, mut gone: impl FnMut(&Chunk)) {
        for record in records {
            self.open.push(record);
            if self.is_full(&self.open) {
                self.close();
            }
            while self.len() > self.limits.lines || self.bytes() > self.limits.bytes {
                let Some(oldest) = self.closed.pop_front() else { break };
                self.closed_bytes -= oldest.bytes();
                self.evicted += oldest.len() as u64;
                gone(&oldest);
            }
        }
    }

    /// Adds lines that are older than all that are held, as far as there is room: the newest of them
    /// first. Says how many that were. Behind lines that went there is no place for older ones.
    pub(super) fn prepend(&mut self, records: Vec<Record>) -> usize {
        if self.evicted > 0 {
            return 0;
        }
        let mut older = VecDeque::new();
        let mut chunk = Chunk::new(Number::START);
        for record in records {
            chunk.push(record);
            if self.is_full(&chunk) {
                older.push_back(std::mem::replace(&mut chunk, Chunk::new(Number::START)));
            }
        }
        older.push_back(chunk);
        let mut added = 0;
        while let Some(mut chunk) = older.pop_back() {
            chunk.close();
            let fits = self.len() + chunk.len() <= self.limits.lines
                && self.bytes() + chunk.bytes() <= self.limits.bytes;
            if !fits {
                break;
            }
            if chunk.len() > 0 {
                added += chunk.len();
                chunk.renumber(self.first().minus(chunk.len() as u64));
                self.closed_bytes += chunk.bytes();
                self.closed.push_front(chunk);
            }
        }
        added
    }

    fn is_full(&self, chunk: &Chunk) -> bool {
        chunk.len() >= self.limits.chunk_lines() || chunk.text_bytes() >= self.limits.chunk_bytes()
    }

    fn close(&mut self) {
        let next = Chunk::new(self.open.end());
        let mut full = std::mem::replace(&mut self.open, next);
        full.close();
        self.closed_bytes += full.bytes();
        self.closed.push_back(full);
    }

    /// The oldest line's number, or where the first line will be.
    pub(super) fn first(&self) -> Number {
        self.closed.front().unwrap_or(&self.open).first()
    }

    /// The number that the next new line gets.
    pub(super) fn end(&self) -> Number {
        self.open.end()
    }

    /// How many lines are held.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.end().since(self.first())).unwrap_or(usize::MAX)
    }

    /// What it all takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.closed_bytes + self.closed.capacity() * size_of::<Chunk>() + self.open.bytes()
    }

    /// How many lines had to go for newer ones.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// All lines, oldest first.
    pub(super) fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'_>> {
        self.closed.iter().chain([&self.open]).flat_map(Chunk::lines)
    }

    /// The line of that number, while it is held.
    pub(super) fn line(&self, number: Number) -> Option<Line<'_>> {
        self.chunk(number).and_then(|chunk| chunk.line(number))
    }

    fn chunk(&self, number: Number) -> Option<&Chunk> {
        if number >= self.open.first() {
            return Some(&self.open);
        }
        let after = self.closed.partition_point(|chunk| chunk.first() <= number);
        self.closed.get(after.checked_sub(1)?)
    }

    /// Errors after that number, oldest first. Chunks without any are passed over.
    pub(super) fn errors_after(&self, number: Number) -> impl Iterator<Item = Line<'_>> {
        let chunks = self.closed.partition_point(|chunk| chunk.end() <= number);
        let chunks = self.closed.range(chunks..).chain([&self.open]).filter(|chunk| chunk.errors() > 0);
        chunks.flat_map(Chunk::lines).filter(move |line| line.is_error() && line.number > number)
    }

    /// Errors before that number, newest first.
    pub(super) fn errors_before(&self, number: Number) -> impl Iterator<Item = Line<'_>> {
        let chunks = self.closed.partition_point(|chunk| chunk.first() < number);
        let chunks = self.closed.range(..chunks).chain([&self.open]).rev().filter(|chunk| chunk.errors() > 0);
        let lines = chunks.flat_map(|chunk| chunk.lines().rev());
        lines.filter(move |line| line.is_error() && line.number < number)
    }
}
