//! A package.json written back as its author writes it: indentation, line ends and the end of the file stay.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The text of a manifest in the manner of the text that it had.
pub(super) fn written(manifest: &Value, before: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let indent = indentation(before);
    let mut text = Vec::with_capacity(before.len());
    manifest.serialize(&mut Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(indent)))?;
    if before.is_empty() || before.ends_with(b"\n") {
        text.push(b'\n');
    }
    if before.windows(2).any(|pair| pair == b"\r\n") {
        text = text
            .into_iter()
            .flat_map(|byte| if byte == b'\n' { vec![b'\r', byte] } else { vec![byte] })
            .collect();
    }
    Ok(text)
}

/// What the first indented line begins with.
fn indentation(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let lines = text.split(|byte| *byte == b'\n');
    let mut starts = lines.map(|line| {
        let end = line.iter().position(|byte| !blank(byte)).unwrap_or(0);
        line.get(..end).unwrap_or_default()
    });
    starts.find(|start| !start.is_empty()).unwrap_or(b"  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_changed_stays_to_the_byte() {
        let texts = [
            "{\n  \"name\": \"x\",\n  \"files\": [\n    \"a\"\n  ]\n}\n",
            "{\n\t\"name\": \"x\"\n}",
            "{\r\n    \"name\": \"x\"\r\n}\r\n",
        ];
        for text in texts {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(String::from_utf8(written(&value, text.as_bytes()).unwrap()).unwrap(), text);
        }
    }
}
