//! What a Dockerfile builds on: the images of its FROM lines.

use std::collections::BTreeMap;

/// The images that a Dockerfile begins its stages with, each once; stages of its own and `scratch`
/// are left out. `args` override the defaults of ARG lines.
pub(super) fn base_images(dockerfile: &str, args: &BTreeMap<String, String>) -> Vec<String> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut stages: Vec<String> = Vec::new();
    let mut images: Vec<String> = Vec::new();
    for line in dockerfile.replace("\\\n", " ").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [word, rest @ ..] if word.eq_ignore_ascii_case("arg") => {
                for (name, default) in rest.iter().filter_map(|pair| pair.split_once('=')) {
                    let value = args.get(name).map_or(default.trim_matches(['"', '\'']), String::as_str);
                    known.insert(name.to_owned(), value.to_owned());
                }
            }
            [word, rest @ ..] if word.eq_ignore_ascii_case("from") => {
                let mut rest = rest.iter().filter(|word| !word.starts_with("--"));
                let Some(image) = rest.next().map(|image| substitute(image, &known)) else { continue };
                if image != "scratch" && !stages.contains(&image.to_lowercase()) && !images.contains(&image) {
                    images.push(image);
                }
                if let (Some(word), Some(stage)) = (rest.next(), rest.next())
                    && word.eq_ignore_ascii_case("as")
                {
                    stages.push(stage.to_lowercase());
                }
            }
            _ => {}
        }
    }
    images
}

/// Replaces `$name`, `${name}` and `${name:-default}`.
fn substitute(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let (name, default, remaining) = match after.strip_prefix('{').and_then(|a| a.split_once('}')) {
            Some((inside, remaining)) => {
                let (name, default) = inside.split_once(":-").unwrap_or((inside, ""));
                (name, default, remaining)
            }
            None => {
                let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], "", &after[end..])
            }
        };
        result.push_str(known.get(name).map_or(default, String::as_str));
        rest = remaining;
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_and_own_stages_are_not() {
        let text = "ARG PY=3.11\nARG NODE\nFROM --platform=linux/amd64 python:${PY}-slim AS Base\n\
                    FROM node:${NODE:-22}-slim as web\nFROM base\nCOPY --from=web /a /b\nFROM scratch\nfrom $X/y";
        let args = BTreeMap::from([("PY".to_owned(), "3.12".to_owned())]);
        assert_eq!(base_images(text, &args), ["python:3.12-slim", "node:22-slim", "/y"]);
        assert_eq!(base_images(text, &BTreeMap::new())[0], "python:3.11-slim");
    }
}
