//! From a failure to what is tried next: the rules are asked, what was tried before is left out, and a
//! distribution is only proposed when the registry knows it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;
use std::time::Duration;

use codegod_docker::CommandSpec;
use codegod_protocol::setup::{Setup, SetupChange, Toolchain, Tried};
use codegod_reasoner::diagnosis::{Diagnosis, Failure, Remedy, Rules};
use codegod_reasoner::setup;
use codegod_reasoner::survey::{self, EntryKind, Tree};
use codegod_source::{Entry, Kind};

use crate::bench::Bench;
use crate::bench::files::quote;
use crate::error::Error;

/// Less sure than this is not acted on.
const LEAST_CONFIDENCE: f64 = 0.3;
/// As sure as this, a diagnosis is acted on together with the surest, when they are about different things.
const SURE: f64 = 0.8;
/// The longest that asking the registry may take.
const ASK_DEADLINE: Duration = Duration::from_secs(60);

/// How much of the project's manifests is read, in bytes.
const MAX_CONTENT_BYTES: u64 = 96 << 20;

/// The rules, read when something first fails.
static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let rules = Rules::standard();
    rules.problems.iter().for_each(|problem| tracing::warn!("a rule of diagnosis is left out: {problem}"));
    rules
});

/// What follows from a failure.
pub(super) enum Next {
    /// This setup is to be tried.
    Try {
        /// The setup.
        next: Box<Setup>,
        /// Why.
        diagnosis: Diagnosis,
        /// What else it mends in the same round.
        also: Vec<Diagnosis>,
    },
    /// Nothing that could be done is left; what is believed, the surest first.
    Person(Vec<Diagnosis>),
}

pub(super) async fn next(bench: &mut Bench<'_>, setup: &Setup, failure: &Failure<'_>) -> Result<Next, Error> {
    let diagnoses = RULES.diagnose(setup, &tree(bench).await?, failure);
    let mut chosen: Option<(Setup, Diagnosis)> = None;
    let mut also = Vec::new();
    for diagnosis in &diagnoses {
        let once = Tried { rule: diagnosis.rule.clone(), saw: diagnosis.saw.clone() };
        let alone = chosen.as_ref().is_none_or(|(_, first)| goes_along(first, diagnosis));
        if diagnosis.confidence < LEAST_CONFIDENCE || setup.tried.contains(&once) || !alone {
            continue;
        }
        let (Remedy::Setup { changes } | Remedy::Edit { changes, .. }) = &diagnosis.remedy else { continue };
        let Some(changes) = known_to_registry(bench, setup, changes).await? else { continue };
        let edits = matches!(diagnosis.remedy, Remedy::Edit { .. });
        let before = chosen.as_ref().map_or(setup, |(next, _)| next);
        let changed = setup::changed(before, &changes);
        // An edit of the person's files is a change by itself.
        let Some(mut next) = changed.or_else(|| edits.then(|| again(setup))) else { continue };
        next.revision = setup.revision + 1;
        next.tried.push(once);
        match &mut chosen {
            None => chosen = Some((next, diagnosis.clone())),
            Some((before, _)) => {
                *before = next;
                also.push(diagnosis.clone());
            }
        }
    }
    Ok(match chosen {
        Some((next, diagnosis)) => Next::Try { next: Box::new(next), diagnosis, also },
        None => Next::Person(diagnoses),
    })
}

/// Whether `other` can be acted on together with `first`: it is about something else, and only adds.
fn goes_along(first: &Diagnosis, other: &Diagnosis) -> bool {
    let Remedy::Setup { changes } = &other.remedy else { return false };
    let lines = |diagnosis: &Diagnosis| -> HashSet<String> {
        diagnosis.saw.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    };
    other.confidence >= SURE && changes.iter().all(adds) && !lines(other).is_subset(&lines(first))
}

/// Whether a change only adds something: such changes never contradict one another.
fn adds(change: &SetupChange) -> bool {
    match change {
        SetupChange::AddDistribution { .. }
        | SetupChange::AddSystemPackages { .. }
        | SetupChange::AddNodePackage { .. }
        | SetupChange::StartService { .. } => true,
        SetupChange::Override { .. }
        | SetupChange::UseVersion { .. }
        | SetupChange::AddFlag { .. }
        | SetupChange::WithoutNodePackage { .. }
        | SetupChange::Unlock
        | SetupChange::SetEnv { .. }
        | SetupChange::AddPrivateFile { .. }
        | SetupChange::Prepare { .. }
        | SetupChange::SkipPreparation { .. }
        | SetupChange::Requirements { .. }
        | SetupChange::Tests { .. } => false,
    }
}

/// The project's files as the commit under the bench has them.
async fn tree(bench: &Bench<'_>) -> Result<Tree, Error> {
    let repository = &bench.context.repository;
    let entries = repository.list(bench.start_commit()).await?;
    let mut tree = Tree::of_paths(entries.iter().map(|entry| (entry.path.clone(), seen(entry))));
    let by_path: HashMap<&str, &Entry> =
        entries.iter().filter_map(|entry| Some((entry.path.to_str()?, entry))).collect();
    let wanted = tree.wanted();
    let found: Vec<&Entry> = wanted.iter().filter_map(|path| by_path.get(path.as_str()).copied()).collect();
    let contents = repository.read_many(&found, MAX_CONTENT_BYTES).await?;
    for (entry, content) in found.iter().zip(contents) {
        if let (Some(path), Some(content)) = (entry.path.to_str(), content) {
            tree.add(path, &content);
        }
    }
    Ok(tree)
}

fn seen(entry: &Entry) -> survey::Entry {
    let kind = match entry.kind {
        Kind::File | Kind::Executable => EntryKind::File,
        Kind::Symlink => EntryKind::Link,
        Kind::Submodule => EntryKind::Submodule,
    };
    survey::Entry { kind, bytes: entry.size }
}

/// The same setup to be made again from changed files.
fn again(setup: &Setup) -> Setup {
    let mut next = setup.clone();
    next.revision += 1;
    if let Toolchain::Python(python) = &mut next.toolchain {
        python.pins = None;
    }
    next
}

/// The changes with each distribution's first candidate that the registry knows, without those of which it
/// knows none; None when nothing is left.
async fn known_to_registry(
    bench: &mut Bench<'_>,
    setup: &Setup,
    changes: &[SetupChange],
) -> Result<Option<Vec<SetupChange>>, Error> {
    let mut known = Vec::with_capacity(changes.len());
    for change in changes {
        match (change, &setup.toolchain) {
            (SetupChange::AddDistribution { candidates }, Toolchain::Python(_)) => {
                let candidate = first_known(bench, candidates).await?;
                known.extend(candidate.map(|known| SetupChange::AddDistribution { candidates: vec![known] }));
            }
            _ => known.push(change.clone()),
        }
    }
    Ok((!known.is_empty() || changes.is_empty()).then_some(known))
}

async fn first_known(bench: &mut Bench<'_>, candidates: &[String]) -> Result<Option<String>, Error> {
    for candidate in candidates {
        let run =
            format!("printf '%s\\n' {} | uv pip compile --quiet --no-deps - >/dev/null", quote(candidate));
        let asked = bench.run_raw(&CommandSpec::new(run, ASK_DEADLINE), 0).await?;
        if asked.exit_code == 0 {
            return Ok(Some(candidate.clone()));
        }
    }
    Ok(None)
}

/// Notes what is acted on in this round, and how.
pub(super) fn told(bench: &mut Bench<'_>, part: &str, first: &Diagnosis, also: &[Diagnosis]) {
    for diagnosis in std::iter::once(first).chain(also) {
        bench.diagnosed(part, diagnosis, &done(diagnosis));
    }
}

/// What is done about a diagnosis, one sentence.
fn done(diagnosis: &Diagnosis) -> String {
    match &diagnosis.remedy {
        Remedy::Setup { changes } => sentence(changes),
        Remedy::Edit { title, .. } => format!("{title}, in a commit of its own."),
        Remedy::Person => String::new(),
    }
}

fn sentence(changes: &[SetupChange]) -> String {
    let said: Vec<String> = changes.iter().map(clause).collect();
    format!("{}.", said.join("; "))
}

fn clause(change: &SetupChange) -> String {
    match change {
        SetupChange::AddDistribution { candidates } => {
            format!("{} is installed", candidates.first().map_or("a distribution", String::as_str))
        }
        SetupChange::Override { line } => format!("{line} takes the place of what the project pins"),
        SetupChange::UseVersion { version } => format!("version {version} of the language is used"),
        SetupChange::AddSystemPackages { packages } => {
            format!("the Debian packages {} are installed", packages.join(", "))
        }
        SetupChange::AddNodePackage { package } => format!("{package} is installed"),
        SetupChange::WithoutNodePackage { package } => format!("{package} is not installed"),
        SetupChange::AddFlag { flag } => format!("packages are installed with {flag}"),
        SetupChange::Unlock => "the lock file is not obeyed to the letter".to_owned(),
        SetupChange::SetEnv { name, value } => format!("{name}={value} is set"),
        SetupChange::AddPrivateFile { path, .. } => {
            format!("{path} is made for the tests, and not committed")
        }
        SetupChange::StartService { service } => format!("{service:?} runs beside the tests"),
        SetupChange::Prepare { preparation } => format!("`{}` is run before the tests", preparation.run),
        SetupChange::SkipPreparation { run } => format!("`{run}` is not run before the tests"),
        SetupChange::Requirements { .. } => "other requirements are installed".to_owned(),
        SetupChange::Tests { .. } => "the tests are run another way".to_owned(),
    }
}
