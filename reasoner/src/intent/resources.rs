//! The second pass: nouns that are plausibly things an app keeps.
//!
//! A noun counts only with evidence: it is a plural in the right surroundings ("with todos", "for
//! books and authors"), it follows a verb of keeping ("track inventory"), it stands before a word for
//! something that keeps it ("expense tracker"), or it is well known and names the app ("todo app").
//! Everything else stays open and ends up as not covered.

use super::claims::{Claims, State};
use super::fields;
use super::names;
use super::scan::Findings;
use super::tables::tables;
use super::words::Gap;

/// The most resources an app gets; more are left as not covered.
pub(super) const MOST: usize = 12;

/// One thing to keep, as the sentence names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// Singular, snake case.
    pub name: String,
    /// The fields that the sentence names: words of each. Empty: the usual ones.
    pub fields: Vec<Vec<String>>,
}

/// Finds and claims what is to be kept.
pub(super) fn find(claims: &mut Claims<'_>, findings: &Findings) -> Vec<Kept> {
    let mut kept: Vec<Kept> = Vec::new();
    let mut implied = findings.implied.iter().peekable();
    let mut list_start = 0;
    let mut at = 0;
    while at < claims.words.len() {
        if let Some((first, end, names)) = implied.next_if(|(first, _, _)| *first <= at) {
            take_implied(claims, &mut kept, (*first, *end), names);
            at = (*end).max(at + 1);
            continue;
        }
        let Some(noun) = noun_at(claims, findings, at) else {
            at += 1;
            continue;
        };
        let continues = at > 0 && follows_resource(claims, at);
        if !continues {
            list_start = kept.len();
        }
        if !add(&mut kept, &noun.name) {
            claims.mark(noun.first, noun.end, State::Left);
            at = noun.end;
            continue;
        }
        claims.take(
            noun.first,
            noun.end,
            format!("keeps: {}", names::label(&names::plural_name(&noun.name)).to_lowercase()),
        );
        at = fields::read(claims, noun.end, &mut kept, list_start, &noun.name);
    }
    kept
}

struct Noun {
    name: String,
    first: usize,
    end: usize,
}

/// Whether the word before `at` (but for "and") was the last of a resource.
fn follows_resource(claims: &Claims<'_>, at: usize) -> bool {
    let mut before = at - 1;
    while before > 0 && claims.is_one_of(before, &["and", "or", "plus", "their", "as", "well"]) {
        before -= 1;
    }
    claims.states[before] == State::Taken && claims.words[at].gap != Gap::Sentence
}

fn take_implied(
    claims: &mut Claims<'_>,
    kept: &mut Vec<Kept>,
    (first, end): (usize, usize),
    implied: &[String],
) {
    let mut taken = Vec::new();
    for name in implied {
        if add(kept, name) {
            taken.push(names::label(&names::plural_name(name)).to_lowercase());
        }
    }
    if taken.is_empty() {
        claims.mark(first, end, State::Left);
    } else {
        claims.explain(first, end, format!("keeps: {}", taken.join(", ")));
    }
}

/// Adds a resource unless it is there; false if there are too many.
fn add(kept: &mut Vec<Kept>, name: &str) -> bool {
    if kept.iter().any(|one| one.name == name) {
        return true;
    }
    // Names that only differ in number would share their address.
    let plural = names::plural_name(name);
    if kept.len() == MOST || kept.iter().any(|one| names::plural_name(&one.name) == plural) {
        return false;
    }
    kept.push(Kept { name: name.to_owned(), fields: Vec::new() });
    true
}

/// The noun whose first word is `at`, if it is plausibly something to keep.
fn noun_at(claims: &Claims<'_>, findings: &Findings, at: usize) -> Option<Noun> {
    let open = |place: usize| claims.states.get(place) == Some(&State::Open);
    // A run that is longer than a noun is a phrase nobody knows.
    if !open(at) || (at > 0 && open(at - 1) && claims.words[at].gap == Gap::Joined) {
        return None;
    }
    let mut end = at + 1;
    while open(end) && claims.words[end].gap == Gap::Joined && end - at <= 5 {
        end += 1;
    }
    let words: Vec<String> = claims.words[at..end].iter().map(|word| word.lower.clone()).collect();
    let (trailing, nouns) = split_trailing(claims, &words, end);
    let noun = &words[..nouns];
    if noun.is_empty() || noun.len() > 3 {
        return None;
    }
    let head = noun.last()?;
    let name = list_name(claims, noun, end).or_else(|| names::resource_name(noun))?;
    let known = tables().nouns.nouns.contains_key(&name);
    let surroundings = Surroundings {
        keeping: follows(claims, at, Following::Keeping),
        leading: follows(claims, at, Following::Leading),
        trailing: trailing || nouns < words.len(),
        names_app: findings.side_places.binary_search(&end).is_ok() && claims.words[end].gap == Gap::Joined,
    };
    let end = if trailing { end + 1 } else { end };
    plausible(&surroundings, names::is_plural(head), known).then_some(Noun { name, first: at, end })
}

/// The name of a well-known kind of list ("shopping lists"), where the word list is part of the noun.
fn list_name(claims: &Claims<'_>, noun: &[String], end: usize) -> Option<String> {
    if !claims.is_one_of(end, &["list", "lists"]) {
        return None;
    }
    let name = names::snake(&[noun, &["list".to_owned()]].concat())?;
    tables().nouns.nouns.contains_key(&name).then_some(name)
}

struct Surroundings {
    keeping: bool,
    leading: bool,
    trailing: bool,
    names_app: bool,
}

fn plausible(around: &Surroundings, plural: bool, known: bool) -> bool {
    around.keeping
        || around.trailing
        || (plural && (around.leading || around.names_app))
        || (known && around.names_app)
}

/// Whether a trailing word ("tracker") stands after the run, and how many words of the run come
/// before one inside it.
fn split_trailing(claims: &Claims<'_>, words: &[String], end: usize) -> (bool, usize) {
    let trailing = &tables().words.trailing;
    let outside = claims.words.get(end).is_some_and(|word| {
        word.gap == Gap::Joined && trailing.contains(&word.lower) && claims.states[end] == State::Stop
    });
    let inside = words.last().is_some_and(|last| words.len() > 1 && trailing.contains(last));
    (outside, if inside { words.len() - 1 } else { words.len() })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Following {
    Keeping,
    Leading,
}

/// Whether the words before `at` lead to a thing to keep.
fn follows(claims: &Claims<'_>, at: usize, following: Following) -> bool {
    let tables = tables();
    let mut before = at;
    while before > 0 && claims.words[before].gap != Gap::Sentence {
        before -= 1;
        let word = claims.words[before].lower.as_str();
        match following {
            Following::Leading if tables.words.leading.contains(word) => return true,
            _ if claims.states[before] == State::Stop && tables.words.keeping.contains(word) => return true,
            _ => {}
        }
        if word == "of" && before > 0 {
            let phrase = format!("{} of", claims.words[before - 1].lower);
            return tables.words.keeping.contains(&phrase);
        }
        let passable = claims.is_one_of(
            before,
            &[
                "a",
                "an",
                "the",
                "my",
                "our",
                "their",
                "your",
                "some",
                "all",
                "several",
                "many",
                "various",
                "different",
                "own",
                "new",
                "and",
                "or",
                "personal",
                "simple",
                "small",
            ],
        );
        let listed = claims.states[before] == State::Taken && claims.words[before + 1].gap == Gap::Item;
        if !(passable || (following == Following::Leading && listed)) || at - before > 6 {
            return following == Following::Leading && listed;
        }
    }
    false
}
