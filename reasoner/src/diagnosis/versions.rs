//! Versions as rules compare them: numbers and dots, and ranges of Python.

use crate::interpreter;

/// The numbers of a version; what stands before the first is left out, and what is no number counts as 0.
fn numbers(text: &str) -> Vec<u64> {
    let start = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
    let whole = start.split([',', ' ', ';']).next().unwrap_or(start);
    whole.split('.').map(|part| digits(part).parse().unwrap_or(0)).collect()
}

/// Whether a version is `floor` or newer.
pub(super) fn at_least(version: &str, floor: &str) -> bool {
    numbers(version) >= numbers(floor)
}

/// Whether the range `a` begins with a newer version than `b`; one that only says `<` counts as older.
pub(super) fn is_newer(a: &str, b: &str) -> bool {
    let below = |range: &str| range.starts_with('<');
    if below(a) != below(b) { below(b) } else { numbers(a) > numbers(b) }
}

/// The part of a range that is nearest to its lower bound: newer releases than were meant may break what
/// wanted at least this one. A range with an upper bound stays as it is.
pub(super) fn nearest(range: &str) -> String {
    let Some(bound) = range.strip_prefix(">=").filter(|bound| !bound.contains([',', '*', '!', '+'])) else {
        return range.to_owned();
    };
    match bound.split_once('.') {
        Some(_) => format!("~={bound}"),
        None => format!("=={bound}.*"),
    }
}

/// The Python that suits a range (`>=3.9,<3.12`); empty when none does.
pub(super) fn python_for(range: &str) -> String {
    let suits = |python: &&str| range.split(',').all(|clause| satisfies(python, clause.trim()));
    interpreter::known().find(suits).map(str::to_owned).unwrap_or_default()
}

fn satisfies(python: &str, clause: &str) -> bool {
    let operator: String = clause.chars().take_while(|c| "<>=!~^".contains(*c)).collect();
    let bound = numbers(clause);
    let python = numbers(python);
    let short = &bound[..bound.len().min(2)];
    match operator.as_str() {
        ">=" | "^" => python.as_slice() >= short,
        "~=" | "~" if bound.len() <= 2 && operator == "~=" => python.as_slice() >= short,
        ">" => python.as_slice() > short || (bound.len() > 2 && python.as_slice() == short),
        "<" => {
            python.as_slice() < short
                || (bound.get(2).is_some_and(|patch| *patch > 0) && python.as_slice() == short)
        }
        "<=" => python.as_slice() <= short,
        "!=" => python.as_slice() != short || bound.len() > 2,
        "==" | "===" | "~=" | "~" | "" => short.len() < 2 || python.as_slice() == short,
        _ => false,
    }
}

/// The majors of Node that a range may name, the one that is preferred first.
const NODES: [u64; 10] = [22, 20, 24, 18, 16, 14, 12, 10, 8, 6];

/// The major of Node that suits a range (`^16 || >=18`, `<=18`, `20.x`); empty when none does.
pub(super) fn node_for(range: &str) -> String {
    let spaced = range.replace("||", "|");
    let suits = |node: &&u64| spaced.split('|').any(|choice| node_in(**node, choice));
    NODES.iter().find(suits).map(u64::to_string).unwrap_or_default()
}

/// Whether some release of a major of Node is in a range without alternatives.
fn node_in(node: u64, choice: &str) -> bool {
    let choice = choice.replace(">= ", ">=").replace("<= ", "<=").replace("> ", ">").replace("< ", "<");
    let words: Vec<&str> = choice.split_whitespace().collect();
    if let [low, "-", high] = words.as_slice() {
        return (first(low)..=first(high)).contains(&node);
    }
    words.iter().all(|word| {
        let operator: String = word.chars().take_while(|c| "<>=^~".contains(*c)).collect();
        let bound = first(word);
        let rest = numbers(word).iter().skip(1).any(|number| *number > 0);
        match operator.as_str() {
            _ if !word.contains(|c: char| c.is_ascii_digit()) => true,
            ">=" => node >= bound,
            ">" => node > bound || (node == bound && word.contains('.')),
            "<" => node < bound || (node == bound && rest),
            "<=" => node <= bound,
            _ => node == bound,
        }
    })
}

fn first(text: &str) -> u64 {
    numbers(text).first().copied().unwrap_or(0)
}

/// The newest Python among the tags of wheels (``cp36m`, `cp39``); empty when there is none.
pub(super) fn python_tagged(tags: &str) -> String {
    let tagged = tags.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(|tag| {
        let digits: String = tag.strip_prefix("cp3")?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    });
    tagged.max().map_or_else(String::new, |minor| format!("3.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(at_least("3.12", "3.9") && at_least("v20.1.0", "20") && at_least("3.12", "3.12"));
        assert!(!at_least("3.9", "3.12") && !at_least("", "1"));
        assert!(is_newer(">=0.35", "==0.14.2") && !is_newer("==1.0", ">=1.2,<2") && is_newer(">=1", "<9"));
    }

    #[test]
    fn a_range_has_the_python_that_is_preferred() {
        for (range, python) in [
            (">=3.9", "3.11"),
            (">=3.12", "3.13"),
            (">=3.8,<3.11", "3.10"),
            ("<3.10,>=3.6", "3.9"),
            ("==3.9.*", "3.9"),
            ("~=3.8", "3.11"),
            (">=3.13.1", "3.13"),
            ("<=3.9.5", "3.9"),
            ("!=3.11,>=3.8", "3.13"),
            ("<3", ""),
            ("", "3.11"),
        ] {
            assert_eq!(python_for(range), python, "{range}");
        }
    }

    #[test]
    fn the_nearest_release_is_of_the_same_series() {
        for (range, near) in [(">=2.2.0", "~=2.2.0"), (">=2", "==2.*"), (">=1,<2", ">=1,<2"), ("<3", "<3")] {
            assert_eq!(nearest(range), near);
        }
    }

    #[test]
    fn a_range_has_the_node_that_is_preferred() {
        for (range, node) in [
            (">=18", "22"),
            ("<=18", "18"),
            ("^16.0.0", "16"),
            ("^14 || ^16", "16"),
            (">=12 <17", "16"),
            ("20.x", "20"),
            ("14 - 18", "18"),
            (">= 10", "22"),
            ("<20.0.0", "18"),
            ("*", "22"),
            ("99", ""),
        ] {
            assert_eq!(node_for(range), node, "{range}");
        }
    }

    #[test]
    fn the_newest_tag_counts() {
        assert_eq!(python_tagged("`cp36m`, `cp37m`, `cp38`, `cp39`"), "3.9");
        assert_eq!(python_tagged("`py2`"), "");
    }
}
