//! Names that are safe in Python, JavaScript, SQL and addresses.

use pluralizer::pluralize;

use super::tables::tables;

/// The longest name, in characters.
const LONGEST: usize = 40;

/// The singular of an English noun; the word itself if it has none or is not plain ASCII.
pub(super) fn singular(word: &str) -> String {
    in_number(word, 1)
}

/// The plural of an English noun.
pub(super) fn plural(word: &str) -> String {
    in_number(word, 2)
}

fn in_number(word: &str, count: isize) -> String {
    let plain =
        !word.is_empty() && word.len() <= LONGEST && word.bytes().all(|byte| byte.is_ascii_lowercase());
    if plain { pluralize(word, count, false) } else { word.to_owned() }
}

/// Whether a word is a plural ("books"), not a singular that looks like one ("status", "news").
pub(super) fn is_plural(word: &str) -> bool {
    let one = singular(word);
    one != word && plural(&one) == word
}

/// Words as snake case: only `a-z`, `0-9` and `_`, starting with a letter; none if no letter is left.
pub(super) fn snake(words: &[String]) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut length = 0;
    for word in words {
        if !word.chars().all(|mark| mark.is_ascii_alphanumeric() || matches!(mark, '\'' | '+' | '#')) {
            return None;
        }
        let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        length += plain.len() + 1;
        if length > LONGEST {
            break;
        }
        if !plain.is_empty() {
            parts.push(plain.to_ascii_lowercase());
        }
    }
    let name = parts.join("_");
    let name = name.trim_start_matches(|mark: char| !mark.is_ascii_lowercase());
    (!name.is_empty()).then(|| name.to_owned())
}

/// The name of a resource from its words: singular, never reserved.
pub(super) fn resource_name(words: &[String]) -> Option<String> {
    let (last, front) = words.split_last()?;
    let mut words = front.to_vec();
    words.push(singular(last));
    let name = snake(&words)?;
    let reserved = &tables().reserved.words;
    let clashes = reserved.contains(&name) || reserved.contains(&plural_name(&name));
    Some(if clashes { format!("{name}_item") } else { name })
}

/// The plural of a resource's name, never the same as the name.
pub(super) fn plural_name(name: &str) -> String {
    let (front, last) = name.rsplit_once('_').map_or(("", name), |(front, last)| (front, last));
    let last = plural(last);
    let joined = if front.is_empty() { last } else { format!("{front}_{last}") };
    if joined == name { format!("{name}_records") } else { joined }
}

/// The name of a field from its words, never reserved and never `id`.
pub(super) fn field_name(words: &[String]) -> Option<String> {
    let name = snake(words)?;
    let reserved = &tables().reserved;
    let clashes = reserved.words.contains(&name) && !reserved.field_may.contains(&name);
    Some(if clashes { format!("{name}_value") } else { name })
}

/// `shopping_list` → `Shopping list`.
pub(super) fn label(name: &str) -> String {
    let name = match name {
        "isbn" => "ISBN".to_owned(),
        "url" => "URL".to_owned(),
        "sku" => "SKU".to_owned(),
        other => other.replace('_', " "),
    };
    let mut marks = name.chars();
    marks.next().map_or_else(String::new, |first| first.to_uppercase().chain(marks).collect())
}

/// `shopping_list` → `ShoppingList`.
pub(super) fn class_name(name: &str) -> String {
    name.split('_').map(label_part).collect()
}

fn label_part(part: &str) -> String {
    let mut marks = part.chars();
    marks.next().map_or_else(String::new, |first| first.to_uppercase().chain(marks).collect())
}

/// `recipe_keeper` → `Recipe Keeper`.
pub(super) fn title(name: &str) -> String {
    name.split(['_', '-', ' ']).map(label_part).collect::<Vec<_>>().join(" ")
}
