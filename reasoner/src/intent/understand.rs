//! The order of the passes.

use codegod_protocol::intent::{Intent, ProjectType, Stack};

use super::assemble;
use super::claims::{Claims, State};
use super::existing::{self, Wording};
use super::fields;
use super::names;
use super::repair;
use super::resources::{self, Kept};
use super::scan::{self, Findings};
use super::tables::tables;
use super::vocabulary::Vocabulary;
use super::words::Gap;

/// What `text` asks for. `has_workspace`: whether the goal is about an existing folder.
///
/// Pure, deterministic, never fails: what is not understood is in `not_covered`, and a text that
/// says nothing known is `ProjectType::Unknown`. A failure that is reported without a folder is
/// `Repair` all the same, and a project to be set up is `Existing`; the caller asks for the folder.
#[must_use]
pub fn understand(text: &str, has_workspace: bool, vocabulary: &Vocabulary) -> Intent {
    let about_the_folder =
        |wording| has_workspace.then(|| existing::asked(text, wording, vocabulary)).flatten();
    if let Some(intent) = about_the_folder(Wording::Outright)
        .or_else(|| repair::reported(text, vocabulary))
        .or_else(|| about_the_folder(Wording::Complaint))
    {
        return intent;
    }
    let mut claims = Claims::new(text);
    let given = take_name(&mut claims);
    if let Some((first, end)) = given {
        claims.take(first, end, "the app's name");
    }
    let findings = scan::scan(&mut claims, vocabulary);
    let mut kept = resources::find(&mut claims, &findings);
    let project = assemble::project(&findings, !kept.is_empty() && nothing_left(&claims));
    let stack = assemble::stack(project, &findings, vocabulary);
    let wording = if project == ProjectType::Unknown { Wording::Complaint } else { Wording::Outright };
    if !has_workspace
        && kept.is_empty()
        && names_nothing(&findings)
        && let Some(intent) = existing::asked(text, wording, vocabulary)
    {
        return intent;
    }
    let missing = stack.backend.is_none() && stack.frontend.is_none();
    if has_workspace || project == ProjectType::Unknown || missing {
        return unknown(claims);
    }
    let named = kept.first().map(|one| one.name.clone());
    if kept.is_empty() && project != ProjectType::FrontendOnly {
        kept.push(Kept { name: "item".into(), fields: Vec::new() });
    }
    let (name, title) =
        assemble::app_name(given.map(|(first, end)| claims.phrase(first, end)), named.as_deref(), &stack);
    let resources: Vec<_> = kept.iter().map(|one| fields::resource(one, &kept)).collect();
    let features = assemble::features(project, &findings, &resources);
    let Findings { constraints, .. } = findings;
    let (understood, not_covered) = claims.finish();
    Intent {
        project,
        name,
        title,
        stack,
        resources,
        features,
        constraints,
        symptom: None,
        understood,
        not_covered,
        picture: None,
    }
}

/// Whether nothing says what a new app would be made of.
fn names_nothing(findings: &Findings) -> bool {
    findings.backend.is_none()
        && findings.frontend.is_none()
        && findings.database.is_none()
        && findings.features.is_empty()
}

fn nothing_left(claims: &Claims<'_>) -> bool {
    claims.states.iter().all(|state| matches!(state, State::Stop | State::Taken))
}

/// A goal that no playbook knows: nothing of it counts as understood.
fn unknown(mut claims: Claims<'_>) -> Intent {
    claims.give_up();
    let (understood, not_covered) = claims.finish();
    Intent {
        project: ProjectType::Unknown,
        name: "unknown".into(),
        title: "Unknown".into(),
        stack: Stack::default(),
        resources: Vec::new(),
        features: Vec::new(),
        constraints: Vec::new(),
        symptom: None,
        understood,
        not_covered,
        picture: None,
    }
}

/// The words of a name that the sentence gives the app ("called Recipe Keeper"): capitalised words, or
/// the first one as it stands.
fn take_name(claims: &mut Claims<'_>) -> Option<(usize, usize)> {
    let called = claims.words.iter().position(|word| tables().words.naming.contains(&word.lower))?;
    let first = called + 1;
    let starts_here = claims.words.get(first).is_some_and(|word| word.gap < Gap::Opened);
    if !starts_here {
        return None;
    }
    let capital = |at: usize| claims.phrase(at, at + 1).starts_with(char::is_uppercase);
    let mut end = first + 1;
    while end < claims.words.len()
        && end - first < 4
        && claims.words[end].gap == Gap::Joined
        && (hyphenated(claims, end) || (capital(first) && capital(end)))
    {
        end += 1;
    }
    let words: Vec<String> = claims.words[first..end].iter().map(|word| word.lower.clone()).collect();
    names::snake(&words)?;
    Some((first, end))
}

/// Whether word `at` is joined to the one before without a blank.
fn hyphenated(claims: &Claims<'_>, at: usize) -> bool {
    at > 0
        && claims.words[at].start == claims.words[at - 1].end + 1
        && claims.phrase(at - 1, at + 1).contains(['-', '_'])
}
