//! Making text from outside printable, once, on its way into the store.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::sanitize;

/// The longest line that is kept, in characters.
const LINE: usize = 400;

/// A line for a list: printable, and cut when it is very long.
pub(crate) fn clean_line(text: &str) -> Box<str> {
    // What is far too long is cut first, so that a megabyte on one line costs no more than a line.
    let end = text.char_indices().nth(LINE * 4).map_or(text.len(), |(at, _)| at);
    let line = sanitize::line(&text[..end]);
    match line.char_indices().nth(LINE) {
        Some((at, _)) => format!("{}…", &line[..at]).into(),
        None => line.into(),
    }
}

/// The same thing with every text in it printable; lines stay lines. Our own words are printable already, so
/// that what is cleaned still is what it was; were it not, there would be nothing.
pub(crate) fn clean<T: Serialize + DeserializeOwned>(thing: &T) -> Option<T> {
    let mut value = serde_json::to_value(thing).ok()?;
    walk(&mut value);
    serde_json::from_value(value).ok()
}

fn walk(value: &mut Value) {
    match value {
        Value::String(text) if is_suspect(text) => {
            *text = sanitize::lines(text).collect::<Vec<_>>().join("\n");
        }
        Value::Array(all) => all.iter_mut().for_each(walk),
        Value::Object(all) => {
            if all.keys().any(|key| is_suspect(key)) {
                let entries = std::mem::take(all).into_iter();
                *all = entries.map(|(key, value)| (sanitize::line(&key), value)).collect();
            }
            all.values_mut().for_each(walk);
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_suspect(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || !c.is_ascii())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use codegod_protocol::evidence::Evidence;

    use super::*;

    #[test]
    fn everything_that_was_printed_is_made_printable_line_by_line() {
        let evidence = Evidence {
            command: "cat \u{1b}[31mx".to_owned(),
            exit_code: 0,
            output: "one\u{1b}]0;title\u{7}\n10%\r100%\ntwö".to_owned(),
            seconds: 1.5,
            environment: None,
        };
        let expected =
            Evidence { command: "cat x".into(), output: "one\n100%\ntwö".into(), ..evidence.clone() };
        assert_eq!(clean(&evidence), Some(expected));
        let names = BTreeMap::from([("a\u{1b}[2Jb".to_owned(), 1)]);
        assert_eq!(clean(&names), Some(BTreeMap::from([("ab".to_owned(), 1)])));
    }

    #[test]
    fn a_line_of_a_list_is_bounded() {
        assert_eq!(clean_line("a\tb\u{1b}[2J").as_ref(), "a b");
        assert_eq!(clean_line(&"x".repeat(1_000_000)).chars().count(), LINE + 1);
    }
}
