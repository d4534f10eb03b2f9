//! Kits: templates that several playbooks share, and that nothing but their users reaches.

use std::fs;
use std::path::Path;

use codegod_protocol::action::Action;
use codegod_reasoner::planner;
use codegod_reasoner::playbook::Library;
use tempfile::TempDir;

use crate::common::{goal, intent};

const KIT: &str = "version = 1\nsummary = \"s\"\n";

/// A playbook on line 3 of which stands what it uses, and on line 19 the file that it writes.
fn playbook(uses: &str, from: &str) -> String {
    format!(
        "name = \"one\"\nversion = 1\nuses = [{uses}]\nsummary = \"s\"\n\
         [stack]\nside = \"backend\"\nname = \"tiny\"\nwords = [\"tiny\"]\nlabel = \"Tiny\"\n\
         [[tasks]]\nkey = \"k\"\nrole = \"backend\"\ntitle = \"t\"\nproblem = \"p\"\napproach = \"a\"\n\
         validate = [{{ title = \"v\", action = {{ action = \"check_syntax\" }} }}]\n\
         [[tasks.files]]\nto = \"out\"\nfrom = \"{from}\"\n"
    )
}

fn write(folder: &TempDir, name: &str, text: &str) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn load(folders: &[&TempDir]) -> Library {
    Library::load(&folders.iter().map(|folder| folder.path().to_owned()).collect::<Vec<_>>())
}

/// What is wrong with the playbooks and kits of `folder`, without its path.
fn problems(folder: &TempDir) -> Vec<String> {
    let library = load(&[folder]);
    assert!(library.get("one").is_none(), "it is left out");
    let below = |file: &Path| file.strip_prefix(folder.path()).unwrap().display().to_string();
    let said = |p: &codegod_reasoner::playbook::Problem| {
        format!("{}:{}: {}", below(&p.file), p.line.unwrap_or_default(), p.message)
    };
    library.problems.iter().map(said).collect()
}

/// The file that the playbook writes.
fn written(library: &Library) -> String {
    assert_eq!(library.problems, []);
    let plan = planner::plan(&goal("Build"), &intent(Some("tiny"), None, &[]), library).unwrap();
    let hypotheses = plan.tasks.iter().flat_map(|task| &task.procedure.hypotheses);
    let written = hypotheses.flat_map(|hypothesis| &hypothesis.steps).find_map(|step| match &step.action {
        Action::WriteFile { content, .. } => Some(content.clone()),
        _ => None,
    });
    written.unwrap()
}

#[test]
fn a_playbook_copies_includes_and_extends_the_files_of_a_kit_it_uses() {
    let folder = TempDir::new().unwrap();
    write(&folder, "kit/kit.toml", KIT);
    write(&folder, "kit/plain.css", "a { content: \"{{ as it is }}\" }\n");
    write(&folder, "kit/part.j2", "{{ greeting }} {{ app.name }}\n");
    write(&folder, "kit/whole.j2", "{% include \"kit/part.j2\" %}{% block end %}{% endblock %}\n");
    write(&folder, "one/playbook.toml", &playbook("\"kit\"", "kit/plain.css"));
    assert_eq!(written(&load(&[&folder])), "a { content: \"{{ as it is }}\" }\n");

    write(&folder, "one/playbook.toml", &playbook("\"kit\"", "own.j2"));
    write(&folder, "one/own.j2", "{% set greeting = \"hello\" %}{% include \"kit/part.j2\" -%}\n");
    assert_eq!(written(&load(&[&folder])), "hello recipe-keeper\n");

    let extending = "{% extends \"kit/whole.j2\" %}{% set greeting = \"bye\" %}\
                     {% block end %}{% include \"kit/plain.css\" %}{% endblock %}";
    write(&folder, "one/own.j2", extending);
    assert_eq!(written(&load(&[&folder])), "bye recipe-keeper\na { content: \"{{ as it is }}\" }\n\n");
}

#[test]
fn only_the_files_of_used_kits_can_be_named() {
    let folder = TempDir::new().unwrap();
    write(&folder, "kit/kit.toml", KIT);
    write(&folder, "kit/a.css", "a");
    write(&folder, "plain-folder/a.css", "a");
    write(&folder, "other/playbook.toml", &playbook("", "a.css").replace("\"one\"", "\"other\""));
    write(&folder, "other/a.css", "a");
    let none = |name: &str| {
        vec![format!("one/playbook.toml:19: there is no text file {name:?} in the playbook or its kits")]
    };
    let outside = ["other/a.css", "plain-folder/a.css", "../kit/a.css", "kit/../other/a.css", "./kit/a.css"];
    for name in outside.into_iter().chain(["kit/nothing.css", "/etc/hostname"]) {
        write(&folder, "one/playbook.toml", &playbook("\"kit\"", name));
        assert_eq!(problems(&folder), none(name));
    }
    write(&folder, "one/playbook.toml", &playbook("", "kit/a.css"));
    assert_eq!(problems(&folder), none("kit/a.css"));
    for name in ["nothing", "plain-folder", "other", "../kit", ""] {
        write(&folder, "one/playbook.toml", &playbook(&format!("\"kit\",\n\"{name}\""), "kit/a.css"));
        let there_is_none = format!("one/playbook.toml:4: there is no kit {name:?} (or it is broken)");
        assert_eq!(problems(&folder), [there_is_none]);
    }
}

#[test]
fn a_missing_include_from_a_kit_is_named_with_the_including_file() {
    let folder = TempDir::new().unwrap();
    write(&folder, "kit/kit.toml", KIT);
    write(&folder, "one/playbook.toml", &playbook("\"kit\"", "own.j2"));
    write(&folder, "one/own.j2", "\n{% include \"kit/nothing.j2\" %}\n");
    let said = ["one/own.j2:2: there is no template \"kit/nothing.j2\" in the folder or its kits"];
    assert_eq!(problems(&folder), said);
}

#[test]
fn a_broken_kit_is_named_once_and_its_users_are_left_out() {
    let folder = TempDir::new().unwrap();
    write(&folder, "one/playbook.toml", &playbook("\"kit\"", "own.css"));
    write(&folder, "one/own.css", "a");
    let user = "one/playbook.toml:3: there is no kit \"kit\" (or it is broken)";
    for (manifest, said) in [
        ("version = 2\nsummary = \"s\"\n", "kit/kit.toml:1: version 2 is not known (this codegod reads 1)"),
        ("version = 1\nsummary = \"s\"\nuses = []\n", "kit/kit.toml:3: unknown field `uses`"),
    ] {
        write(&folder, "kit/kit.toml", manifest);
        let problems = problems(&folder);
        assert!(problems[0].starts_with(said), "{problems:?}");
        assert_eq!(problems[1..], [user]);
    }
    write(&folder, "kit/kit.toml", KIT);
    write(&folder, "kit/a.j2", "\n{% include \"one/own.css\" %}{# not the kit's #}\n");
    let said = "kit/a.j2:2: there is no template \"one/own.css\" in the folder or its kits";
    assert_eq!(problems(&folder), [said, user]);
}

#[test]
fn a_folder_of_the_playbook_can_not_stand_for_a_kit() {
    let folder = TempDir::new().unwrap();
    write(&folder, "kit/kit.toml", KIT);
    write(&folder, "one/kit/a.css", "a");
    write(&folder, "one/playbook.toml", &playbook("\"kit\"", "kit/a.css"));
    let said = ["one/playbook.toml:3: the playbook has a folder \"kit\" of its own: rename that"];
    assert_eq!(problems(&folder), said);
}

#[cfg(unix)]
#[test]
fn links_in_a_kit_and_to_a_kit_are_not_followed() {
    let (folder, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(&outside, "kit.toml", KIT);
    write(&outside, "secret.css", "a");
    write(&folder, "kit/kit.toml", KIT);
    std::os::unix::fs::symlink(outside.path(), folder.path().join("linked")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("kit/linked")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.css"), folder.path().join("kit/a.css")).unwrap();
    for from in ["kit/a.css", "kit/linked/secret.css"] {
        write(&folder, "one/playbook.toml", &playbook("\"kit\"", from));
        assert!(problems(&folder)[0].contains("there is no text file"), "{from}");
    }
    write(&folder, "one/playbook.toml", &playbook("\"linked\"", "linked/secret.css"));
    assert!(problems(&folder)[0].contains("there is no kit \"linked\""));
}

#[test]
fn a_later_kit_replaces_the_earlier_for_the_playbooks_of_both_folders() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(&first, "kit/kit.toml", KIT);
    write(&first, "kit/a.css", "first");
    write(&first, "one/playbook.toml", &playbook("\"kit\"", "kit/a.css"));
    write(&second, "kit/kit.toml", KIT);
    write(&second, "kit/a.css", "second");
    assert_eq!(written(&load(&[&first, &second])), "second");
    assert_eq!(written(&load(&[&second, &first])), "first");
    write(&second, "kit/kit.toml", "broken");
    assert_eq!(load(&[&first, &second]).problems.len(), 1, "the earlier one stands in for a broken one");
}

#[test]
fn a_folder_of_ones_own_may_use_the_kits_of_the_binary() {
    let folder = TempDir::new().unwrap();
    let from = "web-kit/templates/src/styles.css";
    write(&folder, "one/playbook.toml", &playbook("\"web-kit\"", from));
    let styles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks").join(from);
    assert_eq!(written(&load(&[&folder])), fs::read_to_string(styles).unwrap());
}
