//! From findings to the parts of an intent: project type, stack, features, names.

use codegod_protocol::intent::{Feature, FeatureKind, ProjectType, Resource, Stack};

use super::lexicon::SideWord;
use super::names;
use super::scan::Findings;
use super::tables::{When, tables};
use super::vocabulary::Vocabulary;
use crate::playbook::schema::Side;

/// What kind of app is asked for; `Unknown` if nothing says so.
pub(super) fn project(findings: &Findings, keeps: bool) -> ProjectType {
    let said = |side: SideWord| findings.sides.contains(&side);
    let refused =
        |side: SideWord| findings.no_sides.contains(&side) || findings.no_sides.contains(&SideWord::Both);
    let signs_in =
        findings.features.contains(&FeatureKind::SignIn) && !findings.refused.contains(&FeatureKind::SignIn);
    let mut backend = findings.backend.is_some()
        || findings.database.is_some()
        || said(SideWord::Backend)
        || said(SideWord::Both);
    let mut frontend = findings.frontend.is_some() || said(SideWord::Frontend) || said(SideWord::Both);
    // Accounts live on a server.
    backend |= frontend && signs_in;
    // "An app" alone is both sides: nobody can use a server without pages.
    if !backend && !frontend && (said(SideWord::App) || keeps || !findings.features.is_empty()) {
        (backend, frontend) = (true, true);
    }
    match (backend && !refused(SideWord::Backend), frontend && !refused(SideWord::Frontend)) {
        (true, true) => ProjectType::FullStack,
        (true, false) => ProjectType::BackendOnly,
        (false, true) => ProjectType::FrontendOnly,
        (false, false) => ProjectType::Unknown,
    }
}

/// The technologies, named or by default; none for a side that no playbook brings.
pub(super) fn stack(project: ProjectType, findings: &Findings, vocabulary: &Vocabulary) -> Stack {
    let (backend, frontend) = match project {
        ProjectType::FullStack => (true, true),
        ProjectType::BackendOnly => (true, false),
        ProjectType::FrontendOnly => (false, true),
        ProjectType::Repair | ProjectType::Existing | ProjectType::Unknown => (false, false),
    };
    let name = |place: usize| vocabulary.stacks.get(place).map(|entry| entry.name.clone());
    let of = |side: Side, chosen: Option<usize>| {
        chosen.or_else(|| default_of(side, findings, vocabulary)).and_then(name)
    };
    Stack {
        backend: backend.then(|| of(Side::Backend, findings.backend)).flatten(),
        frontend: frontend.then(|| of(Side::Frontend, findings.frontend)).flatten(),
        database: backend.then(|| findings.database.clone().unwrap_or_else(|| "sqlite".into())),
    }
}

/// What a side is made with when nothing exact is said: what a word hints at ("async"), else what
/// is the default for the side's general words.
fn default_of(side: Side, findings: &Findings, vocabulary: &Vocabulary) -> Option<usize> {
    let general: &[&str] = match side {
        Side::Backend => &["python", "backend", "api", "server"],
        Side::Frontend => &["frontend", "javascript", "browser"],
        Side::Database => &[],
    };
    let fits = |place: &usize| {
        vocabulary.stacks.get(*place).is_some_and(|entry| entry.side == side)
            && !findings.excluded.contains(place)
    };
    let is_general = |place: &usize| {
        vocabulary.stacks[*place].default_for.iter().any(|word| general.contains(&word.as_str()))
    };
    let mut places = 0..vocabulary.stacks.len();
    findings
        .hints
        .iter()
        .copied()
        .find(fits)
        .or_else(|| places.clone().filter(fits).find(is_general))
        .or_else(|| places.find(fits))
}

/// The features, the most important first. Packaging and workflow come with every app unless refused.
pub(super) fn features(project: ProjectType, findings: &Findings, resources: &[Resource]) -> Vec<Feature> {
    let labels: Vec<String> = resources.iter().map(|resource| resource.label_plural.to_lowercase()).collect();
    let labels = labels.join(", ");
    let wanted = |kind: FeatureKind| match kind {
        FeatureKind::Resources => !resources.is_empty(),
        FeatureKind::SignIn | FeatureKind::ContactForm => findings.features.contains(&kind),
        FeatureKind::Docker | FeatureKind::Ci => true,
    };
    let fits = |when: When| match when {
        When::Always => true,
        When::Backend => project != ProjectType::FrontendOnly,
        When::Frontend => project != ProjectType::BackendOnly,
    };
    let mut features: Vec<Feature> = tables()
        .features
        .feature
        .iter()
        .filter(|row| wanted(row.kind) && !findings.refused.contains(&row.kind))
        .map(|row| Feature {
            kind: row.kind,
            priority: row.priority,
            acceptance: row
                .acceptance
                .iter()
                .filter(|one| fits(one.when))
                .map(|one| one.text.replace("{labels}", &labels))
                .collect(),
        })
        .collect();
    features.sort_by_key(|feature| std::cmp::Reverse(feature.priority));
    features
}

/// The app's name and title: as given, else from what it keeps, else from its stack.
pub(super) fn app_name(given: Option<&str>, kept: Option<&str>, stack: &Stack) -> (String, String) {
    let words = match (given, kept) {
        (Some(given), _) => given.to_owned(),
        (None, Some(kept)) => format!("{}_app", names::plural_name(kept)),
        (None, None) => {
            let parts: Vec<&str> =
                [&stack.backend, &stack.frontend].into_iter().flatten().map(String::as_str).collect();
            if parts.is_empty() { "app".to_owned() } else { format!("{}_app", parts.join("_")) }
        }
    };
    let words: Vec<String> =
        super::words::cut(&words.replace('_', " ")).into_iter().map(|word| word.lower).collect();
    let name = names::snake(&words).unwrap_or_else(|| "app".to_owned());
    (name.replace('_', "-"), names::title(&name))
}
