//! Jobs of workflows: GitHub's, GitLab's, CircleCI's and Travis's.

use std::collections::BTreeMap;

use super::Recipe;
use crate::survey::Tree;
use crate::survey::outline::{Scalar, outline};

/// Keys of a step that hold its script.
const SCRIPTS: [&str; 7] = ["run", "script", "before_script", "install", "before_install", "command", "bash"];
/// The most workflows that are read.
const MAX_FILES: usize = 60;

/// The jobs of every workflow.
pub(super) fn recipes(tree: &Tree) -> Vec<Recipe> {
    let files = tree.entries().map(|(path, _)| path).filter(|path| is_workflow(path)).take(MAX_FILES);
    files
        .filter_map(|path| Some((path, tree.text(path)?)))
        .flat_map(|(path, text)| jobs(path, text))
        .collect()
}

fn is_workflow(path: &str) -> bool {
    path.starts_with(".github/workflows/")
        || [".travis.yml", ".gitlab-ci.yml", ".circleci/config.yml", "azure-pipelines.yml"].contains(&path)
}

fn jobs(file: &str, text: &str) -> Vec<Recipe> {
    let scalars = outline(text);
    let mut jobs: BTreeMap<String, Vec<&Scalar>> = BTreeMap::new();
    for scalar in &scalars {
        match scalar.path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["jobs", job, _, ..] => jobs.entry((*job).to_owned()).or_default().push(scalar),
            [first, ..] if SCRIPTS.contains(first) => jobs.entry(String::new()).or_default().push(scalar),
            [job, key, ..] if SCRIPTS.contains(key) => {
                jobs.entry((*job).to_owned()).or_default().push(scalar)
            }
            _ => {}
        }
    }
    let shared = variables(&scalars, &["env"]);
    let folder = scalars.iter().find(|scalar| scalar.path == ["defaults", "run", "working-directory"]);
    let folder = folder.map(|scalar| scalar.value.as_str()).unwrap_or_default();
    jobs.into_iter()
        .map(|(name, scalars)| {
            let mut recipe = job(&name, &scalars, folder);
            recipe.from = file.to_owned();
            recipe.env.extend(shared.clone());
            recipe
        })
        .collect()
}

fn job(name: &str, scalars: &[&Scalar], folder: &str) -> Recipe {
    let owned: Vec<Scalar> = scalars.iter().map(|scalar| (*scalar).clone()).collect();
    let usual = value(&owned, &["jobs", name, "defaults", "run", "working-directory"]).unwrap_or(folder);
    let mut recipe =
        Recipe { name: name.to_owned(), env: variables(&owned, &["jobs", name, "env"]), ..Recipe::default() };
    for scalar in &owned {
        let path: Vec<&str> = scalar.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["jobs", _, "services", .., "image"] => recipe.services.push(scalar.value.clone()),
            ["jobs", _, "services", _, "env", name] if names_a_server(name) => {
                recipe.env.entry((*name).to_owned()).or_insert_with(|| scalar.value.clone());
            }
            // Actions that start a server name it: `ankane/setup-postgres`, `supercharge/redis-github-action`.
            ["jobs", _, "steps", .., "uses"] => recipe.services.push(scalar.value.clone()),
            [.., key] if SCRIPTS.contains(key) => {
                let step = &path[..path.len() - 1];
                let own = value(&owned, &[step, &["working-directory"]].concat());
                // The same again with other variables is the same under other conditions: the first counts.
                let again = recipe.steps.iter().any(|(_, script)| script.contains(scalar.value.trim()));
                recipe.steps.push((tidy(own.unwrap_or(usual)), scalar.value.clone()));
                let tests = ["test", "tox", "nox"].iter().any(|word| scalar.value.contains(word));
                if tests && !again {
                    recipe.env.extend(variables(&owned, &[step, &["env"]].concat()));
                }
            }
            [.., key, number] if SCRIPTS.contains(key) && number.starts_with('#') => {
                recipe.steps.push((tidy(usual), scalar.value.clone()));
            }
            _ => {}
        }
    }
    recipe
}

/// Whether a variable says how the images of database servers are set up: with which user, which database.
fn names_a_server(name: &str) -> bool {
    ["POSTGRES_", "MYSQL_", "MARIADB_"].iter().any(|start| name.starts_with(start))
}

fn tidy(folder: &str) -> String {
    folder.trim_start_matches("./").trim_matches('/').trim_start_matches('.').to_owned()
}

fn value<'a>(scalars: &'a [Scalar], path: &[&str]) -> Option<&'a str> {
    scalars.iter().find(|scalar| scalar.path == path).map(|scalar| scalar.value.as_str())
}

/// The variables below a path.
fn variables(scalars: &[Scalar], path: &[&str]) -> BTreeMap<String, String> {
    let below = scalars.iter().filter_map(|scalar| match scalar.path.split_last() {
        Some((name, above)) if above == path => Some((name.clone(), scalar.value.clone())),
        _ => None,
    });
    below.filter(|(_, value)| !value.contains("${{")).collect()
}
