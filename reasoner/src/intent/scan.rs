//! The first pass over the sentence: known phrases, from left to right, with what negates them.

use codegod_protocol::intent::FeatureKind;

use super::claims::{Claims, State};
use super::lexicon::{Lexicon, Meaning, SideWord, side_label};
use super::tables::tables;
use super::vocabulary::Vocabulary;
use super::words::Gap;
use crate::playbook::schema::Side;

/// What the known phrases of a sentence say.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The chosen technologies, as places in the vocabulary.
    pub backend: Option<usize>,
    pub frontend: Option<usize>,
    /// The chosen database.
    pub database: Option<String>,
    /// Technologies hinted at.
    pub hints: Vec<usize>,
    /// Technologies that must not be used.
    pub excluded: Vec<usize>,
    /// Features asked for.
    pub features: Vec<FeatureKind>,
    /// Features ruled out.
    pub refused: Vec<FeatureKind>,
    /// Words for sides.
    pub sides: Vec<SideWord>,
    /// Sides ruled out.
    pub no_sides: Vec<SideWord>,
    /// Subjects that imply what is kept: first word, end, names.
    pub implied: Vec<(usize, usize, &'static [String])>,
    /// Limits, as written.
    pub constraints: Vec<String>,
    /// Words for sides, to know what stands before them.
    pub side_places: Vec<usize>,
}

/// Claims every known phrase.
pub(super) fn scan(claims: &mut Claims<'_>, vocabulary: &Vocabulary) -> Findings {
    let lexicon = Lexicon::new(vocabulary);
    let mut findings = Findings::default();
    let mut negation: Option<usize> = None;
    let mut at = 0;
    while at < claims.words.len() {
        if claims.words[at].gap == Gap::Sentence {
            negation = None;
        }
        if claims.states[at] == State::Taken {
            // The app's own name means nothing else.
            negation = None;
            at += 1;
            continue;
        }
        let Some((length, meaning)) = lexicon.find(&claims.words, at) else {
            if let Some(from) = negation.take() {
                leave_negated(claims, &lexicon, from, at);
            }
            at += 1;
            continue;
        };
        let end = at + length;
        match (meaning, negation) {
            (Meaning::Negation, _) => {
                claims.mark(at, end, State::Stop);
                negation = Some(at);
            }
            (Meaning::Stop, _) => {
                claims.mark(at, end, State::Stop);
                if !claims.is_one_of(
                    at,
                    &[
                        "a", "an", "the", "any", "or", "and", "nor", "use", "using", "need", "either", "it",
                        "as",
                    ],
                ) {
                    negation = None;
                }
            }
            (meaning, Some(from)) => refuse(claims, &mut findings, vocabulary, (from, at, end), &meaning),
            (meaning, None) => accept(claims, &mut findings, vocabulary, (at, end), &meaning),
        }
        at = end;
    }
    findings
}

/// A negated unknown ("without ads"): the whole phrase is left.
fn leave_negated(claims: &mut Claims<'_>, lexicon: &Lexicon, from: usize, at: usize) {
    let mut end = at + 1;
    while end < claims.words.len()
        && claims.words[end].gap == Gap::Joined
        && lexicon.find(&claims.words, end).is_none()
    {
        end += 1;
    }
    let from = if (from..=at)
        .skip(1)
        .all(|place| claims.words[place].gap == Gap::Joined && claims.states[place] != State::Taken)
    {
        from
    } else {
        at
    };
    claims.mark(from, end, State::Left);
}

/// Takes a phrase that is ruled out.
fn refuse(
    claims: &mut Claims<'_>,
    findings: &mut Findings,
    vocabulary: &Vocabulary,
    (from, at, end): (usize, usize, usize),
    meaning: &Meaning,
) {
    let what = match meaning {
        Meaning::Feature(kind) => {
            findings.refused.push(*kind);
            feature_label(*kind)
        }
        Meaning::Stack(place) => {
            findings.excluded.push(*place);
            vocabulary.stacks.get(*place).map_or("", |entry| entry.label.as_str())
        }
        Meaning::Side(side) if *side != SideWord::App => {
            findings.no_sides.push(*side);
            claims.phrase(at, end)
        }
        Meaning::Uncovered | Meaning::Hint(_) => claims.phrase(at, end),
        // "no SQLite" says nothing of what to use instead; "without todos" is no app of ours.
        Meaning::Side(_) | Meaning::Database(_) | Meaning::Implied(_) | Meaning::Negation | Meaning::Stop => {
            claims.mark(at, end, State::Left);
            return;
        }
    };
    let constraint = format!("without {what}");
    if !findings.constraints.contains(&constraint) {
        findings.constraints.push(constraint.clone());
    }
    let first = if claims.states[from] == State::Stop { from } else { at };
    claims.take(first, end, format!("constraint: {constraint}"));
}

/// Takes a phrase that is asked for.
fn accept(
    claims: &mut Claims<'_>,
    findings: &mut Findings,
    vocabulary: &Vocabulary,
    (at, end): (usize, usize),
    meaning: &Meaning,
) {
    match meaning {
        Meaning::Stack(place) => choose(claims, findings, vocabulary, (at, end), *place),
        Meaning::Database(name) => choose_database(claims, findings, (at, end), name),
        Meaning::Feature(kind) => {
            findings.features.push(*kind);
            claims.take(at, end, format!("feature: {}", feature_label(*kind)));
        }
        Meaning::Side(side) => {
            findings.sides.push(*side);
            findings.side_places.push(at);
            let meaning = match side {
                SideWord::Backend => "a backend",
                SideWord::Frontend => "a frontend",
                SideWord::Both => "a backend and a frontend",
                SideWord::App => "an app",
            };
            claims.take(at, end, format!("project: {meaning}"));
        }
        Meaning::Hint(place) => {
            findings.hints.push(*place);
            let label = vocabulary.stacks.get(*place).map_or("", |entry| entry.label.as_str());
            claims.take(at, end, format!("a reason for {label}"));
        }
        Meaning::Implied(names) => {
            findings.implied.push((at, end, names));
            // What it implies is said when the resources are known.
            claims.mark(at, end, State::Taken);
        }
        Meaning::Uncovered => claims.mark(at, end, State::Left),
        Meaning::Negation | Meaning::Stop => claims.mark(at, end, State::Stop),
    }
}

fn choose(
    claims: &mut Claims<'_>,
    findings: &mut Findings,
    vocabulary: &Vocabulary,
    (at, end): (usize, usize),
    place: usize,
) {
    let Some(entry) = vocabulary.stacks.get(place) else { return };
    let slot = match entry.side {
        Side::Backend => &mut findings.backend,
        Side::Frontend => &mut findings.frontend,
        Side::Database => return choose_database(claims, findings, (at, end), &entry.name),
    };
    let first = *slot.get_or_insert(place);
    if first == place {
        claims.take(at, end, format!("{}: {}", side_label(entry.side), entry.name));
    } else {
        let named = vocabulary.stacks.get(first).map_or("another", |other| other.label.as_str());
        claims.mark(at, end, State::Left);
        claims.explain(
            at,
            end,
            format!("not covered: a second {}, {named} was named first", side_label(entry.side)),
        );
    }
}

fn choose_database(claims: &mut Claims<'_>, findings: &mut Findings, (at, end): (usize, usize), name: &str) {
    let first = findings.database.get_or_insert_with(|| name.to_owned());
    if first == name {
        claims.take(at, end, format!("database: {}", database_label(name)));
    } else {
        let meaning = format!("not covered: a second database, {first} was named first");
        claims.mark(at, end, State::Left);
        claims.explain(at, end, meaning);
    }
}

/// What a feature is called.
pub(super) fn feature_label(kind: FeatureKind) -> &'static str {
    tables().features.feature.iter().find(|row| row.kind == kind).map_or("", |row| row.label.as_str())
}

/// What a database is called.
fn database_label(name: &str) -> &str {
    tables().features.database.iter().find(|row| row.name == name).map_or(name, |row| row.label.as_str())
}
