//! What recipes call: scripts of package managers, targets of a Makefile, shell scripts.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::super::manifest::Manifest;
use super::super::needs::Needs;
use super::commands::Call;
use super::{Recipe, special};
use crate::survey::Tree;

/// The scripts that the part has.
pub(super) struct Scripts<'a> {
    tree: &'a Tree,
    folder: &'a str,
    makefile: Option<(&'static str, &'a str)>,
    tasks: BTreeMap<String, String>,
    environments: BTreeMap<String, Environment>,
}

/// An environment of hatch.
#[derive(Debug, Clone, Default)]
struct Environment {
    needs: Needs,
    scripts: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
}

impl<'a> Scripts<'a> {
    pub(super) fn of(tree: &'a Tree, manifest: &'a Manifest<'_>) -> Self {
        let makefile = ["Makefile", "makefile", "GNUmakefile", "justfile", "Justfile"]
            .into_iter()
            .find_map(|name| Some((name, tree.text(&super::super::joined(&manifest.folder, name))?)));
        Self {
            tree,
            folder: &manifest.folder,
            makefile,
            tasks: tasks(manifest),
            environments: environments(manifest),
        }
    }

    /// What a call runs, and what it installs before.
    pub(super) fn called(&self, call: &Call, workdir: &str) -> Option<(String, Needs)> {
        match call {
            Call::Make(target) => Some((self.target(target)?, Needs::default())),
            Call::HatchTest => {
                let own = self.environments.get("hatch-test").map(|environment| environment.needs.clone());
                let mut needs = own.unwrap_or_default();
                // What hatch itself puts into that environment.
                let tools = ["pytest", "pytest-mock", "pytest-rerunfailures", "pytest-xdist[psutil]"];
                needs.lines.extend(tools.map(str::to_owned));
                needs.project = true;
                Some(("pytest".to_owned(), needs))
            }
            Call::Task { environment: Some(name), name: script } => {
                let environment = self.environments.get(name)?;
                let text = environment.scripts.get(script).cloned().unwrap_or_else(|| script.clone());
                Some((expanded(&text, &environment.scripts), environment.needs.clone()))
            }
            Call::Task { environment: None, name } => {
                let default = self.environments.get("default");
                let hatch = default.and_then(|environment| {
                    let text = environment.scripts.get(name)?;
                    Some((expanded(text, &environment.scripts), environment.needs.clone()))
                });
                hatch.or_else(|| Some((self.tasks.get(name)?.clone(), Needs::default())))
            }
            Call::Elsewhere(_) => None,
            Call::File(path) => {
                let path = path.trim_start_matches("./");
                let text = self.tree.text(&super::super::joined(workdir, path))?;
                Some((text.to_owned(), Needs::default()))
            }
        }
    }

    /// Scripts whose names say that they run the tests, as recipes of their own.
    pub(super) fn recipes(&self) -> Vec<Recipe> {
        let mut recipes = Vec::new();
        for (name, environment) in &self.environments {
            let ours = |script: &&String| is_test(script) && !special(script) && !special(name);
            for script in environment.scripts.keys().filter(ours) {
                let text = expanded(&environment.scripts[script], &environment.scripts);
                recipes.push(Recipe {
                    env: environment.variables.clone(),
                    needs: environment.needs.clone(),
                    ..self.recipe("pyproject.toml", &format!("{name}:{script}"), text)
                });
            }
        }
        let tasks = self.tasks.iter().filter(|(name, _)| is_test(name));
        recipes.extend(tasks.map(|(name, text)| self.recipe("pyproject.toml", name, text.clone())));
        for target in
            ["test", "tests", "check", "unittest", "unit-test", "pytest", "test-unit", "unit", "testall"]
        {
            if let (Some((file, _)), Some(text)) = (self.makefile, self.target(target)) {
                recipes.push(self.recipe(file, target, text));
            }
        }
        for path in [
            "scripts/test",
            "script/test",
            "bin/test",
            "scripts/test.sh",
            "run_tests.sh",
            "runtests.sh",
            "test.sh",
        ] {
            if let Some(text) = self.tree.text(&super::super::joined(self.folder, path)) {
                recipes.push(self.recipe(path, "test", text.to_owned()));
            }
        }
        recipes
    }

    fn recipe(&self, from: &str, name: &str, text: String) -> Recipe {
        Recipe {
            from: super::super::joined(self.folder, from),
            name: name.to_owned(),
            steps: vec![(self.folder.to_owned(), text)],
            ..Recipe::default()
        }
    }

    /// The commands of a target of the Makefile, those of its prerequisites first.
    fn target(&self, name: &str) -> Option<String> {
        let (_, text) = self.makefile?;
        let mut lines = text.lines();
        let head = lines.find_map(|line| {
            let (targets, needs) = line.split_once(':')?;
            let named = !line.starts_with(['\t', ' ', '#', '.'])
                && targets.split_whitespace().any(|target| target == name);
            (named && !needs.starts_with('=')).then_some(needs)
        })?;
        let commands = lines
            .take_while(|line| line.starts_with(['\t', ' ']) || line.trim().is_empty())
            .map(|line| line.trim().trim_start_matches(['@', '-']).to_owned());
        let before = head
            .split_whitespace()
            .filter(|word| !word.contains(['=', '$', '|']))
            .map(|word| format!("make {word}"));
        Some(
            before
                .chain(commands)
                .collect::<Vec<_>>()
                .join("\n")
                .replace("$(PYTHON)", "python")
                .replace("$(python)", "python"),
        )
    }
}

fn is_test(name: &str) -> bool {
    let name = name.rsplit(':').next().unwrap_or(name);
    [
        "test",
        "tests",
        "unit",
        "unittest",
        "unittests",
        "pytest",
        "run",
        "cov",
        "test-cov",
        "check",
        "test-all",
        "test_all",
    ]
    .contains(&name)
}

/// Scripts of pdm, poe, taskipy, rye and of pipenv.
fn tasks(manifest: &Manifest<'_>) -> BTreeMap<String, String> {
    let mut tasks = BTreeMap::new();
    for path in [&["pdm", "scripts"][..], &["poe", "tasks"], &["taskipy", "tasks"], &["rye", "scripts"]] {
        for (name, value) in manifest.tool(path).and_then(Value::as_table).into_iter().flatten() {
            if let Some(text) = script(value) {
                tasks.insert(name.clone(), text);
            }
        }
    }
    let pipenv =
        manifest.pipfile.as_ref().and_then(|pipfile| pipfile.get("scripts")).and_then(Value::as_table);
    for (name, value) in pipenv.into_iter().flatten() {
        tasks.extend(script(value).map(|text| (name.clone(), text)));
    }
    tasks
}

fn script(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.replace("{args}", "").replace("{args:tests}", "tests")),
        Value::Array(values) => Some(values.iter().filter_map(script).collect::<Vec<_>>().join("\n")),
        Value::Table(table) => {
            ["cmd", "shell", "composite", "sequence", "chain"].iter().find_map(|key| script(table.get(*key)?))
        }
        _ => None,
    }
}

fn environments(manifest: &Manifest<'_>) -> BTreeMap<String, Environment> {
    let own = manifest.tool(&["hatch", "envs"]).and_then(Value::as_table);
    let file = manifest.hatch.as_ref().and_then(|table| table.get("envs")).and_then(Value::as_table);
    let tables = own.into_iter().chain(file).flatten();
    tables.filter_map(|(name, value)| Some((name.clone(), environment(value.as_table()?)))).collect()
}

fn environment(table: &Table) -> Environment {
    let list = |key: &str| {
        let values = table.get(key).and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut needs = Needs { project: true, ..Needs::default() };
    for line in list("dependencies").iter().chain(&list("extra-dependencies")) {
        needs.target(line);
    }
    needs.extras.extend(list("features"));
    needs.groups.extend(list("dependency-groups"));
    let of = |key: &str| table.get(key).and_then(Value::as_table).into_iter().flatten();
    let variables =
        of("env-vars").filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Environment {
        needs,
        scripts: of("scripts").filter_map(|(name, value)| Some((name.clone(), script(value)?))).collect(),
        variables: variables.collect(),
    }
}

/// A script with the scripts of its environment in the place of their names, and arguments by default.
fn expanded(text: &str, scripts: &BTreeMap<String, String>) -> String {
    let once = |text: &str| {
        let lines = text.lines().map(|line| {
            let line = defaults(line);
            let (first, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
            scripts
                .get(first)
                .filter(|script| *script != text)
                .map_or_else(|| line.clone(), |script| format!("{script} {rest}"))
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    once(&once(text))
}

/// `{args:tests}` is `tests`, `{args}` nothing.
fn defaults(line: &str) -> String {
    let Some((before, after)) = line.split_once("{args") else { return line.to_owned() };
    let Some((inside, behind)) = after.split_once('}') else { return line.to_owned() };
    format!("{before}{}{behind}", inside.trim_start_matches(':'))
}
