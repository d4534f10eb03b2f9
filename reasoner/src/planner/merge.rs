//! The task that joins two commits which touched the same lines.

use std::collections::BTreeMap;

use codegod_protocol::action::{Action, MergeStrategy};
use codegod_protocol::environment;
use codegod_protocol::id::Role;
use codegod_protocol::task::{Check, Hypothesis, Procedure, Step, TASK_VERSION, Task, TaskKind};

use super::assemble::MAX_ATTEMPTS;
use super::{closing, words};

/// Joining text is quick; the checks of both sides are not.
const DEADLINE_SECONDS: u64 = 900;

/// What a merge task notes in its metadata: the commits of both sides, and the files, a line each.
const OURS: &str = "ours";
const THEIRS: &str = "theirs";
const FILES: &str = "files";

/// Endings of files that the syntax check can parse.
const PARSED: [&str; 6] = [".py", ".json", ".toml", ".mjs", ".cjs", ".js"];

/// Two commits that can't be joined by themselves.
#[derive(Debug, Clone, Copy)]
pub struct Conflict<'a> {
    /// The files in conflict, relative to the workspace.
    pub files: &'a [String],
    /// The commit of one side.
    pub ours: &'a str,
    /// The commit of the other side.
    pub theirs: &'a str,
    /// The tasks that published the two sides; their checks must pass on the joined source.
    pub made_by: &'a [&'a Task],
}

/// The task with which `task` gets a source to start from although the commits it needs are in
/// `conflict`: it needs the same, joins them keeping the lines of both sides, and is done when the
/// checks of both sides pass. `number` is its number in the plan. `task` should then need it alone.
///
/// It is done by `task`'s role, or by the testing role when some check is none of that role's.
#[must_use]
pub fn merge_task(task: &Task, number: u32, conflict: &Conflict<'_>) -> Task {
    let mut validate = closing::repeatable(conflict.made_by);
    validate.splice(0..0, of_joined(conflict.files));
    let all_allowed = validate.iter().all(|check| check.action.allowed_to(task.role));
    let recipes = conflict.made_by.iter().chain([&task]).map(|task| task.environments.clone());
    let sides = [(OURS, conflict.ours.to_owned()), (THEIRS, conflict.theirs.to_owned())];
    let files = (FILES, conflict.files.join("\n"));
    let metadata: BTreeMap<String, String> =
        sides.into_iter().chain([files]).map(|(name, text)| (name.to_owned(), text)).collect();
    Task {
        version: TASK_VERSION,
        id: task.goal.task(number),
        goal: task.goal.clone(),
        parent: Some(task.id.clone()),
        role: if all_allowed { task.role } else { Role::Testing },
        capabilities: if all_allowed { task.capabilities.clone() } else { Vec::new() },
        title: words::merge_title(&task.title),
        description: words::merge_problem(conflict.files),
        kind: TaskKind::Merge,
        needs: task.needs.clone(),
        priority: task.priority,
        deadline_seconds: task.deadline_seconds.max(DEADLINE_SECONDS),
        max_attempts: MAX_ATTEMPTS,
        environment: task.environment.clone(),
        environments: environment::join(recipes),
        setups: Default::default(),
        procedure: procedure(conflict, validate),
        metadata,
    }
}

/// What a person is asked when the merge task `task` (made by [`merge_task`]) could not join its sides:
/// `why` is what kept it from that. It names the files and the commits of both sides.
#[must_use]
pub fn merge_question(task: &Task, why: &str) -> String {
    let noted = |name: &str| task.metadata.get(name).map_or("unknown", String::as_str);
    let files: Vec<String> = noted(FILES).lines().map(str::to_owned).collect();
    words::merge_question(&files, noted(OURS), noted(THEIRS), why)
}

fn procedure(conflict: &Conflict<'_>, validate: Vec<Check>) -> Procedure {
    let join = Step {
        action: Action::ResolveConflict { strategy: MergeStrategy::Union },
        expect: words::MERGE_STEP.to_owned(),
        confidence: 0.7,
    };
    Procedure {
        problem: words::merge_problem(conflict.files),
        observe: Vec::new(),
        hypotheses: vec![Hypothesis {
            cause: words::MERGE_CAUSE.to_owned(),
            when: None,
            confidence: 0.7,
            disproved_by: None,
            steps: vec![join],
        }],
        validate,
        risks: vec![words::MERGE_RISK.to_owned()],
        success_criteria: vec![words::MERGE_CRITERION.to_owned()],
    }
}

/// Checks of the joined files themselves, so that there always is one, whatever the sides brought: each
/// is there without marks of a conflict, and still parses where a parser knows it.
fn of_joined(files: &[String]) -> Vec<Check> {
    let quoted: Vec<String> = files.iter().map(|file| format!("'{}'", file.replace('\'', r"'\''"))).collect();
    let files_quoted = quoted.join(" ");
    let marks = Action::ValidateOutput {
        run: format!(
            "cat -- {files_quoted} >/dev/null && ! grep -nE '^(<<<<<<<|>>>>>>>)( |$)' -- {files_quoted}"
        ),
        workdir: String::new(),
        matches: None,
        deadline_seconds: 60,
    };
    let check = |title: String, action| Check { title, action, environment: None, repeat: false };
    let parsed = files.iter().filter(|file| PARSED.iter().any(|ending| file.ends_with(ending)));
    let syntax =
        parsed.map(|file| check(words::still_parses(file), Action::CheckSyntax { path: file.clone() }));
    std::iter::once(check(words::MERGE_WITHOUT_MARKS.to_owned(), marks)).chain(syntax).collect()
}
