//! Two tasks change the same lines side by side: no edit is lost, and what can't be joined is asked.

use std::time::Duration;

use codegod_protocol::action::Action;
use codegod_protocol::client::{GoalView, TaskView};
use codegod_protocol::environment::Recipe;
use codegod_protocol::goal::{Goal, GoalState};
use codegod_protocol::id::Role;
use codegod_protocol::task::{Task, TaskKind, TaskState};
use codegod_tests::files::{Files, folder_of, give_folder};
use codegod_tests::fleet::{Fleet, told};
use codegod_tests::{handmade, plans};

type Result<T = ()> = anyhow::Result<T>;

const LIMIT: Duration = Duration::from_secs(120);

async fn fleet() -> Result<Fleet> {
    Fleet::start(&[(Role::Backend, 1), (Role::Frontend, 1), (Role::Testing, 1)]).await
}

/// Runs a plan on a folder with these files to its end.
async fn ended(
    fleet: &Fleet,
    files: &[(&str, &str)],
    tasks: impl FnOnce(&Goal) -> Vec<Task>,
) -> Result<GoalView> {
    let mut goal = plans::goal("two sides");
    give_folder(&fleet.client, &mut goal, folder_of(files)?.path()).await?;
    let tasks = handmade::closed(&goal, tasks(&goal))?;
    fleet.start_plan(&goal, &tasks).await?;
    let view = fleet.ended(&goal.id, LIMIT).await?;
    eprintln!("{}", told(&view));
    Ok(view)
}

fn merges(view: &GoalView) -> Vec<&TaskView> {
    view.tasks.iter().filter(|task| task.task.kind == TaskKind::Merge).collect()
}

fn the_merge(view: &GoalView) -> &TaskView {
    let merges = merges(view);
    assert_eq!(merges.len(), 1, "{}", told(view));
    merges[0]
}

/// Asserts that the goal waits for a person who is asked about `file` and told both commits, and that
/// nothing which needs both sides succeeded.
fn is_asked(view: &GoalView, file: &str) {
    assert_eq!(view.state, GoalState::Blocked, "{}", told(view));
    let merge = the_merge(view);
    assert_eq!(merge.state, TaskState::Blocked);
    let question = merge.error.clone().unwrap_or_default();
    for told in [file, &commit_of(view, 1), &commit_of(view, 2), "?"] {
        assert!(question.contains(told), "{told} in: {question}");
    }
    for task in &view.tasks[2..] {
        assert_ne!(task.state, TaskState::Succeeded, "{}", told(view));
    }
}

fn commit_of(view: &GoalView, number: u32) -> String {
    let task = view.tasks.iter().find(|task| task.task.id.number() == number);
    let result = task.and_then(|task| task.result.as_ref()).expect("the task published");
    result.outputs.as_ref().expect("it succeeded").commit.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_edits_of_the_same_lines_are_kept_and_checked() -> Result {
    let fleet = fleet().await?;
    let has = |word: &str| format!("grep -q {word} notes.txt");
    let view = ended(&fleet, &[("notes.txt", "first\nmiddle\nlast\n")], |goal| {
        let side = |number, role, word: &str| {
            let text = format!("first\nmiddle of the {word}\nlast\n");
            handmade::task(
                &goal.id,
                number,
                role,
                &[],
                vec![handmade::write("notes.txt", &text)],
                &[&has(word)],
            )
        };
        let both = [has("backend"), has("frontend")];
        let both: Vec<&str> = both.iter().map(String::as_str).collect();
        let mut check = handmade::task(&goal.id, 3, Role::Testing, &[1, 2], vec![], &both);
        check.kind = TaskKind::Check;
        vec![side(1, Role::Backend, "backend"), side(2, Role::Frontend, "frontend"), check]
    })
    .await?;
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());

    let merge = the_merge(&view);
    let sides: Vec<&String> = ["ours", "theirs"].iter().map(|side| &merge.task.metadata[*side]).collect();
    assert_eq!(sides, [&commit_of(&view, 1), &commit_of(&view, 2)]);
    let verdict = merge.result.as_ref().and_then(|result| result.verdict.clone()).expect("it was validated");
    assert!(verdict.passed && verdict.checks.len() >= 3, "the checks of both sides: {verdict:?}");
    let closing = view.tasks.iter().find(|task| task.task.kind == TaskKind::Verification);
    assert_eq!(closing.map(|task| task.state), Some(TaskState::Succeeded));

    let commit = view.commit.clone().expect("a published commit");
    let files = Files::fetch(&fleet.client, &view.goal.id, &commit).await?;
    let text = files.text(&commit, "notes.txt").await?;
    assert_eq!(text, "first\nmiddle of the backend\nmiddle of the frontend\nlast\n");
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_sides_are_joined_once_for_all_that_need_them() -> Result {
    let fleet = fleet().await?;
    let view = ended(&fleet, &[("README.md", "here\n")], |goal| {
        let side = |number, role, path: &str, text: &str| {
            let check = format!("grep -q {} {path}", text.trim());
            handmade::task(&goal.id, number, role, &[], vec![handmade::write(path, text)], &[&check])
        };
        let joins = |number, role, needs: &[u32]| {
            handmade::task(
                &goal.id,
                number,
                role,
                needs,
                vec![],
                &["grep -q one a && grep -q three a && grep -q two b"],
            )
        };
        vec![
            side(1, Role::Backend, "a", "one\n"),
            side(2, Role::Frontend, "b", "two\n"),
            side(3, Role::Testing, "a", "three\n"),
            joins(4, Role::Backend, &[1, 2, 3]),
            joins(5, Role::Frontend, &[3, 2, 1]),
        ]
    })
    .await?;
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    let commit = view.commit.clone().expect("a published commit");
    let files = Files::fetch(&fleet.client, &view.goal.id, &commit).await?;
    assert_eq!(files.text(&commit, "a").await?, "one\nthree\n");
    // The side that is itself a merge can be looked at, too.
    let ours = merges(&view)[0].task.metadata["ours"].clone();
    let side = Files::fetch(&fleet.client, &view.goal.id, &ours).await?;
    assert_eq!(
        (side.text(&ours, "a").await?, side.text(&ours, "b").await?),
        ("one\n".into(), "two\n".into())
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_hold_together_is_asked_and_never_called_done() -> Result {
    let fleet = fleet().await?;
    let view = ended(&fleet, &[("config.py", "LIMIT = 1\n")], |goal| {
        let side = |number, role, limit: u32| {
            let content = format!("LIMIT = {limit}\n");
            let check = format!("python3 -c 'import config; assert config.LIMIT == {limit}, config.LIMIT'");
            handmade::task(
                &goal.id,
                number,
                role,
                &[],
                vec![handmade::write("config.py", &content)],
                &[&check],
            )
        };
        let after = handmade::task(&goal.id, 3, Role::Testing, &[1, 2], vec![], &["python3 config.py"]);
        vec![side(1, Role::Backend, 2), side(2, Role::Frontend, 3), after]
    })
    .await?;
    is_asked(&view, "config.py");
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_files_and_deletions_are_asked_about() -> Result {
    let fleet = fleet().await?;
    let shell = |command: &str| Action::RunCommand {
        run: command.to_owned(),
        workdir: String::new(),
        env: Default::default(),
        deadline_seconds: 60,
    };
    let sides = |goal: &Goal, one: (&str, &str), other: (&str, &str)| {
        vec![
            handmade::task(&goal.id, 1, Role::Backend, &[], vec![shell(one.0)], &[one.1]),
            handmade::task(&goal.id, 2, Role::Testing, &[], vec![shell(other.0)], &[other.1]),
            handmade::task(&goal.id, 3, Role::Testing, &[1, 2], vec![], &["ls"]),
        ]
    };
    let view = ended(&fleet, &[("README.md", "here\n")], |goal| {
        sides(
            goal,
            (r"printf 'a\0b' >logo.bin", "test -s logo.bin"),
            (r"printf 'c\0d' >logo.bin", "test -s logo.bin"),
        )
    })
    .await?;
    is_asked(&view, "logo.bin");
    let view = ended(&fleet, &[("page.html", "<p>old</p>\n"), ("README.md", "here\n")], |goal| {
        sides(goal, ("rm page.html", "test ! -e page.html"), ("echo new >page.html", "grep new page.html"))
    })
    .await?;
    is_asked(&view, "page.html");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn requirements_that_two_tasks_added_are_installed_together() -> Result {
    let fleet = Fleet::start(&[(Role::Backend, 2), (Role::Testing, 1)]).await?;
    let view = ended(&fleet, &[("requirements.txt", "click==8.3.0\n")], |goal| {
        let side = |number, requirement: &str, module: &str| {
            let work = vec![
                Action::UpdateRequirements { path: "requirements.txt".into(), add: vec![requirement.into()] },
                Action::InstallDependency {
                    requirements: "requirements.txt".into(),
                    imports: vec![module.into()],
                },
            ];
            let check = format!("python -c 'import {module}'");
            let mut task = handmade::task(&goal.id, number, Role::Backend, &[], work, &[&check]);
            task.environment = Some("backend".into());
            task.environments.insert("backend".into(), Recipe::from_base("codegod/workbench"));
            task.deadline_seconds = 300;
            task
        };
        vec![side(1, "itsdangerous==2.2.0", "itsdangerous"), side(2, "markupsafe==3.0.3", "markupsafe")]
    })
    .await?;
    // Nobody but the closing verification needs both sides: it has them joined first.
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    let merge = the_merge(&view);
    assert_eq!(merge.task.role, Role::Testing);
    let commit = view.commit.clone().expect("a published commit");
    let files = Files::fetch(&fleet.client, &view.goal.id, &commit).await?;
    let text = files.text(&commit, "requirements.txt").await?;
    assert_eq!(text, "click==8.3.0\nitsdangerous==2.2.0\nmarkupsafe==3.0.3\n");
    Ok(())
}
