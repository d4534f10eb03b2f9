//! Reading playbooks: broken ones are named with file and line, the others go on working.

use std::fs;
use std::path::Path;

use codegod_reasoner::playbook::Library;
use tempfile::TempDir;

const HEAD: &str = "name = \"one\"\nversion = 1\nsummary = \"s\"\n";
const TASK: &str =
    "[[tasks]]\nkey = \"k\"\nrole = \"backend\"\ntitle = \"t\"\nproblem = \"p\"\napproach = \"a\"\n";
const CHECK: &str = "[[tasks.validate]]\ntitle = \"v\"\naction = { action = \"check_syntax\" }\n";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn load(folder: &TempDir) -> Library {
    Library::load(&[folder.path().to_owned()])
}

/// The problems of a playbook of this text, without its folder.
fn problems(text: &str) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "one/playbook.toml", text);
    write(folder.path(), "two/playbook.toml", &format!("{}{TASK}{CHECK}", HEAD.replace("one", "two")));
    let library = load(&folder);
    assert!(library.get("two").is_some(), "the other playbook goes on working");
    let prefix = format!("{}/", folder.path().display());
    library.problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
}

#[track_caller]
fn assert_problem(text: &str, line: usize, says: &str) {
    let problems = problems(text);
    let place = format!("one/playbook.toml:{line}: ");
    let found = problems.iter().any(|problem| problem.starts_with(&place) && problem.contains(says));
    assert!(found, "wanted {place}…{says}…, got {problems:#?}");
}

#[test]
fn what_is_broken_is_named_with_file_and_line() {
    assert_problem("name = \n", 1, "");
    assert_problem(&format!("{HEAD}colour = \"red\"\n{TASK}{CHECK}"), 4, "unknown field `colour`");
    let version = HEAD.replace("version = 1", "version = 2");
    assert_problem(&format!("{version}{TASK}{CHECK}"), 2, "version 2 is not known");
    let symptom = "[applies]\nsymptom = \"(\"\n";
    assert_problem(&format!("{HEAD}{symptom}{TASK}{CHECK}"), 5, "symptom does not compile");
    let when = "[applies]\nwhen = \"auth and\"\n";
    assert_problem(&format!("{HEAD}{when}{TASK}{CHECK}"), 5, "syntax error");
    let when = "[applies]\nwhen = \"auht\"\n";
    assert_problem(&format!("{HEAD}{when}{TASK}{CHECK}"), 5, "\"auht\" is no name of the template context");
}

#[test]
fn a_broken_task_is_found_before_a_goal_needs_it() {
    let misspelt = TASK.replace("title =", "titel =");
    assert_problem(&format!("{HEAD}{misspelt}{CHECK}"), 7, "unknown field `titel`");
    assert_problem(&format!("{HEAD}{TASK}validate = []\n"), 4, "has no validate");
    let template = TASK.replace("\"t\"", "\"{{ app.title\"");
    assert_problem(&format!("{HEAD}{template}{CHECK}"), 7, "syntax error");
    let long = TASK.replace("\"p\"", "\"\"\"\none\n{{ two | nosuchfilter }}\n{% if %}\n\"\"\"");
    assert_problem(&format!("{HEAD}{long}{CHECK}"), 11, "");
    let unknown = TASK.replace("\"t\"", "\"{{ apps.title }}\"");
    assert_problem(&format!("{HEAD}{unknown}{CHECK}"), 7, "\"apps\" is no name");
    let file = "[[tasks.files]]\nfrom = \"templates/a.j2\"\nto = \"a\"\n";
    assert_problem(&format!("{HEAD}{TASK}{file}{CHECK}"), 11, "no text file \"templates/a.j2\"");
    assert_problem(&format!("{HEAD}{TASK}{CHECK}{TASK}{CHECK}"), 4, "stands twice");
    let needs = format!("{TASK}needs = [\"x\", \"x?\"]\n");
    assert_problem(&format!("{HEAD}{needs}{CHECK}"), 4, "needs \"x\" twice");
    let wrong_role = CHECK.replace("check_syntax", "check_entry_point");
    assert_problem(&format!("{HEAD}{TASK}{wrong_role}"), 4, "backend does not do check_entry_point");
    let not_repeatable = CHECK.replace(
        "{ action = \"check_syntax\" }",
        "{ action = \"install_dependency\", requirements = \"r\" }",
    );
    assert_problem(&format!("{HEAD}{TASK}{not_repeatable}"), 4, "repeat = false");
    let hypothesis = "[[tasks.hypotheses]]\ncause = \"c\"\nwhen = \"nobody.succeeded\"\nsteps = []\n";
    assert_problem(&format!("{HEAD}{TASK}{hypothesis}{CHECK}"), 12, "\"nobody\" is no finding");
    let pattern = CHECK.replace(
        "{ action = \"check_syntax\" }",
        "{ action = \"validate_output\", run = \"r\", matches = \"(\" }",
    );
    assert_problem(&format!("{HEAD}{TASK}{pattern}"), 12, "matches does not compile");
}

#[test]
fn a_broken_template_is_named_with_its_own_file() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "one/playbook.toml", &format!("{HEAD}{TASK}{CHECK}"));
    write(folder.path(), "one/templates/a.j2", "fine\n{% for x in %}\n");
    write(folder.path(), "one/templates/b.j2", "\n\n{% include \"../../two/secret.j2\" %}\n");
    let library = load(&folder);
    assert!(library.get("one").is_none());
    let [a, b] = library.problems.as_slice() else { panic!("{:#?}", library.problems) };
    assert_eq!((a.file.clone(), a.line), (folder.path().join("one/templates/a.j2"), Some(2)));
    assert_eq!((b.file.clone(), b.line), (folder.path().join("one/templates/b.j2"), Some(3)));
    assert!(b.message.contains("there is no template \"../../two/secret.j2\""), "{b}");
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("secret.j2");
    fs::write(&secret, "secret").unwrap();
    let file = "[[tasks.files]]\nfrom = \"a.j2\"\nto = \"a\"\n";
    write(folder.path(), "one/playbook.toml", &format!("{HEAD}{TASK}{file}{CHECK}"));
    std::os::unix::fs::symlink(&secret, folder.path().join("one/a.j2")).unwrap();
    let library = load(&folder);
    assert!(library.get("one").is_none());
    assert!(library.problems[0].message.contains("no text file \"a.j2\""), "{:?}", library.problems);
}

#[test]
fn a_later_folder_replaces_the_earlier_by_name() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(first.path(), "one/playbook.toml", &format!("{HEAD}{TASK}{CHECK}"));
    write(
        second.path(),
        "mine/playbook.toml",
        &format!("{}{TASK}{CHECK}", HEAD.replace("\"s\"", "\"mine\"")),
    );
    let library = Library::load(&[first.path().to_owned(), second.path().to_owned()]);
    assert_eq!(library.problems, []);
    assert_eq!(library.playbooks().count(), 1);
    assert_eq!(library.get("one").unwrap().manifest.summary, "mine");
}

#[test]
fn a_folder_that_is_not_there_is_a_problem_and_two_of_one_name_are_too() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "one/playbook.toml", &format!("{HEAD}{TASK}{CHECK}"));
    write(folder.path(), "zwei/playbook.toml", &format!("{HEAD}{TASK}{CHECK}"));
    let library = Library::load(&[folder.path().to_owned(), folder.path().join("absent")]);
    let said: Vec<&str> = library.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].contains("the name \"one\" is taken by"), "{said:?}");
    assert!(said[0].contains("the folder can't be read"), "{said:?}");
}
