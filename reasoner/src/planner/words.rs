//! Every sentence that planning says to people, in one place.

use codegod_protocol::plan::PlanError;

use crate::playbook::{Library, RenderError};

/// Why there is no plan. Its text is a sentence for people that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PlanFailure {
    /// The sentence asks for something that no playbook covers, and the goal does not allow leaving
    /// it out.
    #[error("{sentence}")]
    NotCovered {
        /// The phrases, as written.
        phrases: Vec<String>,
        /// What to do about it.
        sentence: String,
    },
    /// No playbook knows this kind of goal.
    #[error("{sentence}")]
    NoPlaybook {
        /// What to configure, and what there is.
        sentence: String,
    },
    /// Something is to be mended, but no folder was given.
    #[error("{sentence}")]
    NeedsWorkspace {
        /// What to do about it.
        sentence: String,
    },
    /// A playbook could not be rendered for this goal.
    #[error("A playbook could not be used for this goal: {0}.")]
    Render(#[from] RenderError),
    /// Playbooks that were chosen together do not fit together.
    #[error("The playbooks chosen for this goal do not fit together: {0}.")]
    Misfit(Misfit),
    /// The plan breaks a rule that every plan must meet.
    #[error("The plan made from the playbooks breaks a rule: {0}.")]
    Rule(#[from] PlanError),
}

/// How playbooks do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Two tasks have one key.
    #[error("{first} and {second} both bring a task {key:?}")]
    SameKey {
        /// The key.
        key: String,
        /// One playbook.
        first: String,
        /// The other.
        second: String,
    },
    /// A need is not in the plan.
    #[error("task {key:?} of {playbook} needs {need:?}, which none of them brings")]
    UnknownNeed {
        /// The task's key.
        key: String,
        /// Its playbook.
        playbook: String,
        /// What it needs.
        need: String,
    },
    /// Tasks wait for one another.
    #[error("these tasks wait for one another: {}", .0.join(", "))]
    Circle(Vec<String>),
    /// No playbook brings an environment of that name.
    #[error("task {key:?} of {playbook} runs in environment {environment:?}, which none of them brings")]
    UnknownEnvironment {
        /// The task's key.
        key: String,
        /// Its playbook.
        playbook: String,
        /// The environment.
        environment: String,
    },
    /// No check may be repeated.
    #[error("none of their checks may be repeated, so nothing could verify the result")]
    NothingToRepeat,
}

pub(super) fn not_covered(phrases: &[String]) -> PlanFailure {
    let quoted: Vec<String> = phrases.iter().map(|phrase| format!("“{phrase}”")).collect();
    let it = if phrases.len() == 1 { "it" } else { "them" };
    let sentence = format!(
        "No playbook covers {}. Leave {it} out of the sentence, go on without {it} (--without-uncovered), or set \
         CODEGOD_PLAYBOOKS to a folder with a playbook of your own that covers {it}.",
        listed(&quoted)
    );
    PlanFailure::NotCovered { phrases: phrases.to_vec(), sentence }
}

pub(super) fn unknown_kind(library: &Library) -> PlanFailure {
    PlanFailure::NoPlaybook {
        sentence: format!("No playbook knows how to do this. {}", what_there_is(library)),
    }
}

pub(super) fn unknown_technology(name: &str, library: &Library) -> PlanFailure {
    PlanFailure::NoPlaybook {
        sentence: format!("No playbook knows how to build with {name}. {}", what_there_is(library)),
    }
}

pub(super) fn unknown_failure(symptom: Option<&str>, library: &Library) -> PlanFailure {
    let failure = symptom.map_or_else(|| "this failure".to_owned(), |text| format!("the failure “{text}”"));
    PlanFailure::NoPlaybook {
        sentence: format!("No playbook knows how to mend {failure}. {}", what_there_is(library)),
    }
}

pub(super) fn needs_workspace(symptom: Option<&str>) -> PlanFailure {
    let what = symptom.map_or_else(|| "Something is".to_owned(), |text| format!("“{text}” is"));
    PlanFailure::NeedsWorkspace {
        sentence: format!(
            "{what} to be mended, but in no folder: say which with --in FOLDER. It is copied, never edited in place."
        ),
    }
}

pub(super) fn needs_project() -> PlanFailure {
    PlanFailure::NeedsWorkspace {
        sentence:
            "A project is to be set up and tested, but in no folder: say which with --in FOLDER (codegod \
                   setup FOLDER for short). It is copied, never edited in place."
                .to_owned(),
    }
}

/// What there is, and what to configure for anything else.
fn what_there_is(library: &Library) -> String {
    let names: Vec<String> = library.playbooks().map(|playbook| playbook.manifest.name.clone()).collect();
    let there = if names.is_empty() {
        "There are no playbooks at all".to_owned()
    } else {
        format!("There are playbooks for {}", listed(&names))
    };
    format!(
        "{there}. For anything else set CODEGOD_PLAYBOOKS to a folder with a playbook of your own; models are not \
         asked yet by this version."
    )
}

fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// The words of the closing verification.
pub(super) struct Closing;

impl Closing {
    pub(super) const TITLE: &str = "Closing verification";
    pub(super) const DESCRIPTION: &str =
        "Every check of every task again, in fresh containers made only from what was published.";
    pub(super) const PROBLEM: &str =
        "Every task was validated by itself; nobody has seen all of it hold together.";
    pub(super) const CAUSE: &str =
        "What was published is enough: every check passes again in fresh containers, on the joined source.";
    pub(super) const RISK: &str = "Something that no task published may have made an earlier check pass.";
    pub(super) const CRITERION: &str = "Every check passes on the published source and environments.";
}

pub(super) fn image_builds(tag: &str) -> String {
    format!("The image {tag} builds from the published source")
}

pub(super) fn merge_title(title: &str) -> String {
    format!("Joining what “{title}” starts from")
}

pub(super) fn merge_problem(files: &[String]) -> String {
    format!("Two tasks changed the same lines of {}.", listed(files))
}

pub(super) fn merge_question(files: &[String], ours: &str, theirs: &str, why: &str) -> String {
    format!(
        "Two sides changed {}, and both can't be kept: {}. What should it hold? One side is commit {ours}, \
         the other commit {theirs}.",
        listed(files),
        why.trim_end_matches('.')
    )
}

pub(super) const MERGE_CAUSE: &str =
    "Both sides added lines at the same place, so the lines of both belong there.";
pub(super) const MERGE_STEP: &str = "The joined files hold the lines of both sides.";
pub(super) const MERGE_RISK: &str =
    "Lines of both sides may contradict one another; the checks of both show it.";
pub(super) const MERGE_CRITERION: &str = "The checks of both sides pass on the joined source.";
pub(super) const MERGE_WITHOUT_MARKS: &str = "Every joined file is there, without marks of a conflict";

pub(super) fn still_parses(file: &str) -> String {
    format!("The joined {file} still parses")
}
