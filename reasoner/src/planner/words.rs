//! Every sentence that planning says to people, in one place.

use codegod_protocol::plan::PlanError;
use codegod_protocol::setup::{PartPicture, Setup, Toolchain};

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

pub(super) fn nothing_known(remarks: &[String]) -> PlanFailure {
    const NOTHING: &str = "Nothing in the folder says how it is set up: no Python or Node manifest was found that could \
                           be used (requirements.txt, pyproject.toml, setup.py, Pipfile, package.json), nor tests of \
                           either.";
    // What is wrong with a manifest says more than that there is none.
    let sentence = remarks.iter().map(String::as_str).chain([NOTHING]).collect::<Vec<_>>().join(" ");
    PlanFailure::NoPlaybook { sentence }
}

pub(super) fn part_left_out(part: &str, most: usize) -> String {
    format!("{part} was left out: at most {most} parts are set up at once; name its folder with --in.")
}

/// What a part is called in a sentence: "Python", "Node in services/api".
fn part(setup: &Setup) -> String {
    let language = match setup.toolchain {
        Toolchain::Python(_) => "Python",
        Toolchain::Node(_) => "Node",
    };
    if setup.folder.is_empty() { language.to_owned() } else { format!("{language} in {}", setup.folder) }
}

pub(super) fn set_up_title(setup: &Setup) -> String {
    format!("Set up {}", part(setup))
}

pub(super) fn set_up_problem(setup: &Setup) -> String {
    format!("There is no environment yet in which {} could run.", part(setup))
}

pub(super) fn set_up_approach(picture: &PartPicture) -> String {
    let read = match picture.read.as_slice() {
        [] => "convention".to_owned(),
        read => listed(read),
    };
    format!("Install what {read} ask for, and mend what does not install.")
}

pub(super) const SET_UP_DISPROVED: &str = "something that the tests need is not installed";
pub(super) const SET_UP_RISK: &str = "The project may want what no registry has any more.";
pub(super) const SET_UP_CRITERION: &str = "Everything installs, and the environment starts.";
pub(super) const SET_UP_EXPECTED: &str = "Everything installs.";

pub(super) fn environment_stands(setup: &Setup) -> String {
    format!("The environment of {} starts", part(setup))
}

pub(super) fn test_title(setup: &Setup) -> String {
    format!("Run the tests of {}", part(setup))
}

pub(super) fn test_problem(setup: &Setup) -> String {
    let own: Vec<String> = setup.tests.iter().map(|run| format!("`{}`", run.own)).collect();
    match own.as_slice() {
        [] => format!("{} has no tests; whether it can be prepared is what can be seen.", part(setup)),
        own => format!("Whether {} works is what its own tests say: {}.", part(setup), listed(own)),
    }
}

pub(super) const TEST_CAUSE: &str = "The project's own tests decide";
pub(super) const TEST_RISK: &str = "Tests may need the network, a server or a secret that is not there.";
pub(super) const TEST_CRITERION: &str = "The tests run to their end and leave their report.";

pub(super) fn tests_run(setup: &Setup) -> String {
    match setup.tests.is_empty() {
        true => format!("{} can be prepared; it has no tests", part(setup)),
        false => format!("The tests of {} were tried", part(setup)),
    }
}

pub(super) fn repair_title(setup: &Setup, rule: &str) -> String {
    format!("Mend the setup of {} ({rule})", part(setup))
}

pub(super) fn repair_problem(saw: &str) -> String {
    format!("This was seen: {}", saw.trim())
}

pub(super) const AHEAD_TITLE: &str = "Begin the image that rebuilds the environment";
pub(super) const AHEAD_PROBLEM: &str = "Building it takes as long as making the environment did.";
pub(super) const AHEAD_CAUSE: &str =
    "It can be built beside that: the closing verification finds its steps done";
pub(super) const AHEAD_RISK: &str = "What is changed in the environment on the way is built again";
pub(super) const AHEAD_CHECK: &str = "The image is begun";
pub(super) const PACKAGE_TITLE: &str = "Write down how to rebuild the environment";
pub(super) const PACKAGE_PROBLEM: &str = "What was found out is in codegod alone.";
pub(super) const PACKAGE_CAUSE: &str = "A Dockerfile and a script say step for step what was done";
pub(super) const PACKAGE_DISPROVED: &str = "the image does not build";
pub(super) const PACKAGE_EXPECTED: &str = "The files are written below .codegod/; nothing else changes.";
pub(super) const PACKAGE_WRITTEN: &str = "The script that rebuilds it and runs the tests is written";
pub(super) const PACKAGE_CHECK: &str = "The Dockerfile that remains builds";

pub(super) const EDIT_EXPECTED: &str = "The file says what it should; nothing else changes.";

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

pub(super) fn tests_pass(part: &str) -> String {
    format!("The tests of {part} pass")
}

pub(super) fn tests_as_before(part: &str) -> String {
    format!("The tests of {part} end as it was claimed")
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
