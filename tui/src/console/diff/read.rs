//! Reads the text of `git diff`. How many lines belong to a hunk stands in its head, so that a removed line
//! `-- x` is never taken for the head of a file. What is no diff at all is shown as it is.

use std::ops::Range;

use crate::sanitize;

/// How many rows are read; what comes after is counted.
const MAX_ROWS: usize = 20_000;
/// How much text is kept.
const MAX_BYTES: usize = 4 << 20;

/// A diff.
#[derive(Debug, Default)]
pub(crate) struct Diff {
    text: String,
    rows: Vec<Entry>,
    files: Vec<File>,
    /// How many lines were too many.
    left_out: usize,
}

/// A row, with its place in the text.
#[derive(Debug)]
struct Entry {
    kind: Kind,
    range: Range<usize>,
    /// Its number in the old file and in the new one; 0 where it is not in there.
    numbers: (u32, u32),
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Its number in the old file and in the new one; 0 where it is not in there.
    pub(super) numbers: (u32, u32),
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file begins; the text is its path.
    File,
    /// Something about the file: its mode, that it is binary.
    Note,
    /// A hunk begins; the text says where.
    Hunk,
    /// A line that came.
    Added,
    /// A line that went.
    Removed,
    /// A line that is as before.
    Same,
}

/// A file that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) added: usize,
    pub(super) removed: usize,
    /// Where it begins.
    pub(super) row: usize,
}

impl Diff {
    /// Reads the text of `git diff`; any other text is shown as it is.
    pub(crate) fn read(text: &str) -> Self {
        let mut reader = Reader::default();
        for line in text.lines() {
            reader.line(line);
        }
        reader.diff
    }

    /// How many rows there are, the one that says what was left out included.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn row(&self, index: usize) -> Option<Row<'_>> {
        let row = self.rows.get(index)?;
        Some(Row { kind: row.kind, text: &self.text[row.range.clone()], numbers: row.numbers })
    }

    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// How many lines were too many to be shown.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// How many lines came and went.
    pub(super) fn totals(&self) -> (usize, usize) {
        let add = |(added, removed), file: &File| (added + file.added, removed + file.removed);
        self.files.iter().fold((0, 0), add)
    }

    /// The rows as text, marks before them.
    pub(crate) fn plain(&self) -> String {
        let mut plain = String::new();
        for row in (0..self.len()).filter_map(|index| self.row(index)) {
            plain.push_str(row.kind.mark());
            plain.push_str(row.text);
            plain.push('\n');
        }
        if self.left_out > 0 {
            plain.push_str(&format!("{} more lines are not shown\n", self.left_out));
        }
        plain
    }

    fn push(&mut self, kind: Kind, text: &str, numbers: (u32, u32)) {
        if self.rows.len() >= MAX_ROWS || self.text.len() >= MAX_BYTES {
            self.left_out += 1;
            return;
        }
        let start = self.text.len();
        self.text.push_str(&sanitize::log_line(text));
        self.rows.push(Entry { kind, range: start..self.text.len(), numbers });
    }
}

impl Kind {
    /// What stands before the row in a text.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::File => "=== ",
            Self::Note => "    ",
            Self::Hunk => "@@ ",
            Self::Added => "+",
            Self::Removed => "-",
            Self::Same => " ",
        }
    }
}

/// Where reading stands.
#[derive(Debug, Default)]
struct Reader {
    diff: Diff,
    /// Lines of the hunk that are still to come, of the old file and of the new one.
    left: (u32, u32),
    /// The numbers that they will have.
    next: (u32, u32),
}

impl Reader {
    fn line(&mut self, line: &str) {
        if self.left != (0, 0) || line.starts_with('\\') {
            return self.hunk_line(line);
        }
        if let Some(names) = line.strip_prefix("diff --git ") {
            return self.file(names);
        }
        if let Some(hunk) = line.strip_prefix("@@ ").and_then(Hunk::read) {
            (self.left, self.next) = (hunk.counts, hunk.starts);
            return self.diff.push(Kind::Hunk, hunk.text, (hunk.starts.0, hunk.starts.1));
        }
        self.head_line(line);
    }

    fn file(&mut self, names: &str) {
        // Both names are the same but for renames, which say so below; a name may have spaces.
        let path = names.rsplit_once(" b/").map_or(names, |(_, path)| path).trim_matches('"');
        let row = self.diff.rows.len();
        self.diff.push(Kind::File, path, (0, 0));
        self.diff.files.push(File { path: sanitize::log_line(path), added: 0, removed: 0, row });
    }

    /// Of a file's head only what the path does not say already is shown.
    fn head_line(&mut self, line: &str) {
        let is_known = ["index ", "--- ", "+++ ", "similarity ", "dissimilarity ", "rename to ", "copy to "];
        let in_head = !self.diff.files.is_empty();
        if in_head && (line.is_empty() || is_known.iter().any(|start| line.starts_with(start))) {
            return;
        }
        self.diff.push(if in_head { Kind::Note } else { Kind::Same }, line, (0, 0));
    }

    fn hunk_line(&mut self, line: &str) {
        let (mark, text) = line.split_at_checked(1).unwrap_or((line, ""));
        let (kind, old, new) = match mark {
            "+" => (Kind::Added, 0, 1),
            "-" => (Kind::Removed, 1, 0),
            "\\" => return self.diff.push(Kind::Note, text.trim_start(), (0, 0)),
            _ => (Kind::Same, 1, 1),
        };
        let numbers = (self.next.0 * old, self.next.1 * new);
        self.next = (self.next.0.saturating_add(old), self.next.1.saturating_add(new));
        self.left = (self.left.0.saturating_sub(old), self.left.1.saturating_sub(new));
        if let Some(file) = self.diff.files.last_mut() {
            file.added += usize::from(kind == Kind::Added);
            file.removed += usize::from(kind == Kind::Removed);
        }
        self.diff.push(kind, text, numbers);
    }
}

/// The head of a hunk: `-12,3 +12,4 @@ fn main() {`.
struct Hunk<'a> {
    starts: (u32, u32),
    counts: (u32, u32),
    text: &'a str,
}

impl<'a> Hunk<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (ranges, about) = text.split_once(" @@")?;
        let (old, new) = ranges.strip_prefix('-')?.split_once(" +")?;
        let range = |text: &str| -> Option<(u32, u32)> {
            let (start, count) = text.split_once(',').unwrap_or((text, "1"));
            Some((start.parse().ok()?, count.parse().ok()?))
        };
        let ((old_start, old_count), (new_start, new_count)) = (range(old)?, range(new)?);
        let text = if about.trim().is_empty() { ranges } else { about.trim_start() };
        Some(Self { starts: (old_start, new_start), counts: (old_count, new_count), text })
    }
}
