//! What a resource is made of: fields that the sentence names, or the usual ones of its noun.

use codegod_protocol::intent::{Field, FieldKind, Resource};

use super::claims::{Claims, State};
use super::names;
use super::resources::Kept;
use super::tables::tables;
use super::words::Gap;

/// The most fields a resource gets; more are left as not covered.
pub(super) const MOST: usize = 20;

/// How sure it is that fields follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    /// In brackets.
    Bracketed,
    /// "each with", "that have".
    Each,
    /// "with": only well-known words of fields count.
    Maybe,
}

/// Reads and claims the fields named from word `at` on for the resource `name` (after "each": for all
/// since `list_start`). Gives the first word it did not read.
pub(super) fn read(
    claims: &mut Claims<'_>,
    at: usize,
    kept: &mut [Kept],
    list_start: usize,
    name: &str,
) -> usize {
    let Some((announced, from)) = announced(claims, at) else { return at };
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut place = from;
    while let Some((first, end)) = item(claims, place, announced, found.is_empty()) {
        let words: Vec<String> = claims.words[first..end].iter().map(|word| word.lower.clone()).collect();
        if found.len() < MOST && names::field_name(&words).is_some() {
            claims.take(first, end, format!("field of {}", names::label(name).to_lowercase()));
            found.push(words);
        } else {
            claims.mark(first, end, State::Left);
        }
        place = end;
    }
    if found.is_empty() {
        return at;
    }
    claims.mark(at, from, State::Stop);
    let all = announced == Announced::Each && claims.is_one_of(at, &["each", "every", "all"]);
    for (index, one) in kept.iter_mut().enumerate() {
        if one.name == name || (all && index >= list_start) {
            one.fields.clone_from(&found);
        }
    }
    place
}

/// What announces fields at word `at`, and where they start.
fn announced(claims: &Claims<'_>, at: usize) -> Option<(Announced, usize)> {
    let word = claims.words.get(at)?;
    if word.gap == Gap::Opened {
        return Some((Announced::Bracketed, at));
    }
    if word.gap == Gap::Sentence {
        return None;
    }
    let mut place = at;
    while claims.is_one_of(place, &["each", "every", "all", "one", "that", "which", "where", "of", "them"])
        && place - at < 4
    {
        place += 1;
    }
    if !claims.is_one_of(place, &["with", "has", "have", "having", "containing", "including"]) {
        return None;
    }
    let sure = place > at || !claims.is_one_of(place, &["with", "including"]);
    Some((if sure { Announced::Each } else { Announced::Maybe }, place + 1))
}

/// The words of the next field from word `at` on.
fn item(claims: &Claims<'_>, at: usize, announced: Announced, first_item: bool) -> Option<(usize, usize)> {
    let mut first = at;
    let ended = |place: usize| match claims.words.get(place).map(|word| word.gap) {
        None | Some(Gap::Closed | Gap::Sentence) => true,
        Some(Gap::Opened) => !(first_item && place == at),
        Some(Gap::Joined | Gap::Item) => false,
    };
    if ended(first) {
        return None;
    }
    let separate = first == at && (first_item || claims.words[first].gap == Gap::Item);
    while claims.is_one_of(first, &["a", "an", "the", "and", "its", "their", "optional", "or", "plus"])
        && !(first > at && ended(first))
    {
        first += 1;
    }
    if !(separate || first > at) || (first > at && ended(first)) {
        return None;
    }
    let mut end = first;
    while end - first < 4
        && usable(claims, end)
        && (end == first || (!ended(end) && claims.words[end].gap == Gap::Joined))
    {
        end += 1;
    }
    let head = &claims.words.get(end.checked_sub(1)?)?.lower;
    let known = tables().nouns.field_kinds.contains_key(head);
    let fits = end > first
        && match announced {
            Announced::Bracketed => true,
            Announced::Each => known || !names::is_plural(head),
            Announced::Maybe => known,
        };
    fits.then_some((first, end))
}

/// Whether a word may be part of a field's name.
fn usable(claims: &Claims<'_>, at: usize) -> bool {
    match claims.states.get(at) {
        Some(State::Open) => true,
        Some(State::Stop) => tables().nouns.field_kinds.contains_key(&claims.words[at].lower),
        Some(State::Taken | State::Left) | None => false,
    }
}

/// The resource of a kept thing, with references to the other things kept.
pub(super) fn resource(kept: &Kept, all: &[Kept]) -> Resource {
    let plural = names::plural_name(&kept.name);
    let mut fields: Vec<Field> = Vec::new();
    let mut add = |field: Field| {
        if fields.len() < MOST && !fields.iter().any(|other| other.name == field.name) {
            fields.push(field);
        }
    };
    if kept.fields.is_empty() {
        let usual = ["name:text!".to_owned(), "description:long_text".to_owned()];
        let rows = tables().nouns.nouns.get(&kept.name).map_or(&usual[..], Vec::as_slice);
        rows.iter().filter_map(|row| from_row(row, all)).for_each(&mut add);
    } else {
        kept.fields.iter().filter_map(|words| from_words(words, &kept.name, all)).for_each(&mut add);
    }
    name_first(&mut fields);
    Resource {
        label: names::label(&kept.name),
        label_plural: names::label(&plural),
        class_name: names::class_name(&kept.name),
        name: kept.name.clone(),
        plural,
        fields,
    }
}

/// Puts a required text first, that names the thing.
fn name_first(fields: &mut Vec<Field>) {
    let naming = fields.iter().position(|field| field.kind == FieldKind::Text);
    let mut first = match naming {
        Some(place) => fields.remove(place),
        None => Field {
            name: "name".into(),
            label: "Name".into(),
            kind: FieldKind::Text,
            required: true,
            references: None,
        },
    };
    first.required = true;
    fields.insert(0, first);
    fields.truncate(MOST);
}

/// A field of `nouns.toml`; none if it refers to something that is not kept.
fn from_row(row: &str, all: &[Kept]) -> Option<Field> {
    if let Some(other) = row.strip_prefix('@') {
        return all.iter().any(|kept| kept.name == other).then(|| reference(other));
    }
    let (name, kind) = row.split_once(':')?;
    let (kind, required) = kind.strip_suffix('!').map_or((kind, false), |kind| (kind, true));
    // The table's kinds are the protocol's words for them.
    let kind = serde_json::from_value(serde_json::Value::from(kind)).ok()?;
    Some(Field { name: name.to_owned(), label: names::label(name), kind, required, references: None })
}

/// A field that the sentence names.
fn from_words(words: &[String], owner: &str, all: &[Kept]) -> Option<Field> {
    if let Some(other) = names::resource_name(words)
        .filter(|other| other != owner && all.iter().any(|kept| kept.name == *other))
    {
        return Some(reference(&other));
    }
    let name = names::field_name(words)?;
    let kind = words
        .last()
        .and_then(|head| tables().nouns.field_kinds.get(head))
        .copied()
        .unwrap_or(FieldKind::Text);
    let label = names::label(&names::snake(words)?);
    Some(Field { name, label, kind, required: false, references: None })
}

fn reference(other: &str) -> Field {
    Field {
        name: format!("{other}_id"),
        label: names::label(other),
        kind: FieldKind::Reference,
        required: false,
        references: Some(other.to_owned()),
    }
}
