//! YAML as far as a survey needs it: the scalars of a file with the path to each. Anchors, tags and flow
//! collections stay the text they are, so that no file can make this grow, and no file is refused.

/// A scalar with the keys that lead to it; the entries of a list are `#0`, `#1` ….
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    /// The keys, the outermost first.
    pub(super) path: Vec<String>,
    /// Its text; a block keeps its lines.
    pub(super) value: String,
}

/// Every scalar, in order.
pub(super) fn outline(text: &str) -> Vec<Scalar> {
    let mut reader = Reader::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let (indent, content) = indented(line);
        if content.is_empty() || content.starts_with('#') || content.starts_with("---") {
            continue;
        }
        let Some(indicator) = reader.line(indent, content) else { continue };
        let mut block = Vec::new();
        while let Some(next) = lines.next_if(|next| next.trim().is_empty() || indented(next).0 > reader.depth)
        {
            block.push(next);
        }
        reader.block(&block, indicator);
    }
    reader.scalars
}

/// How the lines of a block are joined.
#[derive(Clone, Copy)]
enum Block {
    /// `|`: they stay lines.
    Literal,
    /// `>`: they are words of one line.
    Folded,
}

#[derive(Default)]
struct Reader {
    scalars: Vec<Scalar>,
    /// The open keys with their indents.
    open: Vec<(usize, String)>,
    /// The indent of the key whose scalar came last.
    depth: usize,
}

impl Reader {
    /// Takes a line; gives how the block is joined that follows it, if one does.
    fn line(&mut self, mut indent: usize, mut content: &str) -> Option<Block> {
        while let Some(rest) = content.strip_prefix("- ").or_else(|| (content == "-").then_some("")) {
            self.close(indent, |at, key| at > indent || (at == indent && key.starts_with('#')));
            let before = self.last_number();
            self.open.push((indent, format!("#{before}")));
            self.depth = indent;
            let (more, inner) = indented(rest);
            indent += 2 + more;
            content = inner;
        }
        let Some((key, value)) = entry(content) else {
            self.plain(indent, content);
            return None;
        };
        self.close(indent, |at, _| at >= indent);
        self.open.push((indent, key.to_owned()));
        self.depth = indent;
        let block = match value.chars().next() {
            Some('|') => Some(Block::Literal),
            Some('>') => Some(Block::Folded),
            _ => None,
        };
        if block.is_some() || !value.is_empty() {
            self.scalar(if block.is_some() { "" } else { unquoted(value) });
        }
        block
    }

    fn close(&mut self, _indent: usize, closes: impl Fn(usize, &str) -> bool) {
        while self.open.last().is_some_and(|(at, key)| closes(*at, key)) {
            self.open.pop();
        }
    }

    /// The number of the next entry of the list that the open keys lead to.
    fn last_number(&self) -> usize {
        let depth = self.open.len();
        let last = self.scalars.iter().rev().find(|scalar| {
            scalar.path.len() > depth
                && scalar.path.iter().zip(&self.open).all(|(key, (_, open))| key == open)
        });
        let number = last.and_then(|scalar| scalar.path.get(depth)?.strip_prefix('#')?.parse::<usize>().ok());
        number.map_or(0, |number| number.saturating_add(1))
    }

    /// An entry of a list, or more of the scalar before.
    fn plain(&mut self, indent: usize, content: &str) {
        if self.open.last().is_some_and(|(at, key)| key.starts_with('#') && *at < indent)
            && self.scalars.last().is_none_or(|last| !self.leads_to(last))
        {
            self.scalar(unquoted(content));
        } else if let Some(last) = self.scalars.last_mut() {
            last.value.push(' ');
            last.value.push_str(content);
        }
    }

    fn leads_to(&self, scalar: &Scalar) -> bool {
        scalar.path.len() == self.open.len()
            && scalar.path.iter().zip(&self.open).all(|(key, (_, open))| key == open)
    }

    fn scalar(&mut self, value: &str) {
        let path = self.open.iter().map(|(_, key)| key.clone()).collect();
        self.scalars.push(Scalar { path, value: value.to_owned() });
    }

    fn block(&mut self, lines: &[&str], block: Block) {
        let Some(scalar) = self.scalars.last_mut() else { return };
        let texts = lines.iter().map(|line| line.trim());
        scalar.value = match block {
            Block::Literal => texts.collect::<Vec<_>>().join("\n"),
            Block::Folded => texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" "),
        };
    }
}

fn indented(line: &str) -> (usize, &str) {
    let content = line.trim_start_matches(' ');
    (line.len() - content.len(), content.trim_end())
}

/// `key: value` with its key bare.
fn entry(content: &str) -> Option<(&str, &str)> {
    let (key, value) = match content.strip_suffix(':') {
        Some(key) if !key.contains(": ") => (key, ""),
        _ => content.split_once(": ")?,
    };
    let bare = unquoted(key.trim());
    (!bare.is_empty() && !key.starts_with(['{', '[', '|', '>'])).then(|| (bare, value.trim()))
}

/// A scalar without its quotes, or without the comment behind it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|rest| rest.rsplit_once(quote)) {
            return inner;
        }
    }
    value.split_once(" #").map_or(value, |(value, _)| value).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        outline(text).iter().map(|scalar| format!("{} = {:?}", scalar.path.join("/"), scalar.value)).collect()
    }

    #[test]
    fn scalars_are_found_with_their_paths() {
        let text = "on: [push]\njobs:\n  test:\n    env:\n      A: 'x y' # why\n    steps:\n    - uses: a\n      with:\n        v: 1\n    - name: T\n      run: |\n        pip install -e .\n\n        pytest\n      working-directory: b\n    - run: >-\n        one\n        two\nscript:\n  - first\n  - \"second\"\n";
        assert_eq!(
            read(text),
            [
                "on = \"[push]\"",
                "jobs/test/env/A = \"x y\"",
                "jobs/test/steps/#0/uses = \"a\"",
                "jobs/test/steps/#0/with/v = \"1\"",
                "jobs/test/steps/#1/name = \"T\"",
                "jobs/test/steps/#1/run = \"pip install -e .\\n\\npytest\"",
                "jobs/test/steps/#1/working-directory = \"b\"",
                "jobs/test/steps/#2/run = \"one two\"",
                "script/#0 = \"first\"",
                "script/#1 = \"second\"",
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[-#:|> a'\"\\n\\[{é]{0,200}") {
            let scalars = outline(&text);
            proptest::prop_assert!(scalars.len() <= text.lines().count() + 1);
        }
    }
}
