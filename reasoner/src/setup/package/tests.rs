//! The Dockerfiles and the script of handmade setups.

use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::setup::{Setup, Setups};
use serde_json::json;

use super::{packages_of, script};
use crate::shell::quote;

fn setup(value: serde_json::Value) -> Setup {
    serde_json::from_value(value).unwrap()
}

fn python(part: &str, folder: &str) -> Setup {
    setup(json!({
        "part": part, "folder": folder, "revision": 2,
        "toolchain": { "python": { "version": "3.11", "pins": ".codegod/python/requirements.txt" } },
        "system_packages": ["libpq-dev"],
        "env": { "DJANGO_SETTINGS_MODULE": "shop.settings", "GREETING": "it's 5 o'clock" },
        "private_files": { ".env": "SECRET_KEY=not a secret\nDEBUG=1\n" },
        "prepare": [{ "run": "uv pip install --no-deps -e .", "workdir": folder, "why": "installs the project itself,\neditable" }],
        "tests": [{ "runner": "pytest", "run": "python -m pytest --junitxml=\"$CODEGOD_REPORT\"", "workdir": folder,
                    "report": "junit", "own": "pytest", "deadline_seconds": 600 }],
    }))
}

fn node(part: &str, folder: &str) -> Setup {
    setup(json!({
        "part": part, "folder": folder,
        "toolchain": { "node": { "version": "22", "manager": "npm", "locked": true } },
        "services": ["redis"],
        "tests": [{ "runner": "node", "run": "set -e\nnode --test > \"$CODEGOD_REPORT\"", "workdir": folder,
                    "report": "tap", "own": "npm test", "deadline_seconds": 600 }],
    }))
}

fn step(run: &str, workdir: &str, reads: &[&str]) -> SetupStep {
    let reads = reads.iter().map(ToString::to_string).collect();
    SetupStep { run: run.into(), workdir: workdir.into(), reads, root: false }
}

fn recipe(setup: &Setup) -> Recipe {
    let mut recipe = Recipe::from_base("codegod/workbench");
    if setup.part.starts_with("python") {
        recipe
            .add(SetupStep { root: true, ..step("apt-get update && apt-get install -y libpq-dev", "", &[]) });
        recipe.add(step("python3 -m venv /env/venv && /env/venv/bin/pip install uv", "", &[]));
        recipe.add(step(
            "uv pip install -r .codegod/python/requirements.txt",
            "",
            &[".codegod/python/requirements.txt", "absent.txt"],
        ));
    } else {
        let reads = ["package.json", "package-lock.json"].map(|name| format!("{}/{name}", setup.folder));
        recipe.add(step("npm ci || npm install", &setup.folder, &reads.each_ref().map(String::as_str)));
    }
    recipe
}

fn whole(setups: Vec<Setup>) -> String {
    let setups: Setups = setups.into_iter().map(|setup| (setup.part.clone(), setup)).collect();
    let packages = packages_of(&setups, &recipe, &|path| !path.contains("absent"));
    let files = packages.iter().map(|package| format!("--- {}\n{}", package.dockerfile, package.content));
    let files: String = files.collect();
    format!("{files}--- script\n{}", script(&setups, &packages))
}

#[test]
fn one_python_and_one_node_part_share_an_image() {
    insta::assert_snapshot!(whole(vec![python("python", ""), node("node-web", "web")]));
}

#[test]
fn two_python_parts_have_an_image_each() {
    insta::assert_snapshot!(whole(vec![python("python-a", "a"), python("python-B c", "my api")]));
}

#[test]
fn what_the_builder_would_read_otherwise_is_given_word_for_word() {
    let odd = |run: &str| {
        let mut setup = node("node", "");
        setup.prepare =
            vec![serde_json::from_value(json!({ "run": run, "workdir": "sub", "why": "because" })).unwrap()];
        let text = whole(vec![setup]);
        text.lines().skip_while(|line| *line != "# node: because").nth(1).unwrap().to_owned()
    };
    assert_eq!(odd("make"), "RUN cd sub && make");
    assert_eq!(odd("make || true"), "RUN cd sub && { make || true; }");
    assert_eq!(odd("serve &"), r#"RUN ["sh","-c","cd sub || exit 1\nserve &"]"#);
    assert_eq!(odd("a\nb"), r#"RUN ["sh","-c","cd sub || exit 1\na\nb"]"#);
    assert_eq!(odd("cat <<x"), r#"RUN ["sh","-c","cd sub && cat <<x"]"#);
}

#[test]
fn the_build_leaves_out_what_is_made_again_and_nothing_that_the_project_names() {
    let setups = Setups::from([("python".to_owned(), python("python", ""))]);
    let packages = packages_of(&setups, &recipe, &|_| true);
    let (path, text) = packages[0].ignored();
    assert_eq!(path, ".codegod/Dockerfile.dockerignore");
    assert_eq!(text.lines().collect::<Vec<_>>(), [".git", "**/node_modules", "**/.venv", "**/__pycache__"]);
}

#[test]
fn words_are_quoted_when_they_must_be() {
    assert_eq!(quote("a/b-c.txt"), "a/b-c.txt");
    assert_eq!(quote("it's $5"), r"'it'\''s $5'");
    assert_eq!(quote(""), "''");
}
