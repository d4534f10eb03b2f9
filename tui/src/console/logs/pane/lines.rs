//! Lines on their way into a pane: new ones, earlier ones, and those that it may have already.

use std::collections::HashMap;

use codegod_protocol::id::AgentId;

use super::{Ask, Cut, Head, Older, Pane, Place, Rest, Wrap};
use crate::console::logs::record::{Level, Line, Record};
use crate::console::logs::wrap;
use crate::text::{time_of_day, utc_offset_seconds};

/// When the newest or the oldest line of each agent was written, and how many it wrote at that moment.
type Edge = HashMap<AgentId, (u64, usize)>;

impl Pane {
    /// Takes newer lines in. A picture that stands still stays as it is, also when its lines have to go.
    pub(crate) fn push(&mut self, records: impl IntoIterator<Item = Record>) {
        let mut room = self.room_for_kept();
        let stop = self.stop().copied();
        let (top, columns) = (self.top(self.size.get()).line, self.columns(self.size.get()).text);
        let Self { ring, lens, kept, kept_cut, wrap, .. } = self;
        ring.push(records, |chunk| {
            let Some(stop) = stop.filter(|_| *kept_cut == Cut::No) else { return };
            let stays = |line: &Line<'_>| line.number >= top && stop.has(line.number);
            for line in chunk.lines().filter(|line| stays(line) && lens.shows(line)) {
                if room == 0 {
                    *kept_cut = Cut::Yes;
                    return;
                }
                room = room.saturating_sub(match wrap {
                    Wrap::On => wrap::count(line.text, columns),
                    Wrap::Off => 1,
                });
                kept.push(line.into());
            }
        });
        self.work();
    }

    /// Takes newer lines in. Returns those that are shown, to be printed.
    pub(crate) fn push_printed(&mut self, records: Vec<Record>) -> Vec<String> {
        let from = self.ring.end();
        self.push(records);
        let held = self.ring.lines().rev().take_while(|line| line.number >= from);
        let mut lines: Vec<String> =
            held.filter(|line| self.lens.shows(line)).map(|line| printed(&line)).collect();
        lines.reverse();
        lines
    }

    /// The last lines that are shown, at most `count` of them, to be printed.
    pub(crate) fn lines_to_print(&self, count: usize) -> Vec<String> {
        let shown = self.ring.lines().rev().filter(|line| self.lens.shows(line));
        let mut lines: Vec<String> = shown.take(count).map(|line| printed(&line)).collect();
        lines.reverse();
        lines
    }

    /// Takes in the newest lines there are, some of which may be held already: the log was not on the screen for
    /// a while. Where lines are missing in between, a line says so.
    pub(crate) fn push_again(&mut self, records: Vec<Record>) {
        let mut newest = edge(self.ring.lines().rev());
        let came = records.len();
        let is_new = |record: &Record| match newest.get_mut(&record.agent) {
            Some((ms, _)) if record.ms < *ms => false,
            Some((ms, count)) if record.ms == *ms && *count > 0 => {
                *count -= 1;
                false
            }
            Some(_) | None => true,
        };
        let new: Vec<Record> = records.into_iter().filter(is_new).collect();
        let is_missing = self.ring.len() > 0 && new.len() == came;
        let missing = new.first().filter(|_| is_missing).map(|first| Record {
            level: Level::Warning,
            text: "lines before this were not read: the log was not shown; codegod logs shows them"
                .to_owned(),
            ..first.clone()
        });
        self.push(missing.into_iter().chain(new));
    }

    /// Takes older lines in, but for those that are held already. `rest` says whether there are even older ones.
    pub(crate) fn prepend(&mut self, mut records: Vec<Record>, rest: Rest) -> Option<Ask> {
        let came = records.len();
        let mut oldest = edge(self.ring.lines());
        let mut is_older: Vec<bool> =
            records.iter().rev().map(|record| is_before(record, &mut oldest)).collect();
        records.retain(|_| is_older.pop().unwrap_or(true));
        let older = records.len();
        let taken = self.ring.prepend(records);
        let to_beginning = self.older == Older::AskedForAll;
        self.older = match rest {
            _ if taken < older => Older::NoRoom,
            Rest::None => Older::Beginning,
            Rest::Some if to_beginning => Older::AskedForAll,
            // All of them were known: those before them are meant.
            Rest::Some if older == 0 && came > 0 => Older::Asked,
            Rest::Some => Older::Unknown,
        };
        self.work();
        if let Place::Stopped(stop) = &mut self.place
            && taken > 0
        {
            stop.top.head = Head::Above;
        }
        if to_beginning && self.stop().is_some() {
            self.stop_at(self.beginning());
        }
        matches!(self.older, Older::AskedForAll | Older::Asked).then_some(Ask::Older)
    }

    /// How many rows of a stopped picture are not yet covered by lines that are kept for it.
    fn room_for_kept(&self) -> usize {
        let size = self.size.get();
        let Place::Stopped(stop) = &self.place else { return 0 };
        let used: usize = self.kept.iter().map(|kept| self.count(&kept.line(), size)).sum();
        (usize::from(size.rows) + stop.top.row).saturating_sub(used)
    }
}

/// A line as it is printed: like those of `codegod logs`.
fn printed(line: &Line<'_>) -> String {
    let clock = time_of_day(line.ms, utc_offset_seconds());
    let bad = if line.level >= Level::Warning { format!("{}: ", line.level) } else { String::new() };
    format!("{clock} {:<15} {bad}{}", line.agent.to_string(), line.text)
}

/// The first line of each agent in that order.
fn edge<'a>(lines: impl Iterator<Item = Line<'a>>) -> Edge {
    let mut edge = Edge::new();
    for line in lines {
        match edge.get_mut(line.agent) {
            Some((ms, count)) if *ms == line.ms => *count += 1,
            Some(_) => {}
            None => {
                edge.insert(line.agent.clone(), (line.ms, 1));
            }
        }
    }
    edge
}

/// Whether the record comes before all lines of its agent that are held.
fn is_before(record: &Record, oldest: &mut Edge) -> bool {
    match oldest.get_mut(&record.agent) {
        Some((ms, _)) if record.ms > *ms => false,
        Some((ms, count)) if record.ms == *ms && *count > 0 => {
            *count -= 1;
            false
        }
        Some(_) | None => true,
    }
}
