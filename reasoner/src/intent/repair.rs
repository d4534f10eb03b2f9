//! Goals that report a failure.

use codegod_protocol::intent::{Intent, ProjectType, Stack};

use super::claims::{Claims, State};
use super::tables::tables;
use super::vocabulary::Vocabulary;
use super::words::Gap;

/// The intent of a goal that reports a failure some playbook mends. The whole text is the report (it
/// may be pages of output), but for what is asked for after it ("… and add dark mode").
pub(super) fn reported(text: &str, vocabulary: &Vocabulary) -> Option<Intent> {
    let (playbook, found) = vocabulary
        .symptoms
        .iter()
        .find_map(|(playbook, symptom)| symptom.find(text).map(|found| (playbook, found)))?;
    let mut claims = Claims::new(text);
    claims.states.fill(State::Stop);
    let from = claims.words.iter().position(|word| word.start >= found.start()).unwrap_or(0);
    let to = claims.words.iter().rposition(|word| word.end <= found.end()).map_or(from, |last| last + 1);
    claims.take(from, to.max(from), format!("a failure that the playbook {playbook} mends"));
    leave_requests(&mut claims, to.max(from), vocabulary);
    let (understood, not_covered) = claims.finish();
    Some(Intent {
        project: ProjectType::Repair,
        name: "repair".into(),
        title: "Repair".into(),
        stack: Stack::default(),
        resources: Vec::new(),
        features: Vec::new(),
        constraints: Vec::new(),
        symptom: Some(text.to_owned()),
        understood,
        not_covered,
        picture: None,
    })
}

/// Leaves what a request after the report asks for, up to the end of its sentence.
fn leave_requests(claims: &mut Claims<'_>, from: usize, vocabulary: &Vocabulary) {
    let lexicon = super::lexicon::Lexicon::new(vocabulary);
    let mut asking = false;
    for at in from..claims.words.len() {
        if claims.words[at].gap == Gap::Sentence {
            asking = false;
        }
        if tables().words.requests.contains(&claims.words[at].lower) {
            asking = true;
        } else if asking
            && !matches!(lexicon.find(&claims.words, at), Some((_, super::lexicon::Meaning::Stop)))
        {
            claims.mark(at, at + 1, State::Left);
        }
    }
}
